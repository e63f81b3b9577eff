"""What one privacy unit can change: contribution caps and the sensitivity and range of every vector. Pure."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

from egress.allocation import Need
from policies.query import Aggregate, Core, Strategy, UnitBounds
from sandbox.kernel.errors import YuneiError

NOISE_RANGE = 2**62
"""Exact values are clamped within ±2^62, so that noise added in 64 bits has room."""


@dataclass(frozen=True)
class Caps:
    """Contribution of one unit: ≤ `groups` groups (L0), ≤ `per_group` rows in each (L∞), ≤ `rows` rows in all.

    `strategy`: how the engine holds it to them. `sample`: a unit could have more groups, so that a keyed sample is drawn.
    """

    strategy: Strategy
    groups: int
    per_group: int
    rows: int
    sample: bool

    @property
    def l1(self) -> int:
        """The most rows that count, over all groups."""
        return min(self.rows, self.groups * self.per_group)

    @property
    def l2_squared(self) -> int:
        """Largest Σ n² over rows per group n ≤ L∞ with Σ n ≤ `l1`: as many full groups as fit, and a rest."""
        full, rest = divmod(self.l1, self.per_group)
        return full * self.per_group**2 + rest**2


def public_groups(core: Core) -> int | None:
    """Return the size of the complete key product, or None where a key is private."""
    sizes = [None if key.domain is None else len(key.domain) + key.nullable for key in core.keys]
    return None if None in sizes else math.prod(size for size in sizes if size is not None)


def possible_caps(core: Core) -> tuple[Caps, ...]:
    """Return the caps under every strategy that can bound the core, the cheapest for the engine first.

    A plain scan needs rows that are bounded already, and cannot tell units apart where a unit has several rows: then it
    can neither count units nor apply a threshold to their number.
    """
    unit, groups = core.unit, public_groups(core)
    if unit.max_rows == 1:
        return (Caps("one_row", 1, 1, 1, sample=False), grouped_caps(unit, groups))
    if groups is None or any(aggregate.kind == "count_unit" for aggregate in core.aggregates):
        return (grouped_caps(unit, groups),)
    kept = 1 if unit.one_group else min(unit.max_rows, groups or 1)
    return (Caps("row_cap", kept, unit.max_rows, unit.max_rows, sample=False), grouped_caps(unit, groups))


def grouped_caps(unit: UnitBounds, groups: int | None) -> Caps:
    """Derive the caps of `unit_group`: the least of what is possible, declared and public."""
    possible = 1 if unit.one_group else min(unit.max_rows, unit.max_rows if groups is None else groups)
    kept = min(possible, unit.max_groups or possible)
    per_group = min(unit.max_rows, unit.max_rows_per_group or unit.max_rows)
    return Caps("unit_group", kept, per_group, unit.max_rows, kept < possible)


def centre_of(aggregate: Aggregate) -> int:
    """Return the integer subtracted from each value before it is summed: halves the sensitivity of AVG; 0 elsewhere."""
    return (aggregate.low + aggregate.high) // 2 if aggregate.kind == "avg" else 0


def needs_of(core: Core, caps: Caps) -> tuple[Need, ...]:
    """List every vector that will be noised, with its public range and its sensitivity to one unit.

    count of rows → rows; count of units → units; sum → sum; avg → rows of non-null values, then the centred sum; count of
    values → values; quantile → the bin that is chosen; and for private keys a count of units of its own, for the threshold.
    A weight counts as so many times the relative error.
    """
    band, typical = core.unit.size_band, _typical_rows(core.unit)
    needs: list[Need] = []
    for aggregate in core.aggregates:
        name, kind, begun = aggregate.name, aggregate.kind, len(needs)
        if kind == "count_unit":
            needs.append(_units(f"{name}_n", band, caps))
        if kind in {"count", "avg"}:
            needs.append(_rows(f"{name}_n", band, caps, typical))
        if kind in {"sum", "avg"}:
            needs.append(_sum(aggregate, band, caps, typical))
        if kind == "count_value":
            needs.append(_values(f"{name}_v", band, caps))
        if kind == "quantile":
            needs.append(_quantile(aggregate, caps, typical))
        needs[begun:] = [replace(need, typical=need.typical / aggregate.weight) for need in needs[begun:]]
    if any(key.domain is None for key in core.keys):
        # Never shown, only compared with τ: a quarter of the weight of a shown count of units.
        needs.append(Need("units", "threshold", 0, band, caps.groups, caps.groups, Fraction(4)))
    return tuple(needs)


def _units(column: str, band: int, caps: Caps) -> Need:
    return Need(column, "units", 0, band, caps.groups, caps.groups, Fraction(1))


def _rows(column: str, band: int, caps: Caps, typical: Fraction) -> Need:
    return Need(column, "rows", 0, band * caps.per_group, caps.l1, caps.l2_squared, typical)


def _sum(aggregate: Aggregate, band: int, caps: Caps, typical: Fraction) -> Need:
    centre = centre_of(aggregate)
    low, high = aggregate.low - centre, aggregate.high - centre
    most = max(1, abs(low), abs(high))
    rows = band * caps.per_group
    return Need(
        column=f"{aggregate.name}_s",
        role="sum",
        low=min(0, low) * rows,
        high=max(0, high) * rows,
        l1=caps.l1 * most,
        l2_squared=caps.l2_squared * most**2,
        typical=typical * Fraction(most, 2),
    )


def _values(column: str, band: int, caps: Caps) -> Need:
    """Values that only one unit has may all be of one group."""
    return Need(column, "values", 0, band * caps.l1, caps.l1, caps.l1**2, Fraction(1))


def _quantile(aggregate: Aggregate, caps: Caps, typical: Fraction) -> Need:
    """One row moves every score by at most max(a, b - a), fraction = a/b; sections hold all rows that a unit may have."""
    fraction = quantile_fraction(aggregate)
    most = caps.rows * max(fraction.numerator, fraction.denominator - fraction.numerator)
    last = aggregate.bins - 1
    return Need(f"{aggregate.name}_q", "quantile", 0, last, most, most**2, typical * fraction.denominator, fraction)


def largest_score(core: Core, caps: Caps, need: Need) -> int:
    """Return the most that a bin of a quantile can score, 0 for every other vector."""
    return 0 if need.fraction is None else core.unit.size_band * caps.rows * need.fraction.denominator


def quantile_fraction(aggregate: Aggregate) -> Fraction:
    """Return the share below a quantile."""
    if aggregate.fraction is None:
        raise YuneiError("DEFECT")  # `policies.splitting.aggregates` gives every quantile its share
    return aggregate.fraction


def _typical_rows(unit: UnitBounds) -> Fraction:
    """Rows that a unit adds to one of its groups are between 1 and their cap; the geometric middle is the guess.

    It is one guess whatever the strategy, so that strategies are compared by the same error.
    """
    return Fraction(max(1, math.isqrt(min(unit.max_rows, unit.max_rows_per_group or unit.max_rows))))
