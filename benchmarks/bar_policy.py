"""Policy: deciding, planning and rewriting a query of twenty lines, in a warm process."""

import statistics

from city import TWENTY_LINES, grant, submitted
from figures import Figure, cpu_seconds, spread

from egress.model import ProtectionPlan
from egress.plan import plan
from policies.decide import decide
from policies.emit import emit
from policies.query import Allowed, EngineSql, GovernedQuery


def measure() -> tuple[Figure, ...]:
    """Measure the check with the rewrite, which the bar is about, and the planning between the two beside it."""
    view, query = grant(), submitted(TWENTY_LINES)
    verdict = decide(query, view)
    if not isinstance(verdict, Allowed):
        raise TypeError("the measured query is refused")
    governed = verdict.governed
    protection = plan(governed, None)
    if not isinstance(protection, ProtectionPlan):
        raise TypeError("the measured query has no plan")
    check = cpu_seconds(lambda: _generated(_allowed(decide(query, view)).governed, protection), 300, warm=20)
    planning = cpu_seconds(lambda: plan(governed, None), 100, warm=5)
    lines = len(TWENTY_LINES.splitlines())
    return (
        Figure(
            f"policy check and rewrite, {lines} lines, CPU p50", statistics.median(check) * 1e3, "ms", 8, 5, detail=spread(check)
        ),
        Figure("protection plan of the same query, CPU p50", statistics.median(planning) * 1e3, "ms", detail=spread(planning)),
    )


def _generated(governed: GovernedQuery, protection: ProtectionPlan) -> list[EngineSql]:
    return [emit(core, planned.bounding) for core, planned in zip(governed.cores, protection.cores, strict=True)]


def _allowed(verdict: object) -> Allowed:
    if not isinstance(verdict, Allowed):
        raise TypeError("the measured query is refused")
    return verdict
