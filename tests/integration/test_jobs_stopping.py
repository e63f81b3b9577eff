"""Runs that nobody waits for end at once, and a worker that is told to stop holds on to what it runs."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.jobs.pipeline import Pipeline
from sandbox.jobs.replay.run import Replayer
from sandbox.jobs.replay.store import replays
from sandbox.jobs.store import jobs
from sandbox.kernel.ids import new_id
from sandbox.worker import Worker
from tests.runs_held import HeldRuns
from tests.small_city import COUNT_SQL, City, ask, small_city

PATIENCE_S = 20.0
LONG_AGO = "2000-01-01T00:00:00.000000Z"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[City]:
    directory: Path = tmp_path_factory.mktemp("stopping")
    with small_city(directory, database=module_database_url, lease_s=12) as opened:
        opened.promote(COUNT_SQL)
        yield opened


@pytest.fixture
def held(city: City) -> Iterator[tuple[Worker, HeldRuns]]:
    """A worker beside the city's own, whose runs last as long as a test wants."""
    runs = HeldRuns()
    container = city.container
    pipeline = Pipeline(container.parts, container.steps, runs)
    worker = Worker(container, pipeline, Replayer(container.parts, container.objects, runs))
    yield worker, runs
    runs.close()
    worker.close()


def eventually(true: object) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def begun(city: City, worker: Worker, runs: HeldRuns) -> str:
    """Submit a job and let the worker begin it."""
    job = city.submit(ask(COUNT_SQL, epsilon=f"0.1{time.monotonic_ns() % 10**9:09}"), new_id("key"))["id"]
    eventually(lambda: worker.turn() is not None and any(run.spec.job == job for run in runs.begun))
    return str(job)


def charge(city: City, job: str) -> str:
    with city.container.db.read() as tx:
        entry = city.container.ledger.charge_of(tx, job)
    assert entry is not None
    return entry.state


def test_a_cancelled_job_gives_its_sandbox_back_and_keeps_its_charge(city: City, held: tuple[Worker, HeldRuns]) -> None:
    worker, runs = held
    job = begun(city, worker, runs)
    assert city.container.jobs.cancel(city.analyst, job).as_json()["state"] == "cancelled"
    eventually(lambda: worker.turn() is not None and runs.begun[-1].cancelled.is_set())
    eventually(lambda: worker.turn() is not None and not worker._running)
    assert city.stored([job])[0].state == "cancelled"
    assert charge(city, job) == "committed"


def test_a_job_that_was_taken_over_is_not_run_on(city: City, held: tuple[Worker, HeldRuns]) -> None:
    """The outcome of a lost lease is refused in any case; its sandbox need not finish."""
    worker, runs = held
    job = begun(city, worker, runs)
    with city.container.db.write() as tx:
        tx.execute(jobs.update().where(jobs.c.id == job).values(lease_until=LONG_AGO))
    city.worker._queue.reclaim()
    assert city.stored([job])[0].state == "failed"
    eventually(lambda: worker.turn() is not None and runs.begun[-1].cancelled.is_set())


def test_a_worker_told_to_stop_takes_nothing_and_holds_the_leases_of_what_runs(city: City, held: tuple[Worker, HeldRuns]) -> None:
    worker, runs = held
    job = begun(city, worker, runs)
    until = city.stored([job])[0].lease_until
    waiting = city.submit(ask(COUNT_SQL, epsilon="0.0123"), new_id("key"))["id"]
    worker.stop()
    ending = threading.Thread(target=lambda: (worker.serve(), worker.close()))
    ending.start()
    eventually(lambda: city.stored([job])[0].lease_until > until)
    assert city.stored([waiting])[0].state == "queued"
    assert ending.is_alive()
    runs.begun[-1].let_go()
    ending.join(PATIENCE_S)
    assert not ending.is_alive()
    city.until(job, frozenset({"failed"}))
    assert (city.stored([job])[0].fence, city.stored([job])[0].code) == (1, "RUN_FAILED"), "it was never taken over"
    city.until(waiting, frozenset({"in_egress"}))


def test_a_worker_told_twice_kills_what_runs(city: City, held: tuple[Worker, HeldRuns]) -> None:
    worker, runs = held
    job = begun(city, worker, runs)
    worker.stop()
    worker.stop()
    worker.close()
    assert runs.begun[-1].cancelled.is_set()
    city.until(job, frozenset({"failed"}))
    assert charge(city, job) == "committed"


def test_a_replay_whose_workers_were_all_lost_is_answered_all_the_same(city: City) -> None:
    released = city.release(COUNT_SQL, "to be replayed", "per-ning", "per-li")["release"]
    auditor = city.person("per-zhou")
    demanded = city.container.replay.replay(auditor, released, new_id("key"))["id"]
    replayer = Replayer(city.container.parts, city.container.objects, city.runtime)
    begun = 0
    while replayer.take() is not None:
        begun += 1
        with city.container.db.write() as tx:
            tx.execute(replays.update().values(lease_until=LONG_AGO))
    assert begun == city.container.settings.max_attempts
    answer = city.container.replay.get(auditor, demanded)
    assert (answer["state"], answer["report"]["overall"]) == ("finished", "incomplete")
    assert {step["verdict"] for step in answer["report"]["steps"]} == {"not_checkable"}
    assert replayer.take() is None
