"""The only place that draws noise: discrete Laplace, discrete Gaussian and the exponential mechanism of OpenDP, on integers.

Noise comes from the operating system's entropy inside OpenDP. There is no seed, and nothing that turns it off.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import cast

import opendp.prelude as dp

from egress.accounting import Noise
from egress.bounding import NOISE_RANGE
from egress.model import Part, ProtectionPlan
from sandbox.kernel.errors import YuneiError

SLACK = Fraction(1, 2**30)
"""Relative excess of a charge over the privacy map: headroom of 2^-40, and rounding of scales, charges and the map's floats."""

dp.enable_features("contrib")


def noise(values: Sequence[int], part: Part) -> tuple[int, ...]:
    """Return `values` with independent noise of `part` added to each.

    Args:
        values: exact integers, already clamped to the part's public range within ±2^62.
        part: mechanism and scale.

    Raises:
        YuneiError: `DEFECT`, a value lies outside the public range of the part, or that range outside ±2^62.

    """
    if part.low < -NOISE_RANGE or part.high > NOISE_RANGE or any(not part.low <= value <= part.high for value in values):
        raise YuneiError("DEFECT")
    if not values:
        return ()
    return tuple(cast("list[int]", _measurement(part.mechanism, part.scale)(list(values))))


def choose(scores: Sequence[int], part: Part) -> int:
    """Return the place of a candidate, the likelier the higher its score: the largest after Gumbel noise of the part's scale.

    Args:
        scores: one for every candidate from `part.low` to `part.high`, within ±2^62.
        part: of the exponential mechanism.

    Raises:
        YuneiError: `DEFECT`, the scores are not those of the part.

    """
    if len(scores) != part.high - part.low + 1 or any(abs(score) > NOISE_RANGE for score in scores):
        raise YuneiError("DEFECT")
    return cast("int", _measurement(part.mechanism, part.scale)(list(scores)))


def check_composition(plan: ProtectionPlan) -> None:
    """Refuse a plan whose charge is below what OpenDP's own privacy maps add up to, or needlessly above; nothing was drawn yet.

    Each part's map at the part's sensitivity must be within the part's charge, and all charges within the plan's; and the
    plan's charge may exceed the composed map by no more than `SLACK` of it: budget that buys nothing is lost.

    Raises:
        YuneiError: `DEFECT`.

    """
    maps = [mapped_rho(part) for part in plan.parts]
    if any(mapped > part.rho for mapped, part in zip(maps, plan.parts, strict=True)):
        raise YuneiError("DEFECT")
    charged = sum((part.rho for part in plan.parts), Fraction(0))
    if not maps or not charged <= plan.rho <= sum(maps, Fraction(0)) * (1 + SLACK):
        raise YuneiError("DEFECT")


def mapped_rho(part: Part) -> Fraction:
    """Return what OpenDP says one vector costs in zCDP at the part's sensitivity, the latter rounded up to a float.

    Pure ε of Laplace counts as ε²/2.
    """
    measurement = _measurement(part.mechanism, part.scale)
    if part.mechanism == "exponential":
        return _privacy_map(measurement, math.isqrt(part.l2_squared - 1) + 1)
    if part.mechanism == "discrete_laplace":
        epsilon = _privacy_map(measurement, part.l1)
        return epsilon * epsilon / 2
    root = math.nextafter(math.sqrt(part.l2_squared), math.inf)
    return _privacy_map(measurement, root)


def _privacy_map(measurement: dp.Measurement, distance: float) -> Fraction:
    """Distance is an int for the 1-norm and a float for the 2-norm; the map's own arithmetic rounds upward."""
    return Fraction(cast("float", measurement.map(distance)))  # type: ignore[no-untyped-call]


@lru_cache(maxsize=512)
def _measurement(mechanism: Noise, scale: Fraction) -> dp.Measurement:
    exact = float(scale)
    if Fraction(exact) != scale or scale <= 0:
        raise YuneiError("DEFECT")  # a rounded scale would not be the charged one
    domain = dp.vector_domain(dp.atom_domain(T="i64"))
    if mechanism == "exponential":
        return dp.m.make_noisy_max(domain, dp.linf_distance(T="i64"), dp.zero_concentrated_divergence(), scale=exact)
    if mechanism == "discrete_laplace":
        return dp.m.make_laplace(domain, dp.l1_distance(T="i64"), scale=exact)
    return dp.m.make_gaussian(domain, dp.l2_distance(T="f64"), scale=exact, MO="ZeroConcentratedDivergence")
