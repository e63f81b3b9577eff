"""The worker's side of replay: take a demanded one, make its steps in order, sign and keep the report."""

import base64
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeVar

from egress.ledger.model import Entry
from egress.release import store as releases
from egress.review import store as requests
from policies.splitting.post import MAX_CORES
from sandbox.isolation.port import IsolationRuntime
from sandbox.jobs import store as jobs
from sandbox.jobs.model import Job
from sandbox.jobs.parts import Parts
from sandbox.jobs.prepare import NotPrepared, Prepared, prepare
from sandbox.jobs.replay import derivation, evidence, records, store
from sandbox.jobs.replay.derivation import Derived
from sandbox.jobs.replay.evidence import Evidence
from sandbox.jobs.replay.model import REPLAY, STEPS, Replay, StepResult, failed, not_checkable, overall
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


UNREADABLE = "what is stored cannot be read as it was written"
LOST = "every worker that tried was lost"

Read = TypeVar("Read")


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
                self._lose(tx, lost)
            found = store.first(tx, "requested")
            if found is None:
                return None
            until = stamp(
                now + timedelta(seconds=max(self._parts.settings.lease_s, (MAX_CORES + 1) * self._parts.settings.job_wall_s))
            )
            self._move(tx, found, "start", until, None)
            return store.by_id(tx, found.id)

    def _lose(self, tx: Transaction, replay: Replay) -> None:
        """Put back a replay whose worker was lost; one that has lost as many as a job may is answered as it stands."""
        if replay.attempts < self._parts.settings.max_attempts:
            self._move(tx, replay, "lose", None, None)
            return
        self._move(tx, replay, "finish", None, self._signed(replay, tuple(not_checkable(number, LOST) for number in STEPS)))

    def make(self, replay: Replay) -> None:
        """Make all steps of a leased replay and keep the signed report."""
        with self._parts.db.read() as tx:
            steps = self._from_evidence(tx, replay.release)
            derived = _readable(lambda: self._derived(tx, self._evidence(tx, replay.release)))
        self._finish(replay, self._with_data(replay, steps, derived))

    def _from_evidence(self, tx: Transaction, release: str) -> list[StepResult]:
        found = _readable(lambda: self._evidence(tx, release))
        if found is None:
            return [failed(number, UNREADABLE) for number in (1, 2, 8)]
        return [
            _readable(lambda: evidence.log(self._parts, tx, found)) or failed(1, UNREADABLE),
            _readable(lambda: evidence.people(self._parts, tx, found)) or failed(2, UNREADABLE),
            _readable(lambda: evidence.delivery(self._parts, tx, self._objects, found)) or failed(8, UNREADABLE),
        ]

    def _with_data(self, replay: Replay, steps: list[StepResult], derived: Derived | None) -> tuple[StepResult, ...]:
        if derived is None:
            rest = (not_checkable(number, "step 3 did not pass") for number in (4, 5, 6, 7))
            return (*steps, failed(3, UNREADABLE), *rest)
        steps = [*steps, derivation.derivation(derived), derivation.extracts(self._parts, derived)]
        step, exact = derivation.execution(self._parts, self._runtime, derived, tuple(steps))
        steps += [step, derivation.accounting(derived)]
        if exact is None or any(step.verdict != "pass" for step in steps):
            return (*steps, not_checkable(7, "the steps before did not all pass"))
        with self._parts.db.write() as tx:
            mine = store.claim_noise(tx, replay)
        if not mine:
            return (*steps, not_checkable(7, "already answered once for this release"))
        return (*steps, derivation.noise(self._parts, derived, exact, self._objects.get(derived.csv)))

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
            prepared=self._prepared(tx, job, found.predicate),
            extracts=self._extracts(tx, job),
            exact_digest=outcome.exact_digest,
            sealed=bytes(outcome.sealed),
            entry=self._parts.ledger.charge_of(tx, job.id),
            account=self._account(tx, job),
            balanced=self._parts.ledger.balanced(tx),
            manifest=found.predicate,
            csv=found.subjects["data.csv"],
        )

    def _account(self, tx: Transaction, job: Job) -> tuple[tuple[Entry, Json], ...]:
        charged = self._parts.ledger.charges_of(tx, job.agreement) if job.environment == "prod" else ()
        return tuple((entry, records.plan_as_logged(self._parts, tx, entry.charge.job)) for entry in charged)

    def _prepared(self, tx: Transaction, job: Job, manifest: Mapping[str, Json]) -> Prepared | NotPrepared | None:
        grant = self._parts.policies.grant(tx, job.agreement)
        if grant is None or grant.policy_digest != manifest["policy_digest"]:
            return None
        return prepare(job.query, grant, self._parts.parsers)

    def _extracts(self, tx: Transaction, job: Job) -> tuple[ExtractRef, ...]:
        return () if job.workspace is None else self._parts.supply.extracts_of(tx, job.workspace)

    def _finish(self, replay: Replay, steps: tuple[StepResult, ...]) -> None:
        report = self._signed(replay, steps)
        with self._parts.db.write() as tx:
            self._move(tx, replay, "finish", None, report)

    def _signed(self, replay: Replay, steps: tuple[StepResult, ...]) -> dict[str, Json]:
        body: dict[str, Json] = {
            "replay": replay.id,
            "release": replay.release,
            "person": replay.person,
            "overall": overall(steps),
            "steps": [step.as_json() for step in steps],
        }
        signature = self._parts.keys.signer("service").sign(canonical_bytes(body))
        return {**body, "signature": {"key": "service", "ed25519": base64.b64encode(signature).decode("ascii")}}

    def _move(self, tx: Transaction, replay: Replay, event: str, lease_until: str | None, report: Json) -> None:
        line = advance(REPLAY, replay.state, event, SYSTEM)
        if not store.move(tx, replay, line.target, lease_until, report):
            raise YuneiError("ILLEGAL_TRANSITION", object=REPLAY.name)
        facts: Mapping[str, Json] = {"release": replay.release, "report": None if report is None else digest(report)}
        self._parts.audit.append(tx, AuditEvent(line.audit, replay.id, "system", (replay.organisation,), facts))


def _readable(read: Callable[[], Read]) -> Read | None:
    """Return what `read` finds, or None where what is stored no longer has the form in which it was written."""
    try:
        return read()
    except (ValueError, TypeError, LookupError, AttributeError, YuneiError):
        return None
