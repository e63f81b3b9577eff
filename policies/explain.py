"""What a governed query does, for the analyst, the reviewer and the dossier: no row is read for it."""

from collections.abc import Iterable

from policies.query import Aggregate, GovernedQuery, GroupKey, TableUse, UnitBounds
from sandbox.kernel.canonical import Json

SHOWN_DOMAIN = 50
"""Longer domains are given by their size; they are public and stand in the catalog."""


def explain(governed: GovernedQuery) -> Json:
    """Return tables and columns touched and how, output columns with lineage, keys, unit bounds and canonical SQL."""
    sources: dict[str, GroupKey | Aggregate] = {item.name: item for item in _sources(governed)}
    shown = {output.source for output in governed.outputs}
    return {
        "canonical_sql": governed.canonical_sql,
        "canonical_digest": governed.canonical_digest,
        "relation_sql": governed.relation,
        "tables": [_table(use) for use in governed.tables],
        "outputs": [{"name": item.name, **_source(sources[item.source])} for item in governed.outputs],
        "hidden_keys": [_source(key) for key in governed.keys if key.name not in shown],
        "columns": list(_visibility(governed)),
        "unit": _unit(governed.unit),
        "order": [
            {"source": term.source, "descending": term.descending, "nulls_first": term.nulls_first} for term in governed.order
        ],
        "limit": governed.limit,
    }


def _sources(governed: GovernedQuery) -> Iterable[GroupKey | Aggregate]:
    yield from governed.keys
    yield from governed.aggregates


def _table(use: TableUse) -> Json:
    columns = {name: list(how) for name, how in use.columns.items()}
    return {"table": use.table, "institution": use.institution, "public": use.public, "columns": columns}


def _source(item: GroupKey | Aggregate) -> dict[str, Json]:
    if isinstance(item, GroupKey):
        return {
            "kind": "key",
            "type": item.type,
            "lineage": list(item.lineage),
            "groups": "public" if item.domain is not None else "private",
            "domain_size": None if item.domain is None else len(item.domain) + item.nullable,
            "domain": _domain(item),
        }
    step = format(item.step, "f")
    return {
        "kind": item.kind,
        "type": "integer" if item.kind in {"count", "count_unit"} else "decimal",
        "lineage": list(item.lineage),
        "low": format(item.low * item.step, "f"),
        "high": format(item.high * item.step, "f"),
        "step": step,
    }


def _domain(key: GroupKey) -> Json:
    if key.domain is None or len(key.domain) > SHOWN_DOMAIN:
        return None
    return [value if isinstance(value, (bool, int, str)) else value.isoformat() for value in key.domain]


def _visibility(governed: GovernedQuery) -> Iterable[Json]:
    """Yield every column touched with whether its values show in the result: keys show, the rest enters noisy sums."""
    shown = {output.source for output in governed.outputs}
    visible = {name for key in governed.keys if key.name in shown for name in key.lineage}
    for use in governed.tables:
        for column, how in use.columns.items():
            name = f"{use.table}.{column}"
            yield {"column": name, "use": list(how), "visible_in_result": name in visible}


def _unit(unit: UnitBounds) -> Json:
    return {
        "kind": unit.kind,
        "size_band": unit.size_band,
        "max_rows": unit.max_rows,
        "max_groups": unit.max_groups,
        "max_rows_per_group": unit.max_rows_per_group,
        "one_group": unit.one_group,
        "lineages": list(unit.lineages),
    }
