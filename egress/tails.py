"""Tails of the discrete mechanisms, and what follows from them: half-widths and thresholds.

Pure. Every probability is an upper bound, evaluated in `Decimal` with directed rounding.
"""

import math
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction
from functools import lru_cache

from egress.accounting import DOWN, MARGIN, NEAR, UP, Noise, decimal_of, grid_up

_COARSE, _FINE = Context(prec=20), Decimal("1e-9")
_LEAST = Decimal("1e-99999")
_PI_LOW = Decimal("3.14159265358979323846264338327950288419716939937510")


def deviation(mechanism: Noise, scale: Fraction) -> float:
    """Return the standard deviation of the noise; for display and for choosing, never for a charge.

    Exact for Laplace; for Gaussian the continuous σ, which bounds the discrete one from above; of the exponential mechanism
    that of the Gumbel noise on its scores.
    Source: Canonne, Kamath, Steinke (2020), Corollary 9.

    """
    if mechanism == "discrete_gaussian":
        return float(scale)
    if mechanism == "exponential":
        return float(scale) * math.pi / math.sqrt(6)
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
    return min(Decimal("0.5"), _gaussian_tail(decimal_of(x, DOWN)))


def reach(mechanism: Noise, scale: Fraction, alpha: Decimal) -> int:
    """Return an m ≥ 1 with `tail`(m) ≤ `alpha`; for alpha ≤ 0.05 the least one, but for a part in 10^9.

    Args:
        mechanism: the noise.
        scale: its scale.
        alpha: in (0, 1/2).

    """
    if mechanism == "discrete_gaussian":
        return 1 + math.ceil(scale * Fraction(_quantile(alpha)))
    q = NEAR.exp(decimal_of(-1 / scale, NEAR))
    power = NEAR.ln(NEAR.multiply(alpha, NEAR.add(1, q)))
    m = max(1, math.ceil(-scale * Fraction(power)))
    while tail(mechanism, scale, m) > alpha:
        m += 1
    return m


@lru_cache(maxsize=4096)
def half_width(mechanism: Noise, scale: Fraction, alpha: Decimal) -> int:
    """Return an integer h with P[|noise| > h] ≤ `alpha`."""
    return reach(mechanism, scale, DOWN.divide(alpha, Decimal(2))) - 1


@lru_cache(maxsize=4096)
def gap(scale: Fraction, candidates: int, alpha: Decimal) -> int:
    """Return g with P[the chosen candidate scores less than the best by more than g] ≤ `alpha`: β·ln(candidates / α).

    Source: McSherry, Talwar (2007), Lemma 7, with scores / β as the exponent.

    """
    logs = NEAR.ln(DOWN.divide(alpha, Decimal(candidates)))
    return math.ceil(scale * Fraction(UP.add(-logs, MARGIN)))


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


def _gaussian_tail(x: Decimal) -> Decimal:
    """Upper bound of Q(x), x ≥ 0, by Sampford."""
    square = DOWN.multiply(x, x)
    density = UP.divide(_exp_up(UP.minus(DOWN.divide(square, Decimal(2)))), DOWN.sqrt(DOWN.multiply(2, _PI_LOW)))
    root = DOWN.subtract(DOWN.sqrt(DOWN.add(square, Decimal(8))), MARGIN)
    return UP.divide(UP.multiply(4, density), DOWN.add(DOWN.multiply(3, x), root))


@lru_cache(maxsize=1024)
def _quantile(alpha: Decimal) -> Decimal:
    """Return an x, to nine decimals, whose `_gaussian_tail` is at most `alpha` < 1/2.

    Solves Q(x) = exp(-x²/2)·h(x) by the fixed point x² = 2·ln(h(x)/α), then moves up until the bound itself agrees. In
    decimal arithmetic throughout, so that every machine finds the same value.
    """
    x = Decimal(2)
    for _ in range(40):
        bulk = _COARSE.divide(_gaussian_tail(x), _COARSE.exp(-x * x / 2))
        following = _COARSE.sqrt(max(Decimal(0), 2 * _COARSE.ln(_COARSE.divide(bulk, alpha))))
        if abs(following - x) < _FINE:
            break
        x = following
    x = x.quantize(_FINE, rounding=ROUND_CEILING)
    while _gaussian_tail(x) > alpha:
        x += _FINE
    return x


def _power_down(base: Decimal, exponent: int) -> Decimal:
    result = Decimal(1)
    while exponent:
        if exponent & 1:
            result = DOWN.multiply(result, base)
        base, exponent = DOWN.multiply(base, base), exponent >> 1
    return result


def _exp_up(power: Decimal) -> Decimal:
    """Upper bound of exp for power ≤ 0: `Context.exp` rounds to nearest, whatever the context says, and underflows to 0."""
    return max(_LEAST, UP.multiply(NEAR.exp(power), Decimal(1) + MARGIN))
