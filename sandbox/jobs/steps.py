"""How a job moves: the one place that changes a job's state, logs it, and tells the tenant what it may see."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from egress.ledger.service import Ledger
from sandbox.jobs import store
from sandbox.jobs.model import JOB, UNCHARGED, Job
from sandbox.kernel.audit.model import AuditEvent
from sandbox.kernel.audit.service import AuditLog
from sandbox.kernel.canonical import Json
from sandbox.kernel.clock import Clock, next_tick
from sandbox.kernel.db import Transaction
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.roles import Role
from sandbox.kernel.states import advance

SYSTEM = frozenset({Role.SYSTEM})

VISIBLE: Mapping[str, str] = {
    "answer": "released",
    "start": "isolated",
    "protect": "checks",
    "open": "review",
    "release": "released",
    "block": "blocked",
    "fail": "failed",
    "cancel": "cancelled",
}
"""Event of the table → what the tenant's progress shows; events that are missing here stay inside."""

_WITHOUT_ANSWER = frozenset({"failed", "cancelled"})


class Steps:
    """Moves jobs along their table. Every step is state, audit event, visible event and ledger in the caller's transaction."""

    def __init__(self, audit: AuditLog, ledger: Ledger, clock: Clock, tick_s: int) -> None:
        self._audit, self._ledger, self._clock, self._tick_s = audit, ledger, clock, tick_s

    def tick(self) -> datetime:
        """Return the next moment at which tenants see anything."""
        return next_tick(self._clock.now(), self._tick_s)

    def move(self, tx: Transaction, job: Job, event: str, payload: Mapping[str, Json], **values: Any) -> int:
        """Take one step and return the index of its audit event. A job that ends before its charge frees what it reserved.

        Args:
            tx: the caller's write transaction.
            job: the job as read in this transaction.
            event: an event of the table.
            payload: facts for the log; no data value.
            **values: further columns to change with the state.

        Raises:
            YuneiError: `ILLEGAL_TRANSITION`; also where another worker has moved the job since.

        """
        line = advance(JOB, job.state, event, values.pop("roles", SYSTEM))
        at = self.tick()
        if not store.change(tx, job, state=line.target, updated_at=at, **values):
            raise YuneiError("ILLEGAL_TRANSITION", object=JOB.name)
        if event in VISIBLE:
            store.add_event(tx, job.id, VISIBLE[event], at, line.target)
        index = self.log(tx, job, line.audit, payload)
        if job.environment == "prod" and job.state in UNCHARGED and line.target in _WITHOUT_ANSWER:
            self._ledger.release(tx, job.id)
        return index

    def fail(self, tx: Transaction, job: Job, code: str) -> None:
        """Fail a job with a code."""
        self.move(tx, job, "fail", {"code": code}, code=code)

    def log(self, tx: Transaction, job: Job, kind: str, payload: Mapping[str, Json]) -> int:
        """Log an event of a job for its operator."""
        actor = job.person if kind in {"job.submitted", "job.refused", "job.cancelled"} else "system"
        body = {"agreement": job.agreement, "environment": job.environment, "fence": job.fence, **payload}
        return self._audit.append(tx, AuditEvent(kind, job.id, actor, (job.operator,), body))

    def measured(self, tx: Transaction, job: Job, record: Mapping[str, Json]) -> int:
        """Log what a run used and which limit it hit, for the platform alone: both depend on rows, so no tenant opens it."""
        return self._audit.append(tx, AuditEvent("job.measured", job.id, "system", (), record))
