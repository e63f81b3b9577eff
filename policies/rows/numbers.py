"""Exact arithmetic in integer steps: each operation carries its interval, so the engine's type is proved not to overflow.

A step is a rational with a finite decimal expansion; values meet in the greatest common step. Below 2⁶² a value is a
BIGINT in the engine, below 2¹²⁰ a HUGEINT, above it is refused.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import cast

from policies.engine import engine_text as sql
from policies.findings import Refusal, finding
from policies.grant import GrantedColumn, Value
from policies.rows.terms import Number, Term, TermType, mix

BIGINT, HUGEINT = 1 << 62, 1 << 120
QUOTIENT_STEP = Fraction(1, 1_000_000)
"""A quotient is kept to six decimals, truncated towards zero."""


def checked(number: Number) -> Number:
    """Return `number` if the engine can hold it.

    Raises:
        Refusal: RANGE_TOO_WIDE.

    """
    if max(-number.low, number.high) >= HUGEINT:
        raise Refusal(finding("RANGE_TOO_WIDE"))
    return number


def steps_of_column(reference: str, granted: GrantedColumn) -> tuple[str, Number]:
    """Return the SQL and interval of a numeric column in integer steps, clamped to its public bounds.

    The value is brought to its declared type, clamped, and rounded to the nearest step, in this order: each stage is
    then total, whatever the file holds.
    """
    raw = _raw(reference, granted)
    found = _grid(granted)
    if found is None:
        limit = 1 << 63 if granted.type.kind == "integer" else 10 ** (granted.type.precision or 18)
        unit = Fraction(1, 10 ** (granted.type.scale or 0))
        return raw, Number(-limit, limit, unit, has_floor=False, has_ceiling=False)
    number, factor = found
    low, high = number.low * factor, number.high * factor
    held = f"({sql.clamp(raw, sql.integer(low), sql.integer(high))})"
    if factor == 1:
        return held, number
    # what is shifted by the lower bound is not negative, so that integer division rounds half up over the whole range
    widest = checked(Number(min(low, 0), max(high, 2 * (high - low) + factor), number.step))
    shifted = f"(2 * ({_as_type(held, widest)} - {sql.integer(low)}) + {factor}) // {2 * factor}"
    return f"({shifted} + {sql.integer(number.low)})", number


def _grid(granted: GrantedColumn) -> tuple[Number, int] | None:
    """Return a bounded column's interval in steps and how many units of its type make a step; None without bounds."""
    if granted.low is None or granted.high is None:
        return None
    unit = Fraction(1, 10 ** (granted.type.scale or 0))
    step = unit if granted.step is None else Fraction(granted.step)
    factor = step / unit
    if factor.denominator != 1:  # the step is finer than the type, whose own unit is then exact
        return checked(Number(math.ceil(granted.low * factor), math.floor(granted.high * factor), unit)), 1
    return checked(Number(granted.low, granted.high, step)), int(factor)


def domain_of(granted: GrantedColumn) -> tuple[Value, ...] | None:
    """Return the public values of a column as a query reads it: those of a number clamped and rounded as its rows are."""
    found = _grid(granted)
    if granted.domain is None or found is None:
        return granted.domain
    number, factor = found
    low, high = number.low * factor, number.high * factor
    if number.step.denominator != 1:
        return None
    shown: dict[Value, None] = {}
    for value in granted.domain:
        held = max(low, min(high, int(cast("int", value)) * 10 ** (granted.type.scale or 0)))
        steps = (2 * (held - low) + factor) // (2 * factor) + number.low
        shown[steps * number.step.numerator] = None
    return tuple(shown)


def keeps_apart(granted: GrantedColumn) -> bool:
    """Return whether different values of a supplied column stay different when a query reads it in clamped steps."""
    found = _grid(granted) if granted.key_of is None else None
    return found is None or (found[1] == 1 and len(domain_of(granted) or ()) == len(granted.domain or ()))


def _raw(reference: str, granted: GrantedColumn) -> str:
    """Return a numeric column as an integer count of its type's unit. `resolve` admits precision + scale ≤ 37 only."""
    if granted.type.kind == "integer":
        return f"TRY_CAST({reference} AS BIGINT)"
    precision, scale = granted.type.precision or 18, granted.type.scale or 0
    width = 18 if precision + scale <= 18 else 38
    wide = f"CAST(TRY_CAST({reference} AS DECIMAL({precision}, {scale})) AS DECIMAL({width}, {scale}))"
    return f"CAST({wide} * {10**scale} AS {engine_type(10**precision)})"


def engine_type(largest: int) -> str:
    """Return the narrowest engine type that holds every integer within ±`largest`."""
    return "BIGINT" if largest < BIGINT else "HUGEINT"


def literal(value: Decimal | int) -> tuple[int, Number]:
    """Return an exact constant in steps of its last decimal, with its one-point interval."""
    fraction = Fraction(value)
    step = Fraction(1)
    while (fraction / step).denominator != 1:
        step /= 10
    steps = int(fraction / step)
    return steps, Number(steps, steps, step)


def common_step(numbers: Sequence[Number]) -> Fraction:
    """Return the largest step of which every given step is a whole multiple."""
    step = numbers[0].step
    for item in numbers[1:]:
        top = math.gcd(step.numerator * item.step.denominator, item.step.numerator * step.denominator)
        step = Fraction(top, step.denominator * item.step.denominator)
    return step


def rescaled(term: Term, step: Fraction) -> tuple[str, Number]:
    """Return a numeric term's SQL and interval in the finer `step`."""
    number = number_of(term)
    factor = int(number.step / step)
    if factor == 1:
        return term.sql, number
    wider = checked(Number(number.low * factor, number.high * factor, step, number.has_floor, number.has_ceiling))
    return f"({_as_type(term.sql, wider)} * {factor})", wider


def aligned(terms: Sequence[Term]) -> tuple[list[str], list[Number]]:
    """Return the SQL and intervals of numeric terms in their common step."""
    step = common_step([number_of(item) for item in terms])
    pairs = [rescaled(item, step) for item in terms]
    return [item[0] for item in pairs], [item[1] for item in pairs]


def add(left: Term, right: Term, sign: int) -> Term:
    """Return left + right (sign 1) or left - right (sign -1)."""
    (a, b), (x, y) = aligned([left, right])
    low, high = (x.low + y.low, x.high + y.high) if sign > 0 else (x.low - y.high, x.high - y.low)
    known = x.bounded and y.bounded
    number = checked(Number(low, high, x.step, known, known))
    return _arithmetic(f"({_as_type(a, number)} {'+' if sign > 0 else '-'} {b})", number, left, right)


def multiply(left: Term, right: Term) -> Term:
    """Return left × right; steps multiply."""
    x, y = number_of(left), number_of(right)
    corners = [a * b for a in (x.low, x.high) for b in (y.low, y.high)]
    known = x.bounded and y.bounded
    number = checked(Number(min(corners), max(corners), x.step * y.step, known, known))
    return _arithmetic(f"({_as_type(left.sql, number)} * {right.sql})", number, left, right)


def square(operand: Term) -> Term:
    """Return operand × operand, which is never negative."""
    product = multiply(operand, operand)
    number = number_of(product)
    return replace(product, number=replace(number, low=max(number.low, 0), has_floor=True))


def divide(left: Term, right: Term, step: Fraction = QUOTIENT_STEP) -> Term:
    """Return left / right in whole steps, truncated towards zero; a zero divisor gives NULL, as does a NULL."""
    x, y = number_of(left), number_of(right)
    ratio = x.step / y.step / step
    top, bottom = ratio.numerator, ratio.denominator
    nearest = min((abs(v) for v in (y.low, y.high)), default=1) if y.low > 0 or y.high < 0 else 1
    reach = max(abs(x.low), abs(x.high)) * top // (nearest * bottom)
    low = 0 if _same_sign(x, y) else -reach
    high = reach if _same_sign(x, y) or not _opposite(x, y) else 0
    known = x.bounded and y.bounded
    widest = checked(Number(x.low * top, x.high * top, step))
    divisor = checked(Number(y.low * bottom, y.high * bottom, step))
    number = checked(Number(low, high, step, known, known))
    upper = f"({_as_type(left.sql, widest)} * {top})"
    lower = f"nullif({_as_type(right.sql, divisor)} * {bottom}, 0)"
    return _or_null(_arithmetic(f"({upper} // {lower})", number, left, right), left, right)


def remainder(left: Term, right: Term) -> Term:
    """Return the rest of left by right, with the sign of left; a zero divisor gives NULL. The least BIGINT has no rest by -1."""
    (a, b), (x, y) = aligned([left, right])
    most = max(abs(y.low), abs(y.high)) - 1
    low, high = (max(x.low, -most) if x.low < 0 else 0), (min(x.high, most) if x.high > 0 else 0)
    known = (x.has_floor and x.has_ceiling) or y.bounded
    number = Number(min(low, high, 0), max(low, high, 0), x.step, known, known)
    return _or_null(_arithmetic(f"({_as_type(a, x)} % nullif({b}, 0))", number, left, right), left, right)


def _or_null(term: Term, left: Term, right: Term) -> Term:
    y = number_of(right)
    if y.low <= 0 <= y.high and not term.nullable:
        return mix([left, right]).term(term.sql, term.type, nullable=True, number=term.number)
    return term


def rounded(operand: Term, places: int) -> Term:
    """Return a number at so many decimals, halves away from zero."""
    text, x, factor, step = _coarser(operand, places)
    if factor == 1:
        return operand
    half = f"2 * abs({text}) + {factor}"
    whole = f"({half}) // {2 * factor}"
    checked(Number(2 * x.low - factor, 2 * x.high + factor, step))
    made = sql.case([(f"{text} < 0", f"-({whole})")], whole)
    ends = [(2 * abs(end) + factor) // (2 * factor) * (1 if end >= 0 else -1) for end in (x.low, x.high)]
    return _arithmetic(made, Number(ends[0], ends[1], step, x.has_floor, x.has_ceiling), operand)


def floor(operand: Term) -> Term:
    """Return the largest whole number that is not above."""
    text, x, factor, step = _coarser(operand, 0)
    if factor == 1:
        return operand
    base = x.low // factor
    checked(Number(min(x.low, 0), max(x.high, x.high - base * factor), step))
    made = f"(({text} - {sql.integer(base * factor)}) // {factor} + {sql.integer(base)})"
    return _arithmetic(made, Number(base, x.high // factor, step, x.has_floor, x.has_ceiling), operand)


def _coarser(operand: Term, places: int) -> tuple[str, Number, int, Fraction]:
    """Return a term in a step that divides 10^-places, how many such steps make one, and 10^-places."""
    number, step = number_of(operand), Fraction(1, 10**places)
    if (number.step / step).denominator == 1:
        return operand.sql, number, 1, number.step
    fine = common_step([number, Number(0, 0, step)])
    text, wide = rescaled(operand, fine)
    factor = int(step / fine)
    wide = checked(Number(2 * wide.low - 2 * factor, 2 * wide.high + 2 * factor, fine)) and wide
    return _as_type(text, Number(2 * wide.low - 2 * factor, 2 * wide.high + 2 * factor, fine)), wide, factor, step


def sign(operand: Term) -> Term:
    """Return -1, 0 or 1."""
    x = number_of(operand)
    text = sql.case([(f"{operand.sql} > 0", sql.constant(1)), (f"{operand.sql} < 0", sql.constant(-1))], f"{operand.sql} * 0")
    low, high = (0 if x.low >= 0 else -1), (0 if x.high <= 0 else 1)
    return mix([operand]).term(
        f"CAST({text} AS BIGINT)", "integer", nullable=operand.nullable, number=Number(low, high, Fraction(1))
    )


def negate(operand: Term) -> Term:
    """Return the negative of a term."""
    x = number_of(operand)
    number = Number(-x.high, -x.low, x.step, x.has_ceiling, x.has_floor)
    return _arithmetic(f"(-{_as_type(operand.sql, checked(number))})", number, operand)


def absolute(operand: Term) -> Term:
    """Return the absolute value of a term."""
    x = number_of(operand)
    low = 0 if x.low <= 0 <= x.high else min(abs(x.low), abs(x.high))
    number = checked(Number(low, max(abs(x.low), abs(x.high)), x.step, True, x.bounded))
    return _arithmetic(f"abs({_as_type(operand.sql, number)})", number, operand)


def extreme(terms: Sequence[Term], function: str) -> Term:
    """Return `least` or `greatest` of numeric terms; the engine ignores NULL unless all are NULL."""
    texts, numbers = aligned(terms)
    certain = [number for number, item in zip(numbers, terms, strict=True) if not item.nullable]
    greatest = function == "greatest"
    lows, highs = [n.low for n in numbers], [n.high for n in numbers]
    low, high = (
        (min(lows), max(highs))
        if not certain
        else (
            (max(min(lows), *(n.low for n in certain)), max(highs))
            if greatest
            else (min(lows), min(max(highs), *(n.high for n in certain)))
        )
    )
    every_floor, every_ceiling = all(n.has_floor for n in numbers), all(n.has_ceiling for n in numbers)
    floor = every_floor or (greatest and any(n.has_floor for n in certain))
    ceiling = every_ceiling or (not greatest and any(n.has_ceiling for n in certain))
    number = Number(low, high, numbers[0].step, floor, ceiling)
    return mix(terms).term(sql.call(function, *texts), kind_of(number.step), nullable=not certain, number=number)


def hull(numbers: Sequence[Number]) -> Number:
    """Return the smallest interval that holds all of these; they are in one step."""
    return Number(
        min(n.low for n in numbers),
        max(n.high for n in numbers),
        numbers[0].step,
        all(n.has_floor for n in numbers),
        all(n.has_ceiling for n in numbers),
    )


def number_of(term: Term) -> Number:
    """Return the interval of a numeric term.

    Raises:
        Refusal: TYPE_MISMATCH.

    """
    if term.number is None:
        raise Refusal(finding("TYPE_MISMATCH"))
    return term.number


def kind_of(step: Fraction) -> TermType:
    """Return `integer` where every multiple of the step is whole."""
    return "integer" if step.denominator == 1 else "decimal"


def decimal_step(step: Fraction) -> Decimal:
    """Return a step as an exact decimal."""
    return _decimal(step)


def _decimal(value: Fraction) -> Decimal:
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    return Decimal(int(value * 10**places)).scaleb(-places)


def _same_sign(x: Number, y: Number) -> bool:
    return (x.low >= 0 and y.low >= 0) or (x.high <= 0 and y.high <= 0)


def _opposite(x: Number, y: Number) -> bool:
    return (x.low >= 0 and y.high <= 0) or (x.high <= 0 and y.low >= 0)


def _as_type(text: str, number: Number) -> str:
    return f"CAST({text} AS HUGEINT)" if max(-number.low, number.high) >= BIGINT else text


def _arithmetic(text: str, number: Number, *operands: Term) -> Term:
    nullable = any(item.nullable for item in operands)
    return mix(operands).term(text, kind_of(number.step), nullable=nullable, number=number)
