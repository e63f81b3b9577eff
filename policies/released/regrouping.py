"""Released values grouped and aggregated anew: free of charge, so every aggregate may be asked of them."""

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from policies.findings import Refusal, finding
from policies.reading.bodies import Body, group_items
from policies.reading.text import span_of
from policies.released.grouping import grouping_sets, level_of, united_sets
from policies.released.made import Made, joined
from policies.released.shapes import INTEGER, quotient, total, unchanged
from policies.released.values import Values
from policies.tree import Const, Expr, Grouped, Named, Ref, Relation, Shape, Total

TOTALS: Mapping[type[exp.Expr], tuple[str, Callable[[Sequence[Shape]], Shape]]] = {
    exp.Count: ("count", lambda _: INTEGER),
    exp.Sum: ("sum", total),
    exp.Avg: ("avg", quotient),
    exp.Min: ("min", unchanged),
    exp.Max: ("max", unchanged),
    exp.Median: ("median", quotient),
}
"""Every aggregate that may be asked of released values."""


class Regrouping:
    """Keys and totals of one SELECT over released values."""

    def __init__(self, scope: Values, body: Body) -> None:
        """Read the keys.

        Args:
            scope: of the expressions beneath the groups.
            body: the SELECT.

        Raises:
            Refusal: TREE_TOO_LARGE, and the codes of expressions.

        """
        self._scope = scope
        self.keys: list[Named] = []
        self.totals: list[Total] = []
        self._known: dict[Expr, Made] = {}
        groups = grouping_sets(group_items(body.select))
        self.sets = tuple(tuple(dict.fromkeys(self._add(node) for node in group)) for group in groups)

    def _add(self, node: exp.Expr) -> int:
        made = self._scope.compile(node)
        if made.value not in self._known:
            name = f"k{len(self.keys)}"
            self.keys.append(Named(name, made.value))
            sources = () if made.noisy else made.sources
            self._known[made.value] = Made(Ref(name), made.shape, made.lineage, made.noisy, sources)
        return [item.value for item in self.keys].index(made.value)

    def relation(self, source: Relation) -> Relation:
        """Return the groups of every set; a key that a set does not group by is NULL there, as `g0…` say."""
        if self.sets == (tuple(range(len(self.keys))),):
            return Grouped(source, tuple(self.keys), tuple(self.totals))
        totals = tuple(item.name for item in self.totals)
        names = [item.name for item in self.keys]
        return united_sets(
            [(Grouped(source, tuple(self.keys[place] for place in group), tuple(self.totals)), group) for group in self.sets],
            names,
            totals,
        )

    def leaf(self, node: exp.Expr) -> Made | None:
        """Read an aggregate or a key; anything else stands above them."""
        if isinstance(node, exp.Grouping):
            return self._grouping(node)
        if isinstance(node, (exp.AggFunc, exp.Filter)):
            return self._total(node)
        if isinstance(node, (exp.Query, exp.Window, exp.Literal)) or any(
            column.args.get("table") is None for column in node.find_all(exp.Column)
        ):
            return None
        try:
            known = self._known.get(self._scope.compile(node).value) if node.find(exp.AggFunc, exp.Window) is None else None
        except Refusal:
            if isinstance(node, exp.Column):
                raise
            return None
        if known is None and isinstance(node, exp.Column):
            raise Refusal(finding("NOT_GROUPED", span_of(self._scope.text, node), node.name))
        return known

    def _grouping(self, node: exp.Grouping) -> Made:
        places = []
        for item in node.expressions:
            known = self._known.get(self._scope.compile(item).value)
            if known is None:
                raise Refusal(finding("NOT_GROUPED", span_of(self._scope.text, item)))
            places.append(int(str(known.name)[1:]))
        return Made(level_of(places) if len(self.sets) > 1 else Const(0), INTEGER)

    def _total(self, node: exp.Expr) -> Made:
        condition = self._scope.condition(node.expression.this) if isinstance(node, exp.Filter) else None
        function = node.this if isinstance(node, exp.Filter) else node
        kind = TOTALS.get(type(function))
        if kind is None:
            raise Refusal(finding("FUNCTION_NOT_ALLOWED", span_of(self._scope.text, node), function.key.upper()))
        argument = function.this
        distinct = isinstance(argument, exp.Distinct)
        if distinct:
            if len(argument.expressions) != 1:
                raise Refusal(finding("CONSTRUCT_NOT_ALLOWED", span_of(self._scope.text, node), "DISTINCT"))
            argument = argument.expressions[0]
        value = None if isinstance(argument, exp.Star) else self._scope.compile(argument)
        parts = [item for item in (value, condition) if item is not None]
        shape = kind[1]([value.shape] if value is not None else [INTEGER])
        asked = (kind[0], None if value is None else value.value, distinct, None if condition is None else condition.value)
        for known in self.totals:
            if (known.function, known.value, known.distinct, known.where) == asked:
                return joined(Ref(known.name), shape, parts)
        self.totals.append(Total(f"a{len(self.totals)}", *asked))
        return joined(Ref(self.totals[-1].name), shape, parts)
