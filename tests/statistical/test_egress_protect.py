"""What whole protected tables promise, measured: coverage of intervals, chance of a group to show, and an attack on ε.

Every bound leaves a chance of failure of at most 10^-6, or five standard deviations.
"""

import math
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from egress.accounting import epsilon_of
from egress.accuracy import chance_to_show
from egress.model import ProtectionPlan
from egress.plan import plan
from egress.protect import protect
from policies.query import GovernedQuery, GroupKey
from tests.fakes_egress import AVG, COUNT, SUM, TOWN, UNITS, beside, exact, governed, unit, with_core

ALARM = 1e-6
CELLS = 4_000
WIDE = GroupKey("k0", "integer", tuple(range(CELLS)), nullable=False, lineage=())


def planned(query: GovernedQuery, epsilon: str) -> ProtectionPlan:
    found = plan(query, Decimal(epsilon))
    assert isinstance(found, ProtectionPlan)
    return found


@pytest.mark.parametrize("epsilon", ["0.2", "4"])
def test_intervals_of_counts_and_sums_cover_at_least_95_per_cent(epsilon: str) -> None:
    query = governed(COUNT, SUM, keys=(WIDE,), bounds=unit(max_rows=3))
    result = protect(planned(query, epsilon), query, [exact(query, *((n, 1_000, 1_000, -5_000) for n in range(CELLS)))])
    most = stats.binom.isf(ALARM, CELLS, 0.05)
    for low, high, truth in ((2, 3, 1_000), (5, 6, Decimal(-50))):
        assert sum(not row[low] <= truth <= row[high] for row in result.rows) <= most


@pytest.mark.parametrize("rows", [1, 60, 2_000])
def test_intervals_of_averages_cover_at_least_95_per_cent_also_in_tiny_groups(rows: int) -> None:
    """A NULL where the noisy count is not positive says nothing and is not wrong."""
    average = replace(AVG, step=Decimal(1))
    query = governed(average, keys=(WIDE,))
    result = protect(planned(query, "2"), query, [exact(query, *((n, rows, 37 * rows) for n in range(CELLS)))])
    missed = sum(row[2] is not None and not row[2] <= 97 <= row[3] for row in result.rows)
    assert missed <= stats.binom.isf(ALARM, CELLS, 0.05)
    assert all((row[1] is None) == (row[2] is None) == (row[3] is None) for row in result.rows)


def test_a_half_width_that_is_a_fifth_too_small_fails_the_coverage_bound() -> None:
    """The measurement above can fail: it sees a planted error of 20 %, with a chance of missing it far below the false alarm."""
    query = governed(COUNT, keys=(WIDE,))
    found = planned(query, "0.2")
    wrong = with_core(found, parts=(replace(found.parts[0], half_width=found.parts[0].half_width * 4 // 5),))
    result = protect(wrong, query, [exact(query)])
    assert sum(not row[2] <= 0 <= row[3] for row in result.rows) > stats.binom.isf(ALARM, CELLS, 0.05)


def test_groups_around_tau_show_as_often_as_the_plan_says_and_a_lone_unit_never() -> None:
    query = governed(COUNT, keys=(replace(TOWN, type="integer"),))
    found = planned(query, "1")
    tau = found.tau or 0
    sigma = float(found.parts[-1].scale)
    for units in (1, tau - round(sigma), tau, tau + round(sigma)):
        table = exact(query, *((n, 100, units) for n in range(CELLS)), units=True)
        count = len(protect(found, query, [table]).rows)
        chance = float(chance_to_show(found.cores[0], units))
        assert abs(count - CELLS * chance) <= 5 * math.sqrt(CELLS * chance * (1 - chance)) + CELLS * 1e-4
    assert chance_to_show(found.cores[0], 1) == 0


def distinguish(without: np.ndarray, with_: np.ndarray, delta: float) -> float:
    """Clopper-Pearson lower bound on ε at δ: the event is chosen on one half of the runs and tested on the other."""
    half = len(without) // 2
    cut = min(
        np.quantile(with_[:half], np.linspace(0.02, 0.98, 49)),
        key=lambda at: (without[:half] > at).mean() / max(1e-9, (with_[:half] > at).mean() - delta),
    )
    hits, base = int((with_[half:] > cut).sum()), int((without[half:] > cut).sum())
    low = stats.beta.ppf(ALARM / 2, hits, half - hits + 1) - delta
    high = stats.beta.isf(ALARM / 2, base + 1, half - base)
    return math.log(max(low, 1e-12) / high)


@pytest.mark.parametrize(("aggregate", "rows", "present"), [(UNITS, 1, 1), (COUNT, 40, 40), (SUM, 40, 40 * 2_000)])
def test_no_unit_is_told_apart_beyond_the_claim_and_far_too_little_noise_is_caught(aggregate, rows: int, present: int) -> None:
    """Worst pair: the unit spends its whole contribution on one group. Every group is one independent run."""
    query = governed(aggregate, keys=(WIDE,), bounds=unit(max_rows=rows))
    found = planned(query, "4")
    assert found.parts[0].l2_squared == present**2
    draws = {}
    for value in (0, present):
        cells = (value,) if aggregate.kind != "sum" else (1, value)
        table = exact(query, *((n, *cells) for n in range(CELLS)))
        drawn = [protect(found, query, [table]).primitives for _ in range(4)]
        draws[value] = np.array([values[0] for (core,) in drawn for _, values in core])
    delta = float(found.delta_conv)
    claim = float(epsilon_of(found.rho, found.delta_conv))
    assert distinguish(draws[0], draws[present], delta) <= claim
    planted = {value: value + (draw - value) / 8 for value, draw in draws.items()}
    assert distinguish(planted[0], planted[present], delta) > claim


def divergence(absent: np.ndarray, present: np.ndarray, cut: float) -> float:
    """Clopper-Pearson lower bound on ρ: ρ-zCDP bounds the Kullback-Leibler divergence by ρ, and no event shows more."""
    hits, base, count = int((present > cut).sum()), int((absent > cut).sum()), len(present)
    low = float(stats.beta.ppf(ALARM / 2, hits, count - hits + 1))
    high = float(stats.beta.isf(ALARM / 2, base + 1, count - base))
    return low * math.log(low / high) + (1 - low) * math.log((1 - low) / (1 - high)) if low > high else 0.0


def test_two_cores_together_stay_within_the_charge_and_one_that_forgets_the_other_is_caught() -> None:
    """The unit has all its rows in one group of both cores. Every group is one independent run; both noises are looked at."""
    one = governed(COUNT, keys=(WIDE,), bounds=unit(max_rows=40))
    query, found, alone = beside(one, one), planned(beside(one, one), "4"), planned(one, "4")
    forgetful = with_core(with_core(found, 0, parts=alone.parts), 1, parts=alone.parts)
    forgetful = replace(forgetful, rho=2 * alone.rho)
    assert found.rho <= alone.rho * Fraction(101, 100)
    bounds = []
    for used in (found, forgetful):
        drawn = []
        for rows in (0, 40):
            tables = [exact(query, *((n, rows) for n in range(CELLS)), core=core) for core in (0, 1)]
            runs = [protect(used, query, tables).primitives for _ in range(10)]
            drawn.append(np.array([a[0] + b[0] for first, second in runs for (_, a), (_, b) in zip(first, second, strict=True)]))
        bounds.append(divergence(*drawn, cut=40))
    assert bounds[0] <= float(found.rho) < bounds[1]
