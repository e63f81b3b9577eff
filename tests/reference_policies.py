"""A plain-Python reading of generated queries: rows are joined, bounded and aggregated one by one, without any SQL engine."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from policies.check import typed_parameter
from policies.query import Bounding, EngineSql
from sandbox.kernel.run import Parameter
from tests.neighbours import open_engine

Row = Mapping[str, Any]

TABLES = {
    "residents": "resident_id UBIGINT, gender VARCHAR, birth_date DATE, insured BOOLEAN, balance BIGINT, income DECIMAL(10,2)",
    "visits": "resident_id UBIGINT, hospital VARCHAR, visit_date DATE, department VARCHAR, cost DECIMAL(8,2), days BIGINT",
    "hospitals": "hospital VARCHAR, tier BIGINT, beds BIGINT",
}


def benign() -> list[tuple[str, dict[str, Parameter]]]:
    """Return every ordinary query of `tests/sql` with the values of its parameters, which stand in its heading as JSON."""
    blocks = (Path(__file__).parent / "sql" / "benign.sql").read_text().strip().split("\n\n")
    found = []
    for heading, sql in (block.split("\n", 1) for block in blocks):
        given = re.search(r"\{.*\}", heading)
        values = json.loads(given[0]) if given else {}
        found.append((sql, {name: typed_parameter(value) for name, value in values.items()}))
    return found


SUPPLIED = ", __unit BIGINT, __pid UBIGINT, __rank UBIGINT"


@dataclass(frozen=True)
class City:
    """Rows of the three tables. Residents carry `resident_id` (their pseudonym) and `__unit`."""

    residents: tuple[Row, ...]
    visits: tuple[Row, ...]
    hospitals: tuple[Row, ...]

    def without(self, unit: int) -> "City":
        """Remove one unit with all its rows. The dense ids of all others change, as they do at supply."""
        dense = {row["__unit"]: index for index, row in enumerate(r for r in self.residents if r["__unit"] != unit)}

        def kept(rows: Sequence[Row]) -> tuple[Row, ...]:
            return tuple({**row, "__unit": dense[row["__unit"]]} for row in rows if row["__unit"] != unit)

        return City(kept(self.residents), kept(self.visits), self.hospitals)


_connection = cache(open_engine)
"""One engine for the whole run: opening one takes longer than a query."""


def run(engine: EngineSql, city: City, parameters: Mapping[str, Parameter]) -> list[tuple[Any, ...]]:
    """Run generated SQL on the city."""
    connection = _connection()
    for name, declared in TABLES.items():
        columns = f"{declared}{'' if name == 'hospitals' else SUPPLIED}"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({columns})")
        names = [part.split()[0] for part in columns.split(", ")]
        cells = [row.get(column) for row in getattr(city, name) for column in names]
        if cells:
            line = f"({', '.join('?' * len(names))})"
            connection.execute(f"INSERT INTO {name} VALUES {', '.join([line] * (len(cells) // len(names)))}", cells)
    return connection.execute(engine.sql, dict(parameters) or None).fetchall()


@dataclass(frozen=True)
class Expression:
    """An expression as text and as a function of a joined row; NULL is None, numbers are exact fractions."""

    sql: str
    value: Callable[[Row], Any]


@dataclass(frozen=True)
class Asked:
    """One aggregate: its kind, its argument (None counts rows or units) and the text."""

    kind: str
    sql: str
    argument: Expression | None = None


@dataclass(frozen=True)
class Question:
    """A generated query, as text and as what it means.

    `sources` names tables by a letter; what follows `>` is joined from the left. `rolled`: grouped by ROLLUP of the keys.
    """

    sources: str
    keys: tuple[Expression, ...]
    where: Expression | None
    aggregates: tuple[Asked, ...]
    rolled: bool = False

    @property
    def sql(self) -> str:
        tables = {
            "r": "residents r",
            "v": "visits v",
            "rv": "residents r JOIN visits v ON r.resident_id = v.resident_id",
            "vh": "visits v JOIN hospitals h USING (hospital)",
            "rvh": "hospitals h JOIN visits v ON h.hospital = v.hospital JOIN residents r ON v.resident_id = r.resident_id",
            "r>v": "residents r LEFT JOIN visits v ON r.resident_id = v.resident_id",
            "v>h": "visits v LEFT JOIN hospitals h ON h.hospital = v.hospital",
            "vw": "visits v JOIN visits w ON v.resident_id = w.resident_id",
        }[self.sources]
        selected = ", ".join([key.sql for key in self.keys] + [f"{item.sql} AS x{i}" for i, item in enumerate(self.aggregates)])
        where = f" WHERE {self.where.sql}" if self.where else ""
        listed = ", ".join(key.sql for key in self.keys)
        group = f" GROUP BY {f'ROLLUP ({listed})' if self.rolled else listed}" if self.keys else ""
        return f"SELECT {selected} FROM {tables}{where}{group}"

    @property
    def ranked(self) -> bool:
        """Whether one table alone gives a unit several rows, so that their ranks tell them apart."""
        certain = self.sources.partition(">")[0]
        return "v" in certain and "w" not in certain

    def rows(self, city: City) -> list[Row]:
        """Return the joined rows that pass the condition, with `__unit` and `__pid` of their unit."""
        certain, _, optional = self.sources.partition(">")
        joined: list[dict[str, Any]] = [{}]
        for source in certain:
            joined = [{**left, **right} for left in joined for right in _rows(city, source)]
        joined = [row for row in joined if _joins(row, certain)]
        if optional:
            absent = dict.fromkeys(f"{optional}.{part.split()[0]}" for part in TABLES[_NAMES[optional]].split(", "))
            pairs = [[{**row, **other} for other in _rows(city, optional)] for row in joined]
            met = [[both for both in found if _joins(both, certain + optional)] for found in pairs]
            joined = [row for left, found in zip(joined, met, strict=True) for row in found or [{**left, **absent}]]
        return [row for row in joined if self.where is None or self.where.value(row) is True]

    def unit(self, row: Row) -> tuple[int, int]:
        source = next(source for source in self.sources if source not in "h>")
        return row[f"{source}.__unit"], row[f"{source}.__pid"]


_NAMES = {"r": "residents", "v": "visits", "w": "visits", "h": "hospitals"}


def _rows(city: City, source: str) -> list[dict[str, Any]]:
    return [{f"{source}.{name}": value for name, value in row.items()} for row in getattr(city, _NAMES[source])]


def _joins(row: Row, sources: str) -> bool:
    persons = {row[f"{source}.resident_id"] for source in sources if source != "h"}
    hospital = "h" not in sources or (row["v.hospital"] is not None and row["v.hospital"] == row["h.hospital"])
    return len(persons) == 1 and hospital


def expected(
    question: Question, city: City, bounding: Bounding, steps: Sequence[Fraction], key: bytes
) -> dict[tuple[Any, ...], list[int]]:
    """Bound, then aggregate: the exact table that the engine must return, by group."""
    cells: dict[tuple[int, int], dict[tuple[Any, ...], list[Row]]] = {}
    for row in question.rows(city):
        group = tuple(item.value(row) for item in question.keys)
        cells.setdefault(question.unit(row), {}).setdefault(group, []).append(row)
    totals: dict[tuple[Any, ...], list[int]] = {}
    for (_, pseudonym), groups in cells.items():
        kept = sorted(groups, key=lambda group: _order(question, groups[group], key, pseudonym, group))
        if bounding.sample and question.keys:
            kept = kept[: bounding.groups]
        for group in kept:
            part = _contribution(question, groups[group], bounding, steps)
            known = totals.setdefault(group, [0] * len(part))
            totals[group] = [a + b for a, b in zip(known, part, strict=True)]
    if not question.keys and not totals:
        width = sum(2 if item.kind in {"sum", "avg"} else 1 for item in question.aggregates) + bounding.units
        totals[()] = [0] * width
    return totals


def _contribution(question: Question, rows: Sequence[Row], bounding: Bounding, steps: Sequence[Fraction]) -> list[int]:
    cap = bounding.rows_per_group
    part: list[int] = []
    for item, centre, step in zip(question.aggregates, bounding.centres, steps, strict=True):
        if item.kind == "count_unit":
            part.append(1)
            continue
        values = [1 if item.argument is None else item.argument.value(row) for row in rows]
        present = [value for value in values if value is not None]
        part.append(min(len(present), cap))
        if item.kind in {"sum", "avg"}:
            exact = sum((Fraction(value) / step for value in present), Fraction(0)) - centre * len(present)
            assert exact.denominator == 1
            total = int(exact)
            if len(present) > cap:
                scaled = Fraction(total * cap, len(present))
                total = int(scaled)  # towards zero
            part.append(total)
    return [*part, 1] if bounding.units else part


def _order(question: Question, rows: Sequence[Row], key: bytes, pseudonym: int, group: tuple[Any, ...]) -> int | str:
    """By the lowest rank of the unit's rows in the group where rows have one, else by a keyed hash."""
    return min(row["v.__rank"] for row in rows) if question.ranked else _rank(key, pseudonym, group)


def _rank(key: bytes, pseudonym: int, group: tuple[Any, ...]) -> str:
    parts = [str(pseudonym)]
    for value in group:
        text = _spoken(value)
        parts.append("n" if value is None else f"v{len(text)}:{text}")
    return hashlib.sha256(key + ":".join(parts).encode()).hexdigest()[:16]


def _spoken(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def held(value: Any, low: Decimal | int, high: Decimal | int) -> Fraction | None:
    """Clamp a number; NULL stays NULL."""
    return None if value is None else min(max(Fraction(value), Fraction(low)), Fraction(high))
