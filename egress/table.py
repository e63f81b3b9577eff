"""From noisy integers to the released table: post-processing that costs no privacy and can be replayed bit by bit. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Context, Decimal
from fractions import Fraction

from egress.accuracy import PAIR
from egress.bounding import centre_of
from egress.exact import Key, order_of
from egress.model import Part, ProtectedColumn, ProtectedResult, ProtectionPlan
from egress.tails import half_width
from policies.query import Aggregate, GovernedQuery, Order, interval_of
from sandbox.kernel.run import Cell

Primitives = tuple[tuple[Key, tuple[int, ...]], ...]

AVERAGE_DECIMALS = 2
"""Decimals that an AVG has beyond those of its argument's step."""

Shown = tuple[Cell, Cell, Cell]
"""A value with the ends of its 95 % interval."""


def table_of(plan: ProtectionPlan, governed: GovernedQuery, primitives: Primitives) -> ProtectedResult:
    """Build the released table from the noisy integers of all groups that show.

    A count and a sum are shown with value ± half-width of their noise. An AVG is the noisy centred sum over the noisy count of
    non-null values; its interval is the range of that quotient while both noises stay within their 97.5 % half-widths,
    which holds together with at least 95 % (union bound). Intervals cover noise only. Where the noisy count is not
    positive, AVG and its interval are NULL. Both are kept within the public range of the value.

    Order is that of the query, ties by key; without ORDER BY, by key. LIMIT comes last; both see released values only.
    """
    renderers = {aggregate.name: _renderer(plan, aggregate) for aggregate in governed.aggregates}
    names = [key.name for key in governed.keys]
    rows: list[dict[str, Shown]] = []
    for key, values in primitives:
        row: dict[str, Shown] = {name: (cell, None, None) for name, cell in zip(names, key, strict=True)}
        rows.append(row | {name: render(values) for name, render in renderers.items()})
    rows.sort(key=lambda row: order_of(tuple(row[name][0] for name in names)))
    for term in reversed(governed.order):
        rows = _sorted(rows, term)
    kept = rows if governed.limit is None else rows[: governed.limit]
    lines = tuple(_line(governed, row, renderers.keys()) for row in kept)
    return ProtectedResult(columns_of(governed), lines, primitives, governed.outputs)


def columns_of(governed: GovernedQuery) -> tuple[ProtectedColumn, ...]:
    """Return the columns of the released table: outputs in order, each aggregate followed by its interval."""
    keys = {key.name: key for key in governed.keys}
    aggregates = {aggregate.name: aggregate for aggregate in governed.aggregates}
    columns: list[ProtectedColumn] = []
    for output in governed.outputs:
        if output.source in keys:
            columns.append(ProtectedColumn(output.name, "key", keys[output.source].type))
            continue
        aggregate = aggregates[output.source]
        kind = _type_of(aggregate)
        low, high = interval_of(output.name)
        columns += [
            ProtectedColumn(output.name, aggregate.kind, kind),
            ProtectedColumn(low, "low", kind),
            ProtectedColumn(high, "high", kind),
        ]
    return tuple(columns)


def decimals_of(aggregate: Aggregate) -> int:
    """Return the fixed number of decimals of a SUM or AVG."""
    exponent = aggregate.step.normalize(Context(prec=60)).as_tuple().exponent
    own = max(0, -exponent) if isinstance(exponent, int) else 0
    return own + AVERAGE_DECIMALS if aggregate.kind == "avg" else own


def _type_of(aggregate: Aggregate) -> str:
    return "integer" if aggregate.kind in {"count", "count_unit"} else f"decimal(38,{decimals_of(aggregate)})"


def _line(governed: GovernedQuery, row: Mapping[str, Shown], aggregates: AbstractSet[str]) -> tuple[Cell, ...]:
    cells: list[Cell] = []
    for output in governed.outputs:
        cells += row[output.source] if output.source in aggregates else row[output.source][:1]
    return tuple(cells)


def _renderer(plan: ProtectionPlan, aggregate: Aggregate) -> Callable[[Sequence[int]], Shown]:
    """Return how one aggregate is read off the noisy integers of a group."""
    places = {part.column: place for place, part in enumerate(plan.parts)}
    if aggregate.kind == "avg":
        return _averages(plan, aggregate, places[f"{aggregate.name}_s"], places[f"{aggregate.name}_n"])
    place = places[f"{aggregate.name}_s" if aggregate.kind == "sum" else f"{aggregate.name}_n"]
    half = plan.parts[place].half_width
    if aggregate.kind != "sum":
        return lambda values: (values[place], values[place] - half, values[place] + half)
    decimals = decimals_of(aggregate)
    scaled = int(Fraction(aggregate.step) * 10**decimals)

    def total(values: Sequence[int]) -> Shown:
        value, low, high = ((values[place] + end) * scaled for end in (0, -half, half))
        return _decimal(value, decimals), _decimal(low, decimals), _decimal(high, decimals)

    return total


def _averages(plan: ProtectionPlan, aggregate: Aggregate, total: int, count: int) -> Callable[[Sequence[int]], Shown]:
    wide_total, wide_count = (_wide(plan.parts[place]) for place in (total, count))
    decimals, centre = decimals_of(aggregate), centre_of(aggregate)
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
        return _decimal(value, decimals), _decimal(low, decimals), _decimal(high, decimals)

    return average


def _wide(part: Part) -> int:
    return half_width(part.mechanism, part.scale, PAIR)


def _decimal(scaled: int, decimals: int) -> Decimal:
    """Return scaled × 10^-decimals, exact at any length: no decimal context takes part."""
    return Decimal((int(scaled < 0), Decimal(abs(scaled)).as_tuple().digits, -decimals))


def _sorted(rows: list[dict[str, Shown]], term: Order) -> list[dict[str, Shown]]:
    """Sort stably by one term; NULLs stand where the term says, whatever its direction."""
    absent = [row for row in rows if row[term.source][0] is None]
    present = [row for row in rows if row[term.source][0] is not None]
    present.sort(key=lambda row: row[term.source][0], reverse=term.descending)  # type: ignore[arg-type,return-value]
    return absent + present if term.nulls_first else present + absent
