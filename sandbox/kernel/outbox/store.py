"""Messages that wait for their handler, in the transaction that caused them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text, delete, insert, select, update

from sandbox.kernel.canonical import Json, canonical_bytes
from sandbox.kernel.db import Transaction, metadata

messages = Table(
    "outbox_message",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    Column("topic", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due", String(32), nullable=False, default="", index=True),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True)
class Message:
    """One waiting message; `attempts` counts failures so far."""

    id: int
    topic: str
    body: Mapping[str, Json]
    attempts: int


def add(tx: Transaction, topic: str, body: Mapping[str, Json]) -> None:
    """Keep a message, due at once."""
    tx.execute(insert(messages).values(topic=topic, body=canonical_bytes(body).decode()))


def next_due(tx: Transaction, topics: Iterable[str], now: str) -> Message | None:
    """Return the oldest due message of `topics`."""
    query = select(messages).where(messages.c.topic.in_(sorted(topics)), messages.c.due <= now).order_by(messages.c.id).limit(1)
    row = tx.execute(query).one_or_none()
    return None if row is None else Message(row.id, row.topic, json.loads(row.body), row.attempts)


def remove(tx: Transaction, message: int) -> bool:
    """Drop a message; False tells that another worker has handled it meanwhile."""
    return tx.execute(delete(messages).where(messages.c.id == message)).rowcount == 1


def postpone(tx: Transaction, message: int, due: str) -> None:
    """Count one failure and wait until `due`."""
    tx.execute(update(messages).where(messages.c.id == message).values(attempts=messages.c.attempts + 1, due=due))
