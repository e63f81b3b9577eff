"""Window functions over released values: which there are, what they give, and how far their frames reach."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from policies.findings import Refusal, finding
from policies.reading.bodies import listed
from policies.released.made import Made, joined, matched
from policies.released.regrouping import TOTALS
from policies.released.shapes import INTEGER, decimal, unchanged, united
from policies.released.values import Values
from policies.rows import constants
from policies.tree import Frame, Order, Ref, Shape, Window

MOST_OFFSET = 1_000
"""Rows that a frame may reach beyond the present one, where it is bounded, and that lag and lead may look away."""

_RATIO = decimal(6)


def _lag(shapes: Sequence[Shape]) -> Shape:
    return united([shapes[0], *shapes[2:]])


@dataclass(frozen=True)
class Kind:
    """A window function: its name, the arguments it takes of its node, and the shape of what it gives."""

    name: str
    arguments: tuple[str, ...] = ()
    shape: Callable[[Sequence[Shape]], Shape] = lambda _: INTEGER
    ordered: bool = False
    """Whether it means nothing without ORDER BY."""


KINDS: Mapping[type[exp.Expr], Kind] = {
    exp.RowNumber: Kind("row_number"),
    exp.Rank: Kind("rank", ordered=True),
    exp.DenseRank: Kind("dense_rank", ordered=True),
    exp.PercentRank: Kind("percent_rank", (), lambda _: _RATIO, ordered=True),
    exp.CumeDist: Kind("cume_dist", (), lambda _: _RATIO, ordered=True),
    exp.Ntile: Kind("ntile", ("this",), ordered=True),
    exp.Lag: Kind("lag", ("this", "offset", "default"), _lag, ordered=True),
    exp.Lead: Kind("lead", ("this", "offset", "default"), _lag, ordered=True),
    exp.FirstValue: Kind("first_value", ("this",), unchanged),
    exp.LastValue: Kind("last_value", ("this",), unchanged),
    **{node: Kind(name, ("this",), shape) for node, (name, shape) in TOTALS.items() if node is not exp.Median},
}
"""Every window function that may stand over released values."""

_WHOLE_NUMBER = frozenset({exp.Ntile, exp.Lag, exp.Lead})


@dataclass
class Windows:
    """The window functions of one SELECT, gathered in order; `named` are those of its WINDOW clause."""

    named: Mapping[str, exp.Window] = field(default_factory=dict)
    found: list[Window] = field(default_factory=list)

    def add(self, scope: Values, node: exp.Window) -> Made:
        """Keep a window function and return the column that it becomes.

        Raises:
            Refusal: FUNCTION_NOT_ALLOWED, CONSTRUCT_NOT_ALLOWED, WINDOW_WITHOUT_ORDER, ARGUMENT_NOT_LITERAL.

        """
        function, over = node.this, self._over(node)
        kind = KINDS.get(type(function))
        if kind is None:
            code = "FUNCTION_NOT_ALLOWED" if isinstance(function, exp.Func) else "CONSTRUCT_NOT_ALLOWED"
            raise Refusal(finding(code, obj=function.key.upper()))
        order = tuple(ordered(scope, item) for item in listed(over, "order"))
        if kind.ordered and not order:
            raise Refusal(finding("WINDOW_WITHOUT_ORDER", obj=kind.name))
        arguments = matched([scope.compile(item) for item in _arguments(function, kind)])
        partition = [scope.compile(item) for item in over.args.get("partition_by") or ()]
        parts = [*arguments, *partition, *(made for _, made in order)]
        made = Window(
            f"w{len(self.found)}",
            kind.name,
            tuple(item.value for item in arguments),
            tuple(item.value for item in partition),
            tuple(term for term, _ in order),
            _frame(over.args.get("spec")),
        )
        same = next((known for known in self.found if replace(known, name=made.name) == made), None)
        if same is None:
            self.found.append(made)
        return joined(Ref((same or made).name), kind.shape([item.shape for item in arguments]), parts)

    def _over(self, node: exp.Window) -> exp.Window:
        name = node.args.get("alias")
        if name is None:
            return node
        known = self.named.get(str(name.name).lower())
        if known is None or node.args.get("partition_by") or node.args.get("order") or node.args.get("spec"):
            raise Refusal(finding("CONSTRUCT_NOT_ALLOWED", obj="WINDOW"))
        return known


def ordered(scope: Values, item: exp.Ordered) -> tuple[Order, Made]:
    """Return one ORDER BY term, and what is known of its value."""
    made = scope.compile(item.this)
    return Order(made.value, bool(item.args.get("desc")), bool(item.args.get("nulls_first"))), made


def _arguments(function: exp.Expr, kind: Kind) -> Sequence[exp.Expr]:
    if isinstance(function.args.get("this"), exp.Star):
        return ()
    if isinstance(function.args.get("this"), exp.Distinct):
        raise Refusal(finding("CONSTRUCT_NOT_ALLOWED", obj="DISTINCT"))
    found = [function.args[name] for name in kind.arguments if function.args.get(name) is not None]
    if type(function) in _WHOLE_NUMBER:
        for item in found[:1] if isinstance(function, exp.Ntile) else found[1:2]:
            _offset(item)
    return found


def _offset(node: exp.Expr) -> int:
    return constants.whole(node, 0, MOST_OFFSET)


def _frame(spec: exp.Expr | None) -> Frame | None:
    if spec is None:
        return None
    start = _end(spec.args.get("start"), spec.args.get("start_side"))
    end = _end(spec.args.get("end") or "CURRENT ROW", spec.args.get("end_side"))
    if spec.args.get("kind") == "ROWS":
        return Frame(start, end)
    if start is None and end is None:
        return Frame(None, None)
    if spec.args.get("kind") == "RANGE" and start is None and end == 0:
        return None
    raise Refusal(finding("CONSTRUCT_NOT_ALLOWED", obj="RANGE"))


def _end(value: object, side: object) -> int | None:
    if value == "UNBOUNDED":
        return None
    if value == "CURRENT ROW":
        return 0
    if not isinstance(value, exp.Expr):
        raise Refusal(finding("CONSTRUCT_NOT_ALLOWED", obj="FRAME"))
    return _offset(value) if side == "FOLLOWING" else -_offset(value)
