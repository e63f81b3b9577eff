"""Caps and weights that an analyst asks for: only stricter ones, only where they hold, and what they change."""

from dataclasses import replace
from decimal import Decimal

import pytest

from egress.model import ProtectionPlan
from egress.plan import plan
from policies.engine.emit import emit
from policies.query import Allowed, GovernedQuery, Tuning
from policies.tuning import tuned
from tests import factories_policies as city
from tests.neighbours import grants, open_engine, run

BY_DEPARTMENT = "SELECT department, count(*) AS n, sum(cost) AS s FROM visits GROUP BY department"
"""Under three rows at most (place 0 of `neighbours.CAPS`), or two groups of two rows each (place 2)."""


def governed(sql: str, caps: int = 0) -> GovernedQuery:
    verdict = city.decide(city.submitted(sql), grants()[caps])
    assert isinstance(verdict, Allowed), verdict
    return verdict.governed


def asked(sql: str, caps: int = 0, **wishes: object) -> GovernedQuery:
    found = tuned(governed(sql, caps), Tuning(**wishes))  # type: ignore[arg-type]
    assert isinstance(found, GovernedQuery), found
    return found


def planned(query: GovernedQuery) -> ProtectionPlan:
    found = plan(query, Decimal("0.5"))
    assert isinstance(found, ProtectionPlan)
    return found


def refused(sql: str, caps: int = 0, **wishes: object) -> list[str]:
    found = tuned(governed(sql, caps), Tuning(**wishes))  # type: ignore[arg-type]
    assert isinstance(found, tuple)
    return [item.code for item in found]


def test_no_wish_changes_nothing() -> None:
    query = governed(BY_DEPARTMENT)
    assert [core.unit for core in asked(BY_DEPARTMENT).cores] == [core.unit for core in query.cores]
    assert planned(asked(BY_DEPARTMENT)).as_json() == planned(query).as_json()


@pytest.mark.parametrize("wishes", [{"max_rows": 1}, {"max_rows_per_group": 1}, {"max_groups": 1, "max_rows_per_group": 2}])
def test_a_stricter_cap_lowers_the_noise(wishes: dict[str, int]) -> None:
    before, after = planned(governed(BY_DEPARTMENT)), planned(asked(BY_DEPARTMENT, **wishes))
    for old, new in zip(before.parts, after.parts, strict=True):
        assert new.l2_squared < old.l2_squared
        assert new.half_width < old.half_width


def test_fewer_groups_lower_the_threshold_and_bias_nothing_where_they_lower_no_noise() -> None:
    sql = "SELECT diagnosis_code, count(DISTINCT resident_id) AS u FROM visits GROUP BY 1"
    before, after = planned(governed(sql)), planned(asked(sql, max_groups=1))
    assert (after.tau or 0) < (before.tau or 0)
    (core,) = planned(asked(BY_DEPARTMENT, max_groups=1)).cores
    assert core.bounding.strategy == "row_cap", "all rows of a unit may be of one group, so the cap alone would only add bias"


def test_one_row_each_is_a_plain_scan_also_with_private_keys() -> None:
    query = asked("SELECT diagnosis_code, count(*) AS n, count(DISTINCT resident_id) AS u FROM visits GROUP BY 1", max_rows=1)
    (core,) = planned(query).cores
    assert core.bounding.strategy == "one_row"
    assert core.threshold is not None


@pytest.mark.parametrize(
    ("sql", "caps", "wishes", "codes"),
    [
        (BY_DEPARTMENT, 0, {"max_rows": 4}, ["CAP_ABOVE_POLICY"]),
        (BY_DEPARTMENT, 0, {"max_groups": 4}, ["CAP_ABOVE_POLICY"]),
        (BY_DEPARTMENT, 2, {"max_groups": 3}, ["CAP_ABOVE_POLICY"]),
        (BY_DEPARTMENT, 2, {"max_rows_per_group": 3}, ["CAP_ABOVE_POLICY"]),
        ("SELECT count(*) AS n FROM residents", 0, {"max_rows": 2}, ["CAP_ABOVE_POLICY"]),
        ("SELECT count(*) AS n FROM visits v JOIN visits w USING (resident_id)", 0, {"max_rows": 2}, ["CAP_NOT_APPLICABLE"]),
        ("SELECT count(*) AS n FROM payments p JOIN visits v USING (resident_id)", 0, {"max_rows": 2}, ["CAP_NOT_APPLICABLE"]),
        (BY_DEPARTMENT, 0, {"weights": {"department": 2}}, ["WEIGHT_NOT_AGGREGATE"]),
        (BY_DEPARTMENT, 0, {"weights": {"nope": 2}}, ["WEIGHT_NOT_AGGREGATE"]),
        ("SELECT sum(cost) / count(*) AS r FROM visits", 0, {"weights": {"r": 2}}, ["WEIGHT_NOT_AGGREGATE"]),
        (BY_DEPARTMENT, 0, {"max_rows": 9, "weights": {"x": 2}}, ["CAP_ABOVE_POLICY", "WEIGHT_NOT_AGGREGATE"]),
    ],
)
def test_what_cannot_be_had_is_refused(sql: str, caps: int, wishes: dict[str, object], codes: list[str]) -> None:
    assert refused(sql, caps, **wishes) == codes


def test_a_cap_reaches_every_core_that_allows_more() -> None:
    query = asked("SELECT department, count(*) AS n FROM visits GROUP BY ROLLUP (department)", max_rows=2)
    assert [core.unit.max_rows for core in query.cores] == [2, 2]
    beside = asked("SELECT department, count(*) AS n, (SELECT count(*) FROM residents) AS m FROM visits GROUP BY 1", max_rows=2)
    assert sorted(core.unit.max_rows for core in beside.cores) == [1, 2]


def test_the_rows_that_stay_are_those_of_lowest_rank() -> None:
    query = asked("SELECT department, count(*) AS n FROM visits JOIN residents USING (resident_id) GROUP BY 1", max_rows=2)
    (core,), (found,) = query.cores, planned(query).cores
    base = {"__pid": 7, "resident_id": 7, "__unit": 0}
    kinds = ["外科", "内科", "内科"]
    tables = {
        "residents": [{**base, "__rank": 0}],
        "visits": [{**base, "__rank": 2 - place, "department": kind} for place, kind in enumerate(kinds)],
    }
    with open_engine() as connection:
        rows = run(tables, emit(core, found.bounding), connection, core.tables).rows
    assert rows == (("内科", 2),)


def test_a_weight_moves_the_charge_to_the_column_that_matters() -> None:
    plain, heavy = planned(asked(BY_DEPARTMENT)), planned(asked(BY_DEPARTMENT, weights={"s": 8}))
    assert heavy.parts[1].half_width < plain.parts[1].half_width
    assert heavy.parts[0].half_width > plain.parts[0].half_width
    # shares go by (weight × r)^(2/3)
    before, after = (found.parts[1].rho / found.parts[0].rho for found in (plain, heavy))
    assert abs(float(after / before) - 4) < 0.01


def test_a_weight_of_one_is_none() -> None:
    weights = {"n": 1, "s": 1}
    assert planned(asked(BY_DEPARTMENT, weights=weights)).as_json() == planned(asked(BY_DEPARTMENT)).as_json()


def test_a_core_without_ranks_is_never_cut() -> None:
    query = governed(BY_DEPARTMENT)
    blind = replace(query, cores=tuple(replace(core, ranked=False) for core in query.cores))
    found = tuned(blind, Tuning(max_rows=1))
    assert isinstance(found, tuple)
