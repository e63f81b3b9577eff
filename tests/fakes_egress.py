"""For the tests of protection: governed queries built by hand, without compiler or engine, and a log that only remembers."""

from datetime import date
from decimal import Decimal

from sqlglot import exp

from policies.grant import Grant, GrantedTable
from policies.policy import Policy
from policies.query import Aggregate, GovernedQuery, GroupKey, Order, OutputColumn, TableUse, UnitBounds
from sandbox.kernel.audit.model import AuditEvent
from sandbox.kernel.db import Transaction
from sandbox.kernel.run import Cell, ColumnSpec, ExactTable

GENDER = GroupKey("k0", "text", ("F", "M"), nullable=False, lineage=("people.gender",))
TOWN = GroupKey("k0", "text", None, nullable=True, lineage=("people.town",))
COUNT = Aggregate("a0", "count", has_argument=False, low=1, high=1, step=Decimal(1), lineage=())
UNITS = Aggregate("a0", "count_unit", has_argument=True, low=1, high=1, step=Decimal(1), lineage=())
SUM = Aggregate("a0", "sum", has_argument=True, low=-300, high=2_000, step=Decimal("0.01"), lineage=("people.cost",))
AVG = Aggregate("a0", "avg", has_argument=True, low=0, high=120, step=Decimal("0.5"), lineage=("people.age",))


def policy(**changes: object) -> Policy:
    """Return a policy; `changes` replace fields of `protection` or `output`."""
    protection = {"mode": "dp", "epsilon": "10", "delta": "0.0000001", "per_job_epsilon_max": "4"}
    output = {"max_rows": 10_000, "max_cells": 100_000, "min_units": 10}
    for name, value in changes.items():
        (protection if name in protection else output)[name] = value
    return Policy.model_validate(
        {
            "policy": "p",
            "version": 1,
            "agreement": "agr-1",
            "purpose": ["planning"],
            "valid": {"from": date(2026, 1, 1), "until": date(2026, 12, 31), "max_jobs": 500},
            "environment": ["prod"],
            "protection": protection,
            "output": output,
            "review": {"route": "two_person"},
            "tables": {"people": {"unit": {"key": "id"}, "columns": {"gender": {"use": ["group"]}}}},
        }
    )


def unit(**changes: object) -> UnitBounds:
    """Return the bounds of a unit with one row, unless changed."""
    fields = {
        "kind": "resident",
        "size_band": 100_000,
        "max_rows": 1,
        "max_groups": None,
        "max_rows_per_group": None,
        "one_group": False,
        "lineages": ("health.people",),
    }
    return UnitBounds(**(fields | changes))  # type: ignore[arg-type]


def governed(
    *aggregates: Aggregate,
    keys: tuple[GroupKey, ...] = (GENDER,),
    bounds: UnitBounds | None = None,
    order: tuple[Order, ...] = (),
    limit: int | None = None,
    rows_band: int = 1_000_000,
    outputs: tuple[OutputColumn, ...] | None = None,
    **terms: object,
) -> GovernedQuery:
    """Return a query over `people` that shows all keys and aggregates; `terms` go to the policy."""
    table = GrantedTable("people", "health.people", "org-health", public=False, columns={}, unit_key="id", rows_band=rows_band)
    grant = Grant(policy(**terms), {"people": table}, frozenset(), "resident", 100_000, "sha256:p", "sha256:c", "sha256:g")
    named = tuple(
        Aggregate(f"a{place}", one.kind, one.has_argument, one.low, one.high, one.step, one.lineage)
        for place, one in enumerate(aggregates)
    )
    shown = tuple(OutputColumn(f"c_{item.name}", item.name) for item in (*keys, *named))
    return GovernedQuery(
        grant=grant,
        relation=exp.select("1"),
        keys=keys,
        aggregates=named,
        outputs=shown if outputs is None else outputs,
        order=order,
        limit=limit,
        unit=bounds or unit(),
        tables=(TableUse("people", "org-health", public=False, columns={}),),
        parameters={},
        canonical_sql="",
        canonical_digest="sha256:q",
    )


def exact(query: GovernedQuery, *rows: tuple[Cell, ...], units: bool = False) -> ExactTable:
    """Return an engine's answer: keys, then per aggregate `_n` and, for sum and avg, `_s`, then `units`."""
    specs = [ColumnSpec(key.name, "key", key.type) for key in query.keys]
    for one in query.aggregates:
        specs.append(ColumnSpec(f"{one.name}_n", "exact", "integer"))
        if one.kind in {"sum", "avg"}:
            specs.append(ColumnSpec(f"{one.name}_s", "exact", "integer"))
    if units:
        specs.append(ColumnSpec("units", "exact", "integer"))
    return ExactTable(tuple(specs), rows)


class Recorder:
    """Keeps events instead of logging them; `fails` breaks the append, as a full disk would."""

    def __init__(self, *, fails: bool = False) -> None:
        self.events: list[AuditEvent] = []
        self.fails = fails

    def append(self, tx: Transaction, event: AuditEvent) -> int:
        if self.fails:
            raise OSError("no space")
        self.events.append(event)
        return len(self.events) - 1
