"""An attack on compiled plans: queries go through resolve, decide, plan and emit; neighbours through the engine and protection.

The attacker looks along the direction in which the removed unit moved the exact vectors, the best that Gaussian noise leaves.
Two bounds are tested, both by Clopper-Pearson intervals on an event chosen on half of the runs: ε at δ, and ρ itself, since
ρ-zCDP bounds the Kullback-Leibler divergence by ρ and no event can show more. Source: Bun, Steinke (2016), Definition 1.1 for
α → 1 and Lemma 2.2. Each test fails a sound plan with a chance of at most 2·10^-6.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy import stats

from egress.accounting import epsilon_of
from egress.model import Primitives, ProtectionPlan
from egress.plan import plan
from egress.protect import protect
from policies.engine.emit import emit
from policies.query import Allowed, GovernedQuery
from sandbox.kernel.run import ExactTable
from tests import factories_policies as city
from tests.neighbours import Row, open_engine, run, without

pytestmark = pytest.mark.slow
Exact = list[ExactTable]
ALARM = 1e-6
RUNS, MANY_RUNS = 1_200, 8_000
"""Per neighbour; the second is enough to see noise that is half of what was charged. Raise them by hand for a longer look."""
PROTECTION = {"mode": "dp", "epsilon": "4.0", "delta": "0.0000001", "per_job_epsilon_max": "4.0"}
RV = "residents r JOIN visits v ON r.resident_id = v.resident_id"
QUERIES = {
    "heavy contributor": "SELECT department, count(*) AS n, sum(cost) AS s FROM visits GROUP BY department",
    "fan-out": f"SELECT r.gender, count(*) AS n, sum(r.balance - 4000) AS s FROM {RV} GROUP BY r.gender",
    "self join": "SELECT count(*) AS n FROM visits v JOIN visits w ON v.resident_id = w.resident_id",
    "negative bounds": "SELECT gender, sum(balance - 4000) AS s, avg(balance) AS a FROM residents GROUP BY gender",
    "derived": "SELECT k, sum(x) AS s FROM (SELECT department AS k, CASE WHEN days > 3 THEN -cost END AS x FROM visits) t GROUP BY k",
    "rollup": "SELECT department, count(*) AS n, sum(cost) AS s FROM visits GROUP BY ROLLUP (department)",
    "scalar subquery": "SELECT gender, count(*) AS n, (SELECT sum(cost) FROM visits) AS s FROM residents GROUP BY gender",
    "per unit": "SELECT sum(c) AS s FROM (SELECT resident_id, sum(cost) AS c FROM visits GROUP BY resident_id) AS u",
    "left join": "SELECT r.gender, sum(v.cost) AS s FROM residents r LEFT JOIN visits v USING (resident_id) GROUP BY r.gender",
    "units": "SELECT insured, count(DISTINCT resident_id) AS n FROM residents GROUP BY insured",
}


def _tables() -> dict[str, list[Row]]:
    """Two units; the second has as many extreme rows as supply lets through, all in one group."""
    tables: dict[str, list[Row]] = {"residents": [], "visits": [], "payments": [], "hospitals": []}
    for unit, rows in ((0, 2), (1, 50)):
        base = {"__unit": unit, "__pid": 2**63 + unit, "__rank": 0, "resident_id": 2**63 + unit}
        tables["residents"].append({**base, "gender": "F", "balance": -1000, "insured": True, "street": f"street {unit}"})
        visit = {"department": "内科", "cost": "20000", "days": 9, "hospital": f"hospital {unit}"}
        tables["visits"] += [{**base, **visit} for _ in range(rows)]
    return tables


def _planned(sql: str) -> tuple[GovernedQuery, ProtectionPlan]:
    verdict = city.decide(city.submitted(sql), city.grant(protection=PROTECTION))
    assert isinstance(verdict, Allowed)
    found = plan(verdict.governed, None)
    assert isinstance(found, ProtectionPlan)
    return verdict.governed, found


def _neighbours(query: GovernedQuery, found: ProtectionPlan, **bounds: Any) -> tuple[Exact, Exact]:
    """Return the exact tables of all cores, with the second unit and without it."""
    whole, fewer = _tables(), without(_tables(), 1)
    pairs = []
    with open_engine() as connection:
        for core, planned in zip(query.cores, found.cores, strict=True):
            engine = emit(core, replace(planned.bounding, **bounds))
            pairs.append([run(tables, engine, connection, core.tables) for tables in (whole, fewer)])
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _vector(primitives: Sequence[Primitives]) -> np.ndarray:
    return np.array([value for core in primitives for _, values in core for value in values], dtype=float)


def _scales(found: ProtectionPlan, query: GovernedQuery, tables: Exact) -> np.ndarray:
    """Return the scale of each number of a vector, in its order."""
    groups = [len(core) for core in protect(found, query, tables).primitives]
    return np.concatenate(
        [np.tile([float(part.scale) for part in core.parts], size) for core, size in zip(found.cores, groups, strict=True)]
    )


def _statistics(
    query: GovernedQuery, found: ProtectionPlan, pair: tuple[Exact, Exact], runs: int
) -> tuple[np.ndarray, np.ndarray]:
    drawn = [np.array([_vector(protect(found, query, tables).primitives) for _ in range(runs)]) for tables in pair]
    scales = _scales(found, query, pair[0])
    moved = drawn[0][: runs // 4].mean(axis=0) - drawn[1][: runs // 4].mean(axis=0)
    strong = np.where(np.abs(moved) > 4 * scales / math.sqrt(runs / 8), moved, 0.0)
    weights = strong / scales**2
    return drawn[0][runs // 4 :] @ weights, drawn[1][runs // 4 :] @ weights


def _bounds(present: np.ndarray, absent: np.ndarray, delta: float) -> tuple[float, float]:
    """Return lower bounds on ε at `delta` and on ρ, at confidence 1 - ALARM each."""
    half = len(present) // 2
    cuts = np.quantile(np.concatenate([present[:half], absent[:half]]), np.linspace(0.05, 0.95, 19))
    cut = max(cuts, key=lambda at: (present[:half] > at).mean() - (absent[:half] > at).mean())
    hits, base = int((present[half:] > cut).sum()), int((absent[half:] > cut).sum())
    count = len(present) - half
    low = float(stats.beta.ppf(ALARM / 2, hits, count - hits + 1)) if hits else 0.0
    high = float(stats.beta.isf(ALARM / 2, base + 1, count - base)) if base < count else 1.0
    if low <= high:
        return 0.0, 0.0
    divergence = low * math.log(low / high) + (1 - low) * math.log((1 - low) / (1 - high))
    return math.log(max(low - delta, 1e-12) / high), divergence


def _audit(query: GovernedQuery, found: ProtectionPlan, pair: tuple[Exact, Exact], runs: int = RUNS) -> tuple[float, float]:
    return _bounds(*_statistics(query, found, pair, runs), float(found.delta_conv))


@pytest.mark.parametrize("sql", QUERIES.values(), ids=QUERIES)
def test_no_unit_is_told_apart_beyond_the_charge(sql: str) -> None:
    query, found = _planned(sql)
    epsilon, rho = _audit(query, found, _neighbours(query, found))
    assert epsilon <= float(epsilon_of(found.rho, found.delta_conv)) <= 4
    assert rho <= float(found.rho)


def test_half_the_noise_is_caught() -> None:
    query, found = _planned(QUERIES["heavy contributor"])
    _, rho = _audit(query, _quieter(found, range(1)), _neighbours(query, found), MANY_RUNS)
    assert rho > float(found.rho)


def _quieter(found: ProtectionPlan, places: Iterable[int]) -> ProtectionPlan:
    """Plant half the noise in some cores, and the charge that would be right for it."""
    cores = list(found.cores)
    for place in places:
        parts = tuple(replace(part, scale=part.scale / 2, rho=part.rho * 4) for part in cores[place].parts)
        cores[place] = replace(cores[place], parts=parts)
    planted = replace(found, cores=tuple(cores))
    return replace(planted, rho=sum((part.rho for part in planted.parts), Fraction(0)))


def test_half_the_noise_in_all_cores_of_a_rollup_is_caught() -> None:
    query, found = _planned(QUERIES["rollup"])
    assert len(found.cores) == 2
    _, rho = _audit(query, _quieter(found, range(2)), _neighbours(query, found), MANY_RUNS)
    assert rho > float(found.rho)


def test_a_bound_that_is_skipped_is_caught() -> None:
    terms = city.policy_document()["tables"]
    terms["visits"]["unit"] |= {"max_rows_per_group": 2}
    verdict = city.decide(city.submitted(QUERIES["heavy contributor"]), city.grant(protection=PROTECTION, tables=terms))
    assert isinstance(verdict, Allowed)
    query, found = verdict.governed, plan(verdict.governed, None)
    assert isinstance(found, ProtectionPlan)
    assert _audit(query, found, _neighbours(query, found))[1] <= float(found.rho)
    assert _audit(query, found, _neighbours(query, found, rows_per_group=50))[1] > float(found.rho)


def test_a_unit_alone_in_a_private_group_does_not_show() -> None:
    query, found = _planned("SELECT street, count(*) AS n FROM residents GROUP BY street")
    present, absent = _neighbours(query, found)
    threshold = found.cores[0].threshold
    assert threshold is not None
    assert sum(len(protect(found, query, tables).rows) for _ in range(RUNS) for tables in (present, absent)) == 0
    planted = replace(found, cores=(replace(found.cores[0], threshold=replace(threshold, tau=1)),))
    shown = sum(len(protect(planted, query, present).rows) for _ in range(RUNS // 10))
    assert shown > RUNS // 20
