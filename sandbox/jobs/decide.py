"""Pure decisions about jobs: when an outcome shows, what a lost lease means, what makes two questions the same."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from policies.explain import answer_json
from policies.query import EngineSql, GovernedQuery
from sandbox.jobs.model import Job, parameters_json
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


def after_lost_lease(job: Job, max_attempts: int) -> tuple[str, str]:
    """Return event and code for a job whose lease ran out.

    After the charge it fails, always. Before it, it goes back to the queue as often as attempts are left, so that a job
    that kills whoever takes it cannot do so for ever.
    """
    if job.state != "leased":
        return "fail", "RUN_LOST"
    return ("lose", "RUN_LOST") if job.fence < max_attempts else ("fail", "ATTEMPTS_SPENT")


def memory_key(
    governed: GovernedQuery,
    engine: Sequence[EngineSql],
    plan: Json,
    extracts: tuple[ExtractRef, ...],
    agreement: str,
    purpose: str,
) -> str:
    """Return the digest under which an answer is remembered; anything that could change the answer is in it."""
    return digest(
        {
            "sql": [[item.sql, parameters_json(item.parameters)] for item in engine],
            "post": answer_json(governed),
            "extracts": [[ref.table, ref.extract] for ref in extracts],
            "policy": governed.grant.policy_digest,
            "catalog": governed.grant.catalog_digest,
            "plan": plan,
            "unit": governed.grant.unit_kind,
            "agreement": agreement,
            "purpose": purpose,
        }
    )
