"""Levels of one ROLLUP or CUBE made to agree: subtotals equal the sums of what they total, by least squares after noise. Pure.

Every level has its own noise, so a noisy total is not the sum of its noisy parts. Where all levels count the same unscaled rows
over public keys, the exact ones do agree, and there is a best linear unbiased estimate that agrees. A complete table splits into
effects: one for each set T of keys, what the values of T add to all that fewer keys say. Each level that groups by T and
more gives a noisy effect T; their noises are independent and of one shape, so the best estimate of the effect is their mean,
weighed by variance, and the tables put together again from all effects are the least-squares ones.
Source: the analysis of variance of a complete table, Scheffé, "The Analysis of Variance" (1959), chapter 4; consistency by least
squares, Hay, Rastogi, Miklau, Suciu (2010), and Barak, Chaudhuri, Dwork, Kale, McSherry, Talwar (2007) for margins.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

from sandbox.kernel.run import Cell

Key = tuple[Cell, ...]
Names = tuple[str, ...]
_GRID = 2**20
"""Weights are multiples of 1/2^20: any weight is unbiased, and the best one need be met only nearly."""


@dataclass(frozen=True)
class Level:
    """One grouping set: its keys, its noisy numbers by group (all groups are there), and the variance of their noise."""

    names: Names
    numbers: Mapping[Key, int]
    variance: float


def agreed(levels: Sequence[Level]) -> list[dict[Key, int]]:
    """Return the numbers of all levels such that each is the sum of its parts.

    Args:
        levels: of different sets of keys, one of which, the finest, has the keys of all.

    Levels whose keys are the first of the finest's are within 1 of the unbiased estimate: from the top down, groups are rounded
    to whole numbers that keep the sum. The others are sums of the finest, so within 1 for each group of it that they hold.

    """
    finest = max(levels, key=lambda level: len(level.names))
    table = _Table(finest)
    margins = [
        {names: _margin(level.names, level.numbers, names) for names in _subsets(finest.names) if set(names) <= set(level.names)}
        for level in levels
    ]
    effects = {names: _effect(table, levels, margins, names) for names in _subsets(finest.names)}
    prefixes = [finest.names[:size] for size in range(len(finest.names) + 1)]
    known = {level.names for level in levels}
    rounded: dict[Names, dict[Key, int]] = {}
    for names in (one for one in prefixes if one in known):
        estimate = _estimate(table, effects, names)
        coarser = next(reversed(rounded), None)
        rounded[names] = _rounded(table, estimate, None if coarser is None else (coarser, rounded[coarser]))
    return [rounded.get(level.names) or _margin(finest.names, rounded[finest.names], level.names) for level in levels]


class _Table:
    """How many groups there are by any set of keys, and the common denominator of all estimates."""

    def __init__(self, finest: Level) -> None:
        places = range(len(finest.names))
        self.sizes = {finest.names[place]: len({key[place] for key in finest.numbers}) for place in places}
        self.names = finest.names
        self.whole = self.count(finest.names) * _GRID

    def count(self, names: Sequence[str]) -> int:
        return math.prod(self.sizes[name] for name in names)


def _subsets(names: Names) -> Iterator[Names]:
    return chain.from_iterable(combinations(names, size) for size in range(len(names) + 1))


def _effect(
    table: _Table, levels: Sequence[Level], margins: Sequence[Mapping[Names, Mapping[Key, int]]], names: Names
) -> dict[Key, int]:
    """Return what the values of `names` together add to a mean group, in units of 1/`table.whole`."""
    sources = [(level, sums) for level, sums in zip(levels, margins, strict=True) if names in sums]
    shares = _shares([_precision(table, level, names) for level, _ in sources])
    found = dict.fromkeys(sources[0][1][names], 0)
    for fewer in _subsets(names):
        sign = (-1) ** (len(names) - len(fewer)) * table.count(fewer)
        pairs = [(share, sums[fewer]) for share, (_, sums) in zip(shares, sources, strict=True)]
        mean = {key: sum(share * sums[key] for share, sums in pairs) for key in pairs[0][1]}
        picked = [names.index(name) for name in fewer]
        for key in found:
            found[key] += sign * mean[tuple(key[place] for place in picked)]
    return found


def _precision(table: _Table, level: Level, names: Names) -> float:
    """One over the variance of the effect as this level gives it, up to a factor that all levels share."""
    averaged = table.count([name for name in level.names if name not in names])
    summed = table.count([name for name in table.names if name not in level.names])
    return averaged * summed**2 / level.variance


def _shares(precisions: Sequence[float]) -> list[int]:
    """Divide the grid in proportion; the largest takes what rounding leaves, so that the shares add up."""
    shares = [round(one / sum(precisions) * _GRID) for one in precisions]
    shares[shares.index(max(shares))] += _GRID - sum(shares)
    return shares


def _estimate(table: _Table, effects: Mapping[Names, Mapping[Key, int]], names: Names) -> dict[Key, int]:
    """Put a level together from its effects, in units of 1/`table.whole`."""
    parts = table.count([name for name in table.names if name not in names])
    keys = effects[names]
    found = dict.fromkeys(keys, 0)
    for fewer in _subsets(names):
        picked = [names.index(name) for name in fewer]
        for key in keys:
            found[key] += parts * effects[fewer][tuple(key[place] for place in picked)]
    return found


def _rounded(table: _Table, estimate: Mapping[Key, int], above: tuple[Names, Mapping[Key, int]] | None) -> dict[Key, int]:
    """Round down, and up where the fraction is largest, until the parts of each group sum to it."""
    if above is None:
        return {key: (2 * value + table.whole) // (2 * table.whole) for key, value in estimate.items()}
    coarser, totals = above
    floors = {key: value // table.whole for key, value in estimate.items()}
    left = dict(totals)
    for key, value in floors.items():
        left[key[: len(coarser)]] -= value
    for key in sorted(estimate, key=lambda key: -(estimate[key] % table.whole)):  # stable: equal ones in the order of groups
        if left[key[: len(coarser)]] > 0:
            floors[key] += 1
            left[key[: len(coarser)]] -= 1
    return floors


def _margin(names: Names, numbers: Mapping[Key, int], fewer: Names) -> dict[Key, int]:
    """Sum over all keys but `fewer`."""
    picked = [names.index(name) for name in fewer]
    sums: dict[Key, int] = {}
    for key, value in numbers.items():
        part = tuple(key[place] for place in picked)
        sums[part] = sums.get(part, 0) + value
    return sums
