"""One leased job from charge to release request. Each arrow of the path is one call; the order is the promise.

charge committed → run → keyed digest of the exact aggregates → noise → sealed outcome (here ends what happens at a time
that depends on rows) … at the tick: published → release request.
"""

import hmac
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidTag

from egress.model import CorePlan, ProtectedResult
from egress.protect import protect
from egress.review.model import ReleaseOpening
from policies.engine.sections import most_lines
from policies.query import Core, EngineSql
from sandbox.isolation.port import IsolationRuntime, RunFailed
from sandbox.isolation.stoppable import StoppableRuntime
from sandbox.jobs import store
from sandbox.jobs.admission import Admission, Standing
from sandbox.jobs.decide import shown_code, shows_at
from sandbox.jobs.dossier import dossier, release_opening, run_record
from sandbox.jobs.model import Job
from sandbox.jobs.parts import Parts
from sandbox.jobs.prepare import NotPrepared, Prepared, prepare
from sandbox.jobs.sealed import result_json, result_of
from sandbox.jobs.steps import Steps
from sandbox.kernel.canonical import Json, canonical_bytes
from sandbox.kernel.clock import stamp
from sandbox.kernel.db import DatabaseAwayError, Transaction
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.keys import KeyRing
from sandbox.kernel.run import ExactTable, ExtractRef, Limits, RunResult, RunSpec

RETRY_S = 1.0
"""Pause before an outcome is stored again, for want of the database."""


def exact_digest(keys: KeyRing, job: str, tables: Sequence[ExactTable]) -> str:
    """Return HMAC-SHA256(replay key, job id ‖ exact aggregates of every core).

    Keyed, because a plain digest of a count is inverted by trying all counts.
    """
    body = canonical_bytes([table.canonical() for table in tables])
    return hmac.new(keys.secret("replay", job), job.encode() + body, sha256).hexdigest()


def run_specs(parts: Parts, job: Job, prepared: Prepared, extracts: tuple[ExtractRef, ...]) -> Iterator[RunSpec]:
    """Yield what the sandboxes get, one run per core: each is opened for one statement and sees that core's tables alone.

    The sampling key is derived per job, bound as a parameter and stored nowhere.
    """
    for core, plan, engine in zip(prepared.governed.cores, prepared.plan.cores, prepared.engine, strict=True):
        yield _run_spec(parts, job, (core, plan, engine), tuple(ref for ref in extracts if ref.table in core.tables))


def _run_spec(parts: Parts, job: Job, asked: tuple[Core, CorePlan, EngineSql], pinned: tuple[ExtractRef, ...]) -> RunSpec:
    core, plan, engine = asked
    parameters = dict(engine.parameters)
    if engine.keyed:
        parameters["sample_key"] = parts.keys.secret("sample", job.id)
    settings = parts.settings
    limits = Limits(
        wall_s=settings.job_wall_s,
        cpu_s=max(1, round(settings.job_wall_s)),
        memory_bytes=settings.job_memory_bytes,
        # a public maximum, so that no number of groups in the data meets it
        rows=most_lines(core, plan.bounding, plan.public_groups),
    )
    return RunSpec(job.id, job.fence, engine.sql, pinned, engine.columns, parameters, limits)


def run_all(runtime: IsolationRuntime, specs: Iterable[RunSpec]) -> tuple[RunResult, ...] | RunFailed:
    """Run one after the other; the first that fails ends it.

    Raises:
        YuneiError: as `IsolationRuntime.start`.

    """
    results = []
    for spec in specs:
        outcome = runtime.start(spec).result()
        if isinstance(outcome, RunFailed):
            return outcome
        results.append(outcome)
    return tuple(results)


class Pipeline:
    """Runs leased jobs and publishes their outcomes."""

    def __init__(self, parts: Parts, steps: Steps, runtime: IsolationRuntime) -> None:
        self._parts, self._steps, self._runtime = parts, steps, StoppableRuntime(runtime)
        self._admission = Admission(parts)

    def run(self, job: Job) -> None:
        """Take a leased job to a stored outcome. Every failure ends as a code on the job; none is lost."""
        try:
            started = self._start(job)
        except YuneiError as refusal:
            self._refuse(job, refusal.code)
            return
        if started is None:
            return
        running, prepared, extracts = started
        try:
            with self._parts.supply.vault.opened(extracts) as opened:
                outcome = run_all(self._runtime, run_specs(self._parts, running, prepared, opened))
            if isinstance(outcome, RunFailed):
                self._keep(running, prepared, outcome.code)
                return
            protected = protect(prepared.plan, prepared.governed, [result.table for result in outcome])
        except YuneiError as refusal:
            self._keep(running, prepared, refusal.code)
            return
        self._keep(running, prepared, None, outcome, protected)

    def stop(self, job_id: str) -> None:
        """Kill the sandbox of a job that nobody waits for; its outcome is RUN_LOST, and its charge stays."""
        self._runtime.stop(job_id)

    def forget(self, job_id: str) -> None:
        """Let go of a job whose `run` has returned."""
        self._runtime.forget(job_id)

    def publish(self, job_id: str) -> None:
        """Show a stored outcome: open the release request, or fail the job. Called when its tick has come.

        What takes long is laid out before the write transaction, which checks the agreement once more.
        """
        with self._parts.db.read() as tx:
            job, kept = store.by_id(tx, job_id), store.outcome(tx, job_id)
            if job is None or kept is None or kept.published:
                return
            laid_out = self._laid_out(tx, job, kept)
        with self._parts.db.write() as tx:
            present, kept = store.by_id(tx, job_id), store.outcome(tx, job_id)
            if present is None or kept is None or kept.published:
                return
            store.mark_published(tx, job_id)
            record = json.loads(kept.record)
            self._steps.measured(tx, present, {"code": kept.code, **record})
            if present.state == "running":  # else cancelled meanwhile; the charge and the sealed outcome stay
                self._show(tx, present, self._still_in_force(tx, present, laid_out), record)

    def _laid_out(self, tx: Transaction, job: Job, kept: store.Outcome) -> ReleaseOpening | str:
        """Return what reviewers will see, or the code with which the job fails."""
        if kept.code is not None:
            return shown_code(kept.code)
        try:
            return self._opening(tx, job, bytes(kept.sealed), json.loads(kept.record))
        except YuneiError as refusal:  # the agreement was closed or its policy replaced during the run
            return refusal.code

    def _still_in_force(self, tx: Transaction, job: Job, laid_out: ReleaseOpening | str) -> ReleaseOpening | str:
        if isinstance(laid_out, str):
            return laid_out
        try:
            standing = self._standing(tx, job)
        except YuneiError as refusal:
            return refusal.code
        return laid_out if standing.grant.policy_digest == laid_out.policy_digest else "EXTRACT_STALE"

    def _show(self, tx: Transaction, job: Job, laid_out: ReleaseOpening | str, record: Mapping[str, Json]) -> None:
        if isinstance(laid_out, str):
            self._steps.fail(tx, job, laid_out)
            return
        self._steps.move(tx, job, "protect", {"level": record["level"], "layers": record["layers"]})
        request = self._parts.reviews.open(tx, laid_out, self._parts.supply.canaries(tx))
        protected = store.by_id(tx, job.id) or job
        self._steps.move(tx, protected, "open", {"request": request}, request=request)

    def abandon(self, job_id: str) -> None:
        """Fail a job whose outcome cannot be published because of a defect; its charge stays."""
        with self._parts.db.write() as tx:
            job = store.by_id(tx, job_id)
            store.mark_published(tx, job_id)
            if job is not None and job.state == "running":
                self._steps.fail(tx, job, "DEFECT")

    def _start(self, job: Job) -> tuple[Job, Prepared, tuple[ExtractRef, ...]] | None:
        """Check once more that the job may run, commit its charge and mark it running, in one transaction."""
        with self._parts.db.read() as tx:
            standing, prepared = self._prepared(tx, job)
        with self._parts.db.write() as tx:
            now = store.by_id(tx, job.id)
            if now is None or now.fence != job.fence or now.state != "leased":
                return None
            if now.start_by is not None and now.start_by <= self._parts.clock.now():
                raise YuneiError("QUEUE_DEADLINE")
            self._standing(tx, now)
            extracts = self._admission.extracts(tx, standing, job.environment)
            if job.environment == "prod":
                self._parts.ledger.commit(tx, job.id)
            workspace = extracts[0].extract
            facts: dict[str, Json] = {"prepared": prepared.digest, "workspace": workspace}
            self._steps.move(tx, now, "start", facts, started_at=self._parts.clock.now(), workspace=workspace)
            running = store.by_id(tx, job.id)
        return None if running is None else (running, prepared, extracts)

    def _standing(self, tx: Transaction, job: Job) -> Standing:
        agreement = self._parts.tenants.agreement(tx, job.agreement)
        if agreement is None:
            raise YuneiError("NOT_FOUND")
        return self._admission.in_force(tx, agreement, job.query)

    def _prepared(self, tx: Transaction, job: Job) -> tuple[Standing, Prepared]:
        """Prepare a job again; what runs and what is released must be what the dry run showed."""
        standing = self._standing(tx, job)
        prepared = prepare(job.query, standing.grant, self._parts.parsers)
        if isinstance(prepared, NotPrepared) or prepared.digest != job.prepared_digest:
            raise YuneiError("EXTRACT_STALE")
        return standing, prepared

    def _keep(
        self,
        job: Job,
        prepared: Prepared,
        code: str | None,
        results: tuple[RunResult, ...] = (),
        protected: ProtectedResult | None = None,
    ) -> None:
        """Store the one outcome of a charge; an older fence, or a second outcome, is refused by the row itself.

        While the database is away it is tried again, until the job is stopped: nothing else holds what was computed.
        """
        now = self._parts.clock.now()
        tick_s = self._parts.settings.tick_s
        due = shows_at(job.started_at or now, now, prepared.plan.duration_class_s, tick_s)
        values: dict[str, object] = {"job": job.id, "fence": job.fence, "code": code, "shows_at": stamp(due)}
        if results and protected is not None:
            body = canonical_bytes(result_json(protected))
            values["sealed"] = self._parts.keys.seal("result", job.id, body)
            values["exact_digest"] = exact_digest(self._parts.keys, job.id, [result.table for result in results])
        record = run_record(results) if results else {}
        while not self._kept(job, values, record) and not self._runtime.stopped(job.id):
            time.sleep(RETRY_S)

    def _kept(self, job: Job, values: Mapping[str, object], record: Mapping[str, Json]) -> bool:
        try:
            with self._parts.db.write() as tx:
                present = store.by_id(tx, job.id)
                if present is not None and present.fence == job.fence and store.outcome(tx, job.id) is None:
                    store.add_outcome(tx, values, record)
        except DatabaseAwayError:
            return False
        return True

    def _opening(self, tx: Transaction, job: Job, sealed: bytes, record: Mapping[str, Json]) -> ReleaseOpening:
        """Open the sealed result and lay out what reviewers will see.

        Raises:
            YuneiError: the agreement no longer admits the use, or what was stored is not what was sealed.

        """
        try:
            protected = result_of(json.loads(self._parts.keys.open("result", job.id, sealed)))
        except InvalidTag:
            raise YuneiError("RUN_FAILED") from None
        standing, prepared = self._prepared(tx, job)
        pinned = {} if job.workspace is None else self._parts.supply.commitments_of(tx, job.workspace)
        return release_opening(job, standing, prepared, protected, dossier(job, standing, prepared, pinned, record))

    def _refuse(self, job: Job, code: str) -> None:
        """Fail a job before its charge and free its reservation."""
        with self._parts.db.write() as tx:
            now = store.by_id(tx, job.id)
            if now is None or now.fence != job.fence or now.state != "leased":
                return
            self._steps.fail(tx, now, code)
