"""Rows of the catalog, snapshots, workspaces with their extracts, and canaries. Insert-only: history is kept."""

from collections.abc import Iterable
from pathlib import Path
from typing import cast

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    insert,
    select,
)

from connectors.model import Build, Snapshot, TableExtract
from policies.catalog import CatalogItem
from policies.policy import Environment
from policies.vocabularies import AS_STORED
from sandbox.kernel.db import Transaction, metadata

_SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")

items = Table(
    "catalog_item",
    metadata,
    Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("table_name", String(63), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("created", String(32), nullable=False),
    UniqueConstraint("table_name", "version"),
)
snapshots = Table(
    "snapshot",
    metadata,
    Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("table_name", String(63), nullable=False, index=True),
    Column("item_version", Integer, nullable=False),
    Column("declaration_digest", String(71), nullable=False),
    Column("source_digest", String(71), nullable=False),
    Column("path", Text, nullable=False),
    Column("digest", String(71), nullable=False),
    Column("row_count", BigInteger, nullable=False),
    Column("nonce", LargeBinary(32), nullable=False),
    Column("created", String(32), nullable=False),
)
workspaces = Table(
    "workspace",
    metadata,
    Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("agreement", String(64), nullable=False, index=True),
    Column("environment", String(8), nullable=False),
    Column("grant_digest", String(71), nullable=False),
    Column("created", String(32), nullable=False),
)
extracts = Table(
    "extract",
    metadata,
    Column("workspace", String(64), ForeignKey("workspace.id"), primary_key=True),
    Column("table_name", String(63), primary_key=True),
    Column("snapshot", String(64), ForeignKey("snapshot.id"), nullable=True),
    Column("path", Text, nullable=False),
    Column("digest", String(71), nullable=False),
    Column("row_count", BigInteger, nullable=False),
    Column("nonce", LargeBinary(32), nullable=False),
)
canary_values = Table("canary", metadata, Column("value", String(256), primary_key=True))


def add_item(tx: Transaction, item: CatalogItem, actor: str, created: str) -> None:
    """Keep one version of a catalog item."""
    row = {"table_name": item.table, "version": item.version, "document": item.model_dump_json()}
    tx.execute(insert(items).values(**row, actor=actor, created=created))


def current_items(tx: Transaction) -> tuple[CatalogItem, ...]:
    """Return the newest version of every item, by table name."""
    newest = select(func.max(items.c.seq)).group_by(items.c.table_name)
    rows = tx.execute(select(items.c.document).where(items.c.seq.in_(newest)).order_by(items.c.table_name))
    return tuple(CatalogItem.model_validate_json(text, context=AS_STORED) for text in rows.scalars())


def add_snapshot(tx: Transaction, one: Snapshot) -> None:
    """Register a snapshot; it becomes the newest of its table."""
    tx.execute(
        insert(snapshots).values(
            id=one.id,
            table_name=one.table,
            item_version=one.item_version,
            declaration_digest=one.declaration_digest,
            source_digest=one.source_digest,
            path=one.path,
            digest=one.digest,
            row_count=one.rows,
            nonce=one.nonce,
            created=one.created,
        )
    )


def newest_snapshot(tx: Transaction, table: str) -> Snapshot | None:
    """Return the snapshot that supply reads for `table`, or None."""
    query = select(snapshots).where(snapshots.c.table_name == table).order_by(snapshots.c.seq.desc()).limit(1)
    row = tx.execute(query).one_or_none()
    return None if row is None else _snapshot(row)


def snapshot_files(tx: Transaction, table: str) -> frozenset[str]:
    """Name what lies in the directory of `table` for all its snapshots."""
    rows = tx.execute(select(snapshots.c.path).where(snapshots.c.table_name == table))
    return frozenset(Path(path).relative_to("raw", table).parts[0] for path in rows.scalars())


def build_names(tx: Transaction, agreement: str, environment: Environment) -> frozenset[str]:
    """Name every workspace that was built for `agreement` in `environment`."""
    query = select(workspaces.c.id).where(workspaces.c.agreement == agreement, workspaces.c.environment == environment)
    return frozenset(tx.execute(query).scalars())


def add_build(tx: Transaction, build: Build) -> None:
    """Register a workspace with all its extracts; it becomes the one in force."""
    tx.execute(
        insert(workspaces).values(
            id=build.id,
            agreement=build.agreement,
            environment=build.environment,
            grant_digest=build.grant_digest,
            created=build.created,
        )
    )
    tx.execute(insert(extracts), [_extract_row(build.id, one) for one in build.tables])


def newest_build(tx: Transaction, agreement: str, environment: Environment) -> Build | None:
    """Return the workspace in force, or None where none was built."""
    query = select(workspaces).where(workspaces.c.agreement == agreement, workspaces.c.environment == environment)
    row = tx.execute(query.order_by(workspaces.c.seq.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    tables = tx.execute(select(extracts).where(extracts.c.workspace == row.id).order_by(extracts.c.table_name))
    kept = tuple(_table_extract(line) for line in tables)
    return Build(row.id, row.agreement, cast("Environment", row.environment), row.grant_digest, row.created, kept)


def tables_of(tx: Transaction, workspace: str) -> tuple[TableExtract, ...]:
    """Return the tables of one workspace, by name."""
    rows = tx.execute(select(extracts).where(extracts.c.workspace == workspace).order_by(extracts.c.table_name))
    return tuple(_table_extract(row) for row in rows)


def place_of(tx: Transaction, workspace: str) -> tuple[str, Environment] | None:
    """Return the agreement and the environment that a workspace was made for."""
    row = tx.execute(select(workspaces.c.agreement, workspaces.c.environment).where(workspaces.c.id == workspace)).one_or_none()
    return None if row is None else (row.agreement, cast("Environment", row.environment))


def table_of_snapshot(tx: Transaction, snapshot: str) -> str | None:
    """Return the table that a snapshot is a version of."""
    return tx.execute(select(snapshots.c.table_name).where(snapshots.c.id == snapshot)).scalar_one_or_none()


def workspaces_of(tx: Transaction, snapshot: str) -> tuple[str, ...]:
    """Return the workspaces that were made from one snapshot."""
    wanted = select(extracts.c.workspace).where(extracts.c.snapshot == snapshot).distinct().order_by(extracts.c.workspace)
    return tuple(str(name) for name in tx.execute(wanted).scalars())


def add_canaries(tx: Transaction, values: Iterable[str]) -> None:
    """Keep planted values; those known already stay."""
    missing = sorted(set(values).difference(all_canaries(tx)))
    if missing:
        tx.execute(insert(canary_values), [{"value": value} for value in missing])


def all_canaries(tx: Transaction) -> tuple[str, ...]:
    """Return every planted value, sorted."""
    return tuple(tx.execute(select(canary_values.c.value).order_by(canary_values.c.value)).scalars())


def _snapshot(row: Row[tuple[object, ...]]) -> Snapshot:
    return Snapshot(
        id=row.id,
        table=row.table_name,
        item_version=row.item_version,
        declaration_digest=row.declaration_digest,
        source_digest=row.source_digest,
        path=row.path,
        digest=row.digest,
        rows=row.row_count,
        nonce=bytes(row.nonce),
        created=row.created,
    )


def _extract_row(workspace: str, one: TableExtract) -> dict[str, object]:
    return {
        "workspace": workspace,
        "table_name": one.table,
        "snapshot": one.snapshot,
        "path": one.path,
        "digest": one.digest,
        "row_count": one.rows,
        "nonce": one.nonce,
    }


def _table_extract(row: Row[tuple[object, ...]]) -> TableExtract:
    return TableExtract(row.table_name, row.snapshot, row.path, row.digest, row.row_count, bytes(row.nonce))
