"""Exact privacy accounting: zCDP charges of the mechanisms and their conversion to and from (ε, δ).

Pure and deterministic. Costs are rounded up, what may be bought is rounded down; binary floats only steer a search
whose result is then evaluated in `Decimal` with a margin far above its rounding error, so they cannot make a bound unsound.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Literal

Noise = Literal["discrete_laplace", "discrete_gaussian", "exponential"]
"""What is drawn: noise added to every number of a vector, or one of the public candidates of every group."""

GRID = 10**30
"""Charges are whole multiples of 1/GRID, so that sums over any number of jobs keep one small denominator."""

HEADROOM = Fraction(1, 2**40)
"""Relative excess of every charge over the exact cost, so that the float-rounded privacy map of an independent library
can be compared with the charge without any tolerance."""

NEAR = Context(prec=60)
MARGIN = Decimal(10) ** -45
"""Far above the error of one correctly rounded 60-digit operation on the magnitudes met here."""
_SHAVE = Decimal("1e-11")
"""Kept back when ε is converted, so that `epsilon_of(rho_of(ε))`, rounded up in both steps, is still at most ε."""
UP, DOWN = Context(prec=60, rounding=ROUND_CEILING), Context(prec=60, rounding=ROUND_FLOOR)


@dataclass(frozen=True)
class Terms:
    """An (ε, δ) promise as the two columns of the ledger: `rho` of zCDP and `delta_tau` for thresholds.

    δ is split in halves: δ_conv pays the conversion of ρ, δ_τ pays all thresholds.
    """

    rho: Fraction
    delta_tau: Fraction
    delta_conv: Fraction


def terms_of(epsilon: Decimal, delta: Decimal) -> Terms:
    """Return what an (ε, δ) promise buys, rounded down.

    Args:
        epsilon: > 0.
        delta: in (0, 1).

    """
    half = Fraction(delta) / 2
    return Terms(rho_of(epsilon, half), grid_down(half), half)


@lru_cache(maxsize=4096)
def epsilon_of(rho: Fraction, delta_conv: Fraction) -> Decimal:
    """Return an upper bound, with 12 decimals, of the least ε such that ρ-zCDP implies (ε, δ)-DP.

    Args:
        rho: ≥ 0.
        delta_conv: in (0, 1).

    Source: Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy" (2020), Corollary 13: for every
    α > 1, δ = exp((α-1)(αρ-ε))·(1-1/α)^α/(α-1). Any α is sound; a float search only finds a good one.

    """
    if rho == 0:
        return Decimal(0)
    log_delta = math.log(delta_conv.denominator) - math.log(delta_conv.numerator)
    spend = float(rho)
    best = _minimise(lambda alpha: alpha * spend + _offset_float(alpha, log_delta))
    exact = UP.add(UP.multiply(best, decimal_of(rho, UP)), _offset(best, delta_conv))
    bound = UP.add(exact, MARGIN)
    return max(Decimal(0), bound.quantize(Decimal("1e-12"), rounding=ROUND_CEILING, context=UP))


@lru_cache(maxsize=4096)
def rho_of(epsilon: Decimal, delta_conv: Fraction) -> Fraction:
    """Return a ρ on the grid, rounded down, such that ρ-zCDP implies (`epsilon`, `delta_conv`)-DP.

    Source: as `epsilon_of`, solved for ρ at a fixed α.

    """
    log_delta = math.log(delta_conv.denominator) - math.log(delta_conv.numerator)
    asked = float(epsilon)
    best = _minimise(lambda alpha: -(asked - _offset_float(alpha, log_delta)) / alpha)
    left = DOWN.subtract(DOWN.subtract(epsilon, _offset(best, delta_conv)), _SHAVE)
    return max(Fraction(0), grid_down(Fraction(DOWN.divide(left, best))))


def grid_up(amount: Fraction) -> Fraction:
    """Round up to the grid of charges."""
    return Fraction(-((-amount.numerator * GRID) // amount.denominator), GRID)


def grid_down(amount: Fraction) -> Fraction:
    """Round down to the grid of charges."""
    return Fraction(amount.numerator * GRID // amount.denominator, GRID)


def charge(mechanism: Noise, l1: int, l2_squared: int, scale: Fraction) -> Fraction:
    """Return the ρ charged for one noised vector, rounded up with `HEADROOM`.

    Laplace is pure ε = l1/b and is charged ε²/2; Gaussian costs l2²/(2σ²). The exponential mechanism as the largest score
    after Gumbel noise of scale β: a group whose scores move by at most d has bounded range η = 2d/β and costs η²/8 = d²/(2β²);
    over all groups of one unit Σd² ≤ l2².
    Source: Bun, Steinke (2016), Proposition 1.4 (pure DP to zCDP); Canonne, Kamath, Steinke (2020), Theorem 14;
    Cesar, Rogers, "Bounding, Concentrating, and Truncating" (2021), Lemma 3.2 (bounded range to zCDP).

    """
    size = l1 * l1 if mechanism == "discrete_laplace" else l2_squared
    return grid_up(size / (2 * scale * scale) * (1 + HEADROOM))


def scale_for(mechanism: Noise, l1: int, l2_squared: int, rho: Fraction) -> Fraction:
    """Return the least scale of 40 significant bits whose `charge` is at most `rho`; exact as a binary float.

    Args:
        mechanism: the noise.
        l1: sensitivity in the 1-norm, ≥ 1.
        l2_squared: squared sensitivity in the 2-norm, ≥ 1.
        rho: ≥ 1/GRID.

    """
    size = l1 * l1 if mechanism == "discrete_laplace" else l2_squared
    square = size * (1 + HEADROOM) / (2 * grid_down(rho))
    shift = 80 - (square.numerator.bit_length() - square.denominator.bit_length())
    shift += shift % 2
    scaled = square * 2**shift if shift >= 0 else square / 2**-shift
    root = math.isqrt(math.ceil(scaled)) + 1
    unit = Fraction(1, 2 ** (shift // 2)) if shift >= 0 else Fraction(2 ** (-shift // 2))
    while charge(mechanism, l1, l2_squared, root * unit) > rho:
        root += 1
    return root * unit


def _minimise(objective: Callable[[float], float]) -> Decimal:
    """Search α > 1 for the least `objective`, unimodal in ln(α-1); 20 digits, so that α - 1 is exact at 60."""
    low, high = -20.0, 60.0
    for _ in range(90):
        third = (high - low) / 3
        left, right = low + third, high - third
        if objective(1 + math.exp(left)) <= objective(1 + math.exp(right)):
            high = right
        else:
            low = left
    return Context(prec=20).create_decimal_from_float(1 + math.exp((low + high) / 2))


def decimal_of(amount: Fraction, context: Context) -> Decimal:
    """Return `amount` at 60 digits, rounded as `context` says."""
    return context.divide(Decimal(amount.numerator), Decimal(amount.denominator))


def _offset(alpha: Decimal, delta: Fraction) -> Decimal:
    """Upper bound of ln(1-1/α) + (ln(1/δ) - ln α)/(α-1)."""
    first = NEAR.ln(UP.subtract(Decimal(1), DOWN.divide(Decimal(1), alpha)))
    logs = NEAR.subtract(NEAR.ln(decimal_of(1 / delta, UP)), NEAR.ln(alpha))
    second = UP.divide(UP.add(logs, MARGIN), NEAR.subtract(alpha, Decimal(1)))
    return UP.add(UP.add(first, second), MARGIN)


def _offset_float(alpha: float, log_delta: float) -> float:
    return math.log1p(-1 / alpha) + (log_delta - math.log(alpha)) / (alpha - 1)
