"""The protection plan of a query: bounds, noise and cost, from public metadata alone. No row is read."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction

from egress.accounting import Terms, rho_of, terms_of
from egress.accuracy import expected_errors
from egress.allocation import Need, allocate
from egress.bounding import NOISE_RANGE, Caps, centre_of, largest_score, needs_of, public_groups
from egress.model import CorePlan, NotPlanned, Part, ProtectionPlan, Threshold
from egress.post.size import most_rows
from egress.strategies import choose
from egress.table import columns_of
from egress.tails import tau_for, threshold_delta
from policies.query import Bounding, Core, GovernedQuery
from sandbox.kernel.errors import YuneiError

_LEAST_RHO, _LEAST_DELTA = Fraction(1, 10**18), Fraction(1, 10**24)
"""Smaller charges would come near the grid of charges and buy nothing."""

_DURATION_CLASSES = ((2_000_000, 1), (20_000_000, 5), (200_000_000, 30))
_LONGEST_CLASS_S = 120


def plan(governed: GovernedQuery, epsilon: Decimal | None) -> ProtectionPlan | NotPlanned:
    """Plan the protection of `governed`.

    Args:
        governed: a query proved lawful.
        epsilon: what the analyst asks for the whole query at the policy's δ, in (0, the policy's maximum per job]; None
            means that maximum.

    Returns:
        The plan, whose charge is at most what `epsilon` buys, or why there is none: `EPSILON_TOO_SMALL`,
        `RESULT_OVER_CAP`, `RANGE_TOO_WIDE`.

    Raises:
        YuneiError: `DEFECT`, the policy does not promise differential privacy, or ε was not checked before.

    """
    protection = governed.grant.policy.protection
    asked = protection.per_job_epsilon_max if epsilon is None else epsilon
    if protection.mode != "dp" or not (asked.is_finite() and 0 < asked <= protection.per_job_epsilon_max):
        raise YuneiError("DEFECT")  # `resolve` takes no other mode and `prepare` no other ε
    refusal = _refuse_size(governed)
    if refusal:
        return refusal
    terms = terms_of(protection.epsilon, protection.delta)
    rho = rho_of(asked, terms.delta_conv)
    if rho < _LEAST_RHO or delta_share(terms, rho) < _LEAST_DELTA:
        return NotPlanned("EPSILON_TOO_SMALL", {})
    caps = [choose(core) for core in governed.cores]
    needs = [needs_of(core, cap) for core, cap in zip(governed.cores, caps, strict=True)]
    for core, cap, group in zip(governed.cores, caps, needs, strict=True):
        for need in group:
            if max(-need.low, need.high, largest_score(core, cap, need)) > NOISE_RANGE:
                return NotPlanned("RANGE_TOO_WIDE", {"column": need.column})
    return _finish(governed, caps, _shared(needs, rho), asked, delta_share(terms, rho))


def _shared(needs: Sequence[tuple[Need, ...]], rho: Fraction) -> list[tuple[Part, ...]]:
    """Divide the charge over the vectors of all cores together; each core gets its parts back."""
    parts = iter(allocate(tuple(need for group in needs for need in group), rho))
    return [tuple(next(parts) for _ in group) for group in needs]


def delta_share(terms: Terms, rho: Fraction) -> Fraction:
    """Return the part of the agreement's δ_τ that one job of charge `rho` may spend on its threshold.

    In proportion to ρ, so that all thresholds of an agreement stay within δ_τ as long as Σρ stays within its budget.
    """
    return terms.delta_tau * min(Fraction(1), rho / terms.rho) if terms.rho else Fraction(0)


def _refuse_size(governed: GovernedQuery) -> NotPlanned | None:
    output = governed.grant.policy.output
    sizes = {core.name: public_groups(core) for core in governed.cores}
    groups = max(most_rows(governed.post, sizes) or 0, *(size or 0 for size in sizes.values()))
    if groups <= output.max_rows and groups * len(columns_of(governed)) <= output.max_cells:
        return None
    return NotPlanned("RESULT_OVER_CAP", {"groups": groups, "max_rows": output.max_rows, "max_cells": output.max_cells})


def _finish(
    governed: GovernedQuery, caps: Sequence[Caps], parts: Sequence[tuple[Part, ...]], asked: Decimal, share: Fraction
) -> ProtectionPlan:
    protection = governed.grant.policy.protection
    terms = terms_of(protection.epsilon, protection.delta)
    private = sum(any(part.role == "threshold" for part in group) for group in parts)
    each = share / max(1, private)
    least = governed.grant.policy.output.min_units
    cores = tuple(
        _core(core, cap, group, _threshold(group, cap, each, least))
        for core, cap, group in zip(governed.cores, caps, parts, strict=True)
    )
    spent = sum((core.threshold.delta for core in cores if core.threshold is not None), Fraction(0))
    return ProtectionPlan(
        cores=cores,
        epsilon=asked.normalize(),  # one spelling, since equal plans are equal questions
        delta=_decimal_up(terms.delta_conv + spent),
        delta_conv=terms.delta_conv,
        rho=sum((part.rho for group in parts for part in group), Fraction(0)),
        delta_tau=spent,
        most_rows=most_rows(governed.post, {core.core: core.public_groups for core in cores}),
        expected_error=expected_errors(governed, cores),
        duration_class_s=_duration_class(governed),
    )


def _core(core: Core, caps: Caps, parts: tuple[Part, ...], limit: Threshold | None) -> CorePlan:
    bounding = Bounding(
        strategy=caps.strategy,
        rows=caps.rows,
        groups=caps.groups,
        rows_per_group=caps.per_group,
        sample=caps.sample,
        values=caps.l1,
        centres=tuple(centre_of(aggregate) for aggregate in core.aggregates),
        units=limit is not None,
    )
    return CorePlan(core.name, bounding, parts, limit, public_groups(core))


def _threshold(parts: tuple[Part, ...], caps: Caps, share: Fraction, min_units: int) -> Threshold | None:
    for part in parts:
        if part.role == "threshold":
            tau = tau_for(part.mechanism, part.scale, caps.groups, share, min_units)
            return Threshold(tau, threshold_delta(part.mechanism, part.scale, tau, caps.groups))
    return None


def _duration_class(governed: GovernedQuery) -> int:
    rows = sum(governed.grant.tables[name].rows_band for core in governed.cores for name in core.tables)
    return next((seconds for most, seconds in _DURATION_CLASSES if rows <= most), _LONGEST_CLASS_S)


def _decimal_up(amount: Fraction) -> Decimal:
    context = Context(prec=60, rounding=ROUND_CEILING)
    return context.divide(Decimal(amount.numerator), Decimal(amount.denominator)).normalize(context)
