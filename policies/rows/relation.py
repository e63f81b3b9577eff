"""Row relations: what the private rows of a query are joined from, and the terms of their columns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

from policies.engine import engine_text as sql
from policies.grant import Grant, GrantedColumn, GrantedTable
from policies.query import DATE_CEILING, DATE_FLOOR, Finding
from policies.rows import numbers
from policies.rows.narrowing import Fact
from policies.rows.terms import Grain, Number, Origin, Rank, Term
from sandbox.kernel.run import Parameter

Link = frozenset[Origin]


@dataclass(frozen=True, eq=False)
class Occurrence:
    """One source of rows under one generated alias: a granted table, or a per-unit query in its place.

    `table` of a per-unit query is the table whose unit key it carries, with as many rows as the query leaves a unit.
    """

    alias: str
    table: GrantedTable
    block: "Block | None" = None


@dataclass(frozen=True, eq=False)
class Block:
    """A per-unit query: its generated text, the rows beneath it, and the terms that it reads of them."""

    text: str
    rows: "Rows"
    terms: tuple[Term, ...]


@dataclass(frozen=True, eq=False)
class Optional:
    """The right side of a left join: present where its links and filters hold, NULL elsewhere."""

    rows: "Rows"


@dataclass
class Rows:
    """A row relation while it is gathered: sources in order, key equalities, filters and what they say, notices."""

    items: "list[Occurrence | Optional]" = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    filters: list[Term] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    notices: list[Finding] = field(default_factory=list)

    @property
    def certain(self) -> list[Occurrence]:
        """Occurrences that every row has."""
        return [item for item in self.items if isinstance(item, Occurrence)]

    @property
    def occurrences(self) -> list[Occurrence]:
        """All occurrences, also optional ones, in order."""
        return [one for item in self.items for one in ([item] if isinstance(item, Occurrence) else item.rows.occurrences)]

    def nested(self) -> "Iterator[Rows]":
        """Yield these rows, those of optional sides and those beneath per-unit queries."""
        yield self
        for item in self.items:
            inner = item.rows if isinstance(item, Optional) else item.block.rows if item.block else None
            if inner is not None:
                yield from inner.nested()

    def same_level(self) -> "Iterator[Rows]":
        """Yield these rows and those of optional sides, whose occurrences one SELECT joins."""
        yield self
        for item in self.items:
            if isinstance(item, Optional):
                yield from item.rows.same_level()


@dataclass(frozen=True)
class Context:
    """What stays the same for one row relation; `numbering` gives the aliases of its occurrences."""

    text: str
    grant: Grant
    parameters: Mapping[str, Parameter]
    uses: Mapping[tuple[str, str], frozenset[str]]
    functions: Mapping[tuple[str, str], frozenset[str]]
    numbering: Iterator[int] = field(default_factory=count)

    def anew(self) -> "Context":
        """Return the context of another row relation of the same query, whose aliases begin anew."""
        return replace(self, numbering=count())


def context_of(text: str, grant: Grant, parameters: Mapping[str, Parameter]) -> Context:
    """Return the context of one query."""
    columns = {(table.name, name): column for table in grant.tables.values() for name, column in table.columns.items()}
    uses = {where: column.use for where, column in columns.items()}
    return Context(text, grant, parameters, uses, {where: column.functions for where, column in columns.items()})


class Columns(dict[tuple[str, str], Term]):
    """Terms of a scope's columns; those of tables are made when first asked for, since most are never read."""

    def __init__(self) -> None:
        super().__init__()
        self.occurrences: dict[str, Occurrence] = {}
        self.optional: set[str] = set()

    def __missing__(self, where: tuple[str, str]) -> Term:
        occurrence = self.occurrences[where[0]]
        term = column_term(occurrence, occurrence.table.columns[where[1]])
        self[where] = replace(term, nullable=True) if where[0] in self.optional else term
        return self[where]

    def make_optional(self, alias: str, marker: Origin) -> None:
        """Let the columns of a joined source be NULL where it has no partner, expressions over them too."""
        self.optional.add(alias)
        for where in [where for where in self if where[0] == alias]:
            if alias in self.occurrences:
                del self[where]
            else:
                self[where] = _where_present(self[where], marker)


def _where_present(term: Term, marker: Origin) -> Term:
    if term.origin is not None:
        return replace(term, nullable=True)
    text = sql.case([(f"{sql.column(marker.alias, marker.column)} IS NOT NULL", term.sql)], None)
    # its presence is a fact of the marker's source, also where its value is a constant
    conditions = term.conditions | {marker}
    return replace(term, sql=text, nullable=True, literal=False, bound=False, conditions=conditions)


def rank_of(table: GrantedTable, column: GrantedColumn) -> Rank:
    """Return the class of a granted column: what may be shown, what may only be aggregated or compared, what is a key."""
    if column.key_of is not None or column.use <= {"join", "count_distinct"}:
        return Rank.KEY
    if "group" in column.use:
        return Rank.PUBLIC if table.public else Rank.DIMENSION
    return Rank.MEASURE


def column_term(occurrence: Occurrence, column: GrantedColumn) -> Term:
    """Return the term of one column of one occurrence, as `projection` makes it: total and within its public bounds."""
    table = occurrence.table
    number: Number | None = None
    rank = rank_of(table, column)
    if rank is not Rank.KEY and column.type.kind in {"integer", "decimal"}:
        number = numbers.steps_of_column("", column)[1]
    return Term(
        sql.column(occurrence.alias, column.name),
        column.type.kind if number is None else numbers.kind_of(number.step),
        rank,
        nullable=column.nullable and column.name != table.unit_key and not _is_public_key(table, column),
        values=frozenset({Origin(occurrence.alias, table.name, column.name)}),
        number=number,
        dates=column.dates,
        grain=_grain(column.coarsen or ""),
        domain=numbers.domain_of(column),
        origin=Origin(occurrence.alias, table.name, column.name),
    )


def _is_public_key(table: GrantedTable, column: GrantedColumn) -> bool:
    """Whether supply leaves no NULL and reading makes none; a date out of range is read as NULL."""
    return table.public and column.name in table.unique and column.type.kind != "date"


def projection(table: GrantedTable, column: GrantedColumn) -> str:
    """Return the SQL that reads one column: numbers as clamped integer steps, dates within bounds, keys as they are."""
    reference = sql.name(column.name)
    if rank_of(table, column) is Rank.KEY:
        return reference
    if column.type.kind in {"integer", "decimal"}:
        reference = numbers.steps_of_column(reference, column)[0]
    elif column.type.kind == "date":
        low, high = column.dates or (DATE_FLOOR, DATE_CEILING)
        reference = sql.within(reference, sql.day(low), sql.day(high))
    return f"{reference} AS {sql.name(column.name)}"


def _grain(name: str) -> Grain:
    return name if name in {"month", "quarter", "year"} else "day"  # type: ignore[return-value]
