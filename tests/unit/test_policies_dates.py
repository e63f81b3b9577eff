"""Public calendars."""

from datetime import date

from policies.rows.dates import first_day
from policies.rows.terms import Grain


def test_first_days() -> None:
    grains: tuple[Grain, ...] = ("year", "quarter", "month", "day")
    day = date(2025, 8, 20)
    assert [first_day(day, grain) for grain in grains] == [date(2025, 1, 1), date(2025, 7, 1), date(2025, 8, 1), day]
