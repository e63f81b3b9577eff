"""Idempotency keys: the same POST by the same person makes one object, in the transaction that makes it."""

from sqlalchemy import Column, String, Table, insert, select

from sandbox.kernel.canonical import Json, digest
from sandbox.kernel.db import Transaction, metadata
from sandbox.kernel.errors import YuneiError

keys = Table(
    "idempotency_key",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("operation", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("request_digest", String(80), nullable=False),
    Column("object", String(64), nullable=False),
)


def known(tx: Transaction, person: str, operation: str, key: str, request: Json) -> str | None:
    """Return the object that this key already made, or None.

    Raises:
        YuneiError: `IDEMPOTENCY_CLASH`, the key was used for another request.

    """
    found = tx.execute(
        select(keys.c.request_digest, keys.c.object).where(
            keys.c.person == person, keys.c.operation == operation, keys.c.key == key
        )
    ).one_or_none()
    if found is None:
        return None
    if found.request_digest != digest(request):
        raise YuneiError("IDEMPOTENCY_CLASH")
    return str(found.object)


def remember(tx: Transaction, person: str, operation: str, key: str, request: Json, made: str) -> None:
    """Bind the key to the object that the same transaction makes."""
    tx.execute(insert(keys).values(person=person, operation=operation, key=key, request_digest=digest(request), object=made))
