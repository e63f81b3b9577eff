"""A small city made for the audit: people, their visits, and two data sets that differ in one person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from policies.catalog import ColumnType
from policies.grant import PSEUDONYM, RANK, UNIT, Grant, GrantedColumn, GrantedTable
from policies.policy import Policy
from policies.query import SubmittedQuery
from sandbox.kernel.canonical import digest_bytes
from sandbox.kernel.run import ExtractRef

BAND, MAX_VISITS, GROUPS, PER_GROUP = 1_000, 8, 3, 4
PURPOSE, AGREEMENT = "market_research", "agr-privacy-audit"
Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]

_KEY = {"use": ["join", "count_distinct"]}
_GROUP = frozenset({"group", "compare"})
_NUMBERS = frozenset({"sum", "avg", "count", "quantile"})


def _number(name: str, low: int, high: int) -> GrantedColumn:
    bounds = {"low": low, "high": high, "step": Decimal(1)}
    return GrantedColumn(name, ColumnType(kind="integer"), frozenset({"aggregate", "compare"}), _NUMBERS, **bounds)  # type: ignore[arg-type]


def _label(name: str, *domain: str) -> GrantedColumn:
    return GrantedColumn(name, ColumnType(kind="text"), _GROUP, frozenset({"count"}), domain=domain or None)


def _person(name: str) -> GrantedColumn:
    return GrantedColumn(
        name, ColumnType(kind="integer"), frozenset(_KEY["use"]), frozenset(), key_of="people.person", nullable=False
    )


_COLUMNS: Mapping[str, Sequence[GrantedColumn]] = {
    "people": (_person("person"), _label("kind", "a", "b"), _label("street"), _number("score", -1_000, 5_000)),
    "visits": (_person("person"), _label("ward", "x", "y"), _label("code"), _number("cost", 0, 2_000)),
}
_ARROW = {"integer": pa.int64(), "text": pa.string()}


def grant(*, capped: bool = True) -> Grant:
    """Return what may be asked of the city, ε = 4 for one query at δ = 10^-6; `capped`: groups and rows of each have caps."""
    document = {
        "policy": "privacy-audit",
        "version": 1,
        "agreement": AGREEMENT,
        "purpose": [PURPOSE],
        "valid": {"from": date(2026, 1, 1), "until": date(2026, 12, 31), "max_jobs": 1},
        "environment": ["prod"],
        "protection": {"mode": "dp", "epsilon": "4", "delta": "0.000001", "per_job_epsilon_max": "4"},
        "output": {"max_rows": 10_000, "max_cells": 100_000, "min_units": 1},
        "review": {"route": "two_person"},
        "tables": {
            name: {"unit": {"key": "person"}, "columns": {column.name: {"use": sorted(column.use)} for column in columns}}
            for name, columns in _COLUMNS.items()
        },
    }
    people = GrantedTable("people", "audit.people", "org", False, _by_name("people"), "person", max_rows=1)
    caps = {"max_rows": MAX_VISITS, **({"max_groups": GROUPS, "max_rows_per_group": PER_GROUP} if capped else {})}
    visits = GrantedTable("visits", "audit.visits", "org", False, _by_name("visits"), "person", ("people", "person"), **caps)  # type: ignore[arg-type]
    joins = frozenset({frozenset({("people", "person"), ("visits", "person")}), frozenset({("visits", "person")})})
    digests = ("sha256:policy", "sha256:catalog", "sha256:grant")
    return Grant(Policy.model_validate(document), {"people": people, "visits": visits}, joins, "person", BAND, *digests)


def _by_name(table: str) -> dict[str, GrantedColumn]:
    return {column.name: column for column in _COLUMNS[table]}


def submitted(sql: str) -> SubmittedQuery:
    """Return a text as an analyst sends it."""
    return SubmittedQuery(AGREEMENT, PURPOSE, "prod", sql, {})


@dataclass(frozen=True)
class Unit:
    """One person with its visits."""

    person: Row
    visits: Sequence[Row]


PLAIN = Unit({"kind": "a", "street": "north", "score": 900}, [{"ward": "x", "code": "c1", "cost": 120}, {"ward": "y"}])
HEAVY = Unit({"kind": "a", "street": "south", "score": 5_000}, [{"ward": "x", "code": "c9", "cost": 2_000}] * MAX_VISITS)
LOW = Unit({"kind": "b", "street": "south", "score": -1_000}, [{"ward": "y", "code": "c8", "cost": 0}] * MAX_VISITS)
SPREAD = Unit(
    {"kind": "b", "street": "south", "score": 5_000},
    [{"ward": "xy"[place % 2], "code": f"d{place}", "cost": 2_000} for place in range(MAX_VISITS)],
)
BROKEN = Unit(
    {"kind": None, "street": None, "score": 2**62},
    [{"ward": "elsewhere", "code": None, "cost": -(2**62)}, {"ward": None, "code": "c7", "cost": None}] * (MAX_VISITS // 2),
)
SILENT = Unit({"kind": "a", "street": "south", "score": 0}, [])
FEW = (PLAIN, PLAIN)
CROWD = tuple(
    Unit(PLAIN.person, [{"ward": "x", "code": "c1", "cost": 20 * (MAX_VISITS * place + visit)} for visit in range(MAX_VISITS)])
    for place in range(12)
)
"""Values spread over the whole range: one unit at its end moves the scores of all bins, up on one side and down on the other."""


def tables(*units: Unit) -> Tables:
    """Return the rows of units as supply would hold them; the dense ids are those of this data set."""
    found: dict[str, list[Row]] = {"people": [], "visits": []}
    for place, unit in enumerate(units):
        pseudonym = 2**63 + 7919 * place
        base = {UNIT: place, PSEUDONYM: pseudonym, "person": pseudonym}
        found["people"].append({**base, RANK: 0, **unit.person})
        found["visits"] += [{**base, RANK: rank, **visit} for rank, visit in enumerate(unit.visits)]
    return found


def neighbours(unit: Unit, others: Sequence[Unit]) -> tuple[Tables, Tables]:
    """Return the city with the unit and without it."""
    return tables(*others, unit), tables(*others)


def written(made: Tables, folder: Path) -> tuple[ExtractRef, ...]:
    """Write the tables as extracts."""
    folder.mkdir(parents=True)
    refs = []
    for name, rows in made.items():
        types = [*((UNIT, pa.int64()), (PSEUDONYM, pa.uint64()), (RANK, pa.uint64()))]
        types += [(c.name, pa.uint64() if c.key_of else _ARROW[c.type.kind]) for c in _COLUMNS[name]]
        columns = {column: pa.array([row.get(column) for row in rows], kind) for column, kind in types}
        path = folder / f"{name}.parquet"
        pq.write_table(pa.table(columns), path)
        refs.append(ExtractRef(name, folder.name, str(path), digest_bytes(path.read_bytes())))
    return tuple(refs)
