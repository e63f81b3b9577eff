"""Pure decisions about jobs: when an outcome shows, what a lost lease means, what makes two questions the same."""

import math
from datetime import datetime, timedelta

from policies.query import EngineSql, GovernedQuery
from sandbox.jobs.model import Job, parameter_json
from sandbox.kernel.canonical import Json, digest
from sandbox.kernel.clock import next_tick
from sandbox.kernel.run import ExtractRef


def shows_at(started: datetime, now: datetime, class_s: int, tick_s: int) -> datetime:
    """Return when the outcome of a run shows: at the first whole duration class after its start that is not past.

    The class comes from public metadata, so what a tenant can time says nothing about rows (only that a run took more
    than one class, which the limits of the run bound).
    """
    step = math.ceil(class_s / tick_s) * tick_s
    first = next_tick(started, tick_s)
    classes = max(1, math.ceil((now - first).total_seconds() / step))
    return first + timedelta(seconds=classes * step)


def shown_code(code: str) -> str:
    """Return the code under which a tenant sees that a run failed: one for all, since which limit it hit depends on rows.

    Isolation that the machine does not give has nothing to do with rows and keeps its code.
    """
    return code if code == "ISOLATION_BELOW_REQUIRED" else "RUN_FAILED"


def event_on_lost_lease(job: Job) -> str:
    """Return the event for a job whose lease ran out: back to the queue before the charge, failure after it."""
    return "lose" if job.state == "leased" else "fail"


def memory_key(
    governed: GovernedQuery, sql: EngineSql, plan: Json, extracts: tuple[ExtractRef, ...], agreement: str, purpose: str
) -> str:
    """Return the digest under which an answer is remembered; anything that could change the answer is in it."""
    return digest(
        {
            "sql": sql.sql,
            "parameters": {name: parameter_json(value) for name, value in sorted(sql.parameters.items())},
            "outputs": [[column.name, column.source] for column in governed.outputs],
            "order": [[term.source, term.descending, term.nulls_first] for term in governed.order],
            "limit": governed.limit,
            "extracts": [[ref.table, ref.extract] for ref in extracts],
            "policy": governed.grant.policy_digest,
            "catalog": governed.grant.catalog_digest,
            "plan": plan,
            "unit": governed.unit.kind,
            "agreement": agreement,
            "purpose": purpose,
        }
    )
