"""The wall in front of noise: an engine's answer is checked cell by cell before anything is done with it. Pure.

The engine runs where data could have taken control of it, so nothing it says is believed. Every failure has one code
and tells nothing; a sound engine on any data never causes one.
"""

import math
from collections.abc import Mapping
from datetime import date
from itertools import product

from egress.model import CorePlan, Part
from policies.engine.sections import SECTION
from policies.grant import Value
from policies.query import Core, GroupKey
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.run import Cell, ColumnSpec, ExactTable

Key = tuple[Cell, ...]
Bins = tuple[tuple[int, int], ...]
"""The occupied bins of a quantile, ascending, each with its rows."""

Exact = int | Bins
Groups = Mapping[Key, tuple[Exact, ...]]
"""For each group what every part is drawn for, in part order: an integer clamped to the part's public range, or bins."""

_KEY_TYPES: Mapping[str, type] = {"integer": int, "text": str, "date": date, "boolean": bool}
_SECTIONS: Mapping[str, str] = {"quantile": "q", "values": "v"}
"""Roles whose numbers come in sections of the answer, with the ending of their column."""


def groups_of(plan: CorePlan, core: Core, exact: ExactTable) -> Groups:
    """Check an engine's answer and return its groups, sorted by key; with public keys all of them, absent ones zero.

    Args:
        plan: names the columns that are noised, and their public ranges.
        core: names the keys with their types and domains.
        exact: what the engine returned.

    Raises:
        YuneiError: `RUN_FAILED`, the answer has another form than the query can give: columns, types, a group twice, an
            integer outside the public range of its column. A group outside of the public keys is left out.

    """
    _check_columns(plan, core, exact.columns)
    _check_cells(core, exact)
    domains = [None if key.domain is None else frozenset(key.domain) for key in core.keys]
    found = {
        key: values
        for key, values in read(plan, exact).items()
        if all(_expected(spec, domain, cell) for spec, domain, cell in zip(core.keys, domains, key, strict=True))
    }
    if plan.public_groups is not None:
        found = _completed(plan, core.keys, found)
    return dict(sorted(found.items(), key=lambda item: order_of(item[0])))


def read(plan: CorePlan, exact: ExactTable) -> Groups:
    """Bring the lines of each group together: its exact columns, and what its sections count.

    With a threshold a group is there by its units alone. Sections hold rows that the sample of a unit's groups left out, and a
    group that only they name would be one more in which the unit could be shown.

    Raises:
        YuneiError: `RUN_FAILED`, a line is there twice, or names a section that the plan has not.

    """
    names = [spec.name for spec in exact.columns]
    keys = [place for place, spec in enumerate(exact.columns) if spec.role == "key"]
    marks = [names.index(name) for name in SECTION if name in names]
    plain = [(name, place) for place, name in enumerate(names) if place not in keys and place not in marks]
    found: dict[Key, dict[str, Exact]] = {}
    counted: dict[tuple[Key, int], dict[int, int]] = {}
    for line in exact.rows:
        key = tuple(line[place] for place in keys)
        side, bin_, rows = (_whole(line[place]) for place in marks) if marks else (0, 0, 0)
        group, lines = found.setdefault(key, {}), counted.setdefault((key, side), {})
        if bin_ in lines or (not side and (bin_ or rows)):
            raise YuneiError("RUN_FAILED")
        lines[bin_] = rows
        if not side:
            group.update({name: _whole(line[place]) for name, place in plain})
    for (key, side), lines in counted.items():
        if side:
            found[key].update([_section(plan, side, lines)])
    return {
        key: tuple(_within(part, group.get(part.column)) for part in plan.parts)
        for key, group in found.items()
        if plan.threshold is None or (key, 0) in counted
    }


def _section(plan: CorePlan, side: int, lines: Mapping[int, int]) -> tuple[str, Exact]:
    """Name the part that a section of one group counts for, with its bins or its one number."""
    for part in plan.parts:
        if part.role in _SECTIONS and part.column == f"a{side - 1}_{_SECTIONS[part.role]}":
            if part.role == "quantile":
                return part.column, tuple(sorted(lines.items()))
            if lines.keys() == {0}:
                return part.column, lines[0]
    raise YuneiError("RUN_FAILED")


def nothing(plan: CorePlan) -> tuple[Exact, ...]:
    """Return what a group without any row holds."""
    return tuple(_within(part, None) for part in plan.parts)


def _within(part: Part, value: Exact | None) -> Exact:
    """Hold a number within the part's public range; clamping is 1-Lipschitz, so it costs nothing. Bins must be of the part."""
    if part.role == "quantile":
        bins = () if value is None or isinstance(value, int) else value
        if any(not part.low <= bin_ <= part.high or rows < 0 for bin_, rows in bins):
            raise YuneiError("RUN_FAILED")
        return bins
    return max(part.low, min(part.high, value if isinstance(value, int) else 0))


def _whole(cell: Cell) -> int:
    if type(cell) is not int:
        raise YuneiError("RUN_FAILED")
    return cell


def order_of(key: Key) -> tuple[tuple[bool, Cell], ...]:
    """Return the sort key of a group key: by value, NULL last."""
    return tuple((cell is None, 0 if cell is None else cell) for cell in key)


def _check_columns(plan: CorePlan, core: Core, columns: tuple[ColumnSpec, ...]) -> None:
    names = [spec.name for spec in columns]
    keys = {key.name: key.type for key in core.keys}
    known = {f"{aggregate.name}_{suffix}" for aggregate in core.aggregates for suffix in "ns"} | {"units"}
    needed = keys.keys() | {part.column for part in plan.parts if part.role not in _SECTIONS}
    if any(part.role in _SECTIONS for part in plan.parts):
        known, needed = known | set(SECTION), needed | set(SECTION)
    if len(set(names)) != len(names) or not needed <= set(names) or not set(names) <= keys.keys() | known:
        raise YuneiError("RUN_FAILED")
    for spec in columns:
        expected = ("key", keys[spec.name]) if spec.name in keys else ("exact", "integer")
        if (spec.role, spec.type) != expected:
            raise YuneiError("RUN_FAILED")


def _check_cells(core: Core, exact: ExactTable) -> None:
    types = {key.name: _KEY_TYPES[key.type] for key in core.keys}
    for line in exact.rows:
        if len(line) != len(exact.columns):
            raise YuneiError("RUN_FAILED")
        for spec, cell in zip(exact.columns, line, strict=True):
            if spec.role == "key":
                sound = cell is None or type(cell) is types[spec.name]
            else:
                value = _whole(cell)
                sound = (spec.low is None or value >= spec.low) and (spec.high is None or value <= spec.high)
            if not sound:
                raise YuneiError("RUN_FAILED")


def _expected(key: GroupKey, domain: frozenset[Value] | None, cell: Cell) -> bool:
    """Whether a key is among the public ones. Another is left out, as a filter would: a failure would tell that it occurs."""
    return key.nullable if cell is None else domain is None or cell in domain


def _completed(plan: CorePlan, keys: tuple[GroupKey, ...], found: Groups) -> dict[Key, tuple[Exact, ...]]:
    domains: list[tuple[Cell, ...]] = []
    for key in keys:
        values: tuple[Cell, ...] = key.domain or ()
        domains.append((*values, None) if key.nullable else values)
    if math.prod(len(values) for values in domains) != plan.public_groups:
        raise YuneiError("DEFECT")
    empty = nothing(plan)
    return {key: found.get(key, empty) for key in product(*domains)}
