"""Rows of the log. Leaves, tree nodes and checkpoints are insert-only, by trigger."""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Integer,
    LargeBinary,
    Row,
    Select,
    String,
    Table,
    Text,
    bindparam,
    event,
    func,
    insert,
    select,
)

from sandbox.kernel.audit.model import AuditEvent, Entry, Opening, StoredEvent
from sandbox.kernel.db import Transaction, metadata

_NUMBER = BigInteger().with_variant(Integer(), "sqlite")

leaves = Table(
    "audit_leaf",
    metadata,
    Column("leaf_index", _NUMBER, primary_key=True, autoincrement=False),
    Column("leaf", LargeBinary, nullable=False),
)
nodes = Table(
    "audit_node",
    metadata,
    Column("position", _NUMBER, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
)
events = Table(
    "audit_event",
    metadata,
    Column("leaf_index", _NUMBER, ForeignKey("audit_leaf.leaf_index"), primary_key=True, autoincrement=False),
    Column("tick", String(32), nullable=False),
    Column("subject", String(64), nullable=False, index=True),
    Column("nonce", LargeBinary(32), nullable=False),
    Column("event", Text, nullable=False),
)
tenants = Table(
    "audit_tenant",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("leaf_index", _NUMBER, ForeignKey("audit_leaf.leaf_index"), primary_key=True, autoincrement=False),
)
checkpoints = Table(
    "audit_checkpoint",
    metadata,
    Column("size", _NUMBER, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
)

INSERT_ONLY = {
    "audit_leaf": ("UPDATE", "DELETE"),
    "audit_node": ("UPDATE", "DELETE"),
    "audit_checkpoint": ("UPDATE", "DELETE"),
    "audit_tenant": ("UPDATE", "DELETE"),
    "audit_event": ("UPDATE",),  # an opening may lawfully be erased; its leaf and the tree stay
}
"""What each table refuses. PostgreSQL refuses TRUNCATE of all: openings are erased one by one."""


def trigger_ddl(table: str, dialect: str) -> tuple[str, ...]:
    """Return the statements that keep `table` insert-only; migrations run the same ones."""
    acts = INSERT_ONLY[table]
    if dialect == "sqlite":
        refuse = "BEGIN SELECT RAISE(ABORT, 'insert only'); END"
        return tuple(f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} {refuse}" for act in acts)
    body = "$$BEGIN RAISE EXCEPTION 'insert only' USING ERRCODE = 'integrity_constraint_violation'; END$$"
    refuse = "FOR EACH STATEMENT EXECUTE FUNCTION yunei_insert_only()"
    return (
        f"CREATE OR REPLACE FUNCTION yunei_insert_only() RETURNS trigger LANGUAGE plpgsql AS {body}",
        *(f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} {refuse}" for act in (*acts, "TRUNCATE")),
    )


for _dialect in ("sqlite", "postgresql"):
    for _table in (leaves, nodes, events, tenants, checkpoints):
        for _statement in trigger_ddl(_table.name, _dialect):
            event.listen(_table, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]


# Built once: every act in the service appends an event, and building a statement costs more than running it.
_LAST = select(func.max(leaves.c.leaf_index))
_NODES = select(nodes.c.position, nodes.c.hash).where(nodes.c.position.in_(bindparam("positions", expanding=True)))


def size(tx: Transaction) -> int:
    """Count the leaves."""
    last = tx.execute(_LAST).scalar_one()
    return 0 if last is None else int(last) + 1


def hashes(tx: Transaction, positions: Iterable[int]) -> dict[int, bytes]:
    """Read subtree hashes by position."""
    rows = tx.execute(_NODES, {"positions": list(positions)})
    return {place: bytes(digest) for place, digest in rows}


def add(tx: Transaction, entries: Sequence[Entry], grown: Sequence[tuple[int, bytes]]) -> None:
    """Write leaves, what they commit to, and the subtrees that became complete."""
    _insert(tx, leaves, [(one.index, one.leaf) for one in entries])
    _insert(tx, nodes, grown)
    _insert(tx, events, [(one.index, one.tick, one.event.subject, one.nonce, one.text.decode()) for one in entries])
    _insert(tx, tenants, [(tenant, one.index) for one in entries for tenant in sorted(set(one.event.tenants))])


def latest_checkpoint(tx: Transaction) -> tuple[int, str] | None:
    """Return size and note of the newest checkpoint."""
    row = tx.execute(select(checkpoints.c.size, checkpoints.c.note).order_by(checkpoints.c.size.desc()).limit(1)).one_or_none()
    return None if row is None else (int(row.size), str(row.note))


def add_checkpoint(tx: Transaction, count: int, note: str) -> None:
    """Keep a checkpoint that was signed."""
    tx.execute(insert(checkpoints).values(size=count, note=note))


def page(tx: Transaction, seen_by: frozenset[str] | None, after: int, limit: int, subject: str | None) -> tuple[StoredEvent, ...]:
    """Return events after `after`, oldest first; only those that one of `seen_by` may open, or all for None."""
    return tuple(_stored(row) for row in tx.execute(_page(seen_by, after, limit, subject)))


def openings(tx: Transaction, seen_by: frozenset[str] | None, after: int, limit: int, subject: str | None) -> tuple[Opening, ...]:
    """Return the same events as `page`, with the nonces of their leaves."""
    return tuple(_opening(row) for row in tx.execute(_page(seen_by, after, limit, subject)))


def _page(seen_by: frozenset[str] | None, after: int, limit: int, subject: str | None) -> Select[tuple[object, ...]]:
    query = select(events).where(events.c.leaf_index > after).order_by(events.c.leaf_index).limit(limit)
    if subject is not None:
        query = query.where(events.c.subject == subject)
    if seen_by is not None:
        own = select(tenants.c.leaf_index).where(tenants.c.tenant.in_(sorted(seen_by)))
        query = query.where(events.c.leaf_index.in_(own))
    return query


def latest(tx: Transaction, subject: str) -> StoredEvent | None:
    """Return the newest event of one object."""
    query = select(events).where(events.c.subject == subject).order_by(events.c.leaf_index.desc()).limit(1)
    row = tx.execute(query).one_or_none()
    return None if row is None else _stored(row)


def opening(tx: Transaction, index: int) -> Opening | None:
    """Return the opening of one leaf, or None where there is none (any more)."""
    row = tx.execute(select(events).where(events.c.leaf_index == index)).one_or_none()
    return None if row is None else _opening(row)


def all_leaves(tx: Transaction, after: int, limit: int) -> tuple[bytes, ...]:
    """Return leaves after `after`, in order; leaves are for every auditor, since they tell nothing."""
    query = select(leaves.c.leaf).where(leaves.c.leaf_index > after).order_by(leaves.c.leaf_index).limit(limit)
    return tuple(bytes(leaf) for leaf in tx.execute(query).scalars())


def _insert(tx: Transaction, table: Table, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert rows given in the table's column order, by the driver itself: per-row work in between would cost more."""
    if not rows:
        return
    sql, positional = _insert_sql(table, tx.dialect)
    if positional:
        tx.exec_driver_sql(sql, list(rows))
    else:
        names = table.columns.keys()
        tx.exec_driver_sql(sql, [dict(zip(names, row, strict=True)) for row in rows])


@lru_cache(maxsize=32)
def _insert_sql(table: Table, dialect: Dialect) -> tuple[str, bool]:
    compiled = insert(table).compile(dialect=dialect)
    return str(compiled), compiled.positional


def _opening(row: Row[tuple[object, ...]]) -> Opening:
    return Opening(row.leaf_index, row.tick, bytes(row.nonce), json.loads(row.event))


def _stored(row: Row[tuple[object, ...]]) -> StoredEvent:
    body = json.loads(row.event)
    shown = AuditEvent(body["type"], body["subject"], body["actor"], tuple(body["tenants"]), body["payload"])
    return StoredEvent(row.leaf_index, row.tick, shown)
