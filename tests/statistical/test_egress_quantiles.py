"""The exponential mechanism really chooses with the probabilities that are charged for.

A goodness-of-fit test and a test of the mean score, each at a false-alarm rate of 10^-6; a scale 5 % off either way must fail.
"""

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from egress.mechanisms import choose
from egress.model import Part

ALARM = 1e-6
DRAWS = 60_000
SCALE = Fraction(8)
SCORES = [-5 * abs(place - 9) for place in range(24)]


def part(scale: Fraction) -> Part:
    return Part("a0_q", "quantile", 0, len(SCORES) - 1, 1, 1, "exponential", scale, Fraction(1), 1, Fraction(1, 2))


def fit(chosen: np.ndarray) -> float:
    """p-value that the choices follow exp(score / β) at the charged β; the mean score has the power against another scale."""
    scores = np.array(SCORES, dtype=float)
    weights = np.exp(scores / float(SCALE))
    mass = weights / weights.sum()
    mean = float((mass * scores).sum())
    spread = float(np.sqrt((mass * (scores - mean) ** 2).sum() / len(chosen)))
    by_scale = 2 * stats.norm.sf(abs(scores[chosen].mean() - mean) / spread)
    observed = np.bincount(chosen, minlength=len(scores))
    kept = mass * len(chosen) > 20
    expected = np.append(mass[kept], mass[~kept].sum()) * len(chosen)
    by_shape = stats.chisquare(np.append(observed[kept], observed[~kept].sum()), expected).pvalue
    return float(2 * min(by_scale, by_shape))


def drawn(scale: Fraction) -> np.ndarray:
    return np.array([choose(SCORES, part(scale)) for _ in range(DRAWS)])


def test_choices_follow_their_scores_at_the_charged_scale() -> None:
    assert fit(drawn(SCALE)) > ALARM


@pytest.mark.parametrize("wrong", [Fraction(95, 100), Fraction(105, 100)])
def test_a_scale_five_per_cent_off_is_caught(wrong: Fraction) -> None:
    scale = Fraction(float(SCALE * wrong))
    assert fit(drawn(scale)) < ALARM


def test_equal_scores_are_chosen_evenly() -> None:
    even = [choose([0] * 8, Part("a0_q", "quantile", 0, 7, 1, 1, "exponential", SCALE, Fraction(1), 1, Fraction(1, 2)))
            for _ in range(DRAWS // 4)]  # fmt: skip
    assert stats.chisquare(np.bincount(even, minlength=8)).pvalue > ALARM
