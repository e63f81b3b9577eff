"""What accuracy to expect before a run, from the plan alone: standard errors, half-widths, which groups will show. Pure."""

import math
from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from fractions import Fraction

from egress.accounting import Noise
from egress.bounding import centre_of, public_groups, quantile_fraction
from egress.model import CorePlan, Part
from egress.tails import deviation, half_width
from policies.query import Aggregate, Core, GovernedQuery
from sandbox.kernel.canonical import Json

PAIR = Decimal("0.025")
"""Error of each of the two vectors behind an AVG, so that both hold together with 95 % (union bound)."""

_SHOWN = Context(prec=6)


def expected_errors(governed: GovernedQuery, plans: Sequence[CorePlan]) -> Mapping[str, Json]:
    """Return per output column that is an aggregate its standard error and 95 % half-width, in output units, as text.

    A quantile's is in rows: the half-width of the rank, and the width of the bins. An AVG's error depends on its group: it is
    given for a group of `group_rows` rows, an even share of the size band over all groups, and is None where keys are private.
    A column that comes from several cores, as under ROLLUP, is given the error of its first, the finest; what was computed
    from aggregates has none of its own.
    """
    cores = {core.name: core for core in governed.cores}
    parts = {plan.core: {part.column: part for part in plan.parts} for plan in plans}
    found: dict[str, Json] = {}
    for output in governed.outputs:
        if output.kind in {"key", "derived"}:
            continue
        name, column = output.sources[0]
        aggregate = next(item for item in cores[name].aggregates if item.name == column)
        found[output.name] = _expected(aggregate, parts[name], _even_share(cores[name]))
    return found


def _expected(aggregate: Aggregate, parts: Mapping[str, Part], rows: int | None) -> Json:
    if aggregate.kind == "avg":
        return _average(aggregate, parts, rows)
    return _quantile(aggregate, parts) if aggregate.kind == "quantile" else _plain(aggregate, parts)


def _even_share(core: Core) -> int | None:
    groups = public_groups(core)
    return None if groups is None else max(1, core.unit.size_band // max(1, groups))


def chance_to_show(plan: CorePlan, units: int) -> Decimal:
    """Return the probability, to display, that a group of `units` units passes a core's threshold; 1 with public keys.

    The discrete noise is approximated by its continuous twin with a continuity correction.
    """
    for part in plan.parts:
        if plan.threshold and part.role == "threshold":
            chance = _upper(part.mechanism, float(part.scale), plan.threshold.tau - 0.5 - units)
            return Decimal(f"{chance:.4f}")
    return Decimal(1)


def _plain(aggregate: Aggregate, parts: Mapping[str, Part]) -> Json:
    part = next(part for column, part in parts.items() if column.rpartition("_")[0] == aggregate.name)
    error = Decimal(deviation(part.mechanism, part.scale))
    return {
        "standard_error": _text(error * aggregate.step),
        "half_width": _text(part.half_width * aggregate.step),
    }


def _quantile(aggregate: Aggregate, parts: Mapping[str, Part]) -> Json:
    """Say in rows how far the rank of the shown value may be off, with 95 %, and how wide its bin is."""
    part = parts[f"{aggregate.name}_q"]
    return {
        "rank_half_width": math.ceil(Fraction(part.half_width, quantile_fraction(aggregate).denominator)),
        "bin_width": _text(aggregate.bin_width * aggregate.step),
    }


def _average(aggregate: Aggregate, parts: Mapping[str, Part], rows: int | None) -> Json:
    """Propagate both noises: |avg - centre| is taken as half of its largest value. Neither exceeds the public range."""
    if rows is None:
        return None
    total, count = parts[f"{aggregate.name}_s"], parts[f"{aggregate.name}_n"]
    centre = centre_of(aggregate)
    off = max(abs(aggregate.low - centre), abs(aggregate.high - centre)) / 2
    error = math.hypot(deviation(total.mechanism, total.scale), off * deviation(count.mechanism, count.scale)) / rows
    wide_total = half_width(total.mechanism, total.scale, PAIR)
    wide_count = half_width(count.mechanism, count.scale, PAIR)
    width = (wide_total + off * wide_count) / max(1, rows - wide_count)
    widest = aggregate.high - aggregate.low
    return {
        "standard_error": _text(Decimal(min(error, widest)) * aggregate.step),
        "half_width": _text(Decimal(min(width, widest)) * aggregate.step),
        "group_rows": rows,
    }


def _upper(mechanism: Noise, scale: float, at: float) -> float:
    if mechanism == "discrete_gaussian":
        return 0.5 * math.erfc(at / (scale * math.sqrt(2)))
    side = 0.5 * math.exp(-abs(at) / scale)
    return side if at > 0 else 1 - side


def _text(amount: Decimal) -> str:
    return format(_SHOWN.plus(amount), "f")
