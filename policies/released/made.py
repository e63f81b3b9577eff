"""Released expressions as they are made: a node of the post-processing tree, its type, and where its value comes from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sqlglot import exp

from policies.released.shapes import NULL, TEXT, decimal, shape_of_call
from policies.rows import constants, numbers
from policies.rows.terms import Term
from policies.tree import HIGH, LOW, Call, Const, Constant, Expr, Kind, Named, Ref, Relation, Shape


@dataclass(frozen=True)
class Made:
    """An expression of the tree with what is known of it.

    `lineage`: the granted columns that enter it. `noisy`: whether an aggregate entered it. `sources`: the columns of cores
    that it is, unchanged; such an aggregate is followed by the ends of its interval, unless it has no `ends`.
    """

    value: Expr
    shape: Shape
    lineage: frozenset[str] = frozenset()
    noisy: bool = False
    sources: tuple[tuple[str, str], ...] = ()
    ends: bool = True

    @property
    def name(self) -> str | None:
        """The column that it is, if it is one."""
        return self.value.name if isinstance(self.value, Ref) else None

    @property
    def interval(self) -> bool:
        """Whether the ends of its noise interval stand beside it."""
        return self.direct and self.ends

    @property
    def direct(self) -> bool:
        """Whether it is an aggregate of a core, unchanged."""
        return self.noisy and bool(self.sources) and self.name is not None


def shown(name: str, made: Made, *, interval: bool) -> list[Named]:
    """Return an expression under a name and, where asked, the ends of its interval behind it."""
    ends = (LOW, HIGH) if interval else ()
    return [Named(name, made.value), *(Named(name + end, Ref(f"{made.name}{end}")) for end in ends)]


Leaf = Callable[[exp.Expr], Made | None]
"""Reads what a scope's leaves are; None for everything that stands above them."""

Subquery = Callable[[exp.Query], "Answered"]
"""Builds the query of an expression subquery."""


@dataclass(frozen=True)
class Answered:
    """What a query gives: its relation, its columns in order, and whether it has at most one row."""

    relation: Relation
    columns: Mapping[str, Made]
    single: bool = False


def joined(value: Expr, shape: Shape, parts: Sequence[Made]) -> Made:
    """Return an expression over `parts` with their lineage."""
    lineage = frozenset[str]().union(*(item.lineage for item in parts))
    return Made(value, shape, lineage, any(item.noisy for item in parts))


def called(function: str, parts: Sequence[Made]) -> Made:
    """Return a call, typed.

    Raises:
        Refusal: TYPE_MISMATCH.

    """
    shape = shape_of_call(function, [item.shape for item in parts])
    return joined(Call(function, tuple(item.value for item in parts)), shape, parts)


def constant(value: Constant, kind: Kind, places: int = 0) -> Made:
    """Return a constant."""
    return Made(Const(value), Shape(kind, places))


def of_term(term: Term) -> Made:
    """Return a constant that `policies.rows.constants` has read."""
    if term.type == "null":
        return Made(Const(None), NULL)
    if term.number is not None:
        value = Fraction(term.number.low) * term.number.step
        if value.denominator == 1:
            return constant(int(value), "integer")
        exact = numbers.decimal_step(term.number.step) * term.number.low
        return Made(Const(exact), decimal(-int(exact.as_tuple().exponent)))
    (value_,) = term.domain or (None,)
    return constant(value_, term.type if value_ is not None else "null")


def matched(parts: Sequence[Made]) -> list[Made]:
    """Read constant texts beside dates as dates, as row expressions do.

    Raises:
        Refusal: LITERAL_INVALID.

    """
    if not any(item.shape.kind == "date" for item in parts):
        return list(parts)
    return [as_date(item) if item.shape == TEXT and isinstance(item.value, Const) else item for item in parts]


def as_date(item: Made) -> Made:
    """Read a constant text as a date.

    Raises:
        Refusal: LITERAL_INVALID.

    """
    return of_term(constants.as_date(constants.of_text(str(item.value.value)))) if isinstance(item.value, Const) else item
