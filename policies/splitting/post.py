"""Step 5 at the level of whole queries: bound bodies become protected cores and the tree over what they release.

Clauses of one SELECT run in the order of the standard: sources, WHERE, groups, HAVING, windows, QUALIFY, outputs, DISTINCT,
ORDER BY, LIMIT. Over private rows all up to the groups happen inside a core; the rest is the tree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sqlglot import exp

from policies.findings import Refusal, finding
from policies.grant import Grant
from policies.reading.bodies import Body, Query, SetBody, folded, listed, takes_released
from policies.reading.text import span_of
from policies.released.clauses import paged, read_clauses, stacked
from policies.released.grouping import united_sets
from policies.released.made import Answered, Made, shown
from policies.released.regrouping import Regrouping
from policies.released.shapes import united
from policies.released.sources import Sources, sources_of
from policies.released.values import Values
from policies.released.windows import Windows
from policies.rows.relation import Context, context_of
from policies.splitting.cores import Draft, open_cores
from policies.tree import HIGH, LOW, Combined, CoreRows, Kept, Mapped, Order, Ref, Relation, size_of
from sandbox.kernel.run import Parameter

MAX_CORES, MAX_OUTPUTS = 24, 48
MAX_DEPTH, MAX_NODES = 24, 4_000
"""Queries within queries, and nodes of the tree when each shared part is written out wherever it stands."""


@dataclass
class Builder:
    """What is built of one query: its cores in order, and what each SELECT of them read, for the explanation."""

    text: str
    grant: Grant
    parameters: Mapping[str, Parameter]
    drafts: list[Draft] = field(default_factory=list)
    _numbered: int = 0
    _depth: int = 0
    _sizes: dict[int, int] = field(default_factory=dict)
    _made: dict[int, Answered] = field(default_factory=dict)
    _context: Context | None = None

    def query(self, query: Query) -> Answered:
        """Return the relation of a bound query; one that is used twice, as a CTE may be, is built and charged once.

        Raises:
            Refusal: the codes of rules `class_flow`, `types`, `bounds` and `unit`.

        """
        if id(query) not in self._made:
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise Refusal(finding("TREE_TOO_LARGE"))
            made = _set(self, query) if isinstance(query, SetBody) else _select(self, query)
            self._depth -= 1
            if size_of(made.relation, self._sizes) > MAX_NODES:
                raise Refusal(finding("TREE_TOO_LARGE"))
            self._made[id(query)] = made
        return self._made[id(query)]

    def open(self, body: Body) -> Draft:
        """Begin the cores of a SELECT over private rows."""
        if self._context is None:
            self._context = context_of(self.text, self.grant, self.parameters)
        draft = open_cores(self._context.anew(), body, self._numbered)
        self._numbered += len(draft.names)
        if self._numbered > MAX_CORES:
            raise Refusal(finding("TREE_TOO_LARGE"))
        self.drafts.append(draft)
        return draft


def _select(builder: Builder, body: Body) -> Answered:
    if len(body.select.expressions) > MAX_OUTPUTS:
        raise Refusal(finding("TREE_TOO_LARGE"))
    if body.sources and not takes_released(body.sources):
        return _over_rows(builder, body)
    sources = sources_of(builder.text, body, builder.query, lambda leaf: _values(builder, body, leaf))
    where = body.select.args.get("where")
    relation = sources.relation
    if where is not None:
        relation = Kept(relation, sources.scope.condition(where.this).value)
    if body.aggregates:
        return _regrouped(builder, body, relation, sources)
    return stacked(relation, read_clauses(sources.scope, body), single=sources.single)


def _over_rows(builder: Builder, body: Body) -> Answered:
    draft = builder.open(body)
    clauses = read_clauses(_values(builder, body, draft.leaf), body)
    draft.check()
    return stacked(_rows_of(draft), clauses, single=draft.sets == ((),))


def _regrouped(builder: Builder, body: Body, relation: Relation, sources: Sources) -> Answered:
    again = Regrouping(sources.scope, body)
    clauses = read_clauses(_values(builder, body, again.leaf), body)
    return stacked(again.relation(relation), clauses, single=again.sets == ((),))


def _values(builder: Builder, body: Body, leaf: object) -> Values:
    named = {str(item.this.name).lower(): item for item in body.select.args.get("windows") or ()}
    return Values(
        builder.text,
        builder.parameters,
        leaf,  # type: ignore[arg-type]
        lambda node: builder.query(body.subqueries[id(node)]),
        Windows(named),
        body.aliases,
    )


def _rows_of(draft: Draft) -> Relation:
    """Return the rows of a SELECT's cores, one per grouping set."""
    sides = [(CoreRows(name), group) for name, group in zip(draft.names, draft.sets, strict=True)]
    if len(sides) == 1:
        return sides[0][0]
    columns = [item.aggregate.name + end for item in draft.aggregates.found for end in ("", LOW, HIGH)]
    return united_sets(sides, [key.name for key in draft.keys], columns)


def _set(builder: Builder, body: SetBody) -> Answered:
    """Combine two released queries by position; an interval stays where both sides have one."""
    left, right = builder.query(body.left), builder.query(body.right)
    names, columns, sides = [name for name, _ in body.outputs], {}, ([], [])  # type: ignore[var-annotated]
    for name, one, other in zip(names, left.columns.values(), right.columns.values(), strict=True):
        try:
            shape = united([one.shape, other.shape])
        except Refusal:
            raise Refusal(finding("SET_MISMATCH", span_of(builder.text, body.node.expression), name)) from None
        sources = (*one.sources, *other.sources) if one.sources and other.sources and one.noisy == other.noisy else ()
        columns[name] = Made(
            Ref(name), shape, one.lineage | other.lineage, one.noisy or other.noisy, sources, one.ends and other.ends
        )
        for side, made in zip(sides, (one, other), strict=True):
            side.extend(shown(name, made, interval=columns[name].interval))
    node = body.node
    whole: Relation = Combined(
        _operation(node),
        every=not node.args.get("distinct"),
        left=Mapped(left.relation, tuple(sides[0])),
        right=Mapped(right.relation, tuple(sides[1])),
        names=tuple(names),
    )
    order = tuple(
        Order(Ref(folded(item.this.unnest().this)), bool(item.args.get("desc")), bool(item.args.get("nulls_first")))
        for item in listed(node, "order")
    )
    return Answered(paged(builder.text, builder.parameters, whole, order, node), columns)


def _operation(node: exp.SetOperation) -> Literal["union", "intersect", "except"]:
    if isinstance(node, exp.Union):
        return "union"
    return "intersect" if isinstance(node, exp.Intersect) else "except"
