"""Quantiles and counts of values through compiler, plan and engine: what the sections hold, against plain Python."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from egress.exact import Groups, groups_of
from egress.model import ProtectionPlan
from egress.plan import plan
from policies.engine.emit import emit
from policies.engine.second_opinion import EngineOpinion
from policies.query import Allowed, EngineSql, GovernedQuery
from tests import factories_policies as city
from tests.neighbours import Draw, Tables, grants, open_engine, run

ROW_CAP, CAPPED = 0, 2
"""Places of `neighbours.CAPS`: three rows at most, and caps on groups and rows beside them."""


@pytest.fixture(scope="module")
def opinion() -> Iterator[EngineOpinion]:
    made = EngineOpinion()
    yield made
    made.close()


def planned(sql: str, caps: int) -> tuple[GovernedQuery, ProtectionPlan, EngineSql]:
    verdict = city.decide(city.submitted(sql), grants()[caps])
    assert isinstance(verdict, Allowed), verdict
    found = plan(verdict.governed, None)
    assert isinstance(found, ProtectionPlan)
    (core,), (bounds,) = verdict.governed.cores, found.cores
    return verdict.governed, found, emit(core, bounds.bounding)


def answered(sql: str, caps: int, tables: Tables) -> tuple[GovernedQuery, ProtectionPlan, Groups]:
    query, found, engine = planned(sql, caps)
    with open_engine() as connection:
        table = run(tables, engine, connection, query.cores[0].tables)
    return query, found, groups_of(found.cores[0], query.cores[0], table)


def drawn(seed: int, caps: int) -> dict[str, list[dict[str, Any]]]:
    return Draw(random.Random(seed), grants()[caps]).tables()


@pytest.mark.parametrize("seed", range(8))
def test_the_bins_of_a_quantile_hold_every_row_that_has_a_value(seed: int) -> None:
    tables = drawn(seed, ROW_CAP)
    query, _, groups = answered(
        "SELECT department, quantile_cont(cost, 0.9) AS q FROM visits GROUP BY department", ROW_CAP, tables
    )
    (aggregate,) = query.cores[0].aggregates
    expected: dict[str | None, Counter[int]] = defaultdict(Counter)
    for row in tables["visits"]:
        if row["cost"] is not None:
            steps = min(max(round(Fraction(row["cost"]) / Fraction(aggregate.step)), aggregate.low), aggregate.high)
            expected[row["department"]][(steps - aggregate.low) // aggregate.bin_width] += 1
    assert {key[0]: Counter(dict(values[0])) for key, values in groups.items() if values[0]} == dict(expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("keys", ["department", "diagnosis_code"])
def test_values_are_counted_once_per_group_whoever_has_them(seed: int, keys: str) -> None:
    tables = drawn(seed, ROW_CAP)
    _, found, groups = answered(
        f"SELECT {keys}, count(DISTINCT hospital) AS n, count(*) AS m FROM visits GROUP BY 1", ROW_CAP, tables
    )
    expected: dict[Any, set[str]] = defaultdict(set)
    for row in tables["visits"]:
        if row["hospital"] is not None:
            expected[row[keys]].add(row["hospital"])
    place = next(place for place, part in enumerate(found.parts) if part.role == "values")
    assert {key[0]: values[place] for key, values in groups.items() if values[place]} == {
        key: len(values) for key, values in expected.items()
    }


@pytest.mark.parametrize("seed", range(8))
def test_a_unit_alone_brings_in_no_more_values_than_its_cap(seed: int) -> None:
    tables = drawn(seed, CAPPED)
    one = {name: [row for row in rows if row.get("__unit", 0) == 0] for name, rows in tables.items()}
    for place, row in enumerate(one["visits"]):
        row["visit_date"] = f"2024-{place + 1:02d}-01"
    sql = "SELECT department, count(DISTINCT visit_date) AS n FROM visits GROUP BY department"
    _, found, groups = answered(sql, CAPPED, one)
    most = found.cores[0].bounding.values
    assert most < len(one["visits"])
    assert sum(values[0] for values in groups.values()) == most  # type: ignore[misc]


def test_the_key_of_a_sample_of_values_is_bound_and_stands_in_no_text() -> None:
    _, _, engine = planned("SELECT department, count(DISTINCT visit_date) AS n FROM visits GROUP BY department", CAPPED)
    assert engine.keyed
    assert "sample_key" not in engine.parameters
    _, _, plain = planned("SELECT department, count(DISTINCT visit_date) AS n FROM visits GROUP BY department", ROW_CAP)
    assert not plain.keyed
    sql = "SELECT department, count(*) AS n FROM visits WHERE department <> '$sample_key' GROUP BY department"
    for caps in (ROW_CAP, CAPPED):
        query, _, spelled = planned(sql, caps)
        assert "$sample_key" in spelled.sql
        assert not spelled.keyed, "a text that spells the key's name binds none"
        with open_engine() as connection:
            run(drawn(1, caps), spelled, connection, query.cores[0].tables)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT median(cost) AS m FROM visits",
        "SELECT department, median(cost) AS m, count(DISTINCT hospital) AS h, sum(cost) AS s FROM visits GROUP BY department",
        "SELECT diagnosis_code, quantile_disc(cost, 0.25) AS q FROM visits GROUP BY diagnosis_code",
        "SELECT count(DISTINCT visit_date) FILTER (WHERE days > 2) AS n FROM visits",
    ],
)
@pytest.mark.parametrize("caps", [ROW_CAP, CAPPED])
def test_the_engine_reads_sections_as_we_meant(sql: str, caps: int, opinion: EngineOpinion) -> None:
    query, _, engine = planned(sql, caps)
    assert opinion.check(engine, query.cores[0].tables)


def test_another_set_operation_is_not_what_we_meant(opinion: EngineOpinion) -> None:
    query, _, engine = planned("SELECT department, median(cost) AS m, count(*) AS n FROM visits GROUP BY department", ROW_CAP)
    for other in ("UNION", "EXCEPT", "INTERSECT ALL"):
        changed = EngineSql(engine.sql.replace("UNION ALL", other), engine.columns, engine.parameters, engine.digest)
        assert changed.sql != engine.sql
        assert not opinion.check(changed, query.cores[0].tables)


def test_equal_questions_share_an_aggregate_and_other_shares_do_not() -> None:
    query, _, _ = planned(
        "SELECT median(cost) AS a, quantile_cont(cost, 0.5) AS b, quantile_disc(cost, 0.5) AS c, quantile(cost, 0.9) AS d FROM visits",
        0,
    )
    assert [aggregate.fraction for aggregate in query.cores[0].aggregates] == [Fraction(1, 2), Fraction(9, 10)]
