"""Tails of the discrete mechanisms, and what follows from them: half-widths and thresholds.

Pure. Every probability is an upper bound, evaluated in `Decimal` with directed rounding.
"""

import math
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from egress.accounting import DOWN, MARGIN, NEAR, UP, Noise, decimal_of, grid_up

_PI_LOW = Decimal("3.14159265358979323846264338327950288419716939937510")


def deviation(mechanism: Noise, scale: Fraction) -> float:
    """Return the standard deviation of the noise; for display and for choosing, never for a charge.

    Exact for Laplace; for Gaussian the continuous σ, which bounds the discrete one from above.
    Source: Canonne, Kamath, Steinke (2020), Corollary 9.

    """
    if mechanism == "discrete_gaussian":
        return float(scale)
    return 1 / (math.sqrt(2) * math.sinh(1 / (2 * float(scale)))) if scale > Fraction(1, 1000) else 0.0


def tail(mechanism: Noise, scale: Fraction, m: int) -> Decimal:
    """Return an upper bound of P[noise ≥ m] for m ≥ 1.

    Laplace exactly: q^m/(1+q), q = exp(-1/b). Gaussian: P[X ≥ m] ≤ P[N(0,σ²) ≥ m-1] and Sampford's bound
    Q(x) < φ(x)·4/(3x+√(x²+8)), x ≥ 0.
    Source: Canonne, Kamath, Steinke (2020), Proposition 25; Sampford, Ann. Math. Stat. 24 (1953).

    """
    if mechanism == "discrete_laplace":
        q = _exp_up(decimal_of(-1 / scale, UP))
        low = max(Decimal(0), DOWN.subtract(q, 2 * MARGIN))
        return min(Decimal(1), UP.divide(_exp_up(decimal_of(-m / scale, UP)), DOWN.add(1, low)))
    x = (m - 1) / scale
    x_low, square_low = decimal_of(x, DOWN), decimal_of(x * x, DOWN)
    density = UP.divide(_exp_up(UP.minus(DOWN.divide(square_low, Decimal(2)))), DOWN.sqrt(DOWN.multiply(2, _PI_LOW)))
    root = DOWN.subtract(DOWN.sqrt(DOWN.add(square_low, Decimal(8))), MARGIN)
    return min(Decimal("0.5"), UP.divide(UP.multiply(4, density), DOWN.add(DOWN.multiply(3, x_low), root)))


def reach(mechanism: Noise, scale: Fraction, alpha: Decimal) -> int:
    """Return the least m ≥ 1 with `tail`(m) ≤ `alpha`."""
    high = 1
    while tail(mechanism, scale, high) > alpha:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if tail(mechanism, scale, middle) <= alpha else (middle, high)
    return high


@lru_cache(maxsize=4096)
def half_width(mechanism: Noise, scale: Fraction, alpha: Decimal) -> int:
    """Return an integer h with P[|noise| > h] ≤ `alpha`."""
    return reach(mechanism, scale, DOWN.divide(alpha, Decimal(2))) - 1


def threshold_delta(mechanism: Noise, scale: Fraction, tau: int, groups: int) -> Fraction:
    """Return δ_τ = 1 - (1 - p)^groups, rounded up, p = P[1 + noise ≥ tau]: a unit shows one of its own lone groups."""
    keep = DOWN.subtract(Decimal(1), tail(mechanism, scale, tau - 1)) if tau > 1 else Decimal(0)
    return grid_up(Fraction(UP.subtract(Decimal(1), _power_down(keep, groups))))


def tau_for(mechanism: Noise, scale: Fraction, groups: int, delta: Fraction, floor: int) -> int:
    """Return the least τ ≥ `floor` found with `threshold_delta` ≤ `delta`, δ > 0."""
    share = decimal_of(delta / groups, DOWN)
    tau = max(2, floor, reach(mechanism, scale, share) + 1)
    while threshold_delta(mechanism, scale, tau, groups) > delta:
        tau += 1
    return tau


def _power_down(base: Decimal, exponent: int) -> Decimal:
    result = Decimal(1)
    while exponent:
        if exponent & 1:
            result = DOWN.multiply(result, base)
        base, exponent = DOWN.multiply(base, base), exponent >> 1
    return result


def _exp_up(power: Decimal) -> Decimal:
    """Upper bound of exp for power ≤ 0: `Context.exp` rounds to nearest, whatever the context says."""
    return UP.multiply(NEAR.exp(power), Decimal(1) + MARGIN)
