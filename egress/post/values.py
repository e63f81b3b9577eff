"""Scalar functions over released values: exact, total and deterministic. Pure.

Numbers are integers and fractions. A result that no column could show (beyond 38 digits, or a text beyond `MOST_TEXT`
characters) is NULL, so that no chain of operations grows without bound.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from typing import Any

from policies.query import DATE_CEILING, DATE_FLOOR
from policies.rows.dates import first_day

Value = None | bool | int | Fraction | str | date

MOST_TEXT = 1_000
_LARGEST = 10**38
FINEST = 10**30
_ROOT = 10**15
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BLANKS = " \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""Category Zs of Unicode, which the engine's trim takes."""


def number(value: int | Fraction | Decimal) -> int | Fraction | None:
    """Return a number in lowest terms, at most 30 decimals fine; None beyond 38 digits."""
    exact = Fraction(value)
    if abs(exact) >= _LARGEST:
        return None
    if exact.denominator > FINEST:
        exact = Fraction(round(exact * FINEST), FINEST)
    return exact.numerator if exact.denominator == 1 else exact


def call(function: str, arguments: Sequence[Value]) -> Value:
    """Return the value of a function of the tree.

    Raises:
        KeyError: no function of this name is known; `policies.released.shapes` lets none through.

    """
    lenient = _LENIENT.get(function)
    if lenient is not None:
        return lenient(arguments)
    if any(item is None for item in arguments):
        return None
    value = _STRICT[function](*arguments)
    if isinstance(value, str):
        return value if len(value) <= MOST_TEXT else None
    return number(value) if isinstance(value, (int, Fraction)) and not isinstance(value, bool) else value


def _not(arguments: Sequence[Value]) -> Value:
    return None if arguments[0] is None else not arguments[0]


def _and(arguments: Sequence[Value]) -> Value:
    if any(item is False for item in arguments):
        return False
    return None if any(item is None for item in arguments) else True


def _or(arguments: Sequence[Value]) -> Value:
    if any(item is True for item in arguments):
        return True
    return None if any(item is None for item in arguments) else False


def _in(arguments: Sequence[Value]) -> Value:
    value, *items = arguments
    if value is None:
        return None
    if any(item is not None and item == value for item in items):
        return True
    return None if any(item is None for item in items) else False


def _case(arguments: Sequence[Value]) -> Value:
    for condition, value in zip(arguments[:-1:2], arguments[1::2], strict=True):
        if condition is True:
            return value
    return arguments[-1]


def _chosen(choose: Callable[..., Any]) -> Callable[[Sequence[Value]], Value]:
    def rule(arguments: Sequence[Value]) -> Value:
        known = [item for item in arguments if item is not None]
        return choose(known) if known else None

    return rule


def _concat(arguments: Sequence[Value]) -> Value:
    whole = "".join(text(item) for item in arguments if item is not None)
    return whole if len(whole) <= MOST_TEXT else None


def text(value: Value) -> str:
    """Return a value as the engine writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


_LENIENT: Mapping[str, Callable[[Sequence[Value]], Value]] = {
    "not": _not,
    "and": _and,
    "or": _or,
    "in": _in,
    "case": _case,
    "coalesce": lambda arguments: next((item for item in arguments if item is not None), None),
    "nullif": lambda arguments: None if arguments[0] == arguments[1] else arguments[0],
    "is null": lambda arguments: arguments[0] is None,
    "is true": lambda arguments: arguments[0] is True,
    "is false": lambda arguments: arguments[0] is False,
    "is distinct": lambda arguments: arguments[0] != arguments[1],
    "is not distinct": lambda arguments: arguments[0] == arguments[1],
    "least": _chosen(min),
    "greatest": _chosen(max),
    "concat": _concat,
}
"""Functions that say something of NULL."""


def _divide(left: Any, right: Any) -> Value:
    return None if right == 0 else Fraction(left) / Fraction(right)


def _whole_quotient(left: Any, right: Any) -> Value:
    return None if right == 0 else math.trunc(Fraction(left) / Fraction(right))


def _remainder(left: Any, right: Any) -> Value:
    quotient = _whole_quotient(left, right)
    return None if quotient is None else left - right * quotient


def rounded(value: Any, places: int) -> int | Fraction:
    """Return a number at so many decimals (fewer than none are whole tens), halves away from zero."""
    unit = Fraction(10) ** -places
    scaled = Fraction(value) / unit
    away = math.floor(abs(scaled) + Fraction(1, 2))
    return (away if scaled >= 0 else -away) * unit


def _root(value: Any) -> Value:
    """The root to fifteen decimals, rounded down."""
    if value < 0:
        return None
    exact = Fraction(value)
    return Fraction(math.isqrt(exact.numerator * exact.denominator * _ROOT**2), exact.denominator * _ROOT)


def like(value: str, pattern: str) -> bool:
    """Return whether `%` and `_` of a pattern match; greedy from piece to piece, so that no pattern takes long."""
    pieces = pattern.split("%")
    if len(pieces) == 1:
        return len(value) == len(pattern) and _fits(value, 0, pattern)
    first, *middle, last = pieces
    if len(value) < len(first) + len(last) or not _fits(value, 0, first) or not _fits(value, len(value) - len(last), last):
        return False
    place, end = len(first), len(value) - len(last)
    for piece in middle:
        found = _found(value, piece, place, end)
        if found < 0:
            return False
        place = found + len(piece)
    return True


def _found(value: str, piece: str, place: int, end: int) -> int:
    if "_" not in piece:
        return value.find(piece, place, end)
    return next((at for at in range(place, end - len(piece) + 1) if _fits(value, at, piece)), -1)


def _fits(value: str, place: int, piece: str) -> bool:
    return len(value) - place >= len(piece) and all(sign in {"_", value[place + at]} for at, sign in enumerate(piece))


def _substring(value: str, start: int, length: int | None = None) -> Value:
    """As the engine: places count from 1 or, below 0, from the end; a length below 0 reaches back."""
    begin = start - 1 if start >= 0 else len(value) + start
    ends = (begin, len(value)) if length is None else sorted((begin, begin + length))
    return value[max(ends[0], 0) : max(ends[1], 0)]


def _integer(value: Any) -> Value:
    if isinstance(value, str):
        digits = value.strip()
        plain = digits.removeprefix("-")
        return int(digits) if plain.isascii() and plain.isdigit() and len(plain) <= 18 else None
    return int(rounded(value, 0))


def _date(value: Any) -> Value:
    if isinstance(value, date):
        return value
    if not _DAY.fullmatch(value):
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    return day if DATE_FLOOR <= day <= DATE_CEILING else None


_STRICT: Mapping[str, Callable[..., Any]] = {
    "+": lambda *items: reduce(lambda a, b: a + b, items),
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "//": _whole_quotient,
    "%": _remainder,
    "negate": lambda a: -a,
    "abs": abs,
    "sign": lambda a: (a > 0) - (a < 0),
    "floor": math.floor,
    "ceil": math.ceil,
    "round": rounded,
    "sqrt": _root,
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "like": like,
    "ilike": lambda value, pattern: like(value.lower(), pattern.lower()),
    "upper": str.upper,
    "lower": str.lower,
    "trim": lambda value: value.strip(_BLANKS),
    "length": len,
    "||": lambda a, b: a + b,
    "substring": _substring,
    "left": lambda value, size: value[:size] if size >= 0 else value[: max(len(value) + size, 0)],
    "right": lambda value, size: value[max(len(value) - size, 0) :] if size >= 0 else value[min(-size, len(value)) :],
    "year": lambda day: day.year,
    "quarter": lambda day: (day.month + 2) // 3,
    "month": lambda day: day.month,
    "day": lambda day: day.day,
    "trunc year": lambda day: first_day(day, "year"),
    "trunc quarter": lambda day: first_day(day, "quarter"),
    "trunc month": lambda day: first_day(day, "month"),
    "trunc day": lambda day: day,
    "to text": text,
    "to integer": _integer,
    "to date": _date,
}
"""Functions that are NULL where an argument is."""

FUNCTIONS = _LENIENT.keys() | _STRICT.keys()
"""Every function that a tree may hold."""
