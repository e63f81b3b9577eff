"""Policy: deciding and rewriting a query of twenty lines, the queries of TPC-H, and texts made to cost much; all warm."""

import statistics
import sys

import hostile
from city import TWENTY_LINES, grant, submitted
from figures import Figure, Json, cpu_seconds, quantile, spread
from generation import generated

from egress.model import ProtectionPlan
from egress.plan import plan
from policies.decide import decide
from policies.grant import Grant
from policies.query import Allowed, SubmittedQuery
from tests import tpc_policies as tpc


def measure() -> tuple[Figure, ...]:
    """Measure the check with the rewrite, which the bars are about, and the planning between the two beside it."""
    return (*_twenty_lines(), *_tpch(), *_hostile())


def _twenty_lines() -> tuple[Figure, ...]:
    view, query = grant(), submitted(TWENTY_LINES)
    verdict = decide(query, view)
    if not isinstance(verdict, Allowed):
        raise TypeError("the measured query is refused")
    planning = cpu_seconds(lambda: plan(verdict.governed, None), 100, warm=5)
    check = _check(query, view, 300)
    return (
        Figure(
            f"policy check and rewrite, {len(TWENTY_LINES.splitlines())} lines, CPU p50",
            statistics.median(check) * 1e3,
            "ms",
            8,
            5,
            detail=spread(check),
        ),
        Figure("protection plan of the same query, CPU p50", statistics.median(planning) * 1e3, "ms", detail=spread(planning)),
    )


def _check(query: SubmittedQuery, view: Grant, rounds: int) -> list[float]:
    """Measure decision and, where the query is allowed, generation; the plan between the two is made beforehand."""
    first = decide(query, view)
    planned = plan(first.governed, None) if isinstance(first, Allowed) else None

    def act() -> None:
        verdict = decide(query, view)
        if isinstance(verdict, Allowed) and isinstance(planned, ProtectionPlan):
            generated(verdict.governed, planned)

    return cpu_seconds(act, rounds, warm=5)


def _tpch() -> tuple[Figure, ...]:
    """Measure every query of TPC-H under a policy made for it; a refusal may cost little, so it is told how many pass."""
    absent = tpc.missing()
    if absent is not None:
        print(f"TPC-H is not measured: {absent}", file=sys.stderr)
        return ()
    view = tpc.grant("tpch")
    queries = {name: tpc.submitted("tpch", sql) for name, sql in tpc.texts("tpch").items()}
    medians = {name: statistics.median(_check(query, view, 60)) for name, query in queries.items()}
    allowed = sum(isinstance(decide(query, view), Allowed) for query in queries.values())
    ordered = sorted(medians, key=lambda name: medians[name])
    middle, worst = statistics.median(medians.values()) * 1e3, ordered[-1]
    detail = {"queries": len(queries), "allowed": allowed, **{name: round(medians[name] * 1e3, 3) for name in ordered}}
    return (
        Figure(f"policy check and rewrite, {len(queries)} TPC-H queries, median of CPU p50", middle, "ms", 7, 5, detail=detail),
        Figure("the slowest of them, CPU p50", medians[worst] * 1e3, "ms", 15, detail={"query": worst}),
    )


def _hostile() -> tuple[Figure, ...]:
    seconds, fatal = hostile.measure()
    ordered = sorted(seconds.values())
    slowest = sorted(seconds, key=lambda name: -seconds[name])[:10]
    detail: dict[str, Json] = {
        "texts": len(hostile.texts()),
        "not_counted": "the trial of the parser, a process that allows itself 0.2 s",
        "p50": round(statistics.median(ordered) * 1e3, 3),
        "p95": round(quantile(ordered, 0.95) * 1e3, 3),
        **{name: round(seconds[name] * 1e3, 3) for name in slowest},
    }
    return (
        Figure(f"{len(hostile.texts())} hostile texts, the slowest, CPU", ordered[-1] * 1e3, "ms", 200, detail=detail),
        Figure("hostile texts that end the process", len(fatal), "texts", 0, 0, detail={"texts": fatal}),
    )
