"""Step 6: unit attribution. Every row of the relation belongs to exactly one unit, and one unit to boundedly many rows."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from policies.findings import Refusal, finding
from policies.grant import Grant, GrantedTable
from policies.query import Finding, UnitBounds
from policies.rows.relation import Link, Occurrence, Optional, Rows
from policies.rows.terms import Origin, Term

MAX_ROWS = 1_000_000
"""Joined rows that one unit may have. Above this a unit whose rows pass a condition could make a run slow, or fail, alone."""


@dataclass(frozen=True)
class Attribution:
    """Which occurrence carries the unit, which occurrences the unit determines, and how many rows one unit may have.

    `several`: the one occurrence of which a unit may have several rows, where there is no other.
    """

    carrier: str
    determined: frozenset[str]
    max_rows: int
    several: str | None = None


def attribute(grant: Grant, rows: Rows) -> Attribution:
    """Prove that every joined row has one unit and bound the rows of a unit from public metadata.

    Begins with a private occurrence that every row has. Another private one is placed by an equality of columns that both
    determine the unit in the same way, a public one by a column that is declared unique. An optional side is placed by its
    own ON alone and places nothing but itself, since its equalities hold only where it is present. The bound is the product
    of the `max_rows` of the private occurrences that are not met on a unique column; the best beginning counts.

    Raises:
        Refusal: UNIT_MISSING, OUTER_WITHOUT_UNIT, UNIT_AMBIGUOUS, JOIN_MULTIPLIES, each with the path that lacks.

    """
    private = [item for item in rows.certain if not item.table.public]
    if not private:
        optional = any(not item.table.public for item in rows.occurrences)
        raise Refusal(finding("OUTER_WITHOUT_UNIT" if optional else "UNIT_MISSING"))
    tables = {item.alias: item.table for item in rows.occurrences}
    best: Attribution | None = None
    for start in private:
        single = {start.alias} if start.table.max_rows == 1 else set()
        placed = _Placed(tables, {start.alias: start.table.max_rows or 1}, single)
        _spread(rows, placed, frozenset())
        if tables.keys() - placed.factors.keys():
            continue
        most = math.prod(placed.factors.values())
        if best is None or most < best.max_rows:
            best = Attribution(start.alias, frozenset(placed.determined), most, _several(rows, placed))
    if best is None:
        raise Refusal(_unplaced(grant, private[0], rows))
    if best.max_rows > MAX_ROWS:
        widest = max(rows.occurrences, key=lambda item: item.table.max_rows or 1)
        raise Refusal(finding("JOIN_MULTIPLIES", obj=widest.table.name))
    return best


@dataclass
class _Placed:
    """Occurrences that belong to the unit so far: by what factor each multiplies its rows, and which it determines."""

    tables: Mapping[str, GrantedTable]
    factors: dict[str, int]
    determined: set[str]


def _several(rows: Rows, placed: _Placed) -> str | None:
    """Name the table of which a unit may have several rows: rows of one unit are then told apart by their rank in it."""
    found = [alias for alias, factor in placed.factors.items() if factor > 1]
    tables = {item.alias for item in rows.certain if item.block is None}
    return found[0] if len(found) == 1 and found[0] in tables else None


def _spread(rows: Rows, placed: _Placed, around: frozenset[str]) -> None:
    """Place the sources of `rows` along its own links, then each optional side along its own; `around` it are certain ones."""
    items = {item.alias: item for item in rows.occurrences}
    links = _certain_links(rows)
    own = {item.alias for item in rows.certain} | {origin.alias for link in links for origin in link if origin.alias in items}
    waiting = [item for item in rows.occurrences if item.alias in own and item.alias not in placed.factors]
    while waiting:
        found = min(
            ((step, item) for item in waiting if (step := _step(item, links, placed)) is not None),
            key=lambda pair: pair[0].factor,
            default=None,
        )
        if found is None:
            break
        step, item = found
        waiting.remove(item)
        placed.factors[item.alias] = step.factor
        if step.determined:
            placed.determined.add(item.alias)
    here = around | {item.alias for item in rows.certain}
    for inner in rows.items:
        if isinstance(inner, Optional):
            _spread(inner.rows, placed, here)
            if not _same_for_a_unit(inner.rows, placed, here):
                placed.determined -= {item.alias for item in inner.rows.occurrences}


def _same_for_a_unit(rows: Rows, placed: _Placed, around: frozenset[str]) -> bool:
    """Whether an optional side is there for all rows of a unit or for none: its ON speaks of nothing that differs within one."""
    fixed = placed.determined
    present = fixed | around | {item.alias for item in rows.certain}
    filters = all(origin.alias in fixed for term in rows.filters for origin in (*term.values, *term.conditions))
    return filters and all(_fixed(link, placed, present) for link in rows.links)


def _fixed(link: Link, placed: _Placed, present: set[str]) -> bool:
    """Whether a link holds for all rows of a unit or for none; of sides that are there, one of the unit's own keys does."""
    if {origin.alias for origin in link} <= placed.determined:
        return True
    one, other = link
    keys = all(placed.tables[end.alias].names_unit(end.column) for end in link)
    return keys and {one.alias, other.alias} <= present and _same_unit(placed.tables, one, other)


def _certain_links(rows: Rows) -> list[Link]:
    """Return the equalities that hold on every row: where one touches an optional side, that side is always present."""
    links = list(rows.links)
    waiting = [item for item in rows.items if isinstance(item, Optional)]
    grown = True
    while grown:
        touched = {origin.alias for link in links for origin in link}
        present = [item for item in waiting if touched & {one.alias for one in item.rows.certain}]
        waiting = [item for item in waiting if item not in present]
        grown = bool(present)
        links += [link for item in present for link in item.rows.links]
    return links


@dataclass(frozen=True)
class _Step:
    factor: int
    determined: bool


def _step(item: Occurrence, links: Iterable[Link], placed: _Placed) -> _Step | None:
    """Return how `item` is placed next to what is placed already, by the link that multiplies rows least."""
    steps = []
    for link in links:
        own = [origin for origin in link if origin.alias == item.alias]
        other = [origin for origin in link if origin.alias in placed.factors and origin.alias != item.alias]
        if len(own) != 1 or not other:
            continue
        if item.table.public:
            if own[0].column in item.table.unique:
                steps.append(_Step(1, other[0].alias in placed.determined))
        elif _same_unit(placed.tables, own[0], other[0]):
            single = item.table.max_rows == 1
            met_once = own[0].column in item.table.leads
            steps.append(_Step(1 if met_once else item.table.max_rows or 1, single))
    return min(steps, key=lambda step: (step.factor, not step.determined), default=None)


def _same_unit(tables: Mapping[str, GrantedTable], own: Origin, other: Origin) -> bool:
    """Whether equal values mean one unit: both columns lead to it by the same table's definition."""
    space = space_of(tables[own.alias], own.column)
    return space is not None and space == space_of(tables[other.alias], other.column)


def space_of(table: GrantedTable, column: str) -> str | None:
    """Name the column by whose definition a private table's column leads to a unit; None where it does not."""
    if table.public:
        return None
    if column == table.unit_key and table.references is not None:
        return ".".join(table.references)
    return f"{table.name}.{column}" if column == table.unit_key or column in table.leads else None


def _unplaced(grant: Grant, carrier: Occurrence, rows: Rows) -> Finding:
    """Say which occurrence hangs in the air, and what would place it."""
    tables = {item.alias: item.table for item in rows.occurrences}
    placed = _Placed(tables, {carrier.alias: 1}, set())
    _spread(rows, placed, frozenset())
    lost = [item for item in rows.occurrences if item.alias not in placed.factors]
    item = next((one for one in lost if not one.table.public), lost[0])
    if not item.table.public:
        return _ambiguous(grant, carrier, item)
    keys = sorted(item.table.unique)
    return finding("JOIN_MULTIPLIES", obj=f"{item.table.name}.{keys[0]}" if keys else item.table.name)


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
        tuple(sorted({name for table in _private_tables(rows) for name in table.lineages})),
    )


def _private_tables(rows: Rows) -> Iterable[GrantedTable]:
    """Yield all private tables that are read, also beneath per-unit queries."""
    for item in rows.occurrences:
        if item.block is not None:
            yield from _private_tables(item.block.rows)
        elif not item.table.public:
            yield item.table
