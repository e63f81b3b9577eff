"""A granted column in final form: coarsened, within its bounds, within its domain. SQL text from public metadata. Pure."""

import math
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from policies.catalog import ColumnType
from policies.engine import engine_text as sql
from policies.grant import OTHER_KEY, GrantedColumn, Value
from sandbox.kernel.errors import YuneiError

_INT64 = (1 << 63) - 1


@dataclass(frozen=True)
class FinalColumn:
    """How one column is stored, and what counts as a violation of its declaration.

    `sql` is total: it raises on no value. `outside` tells whether the coarsened value breaks the domain or the bounds;
    it is None where nothing is declared.
    """

    name: str
    sql: str
    outside: str | None
    rule: str


def engine_type(declared: ColumnType) -> str:
    """Return the engine's type for a declared one."""
    names = {"integer": "BIGINT", "text": "VARCHAR", "date": "DATE", "boolean": "BOOLEAN"}
    if declared.kind == "decimal":
        return f"DECIMAL({declared.precision},{declared.scale})"
    return names[declared.kind]


def final_column(column: GrantedColumn, source: str) -> FinalColumn:
    """Return the final form of `column` read from the relation `source`.

    Order: coarsen, then domain or bounds, since both are declared on coarsened values. The domain of a date with bounds is
    derived from them, so such a date is clamped. NULL stays NULL, but in a column declared without it is out of domain.
    """
    value = _coarsened(column, f"{sql.name(source)}.{sql.name(column.name)}")
    if column.domain is not None and (column.type.kind != "date" or column.dates is None):
        inside = f"{value} IN ({', '.join(_value(one) for one in column.domain)})" if column.domain else "FALSE"
        other = sql.text(OTHER_KEY) if column.type.kind == "text" else "NULL"
        if not column.nullable:
            kept = f"CASE WHEN {inside} THEN {value} ELSE {other} END"
            return FinalColumn(column.name, kept, f"({inside}) IS NOT TRUE", "domain")
        kept = f"CASE WHEN {value} IS NULL THEN NULL WHEN {inside} THEN {value} ELSE {other} END"
        return FinalColumn(column.name, kept, f"{value} IS NOT NULL AND NOT ({inside})", "domain")
    limits = _limits(column)
    if limits is None:
        return FinalColumn(column.name, value, None, "domain")
    low, high = limits
    return FinalColumn(column.name, sql.clamp(value, low, high), f"{value} < {low} OR {value} > {high}", "bounds")


def _coarsened(column: GrantedColumn, value: str) -> str:
    kind, coarsen = column.type.kind, column.coarsen
    if coarsen is None:
        return value
    if kind == "date" and coarsen in {"year", "quarter", "month"}:
        return f"CAST(date_trunc('{coarsen}', {value}) AS DATE)"
    name, _, length = coarsen.partition(":")
    if kind == "text" and name == "prefix" and length.isdecimal():
        return f"left({value}, {int(length)})"
    raise YuneiError("SUPPLY_FAILED", column=column.name, rule="COARSEN_UNKNOWN")


def _limits(column: GrantedColumn) -> tuple[str, str] | None:
    if column.type.kind == "date" and column.dates is not None:
        return _value(column.dates[0]), _value(column.dates[1])
    if column.type.kind not in {"integer", "decimal"} or column.low is None or column.high is None:
        return None
    bounds = representable(column)
    cast = engine_type(column.type)
    return f"CAST({bounds[0]:f} AS {cast})", f"CAST({bounds[1]:f} AS {cast})"


def representable(column: GrantedColumn) -> tuple[Decimal, Decimal]:
    """Return the bounds in value units, moved inwards to what the column's type can hold.

    Raises:
        YuneiError: `SUPPLY_FAILED`, no value of the type lies within the bounds.

    """
    scale = column.type.scale or 0
    largest = _INT64 if column.type.kind == "integer" else 10 ** (column.type.precision or 18) - 1
    in_units = Fraction(column.step if column.step is not None else 1) * 10**scale
    low = max(math.ceil((column.low or 0) * in_units), -largest)
    high = min(math.floor((column.high or 0) * in_units), largest)
    if low > high:
        raise YuneiError("SUPPLY_FAILED", column=column.name, rule="BOUNDS_EMPTY")
    return Decimal(f"{low}E-{scale}"), Decimal(f"{high}E-{scale}")


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, date):
        return sql.day(value)
    return sql.text(value)
