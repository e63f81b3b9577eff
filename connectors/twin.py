"""The synthetic twin: tables of a grant's shape drawn from its public metadata alone, for `dev`. Pure.

It is given no path, no key and no row of `prod`, so nothing it makes can tell of one. Equal grants give equal twins.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connectors.final_form import representable
from policies.catalog import ColumnType
from policies.grant import PSEUDONYM, RANK, UNIT, Grant, GrantedColumn, GrantedTable
from policies.rows.dates import first_day
from policies.rows.terms import Grain

UNITS = 2_000
"""Units of a twin at most; its size tells nothing but the public size band."""
ROWS_PER_UNIT = 12
POOL = 40
"""Distinct values of a column for which no domain is declared."""
NULL_SHARE = 0.02
_DEFAULT_DATES = (date(2020, 1, 1), date(2024, 12, 31))
_DEFAULT_NUMBERS = (0, 1_000)

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Twin:
    """What the tables of one twin share: the grant, its seed and the pseudonyms of its units, ascending."""

    grant: Grant
    units: npt.NDArray[np.uint64]

    @classmethod
    def of(cls, grant: Grant) -> "Twin":
        """Draw the units of `grant`'s twin."""
        return cls(grant, np.sort(_identifiers(_random(grant, "unit"), min(UNITS, grant.size_band))))


def twin_table(twin: Twin, table: GrantedTable) -> pa.Table:
    """Return one table of the twin in final form, as `build` would make it from data."""
    return _public(twin, table) if table.public else _private(twin, table)


def _private(twin: Twin, table: GrantedTable) -> pa.Table:
    random = _random(twin.grant, table.name)
    most = min(table.max_rows or 1, ROWS_PER_UNIT)
    own = table.references is None
    per_unit = np.ones(len(twin.units), np.int64) if own else random.integers(0, most + 1, len(twin.units))
    unit: Ints = np.repeat(np.arange(len(twin.units), dtype=np.int64), per_unit)
    rank = (np.arange(len(unit)) - np.searchsorted(unit, unit)).astype(np.uint64)
    added = {UNIT: pa.array(unit), PSEUDONYM: pa.array(twin.units[unit]), RANK: pa.array(rank)}
    columns: dict[str, pa.Array] = {}
    for name, column in table.columns.items():
        of_unit = column.key_of is not None and name == table.unit_key
        columns[name] = added[PSEUDONYM] if of_unit else _column(twin, table, column, len(unit))
    return pa.table(columns | added)


def _public(twin: Twin, table: GrantedTable) -> pa.Table:
    """A public table has one row per value of its first unique column, every value once."""
    unique = sorted(table.unique.intersection(table.columns))
    rows = min([POOL, *(len(_values(twin, table, table.columns[name])) for name in unique)])
    if len(unique) == 1:
        rows = len(_values(twin, table, table.columns[unique[0]]))
    columns = {}
    for name, column in table.columns.items():
        values = _values(twin, table, column) if name in unique else None
        columns[name] = _column(twin, table, column, rows) if values is None else values.slice(0, rows)
    return pa.table(columns)


def _column(twin: Twin, table: GrantedTable, column: GrantedColumn, rows: int) -> pa.Array:
    random = _random(twin.grant, table.name, column.name)
    values = _values(twin, table, column)
    missing = (
        random.random(rows) < NULL_SHARE
        if "aggregate" in column.use and column.nullable and not table.public
        else np.zeros(rows, bool)
    )
    return values.take(pa.array(random.integers(0, max(len(values), 1), rows), mask=missing))


def _values(twin: Twin, table: GrantedTable, column: GrantedColumn) -> pa.Array:
    """Return the values that a column draws from: its domain, else a pool that joined columns share."""
    if column.key_of is not None:
        return pa.array(_identifiers(_random(twin.grant, column.key_of), POOL))
    if column.domain is not None:
        return pa.array(list(column.domain), arrow_type(column.type))
    space = _join_space(twin.grant, table.name, column.name)
    return pa.array(_drawn(_random(twin.grant, *space), column, ".".join(space)), arrow_type(column.type))


def _drawn(random: np.random.Generator, column: GrantedColumn, space: str) -> list[Any]:
    kind = column.type.kind
    if kind == "boolean":
        return [False, True]
    if kind == "text":
        return _texts(space, column.coarsen)
    if kind == "date":
        low, high = column.dates or _DEFAULT_DATES
        days = random.integers(0, (high - low).days + 1, 8 * POOL).tolist()
        grain = cast("Grain", column.coarsen or "day")
        return sorted({max(low, first_day(low + timedelta(days=day), grain)) for day in days})
    return _numbers(random, column)


def _numbers(random: np.random.Generator, column: GrantedColumn) -> list[Any]:
    """Draw multiples of the step within the bounds, in whole units of the last place so that nothing is rounded."""
    scale = column.type.scale or 0
    bounded = column.low is not None and column.high is not None
    low, high = representable(column) if bounded else (Decimal(number) for number in _DEFAULT_NUMBERS)
    first, last = (int(Fraction(bound) * 10**scale) for bound in (low, high))
    step = max(1, int(Fraction(column.step or 1) * 10**scale))
    count = (last - first) // step + 1
    drawn = {first + step * int(share * count) for share in random.random(8 * POOL).tolist()}
    return sorted(drawn) if column.type.kind == "integer" else [Decimal(f"{units}E-{scale}") for units in sorted(drawn)]


def _texts(space: str, coarsen: str | None) -> list[str]:
    """Synthetic codes; where a prefix was granted they are no longer than it."""
    length = int(coarsen.partition(":")[2]) if coarsen else 64
    texts = (f"{number:02d}-{space}" for number in range(POOL))
    return sorted({text[:length] for text in texts})


def arrow_type(declared: ColumnType) -> pa.DataType:
    """Return the Arrow type of a declared type, the one that extracts from data have."""
    if declared.kind == "decimal":
        return pa.decimal128(declared.precision or 18, declared.scale or 0)
    return {"integer": pa.int64(), "text": pa.string(), "date": pa.date32(), "boolean": pa.bool_()}[declared.kind]


def _join_space(grant: Grant, table: str, column: str) -> tuple[str, str]:
    """Name the set of columns that equal this one along declared joins, by its first member."""
    space = {(table, column)}
    for _ in grant.joins:
        space.update(*(pair for pair in grant.joins if pair & space))
    return min(space)


def _identifiers(random: np.random.Generator, count: int) -> npt.NDArray[np.uint64]:
    return random.integers(0, 1 << 64, count, np.uint64)


def _random(grant: Grant, *purpose: str) -> np.random.Generator:
    """Return a generator for one purpose, seeded by the grant's public digest."""
    seed = hashlib.sha256("\n".join((grant.digest, "twin", *purpose)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(seed, "big")))
