"""Use cases of the submitting side: dry run, submit, look, cancel, promote."""

from collections.abc import Mapping, Sequence

from policies.query import SubmittedQuery
from sandbox.jobs import store
from sandbox.jobs.admission import Admission, Standing
from sandbox.jobs.decide import memory_key
from sandbox.jobs.model import ANY_TIME, JOB, Job, JobEvent, JobView, QueuePlace, Wish, origin_json, query_json
from sandbox.jobs.parts import Parts
from sandbox.jobs.prepare import NotPrepared, Prepared, prepare
from sandbox.jobs.steps import Steps
from sandbox.jobs.turns import place_of, places, start_by
from sandbox.jobs.verdict import verdict_json
from sandbox.kernel.canonical import Json
from sandbox.kernel.clock import stamp
from sandbox.kernel.db import Transaction
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.idempotency.store import known, remember
from sandbox.kernel.ids import new_id
from sandbox.kernel.page import Page
from sandbox.kernel.states import advance
from tenants.model import Principal


class JobService:
    """What an operator does with jobs."""

    def __init__(self, parts: Parts, steps: Steps) -> None:
        self._parts, self._steps = parts, steps
        self._admission = Admission(parts)

    def check(self, principal: Principal, query: SubmittedQuery) -> Json:
        """Dry run: the verdict, cost, accuracy and route of a query. Reads no row and charges nothing.

        Raises:
            YuneiError: `NOT_FOUND`, the codes of admission, `EPSILON_INVALID`, `EPSILON_ABOVE_POLICY`.

        """
        with self._parts.db.read() as tx:
            standing = self._admission.stand(tx, principal, query)
            prepared = prepare(query, standing.grant, self._parts.parsers)
            budget = self._admission.budget(tx, standing, prepared) if isinstance(prepared, Prepared) else None
        return verdict_json(prepared, standing.grant, query.environment, budget)

    def submit(self, principal: Principal, query: SubmittedQuery, idempotency_key: str, wish: Wish = ANY_TIME) -> JobView:
        """Admit a job durably, with its budget reserved, or refuse it with the findings of the dry run.

        Raises:
            YuneiError: `POLICY_REFUSED` with findings (the refused submission is kept); `NOT_PROMOTED`, `EXTRACT_STALE`,
                `QUEUE_FULL`, `BUDGET_SPENT`, `JOB_COUNT_SPENT`, `IDEMPOTENCY_CLASH` and the codes of `check`.

        """
        with self._parts.db.read() as tx:
            standing = self._admission.stand(tx, principal, query)
        prepared = prepare(query, standing.grant, self._parts.parsers)
        request = {**query_json(query), **wish.as_json()}
        with self._parts.db.write() as tx:
            earlier = known(tx, principal.person, "jobs", idempotency_key, request)
            if earlier is None:
                earlier = self._add(tx, principal, query, prepared, wish)
                remember(tx, principal.person, "jobs", idempotency_key, request, earlier)
            job = self._own(tx, principal, earlier)
            (view,) = self._views(tx, principal, (job,))
        if job.state == "refused":
            raise YuneiError("POLICY_REFUSED", findings=job.findings, job=job.id)
        return view

    def get(self, principal: Principal, job: str) -> JobView:
        """Return one of the operator's own jobs.

        Raises:
            YuneiError: `NOT_FOUND`.

        """
        with self._parts.db.read() as tx:
            return self._views(tx, principal, (self._own(tx, principal, job),))[0]

    def list(self, principal: Principal, after: str | None, limit: int) -> Page[JobView]:
        """Return a page of the operator's own jobs, newest first.

        Raises:
            YuneiError: `NOT_FOUND`, the key of the page is not of an own job.

        """
        with self._parts.db.read() as tx:
            before = None if after is None else self._own(tx, principal, after).seq
            found = store.page(tx, principal.organisation, before, limit + 1)
            views = self._views(tx, principal, found[:limit])
        return Page(views, views[-1].job.id if len(found) > limit else None)

    def events(self, principal: Principal, job: str, after: int) -> tuple[JobEvent, ...]:
        """Return what the tenant may see of a job's progress after one sequence number.

        Raises:
            YuneiError: `NOT_FOUND`.

        """
        now = stamp(self._parts.clock.now())
        with self._parts.db.read() as tx:
            own = self._own(tx, principal, job)
            return tuple(event for event in store.events_after(tx, own.id, after) if event.at <= now)

    def cancel(self, principal: Principal, job: str) -> JobView:
        """Cancel a job that is queued or running; a charge that was committed stays.

        Raises:
            YuneiError: `NOT_FOUND`, `ILLEGAL_TRANSITION`.

        """
        with self._parts.db.write() as tx:
            own = self._own(tx, principal, job)
            self._steps.move(tx, own, "cancel", {}, roles=principal.roles)
            return self._views(tx, principal, (self._own(tx, principal, job),))[0]

    def promote(self, principal: Principal, job: str, idempotency_key: str) -> Json:
        """Let the canonical text of a finished dev job run in prod.

        Raises:
            YuneiError: `NOT_FOUND`; `ILLEGAL_TRANSITION` where the job is not a released dev job.

        """
        with self._parts.db.write() as tx:
            own = self._own(tx, principal, job)
            if own.environment != "dev" or own.state != "released":
                raise YuneiError("ILLEGAL_TRANSITION", object="promotion")
            if known(tx, principal.person, "promotions", idempotency_key, {"job": job}) is None:
                remember(tx, principal.person, "promotions", idempotency_key, {"job": job}, own.id)
            if store.promote(tx, own, principal.person, self._parts.clock.now()):
                self._steps.log(tx, own, "job.promoted", {"canonical_digest": own.canonical_digest})
        return {"agreement": own.agreement, "canonical_digest": own.canonical_digest, "job": own.id}

    def _views(self, tx: Transaction, principal: Principal, jobs: Sequence[Job]) -> tuple[JobView, ...]:
        """Show own jobs, each that waits with its place."""
        found: Mapping[str, QueuePlace] = {}
        if any(job.state == "queued" for job in jobs):
            settings, now = self._parts.settings, self._parts.clock.now()
            most = settings.max_running_per_tenant
            slots = min(settings.max_sandboxes, most) if most else settings.max_sandboxes
            line = store.own_line(tx, principal.organisation, now)
            found = places(line, self._steps.tick(), settings.tick_s, slots)
        return tuple(JobView(job, job.environment == "dev", found.get(job.id)) for job in jobs)

    def _own(self, tx: Transaction, principal: Principal, job: str) -> Job:
        found = store.by_id(tx, job)
        if found is None or found.operator != principal.organisation:
            raise YuneiError("NOT_FOUND")
        return found

    def _add(
        self, tx: Transaction, principal: Principal, query: SubmittedQuery, prepared: Prepared | NotPrepared, wish: Wish
    ) -> str:
        standing = self._admission.stand(tx, principal, query)
        event = "admit" if isinstance(prepared, Prepared) else "refuse"
        line = advance(JOB, JOB.initial, event, principal.roles)
        at = self._steps.tick()
        values: dict[str, Json] = {
            "id": new_id("job"),
            "agreement": standing.agreement.id,
            "operator": standing.agreement.operator,
            "application": standing.agreement.application,
            "person": principal.person,
            "environment": query.environment,
            "state": line.target,
            "created_at": stamp(at),
            "updated_at": stamp(at),
        }
        if isinstance(prepared, NotPrepared):
            return self._keep_refused(tx, values, query, prepared)
        until = start_by(at, wish.deadline_s, self._parts.settings.queue_wait_s)
        values |= {"priority": wish.priority, "place": place_of(at, wish.priority), "start_by": stamp(until)}
        return self._keep_admitted(tx, values, query, standing, prepared)

    def _keep_refused(self, tx: Transaction, values: dict[str, Json], query: SubmittedQuery, prepared: NotPrepared) -> str:
        findings = [found.as_json() for found in prepared.findings]
        store.add(tx, {**values, "code": "POLICY_REFUSED"}, {"query": query_json(query), "findings": findings})
        job = self._read(tx, values["id"])
        self._steps.log(tx, job, "job.refused", {"codes": [found.code for found in prepared.findings]})
        return job.id

    def _keep_admitted(
        self, tx: Transaction, values: dict[str, Json], query: SubmittedQuery, standing: Standing, prepared: Prepared
    ) -> str:
        extracts = self._admission.extracts(tx, standing, query.environment)
        governed = prepared.governed
        if query.environment == "prod" and not store.promoted(tx, standing.agreement.id, governed.canonical_digest):
            raise YuneiError("NOT_PROMOTED", canonical_digest=governed.canonical_digest)
        key = memory_key(governed, prepared.engine, prepared.plan.as_json(), extracts, standing.agreement.id, query.purpose)
        digests = {"canonical_digest": governed.canonical_digest, "prepared_digest": prepared.digest, "memory_key": key}
        documents: dict[str, Json] = {
            "query": query_json(query),
            "findings": [notice.as_json() for notice in prepared.notices],
            "origin": origin_json(governed),
        }
        store.add(tx, {**values, **digests, "duration_class_s": prepared.plan.duration_class_s}, documents)
        job = self._read(tx, values["id"])
        store.add_event(tx, job.id, "policy", job.created_at, job.state)
        store.add_event(tx, job.id, "queued", job.created_at, job.state)
        facts: dict[str, Json] = {**digests, "policy": standing.grant.policy_digest, "plan": prepared.plan.as_json()}
        self._steps.log(tx, job, "job.submitted", {**facts, "priority": job.priority, "start_by": values["start_by"]})
        if query.environment == "prod" and self._answer_from_memory(tx, job, key):
            return job.id
        self._admission.queue(tx, job.operator)
        if query.environment == "prod":
            self._admission.reserve(tx, job.id, standing, prepared)
        return job.id

    def _answer_from_memory(self, tx: Transaction, job: Job, key: str) -> bool:
        for earlier in store.answered(tx, key):
            if earlier.release is not None and self._parts.releases.is_active(tx, earlier.release):
                facts = {"release": earlier.release, "first_job": earlier.id}
                self._steps.move(tx, job, "answer", facts, release=earlier.release, request=earlier.request)
                return True
        return False

    def _read(self, tx: Transaction, job: Json) -> Job:
        found = store.by_id(tx, str(job))
        if found is None:
            raise YuneiError("NOT_FOUND")
        return found
