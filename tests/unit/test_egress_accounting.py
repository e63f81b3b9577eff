"""Accounting against independent references: brute force over α, the analytic Gaussian curve, exact sums of masses."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from egress.accounting import GRID, HEADROOM, charge, epsilon_of, grid_down, grid_up, rho_of, scale_for, terms_of
from egress.tails import deviation, half_width, reach, tail, tau_for, threshold_delta

EPSILONS = ("0.001", "0.05", "0.5", "1", "4", "20", "100")
DELTAS = (Fraction(1, 10**5), Fraction(1, 10**9), Fraction(1, 10**15))


def masses(mechanism: str, scale: float, reach_: int = 4_000) -> np.ndarray:
    """Probabilities of -reach_ … reach_, by direct summation."""
    x = np.arange(-reach_, reach_ + 1, dtype=float)
    weights = np.exp(-np.abs(x) / scale) if mechanism == "discrete_laplace" else np.exp(-(x**2) / (2 * scale**2))
    return weights / weights.sum()


@pytest.mark.parametrize("rho", ["1/1000000", "1/500", "1/10", "3", "40"])
@pytest.mark.parametrize("delta", DELTAS)
def test_conversion_is_the_best_over_alpha(rho: str, delta: Fraction) -> None:
    alpha = 1 + np.geomspace(1e-6, 1e9, 200_001)
    value = float(Fraction(rho))
    curve = alpha * value + np.log1p(-1 / alpha) + (math.log(1 / float(delta)) - np.log(alpha)) / (alpha - 1)
    ours = float(epsilon_of(Fraction(rho), delta))
    assert ours >= curve.min() * (1 - 1e-9) - 1e-9
    assert ours <= curve.min() * (1 + 1e-6) + 1e-9


@pytest.mark.parametrize("sigma", ["1/2", "3", "40"])
@pytest.mark.parametrize("delta", DELTAS)
def test_conversion_is_above_the_exact_curve_of_a_gaussian(sigma: str, delta: Fraction) -> None:
    scale = Fraction(sigma)
    epsilon = float(epsilon_of(1 / (2 * scale**2), delta))
    s = float(scale)
    exact = stats.norm.cdf(0.5 / s - epsilon * s) - math.exp(epsilon) * stats.norm.cdf(-0.5 / s - epsilon * s)
    assert exact <= float(delta)


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("delta", DELTAS)
def test_what_epsilon_buys_costs_at_most_epsilon_and_hardly_less(epsilon: str, delta: Fraction) -> None:
    asked = Decimal(epsilon)
    rho = rho_of(asked, delta)
    assert epsilon_of(rho, delta) <= asked
    assert epsilon_of(rho * (1 + Fraction(1, 10**5)), delta) > asked


def test_no_loss_costs_nothing_and_next_to_no_epsilon_buys_what_delta_alone_pays() -> None:
    assert epsilon_of(Fraction(0), DELTAS[0]) == 0
    rho = rho_of(Decimal("1e-20"), DELTAS[0])
    assert 0 < math.sqrt(rho / 2) <= float(DELTAS[0])  # Pinsker: total variation stays below δ
    assert rho_of(Decimal("1e-20"), Fraction(1, 10**17)) == 0


def test_delta_is_split_in_halves() -> None:
    terms = terms_of(Decimal(4), Decimal("1e-7"))
    assert terms.delta_conv == terms.delta_tau == Fraction(1, 2 * 10**7)
    assert terms.rho == rho_of(Decimal(4), terms.delta_conv)


def test_the_grid_rounds_costs_up_and_purchases_down() -> None:
    third = Fraction(1, 3)
    assert grid_down(third) < third < grid_up(third)
    assert grid_up(grid_up(third)) == grid_up(third)


def test_charges_are_the_textbook_ones_rounded_up() -> None:
    laplace = charge("discrete_laplace", 3, 9, Fraction(6))
    gaussian = charge("discrete_gaussian", 3, 5, Fraction(10))
    assert Fraction(1, 8) < laplace <= Fraction(1, 8) * (1 + 2 * HEADROOM)
    assert Fraction(5, 200) < gaussian <= Fraction(5, 200) * (1 + 2 * HEADROOM)


@pytest.mark.parametrize("mechanism", ["discrete_laplace", "discrete_gaussian"])
@pytest.mark.parametrize("rho", ["1/1000000000", "1/77", "5", "400"])
@pytest.mark.parametrize("size", [1, 7, 10**6, 2**61])
def test_scales_are_the_least_that_stay_within_the_charge(mechanism, rho: str, size: int) -> None:
    limit = Fraction(rho)
    scale = scale_for(mechanism, size, size * size, limit)
    assert charge(mechanism, size, size * size, scale) <= limit
    assert charge(mechanism, size, size * size, scale * (1 - Fraction(1, 10**9))) > limit
    assert Fraction(float(scale)) == scale


@pytest.mark.parametrize("grains", ["1", "31/2", "7/3", "99999/2"])
def test_charges_of_a_few_grains_of_the_grid_are_scaled_at_once(grains: str) -> None:
    rho = Fraction(grains) / GRID
    scale = scale_for("discrete_gaussian", 1, 1, rho)
    assert charge("discrete_gaussian", 1, 1, scale) <= rho


@pytest.mark.parametrize("mechanism", ["discrete_laplace", "discrete_gaussian"])
@pytest.mark.parametrize("scale", ["1/2", "3", "50"])
def test_tails_bound_the_exact_ones_closely(mechanism, scale: str) -> None:
    exact = masses(mechanism, float(Fraction(scale)))
    for m in (1, 2, 5, 20, 150):
        true = exact[4_000 + m :].sum()
        ours = float(tail(mechanism, Fraction(scale), m))
        assert ours >= true * (1 - 1e-9)
        if mechanism == "discrete_laplace":
            assert ours <= true * (1 + 1e-9) + 1e-30


def test_gaussian_tails_are_the_documented_bound() -> None:
    for m in (20, 100, 400):
        sharp = stats.norm.sf((m - 1) / 20)
        assert sharp <= float(tail("discrete_gaussian", Fraction(20), m)) <= sharp * 1.03


@pytest.mark.parametrize("mechanism", ["discrete_laplace", "discrete_gaussian"])
@pytest.mark.parametrize("scale", ["1/3", "1", "7", "60"])
def test_half_widths_cover_what_they_say(mechanism, scale: str) -> None:
    exact = masses(mechanism, float(Fraction(scale)))
    for alpha in ("0.05", "0.025", "0.000001"):
        half = half_width(mechanism, Fraction(scale), Decimal(alpha))
        inside = exact[4_000 - half : 4_000 + half + 1].sum()
        assert 1 - inside <= float(alpha) * (1 + 1e-9)
        assert half <= 1.01 * stats.norm.isf(float(alpha) / 2) * float(Fraction(scale)) + 1 or mechanism == "discrete_laplace"


@pytest.mark.parametrize("mechanism", ["discrete_laplace", "discrete_gaussian"])
def test_reach_is_tight(mechanism) -> None:
    for alpha in (Decimal("0.05"), Decimal("1e-3"), Decimal("1e-12"), Decimal("1e-25")):
        m = reach(mechanism, Fraction(41, 2), alpha)
        assert tail(mechanism, Fraction(41, 2), m) <= alpha < tail(mechanism, Fraction(41, 2), m - 1)


@pytest.mark.parametrize("mechanism", ["discrete_laplace", "discrete_gaussian"])
def test_threshold_delta_is_the_chance_that_a_lone_unit_shows_one_of_its_groups(mechanism) -> None:
    scale, groups, tau = Fraction(5), 4, 22
    exact = masses(mechanism, 5.0)
    lone = exact[4_000 + tau - 1 :].sum()  # 1 + noise ≥ τ; with τ off by one this sum is another
    assert float(threshold_delta(mechanism, scale, tau, groups)) >= 1 - (1 - lone) ** groups
    if mechanism == "discrete_laplace":
        assert float(threshold_delta(mechanism, scale, tau, groups)) == pytest.approx(1 - (1 - lone) ** groups, rel=1e-9)


def test_threshold_at_or_below_one_costs_everything() -> None:
    assert threshold_delta("discrete_gaussian", Fraction(5), 1, 1) == 1


@pytest.mark.parametrize("mechanism", ["discrete_laplace", "discrete_gaussian"])
@pytest.mark.parametrize("groups", [1, 7, 1_000_000])
def test_tau_spends_at_most_its_delta_and_one_less_would_overspend(mechanism, groups: int) -> None:
    delta = Fraction(1, 10**11)
    tau = tau_for(mechanism, Fraction(20), groups, delta, 10)
    assert threshold_delta(mechanism, Fraction(20), tau, groups) <= delta
    assert threshold_delta(mechanism, Fraction(20), tau - 1, groups) > delta


def test_tau_is_at_least_the_minimum_of_units() -> None:
    assert tau_for("discrete_gaussian", Fraction(1), 1, Fraction(1, 10**6), 1_000) == 1_000


@pytest.mark.parametrize("mechanism", ["discrete_laplace", "discrete_gaussian"])
@pytest.mark.parametrize("scale", ["1/100", "1", "20"])
def test_deviation_is_exact_for_laplace_and_an_upper_bound_for_gaussian(mechanism, scale: str) -> None:
    exact = masses(mechanism, float(Fraction(scale)))
    true = math.sqrt((exact * np.arange(-4_000, 4_001) ** 2).sum())
    ours = deviation(mechanism, Fraction(scale))
    assert ours >= true * (1 - 1e-9)
    assert ours == pytest.approx(true, rel=1e-6) or (mechanism == "discrete_gaussian" and scale != "20")
