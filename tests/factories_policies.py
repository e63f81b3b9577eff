"""A small city for tests of the policy compiler: residents, their visits and payments, public hospitals."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from policies.catalog import Catalog, CatalogItem
from policies.decide import decide
from policies.grant import Grant
from policies.policy import Policy
from policies.query import Allowed, GovernedQuery, Refused, SubmittedQuery, Verdict
from policies.resolve import resolve
from sandbox.kernel.run import Parameter

BAND = 10_000


def _item(table: str, columns: Mapping[str, Mapping[str, Any]], **more: Any) -> CatalogItem:
    return CatalogItem.model_validate(
        {"table": table, "lineage": f"health.{table}", "institution": "org-health", "columns": dict(columns), **more}
    )


def _column(kind: str, category: str, level: str = "L2", **more: Any) -> dict[str, Any]:
    return {"type": kind, "category": category, "level": level, **more}


def catalog() -> Catalog:
    resident = {"kind": "resident", "key": "resident_id", "size_band": BAND}
    child = {**resident, "references": "residents.resident_id"}
    residents = _item(
        "residents",
        {
            "resident_id": _column("text", "direct_identifier", "L4"),
            "name": _column("text", "direct_identifier", "L4"),
            "gender": _column("text", "dimension", domain=("F", "M")),
            "birth_date": _column("date", "quasi_identifier", bounds=(date(1920, 3, 15), date(2026, 6, 30))),
            "district": _column("text", "dimension", domain=("长安区", "裕华区", "新华区")),
            "street": _column("text", "quasi_identifier"),
            "income": _column("decimal(10,2)", "measure", "L3", bounds=("0", "1000000"), step="0.01"),
            "balance": _column("integer", "measure", "L3", bounds=(-1000, 5000), step=5),
            "insured": _column("boolean", "dimension"),
            "note": _column("text", "free_text", "L3"),
        },
        unit=resident,
    )
    visits = _item(
        "visits",
        {
            "resident_id": _column("text", "direct_identifier", "L4"),
            "hospital": _column("text", "dimension"),
            "visit_date": _column("date", "dimension", bounds=(date(2024, 1, 10), date(2025, 12, 20))),
            "department": _column("text", "dimension", domain=("内科", "外科", "儿科")),
            "diagnosis_code": _column("text", "sensitive", "L3"),
            "cost": _column("decimal(8,2)", "measure", "L3", bounds=("0", "20000"), step="0.01"),
            "days": _column("integer", "measure"),
        },
        unit={**child, "max_rows": 200},
    )
    payments = _item(
        "payments",
        {
            "resident_id": _column("text", "direct_identifier", "L4"),
            "amount": _column("integer", "measure", "L3", bounds=(-500, 900)),
            "channel": _column("integer", "dimension", domain=(1, 2, 3)),
            "paid_on": _column("date", "dimension"),
        },
        unit={**child, "max_rows": 12},
    )
    hospitals = _item(
        "hospitals",
        {
            "hospital": _column("text", "dimension", "L1"),
            "district": _column("text", "dimension", "L1", domain=("长安区", "裕华区", "新华区")),
            "tier": _column("integer", "dimension", "L1", domain=(1, 2, 3)),
            "beds": _column("integer", "measure", "L1", bounds=(0, 5000)),
        },
        public=True,
        unique=("hospital",),
    )
    return Catalog(items={item.table: item for item in (residents, visits, payments, hospitals)})


def policy_document() -> dict[str, Any]:
    key = {"use": ["join", "count_distinct"]}
    numbers = {"use": ["aggregate"], "functions": ["sum", "avg", "count", "quantile"]}
    return {
        "policy": "clinic-usage",
        "version": 3,
        "agreement": "agr-clinic",
        "purpose": ["public_health_planning"],
        "valid": {"from": date(2026, 1, 1), "until": date(2026, 12, 31), "max_jobs": 500},
        "environment": ["dev", "prod"],
        "protection": {"mode": "dp", "epsilon": "4.0", "delta": "0.0000001", "per_job_epsilon_max": "0.5"},
        "output": {"max_rows": 10000, "max_cells": 100000, "min_units": 10},
        "review": {"route": "two_person"},
        "tables": {
            "residents": {
                "unit": {"key": "resident_id"},
                "rows": "district IN ('长安区', '裕华区')",
                "columns": {
                    "resident_id": key,
                    "gender": {"use": ["group", "compare"]},
                    "birth_date": {"use": ["group", "compare"], "coarsen": "year"},
                    "district": {"use": ["group", "compare"]},
                    "street": {"use": ["group"]},
                    "income": {"use": ["aggregate"], "functions": ["sum", "avg", "quantile"], "clamp": [0, 500000], "step": 1},
                    "balance": {**numbers, "use": ["aggregate", "compare"]},
                    "insured": {"use": ["group", "compare"]},
                },
            },
            "visits": {
                "unit": {"key": "resident_id", "references": "residents.resident_id", "max_rows": 50},
                "columns": {
                    "resident_id": key,
                    "hospital": {"use": ["join", "group"]},
                    "visit_date": {"use": ["group", "compare"], "coarsen": "month"},
                    "department": {"use": ["group", "compare"]},
                    "diagnosis_code": {"use": ["group"], "coarsen": "prefix:3"},
                    "cost": {**numbers, "clamp": [0, 20000], "step": "0.01"},
                    "days": {"use": ["aggregate", "compare"], "functions": ["sum"]},
                },
            },
            "payments": {
                "unit": {"key": "resident_id", "references": "residents.resident_id"},
                "columns": {
                    "resident_id": key,
                    "amount": numbers,
                    "channel": {"use": ["group", "compare"]},
                    "paid_on": {"use": ["group", "compare"]},
                },
            },
            "hospitals": {
                "public": True,
                "columns": {
                    "hospital": {"use": ["join", "group"]},
                    "district": {"use": ["group", "compare"]},
                    "tier": {"use": ["group", "compare"]},
                    "beds": {"use": ["aggregate", "compare"], "functions": ["sum"]},
                },
            },
        },
        "joins": [
            ["visits.resident_id", "residents.resident_id"],
            ["payments.resident_id", "residents.resident_id"],
            ["payments.resident_id", "visits.resident_id"],
            ["visits.resident_id", "visits.resident_id"],
            ["visits.hospital", "hospitals.hospital"],
        ],
    }


def policy(**changes: Any) -> Policy:
    return Policy.model_validate({**policy_document(), **changes})


def grant(**changes: Any) -> Grant:
    resolved = resolve(policy(**changes), catalog())
    assert isinstance(resolved, Grant), [item.code for item in resolved.findings]
    return resolved


GRANT = grant()


def submitted(sql: str, parameters: Mapping[str, Parameter] | None = None) -> SubmittedQuery:
    return SubmittedQuery("agr-clinic", "public_health_planning", "dev", sql, parameters or {})


def verdict(sql: str, parameters: Mapping[str, Parameter] | None = None) -> Verdict:
    return decide(submitted(sql, parameters), GRANT)


def governed(sql: str, parameters: Mapping[str, Parameter] | None = None) -> GovernedQuery:
    found = verdict(sql, parameters)
    assert isinstance(found, Allowed), [item.as_json() for item in found.findings]
    return found.governed


def codes(sql: str, parameters: Mapping[str, Parameter] | None = None) -> tuple[str, ...]:
    found = verdict(sql, parameters)
    return tuple(item.code for item in found.findings) if isinstance(found, Refused) else ()


MONEY = Decimal("0.01")
