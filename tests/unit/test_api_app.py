"""Routes, one by one, over services in memory."""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sandbox.api.app import create_app
from sandbox.api.guard import SECURITY_HEADERS
from sandbox.api.routes import ROUTES
from sandbox.jobs.model import JobEvent
from sandbox.kernel.audit.model import parse_opening, proves
from sandbox.kernel.errors import CATALOGUE
from sandbox.kernel.roles import Role
from tests.fakes_api import CANARY, ETAG, JOB, RELEASE, REVIEW, UNKNOWN, FakeContainer, bearer, fake_container

V1 = "/api/v1"
OPERATOR, OWNER, AUDITOR = bearer(Role.OPERATOR), bearer(Role.REVIEWER_OWNER), bearer(Role.AUDITOR)
QUERY = {
    "agreement": "agr-1",
    "purpose": "planning",
    "environment": "dev",
    "sql": "SELECT count(*) FROM residents",
    "parameters": {},
}


@pytest.fixture
def container(tmp_path: Path) -> Iterator[FakeContainer]:
    made = fake_container(tmp_path)
    yield made
    made.db.close()


@pytest.fixture
def client(container: FakeContainer) -> Iterator[TestClient]:
    with TestClient(create_app(container)) as made:
        yield made


def submit(client: TestClient, key: str = "key-1", **changes: object):
    return client.post(f"{V1}/jobs", json=QUERY | changes, headers=OPERATOR | {"Idempotency-Key": key})


def problem_of(answer, code: str) -> dict:
    """Check the whole shape of one refusal."""
    kind = CATALOGUE[code]
    body = answer.json()
    assert answer.status_code == kind.status == body["status"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["code"] == code
    assert body["titles"] == {"zh": kind.zh, "en": kind.en}
    assert body["title"] in {kind.zh, kind.en}
    assert body["type"] == f"/docs/errors.md#{code.lower()}"
    assert set(body) <= {"type", "title", "status", "code", "titles", "rule", "span", "findings", "facts", "trace_id"}
    assert ("trace_id" in body) == (kind.status == 500)
    return body


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


# --- jobs


def test_jobs_come_in_pages(client):
    for number in range(3):
        submit(client, key=f"key-{number}", purpose=f"p{number}")
    first = client.get(f"{V1}/jobs?limit=2", headers=OPERATOR).json()
    second = client.get(f"{V1}/jobs", params={"limit": 2, "after": first["next"]}, headers=OPERATOR).json()
    assert [len(first["items"]), len(second["items"]), second["next"]] == [2, 1, None]


def test_a_job_is_cancelled_once(client):
    submit(client)
    assert client.post(f"{V1}/jobs/{JOB}/cancel", headers=OPERATOR).json()["state"] == "cancelled"
    problem_of(client.post(f"{V1}/jobs/{JOB}/cancel", headers=OPERATOR), "ILLEGAL_TRANSITION")


def test_a_job_is_promoted(client):
    submit(client)
    answer = client.post(f"{V1}/jobs/{JOB}/promote", headers=OPERATOR | {"Idempotency-Key": "k"})
    assert answer.json()["job"] == JOB


@pytest.mark.parametrize(
    ("path", "role"),
    [
        (f"/jobs/{UNKNOWN}", Role.OPERATOR),
        (f"/jobs/{UNKNOWN}/events", Role.OPERATOR),
        (f"/reviews/{UNKNOWN}", Role.REVIEWER_OWNER),
        (f"/releases/{UNKNOWN}", Role.APPLICATION),
        (f"/releases/{UNKNOWN}/content", Role.APPLICATION),
        (f"/lineage/{UNKNOWN}", Role.AUDITOR),
        ("/audit/proof?index=99", Role.AUDITOR),
        ("/nothing", Role.AUDITOR),
        ("/jobs/", Role.OPERATOR),
    ],
)
def test_what_is_not_there_is_not_found(client, path, role):
    problem_of(client.get(V1 + path, headers=bearer(role)), "NOT_FOUND")


# --- server-sent events


def progress() -> tuple[JobEvent, ...]:
    steps = ("queued", "running", "protected", "in_egress", "released")
    return tuple(JobEvent(seq, f"job.{state}", "2026-11-23T08:00:00.000000Z", state) for seq, state in enumerate(steps, 1))


def ids_of(text: str) -> list[str]:
    return [line.removeprefix("id: ") for line in text.splitlines() if line.startswith("id: ")]


@pytest.fixture
def no_pause(monkeypatch) -> None:
    async def instantly(_seconds: float) -> None:
        return None

    monkeypatch.setattr("sandbox.api.events.pause", instantly)


@pytest.mark.usefixtures("no_pause")
def test_progress_is_streamed_until_the_job_ends(client, container):
    submit(client)
    container.jobs.progress = progress()
    answer = client.get(f"{V1}/jobs/{JOB}/events", headers=OPERATOR)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert ids_of(answer.text) == ["1", "2", "3", "4", "5"]
    assert container.jobs.polls == 3
    assert 'data: {"seq": 5, "type": "job.released"' in answer.text


@pytest.mark.usefixtures("no_pause")
def test_a_stream_resumes_after_the_last_event(client, container):
    submit(client)
    container.jobs.progress = progress()
    answer = client.get(f"{V1}/jobs/{JOB}/events", headers=OPERATOR | {"Last-Event-ID": "3"})
    assert ids_of(answer.text) == ["4", "5"]
    problem_of(client.get(f"{V1}/jobs/{JOB}/events", headers=OPERATOR | {"Last-Event-ID": "x"}), "MALFORMED")


@pytest.mark.usefixtures("no_pause")
def test_a_stream_resumed_after_the_last_event_ends(client, container):
    submit(client)
    container.jobs.progress = progress()
    container.jobs.jobs[JOB].state = "released"
    assert client.get(f"{V1}/jobs/{JOB}/events", headers=OPERATOR | {"Last-Event-ID": "5"}).text == ""
    assert container.jobs.polls == 2


@pytest.mark.usefixtures("no_pause")
def test_a_stream_of_a_job_that_does_not_end_is_bounded(client, container):
    submit(client)
    assert client.get(f"{V1}/jobs/{JOB}/events", headers=OPERATOR).text == ""
    assert container.jobs.polls == 300


# --- reviews


def test_evidence_carries_the_digest_that_votes_bind(client):
    assert client.get(f"{V1}/reviews/{REVIEW}", headers=OWNER).headers["etag"] == f'"{ETAG}"'


def vote(client, if_match: str | None = f'"{ETAG}"', path: str = "votes", **body: str):
    headers = OWNER | {"Idempotency-Key": "k"} | ({} if if_match is None else {"If-Match": if_match})
    return client.post(f"{V1}/reviews/{REVIEW}/{path}", headers=headers, json=body)


def test_a_vote_needs_the_digest_that_was_read(client):
    problem_of(vote(client, None, decision="approve"), "IF_MATCH_MISSING")
    for stale in (f'"sha256:{"1" * 64}"', "*", f'W/"{ETAG}"', ETAG, f'"{ETAG}", "{ETAG}"', "", "\xe9"):
        problem_of(vote(client, stale.encode("latin-1"), decision="approve"), "IF_MATCH_FAILED")
    assert vote(client, decision="approve").status_code == 200


def test_a_return_needs_a_comment(client):
    problem_of(vote(client, decision="return"), "COMMENT_REQUIRED")
    problem_of(vote(client, path="return", comment=""), "MALFORMED")
    assert vote(client, path="return", comment="分组过细").status_code == 200


def test_the_applicant_answers_a_return(client):
    revised = client.post(f"{V1}/reviews/{REVIEW}/revise", headers=OPERATOR, json={"comment": "已说明用途"})
    assert (revised.json()["state"], revised.headers["etag"]) == ("in_review", f'"{ETAG}"')
    assert client.post(f"{V1}/reviews/{REVIEW}/withdraw", headers=OPERATOR).json()["state"] == "withdrawn"


def test_a_failed_packaging_is_tried_again(client):
    answer = client.post(f"{V1}/reviews/{REVIEW}/package", headers=bearer(Role.REVIEWER_AUTHORITY))
    assert answer.json() == {"id": REVIEW, "state": "released"}


def test_only_declared_members_are_sent(client):
    assert CANARY not in submit(client).text
    assert set(client.get(f"{V1}/reviews", headers=OWNER).json()["items"][0]) == {"id", "job", "agreement", "state"}
    assert CANARY not in client.get(f"{V1}/releases", headers=OWNER).text
    assert CANARY not in client.get(f"{V1}/releases/{RELEASE}", headers=OWNER).text


# --- releases


@pytest.mark.parametrize(
    ("chosen", "media"),
    [
        ("csv", "text/csv; charset=utf-8"),
        ("json", "application/json"),
        ("parquet", "application/vnd.apache.parquet"),
        ("arrow", "application/vnd.apache.arrow.file"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)
def test_content_comes_as_an_attachment(client, chosen, media):
    answer = client.get(f"{V1}/releases/{RELEASE}/content?format={chosen}", headers=bearer(Role.APPLICATION))
    assert answer.headers["content-type"] == media
    assert answer.headers["content-disposition"] == f'attachment; filename="{RELEASE}.{chosen}"'
    assert answer.headers["content-digest"] == f"sha-256=:{b64encode(sha256(answer.content).digest()).decode()}:"


def test_a_recalled_release_is_gone(client):
    recalled = client.post(f"{V1}/releases/{RELEASE}/recall", headers=OWNER | {"Idempotency-Key": "k"}, json={"reason": "错误"})
    assert recalled.json()["fetched"][0]["organisation"] == "org-application"
    problem_of(client.get(f"{V1}/releases/{RELEASE}/content", headers=bearer(Role.APPLICATION)), "RELEASE_RECALLED")


def test_a_replay_is_demanded_and_looked_at(client):
    demanded = client.post(f"{V1}/releases/{RELEASE}/replay", headers=AUDITOR | {"Idempotency-Key": "k"})
    assert demanded.status_code == 202
    assert client.get(demanded.headers["location"], headers=AUDITOR).json()["state"] == "requested"


# --- evidence


def test_an_auditor_opens_all_events_and_others_their_own(client, container):
    everything = client.get(f"{V1}/audit/events", headers=AUDITOR).json()
    own = client.get(f"{V1}/audit/events", headers=OPERATOR).json()
    assert [item["event"]["type"] for item in everything["items"]] == ["job.submitted", "release.packaged"]
    assert [item["event"]["type"] for item in own["items"]] == ["job.submitted"]


def test_audit_events_come_in_pages(client):
    first = client.get(f"{V1}/audit/events?limit=1", headers=AUDITOR).json()
    assert first["next"] == 0
    second = client.get(f"{V1}/audit/events?limit=1&after=0", headers=AUDITOR).json()
    assert (second["items"][0]["index"], second["next"]) == (1, None)


def test_an_outsider_proves_an_event_from_answers_alone(client):
    opening = parse_opening(client.get(f"{V1}/audit/events", headers=OPERATOR).json()["items"][0])
    proof = client.get(f"{V1}/audit/proof?index={opening.index}", headers=OPERATOR)
    assert proof.headers["content-type"] == "text/plain; charset=utf-8"
    keys = client.get(f"{V1}/keys").json()
    assert proves(proof.text, opening, "yunei/test", b64decode(keys["log"]))


def test_the_log_gives_heads_and_consistency(client):
    assert client.get(f"{V1}/audit/checkpoint", headers=AUDITOR).text.startswith("yunei/test\n2\n")
    proof = client.get(f"{V1}/audit/consistency?old=1&new=2", headers=AUDITOR).json()
    assert (proof["old"], proof["new"], len(proof["hashes"])) == (1, 2, 1)
    problem_of(client.get(f"{V1}/audit/consistency?old=2&new=1", headers=AUDITOR), "NOT_FOUND")


def test_me_keys_health_budgets_and_lineage(client):
    assert client.get(f"{V1}/me", headers=OPERATOR).json()["roles"] == ["operator"]
    assert client.get(f"{V1}/health").json() == {"status": "ok"}
    assert set(client.get(f"{V1}/keys").json()) == {"log", "service", "owner-org-institution"}
    assert client.get(f"{V1}/budgets", headers=OPERATOR).json() == {"agreements": [], "datasets": []}
    down = client.get(f"{V1}/lineage/{RELEASE}?direction=down", headers=AUDITOR).json()
    assert down["edges"] == [{"from": RELEASE, "to": "org-application"}]


# --- form


@pytest.mark.parametrize("query", ["?stat=queued", "?limit=1&limit=2", "?limit=0", "?limit=101", "?limit=x", "?after=%00"])
def test_query_parameters_that_are_not_declared_are_refused(client, query):
    problem_of(client.get(f"{V1}/jobs{query}", headers=OPERATOR), "MALFORMED")


@pytest.mark.parametrize(
    "name", ["%00", "a%00b", "..%2f..", "%0a", "job-%E5%BC%A0", "JOB-" + "a" * 26, "job-" + "a" * 27, "%ff%fe"]
)
def test_odd_identifiers_never_reach_a_service(client, name):
    answer = client.get(f"{V1}/jobs/{name}", headers=OPERATOR)
    assert answer.status_code in {404, 422}


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"])
def test_other_methods_are_answered_with_what_is_allowed(client, method):
    answer = client.request(method, f"{V1}/jobs", headers=OPERATOR | {"Origin": "https://example.org"})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/health", "/jobs", "/nothing", "/openapi.json"])
def test_every_answer_carries_the_security_headers(client, path):
    answer = client.get(V1 + path)
    assert {name: answer.headers.get_list(name) for name in SECURITY_HEADERS} == {k: [v] for k, v in SECURITY_HEADERS.items()}


@pytest.mark.parametrize("path", ["/docs", "/redoc", f"{V1}/docs"])
def test_no_page_is_served(client, path):
    problem_of(client.get(path), "NOT_FOUND")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "zh"),
        ("en", "en"),
        ("en-GB,zh;q=0.5", "en"),
        ("zh-CN, en;q=0.9", "zh"),
        ("fr, en;q=0.2", "en"),
        ("en;q=0, zh;q=0", "zh"),
        ("*", "zh"),
        ("en;q=9", "zh"),
        ("," * 5000, "zh"),
    ],
)
def test_titles_come_in_the_language_asked_for(client, accept, chosen):
    answer = client.get(f"{V1}/nothing", headers={} if accept is None else {"Accept-Language": accept})
    assert answer.headers["content-language"] == chosen
    assert answer.json()["title"] == answer.json()["titles"][chosen]


def test_the_document_is_complete_and_stable(client):
    document = client.get(f"{V1}/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations) == len(ROUTES)
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for operation in operations:
        for status, answer in operation["responses"].items():
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"]
