"""Aggregates of released values. Pure."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Any

from egress.post.values import FINEST, Value, number

_FINEST_UNIT = 10**300
"""The common unit of the numbers of a sum may be as fine."""


def total(function: str, values: Sequence[Value], *, distinct: bool = False) -> Value:
    """Return count, sum, avg, min, max or median of those values that are not NULL; NULL of none but for the count.

    Raises:
        KeyError: there is no such aggregate.

    """
    known: list[Any] = [value for value in values if value is not None]
    if distinct:
        known = list(dict.fromkeys(known))
    if function == "count":
        return len(known)
    return _OF_SOME[function](known) if known else None


def framed(function: str, values: Sequence[Value], frames: Sequence[tuple[int, int]]) -> list[Value]:
    """Return the aggregate of `values[low:high]` for each frame, in one pass: neither end of a frame ever moves back.

    Raises:
        KeyError: there is no such aggregate over frames.

    """
    if function in {"min", "max"}:
        return _extremes(values, frames, min if function == "min" else max)
    counts = list(accumulate((value is not None for value in values), initial=0))
    sizes = [counts[high] - counts[low] for low, high in frames]
    if function == "count":
        return list(sizes)
    mean = {"sum": False, "avg": True}[function]
    whole, unit = _in_units([0 if value is None else value for value in values])
    sums = list(accumulate(whole, initial=0))
    return [
        number(Fraction(sums[high] - sums[low], unit * (size if mean else 1))) if size else None
        for (low, high), size in zip(frames, sizes, strict=True)
    ]


def _extremes(values: Sequence[Any], frames: Sequence[tuple[int, int]], choose: Callable[[Any, Any], Any]) -> list[Value]:
    """Keep the places that may still be chosen: each beats all behind it, so that the first in the frame is the one."""
    kept: deque[int] = deque()
    found: list[Value] = []
    seen = 0
    for low, high in frames:
        for place in range(seen, high):
            if values[place] is None:
                continue
            while kept and choose(values[kept[-1]], values[place]) == values[place]:
                kept.pop()
            kept.append(place)
        seen = max(seen, high)
        while kept and kept[0] < low:
            kept.popleft()
        found.append(values[kept[0]] if kept and kept[0] < high else None)
    return found


def _in_units(values: Sequence[Any]) -> tuple[list[int], int]:
    """Return numbers as whole multiples of one over a common unit: exactly, or as fine as `number` keeps them.

    Without an end to how fine the unit may be, a sum of many quotients would take any length of time.
    """
    unit = 1
    for value in values:
        unit = math.lcm(unit, value.denominator)
        if unit > _FINEST_UNIT:
            return [round(value * FINEST) for value in values], FINEST
    return [value.numerator * (unit // value.denominator) for value in values], unit


def _sum(values: list[Any]) -> Value:
    whole, unit = _in_units(values)
    return number(Fraction(sum(whole), unit))


def _mean(values: list[Any]) -> Value:
    whole, unit = _in_units(values)
    return number(Fraction(sum(whole), unit * len(values)))


def _median(values: list[Any]) -> Value:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return number(ordered[middle] if len(ordered) % 2 else Fraction(ordered[middle - 1] + ordered[middle]) / 2)


_OF_SOME: dict[str, Any] = {
    "sum": _sum,
    "avg": _mean,
    "min": min,
    "max": max,
    "median": _median,
}

AGGREGATES = frozenset(_OF_SOME) | {"count"}
"""Every aggregate that a tree may hold."""

FRAMED = AGGREGATES - {"median"}
"""Those that may slide over frames."""
