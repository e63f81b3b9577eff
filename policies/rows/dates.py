"""Public calendars: the periods that a bounded date may fall in, and which part of a date is coarser than which."""

from datetime import date, timedelta

from policies.query import DATE_CEILING, DATE_FLOOR
from policies.rows.terms import Grain

GRAINS: tuple[Grain, ...] = ("day", "month", "quarter", "year")


def first_day(value: date, grain: Grain) -> date:
    """Return the first day of the period of `value`."""
    if grain == "year":
        return value.replace(month=1, day=1)
    if grain == "quarter":
        return value.replace(month=3 * ((value.month - 1) // 3) + 1, day=1)
    return value.replace(day=1) if grain == "month" else value


def months_later(value: date, months: int, days: int) -> date | None:
    """Return a date so many months and days later, at the last day of a shorter month; None beyond the calendar of queries."""
    whole = value.year * 12 + value.month - 1 + months
    year, month = divmod(whole, 12)
    if not 1 <= year <= 9998:
        return None
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    try:
        moved = date(year, month + 1, min(value.day, last)) + timedelta(days=days)
    except OverflowError:
        return None
    return moved if DATE_FLOOR <= moved <= DATE_CEILING else None


def finer(asked: Grain, given: Grain) -> bool:
    """Return whether `asked` would show more than `given`."""
    return GRAINS.index(asked) < GRAINS.index(given)


def periods(bounds: tuple[date, date], grain: Grain) -> tuple[date, ...] | None:
    """Return the first days of all periods that meet the bounds, or None for single days."""
    if grain == "day":
        return None
    months = {"month": 1, "quarter": 3, "year": 12}[grain]
    start, end = first_day(bounds[0], grain), first_day(bounds[1], grain)
    first, last = start.year * 12 + start.month - 1, end.year * 12 + end.month - 1
    return tuple(date(index // 12, index % 12 + 1, 1) for index in range(first, last + 1, months))
