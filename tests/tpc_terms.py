"""What a column of a foreign schema is declared to be and what a policy grants on it, in one word each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Document = Mapping[str, Any]

AGGREGATES = ("sum", "avg", "count")


@dataclass(frozen=True)
class Column:
    """One column: its lines in the catalog and in the policy; without the latter nobody may touch it."""

    catalog: Document
    terms: Document | None = None


@dataclass(frozen=True)
class Table:
    """One table. `unit` holds the key path to the customer; without it the table is public."""

    columns: Mapping[str, Column]
    unit: Document | None = None
    unique: Sequence[str] = ()
    rows_band: int = 1_000_000


@dataclass(frozen=True)
class Suite:
    """A benchmark: its tables under their terms, the joins between them, and which tables are left out of the grant."""

    name: str
    tables: Mapping[str, Table]
    joins: Sequence[tuple[str, str]]
    withheld: frozenset[str] = field(default_factory=frozenset)


def _column(kind: str, category: str, level: str, use: Sequence[str], catalog: Document, **terms: Any) -> Column:
    declared = {"type": kind, "category": category, "level": level, **catalog}
    return Column(declared, {"use": list(use), **terms} if use else None)


def unit_key() -> Column:
    """A number that stands for a person, an order or a basket: joined and counted, never shown or compared."""
    return _column("integer", "direct_identifier", "L4", ("join", "count_distinct"), {})


def link(*, shown: bool = False) -> Column:
    """A number of something public (an item, a shop, a day) that leads to its table; `shown` where groups may be made by it."""
    use = ("join", "count_distinct", *(("group", "compare") if shown else ()))
    return _column("integer", "dimension", "L2", use, {})


def money(low: str, high: str, *more: str, kind: str = "decimal(12,2)") -> Column:
    """An amount in hundredths within public bounds."""
    bounds = {"bounds": (low, high), "step": "0.01"}
    return _column(kind, "measure", "L3", ("aggregate", "compare", *more), bounds, functions=list(AGGREGATES))


def whole(low: int, high: int, *more: str) -> Column:
    """A quantity in whole numbers within public bounds."""
    return _column(
        "integer", "measure", "L3", ("aggregate", "compare", *more), {"bounds": (low, high)}, functions=list(AGGREGATES)
    )


def number(low: int, high: int, *, domain: bool = False, category: str = "dimension") -> Column:
    """A whole number to group by; with `domain` every value of the interval is public."""
    values = {"domain": tuple(range(low, high + 1))} if domain else {}
    return _column("integer", category, "L2", ("group", "compare"), {"bounds": (low, high), **values})


def label(*domain: str, category: str = "dimension") -> Column:
    """A text to group by; where its values are listed they are public."""
    return _column("text", category, "L2", ("group", "compare"), {"domain": domain} if domain else {})


def day(low: str, high: str) -> Column:
    """A date within public bounds."""
    return _column("date", "dimension", "L2", ("group", "compare"), {"bounds": (low, high)})


def hidden(kind: str, category: str = "direct_identifier") -> Column:
    """A column that nobody is granted."""
    return _column(kind, category, "L4", (), {})
