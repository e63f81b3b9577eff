"""For the tests of protection: governed queries built by hand, without compiler or engine, and a log that only remembers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import combinations

from egress.model import CorePlan, ProtectionPlan
from policies.grant import Grant, GrantedTable
from policies.policy import Policy
from policies.query import Aggregate, Core, GovernedQuery, GroupKey, OutputColumn, TableUse, UnitBounds
from policies.splitting.cores import shape_of
from policies.tree import HIGH, LOW, Combined, Const, CoreRows, Cut, Mapped, Named, Order, Ref, Relation, Shape, Sorted
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


def order(name: str, *, descending: bool = False, nulls_first: bool = False) -> Order:
    """Return an ORDER BY term over a column of the core."""
    return Order(Ref(name), descending, nulls_first)


def governed(
    *aggregates: Aggregate,
    keys: tuple[GroupKey, ...] = (GENDER,),
    bounds: UnitBounds | None = None,
    ordered: tuple[Order, ...] = (),
    limit: int | None = None,
    rows_band: int = 1_000_000,
    shown: tuple[str, ...] | None = None,
    **terms: object,
) -> GovernedQuery:
    """Return a query over `people` with one core that shows all keys and aggregates, or those named; `terms` go to the policy."""
    core = core_of("c0", aggregates, keys, bounds or unit())
    rows: Relation = CoreRows("c0")
    if ordered:
        rows = Sorted(rows, ordered)
    if limit is not None:
        rows = Cut(rows, limit, 0)
    return _query((core,), tuple(_outputs(core, shown)), rows, rows_band, terms)


def rollup(*aggregates: Aggregate, key: GroupKey = GENDER, bounds: UnitBounds | None = None, **terms: object) -> GovernedQuery:
    """Return a query with two cores, as GROUP BY ROLLUP (key) makes them: the rows by key, then the row over all."""
    fine, whole = (
        replace(core_of(f"c{place}", aggregates, keys, bounds or unit()), family="c0") for place, keys in enumerate(((key,), ()))
    )
    outputs = tuple(
        replace(item, sources=(*item.sources, ("c1", item.sources[0][1])) if item.interval else item.sources)
        for item in _outputs(fine, None)
    )
    aggregate_columns = [name for item in fine.aggregates for name in (item.name, item.name + LOW, item.name + HIGH)]
    sides = [
        Mapped(CoreRows(core.name), (Named(key.name, value), *(Named(name, Ref(name)) for name in aggregate_columns)))
        for core, value in ((fine, Ref(key.name)), (whole, Const(None)))
    ]
    rows = Combined("union", every=True, left=sides[0], right=sides[1], names=(key.name, *aggregate_columns))
    return _query((fine, whole), outputs, rows, 1_000_000, terms)


def cube(*aggregates: Aggregate, sizes: tuple[int, ...], **terms: object) -> GovernedQuery:
    """Return a query with the cores of GROUP BY CUBE over keys of so many values, the finest first; the tree reads only that."""
    keys = [
        GroupKey(f"k{place}", "text", tuple(map(str, range(size))), nullable=False, lineage=())
        for place, size in enumerate(sizes)
    ]
    sets = [own for size in range(len(keys), -1, -1) for own in combinations(keys, size)]
    cores = tuple(replace(core_of(f"c{place}", aggregates, own, unit()), family="c0") for place, own in enumerate(sets))
    return _query(cores, tuple(_outputs(cores[0], None)), CoreRows("c0"), 1_000_000, terms)


def beside(query: GovernedQuery, *others: GovernedQuery) -> GovernedQuery:
    """Return the first query with the cores of others beside its own; the tree does not read them."""
    cores = [core for one in (query, *others) for core in one.cores]
    return replace(query, cores=tuple(replace(core, name=f"c{place}") for place, core in enumerate(cores)))


def core_of(name: str, aggregates: tuple[Aggregate, ...], keys: tuple[GroupKey, ...], bounds: UnitBounds) -> Core:
    """Return a core over `people` whose aggregates are named `a0`, `a1`, …"""
    named = tuple(replace(one, name=f"a{place}") for place, one in enumerate(aggregates))
    return Core(name, "SELECT 1", keys, named, bounds, {}, frozenset({"people"}))


def _outputs(core: Core, shown: tuple[str, ...] | None) -> Iterator[OutputColumn]:
    known = {key.name: OutputColumn(f"c_{key.name}", key.name, "key", Shape(key.type), (), (), False) for key in core.keys}
    for one in core.aggregates:
        sources, interval = ((core.name, one.name),), one.kind != "quantile"
        known[one.name] = OutputColumn(f"c_{one.name}", one.name, one.kind, shape_of(one), (), sources, interval)
    for name in known if shown is None else shown:
        yield known[name]


def _query(
    cores: tuple[Core, ...], outputs: tuple[OutputColumn, ...], rows: Relation, rows_band: int, terms: dict[str, object]
) -> GovernedQuery:
    """Show `outputs`, read off the columns of `rows`, under their own names, as `policies.splitting.rewriting` does."""
    table = GrantedTable("people", "health.people", "org-health", public=False, columns={}, unit_key="id", rows_band=rows_band)
    grant = Grant(policy(**terms), {"people": table}, frozenset(), "resident", 100_000, "sha256:p", "sha256:c", "sha256:g")
    columns = [
        Named(item.name + end, Ref(item.column + end))
        for item in outputs
        for end in (("", LOW, HIGH) if item.interval else ("",))
    ]
    return GovernedQuery(
        grant=grant,
        cores=cores,
        post=Mapped(rows, tuple(columns)),
        outputs=tuple(replace(item, column=item.name) for item in outputs),
        tables=(TableUse("people", "org-health", public=False, columns={}),),
        canonical_sql="",
        canonical_digest="sha256:q",
    )


def exact(query: GovernedQuery, *rows: tuple[Cell, ...], units: bool = False, core: int = 0) -> ExactTable:
    """Return an engine's answer for a core: keys, then per aggregate `_n` and, for sum and avg, `_s`, then `units`."""
    specs = [ColumnSpec(key.name, "key", key.type) for key in query.cores[core].keys]
    for one in query.cores[core].aggregates:
        specs.append(ColumnSpec(f"{one.name}_n", "exact", "integer"))
        if one.kind in {"sum", "avg"}:
            specs.append(ColumnSpec(f"{one.name}_s", "exact", "integer"))
    if units:
        specs.append(ColumnSpec("units", "exact", "integer"))
    return ExactTable(tuple(specs), rows)


def with_core(plan: ProtectionPlan, place: int = 0, **changes: object) -> ProtectionPlan:
    """Return the plan with one core's plan changed, and nothing else."""
    cores: list[CorePlan] = list(plan.cores)
    cores[place] = replace(cores[place], **changes)  # type: ignore[arg-type]
    return replace(plan, cores=tuple(cores))


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
