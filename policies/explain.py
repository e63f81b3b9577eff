"""What a governed query does, for the analyst, the reviewer and the dossier: no row is read for it."""

from collections.abc import Iterable

from policies.query import COUNTS, Aggregate, Core, GovernedQuery, GroupKey, OutputColumn, TableUse, UnitBounds
from policies.tree import as_json
from sandbox.kernel.canonical import Json

SHOWN_DOMAIN = 50
"""Longer domains are given by their size; they are public and stand in the catalog."""


def explain(governed: GovernedQuery) -> Json:
    """Return tables and columns touched and how, output columns with lineage, cores with unit bounds, and canonical SQL.

    `cores` are what noise is added to; `post` is the tree that runs on what they release, outside of the sandbox.
    """
    return {
        "canonical_sql": governed.canonical_sql,
        "canonical_digest": governed.canonical_digest,
        "tables": [_table(use) for use in governed.tables],
        "outputs": [_output(governed, item) for item in governed.outputs],
        "columns": list(_visibility(governed)),
        "cores": [_core(core) for core in governed.cores],
        "post": as_json(governed.post),
    }


def answer_json(governed: GovernedQuery) -> Json:
    """Return all that is done with what the engine returns, for digests: what its integers mean, the tree, the columns shown.

    The engine sees numbers as integer steps, so that two texts it cannot tell apart may differ by what one step is worth.
    """
    outputs = [[item.name, item.column, item.shape.kind, item.shape.places, item.interval] for item in governed.outputs]
    cores = [_core(core) for core in governed.cores]
    return {"cores": cores, "post": as_json(governed.post), "outputs": outputs}  # type: ignore[dict-item]


def _table(use: TableUse) -> Json:
    columns = {name: list(how) for name, how in use.columns.items()}
    return {"table": use.table, "institution": use.institution, "public": use.public, "columns": columns}


def _core(core: Core) -> Json:
    return {
        "core": core.name,
        "family": core.family,
        "relation_sql": core.relation,
        "keys": [{"name": key.name, **_key(key)} for key in core.keys],
        "aggregates": [{"name": item.name, **_aggregate(item)} for item in core.aggregates],
        "unit": _unit(core.unit),
    }


def _output(governed: GovernedQuery, output: OutputColumn) -> Json:
    """Describe a column by what it is of its first core, or as computed from released values."""
    known: dict[str, Json] = {"kind": output.kind, "type": output.shape.kind}
    cores = {core.name: core for core in governed.cores}
    for core, column in output.sources[:1]:
        keys = {key.name: _key(key) for key in cores[core].keys}
        aggregates = {item.name: _aggregate(item) for item in cores[core].aggregates}
        known |= (keys | aggregates)[column]
    return {"name": output.name, **known, "lineage": list(output.lineage), "level": _level(governed, output.lineage)}


def _level(governed: GovernedQuery, lineage: Iterable[str]) -> str:
    """Return the highest grade of the columns that entered (就高从严); a count of rows is of the lowest."""
    places = (name.split(".") for name in lineage)
    return max((governed.grant.tables[table].columns[column].level for table, column in places), default="L1")


def _key(item: GroupKey) -> dict[str, Json]:
    return {
        "kind": "key",
        "type": item.type,
        "lineage": list(item.lineage),
        "groups": "public" if item.domain is not None else "private",
        "domain_size": None if item.domain is None else len(item.domain) + item.nullable,
        "domain": _domain(item),
    }


def _aggregate(item: Aggregate) -> dict[str, Json]:
    return {
        "kind": item.kind,
        "type": "integer" if item.kind in COUNTS else "decimal",
        "lineage": list(item.lineage),
        "low": format(item.low * item.step, "f"),
        "high": format(item.high * item.step, "f"),
        "step": format(item.step, "f"),
        "fraction": None if item.fraction is None else str(item.fraction),
    }


def _domain(key: GroupKey) -> Json:
    if key.domain is None or len(key.domain) > SHOWN_DOMAIN:
        return None
    return [value if isinstance(value, (bool, int, str)) else value.isoformat() for value in key.domain]


def _visibility(governed: GovernedQuery) -> Iterable[Json]:
    """Yield every column touched with whether its values show in the result: keys show, also within what is made of them."""
    keys = {name for core in governed.cores for key in core.keys for name in key.lineage}
    whole = {name for output in governed.outputs if output.kind == "key" for name in output.lineage}
    within = {name for output in governed.outputs if output.kind == "derived" for name in output.lineage}
    visible = whole | (within & keys)
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
