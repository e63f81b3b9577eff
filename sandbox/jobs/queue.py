"""The durable queue: lease, heartbeat, take-over. A lease is a row with a fencing number; nothing lives in memory."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sandbox.jobs import store
from sandbox.jobs.decide import event_on_lost_lease
from sandbox.jobs.model import Job
from sandbox.jobs.parts import Parts
from sandbox.jobs.steps import Steps


class Queue:
    """Hands jobs to one worker, named by `owner`."""

    def __init__(self, parts: Parts, steps: Steps, owner: str) -> None:
        self._parts, self._steps, self._owner = parts, steps, owner

    def lease(self) -> Job | None:
        """Take the job that has waited longest, or return None."""
        with self._parts.db.read() as tx:
            if store.first_queued(tx) is None:
                return None
        with self._parts.db.write() as tx:
            job = store.first_queued(tx)
            if job is None:
                return None
            values = {"fence": job.fence + 1, "lease_owner": self._owner, "lease_until": self._until()}
            self._steps.move(tx, job, "lease", {}, **values)
            return store.by_id(tx, job.id)

    def heartbeat(self, running: Collection[str]) -> None:
        """Extend the leases of the jobs that this worker really runs; one that broke here is left to run out."""
        with self._parts.db.write() as tx:
            store.extend(tx, self._owner, running, self._until())

    def reclaim(self) -> int:
        """Deal with jobs whose lease ran out: back to the queue before the charge, failed after it.

        Returns:
            How many jobs were dealt with.

        """
        with self._parts.db.read() as tx:
            if not store.lost(tx, self._parts.clock.now()):
                return 0
        with self._parts.db.write() as tx:
            found = store.lost(tx, self._parts.clock.now())
            for job in found:
                event = event_on_lost_lease(job)
                values = {"code": "RUN_LOST"} if event == "fail" else {"lease_owner": None, "lease_until": None}
                self._steps.move(tx, job, event, {"code": "RUN_LOST"}, **values)
        return len(found)

    def _until(self) -> datetime:
        return self._parts.clock.now() + timedelta(seconds=self._parts.settings.lease_s)
