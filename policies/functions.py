"""Functions of one column: text, dates and casts. Each entry says why it cannot fail on any data.

Every rule takes the compiled first argument and the node, whose other arguments are literals.
"""

from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction
from typing import cast

from sqlglot import exp

from policies import constants
from policies import engine_text as sql
from policies.dates import finer, first_day, periods
from policies.findings import Refusal, finding
from policies.grant import Value
from policies.query import DATE_CEILING, DATE_FLOOR
from policies.terms import Grain, Number, Term, mix

FunctionRule = Callable[[Term, exp.Expr], Term]

_PARTS: Mapping[str, tuple[int, int]] = {"quarter": (1, 4), "month": (1, 12), "day": (1, 31)}


def _require(term: Term, kind: str) -> None:
    if term.type != kind:
        raise Refusal(finding("TYPE_MISMATCH"))


def _mapped(term: Term, change: Callable[[str], str]) -> tuple[Value, ...] | None:
    """Return the domain after a text function, or None where our reading could differ from the engine's.

    Letter case beyond ASCII differs between libraries; Han characters have none.
    """
    if term.domain is None or not all(_caseless_or_ascii(str(value)) for value in term.domain):
        return None
    return tuple(dict.fromkeys(change(str(value)) for value in term.domain))


def _caseless_or_ascii(value: str) -> bool:
    return all(char.isascii() or char.lower() == char.upper() for char in value)


def _upper(term: Term, _node: exp.Expr) -> Term:
    """Total: letter case is defined for every text."""
    _require(term, "text")
    return mix([term]).term(sql.call("upper", term.sql), "text", nullable=term.nullable, domain=_mapped(term, str.upper))


def _lower(term: Term, _node: exp.Expr) -> Term:
    """Total: letter case is defined for every text."""
    _require(term, "text")
    return mix([term]).term(sql.call("lower", term.sql), "text", nullable=term.nullable, domain=_mapped(term, str.lower))


def _whole(node: exp.Expr | None, low: int, high: int) -> int:
    if not isinstance(node, exp.Literal) or node.is_string or not str(node.this).isdigit() or not low <= int(node.this) <= high:
        raise Refusal(finding("ARGUMENT_NOT_LITERAL"))
    return int(node.this)


def _substring(term: Term, node: exp.Expr) -> Term:
    """Total: start ≥ 1 and length ≥ 0 are literals; a place beyond the end gives the empty text."""
    start = _whole(node.args.get("start"), 1, 1000)
    length = node.args.get("length")
    return _slice(term, start, None if length is None else _whole(length, 0, 1000))


def _left(term: Term, node: exp.Expr) -> Term:
    """Total: as `substring` from 1."""
    return _slice(term, 1, _whole(node.expression, 0, 1000))


def _slice(term: Term, start: int, length: int | None) -> Term:
    _require(term, "text")
    arguments = [term.sql, str(start), *([] if length is None else [str(length)])]
    stop = None if length is None else start - 1 + length
    domain = _mapped(term, lambda value: value[start - 1 : stop])
    return mix([term]).term(sql.call("substring", *arguments), "text", nullable=term.nullable, domain=domain)


def _unit(node: exp.Expr) -> Grain:
    unit = str(node.args["unit"].name).lower()
    if unit not in {"day", "month", "quarter", "year"}:
        raise Refusal(finding("ARGUMENT_NOT_LITERAL", obj=unit))
    return cast("Grain", unit)


def _truncate(term: Term, node: exp.Expr) -> Term:
    """Total: every date that reaches a query lies in 1900-2200."""
    _require(term, "date")
    unit = _unit(node)
    _check_grain(unit, term)
    if unit == term.grain:
        return term
    dates = None if term.dates is None else (first_day(term.dates[0], unit), first_day(term.dates[1], unit))
    domain = periods(dates, unit) if dates is not None else None
    text = f"CAST(date_trunc('{unit}', {term.sql}) AS DATE)"
    return mix([term]).term(text, "date", nullable=term.nullable, dates=dates, grain=unit, domain=domain)


def _check_grain(unit: Grain, term: Term) -> None:
    if finer(unit, term.grain):
        raise Refusal(
            finding("PART_FINER_THAN_GRANTED", obj=f"{term.origin.table}.{term.origin.column}" if term.origin else None)
        )


def _part(term: Term, part: str) -> Term:
    """Total: as `date_trunc`; the parts of a date are small whole numbers."""
    _require(term, "date")
    if part not in {"year", "quarter", "month", "day"}:
        raise Refusal(finding("ARGUMENT_NOT_LITERAL", obj=part[:20]))
    _check_grain(cast("Grain", part), term)
    years = term.dates or (DATE_FLOOR, DATE_CEILING)
    low, high = (years[0].year, years[1].year) if part == "year" else _PARTS[part]
    domain = None if part == "year" and term.dates is None else tuple(range(low, high + 1))
    number = Number(low, high, Fraction(1))
    return mix([term]).term(
        f"CAST({part}({term.sql}) AS BIGINT)", "integer", nullable=term.nullable, number=number, domain=domain
    )


def _cast(term: Term, node: exp.Expr) -> Term:
    """Total: every conversion that may fail on data is a TRY_CAST, whose failure is NULL."""
    target = node.args["to"]
    kind = _KINDS.get(target.this)
    if kind is None:
        raise Refusal(finding("TYPE_MISMATCH", obj=target.sql("duckdb")[:40]))
    if kind == "decimal":
        return _to_decimal(
            term, int(target.expressions[1].name) if len(target.expressions) == 2 else 3 - 3 * len(target.expressions)
        )
    if term.type in {kind, "null"}:
        return term
    rule = _CASTS.get((term.type, kind))
    if rule is None:
        raise Refusal(finding("TYPE_MISMATCH", obj=f"{term.type} AS {kind}"))
    return rule(term)


_KINDS: Mapping[exp.DType, str] = {
    exp.DType.INT: "integer",
    exp.DType.BIGINT: "integer",
    exp.DType.TEXT: "text",
    exp.DType.VARCHAR: "text",
    exp.DType.DATE: "date",
    exp.DType.BOOLEAN: "boolean",
    exp.DType.DECIMAL: "decimal",
}


def _text_to_date(term: Term) -> Term:
    if term.literal:
        return constants.as_date(term)
    read = f"TRY_CAST({term.sql} AS DATE)"
    return mix([term]).term(f"({sql.within(read, sql.day(DATE_FLOOR), sql.day(DATE_CEILING))})", "date", nullable=True)


def _text_to_integer(term: Term) -> Term:
    number = Number(-(1 << 63), (1 << 63) - 1, Fraction(1), has_floor=False, has_ceiling=False)
    return mix([term]).term(f"TRY_CAST({term.sql} AS BIGINT)", "integer", nullable=True, number=number)


def _to_text(term: Term) -> Term:
    number = term.number
    if number is not None and number.step != 1:
        raise Refusal(finding("TYPE_MISMATCH"))
    domain = None if term.domain is None else tuple(map(_spoken, term.domain))
    return mix([term]).term(f"CAST({term.sql} AS VARCHAR)", "text", nullable=term.nullable, domain=domain)


def _spoken(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _boolean_to_integer(term: Term) -> Term:
    text = sql.case([(term.sql, sql.constant(1)), (f"NOT {term.sql}", sql.constant(0))], None)
    number = Number(0, 1, Fraction(1))
    return mix([term]).term(text, "integer", nullable=term.nullable, number=number, domain=(0, 1))


def _to_decimal(term: Term, places: int) -> Term:
    """Exact numbers are decimals already; a cast to fewer places would round and is not offered."""
    if term.number is None or (term.number.step * 10**places).denominator != 1:
        raise Refusal(finding("TYPE_MISMATCH"))
    return term


_CASTS: Mapping[tuple[str, str], Callable[[Term], Term]] = {
    ("text", "date"): _text_to_date,
    ("text", "integer"): _text_to_integer,
    ("integer", "text"): _to_text,
    ("date", "text"): _to_text,
    ("boolean", "text"): _to_text,
    ("boolean", "integer"): _boolean_to_integer,
}

FUNCTIONS: Mapping[type[exp.Expr], FunctionRule] = {
    exp.Upper: _upper,
    exp.Lower: _lower,
    exp.Substring: _substring,
    exp.Left: _left,
    exp.TimestampTrunc: _truncate,
    exp.DateTrunc: _truncate,
    exp.Extract: lambda term, node: _part(term, node.name.lower()),
    exp.Year: lambda term, _: _part(term, "year"),
    exp.Quarter: lambda term, _: _part(term, "quarter"),
    exp.Month: lambda term, _: _part(term, "month"),
    exp.Day: lambda term, _: _part(term, "day"),
    exp.Cast: _cast,
    exp.TryCast: _cast,
}
