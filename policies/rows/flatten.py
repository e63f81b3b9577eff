"""From bound names to one row relation: CTEs, derived tables, inner and left joins become occurrences, links and filters.

Inner joins are flat: every condition stands in one WHERE, since every generated expression is total and nothing depends on
the order of evaluation. The optional side of a left join keeps its own rows, links and filters, which stand in its ON.
"""

from sqlglot import exp

from policies.findings import Refusal, finding
from policies.grant import GrantedTable
from policies.reading.bodies import Body, factored, folded
from policies.reading.text import span_of
from policies.rows.blocks import add_block
from policies.rows.expressions import Scope
from policies.rows.narrowing import facts_of
from policies.rows.relation import Columns, Context, Link, Occurrence, Optional, Rows
from policies.rows.terms import Rank


def flatten(context: Context, body: Body, rows: Rows) -> Scope:
    """Add a SELECT's sources, links and filters to `rows`; return the scope of its own expressions.

    Raises:
        Refusal: JOIN_NOT_DECLARED, JOIN_SIDE for a right or full join, and the codes of expressions.

    """
    columns = Columns()
    scope = Scope(context.text, columns, context.parameters, context.uses, context.functions, rows.notices)
    joins = [None, *(body.select.args.get("joins") or ())]
    for (alias, source), join in zip(body.sources.items(), joins, strict=True):
        if join is not None and join.args.get("side"):
            _add_optional(context, scope, rows, (alias, source), join)
            continue
        before = len(rows.items)
        _add_source(context, columns, rows, alias, source)
        if join is not None and join.args.get("on") is not None:
            inside = Rows(rows.items[before:])
            _join(context, scope, rows, join, frozenset(item.alias for item in inside.occurrences))
    where = body.select.args.get("where")
    if where is not None:
        for node in factored(where.this):
            link = _declared_link(context, scope, node)
            if link is not None and {origin.alias for origin in link} <= {item.alias for item in rows.certain}:
                rows.links.append(link)
            else:
                _filter(scope, rows, node)
    return scope


def _add_source(context: Context, columns: Columns, rows: Rows, alias: str, source: object) -> None:
    if isinstance(source, GrantedTable):
        columns.occurrences[alias] = occurrence = Occurrence(f"t{next(context.numbering)}", source)
        rows.items.append(occurrence)
        return
    if not isinstance(source, Body):
        raise TypeError("released values never meet private rows")
    inner = _inner_scope(context, source, rows)
    columns.update({(alias, name): inner.compile(node) for name, node in source.outputs})


def _inner_scope(context: Context, source: Body, rows: Rows) -> Scope:
    if source.level != "units":
        return flatten(context, source, rows)
    beneath = Rows(notices=rows.notices)
    return add_block(context, source, flatten(context, source, beneath), beneath, rows)


def _add_optional(context: Context, scope: Scope, rows: Rows, named: tuple[str, object], join: exp.Join) -> None:
    """Add the right side of a left join. Its ON is read before its columns may be NULL, as the engine reads it."""
    alias, source = named
    if join.args["side"] != "LEFT" or join.args.get("kind") not in {None, "", "OUTER"} or join.args.get("on") is None:
        raise Refusal(finding("JOIN_SIDE", span_of(context.text, join), str(join.args["side"])))
    columns = scope.columns
    if not isinstance(columns, Columns):
        raise TypeError("a scope of rows has columns of rows")
    inside = Rows(notices=rows.notices)
    _add_source(context, columns, inside, alias, source)
    own = frozenset(item.alias for item in inside.occurrences)
    _join(context, scope, inside, join, own)
    markers = [origin for link in inside.links for origin in link if origin.alias in own and len(_aliases(link) & own) == 1]
    rows.items.append(Optional(inside))
    columns.make_optional(alias, markers[0])


def _aliases(link: Link) -> frozenset[str]:
    return frozenset(origin.alias for origin in link)


def _filter(scope: Scope, rows: Rows, condition: exp.Expr) -> None:
    rows.filters.append(scope.predicate(condition))
    rows.facts.extend(facts_of(scope, condition))


def _join(context: Context, scope: Scope, rows: Rows, join: exp.Join, joined: frozenset[str]) -> None:
    if join.args.get("kind") not in {None, "", "INNER", "OUTER"}:
        raise Refusal(finding("JOIN_NOT_DECLARED", span_of(context.text, join), str(join.args["kind"])))
    linked = False
    for node in factored(join.args["on"]):
        link = _declared_link(context, scope, node)
        if link is None:
            _filter(scope, rows, node)
        else:
            rows.links.append(link)
            linked = linked or len({origin.alias in joined for origin in link}) == 2
    if not linked:
        raise Refusal(finding("JOIN_NOT_DECLARED", span_of(context.text, join.args["on"]), folded(join.this.alias_or_name)))


def _declared_link(context: Context, scope: Scope, node: exp.Expr) -> Link | None:
    """Return the key equality along a declared pair, or None for an ordinary condition.

    Raises:
        Refusal: JOIN_NOT_DECLARED for two keys that the policy does not pair.

    """
    if not isinstance(node, exp.EQ):
        return None
    sides = [scope.compile(item.unnest()) for item in (node.this, node.expression)]
    origins = [item.origin for item in sides if item.origin is not None]
    if len(origins) != 2:
        return None
    pair = frozenset((item.table, item.column) for item in origins)
    if pair in context.grant.joins and len(set(origins)) == 2:
        return frozenset(origins)
    if all(item.rank is Rank.KEY for item in sides):
        raise Refusal(finding("JOIN_NOT_DECLARED", span_of(context.text, node)))
    return None
