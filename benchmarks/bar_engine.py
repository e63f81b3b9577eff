"""What bounding costs in the engine: generated SQL against the analyst's own SQL, same file, same engine, no isolation."""

import statistics
import time
from collections.abc import Callable

import duckdb
from city import FEW_GROUPS, JOINED
from figures import Figure, spread
from supply import Supplied, governed, supplied

_ROUNDS = 15


def measure() -> tuple[Figure, ...]:
    """Measure CPU ratios on a million visits of 200 000 residents."""
    with supplied(200_000, 1_000_000) as extracts:
        return (
            _ratio(extracts, "unit_group, few groups", FEW_GROUPS, (6, 3)),
            _ratio(extracts, "join-heavy", JOINED, (1.6, 1.3)),
        )


def _ratio(extracts: Supplied, what: str, sql: str, bars: tuple[float, float]) -> Figure:
    bounded = governed(extracts.grant, sql)
    with duckdb.connect(config={"threads": "2"}) as connection:
        for name, ref in extracts.extracts.items():
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{ref.path}')")
        parameters = dict(bounded.parameters) or None
        plain, governed_cpu = alternate(
            lambda: connection.execute(sql).fetchall(), lambda: connection.execute(bounded.engine.sql, parameters).fetchall()
        )
    ratio = statistics.median(governed_cpu) / statistics.median(plain)
    return Figure(
        f"DP execution over plain DuckDB, {what}, CPU",
        ratio,
        "×",
        *bars,
        detail={"plain_ms": spread(plain), "dp_ms": spread(governed_cpu)},
    )


def alternate(first: Callable[[], object], second: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Return CPU seconds of both, taken in turns so that a busy neighbour hits both alike."""
    times: tuple[list[float], list[float]] = ([], [])
    for round_number in range(_ROUNDS + 2):
        for place, act in enumerate((first, second)):
            begin = time.process_time()
            act()
            if round_number >= 2:
                times[place].append(time.process_time() - begin)
    return sorted(times[0]), sorted(times[1])
