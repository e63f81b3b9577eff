"""Terms: what a scalar expression of a query has been proved to be. Frozen values, made in `policies.rows.expressions`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from fractions import Fraction
from typing import Literal, NamedTuple

from policies.findings import Refusal, finding
from policies.grant import Value

TermType = Literal["integer", "decimal", "text", "date", "boolean", "null"]
Grain = Literal["day", "month", "quarter", "year"]

MAX_TERM_CHARACTERS = 32_000
"""Longer SQL for one expression comes only from nested derived tables that double it."""


class Rank(IntEnum):
    """Column classes, least restricted first; an expression takes the highest class that entered it."""

    PUBLIC = 0
    DIMENSION = 1
    MEASURE = 3
    KEY = 4


class Origin(NamedTuple):
    """One column of one table occurrence of the relation."""

    alias: str
    table: str
    column: str

    @property
    def spoken(self) -> str:
        """The column as findings and lineages name it."""
        return f"{self.table}.{self.column}"


@dataclass(frozen=True, slots=True)
class Number:
    """Integer steps within [`low`, `high`]; value = steps × `step`.

    `has_floor`, `has_ceiling` say that the bound is a public fact; otherwise it is only the limit of the engine's type,
    good enough to prove that arithmetic cannot overflow, but not for sensitivity.
    """

    low: int
    high: int
    step: Fraction
    has_floor: bool = True
    has_ceiling: bool = True

    @property
    def bounded(self) -> bool:
        """Whether both bounds are public facts."""
        return self.has_floor and self.has_ceiling


def whole_steps(low: int, high: int, *, has_ceiling: bool = True) -> Number:
    """Return the interval of whole numbers from `low` to `high`."""
    return Number(low, high, Fraction(1), has_ceiling=has_ceiling)


@dataclass(frozen=True, slots=True)
class Term:
    """One proved expression over table occurrences.

    `values`: columns whose value may show in the result. `conditions`: columns that only steer it, each granted for
    comparison. `domain`: complete public list of values without NULL. `literal`: written in the text or bound.
    """

    sql: str
    type: TermType
    rank: Rank = Rank.PUBLIC
    nullable: bool = False
    values: frozenset[Origin] = frozenset()
    conditions: frozenset[Origin] = frozenset()
    parameters: frozenset[str] = frozenset()
    number: Number | None = None
    dates: tuple[date, date] | None = None
    grain: Grain = "day"
    domain: tuple[Value, ...] | None = None
    literal: bool = False
    bound: bool = False
    origin: Origin | None = None

    @property
    def identity(self) -> tuple[str, str, Fraction | None]:
        """What tells expressions apart: one text may stand for 1 in ones and for 0.1 in tenths."""
        return self.sql, self.type, None if self.number is None else self.number.step


@dataclass(frozen=True, slots=True)
class Mixed:
    """What the parents of a term have in common: joined classes and lineage."""

    rank: Rank
    values: frozenset[Origin]
    conditions: frozenset[Origin]
    parameters: frozenset[str]

    def term(  # noqa: PLR0913 - one keyword per fact that an operation proves about its result
        self,
        sql: str,
        kind: TermType,
        *,
        nullable: bool,
        number: Number | None = None,
        dates: tuple[date, date] | None = None,
        grain: Grain = "day",
        domain: tuple[Value, ...] | None = None,
    ) -> Term:
        """Return a term of this class and lineage.

        Raises:
            Refusal: TREE_TOO_LARGE.

        """
        if len(sql) > MAX_TERM_CHARACTERS:
            raise Refusal(finding("TREE_TOO_LARGE"))
        return Term(sql, kind, self.rank, nullable, self.values, self.conditions, self.parameters, number, dates, grain, domain)


def mix(values: Iterable[Term], conditions: Iterable[Term] = ()) -> Mixed:
    """Join classes and lineage: of `values` both flow, of `conditions` only what they compared."""
    flowing, steering = tuple(values), tuple(conditions)
    everything = (*flowing, *steering)
    return Mixed(
        max((item.rank for item in flowing), default=Rank.PUBLIC),
        frozenset().union(*(item.values for item in flowing)),
        frozenset().union(*(item.conditions for item in everything)),
        frozenset().union(*(item.parameters for item in everything)),
    )


def united_domain(terms: Iterable[Term]) -> tuple[Value, ...] | None:
    """Return the values that one of the terms may take, in order, or None where one has no public domain."""
    found: dict[Value, None] = {}
    for item in terms:
        if item.type == "null":
            continue
        if item.domain is None:
            return None
        found.update(dict.fromkeys(item.domain))
    return tuple(found)


def lineage_of(term: Term) -> tuple[str, ...]:
    """Return the columns that enter a term, as `table.column`, sorted."""
    return tuple(sorted({item.spoken for item in (*term.values, *term.conditions)}))
