"""Bound queries: each SELECT with its sources, by the level at which it works. Made in `policies.reading.names`, read after it.

Three levels, never mixed in one SELECT: rows of private tables; units, one row per unit and group, still private; and
released values, which have passed through a protected core.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlglot import exp

from policies.grant import GrantedTable

Level = Literal["rows", "units", "released"]


@dataclass(frozen=True, eq=False)
class Body:
    """One SELECT with its bound sources, by alias in order of appearance, and the names of its columns.

    `aggregates` says that it groups or aggregates its sources. `aliases` are the names that HAVING, QUALIFY and ORDER BY may
    use for an output; `subqueries` holds the bound query of each expression subquery, by the identity of its node.
    """

    select: exp.Select
    sources: "Mapping[str, Source]"
    outputs: tuple[tuple[str, exp.Expr], ...]
    level: Level
    aggregates: bool
    occurrences: int
    aliases: Mapping[str, exp.Expr] = field(default_factory=dict)
    subqueries: "Mapping[int, Query]" = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class SetBody:
    """A set operation of two released queries; columns by position under the names of the left one."""

    node: exp.SetOperation
    left: "Query"
    right: "Query"
    outputs: tuple[tuple[str, exp.Expr], ...]
    occurrences: int
    level: Level = "released"


Query = Body | SetBody
Source = GrantedTable | Body | SetBody


def folded(identifier: exp.Expr | str) -> str:
    """Return the name under which an identifier is looked up: the engine does not tell ASCII case apart."""
    return (identifier if isinstance(identifier, str) else str(identifier.this)).lower()


def columns_of(source: Source) -> tuple[str, ...]:
    """Return the names that a source offers."""
    return tuple(source.columns) if isinstance(source, GrantedTable) else tuple(name for name, _ in source.outputs)


def meant(item: exp.Expr) -> exp.Expr:
    """Return an output without its alias."""
    return item.this if isinstance(item, exp.Alias) else item


def is_unit_key(sources: Mapping[str, Source], node: exp.Expr) -> bool:
    """Return whether a bound column is the key of a private table's unit, also through derived tables."""
    node = node.unnest()
    if not isinstance(node, exp.Column) or node.args.get("table") is None:
        return False
    source, name = sources.get(node.args["table"].name), node.name
    if isinstance(source, GrantedTable):
        return source.unit_key == name
    if not isinstance(source, Body) or source.level == "released":
        return False
    return any(is_unit_key(source.sources, value) for offered, value in source.outputs if offered == name)


def takes_released(sources: Mapping[str, Source]) -> bool:
    """Return whether a source is released values; then all are."""
    return any(not isinstance(item, GrantedTable) and item.level == "released" for item in sources.values())


def listed(node: exp.Expr, clause: str) -> Sequence[Any]:
    """Return the terms of a clause, as written; none where it is not there."""
    found = node.args.get(clause)
    return found.expressions if found is not None else ()


def group_items(select: exp.Select) -> Sequence[exp.Expr]:
    """Return the terms of GROUP BY."""
    return listed(select, "group")


def conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the conditions that AND joins, without brackets around them."""
    node = condition.unnest()
    if isinstance(node, exp.And):
        for part in node.flatten():
            yield from conjuncts(part)
    else:
        yield node


def factored(condition: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the conjuncts of a condition, with those taken out of an OR that all its branches share.

    (A AND x) OR (A AND y) is A AND (x OR y), in three-valued logic too. Names are bound, so equal nodes say the same.
    """
    for node in conjuncts(condition):
        branches = [list(conjuncts(branch)) for branch in node.flatten()] if isinstance(node, exp.Or) else []
        shared = [item for item in branches[0] if all(item in branch for branch in branches[1:])] if branches else []
        yield from shared
        rests = [[item for item in branch if item not in shared] for branch in branches]
        if not shared:
            yield node
        elif all(rests):
            yield exp.or_(*(exp.and_(*rest, copy=True) for rest in rests), copy=False)


def own_nodes(root: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the nodes of an expression without those of its subqueries; a subquery itself is yielded."""
    yield from root.walk(prune=lambda node: isinstance(node, exp.Query))


def aggregates_in(root: exp.Expr) -> Iterator[exp.AggFunc]:
    """Yield the aggregate functions that belong to the SELECT itself: neither of a subquery nor windowed."""
    for node in own_nodes(root):
        if isinstance(node, exp.AggFunc) and not windowed(node):
            yield node


def windowed(node: exp.Expr) -> bool:
    """Return whether a function is the one that a window computes."""
    parent = node.parent
    while isinstance(parent, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls)):
        node, parent = parent, parent.parent
    return isinstance(parent, exp.Window) and parent.this is node
