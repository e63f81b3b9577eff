"""Jobs and their progress, over services in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sandbox.api.app import create_app
from sandbox.jobs.model import JobEvent, Wish
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.roles import Role
from tests.api_steps import OPERATOR, V1, problem_of, submit
from tests.fakes_api import JOB, UNKNOWN, FakeContainer, bearer, fake_container


@pytest.fixture
def container(tmp_path: Path) -> Iterator[FakeContainer]:
    made = fake_container(tmp_path)
    yield made
    made.db.close()


@pytest.fixture
def client(container: FakeContainer) -> Iterator[TestClient]:
    with TestClient(create_app(container)) as made:
        yield made


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


# --- the queue


def test_a_submission_may_say_how_urgent_it_is(client, container):
    assert submit(client, priority="high", deadline_s=60).json()["priority"] == "high"
    assert container.jobs.jobs[JOB].wish == Wish("high", 60)


@pytest.mark.parametrize("wrong", [{"priority": "urgent"}, {"priority": None}, {"deadline_s": 0}, {"deadline_s": "60"}])
def test_an_unknown_urgency_is_refused(client, wrong):
    problem_of(submit(client, **wrong), "MALFORMED")


def test_a_full_queue_is_told_when_to_ask_again(client, container):
    container.jobs.fault = YuneiError("QUEUE_FULL", max_queued_per_tenant=3)
    answer = submit(client)
    problem_of(answer, "QUEUE_FULL")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
