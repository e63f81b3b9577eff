from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress.model import ProtectionPlan
from egress.plan import plan
from policies.decide import decide
from policies.engine.emit import emit
from policies.query import Allowed, EngineSql, GovernedQuery
from sandbox.jobs.decide import memory_key, shows_at
from sandbox.jobs.prepare import Prepared
from sandbox.kernel.run import ExtractRef, Parameter
from tests import factories_policies as city
from tests.fakes_egress import COUNT, SUM, governed

START = datetime(2026, 3, 1, 8, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("after_s", "class_s", "tick_s", "shown_s"),
    [
        (0.01, 2, 1, 2.75),  # the tick after the start, and one class
        (2.70, 2, 1, 2.75),
        (2.80, 2, 1, 4.75),  # over one class: the next, never in between
        (0.01, 1, 5, 9.75),  # a class is at least one tick
    ],
)
def test_an_outcome_shows_at_whole_classes_only(after_s: float, class_s: int, tick_s: int, shown_s: float) -> None:
    shown = shows_at(START, START + timedelta(seconds=after_s), class_s, tick_s)
    assert shown == START + timedelta(seconds=shown_s)


@given(st.floats(0.001, 1.9), st.floats(0.001, 1.9))
def test_two_runs_within_a_class_show_at_the_same_moment(one: float, other: float) -> None:
    moments = {shows_at(START, START + timedelta(seconds=after), 2, 1) for after in (one, other)}
    assert len(moments) == 1


@given(st.floats(0, 500), st.integers(1, 60), st.integers(1, 30))
def test_an_outcome_never_shows_before_it_exists(after_s: float, class_s: int, tick_s: int) -> None:
    now = START + timedelta(seconds=after_s)
    assert shows_at(START, now, class_s, tick_s) >= now


def test_whatever_is_changed_is_a_new_question() -> None:
    """Every argument of the key of an answer is in it: another text, parameter, extract, plan, agreement or purpose."""
    query = governed(COUNT, SUM)
    engine = (EngineSql("SELECT 1", (), {"p_x": 1}, "sha256:e"),)
    extracts = (ExtractRef("people", "ext-1", "/x", "sha256:f"),)
    asked: dict[str, Any] = {
        "governed": query,
        "engine": engine,
        "plan": planned(query).as_json(),
        "extracts": extracts,
        "agreement": "agr-1",
        "purpose": "planning",
    }
    changes: dict[str, list[Any]] = {
        "governed": [governed(SUM, COUNT), replace(query, grant=replace(query.grant, policy_digest="sha256:other"))],
        "engine": [
            (replace(engine[0], sql="SELECT 2"),),
            (replace(engine[0], parameters={"p_x": 2}),),
            (replace(engine[0], parameters={"p_x": True}),),
        ],
        "plan": [planned(query, "0.5").as_json(), planned(governed(replace(COUNT, weight=2), SUM)).as_json()],
        "extracts": [(replace(extracts[0], extract="ext-2"),), ()],
        "agreement": ["agr-2"],
        "purpose": ["research"],
    }
    keys = [memory_key(**asked), *(memory_key(**asked | {name: value}) for name, values in changes.items() for value in values)]
    assert memory_key(**asked) == keys[0]
    assert len(set(keys)) == len(keys)


TENTH = Decimal("0.1")
JOINED = "residents r JOIN visits v ON r.resident_id = v.resident_id"


@pytest.mark.parametrize(
    ("sql", "one", "other"),
    [
        (f"SELECT gender, sum(v.cost * $f) / count(*) AS x FROM {JOINED} GROUP BY gender", 1, TENTH),
        (f"SELECT gender, round(sum(v.cost * $f), 0) AS x FROM {JOINED} GROUP BY gender", 5, Decimal("0.05")),
        ("SELECT gender, stddev(balance * $f) AS x FROM residents GROUP BY gender", 1, TENTH),
        ("SELECT gender, count(*) AS n FROM residents GROUP BY gender HAVING sum(balance * $f) > 1000", 1, TENTH),
    ],
)
def test_numbers_that_are_equal_steps_to_the_engine_are_two_questions(sql: str, one: Parameter, other: Parameter) -> None:
    """A decimal travels as an integer, so that neither SQL, parameters nor plan may differ where the answer does, tenfold."""
    asked = [prepared(sql, {"f": value}) for value in (one, other)]
    assert asked[0].digest != asked[1].digest
    keys = [memory_key(two.governed, two.engine, two.plan.as_json(), (), "agr-1", "planning") for two in asked]
    assert keys[0] != keys[1]


def test_what_runs_is_what_was_shown_with_its_parameters() -> None:
    sql = "SELECT gender, count(*) AS n FROM residents WHERE gender = $least GROUP BY gender"
    assert len({prepared(sql, {"least": value}).digest for value in ("男", "女", "男")}) == 2


def test_one_epsilon_has_one_spelling() -> None:
    assert planned(governed(COUNT), "0.30").as_json() == planned(governed(COUNT), "0.3").as_json()


def prepared(sql: str, parameters: dict[str, Parameter]) -> Prepared:
    verdict = decide(city.submitted(sql, parameters), city.GRANT)
    assert isinstance(verdict, Allowed)
    query = verdict.governed
    found = planned(query, "0.5")
    return Prepared(query, found, tuple(emit(core, one.bounding) for core, one in zip(query.cores, found.cores, strict=True)), ())


def planned(query: GovernedQuery, epsilon: str = "1") -> ProtectionPlan:
    found = plan(query, Decimal(epsilon))
    assert isinstance(found, ProtectionPlan)
    return found
