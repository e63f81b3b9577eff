"""Date functions of columns. Every date that reaches a query lies within the calendar of `policies.query`."""

import re
from collections.abc import Mapping
from datetime import date
from typing import cast

from sqlglot import exp

from policies.engine import engine_text as sql
from policies.findings import Refusal, finding
from policies.query import DATE_CEILING, DATE_FLOOR
from policies.rows.constants import of_date
from policies.rows.dates import finer, first_day, months_later, periods
from policies.rows.meeting import column_of
from policies.rows.terms import Grain, Term, mix, whole_steps
from policies.rows.text_functions import require

_PARTS: Mapping[str, tuple[int, int]] = {"quarter": (1, 4), "month": (1, 12), "day": (1, 31), "isodow": (1, 7)}
_MONTHS: Mapping[str, int] = {"month": 1, "quarter": 3, "year": 12}
_DAYS: Mapping[str, int] = {"day": 1, "week": 7}
_MOST_SHIFT = 10_000


def truncate(term: Term, node: exp.Expr) -> Term:
    """Total: every date that reaches a query lies in 1900-2200."""
    require(term, "date")
    unit = _unit(node)
    check_grain(unit, term)
    if unit == term.grain:
        return term
    dates = None if term.dates is None else (first_day(term.dates[0], unit), first_day(term.dates[1], unit))
    domain = periods(dates, unit) if dates is not None else None
    text = f"CAST(date_trunc('{unit}', {term.sql}) AS DATE)"
    return mix([term]).term(text, "date", nullable=term.nullable, dates=dates, grain=unit, domain=domain)


def _unit(node: exp.Expr) -> Grain:
    unit = str(node.args["unit"].name).lower()
    if unit not in {"day", "month", "quarter", "year"}:
        raise Refusal(finding("ARGUMENT_NOT_LITERAL", obj=unit[:20]))
    return cast("Grain", unit)


def check_grain(unit: Grain, term: Term) -> None:
    """Hold a part or period to the granted coarsening.

    Raises:
        Refusal: PART_FINER_THAN_GRANTED.

    """
    if finer(unit, term.grain):
        raise Refusal(finding("PART_FINER_THAN_GRANTED", obj=column_of(term)))


def part(term: Term, name: str) -> Term:
    """Total: every date that reaches a query lies in 1900-2200, and its parts are small whole numbers."""
    require(term, "date")
    if name not in {"year", *_PARTS}:
        raise Refusal(finding("ARGUMENT_NOT_LITERAL", obj=name[:20]))
    check_grain("day" if name == "isodow" else cast("Grain", name), term)
    years = term.dates or (DATE_FLOOR, DATE_CEILING)
    low, high = (years[0].year, years[1].year) if name == "year" else _PARTS[name]
    domain = None if name == "year" and term.dates is None else tuple(range(low, high + 1))
    text = f"CAST({name}({term.sql}) AS BIGINT)"
    return mix([term]).term(text, "integer", nullable=term.nullable, number=whole_steps(low, high), domain=domain)


def shifted(term: Term, node: exp.Expr, sign: int) -> Term:
    """Total: what would leave the calendar is NULL. A whole number of days, weeks, months, quarters or years.

    Raises:
        Refusal: TYPE_MISMATCH, ARGUMENT_NOT_LITERAL.

    """
    require(term, "date")
    count, unit = _interval(node)
    months, days = sign * count * _MONTHS.get(unit, 0), sign * count * _DAYS.get(unit, 0)
    if term.literal and not term.bound and term.dates is not None:
        return _constant(months_later(term.dates[0], months, days))
    bounds = term.dates or (DATE_FLOOR, DATE_CEILING)
    ends = [months_later(end, months, days) for end in bounds]
    low, high = ends[0] or DATE_FLOOR, ends[1] or DATE_CEILING
    step = f"{months} months" if unit in _MONTHS else f"{days} days"
    text = sql.within(f"CAST({term.sql} + INTERVAL '{step}' AS DATE)", sql.day(DATE_FLOOR), sql.day(DATE_CEILING))
    maybe = term.nullable or None in ends
    dates = (min(low, high), max(low, high)) if term.dates is not None else None
    return mix([term]).term(f"({text})", "date", nullable=maybe, dates=dates, grain=_kept(term.grain, months, days))


def _kept(grain: Grain, months: int, days: int) -> Grain:
    """A coarse date stays at the first day of a period only where it moves by whole periods."""
    size = {"month": 1, "quarter": 3, "year": 12}.get(grain)
    return grain if size is not None and not days and months % size == 0 else "day"


def _constant(value: date | None) -> Term:
    if value is None:
        raise Refusal(finding("LITERAL_INVALID"))
    return of_date(value)


def _interval(node: exp.Expr) -> tuple[int, str]:
    value, unit = node.this, node.args.get("unit")
    text = str(value.unnest().this) if isinstance(value.unnest(), exp.Literal) else ""
    name = str(unit.name).lower() if unit is not None else ""
    if not name and (found := re.fullmatch(r"(\d+)\s+([a-z]+)", text.lower())):
        text, name = found[1], found[2]
    name = name.removesuffix("s")
    if not re.fullmatch(r"\d{1,5}", text) or int(text) > _MOST_SHIFT or name not in _MONTHS.keys() | _DAYS.keys():
        raise Refusal(finding("ARGUMENT_NOT_LITERAL"))
    return int(text), name


def difference(start: Term, end: Term, node: exp.Expr) -> Term:
    """Total: the number of borders of a period between two dates of the calendar.

    Raises:
        Refusal: TYPE_MISMATCH, PART_FINER_THAN_GRANTED, ARGUMENT_NOT_LITERAL.

    """
    require(start, "date")
    require(end, "date")
    unit = _unit(node)
    check_grain(unit, start)
    check_grain(unit, end)
    firsts, lasts = (item.dates or (DATE_FLOOR, DATE_CEILING) for item in (start, end))
    low, high = _borders(firsts[1], lasts[0], unit), _borders(firsts[0], lasts[1], unit)
    text = f"CAST(date_diff('{unit}', {start.sql}, {end.sql}) AS BIGINT)"
    known = start.dates is not None and end.dates is not None
    domain = tuple(range(low, high + 1)) if known and high - low < 1_000 else None
    number = whole_steps(low, high)
    return mix([start, end]).term(text, "integer", nullable=start.nullable or end.nullable, number=number, domain=domain)


def _borders(start: date, end: date, unit: Grain) -> int:
    if unit == "day":
        return (end - start).days
    months = [item.year * 12 + item.month - 1 for item in (start, end)]
    return months[1] // _MONTHS[unit] - months[0] // _MONTHS[unit]
