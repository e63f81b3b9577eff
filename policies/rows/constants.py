"""Constants of a query: literals and bound parameters, typed and exact. All are public."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from sqlglot import exp

from policies.engine import engine_text as sql
from policies.findings import Refusal, finding
from policies.query import DATE_CEILING, DATE_FLOOR
from policies.rows import numbers
from policies.rows.terms import Term
from sandbox.kernel.run import Parameter

PREFIX = "p_"
"""Bound parameters keep their names behind this prefix, so that none meets a name of ours."""

MAX_TEXT = 200
"""Characters of a constant text. Groups under long constant keys would fill the run's output, whose cap then counted them."""

_NUMBER = re.compile(r"\d{1,18}(\.\d{1,9})?")
_PARAMETER = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def literal(node: exp.Literal) -> Term:
    """Return the term of a literal.

    Raises:
        Refusal: LITERAL_INVALID for a number beyond 18 whole and 9 decimal digits, or with an exponent; for a text of more
            than `MAX_TEXT` characters.

    """
    if node.is_string:
        if len(str(node.this)) > MAX_TEXT:
            raise Refusal(finding("LITERAL_INVALID"))
        return of_text(str(node.this))
    if _NUMBER.fullmatch(str(node.this)) is None:
        raise Refusal(finding("LITERAL_INVALID"))
    return of_number(Decimal(str(node.this)))


def of_number(value: Decimal | int) -> Term:
    """Return the term of an exact number."""
    steps, number = numbers.literal(value)
    whole = number.step.denominator == 1
    domain = (steps,) if whole else None
    kind = numbers.kind_of(number.step)
    return Term(sql.constant(steps), kind, number=number, domain=domain, literal=True)


def of_text(value: str) -> Term:
    """Return the term of a text."""
    return Term(sql.text(value), "text", domain=(value,), literal=True)


def of_date(value: date) -> Term:
    """Return the term of a date.

    Raises:
        Refusal: LITERAL_INVALID outside the years that a query may speak of.

    """
    if not DATE_FLOOR <= value <= DATE_CEILING:
        raise Refusal(finding("LITERAL_INVALID"))
    return Term(sql.day(value), "date", dates=(value, value), domain=(value,), literal=True)


def of_boolean(*, value: bool) -> Term:
    """Return the term of a truth value."""
    return Term("TRUE" if value else "FALSE", "boolean", domain=(value,), literal=True)


NULL = Term("NULL", "null", nullable=True, domain=(), literal=True)


def as_date(term: Term) -> Term:
    """Read a constant text as a date.

    Raises:
        Refusal: LITERAL_INVALID unless it is written YYYY-MM-DD.

    """
    value = str((term.domain or ("",))[0])
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) is None:
        raise Refusal(finding("LITERAL_INVALID"))
    try:
        read = of_date(date.fromisoformat(value))
    except ValueError:
        raise Refusal(finding("LITERAL_INVALID")) from None
    if not term.bound:
        return read
    return Term(
        f"CAST({term.sql} AS DATE)",
        "date",
        parameters=term.parameters,
        dates=read.dates,
        domain=read.domain,
        literal=True,
        bound=True,
    )


def whole(node: exp.Expr | None, low: int, high: int) -> int:
    """Return a literal whole number within its range.

    Raises:
        Refusal: ARGUMENT_NOT_LITERAL.

    """
    if not isinstance(node, exp.Literal) or node.is_string or not str(node.this).isdigit() or not low <= int(node.this) <= high:
        raise Refusal(finding("ARGUMENT_NOT_LITERAL"))
    return int(node.this)


def parameter(node: exp.Placeholder, given: Mapping[str, Parameter]) -> Term:
    """Return the term of `$name`, bound and typed to the end.

    Raises:
        Refusal: PARAMETER_INVALID, PARAMETER_MISSING.

    """
    name = node.this if isinstance(node.this, str) else ""
    if _PARAMETER.fullmatch(name) is None:
        raise Refusal(finding("PARAMETER_INVALID", obj=name or None))
    if name not in given:
        raise Refusal(finding("PARAMETER_MISSING", obj=name))
    term = _typed(given[name])
    bound = f"${PREFIX}{name}"
    cast = {"text": "VARCHAR", "date": "DATE", "boolean": "BOOLEAN"}.get(term.type) or "BIGINT"
    return Term(
        f"CAST({bound} AS {cast})",
        term.type,
        parameters=frozenset({name}),
        number=term.number,
        dates=term.dates,
        domain=term.domain,
        literal=True,
        bound=True,
    )


def bound_value(value: Parameter) -> Parameter:
    """Return what the engine is given for a parameter: numbers travel as integer steps."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return value
    return numbers.literal(value)[0]


def _typed(value: Parameter) -> Term:
    if isinstance(value, bool):
        return of_boolean(value=value)
    if isinstance(value, str):
        if "\x00" in value or len(value) > MAX_TEXT:
            raise Refusal(finding("PARAMETER_INVALID"))
        return of_text(value)
    if isinstance(value, date):
        return of_date(value)
    if isinstance(value, (int, Decimal)):
        exact = Decimal(value)
        if not exact.is_finite() or _NUMBER.fullmatch(f"{abs(exact):f}") is None:
            raise Refusal(finding("PARAMETER_INVALID"))
        return of_number(exact)
    raise Refusal(finding("PARAMETER_INVALID"))
