"""Aggregates over private rows: each becomes one or more aggregates of a protected core, in integer steps within bounds.

What has no mechanism of its own is put together from those that have one, after noise: a variance is a function of a count,
a sum and a sum of squares. What cannot be put together is refused.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

from sqlglot import exp

from policies.engine import engine_text as sql
from policies.findings import Refusal, finding
from policies.query import Aggregate, AggregateKind
from policies.rows import constants, numbers
from policies.rows.expressions import Scope, check_granted, filtered
from policies.rows.meeting import chosen, column_of
from policies.rows.terms import Origin, Rank, Term, lineage_of, mix
from policies.tree import Call, Const, Expr, Ref

MOST_PLACES = 16
"""Decimals of a sum's step: finer ones leave no digits before the point."""
_SHARE = re.compile(r"0?\.[0-9]{1,4}", re.ASCII)
VARIANCE = frozenset({"variance", "stddev"})


@dataclass(frozen=True)
class AggregateTerm:
    """An aggregate with the SQL of its argument per row, in integer steps; None where it counts rows or units."""

    aggregate: Aggregate
    argument: Term | None
    unit_key: Origin | None = None


@dataclass
class Aggregates:
    """The aggregates of one core, gathered in order; the same one asked twice is one."""

    scope: Scope
    names_unit: Callable[[Origin], bool]
    """Whether a key names one unit each."""
    found: list[AggregateTerm] = field(default_factory=list)
    unit_keys: list[Origin] = field(default_factory=list)
    """Every key of units that was counted, also where the count became one with another."""

    def add(self, made: AggregateTerm) -> Ref:
        """Keep an aggregate and return the column that it becomes."""
        if made.unit_key is not None:
            self.unit_keys.append(made.unit_key)
        asked = made.argument.identity if made.argument is not None else None
        for known in self.found:
            same = known.argument.identity if known.argument is not None else None
            if (known.aggregate.kind, known.aggregate.fraction, same) == (made.aggregate.kind, made.aggregate.fraction, asked):
                return Ref(known.aggregate.name)
        name = f"a{len(self.found)}"
        self.found.append(replace(made, aggregate=replace(made.aggregate, name=name)))
        return Ref(name)

    def of(self, node: exp.Expr) -> Expr:
        """Return an aggregate function as an expression over the core's columns.

        Raises:
            Refusal: KEY_MISUSED, AGGREGATE_NOT_GRANTED, BOUNDS_MISSING, RANGE_TOO_WIDE, TYPE_MISMATCH,
                PROTECTION_UNAVAILABLE and the codes of expressions.

        """
        condition = node.expression.this if isinstance(node, exp.Filter) else None
        function = node.this if isinstance(node, exp.Filter) else node
        rule = _RULES.get(type(function))
        if rule is None:
            raise Refusal(finding("PROTECTION_UNAVAILABLE", obj=function.key.upper()))
        return rule(self, function, condition)


Rule = Callable[[Aggregates, exp.Expr, exp.Expr | None], Expr]


_ROWS = Aggregate("", "count", has_argument=False, low=1, high=1, step=Decimal(1), lineage=())


def _count(gathered: Aggregates, node: exp.Expr, condition: exp.Expr | None) -> Expr:
    if isinstance(node.this, exp.Distinct):
        return _count_distinct(gathered, node, condition)
    star = isinstance(node.this, exp.Star)
    term = constants.of_boolean(value=True) if star else gathered.scope.compile(node.this)
    if term.rank is Rank.KEY:
        raise Refusal(finding("KEY_MISUSED", obj=column_of(term)))
    if term.type == "null":
        raise Refusal(finding("TYPE_MISMATCH"))
    check_granted(gathered.scope, term, frozenset({"count", "avg"}), frozenset({"group", "compare"}))
    if term.literal and not term.bound and condition is None:
        return gathered.add(AggregateTerm(_ROWS, None))
    return gathered.add(_present(gathered.scope, term, condition))


def _present(scope: Scope, term: Term, condition: exp.Expr | None) -> AggregateTerm:
    """Count the rows where a term is not NULL and a condition is true."""
    seen = filtered(scope, term, condition)
    counted = replace(seen, sql=sql.case([(f"{seen.sql} IS NOT NULL", sql.constant(1))], None))
    return AggregateTerm(replace(_ROWS, has_argument=True, lineage=lineage_of(seen)), counted)


def _count_distinct(gathered: Aggregates, node: exp.Expr, condition: exp.Expr | None) -> Expr:
    """Count units where the argument is their key, else distinct values."""
    arguments = node.this.expressions
    if len(arguments) != 1:
        raise Refusal(finding("PROTECTION_UNAVAILABLE", obj="DISTINCT"))
    term = gathered.scope.compile(arguments[0].unnest())
    if term.rank is Rank.KEY and (term.origin is None or "count_distinct" not in _grants(gathered.scope, term.origin)):
        raise Refusal(finding("AGGREGATE_NOT_GRANTED", obj=column_of(term)))
    if term.origin is not None and term.rank is Rank.KEY and gathered.names_unit(term.origin):
        return _count_unit(gathered, term, term.origin, condition)
    return _count_value(gathered, term, condition)


def _grants(scope: Scope, origin: Origin) -> frozenset[str]:
    return scope.grants[origin.table, origin.column]


def _count_value(gathered: Aggregates, term: Term, condition: exp.Expr | None) -> Expr:
    """Count distinct values; what they are shows no more than which groups they would make, or how often they occur."""
    if term.type == "null":
        raise Refusal(finding("TYPE_MISMATCH"))
    check_granted(gathered.scope, term, frozenset({"count"}), frozenset({"group", "compare", "count_distinct"}))
    seen = _value_where(gathered.scope, term, condition)
    values = Aggregate("", "count_value", has_argument=True, low=1, high=1, step=Decimal(1), lineage=lineage_of(seen))
    return gathered.add(AggregateTerm(values, seen))


def _value_where(scope: Scope, term: Term, condition: exp.Expr | None) -> Term:
    """Return a term, a key too, that is NULL where the condition is not true; keys may be counted, never compared."""
    if condition is None:
        return term
    wanted = scope.predicate(condition)
    mixed = mix((replace(term, rank=Rank.PUBLIC),), (wanted,))
    return replace(mixed.term(sql.case([(wanted.sql, term.sql)], None), term.type, nullable=True), rank=term.rank)


def _count_unit(gathered: Aggregates, term: Term, key: Origin, condition: exp.Expr | None) -> Expr:
    """Count units; of an optional key, or under a FILTER, those of which a row in the group has it."""
    scope = gathered.scope
    units = Aggregate("", "count_unit", has_argument=False, low=1, high=1, step=Decimal(1), lineage=lineage_of(term))
    if condition is None and not term.nullable:
        return gathered.add(AggregateTerm(units, None, key))
    seen = constants.of_boolean(value=True)
    if term.nullable:
        there = Term(f"({term.sql} IS NOT NULL)", "boolean", Rank.DIMENSION, conditions=term.values, domain=(False, True))
        seen = chosen([there], [seen, constants.NULL])
    present = _present(scope, seen, condition)
    lineage = tuple(sorted({*units.lineage, *present.aggregate.lineage}))
    return gathered.add(AggregateTerm(replace(units, has_argument=True, lineage=lineage), present.argument, key))


def _numeric(gathered: Aggregates, node: exp.Expr, condition: exp.Expr | None) -> Term:
    if isinstance(node.this, exp.Distinct):
        raise Refusal(finding("PROTECTION_UNAVAILABLE", obj="DISTINCT"))
    term = gathered.scope.compile(node.this)
    if term.rank is Rank.KEY:
        raise Refusal(finding("KEY_MISUSED", obj=column_of(term)))
    if term.number is None:
        raise Refusal(finding("TYPE_MISMATCH"))
    return filtered(gathered.scope, term, condition)


def _bounded(term: Term, node: exp.Expr, kind: AggregateKind, fraction: Fraction | None = None) -> AggregateTerm:
    number = numbers.number_of(term)
    if not number.bounded:
        clamp = f"LEAST(GREATEST({node.this.sql('duckdb', comments=False)}, 0), 1000)"
        column = next((item.spoken for item in sorted(term.values)), None)
        raise Refusal(finding("BOUNDS_MISSING", obj=column, hint=(f"例如 {clamp}", f"For example {clamp}")))
    if max(-number.low, number.high) >= numbers.BIGINT:
        raise Refusal(finding("RANGE_TOO_WIDE"))
    step = numbers.decimal_step(number.step)
    if -int(step.normalize().as_tuple().exponent) > MOST_PLACES:
        raise Refusal(finding("RANGE_TOO_WIDE"))
    made = Aggregate("", kind, has_argument=True, low=number.low, high=number.high, step=step, lineage=lineage_of(term))
    return AggregateTerm(replace(made, fraction=fraction), term)


def _sum(gathered: Aggregates, node: exp.Expr, condition: exp.Expr | None) -> Expr:
    term = _numeric(gathered, node, condition)
    check_granted(gathered.scope, term, frozenset({"sum"}), frozenset())
    return gathered.add(_bounded(term, node, "sum"))


def _avg(gathered: Aggregates, node: exp.Expr, condition: exp.Expr | None) -> Expr:
    term = _numeric(gathered, node, condition)
    check_granted(gathered.scope, term, frozenset({"avg"}), frozenset())
    return gathered.add(_bounded(term, node, "avg"))


def _variance(function: str) -> Rule:
    def rule(gathered: Aggregates, node: exp.Expr, condition: exp.Expr | None) -> Expr:
        """Put a variance together from noisy moments about the middle of the range, which keeps their sensitivity small."""
        term = _numeric(gathered, node, condition)
        _check_variance(gathered.scope, term)
        _bounded(term, node, "sum")
        number = numbers.number_of(term)
        middle = constants.of_number(numbers.decimal_step(number.step) * ((number.low + number.high) // 2))
        off = numbers.add(term, middle, -1)
        square = numbers.square(off)
        count = gathered.add(_present(gathered.scope, term, None))
        first, second = gathered.add(_bounded(off, node, "sum")), gathered.add(_bounded(square, node, "sum"))
        whole = Call("-", (second, Call("/", (Call("*", (first, first)), count))))
        least = 1 if function.endswith("_samp") else 0
        over = Call("-", (count, Const(least)))
        value = Call("greatest", (Const(0), Call("/", (whole, over))))
        made = Call("case", (Call(">", (count, Const(least))), value, Const(None)))
        return Call("sqrt", (made,)) if function.startswith("stddev") else made

    return rule


def _check_variance(scope: Scope, term: Term) -> None:
    """A variance tells no more than a sum of squares and an average: who may have both may have it."""
    for origin in sorted(term.values):
        granted = scope.functions[origin.table, origin.column]
        if not granted & VARIANCE and not granted >= {"sum", "avg"}:
            raise Refusal(finding("AGGREGATE_NOT_GRANTED", obj=origin.spoken))


def _quantile(gathered: Aggregates, node: exp.Expr, condition: exp.Expr | None) -> Expr:
    """A quantile is granted as such. Its ends are refused: the least and the largest value are somebody's."""
    fraction = (
        Fraction(1, 2) if isinstance(node, exp.Median) else _fraction(node.args.get("quantile") or node.args.get("expression"))
    )
    term = _numeric(gathered, node, condition)
    check_granted(gathered.scope, term, frozenset({"quantile"}), frozenset())
    return gathered.add(_bounded(term, node, "quantile", fraction))


def _fraction(node: exp.Expr | None) -> Fraction:
    """Read a literal share strictly between 0 and 1, of at most four decimals."""
    written = str(node.this) if isinstance(node, exp.Literal) and not node.is_string else ""
    if not _SHARE.fullmatch(written) or not 0 < Fraction(written) < 1:
        raise Refusal(finding("ARGUMENT_NOT_LITERAL"))
    return Fraction(written)


def _extreme(share: str) -> Rule:
    def rule(_: Aggregates, node: exp.Expr, __: exp.Expr | None) -> Expr:
        """Refuse a least or largest value, with the quantile that comes near it."""
        spoken = node.this.transform(lambda item: exp.column(item.name) if isinstance(item, exp.Column) else item)
        written = f"quantile_cont({spoken.sql('duckdb', comments=False)}, {share})"
        hint = (f"最值总是某个人的值; 请写 {written}", f"An extreme is always somebody's value; write {written}")
        raise Refusal(finding("PROTECTION_UNAVAILABLE", obj=node.key.upper(), hint=hint))

    return rule


def _count_if(gathered: Aggregates, node: exp.Expr, condition: exp.Expr | None) -> Expr:
    seen = filtered(gathered.scope, constants.of_boolean(value=True), node.this)
    return gathered.add(_present(gathered.scope, seen, condition))


_RULES: Mapping[type[exp.Expr], Rule] = {
    exp.Count: _count,
    exp.CountIf: _count_if,
    exp.Sum: _sum,
    exp.Avg: _avg,
    exp.Variance: _variance("var_samp"),
    exp.VariancePop: _variance("var_pop"),
    exp.Stddev: _variance("stddev_samp"),
    exp.StddevSamp: _variance("stddev_samp"),
    exp.StddevPop: _variance("stddev_pop"),
    exp.Median: _quantile,
    exp.Quantile: _quantile,
    exp.PercentileCont: _quantile,
    exp.PercentileDisc: _quantile,
    exp.Min: _extreme("0.01"),
    exp.Max: _extreme("0.99"),
}
