"""What differential privacy costs beside plain SQL, and how exact it is: three queries of TPC-H, the customer as the unit.

Both sides read the same extracts in the same engine, in turns. What follows the engine, up to the released table, grows with
the cells of the answer and not with the rows, and stands beside the ratio. Errors are against the plain answer, so they hold
noise and the bias of the caps alike.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import duckdb
from bar_engine import alternate
from figures import Figure, cpu_seconds, spread
from tpch import CAPS, QUERIES, grant, submitted, supplied

from egress import strategies
from egress.bounding import possible_caps
from egress.model import ProtectionPlan
from egress.plan import plan
from egress.protect import protect
from policies.decide import decide
from policies.engine.emit import emit
from policies.query import Allowed, EngineSql, GovernedQuery, Strategy, Tuning
from policies.tuning import tuned
from sandbox.kernel.run import ExactTable

ENOUGH = 2
"""A group has enough units where it is this many half-widths of the threshold's noise above the threshold."""


@dataclass(frozen=True)
class Case:
    """One query under one strategy: the caps that an analyst asks for, and its bars as `must`."""

    query: str
    strategy: Strategy
    bar: float
    tuning: Tuning = field(default_factory=Tuning)


CASES = (
    Case("a", "row_cap", 1.6),
    Case("b", "row_cap", 2),
    Case("b", "unit_group", 6, Tuning(max_rows_per_group=10)),
    Case("c", "one_row", 1.5, Tuning(max_rows=1)),
    Case("c", "unit_group", 40, Tuning(max_groups=20, max_rows_per_group=1)),
)


@dataclass(frozen=True)
class Governed:
    """A query with one core, planned under one strategy."""

    query: GovernedQuery
    plan: ProtectionPlan
    engine: EngineSql

    def exact(self, connection: duckdb.DuckDBPyConnection) -> ExactTable:
        """Run the generated SQL."""
        bound = {**self.engine.parameters, **({"sample_key": bytes(32)} if self.engine.keyed else {})}
        return ExactTable(self.engine.columns, tuple(connection.execute(self.engine.sql, bound or None).fetchall()))

    def released(self, exact: ExactTable) -> list[tuple[Any, ...]]:
        """Protect its answer."""
        return list(protect(self.plan, self.query, [exact]).rows)


def governed(case: Case) -> Governed:
    """Compile and plan a case at ε = 1; where its strategy is not the planner's own, the others are withheld."""
    verdict = decide(submitted(QUERIES[case.query]), grant("compiler", CAPS)[0])
    query = tuned(verdict.governed, case.tuning) if isinstance(verdict, Allowed) else ()
    if not isinstance(query, GovernedQuery):
        raise TypeError("the measured query is refused")
    every = possible_caps
    with patch.object(
        strategies, "possible_caps", lambda core: tuple(caps for caps in every(core) if caps.strategy == case.strategy)
    ):
        found = plan(query, None)
    if not isinstance(found, ProtectionPlan):
        raise TypeError("the measured query has no plan")
    return Governed(query, found, emit(query.cores[0], found.cores[0].bounding))


def measure() -> tuple[Figure, ...]:
    """Measure CPU ratios and errors of all cases."""
    with supplied() as extracts, duckdb.connect(config={"threads": "2"}) as connection:
        for name, ref in extracts.items():
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{ref.path}')")
        return tuple(_figure(connection, case) for case in CASES)


def _figure(connection: duckdb.DuckDBPyConnection, case: Case) -> Figure:
    made, sql = governed(case), QUERIES[case.query]
    plain, protected = alternate(lambda: connection.execute(sql).fetchall(), lambda: made.exact(connection))
    exact = made.exact(connection)
    answers = [made.released(exact) for _ in range(5)]
    detail = {
        "plain_ms": spread(plain),
        "dp_ms": spread(protected),
        "protect_ms": spread(cpu_seconds(lambda: made.released(exact), 7)),
        "planner_takes": strategies.choose(made.query.cores[0]).strategy,
        **errors(connection.execute(sql).fetchall(), answers, len(made.query.cores[0].keys)),
        **_shown(connection, made, answers),
    }
    ratio = statistics.median(protected) / statistics.median(plain)
    return Figure(f"TPC-H ({case.query}) {case.strategy} over plain DuckDB, CPU", ratio, "×", case.bar, detail=detail)


def errors(exact: Sequence[tuple[Any, ...]], answers: Sequence[Sequence[tuple[Any, ...]]], keys: int) -> Mapping[str, Any]:
    """Return the groups released and, per aggregate, the median relative error over groups and answers."""
    truth = {row[:keys]: [float(value) for value in row[keys:]] for row in exact}
    width = len(next(iter(truth.values())))
    found: list[list[float]] = [[] for _ in range(width)]
    for answer in answers:
        for row in answer:
            for place, value in enumerate(row[keys :: _interval(row, keys, width)]):
                if row[:keys] in truth:
                    found[place].append(abs(float(value) - truth[row[:keys]][place]) / truth[row[:keys]][place])
    return {
        "groups": f"{round(statistics.mean(sum(row[:keys] in truth for row in answer) for answer in answers))} of {len(truth)}",
        "median_error": [f"{statistics.median(values):.3%}" if values else "no group" for values in found],
    }


def _interval(row: Sequence[Any], keys: int, width: int) -> int:
    """An interval's two ends follow each aggregate, or none do."""
    return (len(row) - keys) // width


def _shown(
    connection: duckdb.DuckDBPyConnection, made: Governed, answers: Sequence[Sequence[tuple[Any, ...]]]
) -> Mapping[str, Any]:
    """Hold private keys to the promise: every group with enough units is released, in every answer."""
    tau = made.plan.tau
    if tau is None:
        return {}
    (key,) = (output.name for output in made.query.outputs if output.kind == "key")
    units = "SELECT {key}, count(DISTINCT o_custkey) FROM orders {kept} GROUP BY 1"
    kept = "WHERE __rank < 1" if made.plan.cores[0].bounding.rows == 1 else ""
    sizes = dict(connection.execute(units.format(key=key, kept=kept)).fetchall())
    (half,) = (part.half_width for part in made.plan.parts if part.role == "threshold")
    enough = {key for key, size in sizes.items() if size >= tau + ENOUGH * half}
    missing = max(len(enough - {row[0] for row in answer}) for answer in answers)
    return {"tau": tau, "groups_with_enough_units": len(enough), "of_them_missing": missing}
