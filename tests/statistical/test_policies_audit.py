"""The attack of `yunei bench privacy-audit` on compiled plans of the tests' city, sound ones and such with a planted mistake.

Each test fails a sound plan with a chance of at most 2·10^-6; see `sandbox.jobs.privacy_audit.attack`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from egress.accounting import epsilon_of
from egress.model import ProtectionPlan
from egress.plan import plan
from egress.protect import protect
from egress.recompute import recompute
from policies.engine.emit import emit
from policies.query import Allowed, GovernedQuery
from sandbox.isolation.process import ProcessRuntime
from sandbox.jobs.privacy_audit.cases import CASES, Case
from sandbox.jobs.privacy_audit.service import attacked, audited, exact_tables, planned
from sandbox.jobs.privacy_audit.world import neighbours
from sandbox.kernel.run import ExactTable
from tests import factories_policies as city
from tests.neighbours import Row, open_engine, run, without

pytestmark = pytest.mark.slow
Exact = tuple[ExactTable, ...]
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
    return tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)


def _audit(query: GovernedQuery, found: ProtectionPlan, pair: tuple[Exact, Exact], runs: int = RUNS) -> tuple[float, float]:
    shown, _ = attacked(query, found, pair, runs)
    return shown.epsilon, shown.rho


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


def test_a_threshold_one_too_low_is_caught() -> None:
    """By what it claims: its δ is derived again. A release of a lone unit is too rare to be met in any number of runs."""
    _, found = _planned("SELECT street, count(*) AS n FROM residents GROUP BY street")
    assert recompute(found.as_json()).disagreements == ()
    threshold = found.cores[0].threshold
    assert threshold is not None
    planted = replace(found, cores=(replace(found.cores[0], threshold=replace(threshold, tau=threshold.tau - 1)),))
    assert "threshold" in recompute(planted.as_json()).disagreements


@pytest.mark.parametrize("case", [case for case in CASES if case.name in {"one row", "heavy, rows capped", "count of values"}])
def test_the_audit_itself_goes_through_sandbox_and_protection(case: Case, runtime: ProcessRuntime) -> None:
    found = audited(case, MANY_RUNS, runtime)
    assert found.passed
    assert found.shown.rho > 0, "the attack sees the unit at all"


def test_the_audit_sees_half_the_noise_of_a_quantile(runtime: ProcessRuntime) -> None:
    case = next(case for case in CASES if case.name == "median")
    query, found = planned(case)
    pair = tuple(exact_tables(runtime, query, found, made) for made in neighbours(case.unit, case.others))
    assert attacked(query, found, pair, MANY_RUNS // 2)[0].rho <= float(found.rho)
    assert attacked(query, _quieter(found, range(1)), pair, MANY_RUNS // 2)[0].rho > float(found.rho)


@pytest.fixture(scope="module")
def runtime() -> Iterator[ProcessRuntime]:
    made = ProcessRuntime(required_level=1)
    yield made
    made.close()


def test_the_worst_pairs_are_all_there_and_each_is_answered() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 20
    strategies = {core.bounding.strategy for case in CASES for core in planned(case)[1].cores}
    assert strategies == {"one_row", "row_cap", "unit_group"}
    roles = {part.role for case in CASES for part in planned(case)[1].parts}
    assert roles == {"rows", "units", "values", "sum", "threshold", "quantile"}
