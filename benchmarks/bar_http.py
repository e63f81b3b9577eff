"""The service as its users meet it: cold start, idle memory, dry runs and submissions over HTTP."""

import itertools
import statistics
import time

from city import AGREEMENT, FEW_GROUPS, PURPOSE, TWENTY_LINES
from figures import Figure, quantile, spread, wall_seconds
from installation import cpu_seconds_of, pss_bytes, site

from sandbox.cli.stage import running
from sandbox.client import Client
from sandbox.kernel.canonical import Json

_CHECKS, _SUBMISSIONS = 200, 60


def measure() -> tuple[Figure, ...]:
    """Measure API and worker as separate processes on a small city; policy does not look at sizes."""
    with site(2_000, 10_000) as place:
        begin = time.perf_counter()
        with running(place.environment, place.settings.data_dir / "logs") as stage:
            started = time.perf_counter() - begin
            time.sleep(5)
            memory = pss_bytes(tuple(process.pid for process in stage.processes)) / 1e6
            with Client(stage.url, place.token) as client:
                return (
                    Figure("cold start, API and worker, wall", started, "s", 5, 3),
                    Figure("idle memory of all processes, PSS", memory, "MB", 400, 330),
                    *_checks(client, stage.processes[0].pid),
                    _submissions(client),
                )


def _body(sql: str, environment: str) -> dict[str, Json]:
    return {"agreement": AGREEMENT, "purpose": PURPOSE, "environment": environment, "sql": sql, "parameters": {}}


def _checks(client: Client, api: int) -> tuple[Figure, ...]:
    body = _body(TWENTY_LINES, "prod")
    if not client.check(body)["allowed"]:
        raise TypeError("the measured query is refused")
    client.check(body)
    before = cpu_seconds_of(api)
    times = wall_seconds(lambda: client.check(body), _CHECKS, warm=0)
    cpu = (cpu_seconds_of(api) - before) / _CHECKS * 1e3
    return (
        Figure("dry run over HTTP, 20 lines, CPU of the API process, mean", cpu, "ms", detail={"rounds": _CHECKS}),
        Figure("dry run over HTTP, 20 lines, wall p50", statistics.median(times) * 1e3, "ms", 15, 10, detail=spread(times)),
        Figure("dry run over HTTP, 20 lines, wall p99", quantile(times, 0.99) * 1e3, "ms", 50, 30, detail=spread(times)),
    )


def _submissions(client: Client) -> Figure:
    """Submit to dev, where a worker takes the jobs at the same time, as it does in life."""
    numbers = itertools.count()
    times = wall_seconds(lambda: client.submit(_body(FEW_GROUPS, "dev"), f"bench-{next(numbers)}"), _SUBMISSIONS)
    return Figure("submit to durable 202, wall p50", statistics.median(times) * 1e3, "ms", 15, 8, detail=spread(times))
