"""A small synthetic city with every real part in one process; the worker is turned by hand, so tests decide when."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policies.query import SubmittedQuery
from sandbox.bootstrap import Container, build
from sandbox.cli.city import CitySize, write_city
from sandbox.isolation.process import ProcessRuntime
from sandbox.jobs import store
from sandbox.jobs.apply import apply
from sandbox.jobs.model import ANY_TIME, JOB, Job, Wish
from sandbox.jobs.pipeline import Pipeline
from sandbox.jobs.replay.run import Replayer
from sandbox.kernel.clock import Clock
from sandbox.kernel.db import Database
from sandbox.kernel.ids import new_id
from sandbox.kernel.settings import Settings
from sandbox.migrations.upgrade import upgrade
from sandbox.worker import Worker
from tenants.model import Principal

AGREEMENT, PURPOSE = "agr-clinic-usage", "public_health_planning"
COUNT_SQL = "SELECT gender, count(DISTINCT resident_id) AS n FROM residents GROUP BY gender"
AVERAGE_SQL = """\
SELECT h.tier, avg(v.cost) AS cost, count(*) AS n FROM visits v
JOIN residents r ON v.resident_id = r.resident_id JOIN hospitals h ON v.hospital = h.hospital GROUP BY h.tier"""
ENDED = JOB.final
SETTLED = frozenset({"in_egress", "failed"})
"""Where a job waits for people, or waits no more."""


def ask(sql: str, environment: str = "prod", **changes: Any) -> SubmittedQuery:
    """Return a query under the city's main agreement."""
    values = {"agreement": AGREEMENT, "purpose": PURPOSE, "environment": environment, "sql": sql, "parameters": {}}
    return SubmittedQuery(**{**values, **changes})


@dataclass
class City:
    """The city's services and the people who use them."""

    container: Container
    runtime: ProcessRuntime
    worker: Worker
    directory: Path
    name: str

    def person(self, name: str) -> Principal:
        tenants = self.container.tenants
        return tenants.authenticate(tenants.issue_token(name, None, 1))

    @property
    def analyst(self) -> Principal:
        return self.person(self.name)

    def submit(self, query: SubmittedQuery, key: str, wish: Wish = ANY_TIME) -> dict[str, Any]:
        return self.container.jobs.submit(self.analyst, query, key, wish).as_json()

    def until(self, job: str, states: frozenset[str], seconds: float = 30.0) -> dict[str, Any]:
        """Turn the worker until the job is in one of `states`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.worker.turn()
            view = self.container.jobs.get(self.analyst, job).as_json()
            if view["state"] in states:
                return view
            time.sleep(0.02)
        raise AssertionError(f"the job stayed {view['state']} {view['code']}")

    def stored(self, jobs: Iterable[str]) -> list[Job]:
        """Return jobs as the database has them."""
        with self.container.db.read() as tx:
            return [job for name in jobs if (job := store.by_id(tx, name)) is not None]

    def worker_environment(self, **own: str) -> dict[str, str]:
        """Return the environment of a worker process on the city's database and data, with settings of its own."""
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "YUNEI_DATA_DIR": str(self.container.settings.data_dir),
            "YUNEI_DATABASE_URL": self.container.settings.database,
            "YUNEI_REQUIRED_LEVEL": "1",
            **own,
        }

    def replayed(self, release: str) -> dict[int, str]:
        """Replay a release as its auditor and return the verdict of each step."""
        auditor = self.person("per-zhou")
        made = self.container.replay.replay(auditor, release, new_id("key"))
        replayer = Replayer(self.container.parts, self.container.objects, self.runtime)
        replayer.make(replayer.take())
        report = self.container.replay.get(auditor, made["id"])["report"]
        return {step["step"]: step["verdict"] for step in report["steps"]}

    def promote(self, sql: str, **changes: Any) -> None:
        """Run a text in dev and promote it."""
        job = self.submit(ask(sql, "dev", **changes), f"dev {sql}")
        done = self.until(job["id"], ENDED)
        assert (done["state"], done["code"]) == ("released", None)
        self.container.jobs.promote(self.analyst, job["id"], f"promote {sql}")

    def review(self, request: str, *people: str, decision: str = "approve") -> None:
        """Let people vote on what they see."""
        for name in people:
            person = self.person(name)
            etag = self.container.reviews.get(person, request)["etag"]
            self.container.reviews.vote(person, request, decision, "seen", etag, f"{name} {request}")

    def release(self, sql: str, key: str, *people: str) -> dict[str, Any]:
        """Take a promoted text through prod to its release."""
        job = self.submit(ask(sql), key)
        waiting = self.until(job["id"], frozenset({"in_egress", "released", "failed"}))
        self.review(waiting["review"], *(people or ("per-ning", "per-wang")))
        return self.until(job["id"], ENDED)


@contextmanager
def small_city(
    directory: Path,
    clock: Clock | None = None,
    residents: int = 1000,
    visits: int = 4000,
    database: str | None = None,
    **own: Any,
) -> Iterator[City]:
    """Build a synthetic city below `directory` and open it, with settings of its `own`."""
    write_city(directory / "city", CitySize(residents, visits))
    with city_of(directory, clock, database=database, **own) as city:
        yield city


@contextmanager
def city_of(
    directory: Path, clock: Clock | None = None, analyst: str = "per-an", database: str | None = None, **own: Any
) -> Iterator[City]:
    """Apply `directory`/city and open everything over it."""
    settings = Settings(data_dir=directory / "data", database_url=database, required_level=1, rate_per_minute=0, **own)
    settings.data_dir.mkdir()
    db = Database(settings.database)
    upgrade(db)
    db.close()
    runtime = ProcessRuntime(required_level=1)
    with build(settings, clock) as container:
        apply(container, directory / "city", "system")
        pipeline = Pipeline(container.parts, container.steps, runtime)
        worker = Worker(container, pipeline, Replayer(container.parts, container.objects, runtime))
        try:
            yield City(container, runtime, worker, directory, analyst)
        finally:
            worker.close()
            runtime.close()
