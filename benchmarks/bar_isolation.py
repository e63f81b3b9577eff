"""Isolated runs: how many per second from order to checked answer, two at a time as one worker runs them."""

import time
from concurrent.futures import ThreadPoolExecutor

from city import FEW_GROUPS
from figures import Figure
from supply import Governed, Supplied, governed, supplied

from sandbox.isolation.port import RunFailed
from sandbox.isolation.process import ProcessRuntime
from sandbox.kernel.run import RunResult

_RUNS, _SLOTS = 60, 2
_SIZES = ((200_000, 1_000_000, "1M", 8, 14), (2_000, 10_000, "10k", 14, 22))


def measure() -> tuple[Figure, ...]:
    """Measure at both sizes of the bar, at the level that this machine gives."""
    found = []
    runtime = ProcessRuntime(required_level=1)
    try:
        level = runtime.probe().level
        for residents, visits, name, must, aim in _SIZES:
            with supplied(residents, visits) as extracts:
                query = governed(extracts.grant, FEW_GROUPS)
                _run(runtime, query, extracts, 0)
                begin = time.perf_counter()
                with ThreadPoolExecutor(_SLOTS) as pool:
                    results = list(pool.map(lambda number, e=extracts, q=query: _run(runtime, q, e, number), range(_RUNS)))
                rate = _RUNS / (time.perf_counter() - begin)
            walls = sorted(result.usage.wall_ms for result in results)
            detail = {
                "level": level,
                "runs": _RUNS,
                "wall_ms_p50": walls[_RUNS // 2],
                "cpu_ms_p50": sorted(r.usage.cpu_ms for r in results)[_RUNS // 2],
            }
            found.append(
                Figure(f"isolated jobs per second, {name} rows, level {level}", rate, "/s", must, aim, more=True, detail=detail)
            )
    finally:
        runtime.close()
    return tuple(found)


def _run(runtime: ProcessRuntime, query: Governed, extracts: Supplied, number: int) -> RunResult:
    outcome = runtime.start(query.spec(extracts, f"job-{number}")).result()
    if isinstance(outcome, RunFailed):
        raise TypeError(outcome.code)
    return outcome
