"""From noisy integers to the released table: post-processing that costs no privacy and can be replayed bit by bit. Pure."""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction

from egress.accuracy import PAIR
from egress.allocation import CONFIDENCE
from egress.bounding import centre_of
from egress.exact import order_of
from egress.levels import Agreement, agreeing, families
from egress.model import CorePlan, Part, Primitives, ProtectedColumn, ProtectedResult, ProtectionPlan
from egress.post.evaluate import Evaluator, Row, exact
from egress.post.values import Value
from egress.quantiles import value_of
from egress.tails import half_width
from policies.query import Aggregate, Core, GovernedQuery, OutputColumn, interval_of
from policies.tree import HIGH, LOW, Shape
from sandbox.kernel.run import Cell

_ENDINGS = {"count": "n", "count_unit": "n", "count_value": "v", "sum": "s"}
"""Which column of the engine's answer an aggregate of one vector is."""

Shown = tuple[Value, Value, Value]
"""A value with the ends of its 95 % interval."""


def table_of(plan: ProtectionPlan, governed: GovernedQuery, primitives: tuple[Primitives, ...]) -> ProtectedResult:
    """Build the released table from the noisy integers of all groups that show, core by core.

    A count and a sum are shown with value ± half-width of their noise. An AVG is the noisy centred sum over the noisy count of
    non-null values; its interval is the range of that quotient while both noises stay within their 97.5 % half-widths,
    which holds together with at least 95 % (union bound). Intervals cover noise only. Where the noisy count is not
    positive, AVG and its interval are NULL. Both are kept within the public range of the value.

    Levels of a ROLLUP or CUBE agree where that can be had; their intervals are then of the combined noise, and wider by what
    rounding may move.

    Without ORDER BY rows come by key, as the cores' rows do. What the tree does with them sees released values only.
    """
    noisy = list(primitives)
    levels: dict[int, Agreement] = {}
    for family in families(governed.cores, plan.cores):
        agreeing(family, governed.cores, plan.cores, noisy)
        levels.update(family)
    rows = {
        core.name: _core_rows(core_plan, core, values, levels.get(place))
        for place, (core_plan, core, values) in enumerate(zip(plan.cores, governed.cores, noisy, strict=True))
    }
    columns = columns_of(governed)
    names = [name for output in governed.outputs for name in _columns_of(output)]
    lines = tuple(
        tuple(_cell(row[name], column.type) for name, column in zip(names, columns, strict=True))
        for row in Evaluator(rows).rows(governed.post)
    )
    return ProtectedResult(columns, lines, primitives)


def _core_rows(plan: CorePlan, core: Core, primitives: Primitives, level: Agreement | None) -> list[Row]:
    """Return the rows of a core as the tree reads them: keys, aggregates, and the ends of their intervals."""
    renderers = [(aggregate.name, _renderer(plan, aggregate, level)) for aggregate in core.aggregates]
    names = [key.name for key in core.keys]
    rows: list[Row] = []
    for key, values in sorted(primitives, key=lambda item: order_of(item[0])):
        row: Row = dict(zip(names, map(exact, key), strict=True))
        for name, render in renderers:
            row[name], row[name + LOW], row[name + HIGH] = render(values)
        rows.append(row)
    return rows


def columns_of(governed: GovernedQuery) -> tuple[ProtectedColumn, ...]:
    """Return the columns of the released table: outputs in order, each aggregate followed by its interval."""
    columns: list[ProtectedColumn] = []
    for output in governed.outputs:
        kind = _type_of(output.shape)
        columns.append(ProtectedColumn(output.name, output.kind, kind))
        if output.interval:
            low, high = interval_of(output.name)
            columns += [ProtectedColumn(low, "low", kind), ProtectedColumn(high, "high", kind)]
    return tuple(columns)


def _columns_of(output: OutputColumn) -> tuple[str, ...]:
    name = output.column
    return (name, name + LOW, name + HIGH) if output.interval else (name,)


def _type_of(shape: Shape) -> str:
    if shape.kind == "decimal":
        return f"decimal(38,{shape.places})"
    return "text" if shape.kind == "null" else shape.kind


def _cell(value: Value, kind: str) -> Cell:
    """Write a value in a column's type; NULL where no cell of that type holds it."""
    if kind == "integer" and value is not None:
        whole = round(Fraction(value))  # type: ignore[arg-type]
        return whole if -(1 << 63) <= whole < 1 << 63 else None
    if kind.startswith("decimal") and value is not None:
        places = int(kind[len("decimal(38,") : -1])
        scaled = round(Fraction(value) * 10**places)  # type: ignore[arg-type]  # a Fraction rounds half to even
        return _decimal(scaled, places) if abs(scaled) < 10**38 else None
    return value if not isinstance(value, Fraction) else None


def _renderer(plan: CorePlan, aggregate: Aggregate, level: Agreement | None) -> Callable[[Sequence[int]], Shown]:
    """Return how one aggregate is read off the noisy integers of a group."""
    places = {part.column: place for place, part in enumerate(plan.parts)}
    if aggregate.kind == "avg":
        return _averages(plan, aggregate, level, places[f"{aggregate.name}_s"], places[f"{aggregate.name}_n"])
    if aggregate.kind == "quantile":
        return _quantiles(aggregate, places[f"{aggregate.name}_q"])
    place = places[f"{aggregate.name}_{_ENDINGS[aggregate.kind]}"]
    part = plan.parts[place]
    half = part.half_width if level is None else level.half_width(part, CONFIDENCE)
    if aggregate.kind != "sum":
        return lambda values: (values[place], values[place] - half, values[place] + half)
    step = Fraction(aggregate.step)
    return lambda values: (values[place] * step, (values[place] - half) * step, (values[place] + half) * step)


def _quantiles(aggregate: Aggregate, place: int) -> Callable[[Sequence[int]], Shown]:
    """Return the value of the chosen bin. How far the rank may be off is public; how far the value is, only the data tell."""
    step = Fraction(aggregate.step)
    return lambda values: (value_of(aggregate, values[place]) * step, None, None)


def _averages(
    plan: CorePlan, aggregate: Aggregate, level: Agreement | None, total: int, count: int
) -> Callable[[Sequence[int]], Shown]:
    wide_total, wide_count = (_half_width(plan.parts[place], PAIR, level) for place in (total, count))
    decimals, centre = aggregate.places, centre_of(aggregate)
    unit: Fraction = Fraction(aggregate.step) * 10**decimals

    def within(numerator: int, denominator: int) -> Fraction:
        quotient = Fraction(numerator, denominator) + centre
        return unit * max(Fraction(aggregate.low), min(Fraction(aggregate.high), quotient))

    def average(values: Sequence[int]) -> Shown:
        above, below = values[total], values[count]
        if below <= 0:
            return None, None, None
        fewest, most = max(1, below - wide_count), below + wide_count
        down, up = above - wide_total, above + wide_total
        low = math.floor(within(down, fewest if down < 0 else most))
        high = math.ceil(within(up, most if up < 0 else fewest))
        value = round(within(above, below))  # a Fraction rounds half to even
        return Fraction(value, 10**decimals), Fraction(low, 10**decimals), Fraction(high, 10**decimals)

    return average


def _half_width(part: Part, alpha: Decimal, level: Agreement | None) -> int:
    return half_width(part.mechanism, part.scale, alpha) if level is None else level.half_width(part, alpha)


def _decimal(scaled: int, decimals: int) -> Decimal:
    """Return scaled × 10^-decimals, exact at any length: no decimal context takes part."""
    return Decimal((int(scaled < 0), Decimal(abs(scaled)).as_tuple().digits, -decimals))
