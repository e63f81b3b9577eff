"""Levels of one ROLLUP or CUBE made to agree: subtotals equal the sums of what they total, by least squares after noise. Pure.

Every level has its own noise, so a noisy total is not the sum of its noisy parts. Where all levels count the same unscaled rows
over public keys, the exact ones do agree, and there is a best linear unbiased estimate that agrees. A complete table splits into
effects: one for each set T of keys, what the values of T add to all that fewer keys say. Each level that groups by T and
more gives a noisy effect T; their noises are independent and of one shape, so the best estimate of the effect is their mean,
weighed by variance, and the tables put together again from all effects are the least-squares ones.
Whole numbers come last. Where every level's keys are the first of the finest's, as under ROLLUP, groups are rounded from the top
down and keep the sum. Else running sums of the finest along all its keys are rounded, and their differences are its groups: a sum
over the whole of some keys is then made of few rounded numbers, however many groups it totals.
Source: the analysis of variance of a complete table, Scheffé, "The Analysis of Variance" (1959), chapter 4; consistency by least
squares, Hay, Rastogi, Miklau, Suciu (2010), and Barak, Chaudhuri, Dwork, Kale, McSherry, Talwar (2007) for margins.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, product

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
    """Return the numbers of all levels such that each is the sum of its parts, within `moved` of the unbiased estimate.

    Args:
        levels: of different sets of keys, one of which, the finest, has the keys of all.

    """
    finest = max(levels, key=lambda level: len(level.names))
    table = _Table(_sizes(finest))
    margins = [
        {names: _margin(level.names, level.numbers, names) for names in _subsets(finest.names) if set(names) <= set(level.names)}
        for level in levels
    ]
    effects = {names: _effect(table, levels, margins, names) for names in _subsets(finest.names)}
    if not _nested([level.names for level in levels]):
        cells = _rounded_sums(table, _estimate(table, effects, finest.names))
        return [_margin(finest.names, cells, level.names) for level in levels]
    known = {level.names for level in levels}
    rounded: dict[Names, dict[Key, int]] = {}
    for names in (finest.names[:size] for size in range(len(finest.names) + 1) if finest.names[:size] in known):
        coarser = next(reversed(rounded), None)
        above = None if coarser is None else (coarser, rounded[coarser])
        rounded[names] = _rounded(table, _estimate(table, effects, names), above)
    return [rounded[level.names] for level in levels]


def moved(sets: Sequence[Names]) -> list[int]:
    """Return by how much rounding to whole numbers may move a number of each level off its estimate.

    A number by k keys is a sum, with signs, of 2^k rounded running sums, each at most 1/2 off.
    """
    return [1 if _nested(sets) else max(1, 2 ** len(names) // 2) for names in sets]


def combined(sizes: Mapping[str, int], variances: Mapping[Names, float]) -> dict[Names, float]:
    """Return the variance of the estimates of each level, before rounding; the grid of weights is accounted for.

    Args:
        sizes: how many values each key has.
        variances: of the noise of every level; one level has the keys of all.

    An effect of T has the variance of a mean group by T, times (1 - 1/n) for each key of n values: it is a projection.
    """
    table = _Table(sizes)
    levels = [Level(names, {}, variance) for names, variance in variances.items()]
    of_effect: dict[Names, float] = {}
    for names in _subsets(table.names):
        precisions = [_precision(table, level, names) for level in levels if set(names) <= set(level.names)]
        mean = sum((share / _GRID) ** 2 / one for share, one in zip(_shares(precisions), precisions, strict=True))
        of_effect[names] = mean * math.prod(1 - 1 / sizes[name] for name in names)
    return {
        names: table.count([name for name in table.names if name not in names]) ** 2
        * sum(of_effect[own] for own in _subsets(names))
        for names in variances
    }


def _nested(sets: Sequence[Names]) -> bool:
    finest = max(sets, key=len)
    return all(finest[: len(names)] == names for names in sets)


def _sizes(finest: Level) -> dict[str, int]:
    return {name: len({key[place] for key in finest.numbers}) for place, name in enumerate(finest.names)}


class _Table:
    """How many groups there are by any set of keys, and the common denominator of all estimates."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.sizes, self.names = sizes, tuple(sizes)
        self.whole = self.count(self.names) * _GRID

    def nearest(self, value: int) -> int:
        return (2 * value + self.whole) // (2 * self.whole)

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
        return {key: table.nearest(value) for key, value in estimate.items()}
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


def _rounded_sums(table: _Table, estimate: Mapping[Key, int]) -> dict[Key, int]:
    """Round the running sums along all keys, and take differences again."""
    axes = [list(dict.fromkeys(column)) for column in zip(*estimate, strict=True)]
    keys = list(product(*axes))
    numbers = [estimate[key] for key in keys]
    steps = [(math.prod(map(len, axes[place + 1 :])), len(axis)) for place, axis in enumerate(axes)]
    for step, size in steps:
        for place in range(len(numbers)):
            numbers[place] += numbers[place - step] if place // step % size else 0
    numbers = [table.nearest(number) for number in numbers]
    for step, size in steps:
        for place in reversed(range(len(numbers))):
            numbers[place] -= numbers[place - step] if place // step % size else 0
    return dict(zip(keys, numbers, strict=True))


def _margin(names: Names, numbers: Mapping[Key, int], fewer: Names) -> dict[Key, int]:
    """Sum over all keys but `fewer`."""
    picked = [names.index(name) for name in fewer]
    sums: dict[Key, int] = {}
    for key, value in numbers.items():
        part = tuple(key[place] for place in picked)
        sums[part] = sums.get(part, 0) + value
    return sums
