"""Casts of columns: between types that have a text, a truth value or a day in common. Each is a conversion that cannot fail."""

import math
from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction

from sqlglot import exp

from policies.engine import engine_text as sql
from policies.findings import Refusal, finding
from policies.grant import Value
from policies.query import DATE_CEILING, DATE_FLOOR
from policies.rows import constants, numbers
from policies.rows.terms import Number, Term, mix


def cast(term: Term, node: exp.Expr) -> Term:
    """Total: every conversion that may fail on data is a TRY_CAST, whose failure is NULL."""
    target = node.args["to"]
    kind = _KINDS.get(target.this)
    if kind is None:
        raise Refusal(finding("TYPE_MISMATCH", obj=target.sql("duckdb")[:40]))
    if kind == "decimal":
        return _to_decimal(term, *digits_of(target))
    if term.type in {kind, "null"}:
        return term
    rule = _CASTS.get((term.type, kind))
    if rule is None:
        raise Refusal(finding("TYPE_MISMATCH", obj=f"{term.type} AS {kind}"))
    return rule(term)


KINDS: Mapping[exp.DType, str] = {
    exp.DType.INT: "integer",
    exp.DType.BIGINT: "integer",
    exp.DType.TEXT: "text",
    exp.DType.VARCHAR: "text",
    exp.DType.DATE: "date",
    exp.DType.DECIMAL: "decimal",
}
"""Types that anything may be cast to, of rows and of released values."""
_KINDS = {**KINDS, exp.DType.BOOLEAN: "boolean"}


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


def digits_of(target: exp.DataType) -> tuple[int, int]:
    """Return how many digits a DECIMAL has, and how many of them are decimals; the engine's default is (18, 3)."""
    sizes = [int(item.name) for item in target.expressions]
    return (sizes[0], sizes[1] if len(sizes) == 2 else 0) if sizes else (18, 3)


def _to_decimal(term: Term, digits: int, places: int) -> Term:
    """Exact numbers are decimals already: rounded to the places, and NULL where they have more digits."""
    if term.number is None:
        raise Refusal(finding("TYPE_MISMATCH"))
    made = numbers.rounded(term, places)
    number = numbers.number_of(made)
    most = math.ceil(Fraction(10) ** (digits - places) / number.step) - 1
    if max(-number.low, number.high) <= most:
        return made
    held = Number(max(number.low, -most), min(number.high, most), number.step)
    text = f"({sql.within(made.sql, sql.integer(-most), sql.integer(most))})"
    return mix([term]).term(text, made.type, nullable=True, number=held)


_CASTS: Mapping[tuple[str, str], Callable[[Term], Term]] = {
    ("text", "date"): _text_to_date,
    ("text", "integer"): _text_to_integer,
    ("integer", "text"): _to_text,
    ("date", "text"): _to_text,
    ("boolean", "text"): _to_text,
    ("boolean", "integer"): _boolean_to_integer,
}
