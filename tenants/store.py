"""Rows of organisations, people, roles held over time, service agreements and access tokens."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Column, ForeignKey, Integer, Row, String, Table, insert, select, update

from sandbox.kernel.db import Transaction, metadata
from sandbox.kernel.roles import Role
from tenants.model import Assignment, Organisation, Person, ServiceAgreement

organisations = Table(
    "organisation",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(200), nullable=False),
)

people = Table(
    "person",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("organisation", String(64), ForeignKey("organisation.id"), nullable=False),
    Column("name", String(200), nullable=False),
)

assignments = Table(
    "role_assignment",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("person", String(64), ForeignKey("person.id"), nullable=False, index=True),
    Column("organisation", String(64), ForeignKey("organisation.id"), nullable=False),
    Column("role", String(32), nullable=False),
    Column("since", String(27), nullable=False),
    Column("until", String(27)),
)

agreements = Table(
    "service_agreement",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("operation_agreement", String(64), nullable=False),
    Column("operator", String(64), ForeignKey("organisation.id"), nullable=False, index=True),
    Column("application", String(64), ForeignKey("organisation.id"), nullable=False, index=True),
    Column("valid_from", String(10), nullable=False),
    Column("valid_until", String(10), nullable=False),
    Column("state", String(16), nullable=False),
)

tokens = Table(
    "access_token",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("text_sha256", String(64), nullable=False, unique=True),
    Column("person", String(64), ForeignKey("person.id"), nullable=False),
    Column("scopes", String(1000), nullable=False),
    Column("issued_at", String(27), nullable=False),
    Column("expires_at", String(27), nullable=False),
    Column("revoked_at", String(27)),
)


@dataclass(frozen=True)
class Token:
    """An access token without its text: only the SHA-256 of the text is ever stored."""

    id: str
    text_sha256: str
    person: str
    scopes: frozenset[str]
    issued_at: str
    expires_at: str
    revoked_at: str | None = None


def organisation(tx: Transaction, name: str) -> Organisation | None:
    """Return one organisation."""
    row = tx.execute(select(organisations).where(organisations.c.id == name)).one_or_none()
    return None if row is None else Organisation(row.id, row.kind, row.name)


def save_organisation(tx: Transaction, value: Organisation, *, new: bool) -> None:
    """Add the organisation or rename it."""
    if new:
        tx.execute(insert(organisations).values(id=value.id, kind=value.kind, name=value.name))
    else:
        tx.execute(update(organisations).where(organisations.c.id == value.id).values(name=value.name))


def person(tx: Transaction, name: str) -> Person | None:
    """Return one person with the roles held now."""
    row = tx.execute(select(people).where(people.c.id == name)).one_or_none()
    if row is None:
        return None
    roles = frozenset(line.role for line in history(tx, name) if line.until is None)
    return Person(row.id, row.organisation, row.name, roles)


def save_person(tx: Transaction, value: Person, *, new: bool) -> None:
    """Add the person or change name and organisation; roles are `open_role` and `close_role`."""
    if new:
        tx.execute(insert(people).values(id=value.id, organisation=value.organisation, name=value.name))
    else:
        change = update(people).where(people.c.id == value.id)
        tx.execute(change.values(organisation=value.organisation, name=value.name))


def history(tx: Transaction, name: str) -> tuple[Assignment, ...]:
    """Return every role the person ever held and when, oldest first, so that separation of duties can be recomputed later."""
    rows = tx.execute(select(assignments).where(assignments.c.person == name).order_by(assignments.c.seq))
    return tuple(Assignment(row.person, row.organisation, Role(row.role), row.since, row.until) for row in rows)


def holders(tx: Transaction, roles: frozenset[Role]) -> frozenset[str]:
    """Return the people who hold one of `roles` now."""
    query = select(assignments.c.person).where(assignments.c.role.in_(sorted(roles)), assignments.c.until.is_(None))
    return frozenset(tx.execute(query).scalars())


def open_role(tx: Transaction, value: Assignment) -> None:
    """Begin an assignment."""
    tx.execute(
        insert(assignments).values(
            person=value.person, organisation=value.organisation, role=value.role.value, since=value.since, until=value.until
        )
    )


def close_role(tx: Transaction, value: Assignment, until: str) -> None:
    """End an open assignment; the row stays."""
    tx.execute(
        update(assignments)
        .where(
            assignments.c.person == value.person,
            assignments.c.organisation == value.organisation,
            assignments.c.role == value.role.value,
            assignments.c.until.is_(None),
        )
        .values(until=until)
    )


def agreement(tx: Transaction, name: str) -> ServiceAgreement | None:
    """Return one service agreement."""
    row = tx.execute(select(agreements).where(agreements.c.id == name)).one_or_none()
    return None if row is None else _agreement(row)


def all_agreements(tx: Transaction) -> tuple[ServiceAgreement, ...]:
    """Return every service agreement, by identifier."""
    return tuple(_agreement(row) for row in tx.execute(select(agreements).order_by(agreements.c.id)))


def save_agreement(tx: Transaction, value: ServiceAgreement, *, new: bool) -> None:
    """Add the agreement, or change its term and state; its parties never change."""
    term = {"valid_from": value.valid_from.isoformat(), "valid_until": value.valid_until.isoformat(), "state": value.state}
    if new:
        parties = {"operation_agreement": value.operation_agreement, "operator": value.operator, "application": value.application}
        tx.execute(insert(agreements).values(id=value.id, **parties, **term))
    else:
        tx.execute(update(agreements).where(agreements.c.id == value.id).values(**term))


def add_token(tx: Transaction, value: Token) -> None:
    """Keep a token by the hash of its text."""
    tx.execute(
        insert(tokens).values(
            id=value.id,
            text_sha256=value.text_sha256,
            person=value.person,
            scopes=" ".join(sorted(value.scopes)),
            issued_at=value.issued_at,
            expires_at=value.expires_at,
            revoked_at=value.revoked_at,
        )
    )


def token_by_hash(tx: Transaction, text_sha256: str) -> Token | None:
    """Return the token whose text has this hash."""
    row = tx.execute(select(tokens).where(tokens.c.text_sha256 == text_sha256)).one_or_none()
    return None if row is None else _token(row)


def token(tx: Transaction, name: str) -> Token | None:
    """Return the token with this identifier."""
    row = tx.execute(select(tokens).where(tokens.c.id == name)).one_or_none()
    return None if row is None else _token(row)


def revoke_token(tx: Transaction, name: str, at: str) -> None:
    """Mark the token as revoked; the row stays."""
    tx.execute(update(tokens).where(tokens.c.id == name, tokens.c.revoked_at.is_(None)).values(revoked_at=at))


def _agreement(row: Row[tuple[object, ...]]) -> ServiceAgreement:
    parties = (row.id, row.operation_agreement, row.operator, row.application)
    return ServiceAgreement(*parties, date.fromisoformat(row.valid_from), date.fromisoformat(row.valid_until), row.state)


def _token(row: Row[tuple[object, ...]]) -> Token:
    scopes = frozenset(row.scopes.split())
    return Token(row.id, row.text_sha256, row.person, scopes, row.issued_at, row.expires_at, row.revoked_at)
