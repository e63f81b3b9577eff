"""Rows of release requests and votes."""

import json
from collections.abc import Mapping
from dataclasses import fields

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    and_,
    insert,
    or_,
    select,
    update,
)

from egress.review.model import WAITING_STATES, ReleaseRequest, Vote
from sandbox.kernel.canonical import canonical_bytes
from sandbox.kernel.db import Transaction, metadata
from sandbox.kernel.roles import Role

_JSON = ("institutions", "dossier", "plan", "columns", "report")

requests = Table(
    "release_request",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("job", String(64), nullable=False, index=True),
    Column("agreement", String(64), nullable=False),
    Column("operator", String(64), nullable=False, index=True),
    Column("application", String(64), nullable=False),
    Column("institutions", Text, nullable=False),
    Column("purpose", String(64), nullable=False),
    Column("environment", String(8), nullable=False),
    Column("submitter", String(64), nullable=False),
    Column("route", String(16), nullable=False),
    Column("state", String(24), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("policy_digest", String(80), nullable=False),
    Column("expires", String(10), nullable=False),
    Column("opened_at", String(32), nullable=False),
    Column("due_at", String(32), nullable=False),
    Column("escalate_at", String(32), nullable=False),
    Column("close_at", String(32), nullable=False),
    Column("escalated", Boolean, nullable=False),
    Column("dossier", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("columns", Text, nullable=False),
    Column("report", Text, nullable=False),
    Column("result_digest", String(80), nullable=False),
    Column("etag", String(80), nullable=False),
    Column("result", LargeBinary, nullable=True),
)
owners = Table(
    "release_request_owner",
    metadata,
    Column("institution", String(64), primary_key=True),
    Column("request", String(64), ForeignKey("release_request.id"), primary_key=True),
)
votes = Table(
    "release_vote",
    metadata,
    Column("request", String(64), ForeignKey("release_request.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("person", String(64), primary_key=True),
    Column("organisation", String(64), nullable=False),
    Column("role", String(32), nullable=False),
    Column("decision", String(8), nullable=False),
    Column("comment", Text, nullable=False),
    Column("etag", String(80), nullable=False),
    Column("at", String(32), nullable=False),
    Column("digest", String(80), nullable=False),
)


def add(tx: Transaction, request: ReleaseRequest) -> None:
    """Keep a new request and index it by the institutions that own its data."""
    tx.execute(insert(requests).values(_values(request)))
    rows = [{"institution": name, "request": request.id} for name in request.institutions]
    if rows:
        tx.execute(insert(owners), rows)


def save(tx: Transaction, request: ReleaseRequest) -> None:
    """Write the present values of a request."""
    tx.execute(update(requests).where(requests.c.id == request.id).values(_values(request)))


def by_id(tx: Transaction, request: str) -> ReleaseRequest | None:
    """Return a request."""
    row = tx.execute(select(requests).where(requests.c.id == request)).one_or_none()
    return None if row is None else _request(row)


def overdue(tx: Transaction, now: str, today: str) -> tuple[ReleaseRequest, ...]:
    """Return requests to which time may have done something: at `now` (a stamp) or on the day `today` (ISO)."""
    late = or_(requests.c.close_at <= now, and_(requests.c.escalate_at <= now, requests.c.escalated.is_(False)))
    waiting = and_(requests.c.state.in_(WAITING_STATES), late)
    ended = and_(requests.c.state == "released", requests.c.expires < today)
    return tuple(_request(row) for row in tx.execute(select(requests).where(or_(waiting, ended)).order_by(requests.c.id)))


def queue(
    tx: Transaction, institution: str | None, operator: str | None, after: str | None, limit: int
) -> tuple[ReleaseRequest, ...]:
    """Return requests by identifier after `after`: of one owner, of one operator, or all where both are None."""
    query = select(requests).order_by(requests.c.id).limit(limit)
    if after is not None:
        query = query.where(requests.c.id > after)
    own = select(owners.c.request).where(owners.c.institution == institution)
    if institution is not None:
        query = query.where(requests.c.id.in_(own))
    if operator is not None:
        query = query.where(requests.c.operator == operator)
    found = tx.execute(query)
    return tuple(_request(row) for row in found)


def add_vote(tx: Transaction, vote: Vote) -> None:
    """Keep a vote; one per person and version."""
    tx.execute(insert(votes).values({field.name: getattr(vote, field.name) for field in fields(vote)}))


def votes_of(tx: Transaction, request: str, version: int) -> tuple[Vote, ...]:
    """Return the votes of one version, oldest first."""
    query = select(votes).where(votes.c.request == request, votes.c.version == version).order_by(votes.c.at, votes.c.person)
    return tuple(_vote(row) for row in tx.execute(query))


def _values(request: ReleaseRequest) -> Mapping[str, object]:
    values = {field.name: getattr(request, field.name) for field in fields(request)}
    return values | {name: canonical_bytes(values[name]).decode() for name in _JSON}


def _request(row: Row[tuple[object, ...]]) -> ReleaseRequest:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public accessor, underscored to keep clear of column names
    values |= {name: json.loads(values[name]) for name in _JSON}
    values["institutions"] = tuple(values["institutions"])
    values["columns"] = tuple(tuple(column) for column in values["columns"])
    return ReleaseRequest(**values)


def _vote(row: Row[tuple[object, ...]]) -> Vote:
    values = dict(row._mapping)  # noqa: SLF001 - as above
    return Vote(**(values | {"role": Role(values["role"])}))
