"""Step 5 at the released level: expressions over released values become nodes of the post-processing tree, typed.

Where the leaves come from differs: columns of released relations, keys and aggregates of a protected core. What stands
above them is the same everywhere and is written here once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from sqlglot import exp

from policies.findings import Refusal, finding
from policies.query import Finding
from policies.reading.text import span_of
from policies.released.made import Answered, Leaf, Made, Subquery, as_date, called, constant, joined, matched, of_term
from policies.released.shapes import BOOLEAN, INTEGER, NULL, QUOTIENT_PLACES, TEXT, decimal, numeric, united
from policies.rows import constants
from policies.rows.casts import KINDS, digits_of
from policies.tree import Call, Const, Exists, Member, Scalar, Shape, Window
from sandbox.kernel.run import Parameter

MOST_ROUNDED = 9
"""Decimals that round() and a cast may ask for."""


class Windowing(Protocol):
    """Gathers the window functions of one SELECT."""

    found: list[Window]

    def add(self, scope: "Values", node: exp.Window) -> Made:
        """Keep a window function and return the column that it becomes."""
        ...


@dataclass
class Values:
    """The scope of released expressions of one SELECT."""

    text: str
    parameters: Mapping[str, Parameter]
    leaf: Leaf
    subquery: Subquery
    windows: "Windowing"
    aliases: Mapping[str, exp.Expr] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)
    known: dict[int, tuple[exp.Expr, Made]] = field(default_factory=dict)

    def compile(self, node: exp.Expr) -> Made:
        """Return the node of the tree that a released expression becomes.

        Raises:
            Refusal: the codes of rules `class_flow`, `types` and `allow_list`, at the smallest expression.

        """
        known = self.known.get(id(node))
        if known is not None:
            return known[1]
        try:
            made = self.alias(node) if isinstance(node, exp.Column) and node.args.get("table") is None else self.leaf(node)
            made = made if made is not None else _rule_of(node)(self, node)
        except Refusal as refusal:
            raise Refusal(*(self._placed(item, node) for item in refusal.findings)) from None
        self.known[id(node)] = node, made  # the node is kept, so that no other takes its place
        return made

    def condition(self, node: exp.Expr) -> Made:
        """Return a truth value.

        Raises:
            Refusal: TYPE_MISMATCH and what `compile` raises.

        """
        made = self.compile(node)
        if made.shape.kind not in {"boolean", "null"}:
            raise Refusal(finding("TYPE_MISMATCH", span_of(self.text, node)))
        return made

    def alias(self, node: exp.Column) -> Made | None:
        """Return what an output alias stands for; one that speaks of itself is no alias."""
        name = node.name
        if node.args.get("table") is not None or name not in self.aliases or name in self.opened:
            return None
        self.opened.add(name)
        try:
            return self.compile(self.aliases[name])
        finally:
            self.opened.discard(name)

    def _placed(self, item: Finding, node: exp.Expr) -> Finding:
        return item if item.span is not None else replace(item, span=span_of(self.text, node))


Rule = Callable[[Values, exp.Expr], Made]


def _rule_of(node: exp.Expr) -> Rule:
    rule = _RULES.get(type(node))
    if rule is None:
        code = "FUNCTION_NOT_ALLOWED" if isinstance(node, exp.Func) else "CONSTRUCT_NOT_ALLOWED"
        raise Refusal(finding(code, obj=node.key.upper()))
    return rule


def _literal(scope: Values, node: exp.Expr) -> Made:
    if isinstance(node, exp.Placeholder):
        return of_term(constants.parameter(node, scope.parameters))
    return of_term(constants.literal(node))  # type: ignore[arg-type]


def _call(function: str, *names: str) -> Rule:
    def rule(scope: Values, node: exp.Expr) -> Made:
        parts = [scope.compile(node.args[name]) for name in names]
        return called(function, matched(parts))

    return rule


def _many(function: str) -> Rule:
    def rule(scope: Values, node: exp.Expr) -> Made:
        first = [node.this] if node.args.get("this") is not None else []
        return called(function, matched([scope.compile(item) for item in (*first, *node.expressions)]))

    return rule


def _like(function: str) -> Rule:
    def rule(scope: Values, node: exp.Expr) -> Made:
        made = called(function, [scope.compile(node.this), scope.compile(node.expression)])
        return called("not", [made]) if node.args.get("negate") else made

    return rule


def _logic(function: str) -> Rule:
    def rule(scope: Values, node: exp.Expr) -> Made:
        return called(function, [scope.condition(item) for item in node.flatten(unnest=False)])

    return rule


def _between(scope: Values, node: exp.Expr) -> Made:
    value, low, high = matched([scope.compile(node.args[part]) for part in ("this", "low", "high")])
    return called("and", [called(">=", [value, low]), called("<=", [value, high])])


def _in(scope: Values, node: exp.Expr) -> Made:
    if node.args.get("query") is None:
        return called("in", matched([scope.compile(item) for item in (node.this, *node.expressions)]))
    value = scope.compile(node.this)
    answered = scope.subquery(node.args["query"])
    column = _only(scope, node, answered)
    united([value.shape, column.shape])
    return joined(Member(value.value, answered.relation), BOOLEAN, [value, *answered.columns.values()])


def _only(scope: Values, node: exp.Expr, answered: Answered) -> Made:
    if len(answered.columns) != 1:
        raise Refusal(finding("SUBQUERY_COLUMNS", span_of(scope.text, node)))
    return next(iter(answered.columns.values()))


def _scalar(scope: Values, node: exp.Expr) -> Made:
    answered = scope.subquery(node)  # type: ignore[arg-type]
    column = _only(scope, node, answered)
    return joined(Scalar(answered.relation), column.shape, [column])


def _exists(scope: Values, node: exp.Expr) -> Made:
    answered = scope.subquery(node.this)
    return joined(Exists(answered.relation), BOOLEAN, [*answered.columns.values()])


def _is(scope: Values, node: exp.Expr) -> Made:
    value = scope.compile(node.this)
    if isinstance(node.expression, exp.Null):
        return called("is null", [value])
    if isinstance(node.expression, exp.Boolean):
        return called("is true" if node.expression.this else "is false", [value])
    raise Refusal(finding("CONSTRUCT_NOT_ALLOWED"))


def _case(scope: Values, node: exp.Expr) -> Made:
    subject, parts = node.args.get("this"), []
    for branch in node.args["ifs"]:
        if subject is None:
            parts.append(scope.condition(branch.this))
        else:
            parts.append(called("=", matched([scope.compile(subject), scope.compile(branch.this)])))
        parts.append(scope.compile(branch.args["true"]))
    default = node.args.get("default")
    return called("case", [*parts, Made(Const(None), NULL) if default is None else scope.compile(default)])


def _if(scope: Values, node: exp.Expr) -> Made:
    default = node.args.get("false")
    last = Made(Const(None), NULL) if default is None else scope.compile(default)
    return called("case", [scope.condition(node.this), scope.compile(node.args["true"]), last])


def _places(node: exp.Expr | None) -> int:
    return 0 if node is None else constants.whole(node, 0, MOST_ROUNDED)


def _round(scope: Values, node: exp.Expr) -> Made:
    decimals = node.args.get("decimals")
    if isinstance(decimals, exp.Neg):
        return _rounded(scope.compile(node.this), -_places(decimals.this))
    return _rounded(scope.compile(node.this), _places(decimals))


def _rounded(value: Made, places: int) -> Made:
    numeric([value.shape])
    shape = Shape("decimal", places) if places > 0 else INTEGER
    return joined(Call("round", (value.value, Const(places))), shape, [value])


def _part(scope: Values, node: exp.Expr) -> Made:
    part = node.name.lower() if isinstance(node, exp.Extract) else node.key
    value = node.expression if isinstance(node, exp.Extract) else node.this
    return called(part if part in {"year", "quarter", "month", "day"} else "unknown part", [scope.compile(value)])


def _truncate(scope: Values, node: exp.Expr) -> Made:
    return called(f"trunc {str(node.args['unit'].name).lower()}", [scope.compile(node.this)])


def _trim(scope: Values, node: exp.Expr) -> Made:
    return called("trim", [scope.compile(node.this)])


def _cast(scope: Values, node: exp.Expr) -> Made:
    target, value = node.args["to"], scope.compile(node.this)
    kind = _KINDS.get(target.this)
    if kind is None:
        raise Refusal(finding("TYPE_MISMATCH", obj=target.sql("duckdb")[:40]))
    if kind == "decimal":
        digits, places = digits_of(target)
        made = _rounded(value, places)
        most = Made(Const(10 ** (digits - places)), INTEGER)
        return called("case", [called("<", [called("abs", [made]), most]), made, Made(Const(None), NULL)])
    if kind == "double":
        numeric([value.shape])
        return joined(value.value, decimal(max(QUOTIENT_PLACES, value.shape.places)), [value])
    if kind == "date" and value.shape == TEXT and isinstance(value.value, Const):
        return as_date(value)
    made = called(f"to {kind}", [value])
    if made.shape.kind != kind:
        raise Refusal(finding("TYPE_MISMATCH"))
    return made


_KINDS = {**KINDS, exp.DType.DOUBLE: "double", exp.DType.FLOAT: "double"}

_BOTH = ("this", "expression")
_RULES: Mapping[type[exp.Expr], Rule] = {
    exp.Literal: _literal,
    exp.Placeholder: _literal,
    exp.Boolean: lambda _, node: constant(bool(node.this), "boolean"),
    exp.Null: lambda _scope, _node: Made(Const(None), NULL),
    exp.Paren: lambda scope, node: scope.compile(node.this),
    exp.EQ: _call("=", *_BOTH),
    exp.NEQ: _call("<>", *_BOTH),
    exp.LT: _call("<", *_BOTH),
    exp.LTE: _call("<=", *_BOTH),
    exp.GT: _call(">", *_BOTH),
    exp.GTE: _call(">=", *_BOTH),
    exp.NullSafeEQ: _call("is not distinct", *_BOTH),
    exp.NullSafeNEQ: _call("is distinct", *_BOTH),
    exp.Between: _between,
    exp.In: _in,
    exp.Like: _like("like"),
    exp.ILike: _like("ilike"),
    exp.Is: _is,
    exp.And: _logic("and"),
    exp.Or: _logic("or"),
    exp.Not: lambda scope, node: called("not", [scope.condition(node.this)]),
    exp.Case: _case,
    exp.If: _if,
    exp.Coalesce: _many("coalesce"),
    exp.Nullif: _call("nullif", *_BOTH),
    exp.Add: _call("+", *_BOTH),
    exp.Sub: _call("-", *_BOTH),
    exp.Mul: _call("*", *_BOTH),
    exp.Div: _call("/", *_BOTH),
    exp.IntDiv: _call("//", *_BOTH),
    exp.Mod: _call("%", *_BOTH),
    exp.Neg: _call("negate", "this"),
    exp.Abs: _call("abs", "this"),
    exp.Sign: _call("sign", "this"),
    exp.Floor: _call("floor", "this"),
    exp.Ceil: _call("ceil", "this"),
    exp.Sqrt: _call("sqrt", "this"),
    exp.Round: _round,
    exp.Least: _many("least"),
    exp.Greatest: _many("greatest"),
    exp.Upper: _call("upper", "this"),
    exp.Lower: _call("lower", "this"),
    exp.Length: _call("length", "this"),
    exp.Trim: _trim,
    exp.DPipe: _call("||", *_BOTH),
    exp.Concat: _many("concat"),
    exp.Left: _call("left", *_BOTH),
    exp.Right: _call("right", *_BOTH),
    exp.Substring: lambda scope, node: called(
        "substring", [scope.compile(node.args[name]) for name in ("this", "start", "length") if node.args.get(name) is not None]
    ),
    exp.Year: _part,
    exp.Quarter: _part,
    exp.Month: _part,
    exp.Day: _part,
    exp.Extract: _part,
    exp.DateTrunc: _truncate,
    exp.TimestampTrunc: _truncate,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Subquery: _scalar,
    exp.Exists: _exists,
    exp.Window: lambda scope, node: scope.windows.add(scope, node),  # type: ignore[arg-type]
}
