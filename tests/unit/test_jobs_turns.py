"""Whose turn it is, as values."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.jobs.model import Line, OwnJob, QueuePlace, Wish
from sandbox.jobs.turns import HEAD_START_S, next_line, place_of, places, start_by

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def line(operator: str, active: int = 0, turn: int = 0, place: str = "2026") -> Line:
    return Line(operator, active, turn, place, f"job-{operator}")


@pytest.mark.parametrize(
    ("lines", "most", "chosen"),
    [
        ([], 0, None),
        ([line("a", 1), line("b", 0, 9, "2027")], 0, "b"),  # fewest held, however lately served
        ([line("a", 1, 5), line("b", 1, 4, "2027")], 0, "b"),  # served least recently
        ([line("a", 0, 0, "2027"), line("b", 0, 0, "2026")], 0, "b"),  # waited longest
        ([line("a", 2), line("b", 3)], 2, None),  # at their quota
        ([line("a", 2), line("b", 1, 9)], 2, "b"),
    ],
)
def test_the_operator_with_the_least_comes_first(lines: list[Line], most: int, chosen: str | None) -> None:
    found = next_line(lines, most)
    assert (None if found is None else found.operator) == chosen


@given(st.integers(1, 6), st.integers(1, 40))
def test_with_jobs_enough_every_operator_gets_its_share(operators: int, slots: int) -> None:
    """However many jobs each has, held jobs never differ by more than one."""
    held = {str(number): 0 for number in range(operators)}
    turn = dict.fromkeys(held, 0)
    for number in range(slots):
        chosen = next_line([line(name, held[name], turn[name]) for name in held], 0)
        held[chosen.operator] += 1
        turn[chosen.operator] = number + 1
    assert max(held.values()) - min(held.values()) <= 1


def test_priority_moves_a_place_by_a_bounded_time_and_so_starves_nobody() -> None:
    assert place_of(NOON, "high") < place_of(NOON, "normal") < place_of(NOON, "low")
    most = HEAD_START_S["high"] - HEAD_START_S["low"]
    assert place_of(NOON, "low") < place_of(NOON + timedelta(seconds=most + 1), "high")


def test_waiting_ends_at_the_earlier_of_both_bounds() -> None:
    assert start_by(NOON, None, 60) == start_by(NOON, 61, 60) == NOON + timedelta(seconds=60)
    assert start_by(NOON, 5, 60) == NOON + timedelta(seconds=5)


def test_a_wish_left_out_is_the_same_request() -> None:
    assert Wish().as_json() == {} == Wish("normal", None).as_json()
    assert Wish("low", 5).as_json() == {"priority": "low", "deadline_s": 5}


def test_the_estimate_is_a_sum_of_classes_over_slots() -> None:
    def after(seconds: int) -> datetime:
        return NOON + timedelta(seconds=seconds)

    own = [OwnJob("r", 5, NOON), OwnJob("a", 1, None), OwnJob("b", 30, None), OwnJob("c", 1, None)]
    assert places(own, NOON, 1, 1) == {
        "a": QueuePlace(0, after(5)),
        "b": QueuePlace(1, after(6)),
        "c": QueuePlace(2, after(36)),
    }
    assert [found.estimated_start for found in places(own, NOON, 1, 2).values()] == [NOON, after(1), after(5)]
    assert [found.estimated_start for found in places(own[1:], NOON, 10, 1).values()] == [NOON, after(10), after(40)]


def test_more_runs_than_slots_leave_no_slot_before_enough_of_them_end() -> None:
    own = [OwnJob("x", 1, NOON), OwnJob("y", 5, NOON), OwnJob("z", 30, NOON), OwnJob("a", 1, None)]
    assert places(own, NOON, 1, 2)["a"].estimated_start == NOON + timedelta(seconds=5)
