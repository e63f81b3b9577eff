"""Aggregates and window functions of released values: NULL is passed over, peers count together, frames are those of the standard."""

import math
from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress.post.evaluate import Evaluator
from egress.post.totals import AGGREGATES, FRAMED, _in_units, framed, total
from egress.post.values import FINEST, Value, number
from egress.post.windows import WINDOW_FUNCTIONS, window_values
from policies.tree import Const, CoreRows, Frame, Order, Ref, Window, Windowed

DAY = date(2024, 2, 29)


@pytest.mark.parametrize(
    ("function", "items", "found"),
    [
        ("count", [1, None, 1], 2), ("sum", [1, None, Fraction(1, 2)], Fraction(3, 2)), ("avg", [1, 2, None], Fraction(3, 2)), ("avg", [1, 1, 2], Fraction(4, 3)),
        ("min", [3, None, Fraction(1, 2)], Fraction(1, 2)), ("max", ["a", "张", "Z"], "张"), ("max", [DAY, None], DAY), ("median", [5, 1, None, 3], 3),
        ("median", [4, 1], Fraction(5, 2)), ("median", [7], 7), ("min", [True, False], False),
    ],
)  # fmt: skip
def test_aggregates_pass_over_null(function: str, items: list[Value], found: Value) -> None:
    assert total(function, items) == found


@pytest.mark.parametrize("items", [[], [None], [None, None]])
def test_aggregates_of_nothing_are_null_but_for_the_count(items: list[Value]) -> None:
    assert {function: total(function, items) for function in AGGREGATES} == dict.fromkeys(AGGREGATES - {"count"}) | {"count": 0}
    for function in FRAMED:
        assert framed(function, items, [(0, len(items))]) == [0 if function == "count" else None]


def test_distinct_values_are_taken_once() -> None:
    items = [2, 1, 2, Fraction(4, 2), None, None]
    assert {function: total(function, items, distinct=True) for function in ("count", "sum", "avg")} == {
        "count": 2, "sum": 3, "avg": Fraction(3, 2),
    }  # fmt: skip


NUMBERS = (
    st.none() | st.integers(-(10**20), 10**20) | st.fractions(max_denominator=10**30) | st.fractions(-9, 9, max_denominator=9)
)
FRAMES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12)


@given(st.lists(NUMBERS, max_size=12), FRAMES, st.sampled_from(sorted(FRAMED)))
def test_frames_that_slide_give_what_each_frame_gives_alone(
    items: list[Value], steps: list[tuple[int, int]], function: str
) -> None:
    low = high = 0
    frames = []
    for down, up in steps:
        low = min(low + down, len(items))
        high = min(max(high + up, low), len(items))
        frames.append((low, high))
    alone = [total(function, items[low:high]) for low, high in frames]
    for one, other in zip(framed(function, items, frames), alone, strict=True):
        assert (one is None) == (other is None)
        assert one is None or abs(one - other) <= Fraction(len(items), 10**30)


def test_a_sum_of_quotients_is_exact_until_their_common_unit_is_too_fine() -> None:
    """Thousands of unlike quotients have a common unit of as many digits, and each addition would take longer than the last."""
    assert total("sum", [Fraction(1, 3)] * 3) == 1
    assert total("sum", [Fraction(1, n) for n in range(1, 100)]) == number(sum(Fraction(1, n) for n in range(1, 100)))
    assert _in_units([Fraction(1, n) for n in range(1, 100)])[1] == math.lcm(*range(1, 100))
    unlike = [Fraction(n, 10**29 + n * n + 1) for n in range(1, 500)]
    whole, unit = _in_units(unlike)
    assert unit == FINEST
    assert abs(Fraction(sum(whole), unit) - sum(unlike)) < Fraction(500, 10**30)


# window functions

ORDERED = (Order(Ref("n"), descending=False, nulls_first=False),)
NAMES = ("a", "b", "c", "d", "e")
NUMBERED = (1, 2, 2, 3, None)


def over(function: str, *arguments: Any, order: tuple[Order, ...] = ORDERED, frame: Frame | None = None) -> list[Value]:
    """Return a window function's values over five rows with the numbers 1, 2, 2, 3 and NULL."""
    window = Window("w", function, arguments, (), order, frame)
    rows = [{"s": name, "n": value} for name, value in zip(NAMES, NUMBERED, strict=True)]
    return [row["w"] for row in Evaluator({"c0": rows}).rows(Windowed(CoreRows("c0"), (window,)))]


FIFTH, QUARTER = Fraction(1, 5), Fraction(1, 4)


@pytest.mark.parametrize(
    ("function", "arguments", "found"),
    [
        ("row_number", (), [1, 2, 3, 4, 5]),
        ("rank", (), [1, 2, 2, 4, 5]),
        ("dense_rank", (), [1, 2, 2, 3, 4]),
        ("percent_rank", (), [0, QUARTER, QUARTER, 3 * QUARTER, 1]),
        ("cume_dist", (), [FIFTH, 3 * FIFTH, 3 * FIFTH, 4 * FIFTH, 1]),
        ("ntile", (Const(1),), [1, 1, 1, 1, 1]),
        ("ntile", (Const(2),), [1, 1, 1, 2, 2]),
        ("ntile", (Const(3),), [1, 1, 2, 2, 3]),
        ("ntile", (Const(5),), [1, 2, 3, 4, 5]),
        ("ntile", (Const(9),), [1, 2, 3, 4, 5]),
        ("ntile", (Const(0),), [None] * 5),
        ("lag", (Ref("s"),), [None, "a", "b", "c", "d"]),
        ("lag", (Ref("s"), Const(2)), [None, None, "a", "b", "c"]),
        ("lag", (Ref("s"), Const(1), Const("x")), ["x", "a", "b", "c", "d"]),
        ("lag", (Ref("s"), Const(0)), ["a", "b", "c", "d", "e"]),
        ("lead", (Ref("s"),), ["b", "c", "d", "e", None]),
        ("lead", (Ref("s"), Const(3), Ref("s")), ["d", "e", "c", "d", "e"]),
        ("lead", (Ref("n"), Const(9)), [None] * 5),
        ("lag", (Ref("n"), Const(1), Const(0)), [0, 1, 2, 2, 3]),
        ("first_value", (Ref("s"),), ["a"] * 5),
        ("last_value", (Ref("s"),), ["a", "c", "c", "d", "e"]),
        ("count", (), [1, 3, 3, 4, 5]),
        ("count", (Ref("n"),), [1, 3, 3, 4, 4]),
        ("sum", (Ref("n"),), [1, 5, 5, 8, 8]),
        ("avg", (Ref("n"),), [1, Fraction(5, 3), Fraction(5, 3), 2, 2]),
        ("min", (Ref("n"),), [1, 1, 1, 1, 1]),
        ("max", (Ref("n"),), [1, 2, 2, 3, 3]),
    ],
)
def test_a_window_function_over_an_order_with_ties_and_null(function: str, arguments: Sequence[Any], found: list[Value]) -> None:
    assert over(function, *arguments) == found


def test_every_window_function_is_tried_above() -> None:
    (marked,) = test_a_window_function_over_an_order_with_ties_and_null.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for case in marked.args[1]} == WINDOW_FUNCTIONS


@pytest.mark.parametrize(
    ("function", "found"), [("count", 5), ("sum", None), ("first_value", "a"), ("last_value", "e"), ("min", "a"), ("max", "e")]
)
def test_without_an_order_every_row_sees_all_rows(function: str, found: Value) -> None:
    if function == "sum":
        assert over("sum", Ref("n"), order=()) == [8] * 5
    else:
        assert over(function, Ref("s"), order=()) == [found] * 5


def test_rows_stand_at_their_own_place_whatever_the_order_of_the_window() -> None:
    down = (Order(Ref("n"), descending=True, nulls_first=True),)
    assert over("row_number", order=down) == [5, 3, 4, 2, 1]
    assert over("rank", order=down) == [5, 3, 3, 2, 1]
    assert over("sum", Ref("n"), order=down) == [8, 7, 7, 3, None]


def test_partitions_are_windows_of_their_own_and_null_is_one_partition() -> None:
    rows = [{"g": group, "n": value} for group, value in (("x", 3), (None, 1), ("x", 1), ("y", 5), (None, 2))]
    windows = (
        Window("place", "row_number", (), (Ref("g"),), ORDERED, None),
        Window("whole", "sum", (Ref("n"),), (Ref("g"),), (), None),
    )
    found = Evaluator({"c0": rows}).rows(Windowed(CoreRows("c0"), windows))
    assert [(row["place"], row["whole"]) for row in found] == [(2, 4), (1, 3), (1, 4), (1, 5), (2, 3)]
    assert all("place" not in row for row in rows), "what was released is not changed"


def test_no_rows_have_no_window() -> None:
    for function in WINDOW_FUNCTIONS:
        assert window_values(Window("w", function, (), (), ORDERED, None), [], [[], [], []]) == []


ENDS = (None, -2, -1, 0, 1, 2)


@pytest.mark.parametrize("start", ENDS)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("function", sorted(FRAMED | {"first_value", "last_value"}))
def test_a_frame_of_rows_holds_the_rows_between_its_ends(function: str, start: int | None, end: int | None) -> None:
    items: list[Value] = [4, None, 2, 7, 7, None, 1]
    window = Window("w", function, (Ref("n"),), (), ORDERED, Frame(start, end))
    for size in range(len(items) + 1):
        values, keys = items[:size], [(0,)] * size
        frames = [
            [
                value
                for at, value in enumerate(values)
                if (start is None or at >= place + start) and (end is None or at <= place + end)
            ]
            for place in range(size)
        ]
        wanted = [
            (frame[0 if function == "first_value" else -1] if frame else None) if "_value" in function else total(function, frame)
            for frame in frames
        ]
        assert window_values(window, keys, [values]) == wanted, size
