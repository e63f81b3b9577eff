"""Step 5: scalar expressions. Each allowed node becomes a proved term: class, lineage, interval, domain, total SQL.

The user's tree is read, never copied: what runs is put together here. Classes flow upwards; a comparison lowers the
class of what it compared to a dimension, but only where every compared column is granted for `compare`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from sqlglot import exp

from policies.engine import engine_text as sql
from policies.findings import Refusal, finding
from policies.query import Finding
from policies.reading.text import span_of
from policies.rows import constants, date_functions, numbers, text_functions
from policies.rows.functions import FUNCTIONS, FunctionRule
from policies.rows.meeting import chosen, column_of, merged, no_key, sides, unified
from policies.rows.terms import Rank, Term, mix
from sandbox.kernel.run import Parameter

Columns = Mapping[tuple[str, str], Term]


@dataclass
class Scope:
    """What one SELECT's expressions may speak of: terms of its sources' columns, and the bound parameters."""

    text: str
    columns: Columns
    parameters: Mapping[str, Parameter]
    grants: Mapping[tuple[str, str], frozenset[str]]
    """Uses granted on each `(table, column)`."""
    functions: Mapping[tuple[str, str], frozenset[str]]
    """Aggregate functions granted on each `(table, column)`."""
    notices: list[Finding] = field(default_factory=list)
    known: dict[int, tuple[exp.Expr, Term]] = field(default_factory=dict)
    """Nodes that were compiled already, by identity: a chain is asked for at each of its links."""

    def compile(self, node: exp.Expr) -> Term:
        """Return the term of a scalar expression.

        Raises:
            Refusal: the codes of rules `class_flow`, `types` and `bounds`, with the place of the smallest expression.

        """
        known = self.known.get(id(node))
        if known is not None:
            return known[1]
        rule = _RULES.get(type(node))
        if rule is None:
            code = "AGGREGATE_MISPLACED" if isinstance(node, exp.AggFunc) else "CONSTRUCT_NOT_ALLOWED"
            raise Refusal(finding(code, span_of(self.text, node), node.key))
        try:
            term = rule(self, node)
        except Refusal as refusal:
            raise Refusal(*(self.placed(item, node) for item in refusal.findings)) from None
        self.known[id(node)] = node, term  # the node is kept, so that no other takes its place
        return term

    def predicate(self, node: exp.Expr) -> Term:
        """Return the term of a condition; a bare boolean column is compared with TRUE.

        Raises:
            Refusal: TYPE_MISMATCH, COLUMN_NOT_COMPARABLE and what `compile` raises.

        """
        term = self.compile(node)
        if term.type not in {"boolean", "null"}:
            raise Refusal(finding("TYPE_MISMATCH", span_of(self.text, node)))
        try:
            return self.compared(term.sql, [term])
        except Refusal as refusal:
            raise Refusal(*(self.placed(item, node) for item in refusal.findings)) from None

    def compared(self, text: str, operands: Sequence[Term], *, nullable: bool | None = None) -> Term:
        """Return a truth value made by comparing `operands`: their values turn into conditions.

        Raises:
            Refusal: KEY_MISUSED, COLUMN_NOT_COMPARABLE.

        """
        for operand in operands:
            if operand.rank is Rank.KEY:
                raise Refusal(finding("KEY_MISUSED", obj=column_of(operand)))
            refused = sorted(item for item in operand.values if "compare" not in self.grants[item.table, item.column])
            if refused:
                raise Refusal(finding("COLUMN_NOT_COMPARABLE", obj=refused[0].spoken))
        mixed = mix([], operands)
        touched = frozenset().union(*(item.values for item in operands))
        rank = Rank.DIMENSION if touched or mixed.conditions else Rank.PUBLIC
        maybe = any(item.nullable for item in operands) if nullable is None else nullable
        whole = replace(mixed, rank=rank, conditions=mixed.conditions | touched)
        return whole.term(text, "boolean", nullable=maybe, domain=(False, True))

    def placed(self, item: Finding, node: exp.Expr) -> Finding:
        """Give a finding the place of `node` where it has none yet."""
        return item if item.span is not None else replace(item, span=span_of(self.text, node))


def filtered(scope: Scope, term: Term, condition: exp.Expr | None) -> Term:
    """Return a term that is NULL where the condition of a FILTER is not true."""
    return term if condition is None else chosen([scope.predicate(condition)], [term, constants.NULL])


def check_granted(scope: Scope, term: Term, functions: frozenset[str], uses: frozenset[str]) -> None:
    """Hold every column whose value flows into an aggregate against its granted functions, or uses that show as much.

    Raises:
        Refusal: AGGREGATE_NOT_GRANTED.

    """
    for origin in sorted(term.values):
        granted = scope.functions[origin.table, origin.column]
        if not granted & functions and not scope.grants[origin.table, origin.column] & uses:
            raise Refusal(finding("AGGREGATE_NOT_GRANTED", obj=origin.spoken))


Rule = Callable[[Scope, exp.Expr], Term]


def _column(scope: Scope, node: exp.Expr) -> Term:
    if node.args.get("table") is None:  # an output's alias, which is no column of a row
        raise Refusal(finding("COLUMN_NOT_GRANTED", obj=node.name))
    where = node.args["table"].name, node.name
    try:
        return scope.columns[where]
    except KeyError:  # an alias that is joined only later
        raise Refusal(finding("COLUMN_NOT_GRANTED", obj=".".join(where))) from None


def _binary(operator: str) -> Rule:
    def rule(scope: Scope, node: exp.Expr) -> Term:
        operands = [scope.compile(node.this), scope.compile(node.expression)]
        _notice_coarse(scope, node, operands)
        left, right = sides(operands)
        distinct = operator.startswith("IS")
        return scope.compared(f"({left} {operator} {right})", operands, nullable=False if distinct else None)

    return rule


def _notice_coarse(scope: Scope, node: exp.Expr, operands: Sequence[Term]) -> None:
    if any(item.type == "date" and item.grain != "day" and item.values for item in operands):
        scope.notices.append(finding("COARSE_COMPARISON", span_of(scope.text, node)))


def _between(scope: Scope, node: exp.Expr) -> Term:
    operands = [scope.compile(node.args[part]) for part in ("this", "low", "high")]
    _notice_coarse(scope, node, operands)
    value, low, high = sides(operands)
    return scope.compared(f"({value} BETWEEN {low} AND {high})", operands)


def _in(scope: Scope, node: exp.Expr) -> Term:
    if node.args.get("query") is not None:
        raise Refusal(finding("SUBQUERY_OVER_ROWS"))
    operands = [scope.compile(node.this), *(scope.compile(item) for item in node.expressions)]
    if not all(item.literal for item in operands[1:]):
        raise Refusal(finding("ARGUMENT_NOT_LITERAL"))
    _notice_coarse(scope, node, operands[:1])
    value, *items = sides(operands)
    return scope.compared(f"({value} IN ({', '.join(items)}))", operands)


def _like(operator: str) -> Rule:
    def rule(scope: Scope, node: exp.Expr) -> Term:
        value, pattern = no_key(scope.compile(node.this)), scope.compile(node.expression)
        if not pattern.literal:
            raise Refusal(finding("ARGUMENT_NOT_LITERAL", span_of(scope.text, node.expression)))
        if {value.type, pattern.type} != {"text"}:
            raise Refusal(finding("TYPE_MISMATCH"))
        negated = "NOT " if node.args.get("negate") else ""
        return scope.compared(f"({value.sql} {negated}{operator} {pattern.sql})", [value, pattern])

    return rule


def _is(scope: Scope, node: exp.Expr) -> Term:
    value = scope.compile(node.this)
    if isinstance(node.expression, exp.Null):
        return scope.compared(f"({value.sql} IS NULL)", [value], nullable=False)
    if isinstance(node.expression, exp.Boolean) and value.type == "boolean":
        return scope.compared(f"({value.sql} IS {'TRUE' if node.expression.this else 'FALSE'})", [value], nullable=False)
    raise Refusal(finding("CONSTRUCT_NOT_ALLOWED"))


def _connective(operator: str) -> Rule:
    def rule(scope: Scope, node: exp.Expr) -> Term:
        # a chain leans to one side: it is flattened, so that its length is no depth
        operands = [scope.predicate(item) for item in node.flatten(unnest=False)]
        return scope.compared("(" + f" {operator} ".join(item.sql for item in operands) + ")", operands)

    return rule


def _not(scope: Scope, node: exp.Expr) -> Term:
    operand = scope.predicate(node.this)
    return scope.compared(f"(NOT {operand.sql})", [operand])


def _case(scope: Scope, node: exp.Expr) -> Term:
    subject = node.args.get("this")
    conditions, results = [], []
    for branch in node.args["ifs"]:
        conditions.append(_equals(scope, subject, branch.this) if subject is not None else scope.predicate(branch.this))
        results.append(scope.compile(branch.args["true"]))
    default = node.args.get("default")
    results.append(constants.NULL if default is None else scope.compile(default))
    return chosen(conditions, results)


def _if(scope: Scope, node: exp.Expr) -> Term:
    default = node.args.get("false")
    results = [scope.compile(node.args["true"]), constants.NULL if default is None else scope.compile(default)]
    return chosen([scope.predicate(node.this)], results)


def _equals(scope: Scope, subject: exp.Expr, value: exp.Expr) -> Term:
    operands = [scope.compile(subject), scope.compile(value)]
    left, right = sides(operands)
    return scope.compared(f"({left} = {right})", operands)


def _coalesce(scope: Scope, node: exp.Expr) -> Term:
    operands = unified([scope.compile(item) for item in (node.this, *node.expressions)])
    text = sql.call("coalesce", *sides(operands))
    return merged(text, operands, nullable=all(item.nullable for item in operands))


def _nullif(scope: Scope, node: exp.Expr) -> Term:
    value, other = operands = unified([scope.compile(node.this), scope.compile(node.expression)])
    condition = scope.compared(f"({' = '.join(sides(operands))})", [value, other])
    return replace(chosen([condition], [constants.NULL, value]), nullable=True)


def _numeric(scope: Scope, *nodes: exp.Expr) -> list[Term]:
    terms = [no_key(scope.compile(node)) for node in nodes]
    if any(item.number is None for item in terms):
        raise Refusal(finding("TYPE_MISMATCH"))
    return terms


def _arithmetic(operation: Callable[[Term, Term], Term]) -> Rule:
    def rule(scope: Scope, node: exp.Expr) -> Term:
        left, right = _numeric(scope, node.this, node.expression)
        return operation(left, right)

    return rule


def _whole_quotient(scope: Scope, node: exp.Expr) -> Term:
    """Of whole numbers only: the engine would round others first."""
    left, right = _numeric(scope, node.this, node.expression)
    if {left.type, right.type} != {"integer"}:
        raise Refusal(finding("TYPE_MISMATCH"))
    return numbers.divide(left, right, Fraction(1))


def _negate(scope: Scope, node: exp.Expr) -> Term:
    (operand,) = _numeric(scope, node.this)
    if operand.literal and not operand.bound:
        number = numbers.number_of(operand)
        return constants.of_number(numbers.decimal_step(-number.low * number.step))
    return numbers.negate(operand)


def _added(sign: int) -> Rule:
    def rule(scope: Scope, node: exp.Expr) -> Term:
        if isinstance(node.expression, exp.Interval):
            return date_functions.shifted(no_key(scope.compile(node.this)), node.expression, sign)
        left, right = _numeric(scope, node.this, node.expression)
        return _folded(numbers.add(left, right, sign), left, right)

    return rule


def _folded(term: Term, *operands: Term) -> Term:
    """Return what constants come to as a constant, so that it may stand where one must."""
    number = numbers.number_of(term)
    if not all(item.literal and not item.bound for item in operands) or number.low != number.high:
        return term
    return constants.of_number(numbers.decimal_step(number.step) * number.low)


def _round(scope: Scope, node: exp.Expr) -> Term:
    (operand,) = _numeric(scope, node.this)
    places = node.args.get("decimals")
    return numbers.rounded(operand, 0 if places is None else constants.whole(places, 0, 9))


def _ceil(scope: Scope, node: exp.Expr) -> Term:
    (operand,) = _numeric(scope, node.this)
    return numbers.negate(numbers.floor(numbers.negate(operand)))


def _difference(scope: Scope, node: exp.Expr) -> Term:
    end, start = unified([scope.compile(node.this), scope.compile(node.expression)])
    return date_functions.difference(start, end, node)


def _joined_texts(scope: Scope, node: exp.Expr) -> Term:
    skip_null = isinstance(node, exp.Concat)
    items = node.expressions if skip_null else [node.this, node.expression]
    return text_functions.joined([no_key(scope.compile(item)) for item in items], skip_null=skip_null)


def _holds(function: str) -> Rule:
    def rule(scope: Scope, node: exp.Expr) -> Term:
        value, piece = no_key(scope.compile(node.this)), scope.compile(node.expression)
        if not piece.literal:
            raise Refusal(finding("ARGUMENT_NOT_LITERAL", span_of(scope.text, node.expression)))
        if {value.type, piece.type} != {"text"}:
            raise Refusal(finding("TYPE_MISMATCH"))
        return scope.compared(sql.call(function, value.sql, piece.sql), [value, piece])

    return rule


def _extreme(function: str) -> Rule:
    def rule(scope: Scope, node: exp.Expr) -> Term:
        operands = unified([scope.compile(item) for item in (node.this, *node.expressions)])
        if all(item.number is not None for item in operands):
            return numbers.extreme(operands, function)
        if {item.type for item in operands} != {"date"}:
            raise Refusal(finding("TYPE_MISMATCH"))
        nullable = all(item.nullable for item in operands)
        return merged(sql.call(function, *(item.sql for item in operands)), operands, nullable=nullable)

    return rule


def _function(function: FunctionRule) -> Rule:
    def rule(scope: Scope, node: exp.Expr) -> Term:
        argument = node.expression if isinstance(node, exp.Extract) else node.this
        return function(no_key(scope.compile(argument)), node)

    return rule


_RULES: Mapping[type[exp.Expr], Rule] = {
    exp.Column: _column,
    exp.Literal: lambda _, node: constants.literal(node),  # type: ignore[arg-type]
    exp.Boolean: lambda _, node: constants.of_boolean(value=bool(node.this)),
    exp.Null: lambda _scope, _node: constants.NULL,
    exp.Placeholder: lambda scope, node: constants.parameter(node, scope.parameters),  # type: ignore[arg-type]
    exp.Paren: lambda scope, node: scope.compile(node.this),
    exp.EQ: _binary("="),
    exp.NEQ: _binary("<>"),
    exp.LT: _binary("<"),
    exp.LTE: _binary("<="),
    exp.GT: _binary(">"),
    exp.GTE: _binary(">="),
    exp.NullSafeEQ: _binary("IS NOT DISTINCT FROM"),
    exp.NullSafeNEQ: _binary("IS DISTINCT FROM"),
    exp.Between: _between,
    exp.In: _in,
    exp.Like: _like("LIKE"),
    exp.ILike: _like("ILIKE"),
    exp.Is: _is,
    exp.And: _connective("AND"),
    exp.Or: _connective("OR"),
    exp.Not: _not,
    exp.Case: _case,
    exp.If: _if,
    exp.Coalesce: _coalesce,
    exp.Nullif: _nullif,
    exp.Add: _added(1),
    exp.Sub: _added(-1),
    exp.Mul: _arithmetic(lambda a, b: _folded(numbers.multiply(a, b), a, b)),
    exp.Div: _arithmetic(numbers.divide),
    exp.IntDiv: _whole_quotient,
    exp.Mod: _arithmetic(numbers.remainder),
    exp.Round: _round,
    exp.Floor: lambda scope, node: numbers.floor(*_numeric(scope, node.this)),
    exp.Ceil: _ceil,
    exp.Sign: lambda scope, node: numbers.sign(*_numeric(scope, node.this)),
    exp.DateDiff: _difference,
    exp.DPipe: _joined_texts,
    exp.Concat: _joined_texts,
    exp.StartsWith: _holds("starts_with"),
    exp.Contains: _holds("contains"),
    exp.Neg: _negate,
    exp.Abs: lambda scope, node: numbers.absolute(*_numeric(scope, node.this)),
    exp.Least: _extreme("least"),
    exp.Greatest: _extreme("greatest"),
    **{kind: _function(rule) for kind, rule in FUNCTIONS.items()},
}
