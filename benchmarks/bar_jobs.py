"""One governed job, stage by stage, beside the analyst's own SQL on the same extract in plain DuckDB.

The operator's view: measured around the worker's own calls, not by the ticks that tenants see.
"""

import statistics
import time
from collections.abc import Callable

import duckdb
from city import AGREEMENT, FEW_GROUPS, submitted
from figures import Figure, Json, quantile, spread
from installation import container_of, site

from sandbox.bootstrap import Container
from sandbox.isolation.process import ProcessRuntime
from sandbox.jobs import store
from sandbox.jobs.pipeline import Pipeline
from sandbox.jobs.queue import Queue
from sandbox.jobs.replay.run import Replayer
from sandbox.kernel.ids import new_id
from sandbox.worker import Worker
from tenants.model import Principal

_ROUNDS, _WARM = 25, 3


def measure() -> tuple[Figure, ...]:
    """Measure on a million visits, in prod, at ε 0.05 a job so that the budget lasts."""
    with site(200_000, 1_000_000) as place, container_of(place) as container:
        principal = container.tenants.authenticate(place.token)
        runtime = ProcessRuntime(required_level=place.level)
        try:
            pipeline = Pipeline(container.parts, container.steps, runtime)
            _promote(container, Worker(container, pipeline, Replayer(container.parts, container.objects, runtime)), principal)
            rounds = _rounds(container, pipeline, principal)
        finally:
            runtime.close()
    return _figures(rounds[_WARM:], place.level)


def _promote(container: Container, worker: Worker, principal: Principal) -> None:
    """Take the query through dev, as its analyst has to."""
    job = container.jobs.submit(principal, submitted(FEW_GROUPS, "dev"), "bench-dev").job.id
    while (state := container.jobs.get(principal, job).job.state) != "released":
        if state in {"failed", "blocked", "expired"}:
            raise TypeError(f"the dev job ended {state}")
        worker.turn()
        time.sleep(0.02)
    worker.close()
    container.jobs.promote(principal, job, "bench-promotion")


def _rounds(container: Container, pipeline: Pipeline, principal: Principal) -> list[dict[str, float]]:
    with container.db.read() as tx:
        workspace = container.supply.workspace(tx, AGREEMENT, "prod")
    if workspace is None:
        raise LookupError("nothing was built")
    found = []
    opened = container.supply.vault.opened(workspace.extracts)
    with duckdb.connect(config={"threads": "2"}) as connection, opened as extracts:
        for ref in extracts:
            connection.execute(f"CREATE VIEW {ref.table} AS SELECT * FROM read_parquet('{ref.path}')")
        for number in range(_ROUNDS + _WARM):
            raw_wall, raw_cpu = _timed(lambda: connection.execute(FEW_GROUPS).fetchall())
            found.append({"raw_wall": raw_wall, "raw_cpu": raw_cpu, **_job(container, pipeline, principal, number)})
    return found


def _job(container: Container, pipeline: Pipeline, principal: Principal, number: int) -> dict[str, float]:
    query = submitted(FEW_GROUPS, "prod", "0.05")
    submit_wall, submit_cpu = _timed(lambda: container.jobs.submit(principal, query, f"bench-{number}"))
    job = Queue(container.parts, container.steps, new_id("wrk")).lease()
    if job is None:
        raise LookupError("no job is queued")
    run_wall, run_cpu = _timed(lambda: pipeline.run(job))
    with container.db.read() as tx:
        kept = store.outcome(tx, job.id)
    if kept is None or kept.code is not None:
        raise TypeError("the measured job failed")
    publish_wall, publish_cpu = _timed(lambda: pipeline.publish(job.id))
    child = _child_cpu(container, job.id)
    return {
        "submit_wall": submit_wall,
        "run_wall": run_wall,
        "publish_wall": publish_wall,
        "child_cpu": child,
        "cpu": submit_cpu + run_cpu + publish_cpu + child,
    }


def _child_cpu(container: Container, job: str) -> float:
    """Read the sandbox's CPU seconds from the platform's audit record."""
    with container.db.read() as tx:
        events = container.audit.events(tx, None, -1, 10_000, job)
    record = next(one.event.payload for one in events if one.event.type == "job.measured")
    spent = record["cpu_ms"]
    if not isinstance(spent, int):
        raise TypeError("the audit record has no CPU time")
    return spent / 1000


def _timed(act: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - wall, time.process_time() - cpu


def _figures(rounds: list[dict[str, float]], level: int) -> tuple[Figure, ...]:
    over = sorted(one["run_wall"] - one["raw_wall"] for one in rounds)
    columns = {name: spread(sorted(one[name] for one in rounds)) for name in rounds[0]}
    detail: dict[str, Json] = {"level": level, **columns}
    middle = {name: statistics.median(one[name] for one in rounds) * 1e3 for name in rounds[0]}
    return (
        Figure(
            "governed job over raw DuckDB, 1M rows, wall overhead p50",
            statistics.median(over) * 1e3,
            "ms",
            150,
            60,
            detail=detail,
        ),
        Figure(
            "governed job over raw DuckDB, 1M rows, wall overhead p95", quantile(over, 0.95) * 1e3, "ms", 300, 150, detail=detail
        ),
        Figure("whole governed job, 1M rows, CPU p50", middle["cpu"], "ms", 115, 80, detail=detail),
        Figure("of it in the sandbox, CPU p50", middle["child_cpu"], "ms"),
        Figure("raw DuckDB, same aggregate, CPU p50", middle["raw_cpu"], "ms"),
        Figure("submit in process, wall p50", middle["submit_wall"], "ms"),
    )
