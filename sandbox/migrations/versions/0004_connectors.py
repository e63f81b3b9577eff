"""Tables of connectors: catalog, snapshots, extracts, canaries."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "canary",
        sa.Column("value", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("value", name=op.f("pk_canary")),
    )
    op.create_table(
        "catalog_item",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("table_name", sa.String(length=63), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("created", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_catalog_item")),
        sa.UniqueConstraint("table_name", "version", name=op.f("uq_catalog_item_table_name_version")),
    )
    op.create_index(op.f("ix_catalog_item_table_name"), "catalog_item", ["table_name"], unique=False)
    op.create_table(
        "snapshot",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("table_name", sa.String(length=63), nullable=False),
        sa.Column("item_version", sa.Integer(), nullable=False),
        sa.Column("schema_digest", sa.String(length=71), nullable=False),
        sa.Column("source_digest", sa.String(length=71), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_snapshot")),
        sa.UniqueConstraint("id", name=op.f("uq_snapshot_id")),
    )
    op.create_index(op.f("ix_snapshot_table_name"), "snapshot", ["table_name"], unique=False)
    op.create_table(
        "workspace",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("environment", sa.String(length=8), nullable=False),
        sa.Column("grant_digest", sa.String(length=71), nullable=False),
        sa.Column("created", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_workspace")),
        sa.UniqueConstraint("id", name=op.f("uq_workspace_id")),
    )
    op.create_index(op.f("ix_workspace_agreement"), "workspace", ["agreement"], unique=False)
    op.create_table(
        "extract",
        sa.Column("workspace", sa.String(length=64), nullable=False),
        sa.Column("table_name", sa.String(length=63), nullable=False),
        sa.Column("snapshot", sa.String(length=64), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["snapshot"], ["snapshot.id"], name=op.f("fk_extract_snapshot")),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name=op.f("fk_extract_workspace")),
        sa.PrimaryKeyConstraint("workspace", "table_name", name=op.f("pk_extract")),
    )


def downgrade() -> None:
    raise NotImplementedError("evidence is never dropped; restore a backup instead")
