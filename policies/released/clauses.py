"""The clauses of one SELECT above its groups, read into the tree: HAVING, windows, QUALIFY, outputs, DISTINCT, order, limit."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from policies.findings import Refusal, finding
from policies.query import Finding
from policies.reading.bodies import Body, listed
from policies.reading.text import span_of
from policies.released.made import Answered, Made, shown
from policies.released.values import Values
from policies.released.windows import ordered
from policies.rows import constants
from policies.rows.terms import Term
from policies.tree import Cut, Distinct, Expr, Kept, Mapped, Named, Order, Ref, Relation, Sorted, Window, Windowed
from sandbox.kernel.run import Parameter

MAX_LIMIT = 1_000_000


@dataclass(frozen=True)
class Clauses:
    """What one SELECT does with its groups, or with its released rows, in the order in which it does it."""

    having: Expr | None
    windows: tuple[Window, ...]
    qualify: Expr | None
    outputs: tuple[tuple[str, Made], ...]
    distinct: bool
    order: tuple[Order, ...]
    limit: int | None
    offset: int


def read_clauses(scope: Values, body: Body) -> Clauses:
    """Read every clause above the groups; all offending outputs are named together.

    Raises:
        Refusal: the codes of released expressions, ARGUMENT_NOT_LITERAL.

    """
    select, findings = body.select, list[Finding]()
    outputs: list[tuple[str, Made]] = []
    for name, node in body.outputs:
        try:
            outputs.append((name, scope.compile(node)))
        except Refusal as refusal:
            findings.extend(refusal.findings)
    if findings:
        raise Refusal(*findings[:10])
    having, qualify = (select.args.get(name) for name in ("having", "qualify"))
    kept = None if having is None else scope.condition(having.this).value
    qualified = None if qualify is None else scope.condition(qualify.this).value
    terms = tuple(ordered(scope, item)[0] for item in listed(select, "order"))
    limit, offset = page_of(scope.text, scope.parameters, select)
    windows = tuple(scope.windows.found)
    return Clauses(kept, windows, qualified, tuple(outputs), bool(select.args.get("distinct")), terms, limit, offset)


def stacked(source: Relation, clauses: Clauses, *, single: bool) -> Answered:
    """Put the clauses on their source, in their order; what ORDER BY needs beside the outputs is dropped again."""
    relation = source if clauses.having is None else Kept(source, clauses.having)
    if clauses.windows:
        relation = Windowed(relation, clauses.windows)
    if clauses.qualify is not None:
        relation = Kept(relation, clauses.qualify)
    columns = {name: replace(made, value=Ref(name)) for name, made in clauses.outputs}
    outputs = [item for name, made in clauses.outputs for item in shown(name, made, interval=made.interval)]
    hidden = [Named(f"o{place}.", term.value) for place, term in enumerate(clauses.order)]
    relation = Mapped(relation, (*outputs, *hidden))
    if clauses.distinct:
        relation = Distinct(relation, tuple(columns))
    if hidden:
        terms = zip(hidden, clauses.order, strict=True)
        relation = Sorted(relation, tuple(Order(Ref(item.name), term.descending, term.nulls_first) for item, term in terms))
    if clauses.limit is not None or clauses.offset:
        relation = Cut(relation, clauses.limit, clauses.offset)
    if hidden:
        relation = Mapped(relation, tuple(Named(item.name, Ref(item.name)) for item in outputs))
    return Answered(relation, columns, single=single or clauses.limit == 1)


def paged(
    text: str, parameters: Mapping[str, Parameter], relation: Relation, order: tuple[Order, ...], node: exp.Query
) -> Relation:
    """Put the ORDER BY, LIMIT and OFFSET of a set operation on its rows."""
    limit, offset = page_of(text, parameters, node)
    relation = Sorted(relation, order) if order else relation
    return relation if limit is None and not offset else Cut(relation, limit, offset)


def page_of(text: str, parameters: Mapping[str, Parameter], node: exp.Query) -> tuple[int | None, int]:
    """Return LIMIT and OFFSET.

    Raises:
        Refusal: ARGUMENT_NOT_LITERAL unless they are whole numbers, written or bound.

    """
    found = []
    for name in ("limit", "offset"):
        clause = node.args.get(name)
        found.append(None if clause is None else _whole(text, clause, parameters))
    return found[0], found[1] or 0


def _whole(text: str, clause: exp.Expr, parameters: Mapping[str, Parameter]) -> int:
    value = clause.expression
    term: Term | None = None
    if isinstance(value, exp.Placeholder):
        term = constants.parameter(value, parameters)
    elif isinstance(value, exp.Literal) and not value.is_string:
        term = constants.literal(value)
    number = None if term is None else term.number
    if number is None or number.step != 1 or not 0 <= number.low <= MAX_LIMIT:
        raise Refusal(finding("ARGUMENT_NOT_LITERAL", span_of(text, clause)))
    return number.low
