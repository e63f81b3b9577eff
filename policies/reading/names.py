"""Step 4: bind every name. Tables come from the grant alone, columns from the tables; the tree is rewritten in place.

After this step every column carries the alias of its source, every star but that of COUNT(*) is spelled out, positions
and aliases in GROUP BY and ORDER BY are replaced by what they mean, USING is written as ON: one meaning, one text.
"What does not exist" and "what is not granted" are never told apart: only granted names are ever looked up.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from policies.findings import Refusal, finding
from policies.grant import Grant, GrantedTable
from policies.query import Finding
from policies.reading.bodies import (
    Body,
    Level,
    Query,
    SetBody,
    Source,
    aggregates_in,
    columns_of,
    folded,
    group_items,
    is_unit_key,
    listed,
    meant,
    takes_released,
)
from policies.reading.spelling import Merged, aliases_of, apart, spell_out_references, spell_out_stars, spell_out_using
from policies.reading.text import span_of

MAX_OCCURRENCES = 32
"""Table occurrences after all CTEs and derived tables are written out."""

MAX_NAME = 63
MAX_COLUMNS = 64
"""Columns of a query at any level."""

_UNROWLY = ("order", "limit", "offset", "distinct", "qualify", "windows")
"""Clauses that cannot stand over private rows: what they choose depends on other rows."""


@dataclass
class _Names:
    """What is in sight while one query is bound."""

    text: str
    grant: Grant
    ctes: dict[str, Query] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def refuse(self, code: str, node: exp.Expr, obj: str | None = None) -> Refusal:
        return Refusal(self.finding(code, node, obj))

    def finding(self, code: str, node: exp.Expr, obj: str | None = None) -> Finding:
        return finding(code, span_of(self.text, node), obj)

    def within(self) -> "_Names":
        """Return the names in sight of a query inside this one."""
        return _Names(self.text, self.grant, dict(self.ctes))


def bind(text: str, root: exp.Query, grant: Grant) -> Query:
    """Bind all names of the query.

    Raises:
        Refusal: TABLE_NOT_GRANTED, COLUMN_NOT_GRANTED and the other codes of rule `names`; AGGREGATE_REENTERS where
            released values and private rows would meet; PROTECTION_UNAVAILABLE for clauses that cannot stand over rows.

    """
    names = _Names(text, grant)
    for identifier in root.find_all(exp.Identifier):
        _check_name(names, identifier)
    query = _bind_query(names, root, outermost=True)
    if query.occurrences > MAX_OCCURRENCES:
        raise Refusal(finding("TREE_TOO_LARGE"))
    return query


def output_name(item: exp.Expr, position: int) -> str:
    """Return the name of an output column: its alias, its column, or one made of function and column."""
    if isinstance(item, exp.Alias):
        return str(item.alias)
    node = meant(item).unnest()
    if isinstance(node, exp.Column):
        return str(node.name)
    if not isinstance(node, exp.Func):
        return f"column_{position + 1}"
    column = node.find(exp.Column)
    function = node.sql_name().lower()
    return f"{function}_{folded(column.name)}"[:MAX_NAME] if column is not None else function


def _check_name(names: _Names, identifier: exp.Identifier) -> None:
    name = str(identifier.this)
    if name.startswith("__"):
        raise names.refuse("NAME_RESERVED", identifier, name[:MAX_NAME])
    if len(name) > MAX_NAME or re.fullmatch(r"\w+", name) is None:
        raise names.refuse("NAME_INVALID", identifier)


def _bind_query(names: _Names, query: exp.Expr, *, outermost: bool = False) -> Query:
    while isinstance(query, exp.Subquery) and not query.args.get("alias"):
        query = query.this
    if isinstance(query, exp.SetOperation):
        return _bind_set(names, query)
    if not isinstance(query, exp.Select):
        raise names.refuse("CONSTRUCT_NOT_ALLOWED", query)
    return _bind_select(names, query, outermost=outermost)


def _bind_set(names: _Names, node: exp.SetOperation) -> SetBody:
    inner = names.within()
    _bind_ctes(inner, node)
    left, right = (_bind_query(inner, side) for side in (node.this, node.expression))
    for side, place in ((left, node.this), (right, node.expression)):
        if side.level != "released":
            raise names.refuse("SET_OF_ROWS", place, node.key.upper())
    if len(left.outputs) != len(right.outputs):
        raise names.refuse("SET_MISMATCH", node.expression)
    _check_ctes_used(inner, node)
    names.used |= inner.used
    body = SetBody(node, left, right, left.outputs, left.occurrences + right.occurrences)
    for item in listed(node, "order"):
        _bind_set_order(names, body, item)
    return body


def _bind_set_order(names: _Names, body: SetBody, item: exp.Ordered) -> None:
    """A set operation is ordered by the names or positions of its columns only."""
    node, offered = item.this.unnest(), [name for name, _ in body.outputs]
    if isinstance(node, exp.Literal) and not node.is_string and str(node.this).isdigit() and 1 <= int(node.this) <= len(offered):
        item.args["this"] = exp.column(exp.to_identifier(offered[int(node.this) - 1], quoted=True))
    elif not (isinstance(node, exp.Column) and not node.table and folded(node.this) in offered):
        raise names.refuse("ORDER_NOT_OUTPUT", item)


def _bind_select(names: _Names, select: exp.Select, *, outermost: bool) -> Body:
    inner = names.within()
    _bind_ctes(inner, select)
    sources = _bind_sources(inner, select)
    merged = spell_out_using(inner.refuse, select, sources)
    aggregates = bool(select.args.get("group") or select.args.get("having")) or any(
        next(aggregates_in(item), None) is not None for item in (*select.expressions, *_present(select, "qualify", "order"))
    )
    released = _is_released(inner, select, sources)
    level: Level = "released" if aggregates or released else "rows"
    if (level == "rows" and outermost) or aggregates:
        _refuse_stars(inner, select)
    spell_out_stars(select, sources, merged)
    spell_out_references(inner.refuse, select, sources)
    body = Body(select, sources, (), level, aggregates, _occurrences(sources), aliases_of(select))
    body = replace(body, subqueries=_bind_columns(inner, body, merged))
    body = replace(body, level=_level(body, outermost=outermost))
    if body.level != "released" and not outermost:
        _refuse_clauses(inner, body)
    _check_ctes_used(inner, select)
    names.used |= inner.used
    used = body.occurrences + sum(item.occurrences for item in body.subqueries.values())
    return replace(body, outputs=_outputs(inner, select), occurrences=used)


def _level(body: Body, *, outermost: bool) -> Level:
    """A nested query that groups private rows by their unit's key yields units; what else aggregates yields releases."""
    if not body.aggregates or outermost or takes_released(body.sources):
        return body.level
    return "units" if any(is_unit_key(body.sources, item) for item in group_items(body.select)) else "released"


def _is_released(names: _Names, select: exp.Select, sources: Mapping[str, Source]) -> bool:
    """Whether the sources are released values; a mixture with rows would let an aggregate re-enter the rows.

    Source of the rule: an aggregate over private rows that re-enters a relation over private rows moves without bound.
    """
    if not sources:
        return True
    if not takes_released(sources):
        return False
    nodes = [select.args["from_"].this, *(join.this for join in select.args.get("joins") or ())]
    for node, source in zip(nodes, sources.values(), strict=True):
        if isinstance(source, GrantedTable) or source.level != "released":
            raise names.refuse("AGGREGATE_REENTERS", node, node.alias_or_name or None)
    return True


def _occurrences(sources: Mapping[str, Source]) -> int:
    return sum(1 if isinstance(item, GrantedTable) else item.occurrences for item in sources.values())


def _bind_ctes(names: _Names, query: exp.Expr) -> None:
    declared: set[str] = set()
    for cte in listed(query, "with_"):
        name = folded(cte.alias)
        if name in names.grant.tables:
            raise names.refuse("NAME_SHADOWS_TABLE", cte.args["alias"], cte.alias)
        if name in declared:
            raise names.refuse("NAME_DUPLICATE", cte.args["alias"], cte.alias)
        declared.add(name)
        names.ctes[name] = _bind_derived(names, cte.this, cte.args["alias"])


def _check_ctes_used(names: _Names, query: exp.Expr) -> None:
    unused = [cte for cte in listed(query, "with_") if folded(cte.alias) not in names.used]
    if unused:
        raise names.refuse("CTE_UNUSED", unused[0].args["alias"], unused[0].alias)


def _bind_derived(names: _Names, query: exp.Expr, alias: exp.TableAlias | None) -> Query:
    body = _bind_query(names, query)
    renamed = alias.columns if alias is not None else []
    if not renamed:
        return body
    if len(renamed) != len(body.outputs):
        raise names.refuse("NAME_INVALID", renamed[0])
    outputs = tuple((folded(new), value) for new, (_, value) in zip(renamed, body.outputs, strict=True))
    _refuse_duplicates(names, query, [name for name, _ in outputs])
    return replace(body, outputs=outputs)


def _bind_sources(names: _Names, select: exp.Select) -> dict[str, Source]:
    clause = select.args.get("from_")
    if clause is None:
        if select.find(exp.Subquery) is None:
            raise names.refuse("UNIT_MISSING", select)
        return {}
    sources: dict[str, Source] = {}
    for place, node in enumerate((clause.this, *(join.this for join in select.args.get("joins") or ()))):
        alias, source = _bind_source(names, node, place)
        if alias in sources:
            raise names.refuse("NAME_DUPLICATE", node, alias)
        sources[alias] = source
    return sources


def _bind_source(names: _Names, node: exp.Expr, place: int) -> tuple[str, Source]:
    if isinstance(node, exp.Subquery):
        if not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(f"_derived_{place}")))
        alias = folded(node.alias)
        if alias in names.grant.tables:
            raise names.refuse("NAME_SHADOWS_TABLE", node.args["alias"], node.alias)
        return alias, _bind_derived(names, node.this, node.args["alias"])
    if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
        raise names.refuse("CONSTRUCT_NOT_ALLOWED", node)
    name = folded(node.this)
    if node.args.get("db") or node.args.get("catalog"):
        raise names.refuse("TABLE_QUALIFIED", node)
    source = names.ctes.get(name) or names.grant.tables.get(name)
    if source is None:
        raise names.refuse("TABLE_NOT_GRANTED", node.this, node.name)
    names.used.add(name)
    alias = folded(node.alias) or name
    if alias in names.grant.tables and alias != name:
        raise names.refuse("NAME_SHADOWS_TABLE", node.args["alias"], node.alias)
    if isinstance(node.args.get("alias"), exp.TableAlias) and node.args["alias"].columns:
        raise names.refuse("CONSTRUCT_NOT_ALLOWED", node.args["alias"])
    node.this.args["this"] = name
    return alias, source


def _refuse_stars(names: _Names, select: exp.Select) -> None:
    for item in select.expressions:
        if item.is_star and not isinstance(item, (exp.Count, exp.Filter, exp.Window)):
            raise names.refuse("STAR_NOT_ALLOWED", item if "start" in item.meta else select)


def _refuse_clauses(names: _Names, body: Body) -> None:
    """Refuse, over private rows, every clause that orders, counts or compares them with one another."""
    for clause in _UNROWLY:
        found = body.select.args.get(clause)
        if found:
            raise names.refuse("ROWS_CHOSEN", found[0] if isinstance(found, list) else found, clause.upper())
    if body.subqueries:
        raise names.refuse("AGGREGATE_REENTERS", body.select.args.get("having") or body.select)
    for item in body.select.expressions:
        window = item.find(exp.Window)
        if window is not None:
            raise names.refuse("ROWS_CHOSEN", window, "WINDOW")


def _present(select: exp.Select, *clauses: str) -> Iterator[exp.Expr]:
    for clause in clauses:
        if select.args.get(clause) is not None:
            yield select.args[clause]


def _clauses(select: exp.Select) -> Iterator[tuple[str, exp.Expr]]:
    for item in select.expressions:
        yield "select", item
    for join in select.args.get("joins") or ():
        if join.args.get("on") is not None:
            yield "on", join.args["on"]
    for clause in ("where", "group", "having", "qualify", "order"):
        if select.args.get(clause) is not None:
            yield clause, select.args[clause]
    for window in select.args.get("windows") or ():
        yield "windows", window


def _bind_columns(names: _Names, body: Body, merged: Merged) -> dict[int, Query]:
    findings: list[Finding] = []
    subqueries: dict[int, Query] = {}
    for clause, root in _clauses(body.select):
        over_rows = not takes_released(body.sources) and (clause in {"on", "where", "group"} or not body.aggregates)
        for node in root.walk(prune=lambda item: isinstance(item, exp.Query)):
            if isinstance(node, exp.Query):
                if over_rows and body.sources:
                    aggregates = node.find(exp.AggFunc) is not None
                    raise names.refuse("AGGREGATE_REENTERS" if aggregates else "SUBQUERY_OVER_ROWS", node)
                subqueries[id(node)] = _bind_subquery(names, node)
            elif isinstance(node, exp.Window) and not _window_may_stand(node, clause):
                raise names.refuse("WINDOW_MISPLACED", node)
            elif isinstance(node, exp.Column):
                findings.extend(_bind_column(names, body, node, merged, clause))
    if findings:
        raise Refusal(*findings[:10])
    return subqueries


def _window_may_stand(node: exp.Window, clause: str) -> bool:
    """A window is computed after the groups and before QUALIFY: neither within an aggregate nor within another window."""
    if clause == "windows":
        return True
    above = node.find_ancestor(exp.AggFunc, exp.Window, exp.Query)
    return clause in {"select", "qualify", "order"} and not isinstance(above, (exp.AggFunc, exp.Window))


def _bind_subquery(names: _Names, node: exp.Query) -> Query:
    inner = names.within()
    query = _bind_query(inner, node)
    names.used |= inner.used
    if query.level != "released":
        raise names.refuse("AGGREGATE_REENTERS", node, "SUBQUERY")
    return query


def _bind_column(names: _Names, body: Body, node: exp.Column, merged: Merged, clause: str) -> Iterator[Finding]:
    spoken = ".".join(part.name for part in node.parts)
    if isinstance(node.this, exp.Star) or node.args.get("db") or node.args.get("catalog"):
        yield names.finding("COLUMN_NOT_GRANTED", node, spoken)
        return
    name = folded(node.this)
    alias = not node.table and clause in {"having", "qualify", "order", "windows"} and name in body.aliases
    asked = [folded(node.table)] if node.table else list(body.sources)
    owners = [item for item in asked if item in body.sources and name in columns_of(body.sources[item])]
    if len(owners) > 1:
        owners = apart(name, owners, merged)
    if alias and (clause == "order" or not owners):
        node.this.args["this"] = name
    elif not owners:
        yield names.finding("COLUMN_NOT_GRANTED", node, spoken)
    elif len(owners) > 1:
        yield names.finding("COLUMN_AMBIGUOUS", node, spoken)
    else:
        node.this.args["this"] = name
        node.set("table", exp.to_identifier(owners[0], quoted=True))


def _outputs(names: _Names, select: exp.Select) -> tuple[tuple[str, exp.Expr], ...]:
    outputs = [(folded(output_name(item, place)), meant(item)) for place, item in enumerate(select.expressions)]
    _refuse_duplicates(names, select, [name for name, _ in outputs])
    if len(outputs) > MAX_COLUMNS:
        raise names.refuse("TREE_TOO_LARGE", select)
    return tuple(outputs)


def _refuse_duplicates(names: _Names, node: exp.Expr, found: Sequence[str]) -> None:
    twice = next((name for name, count in Counter(found).items() if count > 1), None)
    if twice is not None:
        raise names.refuse("NAME_DUPLICATE", node, twice)
