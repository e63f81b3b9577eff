"""Supplied rows that do not fit: named by place where they refuse the delivery, set aside where the catalog admits them."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from connectors.csv_records import MalformedError, records
from connectors.engine import SupplyEngine
from connectors.files import DigestedFile, private_directory
from connectors.ingest import Examined
from sandbox.kernel.canonical import Json
from sandbox.kernel.errors import YuneiError

MOST_PLACES = 100
"""Places that a refusal names."""

FOLDER = "quarantine"
PLACES = "places.json"
TYPE, COLUMN_COUNT = "TYPE", "COLUMN_COUNT"


@dataclass(frozen=True)
class BadRow:
    """A row that does not fit: where it stands (`line` in CSV, `row` from 1 in Parquet), by which rule, in which columns.

    `text` is the record of a CSV file as supplied: data, which goes to the quarantine and nowhere else.
    """

    rule: str
    place: Mapping[str, int]
    columns: tuple[str, ...]
    text: bytes = b""

    def as_json(self, file: str) -> dict[str, Json]:
        """Return the place: no value of the row."""
        named: dict[str, Json] = {"columns": [*self.columns]} if self.columns else {}
        return {"file": file, **self.place, "rule": self.rule, **named}


def check_count(engine: SupplyEngine, examined: Sequence[Examined]) -> None:
    """Refuse a delivery with more bad rows than its catalog item admits.

    Raises:
        YuneiError: `DATA_INVALID` by the rule `BAD_ROWS`, with their number and the first `MOST_PLACES` places.

    """
    item, bad = examined[0].source.item, sum(one.bad for one in examined)
    if bad <= item.max_bad_rows:
        return
    found = ((one, row) for one in examined if one.bad for row in bad_rows(engine, one, MOST_PLACES))
    places: list[Json] = [row.as_json(one.source.name) for one, row in islice(found, MOST_PLACES)]
    facts: dict[str, Json] = {"bad_rows": bad, "max_bad_rows": item.max_bad_rows, "places": places}
    raise YuneiError("DATA_INVALID", table=item.table, rule="BAD_ROWS", **facts)


def set_aside(engine: SupplyEngine, examined: Sequence[Examined], directory: Path) -> dict[str, Json] | None:
    """Write the bad rows as they were supplied below `directory`, a file per file, with the list of their places.

    Returns:
        What may be told of them: how many, by rule, and by column how many values; None where there is none.

    """
    touched = [one for one in examined if one.bad]
    if not touched:
        return None
    folder = private_directory(directory, FOLDER)
    places: list[Json] = []
    for one in touched:
        places += [row.as_json(one.source.name) for row in _written(engine, one, folder / Path(one.source.name).name)]
    with DigestedFile(folder / PLACES) as file:
        file.write(json.dumps(places, ensure_ascii=False, indent=1).encode() + b"\n")
    columns: Counter[str] = Counter()
    for one in touched:
        columns.update(one.by_column)
    rules = {COLUMN_COUNT: sum(len(one.odd) for one in touched), TYPE: sum(one.misfits for one in touched)}
    return {"rows": sum(rules.values()), "rules": {**rules}, "columns": {**columns}}


def bad_rows(engine: SupplyEngine, examined: Examined, most: int) -> Iterator[BadRow]:
    """Yield the bad rows of a file in its order, the first `most` at least if there are so many."""
    misfits = _misfits(engine, examined, most) if examined.misfits else {}
    if not examined.source.is_csv:
        return (BadRow(TYPE, {"row": row}, columns) for row, columns in misfits.items())
    return _of_csv(examined, misfits, frozenset(examined.odd[:most]))


def _misfits(engine: SupplyEngine, examined: Examined, most: int) -> dict[int, tuple[str, ...]]:
    """Return the first rows with a value that does not fit, numbered from 1 among those read, with their columns."""
    predicates = examined.predicates
    flags = ", ".join(f"({bad}) AS bad_{number}" for number, bad in enumerate(predicates.values()))
    numbered = f"SELECT row_number() OVER () AS __row, {examined.misfit} AS __bad, {flags} FROM {examined.relation}"
    names = ", ".join(f"bad_{number}" for number in range(len(predicates)))
    rows = engine.rows(f"SELECT __row, {names} FROM ({numbered}) WHERE __bad ORDER BY __row LIMIT {most}")
    return {row: tuple(name for name, bad in zip(predicates, flagged, strict=True) if bad) for row, *flagged in rows}


def _of_csv(examined: Examined, misfits: Mapping[int, tuple[str, ...]], odd: frozenset[int]) -> Iterator[BadRow]:
    """Read the file once more for the lines and the text; the row's number counts the records that the engine read.

    Where all are asked for the two readers must have found the same rows, or something would be lost.
    """
    row, wanted = -1, len(misfits) + len(odd)  # the header counts as row 0
    columns, skipped, whole = len(examined.types), frozenset(examined.odd), wanted == examined.bad
    try:
        for record in records(examined.source.copy):
            if not record.is_row(columns):
                continue
            if record.line in skipped:
                if record.line in odd:
                    yield BadRow(COLUMN_COUNT, {"line": record.line}, (), record.text)
                    wanted -= 1
            else:
                row += 1
                if row in misfits:
                    yield BadRow(TYPE, {"line": record.line}, misfits[row], record.text)
                    wanted -= 1
            if not wanted and not whole:
                return
    except MalformedError as found:
        raise examined.source.invalid(found.rule, line=found.line) from None
    if wanted or row != examined.rows:
        raise examined.source.invalid("STRUCTURE")


def _written(engine: SupplyEngine, examined: Examined, target: Path) -> Iterator[BadRow]:
    """Write the bad rows of one file and yield them."""
    found = bad_rows(engine, examined, examined.bad)
    if not examined.source.is_csv:
        engine.write(f"SELECT * FROM {examined.relation} WHERE {examined.misfit}", {}, DigestedFile(target))
        yield from found
        return
    with DigestedFile(target) as file:
        file.write(next(records(examined.source.copy)).text)
        for row in found:
            file.write(row.text if row.text.endswith(b"\n") else row.text + b"\n")
            yield row
