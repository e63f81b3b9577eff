"""Levels of one ROLLUP made to agree: subtotals equal the sums of what they total, by least squares. Post-processing, pure.

Every level has its own noise, so a noisy total is not the sum of its noisy parts. Where all levels count the same unscaled rows
over public keys, the exact ones do agree, and the best linear unbiased estimate that agrees follows in two passes: upwards each
group's own number is combined with the sum of its parts, weighed by variance; downwards what a group has more than its parts
is divided among them. Source: Hay, Rastogi, Miklau, Suciu, "Boosting the Accuracy of Differentially Private Histograms Through
Consistency" (2010), Theorem 3, for a tree whose levels have any fan-out and variance.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sandbox.kernel.run import Cell

Key = tuple[Cell, ...]
_GRID = 2**20
"""Weights are multiples of 1/2^20: any weight is unbiased, and the best one need be met only nearly."""


@dataclass(frozen=True)
class Level:
    """One level: its noisy numbers by group, all with noise of one variance.

    `up`: for every group, the group of the next coarser level that it is part of; empty for the coarsest.
    """

    numbers: Mapping[Key, int]
    variance: float
    up: Mapping[Key, Key]


def agreed(levels: Sequence[Level]) -> list[dict[Key, int]]:
    """Return the numbers of all levels, coarsest first, such that each is the sum of its parts.

    Args:
        levels: coarsest first; every group has equally many parts, at least one.

    Each number is within 1 of the unbiased estimate: from the top down, groups are rounded to whole numbers that keep the sum.

    """
    estimates = _upwards(levels)
    for place in range(1, len(levels)):
        _downwards(estimates[place - 1], estimates[place], levels[place].up)
    rounded = [{key: math.floor(value + Fraction(1, 2)) for key, value in estimates[0].items()}]
    for place in range(1, len(levels)):
        rounded.append(_rounded(rounded[-1], estimates[place], levels[place].up))
    return rounded


def _upwards(levels: Sequence[Level]) -> list[dict[Key, Fraction]]:
    found = [{key: Fraction(value) for key, value in levels[-1].numbers.items()}]
    variance = levels[-1].variance
    for level, finer in zip(reversed(levels[:-1]), reversed(levels[1:]), strict=True):
        sums = _sums(found[0], finer.up)
        variance *= len(finer.numbers) / len(level.numbers)
        own = Fraction(round(variance / (variance + level.variance) * _GRID), _GRID)
        found.insert(0, {key: own * value + (1 - own) * sums[key] for key, value in level.numbers.items()})
        variance = variance * level.variance / (variance + level.variance)
    return found


def _downwards(coarse: Mapping[Key, Fraction], fine: dict[Key, Fraction], up: Mapping[Key, Key]) -> None:
    """Parts of one group have equal variances, so each takes an equal share of what is left."""
    sums = _sums(fine, up)
    parts = len(fine) // len(coarse)
    for key in fine:
        fine[key] += (coarse[up[key]] - sums[up[key]]) / parts


def _sums(fine: Mapping[Key, Fraction], up: Mapping[Key, Key]) -> dict[Key, Fraction]:
    sums: dict[Key, Fraction] = {}
    for key, value in fine.items():
        sums[up[key]] = sums.get(up[key], Fraction(0)) + value
    return sums


def _rounded(coarse: Mapping[Key, int], fine: Mapping[Key, Fraction], up: Mapping[Key, Key]) -> dict[Key, int]:
    """Round down, and up where the fraction is largest, until the parts of each group sum to it."""
    floors = {key: math.floor(value) for key, value in fine.items()}
    left = dict(coarse)
    for key, value in floors.items():
        left[up[key]] -= value
    for key in sorted(fine, key=lambda key: floors[key] - fine[key]):  # stable: equal fractions go by the order of groups
        if left[up[key]] > 0:
            floors[key] += 1
            left[up[key]] -= 1
    return floors
