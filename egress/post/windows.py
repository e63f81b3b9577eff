"""Window functions over one ordered partition of released rows. Pure."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from egress.post.totals import FRAMED, framed
from egress.post.values import Value
from policies.tree import Frame, Window

Keys = Sequence[tuple[Value, ...]]
"""The values of the ORDER BY terms of each row, in order; rows with equal keys are peers."""


def window_values(window: Window, keys: Keys, arguments: Sequence[Sequence[Value]]) -> list[Value]:
    """Return the window function's value for each row of an ordered partition.

    Args:
        window: function, order and frame.
        keys: one per row.
        arguments: each argument's values, one per row.

    """
    ranking = _RANKINGS.get(window.function)
    if ranking is not None:
        return ranking(_starts(keys), keys, arguments)
    if window.function in {"lag", "lead"}:
        return _shifted(window.function, arguments, len(keys))
    frames = _frames(window, keys)
    values: Sequence[Value] = arguments[0] if arguments else [True] * len(keys)
    if window.function in {"first_value", "last_value"}:
        first = window.function == "first_value"
        return [values[low if first else high - 1] if low < high else None for low, high in frames]
    return framed(window.function, values, [(low, max(low, high)) for low, high in frames])


def _starts(keys: Keys) -> list[int]:
    """Return for each row the place of its first peer."""
    starts: list[int] = []
    for place, key in enumerate(keys):
        starts.append(starts[-1] if place and keys[place - 1] == key else place)
    return starts


def _ends(keys: Keys) -> list[int]:
    """Return for each row the place behind its last peer."""
    ends = [len(keys)] * len(keys)
    for place in range(len(keys) - 2, -1, -1):
        ends[place] = ends[place + 1] if keys[place] == keys[place + 1] else place + 1
    return ends


def _frames(window: Window, keys: Keys) -> list[tuple[int, int]]:
    """Return [low, high) of each row's frame; the default reaches from the first row to the last peer."""
    size = len(keys)
    if window.frame is None:
        return [(0, size)] * size if not window.order else [(0, end) for end in _ends(keys)]
    return [_bounded(window.frame, place, size) for place in range(size)]


def _bounded(frame: Frame, place: int, size: int) -> tuple[int, int]:
    low = 0 if frame.start is None else max(0, place + frame.start)
    high = size if frame.end is None else max(0, min(size, place + frame.end + 1))
    return min(low, size), high


def _shifted(function: str, arguments: Sequence[Sequence[Value]], size: int) -> list[Value]:
    away: Any = arguments[1][0] if len(arguments) > 1 and size else 1
    step = -away if function == "lag" else away
    found: list[Value] = []
    for place in range(size):
        other = place + step
        found.append(arguments[0][other] if 0 <= other < size else arguments[2][place] if len(arguments) > 2 else None)
    return found


def _dense(starts: Sequence[int], _keys: Keys, _arguments: object) -> list[Value]:
    ranks: list[Value] = []
    rank = 0
    for place, start in enumerate(starts):
        rank += start == place
        ranks.append(rank)
    return ranks


def _ntile(starts: Sequence[int], _keys: Keys, arguments: Sequence[Sequence[Any]]) -> list[Value]:
    """Source: ISO/IEC 9075-2, <ntile function>: the first buckets hold one row more where they do not come out even."""
    size = len(starts)
    buckets = int(arguments[0][0]) if size else 1
    if buckets < 1:
        return [None] * size
    least, more = divmod(size, buckets)
    edge = more * (least + 1)
    return [place // (least + 1) + 1 if place < edge else more + (place - edge) // least + 1 for place in range(size)]


_RANKINGS: Mapping[str, Callable[[Sequence[int], Keys, Any], list[Value]]] = {
    "row_number": lambda starts, _keys, _arguments: list(range(1, len(starts) + 1)),
    "rank": lambda starts, _keys, _arguments: [start + 1 for start in starts],
    "dense_rank": _dense,
    "percent_rank": lambda starts, _keys, _arguments: [
        Fraction(start, len(starts) - 1) if len(starts) > 1 else 0 for start in starts
    ],
    "cume_dist": lambda _starts, keys, _arguments: [Fraction(end, len(keys)) for end in _ends(keys)],
    "ntile": _ntile,
}

WINDOW_FUNCTIONS = frozenset(_RANKINGS) | {"lag", "lead", "first_value", "last_value"} | FRAMED
"""Every window function that a tree may hold."""
