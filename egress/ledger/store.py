"""Rows of the ledger: accounts with running totals, entries, and which scopes an entry charged. Rationals are `p/q` text."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import Column, ForeignKey, Integer, RowMapping, String, Table, Text, insert, select, update

from egress.ledger.model import Account, Amount, Charge, Entry, Scope
from sandbox.kernel.canonical import canonical_bytes
from sandbox.kernel.db import Transaction, metadata

accounts = Table(
    "ledger_account",
    metadata,
    Column("scope", String(255), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(128), nullable=False),
    Column("unit_kind", String(63), nullable=False),
    Column("epsilon", String(64), nullable=False),
    Column("delta", String(64), nullable=False),
    Column("reserved_rho", Text, nullable=False),
    Column("reserved_delta_tau", Text, nullable=False),
    Column("committed_rho", Text, nullable=False),
    Column("committed_delta_tau", Text, nullable=False),
    Column("jobs", Integer, nullable=False),
)

entries = Table(
    "ledger_entry",
    metadata,
    Column("job", String(64), primary_key=True),
    Column("agreement", String(64), nullable=False, index=True),
    Column("unit_kind", String(63), nullable=False),
    Column("lineages", Text, nullable=False),
    Column("rho", Text, nullable=False),
    Column("delta_tau", Text, nullable=False),
    Column("job_limit", Integer, nullable=False),
    Column("tenants", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reserved_at", String(32), nullable=False),
    Column("settled_at", String(32), nullable=True),
)

charges = Table(
    "ledger_charge",
    metadata,
    Column("job", String(64), ForeignKey("ledger_entry.job"), primary_key=True),
    Column("scope", String(255), ForeignKey("ledger_account.scope"), primary_key=True, index=True),
)


def accounts_of(tx: Transaction, scopes: Iterable[Scope]) -> Mapping[Scope, Account]:
    """Read accounts, in the order of their keys."""
    ids = [scope.id for scope in scopes]
    found = tx.execute(select(accounts).where(accounts.c.scope.in_(ids)).order_by(accounts.c.scope))
    return {account.scope: account for account in map(_account, found.mappings())}


def account(tx: Transaction, scope: Scope) -> Account | None:
    """Read one account."""
    found = tx.execute(select(accounts).where(accounts.c.scope == scope.id)).mappings().one_or_none()
    return None if found is None else _account(found)


def all_accounts(tx: Transaction, kind: str) -> tuple[Account, ...]:
    """Read every account of one kind, by key."""
    found = tx.execute(select(accounts).where(accounts.c.kind == kind).order_by(accounts.c.scope)).mappings()
    return tuple(map(_account, found))


def add_account(tx: Transaction, new: Account) -> None:
    """Add an account."""
    tx.execute(insert(accounts).values(_account_row(new)))


def put_account(tx: Transaction, changed: Account) -> None:
    """Write an account."""
    tx.execute(update(accounts).where(accounts.c.scope == changed.scope.id).values(_account_row(changed)))


def entry(tx: Transaction, job: str) -> Entry | None:
    """Read the entry of a job."""
    found = tx.execute(select(entries).where(entries.c.job == job)).mappings().one_or_none()
    return None if found is None else Entry(_charge(found), found["state"])


def entries_of(tx: Transaction, scope: Scope) -> tuple[Entry, ...]:
    """Read every entry that charged a scope, by job."""
    joined = select(entries).join(charges).where(charges.c.scope == scope.id).order_by(entries.c.job)
    return tuple(Entry(_charge(found), found["state"]) for found in tx.execute(joined).mappings())


def add_entry(tx: Transaction, new: Entry, at: str) -> None:
    """Add an entry and name the scopes that it charges."""
    charge = new.charge
    tx.execute(
        insert(entries).values(
            job=charge.job,
            agreement=charge.agreement,
            unit_kind=charge.unit_kind,
            lineages=_text(charge.lineages),
            rho=str(charge.amount.rho),
            delta_tau=str(charge.amount.delta_tau),
            job_limit=charge.job_limit,
            tenants=_text(charge.tenants),
            state=new.state,
            reserved_at=at,
        )
    )
    tx.execute(insert(charges), [{"job": charge.job, "scope": scope.id} for scope in charge.scopes])


def move_entry(tx: Transaction, job: str, state: str, target: str, at: str) -> bool:
    """Compare and set the state of an entry; False where it was no longer `state`."""
    changed = update(entries).where(entries.c.job == job, entries.c.state == state).values(state=target, settled_at=at)
    return tx.execute(changed).rowcount == 1


def _account(found: RowMapping) -> Account:
    return Account(
        scope=Scope(found["kind"], found["name"], found["unit_kind"]),
        epsilon=Decimal(found["epsilon"]),
        delta=Decimal(found["delta"]),
        reserved=Amount(Fraction(found["reserved_rho"]), Fraction(found["reserved_delta_tau"])),
        committed=Amount(Fraction(found["committed_rho"]), Fraction(found["committed_delta_tau"])),
        jobs=found["jobs"],
    )


def _account_row(written: Account) -> dict[str, Any]:
    return {
        "scope": written.scope.id,
        "kind": written.scope.kind,
        "name": written.scope.name,
        "unit_kind": written.scope.unit_kind,
        "epsilon": str(written.epsilon),
        "delta": str(written.delta),
        "reserved_rho": str(written.reserved.rho),
        "reserved_delta_tau": str(written.reserved.delta_tau),
        "committed_rho": str(written.committed.rho),
        "committed_delta_tau": str(written.committed.delta_tau),
        "jobs": written.jobs,
    }


def _charge(found: RowMapping) -> Charge:
    return Charge(
        job=found["job"],
        agreement=found["agreement"],
        unit_kind=found["unit_kind"],
        lineages=tuple(json.loads(found["lineages"])),
        amount=Amount(Fraction(found["rho"]), Fraction(found["delta_tau"])),
        job_limit=found["job_limit"],
        tenants=tuple(json.loads(found["tenants"])),
    )


def _text(names: tuple[str, ...]) -> str:
    return canonical_bytes(list(names)).decode()
