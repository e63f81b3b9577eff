"""Reading supplied files: which rows fit their declaration, and the canonical Parquet of those that do."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from connectors import landing
from connectors.csv_records import MalformedError, split
from connectors.engine import SupplyEngine
from connectors.files import DigestedFile
from policies.catalog import CatalogItem
from policies.engine import engine_text as sql
from sandbox.kernel.errors import YuneiError

_HEADER_LIMIT = 65_536


@dataclass(frozen=True)
class Landing:
    """A file to be read: the private copy, the name its owner knows it by, and the item it claims to be."""

    copy: Path
    name: str
    item: CatalogItem

    @property
    def is_csv(self) -> bool:
        """Whether it is read as CSV."""
        return self.name.endswith(".csv")

    def invalid(self, rule: str, **place: str | int) -> YuneiError:
        """Return the refusal: file, place and rule, never the value."""
        return YuneiError("DATA_INVALID", file=self.name, table=self.item.table, rule=rule, **place)


@dataclass(frozen=True)
class Examined:
    """A file whose every record was looked at.

    `relation` reads its records that hold a field per column, of the engine's `types` by column; `odd` are the lines of those
    that do not. `rows` is the number read, `misfits` of them have a value that does not fit; `by_column` counts the values.
    """

    source: Landing
    relation: str
    types: dict[str, str]
    odd: tuple[int, ...]
    rows: int
    misfits: int
    by_column: dict[str, int]

    @property
    def bad(self) -> int:
        """The number of rows that do not fit."""
        return len(self.odd) + self.misfits

    @property
    def predicates(self) -> dict[str, str]:
        """By column, what holds where a value does not fit."""
        return {name: landing.misfit(name, column, self.types[name]) for name, column in self.source.item.columns.items()}

    @property
    def misfit(self) -> str:
        """What holds where any value does not fit."""
        return f"({' OR '.join(f'({bad})' for bad in self.predicates.values())})"

    @property
    def fitting(self) -> str:
        """The query for the rows that fit, in declared types."""
        columns = self.source.item.columns.items()
        kept = (f"{landing.converted(name, column, self.types[name])} AS {sql.name(name)}" for name, column in columns)
        return f"SELECT {', '.join(kept)} FROM {self.relation}{f' WHERE NOT {self.misfit}' if self.misfits else ''}"


def examine(engine: SupplyEngine, source: Landing) -> Examined:
    """Look at every record of a file.

    Raises:
        YuneiError: `DATA_INVALID` where the file as a whole is not what it claims to be; `SUPPLY_FAILED`; `DISK_FULL`.

    """
    relation, types = _csv(source, source.copy) if source.is_csv else _parquet(engine, source)
    try:
        return _counted(engine, Examined(source, relation, types, (), 0, 0, {}))
    except YuneiError as error:
        if error.code == "DISK_FULL":
            raise
        if not source.is_csv:
            raise source.invalid("FORMAT") from None
    odd = _set_apart(source, types)
    relation, types = _csv(source, _clean(source))
    try:
        return _counted(engine, Examined(source, relation, types, odd, 0, 0, {}))
    except YuneiError:
        raise source.invalid("STRUCTURE") from None


def write(engine: SupplyEngine, examined: Sequence[Examined], target: Path) -> tuple[str, int]:
    """Write the rows that fit of all files, one file after the other, as canonical Parquet at `target`.

    Returns:
        Digest and row count of the canonical file.

    Raises:
        YuneiError: `DATA_INVALID` by the rule `SIZE_BAND`; `SUPPLY_FAILED`; `DISK_FULL`.

    """
    written = engine.write_each([one.fitting for one in examined], DigestedFile(target))
    _check_size_band(engine, examined[0].source, target)
    return written


def _counted(engine: SupplyEngine, examined: Examined) -> Examined:
    predicates = examined.predicates
    counts = ", ".join(f"count(*) FILTER ({bad})" for bad in (examined.misfit, *predicates.values()))
    rows, misfits, *values = engine.rows(f"SELECT count(*), {counts} FROM {examined.relation}")[0]
    by_column = {name: count for name, count in zip(predicates, values, strict=True) if count}
    return replace(examined, rows=rows, misfits=misfits, by_column=by_column)


def _set_apart(source: Landing, types: dict[str, str]) -> tuple[int, ...]:
    """Make a copy of a CSV file without the records that lack a field per column, and return the lines of those."""
    try:
        with DigestedFile(_clean(source)) as clean:
            return tuple(split(source.copy, len(types), clean))
    except MalformedError as found:
        raise source.invalid(found.rule, line=found.line) from None


def _clean(source: Landing) -> Path:
    return source.copy.with_suffix(".clean")


def _check_size_band(engine: SupplyEngine, source: Landing, written: Path) -> None:
    """Hold the number of units to its public bound: ranges of counts and sums, and what δ may be, are derived from it."""
    unit = source.item.unit
    if unit is None or unit.references is not None:
        return
    counted = f"SELECT count(DISTINCT {sql.name(unit.key)}) > {unit.size_band} FROM {landing.parquet_relation(str(written))}"
    if engine.rows(counted)[0][0]:
        raise source.invalid("SIZE_BAND", column=unit.key)


def _csv(source: Landing, file: Path) -> tuple[str, dict[str, str]]:
    header = _header(source)
    _check_names(source, header)
    return landing.csv_relation(str(file), header), dict.fromkeys(header, "VARCHAR")


def _header(source: Landing) -> list[str]:
    with source.copy.open("rb") as file:
        line = file.readline(_HEADER_LIMIT)
    try:
        return next(csv.reader([line.decode("utf-8-sig").rstrip("\r\n")], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        raise source.invalid("HEADER", line=1) from None


def _parquet(engine: SupplyEngine, source: Landing) -> tuple[str, dict[str, str]]:
    relation = landing.parquet_relation(str(source.copy))
    try:
        described = engine.rows(f"DESCRIBE SELECT * FROM {relation}")
    except YuneiError:
        raise source.invalid("FORMAT") from None
    types = {str(row[0]): str(row[1]) for row in described}
    _check_names(source, list(types))
    for name, column in source.item.columns.items():
        if not landing.source_type_fits(column, types[name]):
            raise source.invalid("COLUMN_TYPE", column=name, declared=column.type.kind)
    return relation, types


def _check_names(source: Landing, found: list[str]) -> None:
    """Every declared column once and no other; an undeclared name is data of its owner and is not repeated."""
    for name in source.item.columns:
        if found.count(name) != 1:
            raise source.invalid("COLUMN_MISSING" if name not in found else "COLUMN_TWICE", column=name)
    if len(found) != len(source.item.columns):
        raise source.invalid("COLUMN_UNDECLARED")
