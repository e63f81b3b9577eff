"""The worker's side of replay: take a demanded one, make its steps in order, sign and keep the report."""

import base64
from collections.abc import Mapping
from datetime import timedelta

from egress.release import store as releases
from egress.review import store as requests
from sandbox.isolation.port import IsolationRuntime
from sandbox.jobs import store as jobs
from sandbox.jobs.model import Job
from sandbox.jobs.parts import Parts
from sandbox.jobs.prepare import Prepared, prepare
from sandbox.jobs.replay import derivation, evidence, store
from sandbox.jobs.replay.derivation import Derived
from sandbox.jobs.replay.evidence import Evidence
from sandbox.jobs.replay.model import REPLAY, Replay, StepResult, not_checkable, overall
from sandbox.kernel.audit.model import AuditEvent
from sandbox.kernel.canonical import Json, canonical_bytes, digest
from sandbox.kernel.clock import stamp
from sandbox.kernel.db import Transaction
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.objects import ObjectStore
from sandbox.kernel.roles import Role
from sandbox.kernel.run import ExtractRef
from sandbox.kernel.states import advance

SYSTEM = frozenset({Role.SYSTEM})


class Replayer:
    """Makes replays with this worker's sandboxes."""

    def __init__(self, parts: Parts, objects: ObjectStore, runtime: IsolationRuntime) -> None:
        self._parts, self._objects, self._runtime = parts, objects, runtime

    def take(self) -> Replay | None:
        """Lease the oldest demanded replay, after putting back those whose worker was lost."""
        now = self._parts.clock.now()
        with self._parts.db.read() as tx:
            if store.first(tx, "requested") is None and not store.lost(tx, stamp(now)):
                return None
        with self._parts.db.write() as tx:
            for lost in store.lost(tx, stamp(now)):
                self._move(tx, lost, "lose", None, None)
            found = store.first(tx, "requested")
            if found is None:
                return None
            until = stamp(now + timedelta(seconds=max(self._parts.settings.lease_s, 2 * self._parts.settings.job_wall_s)))
            self._move(tx, found, "start", until, None)
            return store.by_id(tx, found.id)

    def make(self, replay: Replay) -> None:
        """Make all steps of a leased replay and keep the signed report."""
        with self._parts.db.write() as tx:  # the log's present head is signed and kept on the way
            found = self._evidence(tx, replay.release)
            steps = [
                evidence.log(self._parts, tx, found),
                evidence.people(self._parts, tx, found),
                evidence.delivery(self._parts, tx, self._objects, found),
            ]
            derived = self._derived(tx, found)
            answered = store.bound_checked(tx, replay.release)
        steps += self._derive(found, derived, answered=answered)
        self._finish(replay, tuple(steps))

    def _derive(self, found: Evidence, derived: Derived | None, *, answered: bool) -> list[StepResult]:
        if derived is None:
            return [not_checkable(number, "the stored manifest is missing or changed") for number in (3, 4, 5, 6, 7)]
        steps = [derivation.derivation(derived), derivation.extracts(self._parts, derived)]
        step, exact = derivation.execution(self._parts, self._runtime, derived, tuple(steps))
        steps += [step, derivation.accounting(derived)]
        csv = self._objects.get(found.subjects.get("data.csv", ""))
        steps.append(derivation.noise(self._parts, derived, exact, csv, again=answered))
        return steps

    def _evidence(self, tx: Transaction, release: str) -> Evidence:
        kept = releases.by_id(tx, release)
        request = None if kept is None else requests.by_id(tx, kept.request)
        if kept is None or request is None:
            raise YuneiError("NOT_FOUND")
        return evidence.read_evidence(kept, request, self._objects)

    def _derived(self, tx: Transaction, found: Evidence) -> Derived | None:
        job, outcome = jobs.by_id(tx, found.release.job), jobs.outcome(tx, found.release.job)
        if found.envelope is None or job is None or outcome is None or outcome.sealed is None:
            return None
        return Derived(
            job=job,
            prepared=self._prepared(tx, job),
            extracts=self._extracts(tx, job),
            exact_digest=outcome.exact_digest,
            sealed=bytes(outcome.sealed),
            entry=self._parts.ledger.charge_of(tx, job.id),
            manifest=found.predicate,
        )

    def _prepared(self, tx: Transaction, job: Job) -> Prepared | None:
        grant = self._parts.policies.grant(tx, job.agreement)
        if grant is None:
            return None
        again = prepare(job.query, grant, self._parts.opinion)
        return again if isinstance(again, Prepared) and again.digest == job.prepared_digest else None

    def _extracts(self, tx: Transaction, job: Job) -> tuple[ExtractRef, ...]:
        return () if job.workspace is None else self._parts.supply.extracts_of(tx, job.workspace)

    def _finish(self, replay: Replay, steps: tuple[StepResult, ...]) -> None:
        body: dict[str, Json] = {
            "replay": replay.id,
            "release": replay.release,
            "person": replay.person,
            "overall": overall(steps),
            "steps": [step.as_json() for step in steps],
        }
        signature = self._parts.keys.signer("service").sign(canonical_bytes(body))
        report = {**body, "signature": {"key": "service", "ed25519": base64.b64encode(signature).decode("ascii")}}
        with self._parts.db.write() as tx:
            self._move(tx, replay, "finish", None, report)

    def _move(self, tx: Transaction, replay: Replay, event: str, lease_until: str | None, report: Json) -> None:
        line = advance(REPLAY, replay.state, event, SYSTEM)
        if not store.move(tx, replay, line.target, lease_until, report):
            raise YuneiError("ILLEGAL_TRANSITION", object=REPLAY.name)
        facts: Mapping[str, Json] = {"release": replay.release, "report": None if report is None else digest(report)}
        self._parts.audit.append(tx, AuditEvent(line.audit, replay.id, "system", (replay.organisation,), facts))
