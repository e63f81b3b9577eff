"""Use cases of the ledger. Each runs in the caller's write transaction, together with its audit event."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from egress.ledger import decide, store
from egress.ledger.model import (
    LEDGER_ENTRY,
    Account,
    AccountView,
    Amount,
    Charge,
    Entry,
    LedgerView,
    Scope,
)
from sandbox.kernel.audit.model import AuditEvent
from sandbox.kernel.audit.service import AuditLog
from sandbox.kernel.canonical import Json
from sandbox.kernel.clock import Clock, stamp
from sandbox.kernel.db import Transaction
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.roles import Role
from sandbox.kernel.states import advance

_SYSTEM = frozenset({Role.SYSTEM})


class Ledger:
    """The one place where privacy budget is granted, reserved, spent and shown."""

    def __init__(self, clock: Clock, audit: AuditLog) -> None:
        self._clock = clock
        self._audit = audit

    def set_agreement_budget(self, tx: Transaction, agreement: str, epsilon: Decimal, delta: Decimal, actor: str) -> bool:
        """Grant a service agreement its whole budget; see `_grant`."""
        return self._grant(tx, Account(Scope("agreement", agreement), epsilon, delta), actor)

    def set_dataset_cap(self, tx: Transaction, scope: Scope, epsilon: Decimal, delta: Decimal, actor: str) -> bool:
        """Cap the loss of one unit kind in one data-set lineage over all agreements; see `_grant`."""
        return self._grant(tx, Account(scope, epsilon, delta), actor)

    def reserve(self, tx: Transaction, charge: Charge) -> None:
        """Set the cost of a job aside in every scope that it touches, or in none.

        Raises:
            YuneiError: `BUDGET_SPENT` or `JOB_COUNT_SPENT` with the kind of scope; `ILLEGAL_TRANSITION`, the job was
                charged before; `DEFECT`, a cost that is not positive, or no data set.

        """
        amount = charge.amount
        if amount.rho <= 0 or amount.delta_tau < 0 or not charge.lineages:
            raise YuneiError("DEFECT")
        found = decide.reserve(store.accounts_of(tx, charge.scopes), charge)
        if isinstance(found, decide.Spent):
            raise YuneiError(found.code, scope=found.scope)
        if store.entry(tx, charge.job) is not None:
            raise YuneiError("ILLEGAL_TRANSITION", object=LEDGER_ENTRY.name)
        for account in found.accounts:
            store.put_account(tx, account)
        store.add_entry(tx, Entry(charge, LEDGER_ENTRY.initial), stamp(self._clock.now()))
        self._log(tx, "ledger.reserved", charge)

    def commit(self, tx: Transaction, job: str) -> None:
        """Spend a job's reservation for good; called in the transaction that hands the job to a sandbox.

        Raises:
            YuneiError: `NOT_FOUND`; `ILLEGAL_TRANSITION`, it was committed or released before.

        """
        self._settle(tx, job, "commit", decide.commit)

    def release(self, tx: Transaction, job: str) -> None:
        """Give a job's reservation back; only while no sandbox ever had the job.

        Raises:
            YuneiError: `NOT_FOUND`; `ILLEGAL_TRANSITION`, it was committed or released before.

        """
        self._settle(tx, job, "release", decide.release)

    def remaining(self, tx: Transaction, agreement: str, unit_kind: str, lineages: tuple[str, ...]) -> LedgerView:
        """Return what an agreement may see before it submits a query over `lineages`."""
        return LedgerView(self.agreement(tx, agreement), unit_kind, tuple(sorted(set(lineages))))

    def agreement(self, tx: Transaction, agreement: str) -> AccountView | None:
        """Return the account of one agreement, None where nothing was granted."""
        found = store.account(tx, Scope("agreement", agreement))
        return None if found is None else AccountView(found)

    def datasets(self, tx: Transaction, lineages: frozenset[str] | None) -> tuple[AccountView, ...]:
        """Return the caps of these lineages, all for None: for who answers for the data, never for tenants."""
        found = store.all_accounts(tx, "dataset")
        return tuple(AccountView(one) for one in found if lineages is None or one.scope.name in lineages)

    def charge_of(self, tx: Transaction, job: str) -> Entry | None:
        """Return the entry of a job, for replay."""
        return store.entry(tx, job)

    def charges_of(self, tx: Transaction, agreement: str) -> tuple[Entry, ...]:
        """Return the committed entries of an agreement, for replay."""
        found = store.entries_of(tx, Scope("agreement", agreement))
        return tuple(one for one in found if one.state == "committed")

    def balanced(self, tx: Transaction) -> bool:
        """Tell whether every account's running totals equal the exact sums over its entries."""
        kinds = ("agreement", "dataset")
        return all(_sums(tx, account) == account for kind in kinds for account in store.all_accounts(tx, kind))

    def _grant(self, tx: Transaction, granted: Account, actor: str) -> bool:
        """Set the (ε, δ) of a scope; what was spent stays spent, so less than that leaves nothing.

        The audit event shows terms before and after and the cumulative loss.

        Returns:
            Whether anything changed.

        Raises:
            YuneiError: `EPSILON_INVALID`, ε ≤ 0 or δ outside (0, 1).

        """
        if not (granted.epsilon.is_finite() and granted.delta.is_finite() and granted.epsilon > 0 and 0 < granted.delta < 1):
            raise YuneiError("EPSILON_INVALID")
        before = store.accounts_of(tx, (granted.scope,)).get(granted.scope)
        if before is None:
            store.add_account(tx, granted)
        elif (before.epsilon, before.delta) == (granted.epsilon, granted.delta):
            return False
        else:
            store.put_account(tx, replace(before, epsilon=granted.epsilon, delta=granted.delta))
        payload: dict[str, Json] = {
            "scope": granted.scope.id,
            "epsilon": str(granted.epsilon),
            "delta": str(granted.delta),
            "before": None if before is None else {"epsilon": str(before.epsilon), "delta": str(before.delta)},
            "rho_spent": str(before.held.rho) if before else "0",
            "delta_tau_spent": str(before.held.delta_tau) if before else "0",
        }
        self._audit.append(tx, AuditEvent("budget.granted", granted.scope.name, actor, (), payload))
        return True

    def _settle(self, tx: Transaction, job: str, event: str, change: Callable[[Account, Amount], Account]) -> None:
        entry = store.entry(tx, job)
        if entry is None:
            raise YuneiError("NOT_FOUND")
        line = advance(LEDGER_ENTRY, entry.state, event, _SYSTEM)
        if not store.move_entry(tx, job, line.state, line.target, stamp(self._clock.now())):
            raise YuneiError("ILLEGAL_TRANSITION", object=LEDGER_ENTRY.name)
        for account in store.accounts_of(tx, entry.charge.scopes).values():
            store.put_account(tx, change(account, entry.charge.amount))
        self._log(tx, line.audit, entry.charge)

    def _log(self, tx: Transaction, type_: str, charge: Charge) -> None:
        payload: dict[str, Json] = {
            "agreement": charge.agreement,
            "unit_kind": charge.unit_kind,
            "lineages": list(charge.lineages),
            "rho": str(charge.amount.rho),
            "delta_tau": str(charge.amount.delta_tau),
        }
        self._audit.append(tx, AuditEvent(type_, charge.job, "system", charge.tenants, payload))


def _sums(tx: Transaction, account: Account) -> Account:
    """Return the account as its entries say it must be."""
    entries = store.entries_of(tx, account.scope)
    held = {
        state: sum((entry.charge.amount for entry in entries if entry.state == state), Amount())
        for state in ("reserved", "committed")
    }
    jobs = sum(entry.state != "released" for entry in entries)
    return replace(account, reserved=held["reserved"], committed=held["committed"], jobs=jobs)
