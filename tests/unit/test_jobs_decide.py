from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.jobs.decide import shows_at

START = datetime(2026, 3, 1, 8, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("after_s", "class_s", "tick_s", "shown_s"),
    [
        (0.01, 2, 1, 2.75),  # the tick after the start, and one class
        (2.70, 2, 1, 2.75),
        (2.80, 2, 1, 4.75),  # over one class: the next, never in between
        (0.01, 1, 5, 9.75),  # a class is at least one tick
    ],
)
def test_an_outcome_shows_at_whole_classes_only(after_s: float, class_s: int, tick_s: int, shown_s: float) -> None:
    shown = shows_at(START, START + timedelta(seconds=after_s), class_s, tick_s)
    assert shown == START + timedelta(seconds=shown_s)


@given(st.floats(0.001, 1.9), st.floats(0.001, 1.9))
def test_two_runs_within_a_class_show_at_the_same_moment(one: float, other: float) -> None:
    moments = {shows_at(START, START + timedelta(seconds=after), 2, 1) for after in (one, other)}
    assert len(moments) == 1


@given(st.floats(0, 500), st.integers(1, 60), st.integers(1, 30))
def test_an_outcome_never_shows_before_it_exists(after_s: float, class_s: int, tick_s: int) -> None:
    now = START + timedelta(seconds=after_s)
    assert shows_at(START, now, class_s, tick_s) >= now
