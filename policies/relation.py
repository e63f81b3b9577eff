"""From bound names to one flat relation: CTEs, derived tables and inner joins become occurrences, links and filters.

All joins are inner, so that every condition may stand in one WHERE: nothing depends on the order of evaluation, since
every generated expression is total.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from policies import engine_text as sql
from policies import numbers
from policies.expressions import Scope
from policies.findings import Refusal, finding
from policies.grant import Grant, GrantedColumn, GrantedTable
from policies.names import Body, folded
from policies.narrowing import Fact, facts_of
from policies.query import DATE_CEILING, DATE_FLOOR, Finding
from policies.terms import Grain, Number, Origin, Rank, Term
from policies.text import span_of
from sandbox.kernel.run import Parameter

Link = frozenset[Origin]


@dataclass(frozen=True)
class Occurrence:
    """One granted table under one generated alias."""

    alias: str
    table: GrantedTable


@dataclass
class Rows:
    """The flat relation while it is gathered: occurrences in order, key equalities, filters and what they say, notices."""

    occurrences: list[Occurrence] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    filters: list[Term] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    notices: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class Context:
    """What stays the same for the whole query."""

    text: str
    grant: Grant
    parameters: Mapping[str, Parameter]
    uses: Mapping[tuple[str, str], frozenset[str]]
    functions: Mapping[tuple[str, str], frozenset[str]]


def context_of(text: str, grant: Grant, parameters: Mapping[str, Parameter]) -> Context:
    """Return the context of one query."""
    columns = {(table.name, name): column for table in grant.tables.values() for name, column in table.columns.items()}
    uses = {where: column.use for where, column in columns.items()}
    return Context(text, grant, parameters, uses, {where: column.functions for where, column in columns.items()})


def flatten(context: Context, body: Body, rows: Rows) -> Scope:
    """Add a SELECT's sources, links and filters to `rows`; return the scope of its own expressions.

    Raises:
        Refusal: JOIN_NOT_DECLARED, CONSTRUCT_NOT_ALLOWED for a comma or cross join, and the codes of expressions.

    """
    columns = _Columns()
    scope = Scope(context.text, columns, context.parameters, context.uses, context.functions, rows.notices)
    joins = [None, *(body.select.args.get("joins") or ())]
    for (alias, source), join in zip(body.sources.items(), joins, strict=True):
        before = len(rows.occurrences)
        if isinstance(source, GrantedTable):
            columns.occurrences[alias] = _occurrence(rows, source)
        else:
            inner = flatten(context, source, rows)
            columns.update({(alias, name): inner.compile(node) for name, node in source.outputs})
        if join is not None:
            _join(context, scope, rows, join, frozenset(item.alias for item in rows.occurrences[before:]))
    where = body.select.args.get("where")
    if where is not None:
        _filter(scope, rows, where.this)
    return scope


def _filter(scope: Scope, rows: Rows, condition: exp.Expr) -> None:
    rows.filters.append(scope.predicate(condition))
    rows.facts.extend(facts_of(scope, condition))


class _Columns(dict[tuple[str, str], Term]):
    """Terms of a scope's columns; those of tables are made when first asked for, since most are never read."""

    def __init__(self) -> None:
        super().__init__()
        self.occurrences: dict[str, Occurrence] = {}

    def __missing__(self, where: tuple[str, str]) -> Term:
        occurrence = self.occurrences[where[0]]
        self[where] = column_term(occurrence, occurrence.table.columns[where[1]])
        return self[where]


def _occurrence(rows: Rows, table: GrantedTable) -> Occurrence:
    occurrence = Occurrence(f"t{len(rows.occurrences)}", table)
    rows.occurrences.append(occurrence)
    return occurrence


def rank_of(table: GrantedTable, column: GrantedColumn) -> Rank:
    """Return the class of a granted column: what may be shown, what may only be aggregated or compared, what is a key."""
    if column.key_of is not None or column.use <= {"join", "count_distinct"}:
        return Rank.KEY
    if "group" in column.use:
        return Rank.PUBLIC if table.public else Rank.DIMENSION
    return Rank.MEASURE


def column_term(occurrence: Occurrence, column: GrantedColumn) -> Term:
    """Return the term of one column of one occurrence, as `projection` makes it: total and within its public bounds."""
    table = occurrence.table
    number: Number | None = None
    rank = rank_of(table, column)
    if rank is not Rank.KEY and column.type.kind in {"integer", "decimal"}:
        number = numbers.steps_of_column("", column)[1]
    return Term(
        sql.column(occurrence.alias, column.name),
        column.type.kind if number is None else numbers.kind_of(number.step),
        rank,
        nullable=column.nullable and column.name != table.unit_key and not _is_public_key(table, column),
        values=frozenset({Origin(occurrence.alias, table.name, column.name)}),
        number=number,
        dates=column.dates,
        grain=_grain(column.coarsen or ""),
        domain=numbers.domain_of(column),
        origin=Origin(occurrence.alias, table.name, column.name),
    )


def _is_public_key(table: GrantedTable, column: GrantedColumn) -> bool:
    """Whether supply leaves no NULL and reading makes none; a date out of range is read as NULL."""
    return table.public and column.name in table.unique and column.type.kind != "date"


def projection(table: GrantedTable, column: GrantedColumn) -> str:
    """Return the SQL that reads one column: numbers as clamped integer steps, dates within bounds, keys as they are."""
    reference = sql.name(column.name)
    if rank_of(table, column) is Rank.KEY:
        return reference
    if column.type.kind in {"integer", "decimal"}:
        reference = numbers.steps_of_column(reference, column)[0]
    elif column.type.kind == "date":
        low, high = column.dates or (DATE_FLOOR, DATE_CEILING)
        reference = sql.within(reference, sql.day(low), sql.day(high))
    return f"{reference} AS {sql.name(column.name)}"


def _grain(name: str) -> Grain:
    return name if name in {"month", "quarter", "year"} else "day"  # type: ignore[return-value]


def _join(context: Context, scope: Scope, rows: Rows, join: exp.Join, joined: frozenset[str]) -> None:
    if join.args.get("kind") not in {None, "", "INNER"} or join.args.get("on") is None:
        raise Refusal(finding("JOIN_NOT_DECLARED", span_of(context.text, join), "CROSS JOIN"))
    linked = False
    for node in join.args["on"].flatten() if isinstance(join.args["on"], exp.And) else [join.args["on"]]:
        link = _declared_link(context, scope, node.unnest())
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
