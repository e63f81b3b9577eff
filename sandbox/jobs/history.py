"""Use case: judge an agreement's past jobs again, under a version of its policy that is not in force."""

from policies.catalog import Catalog
from policies.grant import Grant
from policies.policy import Policy
from policies.query import Refused, SubmittedQuery
from policies.resolve import resolve
from sandbox.jobs import store
from sandbox.jobs.parts import Parts
from sandbox.jobs.prepare import NotPrepared, prepare
from sandbox.jobs.simulate import Codes, Judge, Simulation, simulate
from sandbox.kernel.db import Transaction
from sandbox.kernel.errors import YuneiError

NEWEST = 1000
"""How many of the newest jobs are judged where nobody asks for more."""


class HistoryService:
    """Simulates on stored queries. Reads no row of data and writes nothing.

    Term, number of jobs and budget are not looked at: the question is what the terms about data would change.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def simulate(self, policy: Policy, newest: int = NEWEST) -> Simulation:
        """Judge past jobs of the policy's agreement under it, resolved with the catalog in force.

        Raises:
            YuneiError: `NOT_FOUND`, no policy of the agreement is in force; `POLICY_REFUSED` with findings where the
                catalog in force and the policy do not resolve.

        """
        with self._parts.db.read() as tx:
            in_force = self._in_force(tx, policy.agreement)
            catalog = self._parts.catalog.items(tx)
        if in_force is None:
            raise YuneiError("NOT_FOUND")
        proposed = resolve(policy, catalog)
        if isinstance(proposed, Refused):
            raise YuneiError("POLICY_REFUSED", policy=policy.policy, findings=[item.as_json() for item in proposed.findings])
        return self._compare(in_force, proposed, newest)

    def foresee(self, policy: Policy, catalog: Catalog) -> Simulation | None:
        """Return what publishing would change for past jobs; None where nothing is in force, changes, or was ever asked.

        None also where what is in force cannot be read: publishing is what puts that right, and must not be kept from it.
        """
        proposed = resolve(policy, catalog)
        if isinstance(proposed, Refused):
            return None
        try:
            with self._parts.db.read() as tx:
                in_force = self._in_force(tx, policy.agreement)
            if in_force is None or proposed.digest == in_force.digest:
                return None
            found = self._compare(in_force, proposed, NEWEST)
        except YuneiError:
            return None
        return found if found.outlooks else None

    def _in_force(self, tx: Transaction, agreement: str) -> Grant | None:
        return self._parts.policies.grant(tx, agreement)

    def _compare(self, in_force: Grant, proposed: Grant, newest: int) -> Simulation:
        agreement = in_force.policy.agreement
        with self._parts.db.read() as tx:
            signed = self._parts.tenants.agreement(tx, agreement)
            if signed is None:
                raise YuneiError("NOT_FOUND")
            jobs = store.past(tx, signed.operator, agreement, newest)
            stored = store.count(tx, signed.operator, agreement)
        return simulate(jobs, self._judge(in_force), self._judge(proposed), stored)

    def _judge(self, grant: Grant) -> Judge:
        """Judge as a dry run does. A defect of ours is no verdict, and stops nothing."""

        def codes(query: SubmittedQuery) -> Codes | None:
            try:
                prepared = prepare(query, grant, self._parts.parsers)
            except YuneiError as refusal:
                return None if refusal.kind.status >= 500 else (refusal.code,)
            found = prepared.findings if isinstance(prepared, NotPrepared) else ()
            return tuple(dict.fromkeys(item.code for item in found))

        return codes
