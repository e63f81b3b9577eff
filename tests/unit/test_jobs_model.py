from datetime import date
from decimal import Decimal

import pytest

from policies.query import SubmittedQuery, Tuning
from sandbox.jobs.model import JOB, query_json, query_of
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.roles import Role
from sandbox.kernel.states import advance

SYSTEM = frozenset({Role.SYSTEM})
OPERATOR = frozenset({Role.OPERATOR})


def test_a_query_is_read_back_as_it_was_written() -> None:
    parameters = {"a": 1, "b": True, "c": "x", "d": date(2026, 1, 1), "e": Decimal("1.50")}
    query = SubmittedQuery("agr", "planning", "prod", "SELECT 1", parameters, "0.5", Tuning(max_rows=3, weights={"n": 2}))
    again = query_of(query_json(query))
    assert again == query
    assert [type(value) for value in again.parameters.values()] == [type(value) for value in parameters.values()]


def test_a_query_that_was_stored_before_there_were_caps_has_none() -> None:
    stored = query_json(SubmittedQuery("agr", "planning", "prod", "SELECT 1", {}))
    del stored["tuning"]
    assert query_of(stored).tuning == Tuning()


@pytest.mark.parametrize("state", ["protected", "in_egress", "released", "blocked", "failed", "refused"])
def test_what_reached_egress_or_ended_cannot_be_cancelled(state: str) -> None:
    with pytest.raises(YuneiError, match="ILLEGAL_TRANSITION"):
        advance(JOB, state, "cancel", OPERATOR)


def test_a_lost_lease_never_returns_a_charged_job_to_the_queue() -> None:
    assert advance(JOB, "leased", "lose", SYSTEM).target == "queued"
    with pytest.raises(YuneiError, match="ILLEGAL_TRANSITION"):
        advance(JOB, "running", "lose", SYSTEM)


def test_only_the_service_moves_a_job_towards_release() -> None:
    for state, event in [("queued", "lease"), ("running", "protect"), ("in_egress", "release"), ("queued", "answer")]:
        with pytest.raises(YuneiError, match="NOT_PERMITTED"):
            advance(JOB, state, event, OPERATOR)


def test_every_way_out_of_the_sandbox_passes_egress() -> None:
    into_released = {(line.state, line.event) for line in JOB.rows if line.target == "released"}
    assert into_released == {("in_egress", "release"), ("queued", "answer")}
