"""How often supplied rows break what the catalog declares of them: told to their institution when they come in. SQL text. Pure.

Nothing is refused or changed by it. Supply enforces the same declarations on what is granted, silently, so that no refusal
depends on data.
"""

from collections.abc import Sequence
from decimal import Decimal

from connectors.final_form import engine_type
from connectors.model import Violations
from policies.catalog import CatalogColumn, CatalogItem
from policies.engine import engine_text as sql


def breaches(item: CatalogItem, path: str) -> str:
    """Return the query that counts them in the canonical file at `path`; `violations` reads its one line."""
    relation = f"read_parquet({sql.text(path)})"
    counts = [f"count(*) FILTER ({outside})" for _, _, outside in _declared(item)]
    counts += [_repeated(name) for name in item.unique]
    if item.unit is None:
        none = "count(*) FILTER (false)"
        return f"SELECT {', '.join([none, none, *counts])} FROM {relation}"
    key = sql.name(item.unit.key)
    held = f"SELECT count(*) AS n FROM {relation} WHERE {key} IS NOT NULL GROUP BY {key}"
    over = f"(SELECT coalesce(sum(greatest(n - {item.unit.max_rows}, 0)), 0) FROM ({held}) AS u)"
    return f"SELECT {', '.join([f'count(*) FILTER ({key} IS NULL)', over, *counts])} FROM {relation}"


def violations(item: CatalogItem, counted: Sequence[int]) -> Violations:
    """Name the counts. Orphans are not among them: which units there are, another table says, whose rows may come later."""
    null_unit, over_cap, *counts = map(int, counted)
    by_rule: dict[str, dict[str, int]] = {"domain": {}, "bounds": {}}
    declared = _declared(item)
    for (name, rule, _), count in zip(declared, counts, strict=False):
        if count:
            by_rule[rule][name] = count
    return Violations(null_unit, 0, over_cap, sum(counts[len(declared) :]), by_rule["domain"], by_rule["bounds"])


def _declared(item: CatalogItem) -> list[tuple[str, str, str]]:
    """Return column, rule and predicate of every declared domain and bound, on the values as supplied."""
    found = []
    for name, column in item.columns.items():
        value = sql.name(name)
        if column.domain is not None:
            listed = ", ".join(sql.value(one) for one in column.domain)
            missing = "" if column.nullable else f"{value} IS NULL OR "
            found.append((name, "domain", f"{missing}{value} NOT IN ({listed})"))
        if column.bounds is not None:
            low, high = (_limit(column, bound) for bound in column.bounds)
            found.append((name, "bounds", f"{value} < {low} OR {value} > {high}"))
    return found


def _limit(column: CatalogColumn, bound: object) -> str:
    """Return a declared bound as a literal; one that the type cannot hold is compared with all the same."""
    if isinstance(bound, Decimal):
        return f"({bound:f})"
    return f"CAST({sql.text(str(bound))} AS {engine_type(column.type)})"


def _repeated(name: str) -> str:
    """Count the rows that a unique value has beyond its first; NULL is no value."""
    return f"count({sql.name(name)}) - count(DISTINCT {sql.name(name)})"
