"""Sections of generated SQL: aggregates that are no number per group but a count per bin, or of distinct values.

A section is one more SELECT over the core's relation, joined by UNION ALL. Its lines carry 1 + the place of their aggregate
as `side`, the `bin` and the `rows` in it; all other exact columns are 0.
"""

from collections.abc import Iterator, Sequence

from policies.engine import engine_text as sql
from policies.engine.sampling import sampled
from policies.query import Aggregate, Bounding, Core
from sandbox.kernel.run import ColumnSpec

SECTIONS = frozenset({"quantile", "count_value"})
"""Kinds of aggregates that have a section of their own."""

SECTION = ("side", "bin", "rows")
"""The columns by which sections are told apart, and what they count."""


def has_sections(core: Core) -> bool:
    """Return whether an aggregate of the core needs one."""
    return any(aggregate.kind in SECTIONS for aggregate in core.aggregates)


def samples_values(core: Core, bounding: Bounding) -> bool:
    """Return whether a unit may have more distinct values than it is counted with."""
    return bounding.values < bounding.rows and any(aggregate.kind == "count_value" for aggregate in core.aggregates)


def engine_characters(core: Core) -> int:
    """Return how much text the core's relation comes to in its statement: every section says it again."""
    return len(core.relation) * (1 + sum(aggregate.kind in SECTIONS for aggregate in core.aggregates))


def most_lines(core: Core, bounding: Bounding, public_groups: int | None) -> int:
    """Return how many lines an answer can have, whatever the data: sections hold also groups that a unit's sample leaves out."""
    groups = bounding.rows if has_sections(core) else bounding.groups
    return (core.unit.size_band * groups if public_groups is None else public_groups) * _lines_per_group(core)


def _lines_per_group(core: Core) -> int:
    return 1 + sum(
        aggregate.bins if aggregate.kind == "quantile" else 1 for aggregate in core.aggregates if aggregate.kind in SECTIONS
    )


def sections(core: Core, bounding: Bounding, others: Sequence[str]) -> list[str]:
    """Return the SELECT of every section.

    Args:
        core: the protected core.
        bounding: `rows` of one unit, and `values` for which it counts.
        others: names of the exact columns that come before the section's.

    """
    found = []
    for place, aggregate in enumerate(core.aggregates):
        if aggregate.kind in SECTIONS:
            keys = [sql.name(key.name) for key in core.keys]
            text, bin_ = _bins(core, aggregate) if aggregate.kind == "quantile" else (_values(core, aggregate, bounding), None)
            numbers = [*("0" for _ in others), str(place + 1), bin_ or "0", "count(*)"]
            named = zip(numbers, (*others, *SECTION), strict=True)
            shown = [*keys, *(f"CAST({number} AS HUGEINT) AS {sql.name(name)}" for number, name in named)]
            grouped = [*keys, *([bin_] if bin_ else [])]
            select = f"SELECT {', '.join(shown)} FROM ({text}) AS {sql.name('g')}"
            found.append(f"{select} GROUP BY {', '.join(grouped)}" if grouped else select)
    return found


def _bins(core: Core, aggregate: Aggregate) -> tuple[str, str]:
    """Return the rows that have a value, with its bin; and the name of the bin."""
    keys = [sql.name(key.name) for key in core.keys]
    value = sql.name(aggregate.name)
    bin_ = f"(CAST({value} AS HUGEINT) - {sql.integer(aggregate.low)}) // {aggregate.bin_width} AS {sql.name('b')}"
    rows = f"SELECT {', '.join([*keys, bin_])} FROM ({core.relation}) AS {sql.name('r')} WHERE {value} IS NOT NULL"
    return rows, sql.name("b")


def _values(core: Core, aggregate: Aggregate, bounding: Bounding) -> str:
    """Return the distinct values of every group, of which each unit brought in at most `values` over all groups."""
    names = [*(key.name for key in core.keys), aggregate.name]
    columns = ", ".join(map(sql.name, names))
    own = f"FROM ({core.relation}) AS {sql.name('r')} WHERE {sql.name(aggregate.name)} IS NOT NULL"
    if not samples_values(core, bounding):
        return f"SELECT {columns} {own} GROUP BY {columns}"
    unit, pseudonym = sql.name("u"), sql.name("p")
    inner = f"SELECT {unit}, min({pseudonym}) AS {pseudonym}, {columns} {own} GROUP BY {unit}, {columns}"
    return f"SELECT {columns} FROM ({sampled(inner, names, bounding.values)}) AS {sql.name('d')} GROUP BY {columns}"


def section_columns(core: Core, bounding: Bounding) -> Iterator[ColumnSpec]:
    """Yield the columns of `SECTION` with their public ranges; none where no aggregate needs a section."""
    bins = [aggregate.bins if aggregate.kind == "quantile" else 1 for aggregate in core.aggregates if aggregate.kind in SECTIONS]
    if bins:
        yield ColumnSpec("side", "exact", "integer", 0, len(core.aggregates))
        yield ColumnSpec("bin", "exact", "integer", 0, max(bins) - 1)
        yield ColumnSpec("rows", "exact", "integer", 0, core.unit.size_band * bounding.rows)
