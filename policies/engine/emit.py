"""Step 8: generate the engine's SQL for a protected core and the bounding that protection has chosen.

Where the relation itself bounds a unit's rows it is aggregated as it is. Else in two levels: first per (unit, group), where
each contribution is bounded, then per group. All sums are HUGEINT.
"""

from collections.abc import Iterator, Sequence

from policies.engine import engine_text as sql
from policies.engine.overfull import overfull, tells_overfull
from policies.engine.sampling import later_groups, of_units, over_cap, sampled
from policies.engine.sections import SECTION, SECTIONS, has_sections, samples_values, section_columns, sections
from policies.query import Aggregate, Bounding, Core, EngineSql
from sandbox.kernel.canonical import digest_bytes
from sandbox.kernel.run import ColumnSpec


def emit(core: Core, bounding: Bounding) -> EngineSql:
    """Return generated SQL that computes exact, contribution-bounded aggregates.

    Under `one_row` and `row_cap` nothing is cut: supply lets no more than `rows` rows of a unit into the relation.

    Under `unit_group`, per unit and group, a count is at most `rows_per_group`; a sum over more rows than that is scaled down to
    `rows_per_group` rows' worth (truncated towards zero), so that its mean stays and its absolute value is at most
    rows_per_group × max |value - centre|. With `sample` a unit keeps at most `groups` groups, chosen by the keyed random ranks
    of its own rows, or, where its rows have none, by a keyed function of its own pseudonym and the group alone: removing one
    unit changes no other unit's sample.

    Args:
        core: of a query that `decide` has allowed.
        bounding: caps ≥ 1 and one centre per aggregate.

    Raises:
        ValueError: the bounding does not fit the query.

    """
    if not _fits(core, bounding):
        raise ValueError("the bounding does not fit the query")
    parts = [_main(core, bounding)] if _totals(core, bounding) else []
    parts += sections(core, bounding, [name for name, _ in _totals(core, bounding)])
    text = parts[0] if not has_sections(core) else f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS {sql.name('q')}"
    columns = (*_columns(core, bounding), *section_columns(core, bounding))
    return EngineSql(text, columns, core.parameters, digest_bytes(text.encode()), _keyed(core, bounding))


def _keyed(core: Core, bounding: Bounding) -> bool:
    """Tell whether a keyed hash orders anything; a text that an analyst wrote may spell the key's name."""
    groups = bounding.strategy == "unit_group" and bounding.sample and bool(core.keys) and not core.ranked
    return (groups and bool(_totals(core, bounding))) or samples_values(core, bounding)


def _main(core: Core, bounding: Bounding) -> str:
    """Return the aggregation itself; where sections follow it, it is the one of side 0."""
    keys = [sql.name(key.name) for key in core.keys]
    source = _grouped(core, bounding, keys) if bounding.strategy == "unit_group" else core.relation
    outer = [*keys, *(f"CAST({text} AS HUGEINT) AS {sql.name(name)}" for name, text in _totals(core, bounding))]
    outer += [f"CAST(0 AS HUGEINT) AS {sql.name(name)}" for name in (SECTION if has_sections(core) else ())]
    text = f"SELECT {', '.join(outer)} FROM ({source}) AS {sql.name('g')}"
    return f"{text} GROUP BY {', '.join(keys)}" if keys else text


def _fits(core: Core, bounding: Bounding) -> bool:
    """Only one row per unit lets a scan count units; no plain scan draws a sample."""
    if len(bounding.centres) != len(core.aggregates) or min(bounding.rows, bounding.groups, bounding.rows_per_group) < 1:
        return False
    units = bounding.units or any(aggregate.kind == "count_unit" for aggregate in core.aggregates)
    return bounding.strategy == "unit_group" or not (bounding.sample or (units and bounding.rows > 1))


def _centred(aggregate: Aggregate, centre: int, rows: str) -> str:
    """Return the sum of value - centre over the rows that have a value."""
    value = f"coalesce(sum({sql.name(aggregate.name)}), 0)"
    return f"({value} - {rows} * CAST({sql.integer(centre)} AS HUGEINT))" if centre else value


def _grouped(core: Core, bounding: Bounding, keys: list[str]) -> str:
    if not (bounding.sample and keys):
        return _corrected(core, bounding, keys) if _corrects(core, bounding) else _per_unit(core, bounding, core.relation)
    if not core.ranked:
        pseudonym = f"min({sql.name('p')}) AS {sql.name('p')}"
        return sampled(_per_unit(core, bounding, core.relation, [pseudonym]), [key.name for key in core.keys], bounding.groups)
    sure = f"{_per_unit(core, bounding, core.relation)} HAVING min({sql.name('r')}) < {bounding.groups}"
    first = f"min({sql.name('r')}) AS {sql.name('m')}"
    rest = _per_unit(core, bounding, over_cap(core.relation, bounding.groups), [first])
    columns = ", ".join([sql.name("u"), *keys, *(sql.name(name) for name, _ in _contributions(core, bounding))])
    return f"{sure} UNION ALL SELECT {columns} FROM ({later_groups(rest, bounding.groups)}) AS {sql.name('l')}"


def _per_unit(core: Core, bounding: Bounding, source: str, more: Sequence[str] = ()) -> str:
    """Return what each unit contributes to each of its groups; `more` is yielded after the unit.

    Keys that are functions of the unit need not tell its rows apart; even if they were none, a unit would have one group, and
    its own rows alone would say which.
    """
    keys = [sql.name(key.name) for key in core.keys]
    one_group = core.unit.one_group and not bounding.sample
    shown = [f"min({key}) AS {key}" if one_group else key for key in keys]
    contributed = (f"{text} AS {sql.name(name)}" for name, text in _contributions(core, bounding))
    selected = ", ".join([sql.name("u"), *more, *shown, *contributed])
    grouped = ", ".join([sql.name("u"), *([] if one_group else keys)])
    return f"SELECT {selected} FROM ({source}) AS {sql.name('t')} GROUP BY {grouped}"


def _corrects(core: Core, bounding: Bounding) -> bool:
    """Tell whether the totals of all rows may be corrected for the few units that exceed the cap; no count of units can be."""
    units = bounding.units or any(aggregate.kind == "count_unit" for aggregate in core.aggregates)
    return not units and not core.unit.one_group and tells_overfull(core, bounding)


def _corrected(core: Core, bounding: Bounding, keys: list[str]) -> str:
    """Return the totals of all rows by group, and what is to be taken off them for each unit and group over the cap."""
    by_group = f" GROUP BY {', '.join(keys)}" if keys else ""
    totals = ", ".join([*keys, *(f"{text} AS {sql.name(name)}" for name, text in _plain_totals(core, bounding))])
    everything = f"SELECT {totals} FROM ({core.relation}) AS {sql.name('t')}{by_group}"
    raw = dict(_plain_totals(core, bounding))
    cut = (f"{text} - {raw[name]} AS {sql.name(name)}" for name, text in _contributions(core, bounding))
    few = of_units(core.relation, overfull(core, bounding))
    over = f"GROUP BY {', '.join([sql.name('u'), *keys])} HAVING count(*) > {bounding.rows_per_group}"
    return f"{everything} UNION ALL SELECT {', '.join([*keys, *cut])} FROM ({few}) AS {sql.name('t')} {over}"


def _contributions(core: Core, bounding: Bounding) -> Iterator[tuple[str, str]]:
    """Yield the name of each bounded column and what one unit contributes to it in one group."""
    cap = str(bounding.rows_per_group)
    for aggregate, centre in zip(core.aggregates, bounding.centres, strict=True):
        count, total = _parts(aggregate)
        if aggregate.kind in SECTIONS or (aggregate.kind == "count_unit" and not aggregate.has_argument):
            continue
        if aggregate.kind == "count_unit":
            yield count, f"least(count({sql.name(aggregate.name)}), 1)"
            continue
        rows = _rows(aggregate)
        yield count, f"least({rows}, {cap})"
        if aggregate.kind in {"sum", "avg"}:
            value = _narrow(_centred(aggregate, centre, rows), aggregate, bounding)
            yield total, f"CASE WHEN {rows} > {cap} THEN {value} * {cap} // {rows} ELSE {value} END"


def _narrow(value: str, aggregate: Aggregate, bounding: Bounding) -> str:
    """Return a unit's sum in 64 bits, where it stays exact in them when it is scaled: wider ones cost a tenth of the run."""
    most = bounding.rows * (abs(aggregate.low) + abs(aggregate.high)) * bounding.rows_per_group
    return f"CAST({value} AS BIGINT)" if most < 1 << 62 else value


def _rows(aggregate: Aggregate) -> str:
    return f"count({sql.name(aggregate.name)})" if aggregate.has_argument else "count(*)"


def _parts(aggregate: Aggregate) -> tuple[str, str]:
    return f"{aggregate.name}_n", f"{aggregate.name}_s"


def _totals(core: Core, bounding: Bounding) -> list[tuple[str, str]]:
    return list((_outer_totals if bounding.strategy == "unit_group" else _plain_totals)(core, bounding))


def _plain_totals(core: Core, bounding: Bounding) -> Iterator[tuple[str, str]]:
    for aggregate, centre in zip(core.aggregates, bounding.centres, strict=True):
        if aggregate.kind in SECTIONS:
            continue
        count, total = _parts(aggregate)
        rows = _rows(aggregate)
        yield count, rows
        if aggregate.kind in {"sum", "avg"}:
            yield total, _centred(aggregate, centre, rows)
    if bounding.units:
        yield "units", "count(*)"


def _outer_totals(core: Core, bounding: Bounding) -> Iterator[tuple[str, str]]:
    for aggregate in core.aggregates:
        if aggregate.kind in SECTIONS:
            continue
        count, total = _parts(aggregate)
        if aggregate.kind == "count_unit" and not aggregate.has_argument:
            yield count, "count(*)"
        else:
            yield count, f"coalesce(sum({sql.name(count)}), 0)"
        if aggregate.kind in {"sum", "avg"}:
            yield total, f"coalesce(sum({sql.name(total)}), 0)"
    if bounding.units:
        yield "units", "count(*)"


def _columns(core: Core, bounding: Bounding) -> Iterator[ColumnSpec]:
    units = core.unit.size_band
    rows = units * bounding.rows_per_group
    for key in core.keys:
        yield ColumnSpec(key.name, "key", key.type)
    for aggregate, centre in zip(core.aggregates, bounding.centres, strict=True):
        if aggregate.kind in SECTIONS:
            continue
        count, total = _parts(aggregate)
        yield ColumnSpec(count, "exact", "integer", 0, units if aggregate.kind == "count_unit" else rows)
        if aggregate.kind in {"sum", "avg"}:
            low, high = min(aggregate.low - centre, 0), max(aggregate.high - centre, 0)
            yield ColumnSpec(total, "exact", "integer", rows * low, rows * high)
    if bounding.units:
        yield ColumnSpec("units", "exact", "integer", 0, units)
