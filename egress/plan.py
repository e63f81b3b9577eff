"""The protection plan of a query: bounds, noise and cost, from public metadata alone. No row is read."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction

from egress.accounting import Terms, delta_ceiling, rho_of, terms_of
from egress.accuracy import expected_errors
from egress.allocation import allocate
from egress.bounding import NOISE_RANGE, Caps, caps_of, centre_of, needs_of, public_groups
from egress.model import NotPlanned, Part, ProtectionPlan, Threshold
from egress.tails import tau_for, threshold_delta
from policies.query import Bounding, GovernedQuery
from sandbox.kernel.canonical import Json

_LEAST_RHO, _LEAST_DELTA = Fraction(1, 10**18), Fraction(1, 10**24)
"""Smaller charges would come near the grid of charges and buy nothing."""

_DURATION_CLASSES = ((2_000_000, 1), (20_000_000, 5), (200_000_000, 30))
_LONGEST_CLASS_S = 120


def plan(governed: GovernedQuery, epsilon: Decimal | None) -> ProtectionPlan | NotPlanned:
    """Plan the protection of `governed`.

    Args:
        governed: a query proved lawful.
        epsilon: what the analyst asks for the whole query at the policy's δ; None means the policy's maximum per job.

    Returns:
        The plan, whose charge is at most what `epsilon` buys, or why there is none: `PROTECTION_UNAVAILABLE`,
        `EPSILON_TOO_SMALL`, `EPSILON_ABOVE_POLICY`, `POLICY_DELTA_TOO_LARGE`, `RESULT_OVER_CAP`, `NAME_DUPLICATE`,
        `RANGE_TOO_WIDE`.

    """
    protection = governed.grant.policy.protection
    asked = protection.per_job_epsilon_max if epsilon is None else epsilon
    refusal = _refuse_terms(governed, asked) or _refuse_shape(governed)
    if refusal:
        return refusal
    terms = terms_of(protection.epsilon, protection.delta)
    rho = rho_of(asked, terms.delta_conv)
    if rho < _LEAST_RHO or delta_share(terms, rho) < _LEAST_DELTA:
        return NotPlanned("EPSILON_TOO_SMALL", {})
    caps = caps_of(governed.unit, public_groups(governed))
    needs = needs_of(governed, caps)
    for need in needs:
        if need.low < -NOISE_RANGE or need.high > NOISE_RANGE:
            return NotPlanned("RANGE_TOO_WIDE", {"column": need.column})
    return _finish(governed, caps, allocate(needs, rho), asked, delta_share(terms, rho))


def delta_share(terms: Terms, rho: Fraction) -> Fraction:
    """Return the part of the agreement's δ_τ that one job of charge `rho` may spend on its threshold.

    In proportion to ρ, so that all thresholds of an agreement stay within δ_τ as long as Σρ stays within its budget.
    """
    return terms.delta_tau * min(Fraction(1), rho / terms.rho) if terms.rho else Fraction(0)


def _refuse_terms(governed: GovernedQuery, asked: Decimal) -> NotPlanned | None:
    protection = governed.grant.policy.protection
    if protection.mode != "dp":
        return NotPlanned("PROTECTION_UNAVAILABLE", {"mode": protection.mode})
    if not asked.is_finite() or asked <= 0:
        return NotPlanned("EPSILON_TOO_SMALL", {})
    if asked > protection.per_job_epsilon_max:
        return NotPlanned("EPSILON_ABOVE_POLICY", {"maximum": str(protection.per_job_epsilon_max)})
    if Fraction(protection.delta) > delta_ceiling(governed.unit.size_band):
        return NotPlanned("POLICY_DELTA_TOO_LARGE", {"delta": str(protection.delta), "size_band": governed.unit.size_band})
    return None


def _refuse_shape(governed: GovernedQuery) -> NotPlanned | None:
    names = column_names(governed)
    if len(set(names)) != len(names):
        return NotPlanned("NAME_DUPLICATE", {})
    groups, output = public_groups(governed), governed.grant.policy.output
    if groups is not None and (groups > output.max_rows or groups * len(names) > output.max_cells):
        facts: Mapping[str, Json] = {"groups": groups, "max_rows": output.max_rows, "max_cells": output.max_cells}
        return NotPlanned("RESULT_OVER_CAP", facts)
    return None


def column_names(governed: GovernedQuery) -> tuple[str, ...]:
    """Name the columns of the answer in order: each aggregate is followed by the ends of its interval."""
    names: list[str] = []
    for output in governed.outputs:
        names.append(output.name)
        if output.source.startswith("a"):
            names += [f"{output.name}_low", f"{output.name}_high"]
    return tuple(names)


def _finish(governed: GovernedQuery, caps: Caps, parts: tuple[Part, ...], asked: Decimal, share: Fraction) -> ProtectionPlan:
    protection = governed.grant.policy.protection
    terms = terms_of(protection.epsilon, protection.delta)
    limit = _threshold(parts, caps, share, governed.grant.policy.output.min_units)
    spent = Fraction(0) if limit is None else limit.delta
    return ProtectionPlan(
        bounding=Bounding(
            strategy="unit_group",
            groups=caps.groups,
            rows_per_group=caps.per_group,
            sample=caps.sample,
            centres=tuple(centre_of(aggregate) for aggregate in governed.aggregates),
            units=limit is not None,
        ),
        parts=parts,
        threshold=limit,
        epsilon=asked,
        delta=_decimal_up(terms.delta_conv + spent),
        delta_conv=terms.delta_conv,
        rho=sum((part.rho for part in parts), Fraction(0)),
        delta_tau=spent,
        public_groups=public_groups(governed),
        expected_error=expected_errors(governed, parts),
        duration_class_s=_duration_class(governed),
    )


def _threshold(parts: tuple[Part, ...], caps: Caps, share: Fraction, min_units: int) -> Threshold | None:
    for part in parts:
        if part.role == "threshold":
            tau = tau_for(part.mechanism, part.scale, caps.groups, share, min_units)
            return Threshold(tau, threshold_delta(part.mechanism, part.scale, tau, caps.groups))
    return None


def _duration_class(governed: GovernedQuery) -> int:
    rows = sum(governed.grant.tables[use.table].rows_band for use in governed.tables)
    return next((seconds for most, seconds in _DURATION_CLASSES if rows <= most), _LONGEST_CLASS_S)


def _decimal_up(amount: Fraction) -> Decimal:
    context = Context(prec=60, rounding=ROUND_CEILING)
    return context.divide(Decimal(amount.numerator), Decimal(amount.denominator)).normalize(context)
