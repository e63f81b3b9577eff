"""Step 4: bind every name. Tables come from the grant alone, columns from the tables; the tree is rewritten in place.

After this step every column carries the alias of its source, every star but that of COUNT(*) is spelled out, positions
and aliases in GROUP BY and ORDER BY are replaced by what they mean, USING is written as ON: one meaning, one text.
"What does not exist" and "what is not granted" are never told apart: only granted names are ever looked up.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from policies.findings import Refusal, finding
from policies.grant import Grant, GrantedTable
from policies.query import Finding
from policies.text import span_of

MAX_OCCURRENCES = 16
"""Table occurrences after all CTEs and derived tables are written out."""

MAX_NAME = 63


@dataclass(frozen=True, eq=False)
class Body:
    """One SELECT with its bound sources, by alias in order of appearance, and the names of its columns."""

    select: exp.Select
    sources: "Mapping[str, GrantedTable | Body]"
    outputs: tuple[tuple[str, exp.Expr], ...]
    occurrences: int


_Merged = Mapping[str, tuple[str, ...]]
"""For each column that USING merged, the aliases that share it; the first stands for all."""


@dataclass
class _Names:
    """What is in sight while one query is bound."""

    text: str
    grant: Grant
    ctes: dict[str, Body] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def refuse(self, code: str, node: exp.Expr, obj: str | None = None) -> Refusal:
        return Refusal(self.finding(code, node, obj))

    def finding(self, code: str, node: exp.Expr, obj: str | None = None) -> Finding:
        return finding(code, span_of(self.text, node), obj)


def folded(identifier: exp.Expr | str) -> str:
    """Return the name under which an identifier is looked up: the engine does not tell ASCII case apart."""
    return (identifier if isinstance(identifier, str) else str(identifier.this)).lower()


def bind(text: str, root: exp.Select, grant: Grant) -> Body:
    """Bind all names of the query.

    Raises:
        Refusal: TABLE_NOT_GRANTED, COLUMN_NOT_GRANTED and the other codes of rule `names`; PROTECTION_UNAVAILABLE for
            aggregation inside a derived table.

    """
    names = _Names(text, grant)
    for identifier in root.find_all(exp.Identifier):
        _check_name(names, identifier)
    body = _bind_select(names, root, outermost=True)
    if body.occurrences > MAX_OCCURRENCES:
        raise Refusal(finding("TREE_TOO_LARGE"))
    return body


def _check_name(names: _Names, identifier: exp.Identifier) -> None:
    name = str(identifier.this)
    if name.startswith("__"):
        raise names.refuse("NAME_RESERVED", identifier, name[:MAX_NAME])
    if len(name) > MAX_NAME or re.fullmatch(r"\w+", name) is None:
        raise names.refuse("NAME_INVALID", identifier)


def _bind_select(names: _Names, select: exp.Select, *, outermost: bool) -> Body:
    inner = _Names(names.text, names.grant, dict(names.ctes))
    _bind_ctes(inner, select)
    sources = _bind_sources(inner, select)
    merged = _spell_out_using(inner, select, sources)
    if outermost:
        _refuse_stars(inner, select)
    else:
        _refuse_aggregation(inner, select)
        _spell_out_stars(select, sources, merged)
    if outermost:
        _spell_out_references(inner, select, sources)
    _bind_columns(inner, select, sources, merged)
    unused = [cte for cte in _ctes(select) if folded(cte.alias) not in inner.used]
    if unused:
        raise names.refuse("CTE_UNUSED", unused[0].args["alias"], unused[0].alias)
    names.used |= inner.used
    occurrences = sum(item.occurrences if isinstance(item, Body) else 1 for item in sources.values())
    return Body(select, sources, () if outermost else _outputs(inner, select), occurrences)


def _ctes(select: exp.Select) -> Sequence[exp.CTE]:
    clause = select.args.get("with_")
    return clause.expressions if clause is not None else ()


def _bind_ctes(names: _Names, select: exp.Select) -> None:
    declared: set[str] = set()
    for cte in _ctes(select):
        name = folded(cte.alias)
        if name in names.grant.tables:
            raise names.refuse("NAME_SHADOWS_TABLE", cte.args["alias"], cte.alias)
        if name in declared:
            raise names.refuse("NAME_DUPLICATE", cte.args["alias"], cte.alias)
        declared.add(name)
        names.ctes[name] = _bind_derived(names, cte.this, cte.args["alias"])


def _bind_derived(names: _Names, query: exp.Expr, alias: exp.TableAlias | None) -> Body:
    while isinstance(query, exp.Subquery) and not query.args.get("alias"):
        query = query.this
    if not isinstance(query, exp.Select):
        raise names.refuse("CONSTRUCT_NOT_ALLOWED", query)
    body = _bind_select(names, query, outermost=False)
    renamed = alias.columns if alias is not None else []
    if not renamed:
        return body
    if len(renamed) != len(body.outputs):
        raise names.refuse("NAME_INVALID", renamed[0])
    outputs = tuple((folded(new), value) for new, (_, value) in zip(renamed, body.outputs, strict=True))
    _refuse_duplicates(names, query, [name for name, _ in outputs])
    return Body(body.select, body.sources, outputs, body.occurrences)


def _bind_sources(names: _Names, select: exp.Select) -> "dict[str, GrantedTable | Body]":
    clause = select.args.get("from_")
    if clause is None:
        raise names.refuse("UNIT_MISSING", select)
    sources: dict[str, GrantedTable | Body] = {}
    for node in (clause.this, *(join.this for join in select.args.get("joins") or ())):
        alias, source = _bind_source(names, node)
        if alias in sources:
            raise names.refuse("NAME_DUPLICATE", node, alias)
        sources[alias] = source
    return sources


def _bind_source(names: _Names, node: exp.Expr) -> "tuple[str, GrantedTable | Body]":
    if isinstance(node, exp.Subquery):
        alias = folded(node.alias)
        if not alias:
            raise names.refuse("NAME_INVALID", node)
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


def columns_of(source: "GrantedTable | Body") -> tuple[str, ...]:
    """Return the names that a source offers."""
    return tuple(source.columns) if isinstance(source, GrantedTable) else tuple(name for name, _ in source.outputs)


def _spell_out_using(names: _Names, select: exp.Select, sources: "Mapping[str, GrantedTable | Body]") -> _Merged:
    """Write USING as ON; return which aliases share each merged column."""
    merged: dict[str, tuple[str, ...]] = {}
    aliases = list(sources)
    for position, join in enumerate(select.args.get("joins") or (), start=1):
        pairs = []
        for identifier in join.args.get("using") or ():
            name = folded(identifier)
            left = _apart(name, [alias for alias in aliases[:position] if name in columns_of(sources[alias])], merged)
            if not left or name not in columns_of(sources[aliases[position]]):
                raise names.refuse("COLUMN_NOT_GRANTED", identifier, identifier.name)
            if len(left) > 1:
                raise names.refuse("COLUMN_AMBIGUOUS", identifier, identifier.name)
            merged[name] = (*merged.get(name, tuple(left)), aliases[position])
            sides = [_column(alias, name, identifier) for alias in (left[0], aliases[position])]
            pairs.append(exp.EQ(this=sides[0], expression=sides[1]))
        if pairs:
            join.set("using", None)
            join.set("on", exp.and_(*pairs, copy=False))
    return merged


def _apart(name: str, owners: Sequence[str], merged: _Merged) -> list[str]:
    """Return the owners of a column with those that USING merged counted once, as the first of them."""
    return [alias for alias in owners if alias not in merged.get(name, ())[1:]]


def _column(alias: str, name: str, place: exp.Expr) -> exp.Column:
    node = exp.column(exp.to_identifier(name, quoted=True), exp.to_identifier(alias, quoted=True), copy=False)
    if "start" in place.meta:
        node.this.meta.update(place.meta)
    return node


def _refuse_stars(names: _Names, select: exp.Select) -> None:
    for item in select.expressions:
        if item.is_star and not isinstance(item, exp.Count):
            raise names.refuse("STAR_NOT_ALLOWED", item if "start" in item.meta else select)


def _refuse_aggregation(names: _Names, select: exp.Select) -> None:
    for clause in ("group", "order", "limit"):
        if select.args.get(clause) is not None:
            raise names.refuse("PROTECTION_UNAVAILABLE", select.args[clause], clause.upper())
    for item in select.expressions:
        aggregate = item.find(exp.AggFunc)
        if aggregate is not None:
            raise names.refuse("PROTECTION_UNAVAILABLE", aggregate, "SUBQUERY AGGREGATE")


def _spell_out_stars(select: exp.Select, sources: "Mapping[str, GrantedTable | Body]", merged: _Merged) -> None:
    spelled: list[exp.Expr] = []
    for item in select.expressions:
        whole = isinstance(item, exp.Star)
        one = isinstance(item, exp.Column) and isinstance(item.this, exp.Star)
        if not whole and not (one and folded(item.table) in sources):
            spelled.append(item)
            continue
        for alias, source in sources.items():
            if one and folded(item.table) != alias:
                continue
            names = [name for name in columns_of(source) if not whole or _apart(name, [alias], merged)]
            spelled.extend(_column(alias, name, item) for name in names)
    select.set("expressions", spelled)


def _aliased(select: exp.Select) -> dict[str, exp.Expr]:
    return {folded(item.alias): item.this for item in select.expressions if isinstance(item, exp.Alias)}


def _spell_out_references(names: _Names, select: exp.Select, sources: "Mapping[str, GrantedTable | Body]") -> None:
    """Replace positions and aliases in GROUP BY and ORDER BY by what they stand for, GROUP BY ALL by its list."""
    aliases = _aliased(select)
    offered = {name for source in sources.values() for name in columns_of(source)}
    group = select.args.get("group")
    if group is not None:
        if group.args.get("all"):
            group.set("all", None)
            group.args["expressions"] = [_meant(item) for item in select.expressions if item.find(exp.AggFunc) is None]
        else:
            group.args["expressions"] = [_referred(names, select, item, aliases, offered) for item in group.expressions]
        if not group.expressions:
            select.set("group", None)
    order = select.args.get("order")
    for item in order.expressions if order is not None else ():
        item.args["this"] = _referred(names, select, item.this, aliases, set())


def _referred(names: _Names, select: exp.Select, item: exp.Expr, aliases: Mapping[str, exp.Expr], columns: set[str]) -> exp.Expr:
    """Return what a position or alias stands for. In GROUP BY a column of that name comes first, as in the engine.

    The node is shared, not copied: binding it twice says the same, and it is only read afterwards.
    """
    node = item.unnest()
    if isinstance(node, exp.Literal) and not node.is_string:
        position = int(node.this) if str(node.this).isdigit() else 0
        if not 1 <= position <= len(select.expressions):
            raise names.refuse("ORDER_NOT_OUTPUT" if item.find_ancestor(exp.Order) else "NOT_GROUPED", item)
        return _meant(select.expressions[position - 1])
    if isinstance(node, exp.Column) and not node.table and folded(node.this) in aliases and folded(node.this) not in columns:
        return aliases[folded(node.this)]
    return item


def _meant(item: exp.Expr) -> exp.Expr:
    return item.this if isinstance(item, exp.Alias) else item


def _own_clauses(select: exp.Select) -> Iterator[exp.Expr]:
    yield from select.expressions
    for join in select.args.get("joins") or ():
        if join.args.get("on") is not None:
            yield join.args["on"]
    for clause in ("where", "group", "order"):
        if select.args.get(clause) is not None:
            yield select.args[clause]


def _bind_columns(names: _Names, select: exp.Select, sources: "Mapping[str, GrantedTable | Body]", merged: _Merged) -> None:
    findings: list[Finding] = []
    for clause in _own_clauses(select):
        for node in clause.walk():
            if isinstance(node, (exp.Select, exp.Subquery)):
                raise names.refuse("PROTECTION_UNAVAILABLE", node, "SUBQUERY")
            if isinstance(node, exp.Column):
                findings.extend(_bind_column(names, node, sources, merged))
    if findings:
        raise Refusal(*findings[:10])


def _bind_column(
    names: _Names, node: exp.Column, sources: "Mapping[str, GrantedTable | Body]", merged: _Merged
) -> Iterator[Finding]:
    spoken = ".".join(part.name for part in node.parts)
    if isinstance(node.this, exp.Star) or node.args.get("db") or node.args.get("catalog"):
        yield names.finding("COLUMN_NOT_GRANTED", node, spoken)
        return
    name = folded(node.this)
    asked = [folded(node.table)] if node.table else list(sources)
    owners = [alias for alias in asked if alias in sources and name in columns_of(sources[alias])]
    if len(owners) > 1:
        owners = _apart(name, owners, merged)
    if not owners:
        yield names.finding("COLUMN_NOT_GRANTED", node, spoken)
    elif len(owners) > 1:
        yield names.finding("COLUMN_AMBIGUOUS", node, spoken)
    else:
        node.this.args["this"] = name
        node.set("table", exp.to_identifier(owners[0], quoted=True))


def _outputs(names: _Names, select: exp.Select) -> tuple[tuple[str, exp.Expr], ...]:
    outputs = []
    for item in select.expressions:
        name = folded(item.alias_or_name)
        if not name:
            raise names.refuse("NAME_INVALID", item)
        outputs.append((name, _meant(item)))
    _refuse_duplicates(names, select, [name for name, _ in outputs])
    return tuple(outputs)


def _refuse_duplicates(names: _Names, node: exp.Expr, found: Sequence[str]) -> None:
    twice = next((name for name in found if found.count(name) > 1), None)
    if twice is not None:
        raise names.refuse("NAME_DUPLICATE", node, twice)
