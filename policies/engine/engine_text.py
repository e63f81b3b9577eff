"""The only place where SQL text for the engine is put together: quoted names, typed literals, total forms."""

from collections.abc import Iterable, Sequence
from datetime import date


def name(identifier: str) -> str:
    """Return a quoted identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def column(alias: str, identifier: str) -> str:
    """Return a qualified, quoted column."""
    return f"{name(alias)}.{name(identifier)}"


def text(value: str) -> str:
    """Return a text literal. The engine knows no escape but the doubled quote."""
    return "'" + value.replace("'", "''") + "'"


def day(value: date) -> str:
    """Return a date literal."""
    return f"CAST({text(value.isoformat())} AS DATE)"


def integer(value: int) -> str:
    """Return an integer literal that may stand beside any operator."""
    return f"({value})" if value < 0 else str(value)


def value(of: bool | int | str | date) -> str:
    """Return a literal of a public value."""
    match of:
        case bool():
            return "true" if of else "false"
        case int():
            return constant(of)
        case str():
            return text(of)
        case _:
            return day(of)


def constant(value: int) -> str:
    """Return an integer constant of a type in which arithmetic is proved: untyped, the engine would compute in 32 bits."""
    return f"CAST({value} AS {'BIGINT' if -(1 << 63) <= value < 1 << 63 else 'HUGEINT'})"


def clamp(value: str, low: str, high: str) -> str:
    """Return `value` held within [low, high]; NULL stays NULL, which `least(greatest(…))` would turn into a bound."""
    return f"CASE WHEN {value} < {low} THEN {low} WHEN {value} > {high} THEN {high} ELSE {value} END"


def within(value: str, low: str, high: str) -> str:
    """Return `value` where it lies in [low, high] and NULL elsewhere."""
    return f"CASE WHEN {value} BETWEEN {low} AND {high} THEN {value} END"


def call(function: str, *arguments: str) -> str:
    """Return a function call."""
    return f"{function}({', '.join(arguments)})"


def case(branches: Iterable[tuple[str, str]], default: str | None) -> str:
    """Return a searched CASE in brackets."""
    whens = " ".join(f"WHEN {condition} THEN {value}" for condition, value in branches)
    return f"(CASE {whens}{'' if default is None else f' ELSE {default}'} END)"


def conjunction(conditions: Sequence[str]) -> str:
    """Return all conditions joined by AND; TRUE where there is none."""
    return " AND ".join(conditions) or "TRUE"
