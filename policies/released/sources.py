"""The FROM of a SELECT over released values: relations side by side, joined where values agree."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from sqlglot import exp

from policies.findings import Refusal, finding
from policies.reading.bodies import Body, Query, SetBody, conjuncts
from policies.reading.text import span_of
from policies.released.made import Answered, Leaf, Made, called, shown
from policies.released.values import Values
from policies.tree import Call, Expr, Joined, Mapped, OneRow, Ref, Relation

Columns = dict[tuple[str, str], Made]


@dataclass(frozen=True)
class Sources:
    """What a SELECT reads: its relation, the scope of its columns, and whether it has at most one row."""

    relation: Relation
    scope: Values
    single: bool


def sources_of(text: str, body: Body, build: Callable[[Query], Answered], scope_of: Callable[[Leaf], Values]) -> Sources:
    """Return the joined sources of a SELECT over released values.

    Args:
        text: as submitted.
        body: whose sources are all released, or none.
        build: makes the relation of a source.
        scope_of: makes the scope of expressions over leaves.

    Raises:
        Refusal: JOIN_SIDE, JOIN_WITHOUT_EQUALITY and the codes of expressions.

    """
    columns: Columns = {}
    scope = scope_of(_leaf_of(columns))
    relation: Relation = OneRow()
    single = True
    joins = [None, *(body.select.args.get("joins") or ())] if body.sources else []
    for place, ((alias, source), join) in enumerate(zip(body.sources.items(), joins, strict=True)):
        if not isinstance(source, (Body, SetBody)):
            raise TypeError("released values never meet granted tables")
        answered = build(source)
        added = _named(answered, f"s{place}")
        known = frozenset(_names(columns))
        columns.update({(alias, name): made for name, made in _columns(answered, f"s{place}").items()})
        if join is None:
            relation, single = added, answered.single
            continue
        side = _join_side(text, join)
        equal, condition = _condition(scope, body, join, (known, frozenset(item.name for item in added.columns)))
        if not equal and not single and not answered.single:
            raise Refusal(finding("JOIN_WITHOUT_EQUALITY", span_of(text, join)))
        absent = tuple(sorted(item.name for item in added.columns))
        relation = Joined(relation, added, equal, condition, side == "LEFT", absent)
        single = single and answered.single
    return Sources(relation, scope, single)


def _leaf_of(columns: Columns) -> Leaf:
    """Return how bound columns are read; what has no source is an alias, which the scope knows."""

    def leaf(node: exp.Expr) -> Made | None:
        if not isinstance(node, exp.Column) or node.args.get("table") is None:
            return None
        return columns.get((node.args["table"].name, node.name))

    return leaf


def _columns(answered: Answered, prefix: str) -> dict[str, Made]:
    return {name: replace(made, value=Ref(f"{prefix}.{name}")) for name, made in answered.columns.items()}


def _named(answered: Answered, prefix: str) -> Mapped:
    """Give a source's columns names that meet no other source's."""
    columns = answered.columns.items()
    named = (item for name, made in columns for item in shown(f"{prefix}.{name}", made, interval=made.interval))
    return Mapped(answered.relation, tuple(named))


def _names(columns: Columns) -> Iterator[str]:
    for made in columns.values():
        if isinstance(made.value, Ref):
            yield made.value.name


def _join_side(text: str, join: exp.Join) -> str | None:
    side, kind = join.args.get("side"), join.args.get("kind")
    if side not in {None, "", "LEFT"} or kind not in {None, "", "INNER", "OUTER", "CROSS"}:
        raise Refusal(finding("JOIN_SIDE", span_of(text, join), str(side or kind)))
    return side


def _condition(
    scope: Values, body: Body, join: exp.Join, sides: tuple[frozenset[str], frozenset[str]]
) -> tuple[tuple[tuple[Expr, Expr], ...], Expr | None]:
    """Return the equalities of a join and the rest of its ON; of a comma the equalities that WHERE holds as well."""
    on, where = join.args.get("on"), body.select.args.get("where")
    written = on if on is not None else where.this if where is not None else None
    equal, rest = [], []
    for node in conjuncts(written) if written is not None else ():
        pair = _pair(scope, node, *sides)
        if pair is not None:
            equal.append(pair)
        elif on is not None:
            rest.append(scope.condition(node))
    return tuple(equal), called("and", rest).value if rest else None


def _pair(scope: Values, node: exp.Expr, left: frozenset[str], right: frozenset[str]) -> tuple[Expr, Expr] | None:
    """Return the two sides of an equality between a column of each relation, the left relation's first."""
    if not isinstance(node, exp.EQ):
        return None
    sides = [item.unnest() for item in (node.this, node.expression)]
    if not all(isinstance(item, exp.Column) and item.args.get("table") is not None for item in sides):
        return None
    try:
        made = called("=", [scope.compile(item) for item in sides])
    except Refusal:
        return None  # a column of a source that is joined later
    if not isinstance(made.value, Call):
        return None
    one, other = made.value.arguments
    owners = [_owner(item, left, right) for item in (one, other)]
    if owners == ["left", "right"]:
        return one, other
    return (other, one) if owners == ["right", "left"] else None


def _owner(value: Expr, left: frozenset[str], right: frozenset[str]) -> str | None:
    if not isinstance(value, Ref):
        return None
    return "left" if value.name in left else "right" if value.name in right else None
