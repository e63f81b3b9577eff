"""Step 6: unit attribution. Every row of the relation belongs to exactly one unit, and one unit to boundedly many rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from policies.findings import Refusal, finding
from policies.grant import Grant
from policies.query import Finding, UnitBounds
from policies.relation import Link, Occurrence, Rows
from policies.terms import Origin, Term

MAX_ROWS = 1_000_000
"""Joined rows that one unit may have. Above this a unit whose rows pass a condition could make a run slow, or fail, alone."""


@dataclass(frozen=True)
class Attribution:
    """Which occurrence carries the unit, which occurrences the unit determines, and how many rows one unit may have."""

    carrier: str
    determined: frozenset[str]
    max_rows: int


def attribute(grant: Grant, rows: Rows) -> Attribution:
    """Prove that every joined row has one unit and bound the rows of a unit from public metadata.

    All private occurrences must hang together by equality of their unit keys; every public one must be reached through
    a column that is declared unique. The bound is the product of the private tables' `max_rows`.

    Raises:
        Refusal: UNIT_MISSING, UNIT_AMBIGUOUS, JOIN_MULTIPLIES, each with the path that lacks.

    """
    private = [item for item in rows.occurrences if not item.table.public]
    if not private:
        raise Refusal(finding("UNIT_MISSING"))
    attributed = _reached(private[0].alias, _unit_links(rows.occurrences, rows.links))
    for item in private:
        if item.alias not in attributed:
            raise Refusal(_ambiguous(grant, private[0], item))
    max_rows = 1
    for item in private:
        max_rows *= item.table.max_rows or 1
        if max_rows > MAX_ROWS:
            raise Refusal(finding("JOIN_MULTIPLIES", obj=item.table.name))
    single = {item.alias for item in private if item.table.max_rows == 1}
    placed, determined = {item.alias for item in private}, set(single)
    _place_public([item for item in rows.occurrences if item.table.public], rows.links, placed, determined)
    return Attribution(private[0].alias, frozenset(determined), max_rows)


def _unit_links(occurrences: Iterable[Occurrence], links: Iterable[Link]) -> list[frozenset[str]]:
    """Return the pairs of aliases whose unit keys are equal."""
    keys = {item.alias: item.table.unit_key for item in occurrences}
    return [
        frozenset(origin.alias for origin in link)
        for link in links
        if all(keys[origin.alias] == origin.column for origin in link)
    ]


def _reached(start: str, pairs: Sequence[frozenset[str]]) -> set[str]:
    reached, grown = {start}, True
    while grown:
        more = {alias for pair in pairs if pair & reached for alias in pair}
        grown = not more <= reached
        reached |= more
    return reached


def _place_public(public: list[Occurrence], links: Sequence[Link], placed: set[str], determined: set[str]) -> None:
    """Attach public occurrences one by one, each by a unique column, so that none multiplies rows."""
    waiting = list(public)
    while waiting:
        found = next(((item, other) for item in waiting if (other := _unique_link(item, links, placed)) is not None), None)
        if found is None:
            keys = sorted(waiting[0].table.unique)
            obj = f"{waiting[0].table.name}.{keys[0]}" if keys else waiting[0].table.name
            raise Refusal(finding("JOIN_MULTIPLIES", obj=obj))
        item, other = found
        waiting.remove(item)
        placed.add(item.alias)
        if other.alias in determined:
            determined.add(item.alias)


def _unique_link(item: Occurrence, links: Iterable[Link], placed: set[str]) -> Origin | None:
    for link in links:
        own = [origin for origin in link if origin.alias == item.alias]
        other = [origin for origin in link if origin.alias in placed]
        if len(own) == 1 and other and own[0].column in item.table.unique:
            return other[0]
    return None


def _ambiguous(grant: Grant, carrier: Occurrence, item: Occurrence) -> Finding:
    missing = f"{item.table.name}.{item.table.unit_key} = {carrier.table.name}.{carrier.table.unit_key}"
    declared = frozenset({(item.table.name, item.table.unit_key), (carrier.table.name, carrier.table.unit_key)}) in grant.joins
    hint = (f"在 ON 中加入 {missing}", f"Add {missing} to ON") if declared else None
    return finding("UNIT_AMBIGUOUS", obj=missing, hint=hint)


def bounds_of(grant: Grant, rows: Rows, attribution: Attribution, keys: Sequence[Term]) -> UnitBounds:
    """Return what one unit can contribute; declared caps of several tables combine to the strictest."""
    private = [item.table for item in rows.occurrences if not item.table.public]
    touched = {origin.alias for key in keys for origin in (*key.values, *key.conditions)}
    return UnitBounds(
        grant.unit_kind,
        grant.size_band,
        attribution.max_rows,
        min((table.max_groups for table in private if table.max_groups), default=None),
        min((table.max_rows_per_group for table in private if table.max_rows_per_group), default=None),
        touched <= attribution.determined,
        tuple(sorted({table.lineage for table in private})),
    )
