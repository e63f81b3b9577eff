"""Dry runs and submissions, over services in memory."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sandbox.api.app import create_app
from tests.api_steps import AUDITOR, OPERATOR, OWNER, QUERY, V1, problem_of, submit
from tests.fakes_api import ETAG, JOB, RELEASE, REVIEW, FakeContainer, fake_container


@pytest.fixture
def container(tmp_path: Path) -> Iterator[FakeContainer]:
    made = fake_container(tmp_path)
    yield made
    made.db.close()


@pytest.fixture
def client(container: FakeContainer) -> Iterator[TestClient]:
    with TestClient(create_app(container)) as made:
        yield made


# --- dry run and submission


def test_a_dry_run_answers_200_for_allowed_and_refused_alike(client):
    allowed = client.post(f"{V1}/sql/check", json=QUERY, headers=OPERATOR)
    assert (allowed.status_code, allowed.json()["allowed"]) == (200, True)
    refused = client.post(f"{V1}/sql/check", json=QUERY | {"sql": "SELECT name"}, headers=OPERATOR)
    assert refused.status_code == 200
    assert set(refused.json()) == {"allowed", "findings"}
    assert refused.json()["findings"][0]["code"] == "COLUMN_NOT_GRANTED"


@pytest.mark.parametrize("sql", ["", "\x00", "SELEKT", "é" * 30_000, "((((", "\u202e"])
def test_every_text_reaches_the_policy(client, container, sql):
    assert client.post(f"{V1}/sql/check", json=QUERY | {"sql": sql}, headers=OPERATOR).status_code == 200
    assert container.jobs.seen[-1].sql == sql


def test_a_refused_submission_says_where_by_which_rule_and_which_job_keeps_it(client):
    body = problem_of(submit(client, sql="SELECT name"), "POLICY_REFUSED")
    assert body["rule"] == "names"
    assert body["span"] == {"start": 7, "end": 11, "line": 1, "column": 8}
    assert body["findings"][0]["message"]["zh"] == "未授权"
    assert body["facts"] == {"job": JOB}


def test_a_submission_is_taken_with_202_and_a_location(client):
    answer = submit(client)
    assert answer.status_code == 202
    assert answer.headers["location"] == f"{V1}/jobs/{JOB}"
    assert client.get(answer.headers["location"], headers=OPERATOR).json() == answer.json()


def test_parameters_arrive_typed(client, container):
    sent = {"a": 1, "b": "x", "c": True, "d": {"date": "2026-01-01"}, "e": {"decimal": "1.50"}}
    submit(client, parameters=sent)
    got = container.jobs.seen[-1].parameters
    assert got == {"a": 1, "b": "x", "c": True, "d": date(2026, 1, 1), "e": Decimal("1.50")}
    assert [type(value) for value in got.values()] == [int, str, bool, date, Decimal]


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        None,
        [],
        {},
        {"date": "2026-02-30"},
        {"date": "2026-01-01T00:00"},
        {"decimal": "1e3"},
        {"decimal": 1},
        2**53,
        "a\x00b",
    ],
)
def test_other_parameters_are_refused(client, container, value):
    body = problem_of(submit(client, parameters={"p": value}), "MALFORMED")
    assert body["facts"]["fields"][0]["path"].startswith("parameters.p")
    assert container.jobs.seen == []


@pytest.mark.parametrize(
    "changes",
    [{"extra": 1}, {"environment": "test"}, {"agreement": "../x"}, {"sql": 1}, {"epsilon": 0.5}, {"parameters": {"a-b": 1}}],
)
def test_a_body_that_does_not_fit_is_malformed(client, changes):
    problem_of(submit(client, **changes), "MALFORMED")


def test_a_malformed_answer_names_places_and_never_repeats_values(client):
    answer = submit(client, agreement="秘密值", **{"\u202eodd": 1})
    problem_of(answer, "MALFORMED")
    assert "秘密值" not in answer.text
    assert "\u202e" not in answer.text


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 60_000, b'{"sql": "\\ud800"}', b"1" * 5000, b"null", b""])
def test_broken_json_is_malformed(client, body):
    headers = OPERATOR | {"Content-Type": "application/json", "Idempotency-Key": "k"}
    problem_of(client.post(f"{V1}/jobs", content=body, headers=headers), "MALFORMED")


def test_a_lone_surrogate_in_a_member_name_is_malformed(client):
    headers = OPERATOR | {"Content-Type": "application/json"}
    problem_of(client.post(f"{V1}/sql/check", content=b'{"\\ud800": 1}', headers=headers), "MALFORMED")


def test_a_body_of_another_type_is_refused(client):
    headers = OPERATOR | {"Content-Type": "text/plain", "Idempotency-Key": "k"}
    problem_of(client.post(f"{V1}/jobs", content=b"{}", headers=headers), "UNSUPPORTED_MEDIA")


# --- idempotency


def test_the_same_key_and_request_make_one_job(client, container):
    first, second = submit(client), submit(client)
    assert first.json() == second.json()
    assert len(container.jobs.jobs) == 1


def test_the_same_key_with_another_request_clashes(client):
    submit(client)
    problem_of(submit(client, purpose="other"), "IDEMPOTENCY_CLASH")


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        ("/jobs", OPERATOR, QUERY),
        (f"/jobs/{JOB}/promote", OPERATOR, None),
        (f"/reviews/{REVIEW}/votes", OWNER | {"If-Match": f'"{ETAG}"'}, {"decision": "approve"}),
        (f"/reviews/{REVIEW}/return", OWNER | {"If-Match": f'"{ETAG}"'}, {"comment": "c"}),
        (f"/releases/{RELEASE}/recall", OWNER, {"reason": "r"}),
        (f"/releases/{RELEASE}/replay", AUDITOR, None),
    ],
)
def test_every_post_that_creates_needs_a_key(client, path, headers, body):
    problem_of(client.post(V1 + path, headers=headers, json=body), "IDEMPOTENCY_KEY_MISSING")
    problem_of(client.post(V1 + path, headers=headers | {"Idempotency-Key": "x" * 256}, json=body), "MALFORMED")
    problem_of(client.post(V1 + path, headers=headers | {"Idempotency-Key": ""}, json=body), "MALFORMED")
