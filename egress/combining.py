"""Half-widths of sums of many noises, each with a weight of its own. Pure."""

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from egress.accounting import DOWN, Noise
from egress.tails import reach

_LEAST_VARIANCE, _SMOOTHING = 6.0, 2.0
_SHARE = Decimal("0.48849")
"""Of α, in one tail: below Φ(2)/2 = 0.48862, by more than densities differ in for 10^7 noises."""
_UP = 1 + 2.0**-40
"""Makes up for the rounding of a few operations on floats."""


def half_width_of_sum(noises: Sequence[tuple[Noise, Fraction]], variance: float, alpha: Decimal) -> int | None:
    """Return an integer h with P[|S| > h] ≤ `alpha`, S a weighted sum of independent noises; None where no bound is known.

    Args:
        noises: mechanism and scale of each kind of noise in S; at most 10^7 noises in all.
        variance: Σ a²σ² over the weights a and parameters σ of S.
        alpha: in (0, 1/2).

    Only discrete Gaussians with σ² ≥ 6 have one. Blurred by a continuous Gaussian of variance τ² = 2, such a noise has the
    density of N(0, σ² + τ²) times Σ exp(-(k-y)²/2s²), s² = σ²τ²/(σ² + τ²) ≥ 3/2, which by Poisson's sum is constant up to
    a factor within 1 ± 2.1·exp(-2π²s²), less than 10^-12 off. So S + G, G = N(0, τ'²), τ'² = Σ a²τ², is a Gaussian of
    variance Σ a²(σ² + τ²), up to that factor once per noise. As G is independent of S and symmetric, P[|S| > h]·Φ(2) is
    at most P[|S + G| > h - 2τ'].
    Source: Regev, "On lattices, learning with errors" (2009), Claim 3.9, for the smoothing.

    """
    least = min(float(scale) ** 2 for _, scale in noises)
    if least < _LEAST_VARIANCE or any(mechanism != "discrete_gaussian" for mechanism, _ in noises):
        return None
    blur = _SMOOTHING * variance / least
    sigma = Fraction(math.sqrt(variance + blur) * _UP)
    outer = reach("discrete_gaussian", sigma, DOWN.multiply(alpha, _SHARE)) - 1
    return math.ceil(outer + 2 * math.sqrt(blur) * _UP)
