"""Resolve a policy against the catalog: one effective view, the strictest of both everywhere, unknown terms refused."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import cast

from policies.catalog import Catalog, CatalogColumn, CatalogItem, Category
from policies.findings import Refusal, finding
from policies.grant import OTHER_KEY, Grant, GrantedColumn, GrantedTable, Value
from policies.policy import ColumnTerms, Policy, TableTerms, UnitTerms
from policies.query import DATE_CEILING, DATE_FLOOR, Finding, Refused
from policies.rows import numbers
from policies.rows.dates import first_day, periods
from policies.rows.terms import Grain
from sandbox.kernel.canonical import Json, digest

Pair = tuple[str, str]


def resolve(policy: Policy, catalog: Catalog) -> Grant | Refused:
    """Return what the policy grants under the catalog, or every reason why it cannot be granted.

    Caps, bounds and steps of the policy may only be stricter than the catalog's; a table, column or join that the
    catalog does not declare is refused. Joined key columns get the name of their key space (`key_of`), under which
    supply replaces values by pseudonyms.
    """
    findings: list[Finding] = []
    joins = _joins(policy, findings)
    spaces = _key_spaces(policy, joins)
    tables: dict[str, GrantedTable] = {}
    for name, terms in policy.tables.items():
        try:
            tables[name] = _table(name, terms, catalog, spaces)
        except Refusal as refusal:
            findings.extend(refusal.findings)
    tables = _leads(tables, catalog, findings)
    findings.extend(_join_findings(policy, tables))
    units = [item.unit for name in declaring(tables, catalog) if (item := catalog.items[name]).unit is not None]
    findings.extend(_whole_policy_findings(policy, {(unit.kind, unit.size_band) for unit in units if unit}))
    if findings:
        return Refused(tuple(findings))
    band = max(unit.size_band for unit in units if unit)
    return _grant(policy, catalog, tables, joins, (next(unit.kind for unit in units if unit), band))


def declaring(tables: Mapping[str, GrantedTable], catalog: Catalog) -> list[str]:
    """Name the items on which a grant rests: the granted tables' and the unit's own, which decides how many units there are."""
    owners = {table.references[0] for table in tables.values() if table.references is not None} & catalog.items.keys()
    beyond = {catalog.items[name].owner for name in owners}
    return sorted(tables.keys() | owners | (beyond & catalog.items.keys()))


def _grant(
    policy: Policy, catalog: Catalog, tables: Mapping[str, GrantedTable], joins: frozenset[frozenset[Pair]], unit: tuple[str, int]
) -> Grant:
    policy_digest = digest(_plain(policy.model_dump(mode="json", by_alias=True)))
    items = {name: catalog.items[name].model_dump(mode="json") for name in declaring(tables, catalog)}
    catalog_digest = digest(_plain(items))
    whole = digest({"policy": policy_digest, "catalog": catalog_digest})
    return Grant(policy, tables, joins, unit[0], unit[1], policy_digest, catalog_digest, whole)


def _plain(value: object) -> Json:
    """Give sets one order, so that the digest of a document does not depend on hashing."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_plain(item) for item in value]
        texts = [item for item in items if isinstance(item, str)]
        return sorted(texts) if len(texts) == len(items) and set(texts) <= _WORDS else items
    return cast("Json", value)


_USES = {"join", "group", "compare", "aggregate", "count_distinct"}
_WORDS = frozenset({*_USES, "count", "sum", "avg", "variance", "stddev", "min", "max", "quantile"})


def _pair(reference: str) -> Pair:
    table, column = reference.split(".")
    return table, column


def _joins(policy: Policy, findings: list[Finding]) -> frozenset[frozenset[Pair]]:
    pairs = set()
    for left, right in policy.joins:
        sides = [_pair(left), _pair(right)]
        granted = [policy.tables[table].columns.get(column) for table, column in sides if table in policy.tables]
        if len(granted) != 2 or any(item is None or "join" not in item.use for item in granted):
            findings.append(finding("POLICY_JOIN_INVALID", obj=f"{left} = {right}"))
        pairs.add(frozenset(sides))
    return frozenset(pairs)


def _key_spaces(policy: Policy, joins: frozenset[frozenset[Pair]]) -> Mapping[Pair, str]:
    """Name the key space of every column whose values supply replaces by pseudonyms.

    Unit keys belong to the space of the unit's own table. A column that only joins (no other use) belongs to the
    space of all columns it may meet, unless one of them is public: public values stay readable.
    """
    spaces: dict[Pair, str] = {}
    for name, terms in policy.tables.items():
        if terms.unit is not None:
            spaces[name, terms.unit.key] = terms.unit.references or f"{name}.{terms.unit.key}"
    for group in _meeting(joins):
        private = [item for item in group if not policy.tables[item[0]].public] if _known(policy, group) else []
        opaque = len(private) == len(group) and all(_only_key(policy, item) for item in group)
        named = next((spaces[item] for item in sorted(group) if item in spaces), None)
        if opaque or named:
            for table, column in group:
                spaces.setdefault((table, column), named or ".".join(min(group)))
    return spaces


def _known(policy: Policy, group: frozenset[Pair]) -> bool:
    return all(table in policy.tables and column in policy.tables[table].columns for table, column in group)


def _only_key(policy: Policy, item: Pair) -> bool:
    return policy.tables[item[0]].columns[item[1]].use <= {"join", "count_distinct"}


def _meeting(joins: frozenset[frozenset[Pair]]) -> list[frozenset[Pair]]:
    """Return the columns connected by declared joins, as disjoint groups."""
    groups: list[frozenset[Pair]] = []
    for join in sorted(joins, key=sorted):
        touching = [group for group in groups if group & join]
        groups = [group for group in groups if not group & join]
        groups.append(frozenset().union(join, *touching))
    return groups


def _table(name: str, terms: TableTerms, catalog: Catalog, spaces: Mapping[Pair, str]) -> GrantedTable:
    item = catalog.items.get(name)
    if item is None:
        raise Refusal(finding("POLICY_TABLE_UNKNOWN", obj=name))
    if terms.public != item.public:
        raise Refusal(finding("POLICY_UNIT_MISMATCH", obj=name))
    unknown = [column for column in terms.columns if column not in item.columns]
    if unknown:
        raise Refusal(*(finding("POLICY_COLUMN_UNKNOWN", obj=f"{name}.{column}") for column in unknown))
    columns = {
        column: _column(f"{name}.{column}", column, granted, item.columns[column], spaces.get((name, column)))
        for column, granted in terms.columns.items()
    }
    unit = _unit(name, terms.unit, item)
    leading = catalog.items.get(item.owner)
    return GrantedTable(
        name,
        item.lineage,
        item.institution,
        item.public,
        columns,
        unit.key if unit else None,
        _pair(unit.references) if unit and unit.references else None,
        unit.max_rows if unit else None,
        unit.max_groups if unit else None,
        unit.max_rows_per_group if unit else None,
        frozenset(key for key in item.unique if key in columns and numbers.keeps_apart(columns[key])),
        terms.rows,
        item.rows_band,
        leading is None or leading.unit is None or leading.unit.references is None,
        owner_lineage=None if leading is None else leading.lineage,
        owner_institution=None if leading is None else leading.institution,
    )


def _leads(tables: Mapping[str, GrantedTable], catalog: Catalog, findings: list[Finding]) -> dict[str, GrantedTable]:
    """Note the columns over which one table leads to another's units; the catalog must declare each of them unique."""
    whole = dict(tables)
    for table in tables.values():
        if table.references is None or table.references[0] not in catalog.items:
            continue
        owner, column = table.references
        item = catalog.items[owner]
        if item.unit is None or (column != item.unit.key and column not in item.unique):
            findings.append(finding("POLICY_UNIT_MISMATCH", obj=f"{table.name}.{table.unit_key}"))
        elif column != item.unit.key and owner in whole:
            whole[owner] = replace(whole[owner], leads=whole[owner].leads | {column})
    return whole


def _unit(name: str, terms: UnitTerms | None, item: CatalogItem) -> UnitTerms | None:
    if terms is None or item.unit is None:
        return None
    if terms.key != item.unit.key or terms.references != item.unit.references:
        raise Refusal(finding("POLICY_UNIT_MISMATCH", obj=f"{name}.{terms.key}"))
    if terms.max_rows is not None and terms.max_rows > item.unit.max_rows:
        raise Refusal(finding("POLICY_LOOSER", obj=f"{name}.max_rows"))
    return terms.model_copy(update={"max_rows": terms.max_rows or item.unit.max_rows})


def _column(where: str, name: str, terms: ColumnTerms, declared: CatalogColumn, space: str | None) -> GrantedColumn:
    _check_use(where, terms, declared, space)
    low, high, step = _bounds(where, terms, declared)
    dates = cast("tuple[date, date] | None", declared.bounds) if declared.type.kind == "date" else None
    if dates is not None:
        dates = max(dates[0], DATE_FLOOR), min(dates[1], DATE_CEILING)
    if terms.coarsen is not None and dates is not None:
        dates = first_day(dates[0], cast("Grain", terms.coarsen)), first_day(dates[1], cast("Grain", terms.coarsen))
    return GrantedColumn(
        name,
        declared.type,
        terms.use,
        terms.functions,
        terms.coarsen,
        low,
        high,
        step,
        dates,
        _domain(terms, declared, dates),
        space,
        declared.nullable or space is not None,
        declared.level,
    )


def _check_use(where: str, terms: ColumnTerms, declared: CatalogColumn, space: str | None) -> None:
    shown = terms.use - {"join", "count_distinct"}
    forbidden = declared.category in {Category.DIRECT_IDENTIFIER, Category.FREE_TEXT} and shown
    if forbidden or (space is not None and shown) or (terms.functions and "aggregate" not in terms.use):
        raise Refusal(finding("POLICY_USE_FORBIDDEN", obj=where))
    kind = declared.type.kind
    if terms.functions - {"count"} and kind not in {"integer", "decimal"}:
        raise Refusal(finding("POLICY_USE_FORBIDDEN", obj=where))
    fits = {"date": ("year", "quarter", "month"), "text": ("prefix",)}.get(kind, ())
    if terms.coarsen is not None and terms.coarsen.split(":")[0] not in fits:
        raise Refusal(finding("POLICY_COARSEN_INVALID", obj=where))
    if kind == "decimal" and (declared.type.precision or 18) + (declared.type.scale or 0) > 37:
        raise Refusal(finding("BOUNDS_MISSING", obj=where))


def _bounds(where: str, terms: ColumnTerms, declared: CatalogColumn) -> tuple[int | None, int | None, Decimal | None]:
    """Return bounds in integer steps: the narrower interval and the coarser step of catalog and policy."""
    if declared.type.kind not in {"integer", "decimal"}:
        if terms.clamp is not None or terms.step is not None:
            raise Refusal(finding("POLICY_LOOSER", obj=where))
        return None, None, None
    natural = Decimal(1).scaleb(-(declared.type.scale or 0))
    step = terms.step or declared.step or natural
    if terms.step is not None and declared.step is not None and (Fraction(terms.step) / Fraction(declared.step)).denominator != 1:
        raise Refusal(finding("POLICY_LOOSER", obj=f"{where}.step"))
    ends = [pair for pair in (declared.bounds, terms.clamp) if pair is not None]
    if not ends:
        return None, None, step
    lows = [Fraction(cast("Decimal", pair[0])) for pair in ends]
    highs = [Fraction(cast("Decimal", pair[1])) for pair in ends]
    if terms.clamp is not None and (lows[-1] < lows[0] or highs[-1] > highs[0]):
        raise Refusal(finding("POLICY_LOOSER", obj=f"{where}.clamp"))
    low, high = math.ceil(max(lows) / Fraction(step)), math.floor(min(highs) / Fraction(step))
    if low > high:
        raise Refusal(finding("BOUNDS_MISSING", obj=where))
    return low, high, step


def _domain(terms: ColumnTerms, declared: CatalogColumn, dates: tuple[date, date] | None) -> tuple[Value, ...] | None:
    """Return the complete public list of values that supply lets through, without NULL."""
    if declared.type.kind == "boolean":
        return (False, True)
    if dates is not None and terms.coarsen is not None:
        return periods(dates, cast("Grain", terms.coarsen))
    if declared.domain is None:
        return None
    if declared.type.kind != "text":
        return declared.domain
    length = int(terms.coarsen.split(":")[1]) if terms.coarsen else None
    values = dict.fromkeys(str(value)[:length] for value in declared.domain)
    return (*(value for value in values if value != OTHER_KEY), OTHER_KEY)


def _join_findings(policy: Policy, tables: Mapping[str, GrantedTable]) -> Iterator[Finding]:
    for left, right in policy.joins:
        sides = [_pair(left), _pair(right)]
        found = [tables[table].columns.get(column) for table, column in sides if table in tables]
        columns = [item for item in found if item is not None]
        if len(columns) == 2 and (columns[0].type.kind != columns[1].type.kind or columns[0].key_of != columns[1].key_of):
            yield finding("POLICY_JOIN_INVALID", obj=f"{left} = {right}")


def _whole_policy_findings(policy: Policy, units: set[tuple[str, int]]) -> Iterator[Finding]:
    if not units:
        yield finding("UNIT_MISSING")
        return
    if len({kind for kind, _ in units}) != 1:
        yield finding("POLICY_UNIT_MISMATCH")
    yield from _unavailable(policy)
    if Fraction(policy.protection.delta) > delta_ceiling(max(band for _, band in units)):
        yield finding("POLICY_DELTA_TOO_LARGE")


def delta_ceiling(size_band: int) -> Fraction:
    """Return the largest δ that is accepted for a unit of at most `size_band` members: 1/(100 × band)."""
    return Fraction(1, 100 * size_band)


def _unavailable(policy: Policy) -> Iterator[Finding]:
    """Refuse every term that a policy may write and nothing carries out: a promise that is not kept is worse than none."""
    if policy.protection.mode != "dp":
        yield finding("POLICY_MODE_UNAVAILABLE", obj=policy.protection.mode)
    if policy.output.small_groups != "suppress":
        yield finding("POLICY_SMALL_GROUPS_UNAVAILABLE", obj=policy.output.small_groups)
    if policy.review.route not in {"auto", "two_person"}:
        yield finding("POLICY_ROUTE_UNAVAILABLE", obj=policy.review.route)
    if policy.review.route == "auto" and "prod" in policy.environment:
        yield finding("POLICY_AUTO_IN_PROD", obj="prod")
