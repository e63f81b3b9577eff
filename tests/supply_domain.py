"""A small domain for supply tests: two private tables and one public, with a grant made by hand."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from connectors import store
from connectors.intake import Intake
from connectors.model import Workspace
from connectors.service import CatalogService, SupplyService
from policies.catalog import CatalogItem, ColumnType
from policies.grant import OTHER_KEY, Grant, GrantedColumn, GrantedTable
from policies.policy import Policy
from sandbox.kernel.audit.model import AuditEvent
from sandbox.kernel.canonical import Json
from sandbox.kernel.clock import ManualClock
from sandbox.kernel.db import Database, Transaction, metadata
from sandbox.kernel.keys import KeyRing

AGREEMENT = "agr-test"
KEY_SPACE = "residents.resident_id"


@dataclass
class RecordingAudit:
    """Keeps events in memory; supply only appends."""

    events: list[AuditEvent] = field(default_factory=list)

    def append(self, tx: Transaction, event: AuditEvent) -> int:
        self.events.append(event)
        return len(self.events) - 1

    def violations(self, table: str) -> Json:
        return [e.payload["violations"] for e in self.events if e.type == "extract.built" and e.payload["table"] == table][-1]


RESIDENTS = CatalogItem.model_validate(
    {
        "table": "residents",
        "lineage": "civil.residents",
        "institution": "org-civil",
        "unit": {"kind": "resident", "key": "resident_id", "max_rows": 1, "size_band": 1000},
        "columns": {
            "resident_id": {"type": "text", "category": "direct_identifier", "level": "L4"},
            "name": {"type": "text", "category": "direct_identifier", "level": "L4"},
            "gender": {"type": "text", "category": "quasi_identifier", "level": "L2", "domain": ["f", "m"]},
            "birth_date": {"type": "date", "category": "quasi_identifier", "level": "L3", "bounds": ["1930-01-01", "2020-12-31"]},
            "district": {"type": "text", "category": "quasi_identifier", "level": "L2"},
            "income": {"type": "integer", "category": "sensitive", "level": "L3", "bounds": [0, 1000], "step": 1},
        },
    }
)
VISITS = CatalogItem.model_validate(
    {
        "table": "visits",
        "lineage": "health.visits",
        "institution": "org-health",
        "unit": {
            "kind": "resident",
            "key": "resident_id",
            "references": "residents.resident_id",
            "max_rows": 3,
            "size_band": 1000,
        },
        "columns": {
            "visit_id": {"type": "integer", "category": "direct_identifier", "level": "L4"},
            "resident_id": {"type": "text", "category": "direct_identifier", "level": "L4"},
            "hospital": {"type": "text", "category": "dimension", "level": "L1"},
            "visit_date": {"type": "date", "category": "quasi_identifier", "level": "L3"},
            "code": {"type": "text", "category": "sensitive", "level": "L3"},
            "ward": {"type": "integer", "category": "dimension", "level": "L1", "domain": [1, 2]},
            "cost": {"type": "decimal(10,2)", "category": "sensitive", "level": "L3", "bounds": [0, 20000], "step": "0.01"},
        },
    }
)
HOSPITALS = CatalogItem.model_validate(
    {
        "table": "hospitals",
        "lineage": "health.hospitals",
        "institution": "org-health",
        "public": True,
        "unique": ["hospital"],
        "columns": {
            "hospital": {"type": "text", "category": "dimension", "level": "L1"},
            "tier": {"type": "text", "category": "dimension", "level": "L1", "domain": ["A", "B"]},
        },
    }
)
HEADER = "visit_id,resident_id,hospital,visit_date,code,ward,cost\n"
GOOD = "1,a,h1,2025-03-09,J06.9,1,10.00\n"
"""Visits as CSV: the header, and a row that fits."""

ITEMS = (RESIDENTS, VISITS, HOSPITALS)


def column(name: str, kind: str, **more: object) -> GrantedColumn:
    """A granted column; `use` matters to supply only for the twin's empty cells."""
    declared = ColumnType.model_validate(ColumnType.parse(kind))
    return GrantedColumn(name, declared, frozenset({"group"}), frozenset(), **more)  # type: ignore[arg-type]


def _columns(*columns: GrantedColumn) -> dict[str, GrantedColumn]:
    return {one.name: one for one in columns}


GRANTED_RESIDENTS = GrantedTable(
    "residents",
    "civil.residents",
    "org-civil",
    public=False,
    columns=_columns(
        column("resident_id", "text", key_of=KEY_SPACE),
        column("gender", "text", domain=("f", "m", OTHER_KEY)),
        column("birth_date", "date", coarsen="year", dates=(date(1930, 1, 1), date(2020, 1, 1))),
        column("income", "integer", low=0, high=1000, step=Decimal(1)),
    ),
    unit_key="resident_id",
    max_rows=1,
    unique=frozenset({"resident_id"}),
)
GRANTED_VISITS = GrantedTable(
    "visits",
    "health.visits",
    "org-health",
    public=False,
    columns=_columns(
        column("resident_id", "text", key_of=KEY_SPACE),
        column("hospital", "text"),
        column("visit_date", "date", coarsen="month"),
        column("code", "text", coarsen="prefix:3"),
        column("ward", "integer", domain=(1, 2)),
        column("cost", "decimal(10,2)", low=0, high=2_000_000, step=Decimal("0.01")),
    ),
    unit_key="resident_id",
    references=("residents", "resident_id"),
    max_rows=3,
)
GRANTED_HOSPITALS = GrantedTable(
    "hospitals",
    "health.hospitals",
    "org-health",
    public=True,
    columns=_columns(column("hospital", "text"), column("tier", "text", domain=("A", "B", OTHER_KEY))),
    unique=frozenset({"hospital"}),
)


def make_grant(*tables: GrantedTable, digest: str = "sha256:" + "1" * 64, agreement: str = AGREEMENT) -> Grant:
    """A grant of these tables; all three by default."""
    policy = Policy.model_validate(
        {
            "policy": "test",
            "version": 1,
            "agreement": agreement,
            "purpose": ["research"],
            "valid": {"from": "2026-01-01", "until": "2026-12-31", "max_jobs": 10},
            "environment": ["dev", "prod"],
            "protection": {"mode": "dp", "epsilon": "1", "delta": "0.000001", "per_job_epsilon_max": "1"},
            "output": {"max_rows": 10, "max_cells": 10},
            "review": {"route": "two_person"},
            "tables": {"hospitals": {"public": True, "columns": {"hospital": {"use": ["group"]}}}},
        }
    )
    chosen = tables or (GRANTED_RESIDENTS, GRANTED_VISITS, GRANTED_HOSPITALS)
    joins = frozenset({frozenset({("visits", "hospital"), ("hospitals", "hospital")})})
    return Grant(policy, {table.name: table for table in chosen}, joins, "resident", 1000, digest, digest, digest)


def with_filter(table: GrantedTable, text: str) -> GrantedTable:
    """The same table with a row filter."""
    return replace(table, rows_filter=text)


def residents(rows: list[tuple[object, ...]]) -> pa.Table:
    """Rows of (resident_id, name, gender, birth_date, district, income)."""
    types = [pa.string(), pa.string(), pa.string(), pa.date32(), pa.string(), pa.int64()]
    return _table(list(RESIDENTS.columns), types, rows)


def visits(rows: list[tuple[object, ...]]) -> pa.Table:
    """Rows of (visit_id, resident_id, hospital, visit_date, code, ward, cost)."""
    types = [pa.int64(), pa.string(), pa.string(), pa.date32(), pa.string(), pa.int64(), pa.decimal128(10, 2)]
    return _table(list(VISITS.columns), types, rows)


def hospitals(rows: list[tuple[object, ...]]) -> pa.Table:
    """Rows of (hospital, tier)."""
    return _table(list(HOSPITALS.columns), [pa.string(), pa.string()], rows)


def _table(names: list[str], types: list[pa.DataType], rows: list[tuple[object, ...]]) -> pa.Table:
    cells = zip(*rows, strict=True) if rows else [()] * len(names)
    return pa.table({name: pa.array(list(values), kind) for name, kind, values in zip(names, types, cells, strict=True)})


BORN, SEEN = date(1980, 5, 17), date(2025, 3, 9)


def resident(
    key: str | None, gender: str = "f", born: date = BORN, district: str = "north", income: int | None = 100
) -> tuple[object, ...]:
    """One resident."""
    return key, f"name of {key}", gender, born, district, income


def visit(
    key: str | None, number: int = 1, code: str = "J06.9", cost: str | None = "10.00", ward: int | None = 1
) -> tuple[object, ...]:
    """One visit."""
    return number, key, "h1", SEEN, code, ward, None if cost is None else Decimal(cost)


class Domain:
    """Services over one temporary directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data"
        self.keys = KeyRing(root / "keys")
        self.keys.create()
        self.db = Database(f"sqlite:///{root}/test.db")
        metadata.create_all(
            self.db.engine, tables=[store.items, store.snapshots, store.workspaces, store.extracts, store.canary_values]
        )
        self.clock = ManualClock(datetime(2026, 5, 1, tzinfo=UTC))
        self.audit = RecordingAudit()
        self.catalog = CatalogService(self.clock, self.audit)  # type: ignore[arg-type]
        self.intake = Intake(self.db, self.clock, self.audit, self.data)  # type: ignore[arg-type]
        self.supply = SupplyService(self.db, self.clock, self.audit, self.keys, self.data)  # type: ignore[arg-type]
        with self.db.write() as tx:
            for item in ITEMS:
                self.catalog.put(tx, item, "per-test")

    def close(self) -> None:
        self.supply.vault.opening.close()
        self.db.close()

    def ingest(self, item: CatalogItem, table: pa.Table) -> str:
        file = self.root / f"{item.table}.parquet"
        pq.write_table(table, file)
        return self.ingest_file(item, file)

    def ingest_file(self, item: CatalogItem, file: Path) -> str:
        taken = self.intake.take(item, file)
        with self.db.write() as tx:
            self.intake.register(tx, taken, item, "per-test")
        return taken.id

    def load(
        self, people: list[tuple[object, ...]], seen: list[tuple[object, ...]], places: list[tuple[object, ...]] | None = None
    ) -> None:
        self.ingest(RESIDENTS, residents(people))
        self.ingest(VISITS, visits(seen))
        self.ingest(HOSPITALS, hospitals(places if places is not None else [("h1", "A"), ("h2", "B")]))

    def workspace(self, environment: str = "prod") -> Workspace:
        with self.db.read() as tx:
            found = self.supply.workspace(tx, AGREEMENT, environment)  # type: ignore[arg-type]
        assert found is not None
        return found

    def build(self, grant: Grant | None = None, environment: str = "prod") -> dict[str, pa.Table]:
        self.supply.build(grant or make_grant(), environment, "per-test")  # type: ignore[arg-type]
        return self.read(self.workspace(environment))

    def read(self, workspace: Workspace) -> dict[str, pa.Table]:
        with self.supply.vault.opened(workspace.extracts) as opened:
            return {ref.table: pq.read_table(ref.path) for ref in opened}
