"""How a job ends: with its release request. Called from the outbox, in the transaction that takes the message away."""

from collections.abc import Mapping

from sandbox.jobs import store
from sandbox.jobs.steps import Steps
from sandbox.kernel.canonical import Json
from sandbox.kernel.db import Transaction
from sandbox.kernel.errors import YuneiError


class Endings:
    """Receives `release.ended` messages `{job, state: released | blocked, release?}`."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def ended(self, tx: Transaction, body: Mapping[str, Json]) -> None:
        """End the job; a message that arrives twice changes nothing the second time.

        Raises:
            YuneiError: `NOT_FOUND`, `ILLEGAL_TRANSITION`.

        """
        job = store.by_id(tx, str(body["job"]))
        if job is None:
            raise YuneiError("NOT_FOUND")
        if body["state"] == "released":
            if job.state != "released":
                release = str(body["release"])
                self._steps.move(tx, job, "release", {"release": release}, release=release)
        elif job.state != "blocked":
            self._steps.move(tx, job, "block", {})
