"""Attacks on the HTTP shell: tokens, scopes, oversized bodies, planted exception texts, telemetry by environment."""

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from sandbox.api.app import create_app
from sandbox.api.routes import ANY, OPEN, PREFIX, ROUTES
from sandbox.jobs.model import JobEvent
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.logs import TextlessFormatter
from sandbox.kernel.roles import Role
from tests.apply_directory import documents
from tests.fakes_api import (
    AGREEMENT,
    CANARY,
    ETAG,
    JOB,
    RELEASE,
    REPLAY,
    REVIEW,
    TOKEN,
    FakeContainer,
    bearer,
    fake_container,
    token,
)

QUERY = {"agreement": "agr-1", "purpose": "planning", "environment": "dev", "sql": "SELECT 1"}
KEYED = {"Idempotency-Key": "k", "If-Match": f'"{ETAG}"'}

OPERATOR, APPLICATION, OWNER, AUTHORITY = Role.OPERATOR, Role.APPLICATION, Role.REVIEWER_OWNER, Role.REVIEWER_AUTHORITY
AUDITOR, ADMIN_AUDIT = Role.AUDITOR, Role.ADMIN_AUDIT
PEOPLE = frozenset(Role) - {Role.SYSTEM}
REVIEWERS = frozenset({OWNER, AUTHORITY})
PARTIES = REVIEWERS | {OPERATOR, APPLICATION, AUDITOR}

MAY: dict[str, frozenset[Role]] = {
    "check_sql": frozenset({OPERATOR}),
    "submit_job": frozenset({OPERATOR}),
    "list_jobs": frozenset({OPERATOR}),
    "get_job": frozenset({OPERATOR}),
    "job_events": frozenset({OPERATOR}),
    "cancel_job": frozenset({OPERATOR}),
    "promote_job": frozenset({OPERATOR}),
    "list_reviews": REVIEWERS | {OPERATOR},
    "get_review": REVIEWERS | {OPERATOR},
    "vote_review": REVIEWERS,
    "return_review": REVIEWERS,
    "package_review": REVIEWERS,
    "revise_review": frozenset({OPERATOR}),
    "withdraw_review": frozenset({OPERATOR}),
    "list_releases": PARTIES,
    "get_release": PARTIES,
    "get_release_content": PARTIES,
    "get_release_bundle": PARTIES,
    "recall_release": REVIEWERS,
    "replay_release": frozenset({AUTHORITY, AUDITOR}),
    "get_replay": frozenset({AUTHORITY, AUDITOR}),
    "list_agreements": PARTIES,
    "get_agreement": PARTIES,
    "suspend_agreement": frozenset({AUTHORITY}),
    "resume_agreement": frozenset({AUTHORITY}),
    "end_agreement": frozenset({AUTHORITY}),
    "simulate_policy": frozenset({Role.ADMIN_SECURITY}),
    "list_budgets": REVIEWERS | {OPERATOR, AUDITOR},
    "list_audit_events": PARTIES | {ADMIN_AUDIT},
    "get_checkpoint": PARTIES | {ADMIN_AUDIT},
    "get_audit_proof": PARTIES | {ADMIN_AUDIT},
    "get_audit_consistency": PARTIES | {ADMIN_AUDIT},
    "trace_lineage": PARTIES,
    "get_system": frozenset({Role.ADMIN_SYSTEM}),
    "issue_token": frozenset({Role.ADMIN_SECURITY}),
    "revoke_token": frozenset({Role.ADMIN_SECURITY}),
    "get_keys": PEOPLE,
    "get_health": PEOPLE,
    "get_me": PEOPLE,
}
"""Who may use which route, written down a second time on purpose: a scope that widens must change this table too."""

BODIES = {
    "check_sql": QUERY,
    "submit_job": QUERY,
    "vote_review": {"decision": "approve"},
    "return_review": {"comment": "c"},
    "revise_review": {"comment": "c"},
    "recall_release": {"reason": "r"},
    "issue_token": {"person": "per-x", "days": 1},
    "simulate_policy": {"agreement": AGREEMENT.id, "policy": documents()["policies/clinic.yaml"] | {"agreement": AGREEMENT.id}},
    "suspend_agreement": {"reason": "r"},
    "resume_agreement": {"reason": "r"},
    "end_agreement": {"reason": "r"},
}
QUERIES = {"get_audit_proof": "?index=0", "get_audit_consistency": "?old=1&new=2"}


@pytest.fixture
def container(tmp_path: Path) -> Iterator[FakeContainer]:
    made = fake_container(tmp_path)
    final = JobEvent(1, "job.released", "2026-11-23T08:00:00.000000Z", "released")
    made.jobs.progress = (final,)
    yield made
    made.db.close()


@pytest.fixture
def client(container: FakeContainer) -> Iterator[TestClient]:
    with TestClient(create_app(container)) as made:
        yield made


def call(client: TestClient, operation: str, headers: dict[str, str]):
    route = next(route for route in ROUTES if route.operation == operation)
    name = {
        "reviews": REVIEW,
        "releases": RELEASE,
        "lineage": RELEASE,
        "replays": REPLAY,
        "agreements": AGREEMENT.id,
        "tokens": TOKEN,
    }.get(route.path.split("/")[1], JOB)
    path = PREFIX + route.path.replace("{id}", name) + QUERIES.get(operation, "")
    return client.request(route.method, path, headers=KEYED | headers, json=BODIES.get(operation))


def submit(client: TestClient) -> None:
    answer = client.post(f"{PREFIX}/jobs", json=QUERY, headers=bearer(OPERATOR) | {"Idempotency-Key": "first"})
    assert answer.status_code == 202


# --- who may do what


def test_the_table_of_rights_names_every_route():
    assert set(MAY) == {route.operation for route in ROUTES}


@pytest.mark.parametrize("role", sorted(PEOPLE))
@pytest.mark.parametrize("operation", sorted(MAY))
def test_each_role_passes_where_it_may_and_nowhere_else(client, container, operation, role):
    submit(client)
    answer = call(client, operation, bearer(role))
    if role in MAY[operation]:
        assert answer.status_code in {200, 201, 202}
    else:
        assert answer.status_code == 403
        assert answer.json()["code"] == "SCOPE_MISSING"
        assert answer.headers["www-authenticate"].startswith('Bearer realm="yunei", error="insufficient_scope"')


@pytest.mark.parametrize(
    "credentials",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic eW46", f"bearer  {token(OPERATOR)} x", token(OPERATOR), "Bearer \xff"],
)
@pytest.mark.parametrize("operation", sorted(MAY))
def test_without_a_valid_token_only_open_routes_answer(client, operation, credentials):
    headers = {} if credentials is None else {"Authorization": credentials.encode("latin-1")}
    answer = call(client, operation, headers)
    if next(route for route in ROUTES if route.operation == operation).scope == OPEN:
        assert answer.status_code == 200
    else:
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="yunei"'


def test_only_keys_and_health_are_open_and_only_me_needs_no_scope():
    assert {route.operation for route in ROUTES if route.scope == OPEN} == {"get_keys", "get_health"}
    assert {route.operation for route in ROUTES if route.scope == ANY} == {"get_me"}


def test_a_token_is_judged_before_the_body_is(client):
    answer = client.post(f"{PREFIX}/jobs", json={"wrong": 1})
    assert answer.status_code == 401


# --- no text of a defect leaves


FAULTS = [
    RuntimeError(CANARY),
    KeyError(CANARY),
    ExceptionGroup(CANARY, [ValueError(CANARY)]),
    YuneiError("KEY_MISSING", key=CANARY),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("operation", ["check_sql", "submit_job", "get_job"])
def test_a_defect_answers_with_a_trace_id_and_logs_no_text(client, container, caplog, capsys, operation, fault):
    container.jobs.fault = fault
    with capture_logs() as lines, caplog.at_level(logging.DEBUG):
        answer = call(client, operation, bearer(OPERATOR))
    body = answer.json()
    assert (answer.status_code, body["code"]) == (500, "DEFECT")
    assert set(body) == {"type", "title", "status", "code", "titles", "trace_id"}
    assert body["trace_id"] in {line["trace"] for line in lines}
    printed = capsys.readouterr()
    assert CANARY not in answer.text + str(lines) + caplog.text + printed.out + printed.err


def test_changed_bytes_are_told_by_name_and_no_more(client, container):
    container.jobs.fault = YuneiError("STORED_BYTES_CHANGED", path=CANARY)
    with capture_logs() as lines:
        answer = call(client, "get_job", bearer(OPERATOR))
    assert (answer.status_code, answer.json()["code"]) == (500, "STORED_BYTES_CHANGED")
    assert set(answer.json()) == {"type", "title", "status", "code", "titles", "trace_id"}
    assert CANARY not in answer.text + str(lines)


def test_a_defect_is_logged_by_class_name(client, container):
    container.jobs.fault = ExceptionGroup(CANARY, [ValueError(CANARY), KeyError(CANARY)])
    with capture_logs() as lines:
        call(client, "get_job", bearer(OPERATOR))
    assert lines[0]["kinds"] == ["KeyError", "ValueError"]


def test_a_defect_in_a_running_stream_cuts_it_off_without_text(client, container, caplog, capsys, monkeypatch):
    async def instantly(_seconds: float) -> None:
        return None

    monkeypatch.setattr("sandbox.api.events.pause", instantly)
    submit(client)
    container.jobs.progress = (JobEvent(1, "job.queued", "2026-11-23T08:00:00.000000Z", "queued"),)
    container.jobs.stream_fault = RuntimeError(CANARY)
    with capture_logs() as lines, caplog.at_level(logging.DEBUG):
        answer = call(client, "job_events", bearer(OPERATOR))
    printed = capsys.readouterr()
    assert "id: 1" in answer.text
    assert CANARY not in answer.text + str(lines) + caplog.text + printed.out + printed.err
    assert lines[0]["event"] == "defect"


def test_an_answer_that_does_not_fit_its_own_schema_is_a_defect_without_text(client, container):
    submit(client)
    next(iter(container.jobs.jobs.values())).state = [CANARY]  # type: ignore[assignment]
    answer = call(client, "get_job", bearer(OPERATOR))
    assert answer.json()["code"] == "DEFECT"
    assert CANARY not in answer.text


def test_an_unavailable_service_says_so_without_facts(client, container):
    container.jobs.fault = YuneiError("UNAVAILABLE", reason=CANARY)
    answer = call(client, "get_job", bearer(OPERATOR))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "facts" not in answer.json()


def test_library_records_keep_no_text():
    record = logging.makeLogRecord({"name": "asyncio", "levelname": "ERROR", "msg": CANARY, "exc_info": None})
    assert CANARY not in TextlessFormatter().format(record)
    trouble = (RuntimeError, RuntimeError(CANARY), None)
    record = logging.makeLogRecord({"name": "uvicorn.error", "levelname": "ERROR", "msg": CANARY, "exc_info": trouble})
    line = json.loads(TextlessFormatter().format(record))
    assert line == {"event": "library", "logger": "uvicorn.error", "level": "error", "kind": "RuntimeError"}


# --- the access log


def test_one_line_a_request_with_the_template_and_never_the_path(client):
    with capture_logs() as lines:
        client.get(f"{PREFIX}/jobs/{CANARY}?token={CANARY}", headers=bearer(OPERATOR) | {"X-Secret": token(OPERATOR)})
        client.get(f"/{CANARY}")
        client.request("BREW", f"{PREFIX}/jobs")
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", f"{PREFIX}/jobs/{{id}}", 422),
        ("GET", "unmatched", 404),
        ("other", f"{PREFIX}/jobs", 405),
    ]
    assert all(set(line) == {"event", "log_level", "method", "route", "status", "trace"} for line in lines)
    assert CANARY not in str(lines)
    assert token(OPERATOR) not in str(lines)


# --- size


def test_a_declared_body_above_the_limit_is_refused_unread(client, container):
    answer = client.post(f"{PREFIX}/sql/check", content=b"x" * 65_537, headers=bearer(OPERATOR))
    assert answer.json()["code"] == "TOO_LARGE"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["facts"] == {"max_body_bytes": 65_536}


def test_an_undeclared_body_is_read_up_to_the_limit(client, container):
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        for number in range(64):
            sent.append(number)
            yield b" " * 4096

    headers = bearer(OPERATOR) | {"Content-Type": "application/json"}
    answer = client.post(f"{PREFIX}/sql/check", content=endless(), headers=headers)
    assert answer.json()["code"] == "TOO_LARGE"
    assert container.jobs.seen == []


def test_a_body_at_the_limit_passes(client):
    body = json.dumps(QUERY).encode()
    padded = body + b" " * (65_536 - len(body))
    headers = bearer(OPERATOR) | {"Content-Type": "application/json"}
    assert client.post(f"{PREFIX}/sql/check", content=padded, headers=headers).status_code == 200


@pytest.mark.parametrize("declared", ["9" * 400, "-1", "1e9", "٣", "x"])
def test_odd_declared_lengths_are_no_defect(client, declared):
    headers = bearer(OPERATOR) | {"Content-Type": "application/json", "Content-Length": declared.encode()}
    answer = client.post(f"{PREFIX}/sql/check", content=json.dumps(QUERY).encode(), headers=headers)
    assert answer.status_code in {200, 413}


# --- telemetry


@pytest.fixture
def collector() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


class Exporting:
    """A tracer provider as a deployment's library might install it for the whole process."""

    def get_tracer(self, *_args: object, **_facts: object):
        raise AssertionError("the framework traces")


def test_no_environment_variable_makes_the_framework_export(container, collector, monkeypatch, caplog):
    port = collector.getsockname()[1]
    for name, value in {
        "FASTAPI_OTEL_AUTO_CONFIGURE": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("opentelemetry.trace.get_tracer_provider", Exporting)
    app = create_app(container)
    assert app._native_telemetry.enabled() is False
    with TestClient(app) as client:  # the life span is where the framework would register its exporters
        assert client.get(f"{PREFIX}/health").status_code == 200
    assert "telemetry" not in caplog.text  # it warns where it tried and failed
    with pytest.raises(BlockingIOError):
        collector.accept()
