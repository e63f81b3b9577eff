from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress.model import ProtectionPlan
from egress.plan import plan
from policies.query import EngineSql, GovernedQuery
from sandbox.jobs.decide import memory_key, shows_at
from sandbox.kernel.run import ExtractRef
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


def planned(query: GovernedQuery, epsilon: str = "1") -> ProtectionPlan:
    found = plan(query, Decimal(epsilon))
    assert isinstance(found, ProtectionPlan)
    return found
