"""Rows of releases and deliveries."""

import json
from collections.abc import Mapping
from dataclasses import fields

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Row, String, Table, Text, func, insert, or_, select, update

from egress.release.model import Delivery, Release
from egress.review.store import owners
from sandbox.kernel.canonical import canonical_bytes
from sandbox.kernel.db import Transaction, metadata

releases = Table(
    "release",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("request", String(64), ForeignKey("release_request.id"), nullable=False, unique=True),
    Column("job", String(64), nullable=False, index=True),
    Column("recipient", String(64), nullable=False, index=True),
    Column("operator", String(64), nullable=False, index=True),
    Column("institutions", Text, nullable=False),
    Column("environment", String(8), nullable=False),
    Column("expires", String(10), nullable=False),
    Column("released_at", String(32), nullable=False),
    Column("envelope", String(80), nullable=False),
    Column("bundle", String(80), nullable=False),
    Column("objects", Text, nullable=False),
    Column("event", BigInteger().with_variant(Integer(), "sqlite"), nullable=False),
    Column("recall", String(80), nullable=True),
)
deliveries = Table(
    "release_delivery",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    Column("release", String(64), ForeignKey("release.id"), nullable=False, index=True),
    Column("person", String(64), nullable=False),
    Column("organisation", String(64), nullable=False),
    Column("format", String(16), nullable=False),
    Column("at", String(32), nullable=False),
    Column("digest", String(80), nullable=False),
)

_JSON = ("institutions", "objects")


def add(tx: Transaction, release: Release) -> None:
    """Keep a release; one per request, by the table itself."""
    values = {field.name: getattr(release, field.name) for field in fields(release)}
    tx.execute(insert(releases).values(values | {name: canonical_bytes(values[name]).decode() for name in _JSON}))


def by_id(tx: Transaction, release: str) -> Release | None:
    """Return a release."""
    row = tx.execute(select(releases).where(releases.c.id == release)).one_or_none()
    return None if row is None else _release(row)


def of_request(tx: Transaction, request: str) -> Release | None:
    """Return the release of a request."""
    row = tx.execute(select(releases).where(releases.c.request == request)).one_or_none()
    return None if row is None else _release(row)


def page(tx: Transaction, organisation: str | None, after: str | None, limit: int) -> tuple[Release, ...]:
    """Return releases by identifier: those an organisation receives, caused or owns the data of; all for None."""
    query = select(releases).order_by(releases.c.id).limit(limit)
    if after is not None:
        query = query.where(releases.c.id > after)
    if organisation is not None:
        owned = select(owners.c.request).where(owners.c.institution == organisation)
        parties = or_(releases.c.recipient == organisation, releases.c.operator == organisation, releases.c.request.in_(owned))
        query = query.where(parties)
    return tuple(_release(row) for row in tx.execute(query))


def set_recall(tx: Transaction, release: str, statement: str) -> None:
    """Name the signed recall statement of a release."""
    tx.execute(update(releases).where(releases.c.id == release).values(recall=statement))


def add_delivery(tx: Transaction, delivery: Delivery) -> None:
    """Count a download."""
    tx.execute(insert(deliveries).values({field.name: getattr(delivery, field.name) for field in fields(delivery)}))


def deliveries_of(tx: Transaction, release: str) -> tuple[Delivery, ...]:
    """Return who fetched a release, oldest first."""
    query = select(deliveries).where(deliveries.c.release == release).order_by(deliveries.c.id)
    return tuple(Delivery(row.release, row.person, row.organisation, row.format, row.at, row.digest) for row in tx.execute(query))


def count_deliveries(tx: Transaction, release: str) -> int:
    """Count the downloads of a release."""
    query = select(func.count()).select_from(deliveries).where(deliveries.c.release == release)
    return int(tx.execute(query).scalar_one())


def _release(row: Row[tuple[object, ...]]) -> Release:
    values: Mapping[str, object] = row._mapping  # type: ignore[assignment]  # noqa: SLF001 - SQLAlchemy's public accessor
    institutions, objects = json.loads(row.institutions), json.loads(row.objects)
    return Release(**{**values, "institutions": tuple(institutions), "objects": objects})
