"""Reading supplied files into canonical Parquet, or naming the place where one does not fit its declaration."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors import landing
from connectors.engine import SupplyEngine
from connectors.files import DigestedFile
from policies.catalog import CatalogItem
from policies.engine import engine_text as sql
from sandbox.kernel.errors import YuneiError

_HEADER_LIMIT = 65_536
_STRUCTURE = {
    "MISSING COLUMNS": "COLUMN_COUNT",
    "TOO MANY COLUMNS": "COLUMN_COUNT",
    "UNQUOTED VALUE": "QUOTING",
    "LINE SIZE OVER MAXIMUM": "LINE_TOO_LONG",
    "INVALID ENCODING": "ENCODING",
}


@dataclass(frozen=True)
class Landing:
    """A file to be read: the private copy, the name its owner knows it by, and the item it claims to be."""

    copy: Path
    name: str
    item: CatalogItem

    def invalid(self, rule: str, **place: str | int) -> YuneiError:
        """Return the refusal: file, place and rule, never the value."""
        return YuneiError("DATA_INVALID", file=self.name, table=self.item.table, rule=rule, **place)


def land(engine: SupplyEngine, sources: Sequence[Landing], target: Path) -> tuple[str, int]:
    """Write the rows of all files, one file after the other in declared types, as canonical Parquet at `target`.

    Returns:
        Digest and row count of the canonical file.

    Raises:
        YuneiError: `DATA_INVALID` with file, row or line, column and rule; `SUPPLY_FAILED`; `DISK_FULL`.

    """
    written = engine.write_each([_fitting(engine, source) for source in sources], DigestedFile(target))
    _check_size_band(engine, sources[0], target)
    return written


def _fitting(engine: SupplyEngine, source: Landing) -> str:
    """Return the query for one file's rows in declared types, once every one of them fits."""
    relation, types = _csv(source) if source.name.endswith(".csv") else _parquet(engine, source)
    columns = source.item.columns
    misfits = [(name, landing.misfit(name, column, types[name])) for name, column in columns.items()]
    try:
        counts = engine.rows(f"SELECT {', '.join(f'count(*) FILTER ({bad})' for _, bad in misfits)} FROM {relation}")[0]
    except YuneiError as error:
        raise _structural(engine, source, types) or error from None
    for (name, bad), count in zip(misfits, counts, strict=True):
        if count:
            raise source.invalid("TYPE", row=_first_row(engine, relation, bad), column=name, count=count)
    kept = (f"{landing.converted(name, column, types[name])} AS {sql.name(name)}" for name, column in columns.items())
    return f"SELECT {', '.join(kept)} FROM {relation}"


def _check_size_band(engine: SupplyEngine, source: Landing, written: Path) -> None:
    """Hold the number of units to its public bound: ranges of counts and sums, and what δ may be, are derived from it."""
    unit = source.item.unit
    if unit is None or unit.references is not None:
        return
    counted = f"SELECT count(DISTINCT {sql.name(unit.key)}) > {unit.size_band} FROM {landing.parquet_relation(str(written))}"
    if engine.rows(counted)[0][0]:
        raise source.invalid("SIZE_BAND", column=unit.key)


def _csv(source: Landing) -> tuple[str, dict[str, str]]:
    header = _header(source)
    _check_names(source, header)
    return landing.csv_relation(str(source.copy), header), dict.fromkeys(header, "VARCHAR")


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


def _first_row(engine: SupplyEngine, relation: str, bad: str) -> int:
    """Number of the first misfit row, counted from 1 after the header."""
    numbered = f"SELECT *, row_number() OVER () AS __row FROM {relation}"
    return int(engine.rows(f"SELECT min(__row) FROM ({numbered}) WHERE {bad}")[0][0])


def _structural(engine: SupplyEngine, source: Landing, types: dict[str, str]) -> YuneiError | None:
    """Find the first malformed line of a CSV file; only its number and kind are read, never its text."""
    if not source.name.endswith(".csv"):
        return source.invalid("FORMAT")
    relation = landing.csv_rejects_relation(str(source.copy), list(types))
    try:
        engine.rows(f"SELECT {', '.join(f'count({sql.name(name)})' for name in types)} FROM {relation}")
        found = engine.rows("SELECT line, error_type::VARCHAR FROM reject_errors ORDER BY line LIMIT 1")
    except YuneiError:
        return source.invalid("STRUCTURE")
    if not found:
        return None
    return source.invalid(_STRUCTURE.get(found[0][1], "STRUCTURE"), line=int(found[0][0]))
