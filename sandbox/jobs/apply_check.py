"""Whether the parts of a declaration agree with one another. Pure; all faults at once."""

from collections.abc import Iterable, Iterator, Sequence

from policies.catalog import Catalog, CatalogItem
from policies.policy import Policy
from policies.query import Refused
from policies.resolve import resolve
from sandbox.jobs.apply_model import Declaration, Fault, Placed
from sandbox.jobs.cases import run_cases
from tenants.decide import Refused as RefusedRoles
from tenants.decide import may_hold
from tenants.model import OrganisationKind


def check(declared: Declaration) -> tuple[Fault, ...]:
    """Return every fault of a declaration whose documents are in shape."""
    kinds = {entry.value.id: entry.value.kind for entry in declared.organisations}
    return (
        *_twice(declared),
        *_people(declared, kinds),
        *_parties(declared, kinds),
        *_policies(declared),
        *_budgets(declared),
        *_data(declared),
    )


def _twice(declared: Declaration) -> Iterator[Fault]:
    yield from _repeated(declared.organisations, "id", [entry.value.id for entry in declared.organisations])
    yield from _repeated(declared.people, "id", [entry.value.id for entry in declared.people])
    yield from _repeated(declared.agreements, "id", [entry.value.id for entry in declared.agreements])
    yield from _repeated(declared.items, "table", [entry.value.table for entry in declared.items])
    yield from _repeated(declared.items, "lineage", [entry.value.lineage for entry in declared.items])
    yield from _repeated(declared.policies, "policy", [entry.value.policy for entry in declared.policies])
    yield from _repeated(declared.policies, "agreement", [entry.value.agreement for entry in declared.policies])
    pairs = [f"{entry.value.unit_kind} {entry.value.lineage}" for entry in declared.budgets]
    yield from _repeated(declared.budgets, "lineage", pairs)


def _repeated(entries: Sequence[Placed[object]], field: str, names: Iterable[str]) -> Iterator[Fault]:
    seen: set[str] = set()
    for entry, name in zip(entries, names, strict=True):
        if name in seen:
            yield entry.fault(field, "ID_TWICE", name)
        seen.add(name)


def _people(declared: Declaration, kinds: dict[str, OrganisationKind]) -> Iterator[Fault]:
    for entry in declared.people:
        kind = kinds.get(entry.value.organisation)
        if kind is None:
            yield entry.fault("organisation", "REFERENCE_UNKNOWN", entry.value.organisation)
            continue
        decision = may_hold(frozenset(entry.value.roles), kind)
        if isinstance(decision, RefusedRoles):
            yield entry.fault("roles", decision.code, kind)


def _parties(declared: Declaration, kinds: dict[str, OrganisationKind]) -> Iterator[Fault]:
    for entry in declared.agreements:
        yield from _party(entry, "operator", entry.value.operator, "operator", kinds)
        yield from _party(entry, "application", entry.value.application, "application", kinds)
    for item in declared.items:
        yield from _party(item, "institution", item.value.institution, "institution", kinds)


def _party(
    entry: Placed[object], field: str, name: str, expected: OrganisationKind, kinds: dict[str, OrganisationKind]
) -> Iterator[Fault]:
    if name not in kinds:
        yield entry.fault(field, "REFERENCE_UNKNOWN", name)
    elif kinds[name] != expected:
        yield entry.fault(field, "PARTY_KIND", f"{name}: {kinds[name]}, not {expected}")


def _policies(declared: Declaration) -> Iterator[Fault]:
    catalog = declared.catalog
    known = {entry.value.id for entry in declared.agreements}
    for entry in declared.policies:
        if entry.value.agreement not in known:
            yield entry.fault("agreement", "REFERENCE_UNKNOWN", entry.value.agreement)
        yield from _policy(entry, catalog)


def _policy(entry: Placed[Policy], catalog: Catalog) -> Iterator[Fault]:
    grant = resolve(entry.value, catalog)
    if isinstance(grant, Refused):
        for finding in grant.findings:
            yield entry.fault(finding.object or "tables", "POLICY_REFUSED", f"{finding.code}: {finding.en}")
        return
    for i, outcome in enumerate(run_cases(grant)):
        if not outcome.passed:
            yield entry.fault(
                f"cases[{i}]", "CASE_FAILED", f"expected {outcome.expected}, got {', '.join(outcome.found) or 'allowed'}"
            )


def _budgets(declared: Declaration) -> Iterator[Fault]:
    sets = {(item.value.unit.kind, item.value.lineage) for item in declared.items if item.value.unit is not None}
    budgeted = {(entry.value.unit_kind, entry.value.lineage) for entry in declared.budgets}
    for entry in declared.budgets:
        if (entry.value.unit_kind, entry.value.lineage) not in sets:
            yield entry.fault("lineage", "BUDGET_UNKNOWN", entry.value.lineage)
    for policy, table, item in _granted(declared):
        for charged in (item, declared.catalog.items.get(item.owner)):
            if charged is not None and charged.unit is not None and (charged.unit.kind, charged.lineage) not in budgeted:
                yield policy.fault(f"tables.{table}", "BUDGET_MISSING", f"{charged.unit.kind} {charged.lineage}")


def _data(declared: Declaration) -> Iterator[Fault]:
    tables = declared.catalog.items
    for table, path in declared.data.items():
        if table not in tables:
            yield Fault(f"data/{path.name}", "", "DATA_UNKNOWN", table)
    for policy, table, item in _granted(declared):
        for needed in sorted({table, item.owner} & tables.keys() - declared.data.keys()):
            yield policy.fault(f"tables.{table}", "DATA_MISSING", needed)


def _granted(declared: Declaration) -> Iterator[tuple[Placed[Policy], str, CatalogItem]]:
    """Yield every declared table that a policy grants; tables not declared are `resolve`'s to refuse."""
    items = declared.catalog.items
    for policy in declared.policies:
        for table in policy.value.tables:
            if table in items:
                yield policy, table, items[table]
