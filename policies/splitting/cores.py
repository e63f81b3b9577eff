"""From a SELECT that aggregates private rows to its protected cores: one per grouping set, over the same rows.

A core is what noise is added to: group keys and aggregates of private rows, with what one unit can contribute to them.
Nothing leaves private rows but through a core.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from sqlglot import exp

from policies.engine import engine_text as sql
from policies.findings import Refusal, finding
from policies.query import COUNTS, Aggregate, Core, Finding, GroupKey
from policies.reading.bodies import Body, aggregates_in, group_items
from policies.reading.text import span_of
from policies.released.grouping import grouping_sets, level_of
from policies.released.made import Made
from policies.released.shapes import INTEGER
from policies.rows import numbers
from policies.rows.constants import PREFIX, bound_value
from policies.rows.expressions import Scope
from policies.rows.flatten import flatten
from policies.rows.meeting import column_of
from policies.rows.narrowing import narrowed
from policies.rows.relation import Context, Rows
from policies.rows.rowtext import nested_terms, rows_text
from policies.rows.terms import Rank, Term, lineage_of
from policies.rows.units import Attribution, attribute, bounds_of
from policies.splitting.aggregates import Aggregates, AggregateTerm
from policies.tree import Call, Const, Expr, Ref, Shape
from sandbox.kernel.run import Parameter

MAX_KEYS, MAX_AGGREGATES = 8, 16


@dataclass
class Draft:
    """The cores of one SELECT while its clauses are read: rows, keys of all sets, aggregates, and which sets there are."""

    context: Context
    body: Body
    scope: Scope
    rows: Rows
    names: tuple[str, ...]
    sets: tuple[tuple[int, ...], ...]
    keys: list[GroupKey] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    aggregates: Aggregates = field(init=False)

    def __post_init__(self) -> None:
        """Begin without aggregates."""
        tables = {item.alias: item.table for item in self.rows.occurrences}
        self.aggregates = Aggregates(self.scope, lambda key: tables[key.alias].names_unit(key.column))

    def check(self) -> None:
        """Hold the answer's size once all clauses were read.

        Raises:
            Refusal: NO_AGGREGATE, TREE_TOO_LARGE.

        """
        if not self.aggregates.found:
            raise Refusal(finding("NO_AGGREGATE", span_of(self.context.text, self.body.select)))
        if len(self.aggregates.found) > MAX_AGGREGATES:
            raise Refusal(finding("TREE_TOO_LARGE"))

    def attribute(self) -> Attribution:
        """Return how the rows belong to units.

        Raises:
            Refusal: the codes of attribution.

        """
        return attribute(self.context.grant, self.rows)

    def leaf(self, node: exp.Expr) -> Made | None:
        """Read an aggregate, GROUPING, or an expression that is a key; a raw column is refused by its class.

        Raises:
            Refusal: COLUMN_NOT_RELEASABLE, NOT_GROUPED, KEY_MISUSED and the codes of aggregates.

        """
        if isinstance(node, exp.Grouping):
            return self._grouping(node)
        if isinstance(node, (exp.AggFunc, exp.Filter)):
            return self._aggregate(node)
        if isinstance(node, (exp.Query, exp.Window)) or node.find(exp.Column) is None or _above(node):
            return None
        return self._key(node)

    def _aggregate(self, node: exp.Expr) -> Made:
        value = self.aggregates.of(node)
        used = {item.aggregate.name: item.aggregate for item in self.aggregates.found}
        refs = [used[name] for name in _refs(value) if name in used]
        lineage = frozenset(name for item in refs for name in item.lineage)
        if isinstance(value, Ref):
            sources = tuple((core, value.name) for core in self.names)
            return Made(value, shape_of(used[value.name]), lineage, True, sources, ends=used[value.name].kind != "quantile")
        places = max((item.places for item in refs if item.kind == "sum"), default=0)
        return Made(value, Shape("decimal", min(12, places + 2)), lineage, True)

    def _grouping(self, node: exp.Expr) -> Made:
        """Number the sets: one bit per key, 1 where the set does not group by it."""
        places: list[int] = []
        for item in node.expressions:
            place = self._place(item)
            if place is None:
                raise Refusal(finding("NOT_GROUPED", span_of(self.context.text, item)))
            places.append(place)
        return Made(level_of(places) if len(self.sets) > 1 else Const(0), INTEGER)

    def _place(self, node: exp.Expr) -> int | None:
        asked = key_term(self, node).identity
        return next((place for place, term in enumerate(self.terms) if term.identity == asked), None)

    def _key(self, node: exp.Expr) -> Made | None:
        try:
            place = self._place(node)
        except Refusal:
            if isinstance(node, exp.Column):
                raise
            return None  # no expression over rows, but it may be one over keys
        if place is not None:
            key = self.keys[place]
            sources = tuple((core, key.name) for core, group in zip(self.names, self.sets, strict=True) if place in group)
            return Made(Ref(key.name), Shape(key.type), frozenset(key.lineage), False, sources)
        if isinstance(node, exp.Column):
            raise Refusal(_not_shown(self, node))
        return None


def _above(node: exp.Expr) -> bool:
    """Whether a node stands above aggregates, windows, subqueries or aliases and so cannot be a key."""
    if node.find(exp.Window, exp.Query, exp.Grouping) is not None or next(aggregates_in(node), None) is not None:
        return True
    return any(column.args.get("table") is None for column in node.find_all(exp.Column))


def _refs(value: Expr) -> Iterator[str]:
    if isinstance(value, Ref):
        yield value.name
    elif isinstance(value, Call):
        for item in value.arguments:
            yield from _refs(item)


def shape_of(aggregate: Aggregate) -> Shape:
    """Return the type in which an aggregate is shown."""
    return INTEGER if aggregate.kind in COUNTS else Shape("decimal", aggregate.places)


def open_cores(context: Context, body: Body, first: int) -> Draft:
    """Read the rows and the GROUP BY of a SELECT; its aggregates are added while its other clauses are read.

    Args:
        context: of this SELECT alone.
        body: a bound SELECT that aggregates private rows.
        first: the number of its first core.

    Raises:
        Refusal: the codes of joins and of keys.

    """
    rows = Rows()
    scope = flatten(context, body, rows)
    sets = grouping_sets(group_items(body.select))
    draft = Draft(context, body, scope, rows, tuple(f"c{first + number}" for number in range(len(sets))), ())
    placed = [[(_add_key(draft, node), node) for node in group] for group in sets]
    draft.sets = tuple(tuple(dict.fromkeys(place for place, _ in group)) for group in placed)
    if len(sets) > 1:
        _check_apart(context.text, [pair for group in placed for pair in group])
    if len(draft.keys) > MAX_KEYS:
        raise Refusal(finding("TREE_TOO_LARGE"))
    return draft


def _check_apart(text: str, placed: Iterable[tuple[int, exp.Expr]]) -> None:
    """Refuse keys of several sets that are constants, or one value in two wordings: which of them is NULL would be lost."""
    written: dict[int, exp.Expr] = {}
    for place, node in placed:
        if node.find(exp.Column) is None or written.setdefault(place, node) != node:
            raise Refusal(finding("CONSTRUCT_NOT_ALLOWED", span_of(text, node), "GROUPING SETS"))


def _add_key(draft: Draft, node: exp.Expr) -> int:
    if next(aggregates_in(node), None) is not None:
        raise Refusal(finding("AGGREGATE_MISPLACED", span_of(draft.context.text, node)))
    if isinstance(node, exp.Literal):
        raise Refusal(finding("NOT_GROUPED", span_of(draft.context.text, node)))
    term = key_term(draft, node)
    for place, known in enumerate(draft.terms):
        if known.identity == term.identity:
            return place
    draft.keys.append(_key(draft, node, term))
    draft.terms.append(term)
    return len(draft.keys) - 1


def key_term(draft: Draft, node: exp.Expr) -> Term:
    """Return an expression as a key shows it: with values that can occur, whole numbers in ones, whatever their step."""
    term = narrowed(draft.scope.compile(node), draft.rows.facts)
    if term.number is None or term.type != "integer":
        return term
    text, number = numbers.rescaled(term, Fraction(1))
    return replace(term, sql=text, number=number)


def _key(draft: Draft, node: exp.Expr, term: Term) -> GroupKey:
    place = span_of(draft.context.text, node)
    if term.rank > Rank.DIMENSION:
        raise Refusal(_not_shown(draft, node))
    if term.type == "decimal":
        raise Refusal(finding("PROTECTION_UNAVAILABLE", place, "DECIMAL KEY"))
    if term.type == "null":
        raise Refusal(finding("TYPE_MISMATCH", place))
    return GroupKey(f"k{len(draft.keys)}", term.type, term.domain, term.nullable, lineage_of(term))


def _not_shown(draft: Draft, node: exp.Expr) -> Finding:
    """Say by its class why a raw expression may not stand in the answer."""
    term, place = draft.scope.compile(node), span_of(draft.context.text, node)
    if term.rank is Rank.KEY:
        return finding("KEY_MISUSED", place, column_of(term))
    if term.rank > Rank.DIMENSION:
        return finding("COLUMN_NOT_RELEASABLE", place, next((item.spoken for item in sorted(term.values)), None))
    return finding("NOT_GROUPED", place, column_of(term))


def cores_of(draft: Draft, unit: Attribution) -> tuple[Core, ...]:
    """Return the cores of a SELECT whose clauses were all read, one per grouping set."""
    return tuple(_core(draft, unit, name, group) for name, group in zip(draft.names, draft.sets, strict=True))


def _core(draft: Draft, unit: Attribution, name: str, group: Sequence[int]) -> Core:
    found = draft.aggregates.found
    keys = [draft.keys[place] for place in group]
    terms = [draft.terms[place] for place in group]
    read = [*terms, *(item.argument for item in found if item.argument is not None)]
    return Core(
        name=name,
        relation=_relation(draft, unit, keys, terms, found),
        keys=tuple(keys),
        aggregates=tuple(item.aggregate for item in found),
        unit=bounds_of(draft.context.grant, draft.rows, unit, terms),
        parameters=_bound(draft.context, [*read, *nested_terms(draft.rows)]),
        tables=frozenset(item.table.name for level in draft.rows.nested() for item in level.certain if item.block is None),
        ranked=unit.several is not None,
        family=draft.names[0] if len(draft.names) > 1 else "",
    )


def _bound(context: Context, terms: Sequence[Term]) -> dict[str, Parameter]:
    names = frozenset[str]().union(*(term.parameters for term in terms))
    return {PREFIX + name: bound_value(context.parameters[name]) for name in sorted(names)}


def _relation(
    draft: Draft, unit: Attribution, keys: Sequence[GroupKey], terms: Sequence[Term], found: Sequence[AggregateTerm]
) -> str:
    """Return the SELECT that yields `u`, `p`, the keys and the aggregates' arguments, one row per joined row."""
    arguments = [(item.argument, item.aggregate) for item in found if item.argument is not None]
    selected = [(term.sql, key.name) for key, term in zip(keys, terms, strict=True)]
    selected += [(term.sql, aggregate.name) for term, aggregate in arguments]
    joined = rows_text(draft.rows, unit.carrier, selected, [*terms, *(term for term, _ in arguments)], unit.several)
    if all(aggregate.kind in COUNTS for _, aggregate in arguments):
        return joined
    supplied = ("u", "p", "r") if unit.several else ("u", "p")
    names = [sql.name(name) for name in (*supplied, *(key.name for key in keys))]
    held = [_held(aggregate) for _, aggregate in arguments]
    return f"SELECT {', '.join([*names, *held])} FROM ({joined}) AS {sql.name('e')}"


def _held(aggregate: Aggregate) -> str:
    """Hold an argument within the interval that was proved for it: a second wall, should the proof be wrong."""
    column = sql.name(aggregate.name)
    if aggregate.kind in COUNTS:
        return column
    return f"{sql.clamp(column, sql.integer(aggregate.low), sql.integer(aggregate.high))} AS {column}"
