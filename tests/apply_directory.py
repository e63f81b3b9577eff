"""A tiny directory to apply, and the services that apply it; tests change one thing of it at a time."""

import json
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.intake import Intake
from connectors.service import CatalogService, SupplyService
from egress.ledger.service import Ledger
from policies.service import PolicyService
from sandbox.kernel.audit.service import AuditLog
from sandbox.kernel.clock import ManualClock
from sandbox.kernel.db import Database
from sandbox.kernel.keys import KeyRing
from sandbox.kernel.settings import Settings
from sandbox.migrations.upgrade import upgrade
from tenants.service import TenantService

CANARY = "司马金丝雀"
AGREEMENT = "agr-clinic"
DOCUMENTS: dict[str, Any] = {
    "organisations.yaml": [
        {"id": "org-health", "kind": "institution", "name": "卫健委"},
        {"id": "org-operator", "kind": "operator", "name": "运营公司"},
        {"id": "org-insurer", "kind": "application", "name": "保险公司"},
        {"id": "org-bureau", "kind": "authority", "name": "数据局"},
        {"id": "org-platform", "kind": "platform", "name": "平台"},
    ],
    "people.yaml": [
        {"id": "per-an", "organisation": "org-operator", "name": "安", "roles": ["operator"]},
        {"id": "per-wang", "organisation": "org-health", "name": "王", "roles": ["reviewer_owner"]},
        {"id": "per-li", "organisation": "org-bureau", "name": "李", "roles": ["reviewer_authority"]},
        {"id": "per-xi", "organisation": "org-platform", "name": "系", "roles": ["admin_system"]},
        {"id": "per-mi", "organisation": "org-platform", "name": "密", "roles": ["admin_security"]},
        {"id": "per-shen", "organisation": "org-platform", "name": "审", "roles": ["admin_audit"]},
    ],
    "catalog/residents.yaml": {
        "table": "residents",
        "lineage": "civil.residents",
        "institution": "org-health",
        "unit": {"kind": "resident", "key": "resident_id", "size_band": 100},
        "columns": {
            "resident_id": {"type": "text", "category": "direct_identifier", "level": "L4"},
            "gender": {"type": "text", "category": "quasi_identifier", "level": "L2", "domain": ["男", "女"]},
            "name": {"type": "text", "category": "direct_identifier", "level": "L4"},
        },
    },
    "agreements.yaml": [
        {
            "id": AGREEMENT,
            "operation_agreement": "opa-2026-001",
            "operator": "org-operator",
            "application": "org-insurer",
            "from": "2026-01-01",
            "until": "2026-12-31",
        }
    ],
    "policies/clinic.yaml": {
        "policy": "clinic",
        "version": 1,
        "agreement": AGREEMENT,
        "purpose": ["planning"],
        "valid": {"from": "2026-01-01", "until": "2026-12-31", "max_jobs": 10},
        "environment": ["dev", "prod"],
        "protection": {"mode": "dp", "epsilon": "4", "delta": "0.00001", "per_job_epsilon_max": "1"},
        "output": {"max_rows": 100, "max_cells": 1000},
        "review": {"route": "two_person"},
        "tables": {
            "residents": {
                "unit": {"key": "resident_id"},
                "columns": {"resident_id": {"use": ["count_distinct"]}, "gender": {"use": ["group"]}},
            }
        },
        "cases": [
            {"sql": "SELECT gender, count(*) AS n FROM residents GROUP BY gender", "expect": "allowed"},
            {"sql": "SELECT name, count(*) AS n FROM residents GROUP BY name", "expect": {"refused": "COLUMN_NOT_GRANTED"}},
        ],
    },
    "budgets.yaml": [{"unit_kind": "resident", "lineage": "civil.residents", "epsilon": "20", "delta": "0.0001"}],
    "canaries.yaml": [CANARY],
}
CSV = "resident_id,gender,name\n" + "".join(f"r{i:03d},{'男' if i % 2 else '女'},{CANARY}\n" for i in range(40))


def documents() -> dict[str, Any]:
    """Return the documents, to be changed freely."""
    return deepcopy(DOCUMENTS)


def write_directory(directory: Path, files: dict[str, Any] | None = None, data: dict[str, str] | None = None) -> Path:
    """Write documents (JSON is YAML) or raw text into `directory`."""
    for name, content in (documents() if files is None else files).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), encoding="utf-8")
    for name, text in ({"residents.csv": CSV} if data is None else data).items():
        (directory / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / "data" / name).write_text(text, encoding="utf-8")
    return directory


@dataclass(frozen=True)
class Site:
    """Services over a fresh database, with a clock that stands in June 2026."""

    settings: Settings
    db: Database
    clock: ManualClock
    keys: KeyRing
    audit: AuditLog
    tenants: TenantService
    policies: PolicyService
    catalog: CatalogService
    intake: Intake
    supply: SupplyService
    ledger: Ledger

    def events(self) -> list[tuple[str, str]]:
        """Return type and subject of every audit event."""
        with self.db.read() as tx:
            return [(one.event.type, one.event.subject) for one in self.audit.events(tx, None, -1, 10_000)]


def open_site(root: Path, settings: Settings | None = None) -> Site:
    """Migrate a new database under `root` and open services over it."""
    settings = settings or Settings(data_dir=root / "var")
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    db = Database(f"sqlite:///{settings.data_dir / 'yunei.db'}")
    upgrade(db)
    clock, keys = ManualClock(datetime(2026, 6, 1, 12, tzinfo=UTC)), KeyRing(settings.keys)
    audit = AuditLog(keys, clock, 1, "yunei.test/log")
    return Site(
        settings,
        db,
        clock,
        keys,
        audit,
        TenantService(db, clock, audit),
        PolicyService(clock, audit),
        CatalogService(clock, audit),
        Intake(db, clock, audit, settings.data_dir),
        SupplyService(db, clock, audit, keys, settings.data_dir),
        Ledger(clock, audit),
    )
