"""The database is locked, or its server is gone: everybody waits, and nothing is lost or done twice."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from sandbox.api.app import create_app
from sandbox.jobs.pipeline import Pipeline
from sandbox.jobs.replay.run import Replayer
from sandbox.kernel.db import DatabaseAwayError
from sandbox.kernel.ids import new_id
from sandbox.worker import Worker
from tests.databases import KINDS, postgres, programs
from tests.runs_held import HeldRuns
from tests.small_city import COUNT_SQL, City, ask, small_city

PATIENCE_S = 30.0


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the write lock of a SQLite file, as a backup that went wrong would."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


Outage = Callable[[], ExitStack]


@pytest.fixture(scope="module", params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[City, Outage]]:
    """A city, and what takes its database away for the length of a block."""
    directory = tmp_path_factory.mktemp("outage")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patched:
        patched.setattr("sandbox.kernel.db.BUSY_MS", 50)
        if request.param == "sqlite":
            url = f"sqlite:///{directory / 'city.db'}"

            def outage() -> ExitStack:
                away = ExitStack()
                away.enter_context(locked(directory / "city.db"))
                return away
        else:
            found = programs()
            if found is None:
                pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
            server = stack.enter_context(postgres(found))
            url = server.fresh()

            def outage() -> ExitStack:
                away = ExitStack()
                server.stop()
                away.callback(server.start)
                return away

        city = stack.enter_context(small_city(directory, database=url, lease_s=8))
        city.promote(COUNT_SQL)
        yield city, outage


def eventually(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def submitted(city: City) -> str:
    return str(city.submit(ask(COUNT_SQL, epsilon=f"0.1{time.monotonic_ns() % 10**9:09}"), new_id("key"))["id"])


def test_an_act_says_that_the_database_is_away_and_not_that_it_is_broken(place: tuple[City, Outage]) -> None:
    city, outage = place
    with outage(), pytest.raises(DatabaseAwayError), city.container.db.write():
        raise AssertionError("a block without a transaction")
    with city.container.db.write() as tx:
        assert city.container.ledger.balanced(tx)


def test_who_asks_over_http_is_told_to_ask_again_and_is_then_answered(place: tuple[City, Outage]) -> None:
    city, outage = place
    token = city.container.tenants.issue_token(city.name, None, 1)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": new_id("key")}
    body = {
        "agreement": ask("").agreement,
        "purpose": ask("").purpose,
        "environment": "prod",
        "sql": COUNT_SQL,
        "epsilon": "0.0777",
    }
    with TestClient(create_app(city.container)) as client:
        with outage():
            answer = client.post("/api/v1/jobs", json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
            assert answer.headers["Retry-After"]
        first = client.post("/api/v1/jobs", json=body, headers=headers)
        assert first.status_code == 202, first.json()
        assert client.post("/api/v1/jobs", json=body, headers=headers).json()["id"] == first.json()["id"]


def test_a_worker_goes_on_when_the_database_is_back(place: tuple[City, Outage]) -> None:
    city, outage = place
    job = submitted(city)
    worker = Worker(city.container, city.worker._pipeline, city.worker._replayer)
    with outage():
        serving = threading.Thread(target=worker.serve)
        serving.start()
        time.sleep(0.5)
        assert serving.is_alive()
    eventually(lambda: city.stored([job])[0].state == "in_egress")
    worker.stop()
    serving.join(PATIENCE_S)
    worker.close()
    assert (city.stored([job])[0].fence, serving.is_alive()) == (1, False)


def test_what_a_run_found_while_the_database_was_away_is_kept_when_it_is_back(place: tuple[City, Outage]) -> None:
    """Longer than a lease: it is renewed by its owner, since nobody else judged it."""
    city, outage = place
    runs = HeldRuns()
    parts, steps = city.container.parts, city.container.steps
    worker = Worker(city.container, Pipeline(parts, steps, runs), Replayer(parts, city.container.objects, runs))
    job = submitted(city)
    eventually(lambda: worker.turn() is not None and any(run.spec.job == job for run in runs.begun))
    serving = threading.Thread(target=worker.serve)
    with outage():
        serving.start()
        runs.begun[-1].let_go()
        time.sleep(city.container.settings.lease_s + 1)
    eventually(lambda: city.stored([job])[0].state == "failed")
    worker.stop()
    serving.join(PATIENCE_S)
    worker.close()
    found = city.stored([job])[0]
    assert (found.code, found.fence) == ("RUN_FAILED", 1), "its own end, not that of a lost lease"
    with city.container.db.read() as tx:
        assert city.container.ledger.charge_of(tx, job).state == "committed"
        assert city.container.ledger.balanced(tx)
