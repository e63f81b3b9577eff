"""The wall in front of noise: an engine's answer is checked cell by cell before anything is done with it. Pure.

The engine runs where data could have taken control of it, so nothing it says is believed. Every failure has one code
and tells nothing; a sound engine on any data never causes one.
"""

import math
from collections.abc import Mapping
from datetime import date
from itertools import product

from egress.model import CorePlan
from policies.grant import Value
from policies.query import Core, GroupKey
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.run import Cell, ColumnSpec, ExactTable

Key = tuple[Cell, ...]
Groups = dict[Key, tuple[int, ...]]
"""For each group the exact integer of every part, in part order, clamped to the part's public range."""

_KEY_TYPES: Mapping[str, type] = {"integer": int, "text": str, "date": date, "boolean": bool}


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
    domains = [None if key.domain is None else frozenset(key.domain) for key in core.keys]
    found: Groups = {}
    for line in exact.rows:
        if len(line) != len(exact.columns):
            raise YuneiError("RUN_FAILED")
        cells = {spec.name: _checked(spec, cell) for spec, cell in zip(exact.columns, line, strict=True)}
        key = tuple(_checked_key(spec, cells[spec.name]) for spec in core.keys)
        if key in found:
            raise YuneiError("RUN_FAILED")
        if all(_expected(spec, domain, cell) for spec, domain, cell in zip(core.keys, domains, key, strict=True)):
            found[key] = clamped(plan, cells)
    if plan.public_groups is not None:
        found = _completed(plan, core.keys, found)
    return dict(sorted(found.items(), key=lambda item: order_of(item[0])))


def clamped(plan: CorePlan, cells: Mapping[str, Cell]) -> tuple[int, ...]:
    """Return the integer of each part within the part's public range; clamping is 1-Lipschitz, so it costs nothing."""
    values = []
    for part in plan.parts:
        value = cells[part.column]
        if not isinstance(value, int):
            raise YuneiError("RUN_FAILED")
        values.append(max(part.low, min(part.high, value)))
    return tuple(values)


def order_of(key: Key) -> tuple[tuple[bool, Cell], ...]:
    """Return the sort key of a group key: by value, NULL last."""
    return tuple((cell is None, 0 if cell is None else cell) for cell in key)


def _check_columns(plan: CorePlan, core: Core, columns: tuple[ColumnSpec, ...]) -> None:
    names = [spec.name for spec in columns]
    keys = {key.name: key.type for key in core.keys}
    known = {f"{aggregate.name}_{suffix}" for aggregate in core.aggregates for suffix in "ns"} | {"units"}
    needed = keys.keys() | {part.column for part in plan.parts}
    if len(set(names)) != len(names) or not needed <= set(names) or not set(names) <= keys.keys() | known:
        raise YuneiError("RUN_FAILED")
    for spec in columns:
        expected = ("key", keys[spec.name]) if spec.name in keys else ("exact", "integer")
        if (spec.role, spec.type) != expected:
            raise YuneiError("RUN_FAILED")


def _checked(spec: ColumnSpec, cell: Cell) -> Cell:
    if spec.role == "key":
        return cell
    if type(cell) is not int:
        raise YuneiError("RUN_FAILED")
    if (spec.low is not None and cell < spec.low) or (spec.high is not None and cell > spec.high):
        raise YuneiError("RUN_FAILED")
    return cell


def _checked_key(key: GroupKey, cell: Cell) -> Cell:
    if cell is not None and type(cell) is not _KEY_TYPES[key.type]:
        raise YuneiError("RUN_FAILED")
    return cell


def _expected(key: GroupKey, domain: frozenset[Value] | None, cell: Cell) -> bool:
    """Whether a key is among the public ones. Another is left out, as a filter would: a failure would tell that it occurs."""
    return key.nullable if cell is None else domain is None or cell in domain


def _completed(plan: CorePlan, keys: tuple[GroupKey, ...], found: Groups) -> Groups:
    domains: list[tuple[Cell, ...]] = []
    for key in keys:
        values: tuple[Cell, ...] = key.domain or ()
        domains.append((*values, None) if key.nullable else values)
    if math.prod(len(values) for values in domains) != plan.public_groups:
        raise YuneiError("DEFECT")
    nothing = clamped(plan, {part.column: 0 for part in plan.parts})
    return {key: found.get(key, nothing) for key in product(*domains)}
