"""Any sequence of acts, refused ones included, keeps the ledger exact: never overdrawn, never charged twice, never refunded."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from egress.accounting import epsilon_of, terms_of
from egress.ledger.model import Amount, Charge, Scope, scopes_of
from egress.ledger.service import Ledger
from sandbox.kernel.clock import ManualClock
from sandbox.kernel.db import Database, metadata
from sandbox.kernel.errors import YuneiError
from tests.fakes_egress import Recorder

AGREEMENTS, LINEAGES = ("agr-1", "agr-2"), ("a.x", "b.y")
TERMS = terms_of(Decimal(2), Decimal("1e-6"))
JOBS = st.sampled_from([f"job-{number}" for number in range(8)])


class LedgerMachine(RuleBasedStateMachine):
    """A plain dictionary of what happened is the oracle."""

    @initialize()
    def open(self) -> None:
        self.db = Database("sqlite://")
        metadata.create_all(self.db.engine)
        self.book = Ledger(ManualClock(datetime(2026, 5, 1, tzinfo=UTC)), Recorder())  # type: ignore[arg-type]
        self.granted: dict[Scope, tuple[Decimal, Decimal]] = {}
        self.state: dict[str, tuple[str, Charge]] = {}
        for agreement in AGREEMENTS:
            self.grant(Scope("agreement", agreement), Decimal(2))
        for lineage in LINEAGES:
            self.grant(Scope("dataset", lineage, "resident"), Decimal(2))

    def teardown(self) -> None:
        if hasattr(self, "db"):
            self.db.close()

    def grant(self, scope: Scope, epsilon: Decimal) -> None:
        with self.db.write() as tx:
            if scope.kind == "agreement":
                self.book.set_agreement_budget(tx, scope.name, epsilon, Decimal("1e-6"), "per-boss")
            else:
                self.book.set_dataset_cap(tx, scope, epsilon, Decimal("1e-6"), "per-boss")
        self.granted[scope] = (epsilon, Decimal("1e-6"))

    def held(self, scope: Scope, *states: str) -> Amount:
        charges = [charge for state, charge in self.state.values() if state in states and scope in charge.scopes]
        return sum((charge.amount for charge in charges), Amount())

    @rule(
        scope=st.sampled_from([*scopes_of("agr-1", "resident", LINEAGES)]),
        epsilon=st.sampled_from([Decimal("0.7"), Decimal(2), Decimal(3)]),
    )
    def regrant(self, scope: Scope, epsilon: Decimal) -> None:
        self.grant(scope, epsilon)

    @rule(
        job=JOBS,
        agreement=st.sampled_from(AGREEMENTS),
        lineages=st.lists(st.sampled_from(LINEAGES), min_size=1, max_size=3).map(tuple),
        share=st.fractions(Fraction(1, 50), Fraction(6, 5), max_denominator=97),
        thresholds=st.fractions(0, Fraction(6, 5), max_denominator=89),
        limit=st.integers(1, 6),
    )
    def reserve(self, job: str, agreement: str, lineages, share: Fraction, thresholds: Fraction, limit: int) -> None:
        amount = Amount(TERMS.rho * share, TERMS.delta_tau * thresholds)
        charge = Charge(job, agreement, "resident", lineages, amount, limit)
        jobs = sum(state != "released" and held.agreement == agreement for state, held in self.state.values())
        fits = all(
            (self.held(scope, "reserved", "committed") + amount).within(Amount(terms.rho, terms.delta_tau))
            for scope in charge.scopes
            for terms in [terms_of(*self.granted[scope])]
        )
        if job not in self.state and jobs < limit and fits:
            with self.db.write() as tx:
                self.book.reserve(tx, charge)
            self.state[job] = ("reserved", charge)
            return
        with pytest.raises(YuneiError), self.db.write() as tx:
            self.book.reserve(tx, charge)

    @rule(job=JOBS, act=st.sampled_from(["commit", "release"]))
    def settle(self, job: str, act: str) -> None:
        if self.state.get(job, ("",))[0] == "reserved":
            with self.db.write() as tx:
                getattr(self.book, act)(tx, job)
            self.state[job] = ("committed" if act == "commit" else "released", self.state[job][1])
            return
        with pytest.raises(YuneiError), self.db.write() as tx:
            getattr(self.book, act)(tx, job)

    @rule(job=JOBS)
    def crash_in_the_middle(self, job: str) -> None:
        if self.state.get(job, ("",))[0] != "reserved":
            return

        def die() -> None:
            with self.db.write() as tx:
                self.book.commit(tx, job)
                raise RuntimeError("the process dies here")

        with pytest.raises(RuntimeError):
            die()

    @invariant()
    def accounts_are_exactly_the_sum_of_what_happened(self) -> None:
        with self.db.read() as tx:
            assert self.book.balanced(tx)
            found = [self.book.agreement(tx, agreement) for agreement in AGREEMENTS]
            for view in (*found, *self.book.datasets(tx, None)):
                assert view is not None
                account = view.account
                assert account.reserved == self.held(account.scope, "reserved")
                assert account.committed == self.held(account.scope, "committed")
                if account.held.rho <= account.total.rho:
                    assert 0 <= view.epsilon_spent <= account.epsilon
                    assert view.epsilon_spent + view.epsilon_left == account.epsilon
                else:  # less was granted since: what was spent is not shown as less
                    delta_conv = terms_of(account.epsilon, account.delta).delta_conv
                    assert view.epsilon_spent >= epsilon_of(account.held.rho, delta_conv)
                    assert view.epsilon_left == max(0, account.epsilon - view.epsilon_spent)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(
    max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
