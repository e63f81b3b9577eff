"""When a worker may say of another that its lease ran out."""

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.jobs.witness import Witness

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
LEASE_S = 60


def beats(witness: Witness, *times: tuple[float, float]) -> list[bool]:
    """Let a witness see the database at these seconds of the wall clock and of the steady one."""
    return [witness.saw(NOON + timedelta(seconds=wall), steady) for wall, steady in times]


def test_who_saw_the_database_all_the_time_judges() -> None:
    assert beats(Witness(LEASE_S), (0, 0), (15, 15), (30, 30), (45, 45)) == [True] * 4


def test_who_was_cut_off_leaves_the_others_half_a_lease() -> None:
    assert beats(Witness(LEASE_S), (0, 0), (300, 300), (315, 315), (331, 331)) == [True, False, False, True]


@pytest.mark.parametrize("jump", [3600, -3600, 16, -16])
def test_after_a_jump_of_the_clock_those_who_live_say_so_first(jump: float) -> None:
    times = [(0, 0), (15 + jump, 15), (30 + jump, 30), (46 + jump, 46)]
    assert beats(Witness(LEASE_S), *times) == [True, False, False, True]


@pytest.mark.parametrize("drift", [5, -5])
def test_a_clock_that_is_set_right_by_little_stops_nobody(drift: float) -> None:
    assert beats(Witness(LEASE_S), (0, 0), (15 + drift, 15)) == [True, True]
