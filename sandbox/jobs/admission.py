"""Admission: does this person stand under this agreement, is there budget, is the data in step with the policy."""

from dataclasses import dataclass

from egress.ledger.model import Amount, Charge, LedgerView
from policies.grant import Grant
from policies.policy import Environment
from policies.query import SubmittedQuery
from sandbox.jobs import store
from sandbox.jobs.parts import Parts
from sandbox.jobs.prepare import Prepared
from sandbox.kernel.clock import civil_date
from sandbox.kernel.db import Transaction
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.run import ExtractRef
from tenants.decide import Refused, admit
from tenants.model import Principal, ServiceAgreement


@dataclass(frozen=True, eq=False)
class Standing:
    """An agreement in force and the grant that its policy gives."""

    agreement: ServiceAgreement
    grant: Grant


class Admission:
    """Asks the lower packages whether a job may be taken."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def stand(self, tx: Transaction, principal: Principal, query: SubmittedQuery) -> Standing:
        """Return the standing of an operator's person under the agreement that the query names.

        Raises:
            YuneiError: `NOT_FOUND` for an unknown agreement and for another operator's alike; `AGREEMENT_EXPIRED`,
                `AGREEMENT_SUSPENDED`, `PURPOSE_NOT_GRANTED`, `ENVIRONMENT_NOT_GRANTED`.

        """
        agreement = self._parts.tenants.agreement(tx, query.agreement)
        if agreement is None or agreement.operator != principal.organisation:
            raise YuneiError("NOT_FOUND")
        return self.in_force(tx, agreement, query)

    def in_force(self, tx: Transaction, agreement: ServiceAgreement, query: SubmittedQuery) -> Standing:
        """Check an agreement's term, state, purpose and environment today; used again when the job is charged."""
        grant = self._parts.policies.grant(tx, agreement.id)
        if grant is None:
            raise YuneiError("NOT_FOUND")
        today = civil_date(self._parts.clock.now())
        admitted = admit(agreement, grant.policy, query.purpose, query.environment, today)
        if isinstance(admitted, Refused):
            raise YuneiError(admitted.code)
        return Standing(agreement, grant)

    def extracts(self, tx: Transaction, standing: Standing, environment: Environment) -> tuple[ExtractRef, ...]:
        """Return the extracts of the agreement's workspace.

        Raises:
            YuneiError: `EXTRACT_STALE`, they were built for another version of the policy.

        """
        workspace = self._parts.supply.workspace(tx, standing.agreement.id, environment)
        if workspace is None or workspace.grant_digest != standing.grant.digest:
            raise YuneiError("EXTRACT_STALE")
        return workspace.extracts

    def queue(self, tx: Transaction, operator: str) -> None:
        """Let one more job of an operator wait; the job stands in the queue already, in this transaction.

        Raises:
            YuneiError: `QUEUE_FULL`, with the limit.

        """
        most = self._parts.settings.max_queued_per_tenant
        if most and store.queued_of(tx, operator) > most:
            raise YuneiError("QUEUE_FULL", max_queued_per_tenant=most)

    def reserve(self, tx: Transaction, job: str, standing: Standing, prepared: Prepared) -> None:
        """Reserve the charge of a job in every scope that it touches.

        Raises:
            YuneiError: `BUDGET_SPENT`, `JOB_COUNT_SPENT`.

        """
        grant, plan = prepared.governed.grant, prepared.plan
        charge = Charge(
            job=job,
            agreement=standing.agreement.id,
            unit_kind=grant.unit_kind,
            lineages=prepared.governed.lineages,
            amount=Amount(plan.rho, plan.delta_tau),
            job_limit=standing.grant.policy.valid.max_jobs,
            tenants=(standing.agreement.operator,),
        )
        self._parts.ledger.reserve(tx, charge)

    def budget(self, tx: Transaction, standing: Standing, prepared: Prepared) -> LedgerView:
        """Return what is left in the scopes that a prepared query would charge."""
        governed = prepared.governed
        return self._parts.ledger.remaining(tx, standing.agreement.id, governed.grant.unit_kind, governed.lineages)
