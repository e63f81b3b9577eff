"""What follows the decision: a plan for each core of a query, and its SQL."""

from collections.abc import Sequence

from egress.model import ProtectionPlan
from policies.engine.emit import emit
from policies.query import EngineSql, GovernedQuery


def generated(governed: GovernedQuery, planned: ProtectionPlan) -> Sequence[EngineSql]:
    """Return the generated SQL of each core; a query that has no list of cores is one itself."""
    cores, plans = getattr(governed, "cores", (governed,)), getattr(planned, "cores", (planned,))
    return [emit(core, bounded.bounding) for core, bounded in zip(cores, plans, strict=True)]
