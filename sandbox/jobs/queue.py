"""The durable queue: lease, heartbeat, take-over. A lease is a row with a fencing number; nothing lives in memory."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from sandbox.jobs import store
from sandbox.jobs.decide import after_lost_lease
from sandbox.jobs.model import Job, Line
from sandbox.jobs.parts import Parts
from sandbox.jobs.steps import Steps
from sandbox.jobs.turns import next_line
from sandbox.kernel.db import Transaction


class Queue:
    """Hands jobs to one worker, named by `owner`."""

    def __init__(self, parts: Parts, steps: Steps, owner: str) -> None:
        self._parts, self._steps, self._owner = parts, steps, owner

    def lease(self) -> Job | None:
        """Take the job whose turn it is (see `turns`), or return None."""
        with self._parts.db.read() as tx:
            if self._next(tx) is None:
                return None
        with self._parts.db.write() as tx:
            line = self._next(tx)
            job = None if line is None else store.by_id(tx, line.job)
            if job is None:
                return None
            values = {"fence": job.fence + 1, "lease_owner": self._owner, "lease_until": self._until()}
            self._steps.move(tx, job, "lease", {}, **values)
            store.take_turn(tx, job.operator)
            return store.by_id(tx, job.id)

    def _next(self, tx: Transaction) -> Line | None:
        return next_line(store.lines(tx, self._parts.clock.now()), self._parts.settings.max_running_per_tenant)

    def heartbeat(self, running: Collection[str]) -> None:
        """Extend the leases of the jobs that this worker really runs; one that broke here is left to run out."""
        with self._parts.db.write() as tx:
            store.extend(tx, self._owner, running, self._until())

    def let_go(self, running: Collection[str]) -> frozenset[str]:
        """Return which of the jobs that this worker runs are no longer its own: cancelled, ended, or taken over."""
        with self._parts.db.read() as tx:
            return frozenset(running) - store.held(tx, self._owner, running)

    def reclaim(self) -> int:
        """Deal with jobs whose lease ran out: back to the queue before the charge, failed after it.

        Returns:
            How many jobs were dealt with.

        """
        return self._each(store.lost, self._take_over)

    def expire(self) -> int:
        """Fail jobs that waited past their `start_by`; return how many."""
        return self._each(store.overdue, lambda tx, job: self._steps.fail(tx, job, "QUEUE_DEADLINE"))

    def _take_over(self, tx: Transaction, job: Job) -> None:
        event, code = after_lost_lease(job, self._parts.settings.max_attempts)
        if event == "lose":
            self._steps.move(tx, job, event, {"code": code}, lease_owner=None, lease_until=None)
        else:
            self._steps.fail(tx, job, code)

    def _each(self, find: Callable[[Transaction, datetime], Sequence[Job]], act: Callable[[Transaction, Job], None]) -> int:
        """Act on each job found, in one transaction, and count them; mostly there is none, and no lock is taken to see it."""
        with self._parts.db.read() as tx:
            if not find(tx, self._parts.clock.now()):
                return 0
        with self._parts.db.write() as tx:
            found = find(tx, self._parts.clock.now())
            for job in found:
                act(tx, job)
        return len(found)

    def _until(self) -> datetime:
        return self._parts.clock.now() + timedelta(seconds=self._parts.settings.lease_s)
