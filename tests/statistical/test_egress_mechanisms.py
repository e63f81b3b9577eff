"""The noise really has the distribution that is charged for.

Each test draws fresh noise from OS entropy and fails by chance with probability at most 10^-6 (goodness of fit) or at five
standard deviations (3·10^-7). Planted wrong scales, 5 % off either way, must be caught by the same test.
"""

import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from egress.accounting import charge
from egress.mechanisms import mapped_rho, noise
from egress.model import Part
from egress.tails import half_width
from sandbox.kernel.errors import YuneiError

ALARM = 1e-6
DRAWS = 40_000


def part(mechanism: str, scale: Fraction, l1: int = 3, l2_squared: int = 9) -> Part:
    return Part(
        column="a0_n",
        role="rows",
        low=-(2**62),
        high=2**62,
        l1=l1,
        l2_squared=l2_squared,
        mechanism=mechanism,  # type: ignore[arg-type]
        scale=scale,
        rho=charge(mechanism, l1, l2_squared, scale),  # type: ignore[arg-type]
        half_width=half_width(mechanism, scale, Decimal("0.05")),  # type: ignore[arg-type]
    )


def fit(sample: np.ndarray, mechanism: str, scale: float) -> float:
    """p-value that `sample` is drawn from the discrete distribution.

    Twice the smaller of two: χ² over bins of about equal mass sees any other shape; the mean of the sufficient statistic
    (|x| or x²) has the most power against another scale: ten standard deviations at 5 % and 40 000 draws.
    """
    x = np.arange(-60 * int(scale + 1), 60 * int(scale + 1) + 1).astype(float)
    sufficient = np.abs if mechanism == "discrete_laplace" else np.square
    weights = np.exp(-np.abs(x) / scale) if mechanism == "discrete_laplace" else np.exp(-(x**2) / (2 * scale**2))
    mass = weights / weights.sum()
    mean = (mass * sufficient(x)).sum()
    spread = np.sqrt((mass * (sufficient(x) - mean) ** 2).sum() / len(sample))
    by_scale = 2 * stats.norm.sf(abs(sufficient(sample.astype(float)).mean() - mean) / spread)
    edges = np.unique(np.searchsorted(np.cumsum(mass), np.linspace(0.03, 0.97, 32)))
    expected = np.diff(np.concatenate([[0.0], np.cumsum(mass)[edges], [1.0]]))
    observed = np.bincount(np.searchsorted(x[edges], sample, side="left"), minlength=len(edges) + 1)
    by_shape = stats.chisquare(observed, expected * len(sample)).pvalue
    return float(2 * min(by_scale, by_shape))


@pytest.mark.parametrize("mechanism", ["discrete_laplace", "discrete_gaussian"])
@pytest.mark.parametrize("scale", [Fraction(3, 2), Fraction(40)])
def test_noise_has_the_charged_scale_and_five_per_cent_more_or_less_is_caught(mechanism: str, scale: Fraction) -> None:
    for factor, right in ((Fraction(1), True), (Fraction(19, 20), False), (Fraction(21, 20), False)):
        planted = Fraction(float(scale * factor))
        sample = np.array(noise([0] * DRAWS, part(mechanism, planted)))
        assert (fit(sample, mechanism, float(scale)) >= ALARM) == right


@pytest.mark.parametrize("mechanism", ["discrete_laplace", "discrete_gaussian"])
def test_noise_does_not_depend_on_the_value_it_is_added_to(mechanism: str) -> None:
    one = part(mechanism, Fraction(10))
    for value in (7, -(2**61), 2**61):
        sample = np.array([noisy - value for noisy in noise([value] * 8_000, one)])
        assert fit(sample, mechanism, 10.0) >= ALARM


def test_cells_of_one_vector_and_vectors_of_one_query_are_independent() -> None:
    one = part("discrete_gaussian", Fraction(40))
    first, second = (np.array(noise([0] * 8_000, one)) for _ in range(2))
    bound = 5 / np.sqrt(8_000)
    assert abs(np.corrcoef(first, second)[0, 1]) < bound
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < bound * 1.01


@pytest.mark.parametrize("mechanism", ["discrete_laplace", "discrete_gaussian"])
def test_no_seed_of_the_process_repeats_the_noise(mechanism: str) -> None:
    draws = set()
    for _ in range(3):
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002 - the attack: seeding whatever could be seeded
        draws.add(noise([0] * 20, part(mechanism, Fraction(1_000))))
    assert len(draws) == 3


def test_values_at_the_end_of_the_range_get_noise_without_wrapping_round() -> None:
    one = part("discrete_gaussian", Fraction(2**40), l1=2**40, l2_squared=2**80)
    for value in (2**62, -(2**62)):
        assert all(abs(noisy - value) < 2**44 for noisy in noise([value] * 1_000, one))


def test_no_values_need_no_noise() -> None:
    assert noise([], part("discrete_gaussian", Fraction(4))) == ()


@pytest.mark.parametrize("value", [11, -1])
def test_a_value_outside_its_public_range_is_never_noised(value: int) -> None:
    with pytest.raises(YuneiError) as caught:
        noise([5, value], replace(part("discrete_gaussian", Fraction(4)), low=0, high=10))
    assert caught.value.code == "DEFECT"


@pytest.mark.parametrize("mechanism", ["discrete_laplace", "discrete_gaussian"])
@pytest.mark.parametrize("size", [1, 3, 12_345, 2**61 - 1])
@pytest.mark.parametrize("scale", [Fraction(1, 2), Fraction(17, 8), Fraction(2**45)])
def test_opendps_own_privacy_map_is_within_the_charge_and_hardly_below(mechanism: str, size: int, scale: Fraction) -> None:
    one = part(mechanism, scale, size, size * size)
    assert one.rho * (1 - Fraction(1, 10**11)) - Fraction(1, 10**29) <= mapped_rho(one) <= one.rho
