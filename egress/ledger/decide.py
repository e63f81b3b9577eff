"""Decisions of the ledger: whether a charge fits, and how accounts change. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from egress.ledger.model import Account, Amount, Charge, Scope, ScopeKind


@dataclass(frozen=True)
class Reserved:
    """The charge fits; these are the accounts after the reservation."""

    accounts: tuple[Account, ...]


@dataclass(frozen=True)
class Spent:
    """The charge does not fit. Only the kind of scope is told: a data set's use by others is nobody's to see."""

    code: str
    scope: ScopeKind


def reserve(accounts: Mapping[Scope, Account], charge: Charge) -> Reserved | Spent:
    """Reserve `charge` in every scope it touches, or in none.

    A scope without an account has no budget: nobody granted one.
    """
    after: list[Account] = []
    for scope in charge.scopes:
        account = accounts.get(scope)
        if account is None:
            return Spent("BUDGET_SPENT", scope.kind)
        if scope.kind == "agreement" and account.jobs >= charge.job_limit:
            return Spent("JOB_COUNT_SPENT", scope.kind)
        if not (account.held + charge.amount).within(account.total):
            return Spent("BUDGET_SPENT", scope.kind)
        after.append(replace(account, reserved=account.reserved + charge.amount, jobs=account.jobs + 1))
    return Reserved(tuple(after))


def commit(account: Account, amount: Amount) -> Account:
    """Turn a reservation into a spent charge."""
    return replace(account, reserved=account.reserved - amount, committed=account.committed + amount)


def release(account: Account, amount: Amount) -> Account:
    """Give a reservation back."""
    return replace(account, reserved=account.reserved - amount, jobs=account.jobs - 1)
