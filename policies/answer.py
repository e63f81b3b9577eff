"""The answer's shape: group keys, aggregates, output columns, order. Only released values leave this level."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

from sqlglot import exp

from policies import engine_text as sql
from policies import numbers
from policies.expressions import Scope
from policies.findings import Refusal, finding
from policies.names import Body, folded
from policies.narrowing import Fact, narrowed
from policies.query import Aggregate, AggregateKind, Finding, GroupKey, Order, OutputColumn, interval_of
from policies.terms import Origin, Rank, Term
from policies.text import span_of

MAX_KEYS, MAX_AGGREGATES, MAX_OUTPUTS = 8, 16, 32


@dataclass(frozen=True)
class AggregateTerm:
    """An aggregate with the SQL of its argument per row, in integer steps; None where it counts rows or units."""

    aggregate: Aggregate
    argument: Term | None
    unit_key: Origin | None = None


@dataclass
class Answer:
    """What the outermost SELECT asks for, gathered in order."""

    scope: Scope
    facts: Sequence[Fact] = ()
    keys: list[GroupKey] = field(default_factory=list)
    key_terms: list[Term] = field(default_factory=list)
    aggregates: list[AggregateTerm] = field(default_factory=list)
    outputs: list[OutputColumn] = field(default_factory=list)
    order: list[Order] = field(default_factory=list)
    limit: int | None = None


def answer_of(scope: Scope, body: Body, facts: Sequence[Fact] = ()) -> Answer:
    """Return the answer's shape; `facts` are what the conditions say of every row.

    Raises:
        Refusal: COLUMN_NOT_RELEASABLE, NOT_GROUPED, NO_AGGREGATE, AGGREGATE_NOT_GRANTED, BOUNDS_MISSING,
            ORDER_NOT_OUTPUT, NAME_DUPLICATE, PROTECTION_UNAVAILABLE and the codes of expressions.

    """
    answer = Answer(scope, facts)
    group = body.select.args.get("group")
    for node in group.expressions if group is not None else ():
        _add_key(answer, node)
    findings: list[Finding] = []
    for item in body.select.expressions:
        try:
            _add_output(answer, item)
        except Refusal as refusal:
            findings.extend(refusal.findings)
    if findings:
        raise Refusal(*findings[:10])
    if not answer.aggregates:
        raise Refusal(finding("NO_AGGREGATE", span_of(scope.text, body.select)))
    if max(len(answer.keys) / MAX_KEYS, len(answer.aggregates) / MAX_AGGREGATES, len(answer.outputs) / MAX_OUTPUTS) > 1:
        raise Refusal(finding("TREE_TOO_LARGE"))
    _check_output_names(answer, body)
    order = body.select.args.get("order")
    for item in order.expressions if order is not None else ():
        answer.order.append(_order(answer, item))
    answer.limit = _limit(answer, body.select.args.get("limit"))
    return answer


def _add_key(answer: Answer, node: exp.Expr) -> None:
    if node.find(exp.AggFunc) is not None:
        raise Refusal(finding("AGGREGATE_MISPLACED", span_of(answer.scope.text, node)))
    if isinstance(node, exp.Literal):
        raise Refusal(finding("NOT_GROUPED", span_of(answer.scope.text, node)))
    term = _key_term(answer, node)
    if term.sql in {item.sql for item in answer.key_terms}:
        return
    answer.keys.append(_key(answer, node, term))
    answer.key_terms.append(term)


def _key_term(answer: Answer, node: exp.Expr) -> Term:
    """Return an expression as a key shows it: with values that can occur, whole numbers in ones, whatever their step."""
    term = narrowed(answer.scope.compile(node), answer.facts)
    if term.number is None or term.type != "integer":
        return term
    text, number = numbers.rescaled(term, Fraction(1))
    return replace(term, sql=text, number=number)


def _key(answer: Answer, node: exp.Expr, term: Term) -> GroupKey:
    place = span_of(answer.scope.text, node)
    if term.rank is Rank.KEY:
        raise Refusal(finding("KEY_MISUSED", place, _column_name(term)))
    if term.rank > Rank.DIMENSION:
        raise Refusal(finding("COLUMN_NOT_RELEASABLE", place, _measures(term)))
    if term.type == "decimal":
        raise Refusal(finding("PROTECTION_UNAVAILABLE", place, "DECIMAL KEY"))
    if term.type == "null":
        raise Refusal(finding("TYPE_MISMATCH", place))
    return GroupKey(f"k{len(answer.keys)}", term.type, term.domain, term.nullable, lineage_of(term))


def lineage_of(term: Term) -> tuple[str, ...]:
    """Return the columns that enter a term, as `table.column`, sorted."""
    return tuple(sorted({f"{item.table}.{item.column}" for item in (*term.values, *term.conditions)}))


def _column_name(term: Term) -> str | None:
    return f"{term.origin.table}.{term.origin.column}" if term.origin is not None else None


def _measures(term: Term) -> str | None:
    return next((f"{item.table}.{item.column}" for item in sorted(term.values)), None)


def _add_output(answer: Answer, item: exp.Expr) -> None:
    node = item.this if isinstance(item, exp.Alias) else item
    node = node.unnest()
    if isinstance(node, exp.AggFunc):
        source = _aggregate_source(answer, node)
        default = _default_name(node)
    elif node.find(exp.AggFunc) is not None:
        raise Refusal(finding("PROTECTION_UNAVAILABLE", span_of(answer.scope.text, node), "EXPRESSION OVER AGGREGATES"))
    else:
        source, default = _key_source(answer, node), node.alias_or_name or f"key_{len(answer.outputs) + 1}"
    answer.outputs.append(OutputColumn(item.alias if isinstance(item, exp.Alias) else default, source))


def _key_source(answer: Answer, node: exp.Expr) -> str:
    """Return the key that a selected expression is.

    A raw column that is no key is refused by its class, so that the reason named is the nearest one.
    """
    term = _key_term(answer, node)
    for key, known in zip(answer.keys, answer.key_terms, strict=True):
        if known.sql == term.sql:
            return key.name
    place = span_of(answer.scope.text, node)
    if term.rank is Rank.KEY:
        raise Refusal(finding("KEY_MISUSED", place, _column_name(term)))
    if term.rank > Rank.DIMENSION:
        raise Refusal(finding("COLUMN_NOT_RELEASABLE", place, _measures(term)))
    if answer.keys and term.values <= {o for known in answer.key_terms for o in known.values}:
        raise Refusal(finding("PROTECTION_UNAVAILABLE", place, "EXPRESSION OVER KEYS"))
    raise Refusal(finding("NOT_GROUPED", place, _column_name(term)))


def _default_name(node: exp.AggFunc) -> str:
    column = node.find(exp.Column)
    function = node.sql_name().lower()
    return f"{function}_{folded(column.name)}"[:63] if column is not None else function


def _aggregate_source(answer: Answer, node: exp.AggFunc) -> str:
    try:
        made = _aggregate(answer, node)
    except Refusal as refusal:
        place = span_of(answer.scope.text, node)
        raise Refusal(*(item if item.span else replace(item, span=place) for item in refusal.findings)) from None
    text = made.argument.sql if made.argument is not None else None
    for known in answer.aggregates:
        same = known.argument.sql if known.argument is not None else None
        if (known.aggregate.kind, same) == (made.aggregate.kind, text):
            return known.aggregate.name
    answer.aggregates.append(made)
    return made.aggregate.name


def _aggregate(answer: Answer, node: exp.AggFunc) -> AggregateTerm:
    name = f"a{len(answer.aggregates)}"
    if isinstance(node.this, exp.Distinct):
        return _count_unit(answer, name, node)
    if isinstance(node, exp.Count):
        return _count(answer, name, node)
    kind: AggregateKind = "sum" if isinstance(node, exp.Sum) else "avg"
    return _sum(answer, name, kind, node)


def _count_unit(answer: Answer, name: str, node: exp.AggFunc) -> AggregateTerm:
    arguments = node.this.expressions
    if not isinstance(node, exp.Count) or len(arguments) != 1:
        raise Refusal(finding("PROTECTION_UNAVAILABLE", obj="DISTINCT"))
    term = answer.scope.compile(arguments[0].unnest())
    if term.rank is not Rank.KEY or term.origin is None:
        raise Refusal(finding("PROTECTION_UNAVAILABLE", obj="COUNT DISTINCT"))
    if "count_distinct" not in answer.scope.grants[term.origin.table, term.origin.column]:
        raise Refusal(finding("AGGREGATE_NOT_GRANTED", obj=_column_name(term)))
    aggregate = Aggregate(name, "count_unit", has_argument=False, low=1, high=1, step=Decimal(1), lineage=lineage_of(term))
    return AggregateTerm(aggregate, None, term.origin)


def _count(answer: Answer, name: str, node: exp.Count) -> AggregateTerm:
    rows = Aggregate(name, "count", has_argument=False, low=1, high=1, step=Decimal(1), lineage=())
    if isinstance(node.this, exp.Star):
        return AggregateTerm(rows, None)
    if node.this is None:
        raise Refusal(finding("SYNTAX"))
    term = answer.scope.compile(node.this)
    if term.rank is Rank.KEY:
        raise Refusal(finding("KEY_MISUSED", obj=_column_name(term)))
    if term.type == "null":
        raise Refusal(finding("TYPE_MISMATCH"))
    _check_granted(answer, term, frozenset({"count", "avg"}), frozenset({"group", "compare"}))
    if term.literal and not term.bound:
        return AggregateTerm(rows, None)
    counted = replace(term, sql=sql.case([(f"{term.sql} IS NOT NULL", sql.constant(1))], None))
    return AggregateTerm(replace(rows, has_argument=True, lineage=lineage_of(term)), counted)


def _sum(answer: Answer, name: str, kind: AggregateKind, node: exp.AggFunc) -> AggregateTerm:
    term = answer.scope.compile(node.this)
    if term.rank is Rank.KEY:
        raise Refusal(finding("KEY_MISUSED", obj=_column_name(term)))
    if term.number is None:
        raise Refusal(finding("TYPE_MISMATCH"))
    _check_granted(answer, term, frozenset({kind}), frozenset())
    number = term.number
    if not number.bounded:
        clamp = f"LEAST(GREATEST({node.this.sql('duckdb', comments=False)}, 0), 1000)"
        raise Refusal(finding("BOUNDS_MISSING", obj=_measures(term), hint=(f"例如 {clamp}", f"For example {clamp}")))
    if max(-number.low, number.high) >= numbers.BIGINT:
        raise Refusal(finding("RANGE_TOO_WIDE"))
    step = numbers.decimal_step(number.step)
    aggregate = Aggregate(name, kind, has_argument=True, low=number.low, high=number.high, step=step, lineage=lineage_of(term))
    return AggregateTerm(aggregate, term)


def _check_granted(answer: Answer, term: Term, functions: frozenset[str], uses: frozenset[str]) -> None:
    """Hold every column whose value flows into an aggregate against its granted functions, or uses that show as much."""
    for origin in sorted(term.values):
        granted = answer.scope.functions[origin.table, origin.column]
        if not granted & functions and not answer.scope.grants[origin.table, origin.column] & uses:
            raise Refusal(finding("AGGREGATE_NOT_GRANTED", obj=f"{origin.table}.{origin.column}"))


def _check_output_names(answer: Answer, body: Body) -> None:
    """Refuse names that meet, also with the interval columns that follow each aggregate."""
    taken: set[str] = set()
    for output, node in zip(answer.outputs, body.select.expressions, strict=True):
        own = [output.name]
        if output.source.startswith("a"):
            own += interval_of(output.name)
        if taken & {folded(name) for name in own}:
            raise Refusal(finding("NAME_DUPLICATE", span_of(answer.scope.text, node), output.name))
        taken |= {folded(name) for name in own}


def _order(answer: Answer, item: exp.Ordered) -> Order:
    node = item.this.unnest()
    place = span_of(answer.scope.text, node)
    if isinstance(node, exp.AggFunc):
        known = len(answer.aggregates)
        source = _aggregate_source(answer, node)
        if len(answer.aggregates) > known:  # it would cost budget without being shown
            raise Refusal(finding("ORDER_NOT_OUTPUT", place))
    elif node.find(exp.AggFunc) is not None:
        raise Refusal(finding("PROTECTION_UNAVAILABLE", place, "EXPRESSION OVER AGGREGATES"))
    else:
        term = _key_term(answer, node)
        found = [key.name for key, known in zip(answer.keys, answer.key_terms, strict=True) if known.sql == term.sql]
        if not found:
            raise Refusal(finding("ORDER_NOT_OUTPUT", place))
        source = found[0]
    return Order(source, bool(item.args.get("desc")), bool(item.args.get("nulls_first")))


def _limit(answer: Answer, clause: exp.Limit | None) -> int | None:
    if clause is None:
        return None
    term = answer.scope.compile(clause.expression)
    number = term.number
    if not term.literal or number is None or number.step != Fraction(1) or not 0 <= number.low <= 1_000_000:
        raise Refusal(finding("ARGUMENT_NOT_LITERAL", span_of(answer.scope.text, clause)))
    return number.low
