"""Tables of the kernel: audit log, outbox, idempotency keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSERT_ONLY = {
    "audit_leaf": ("UPDATE", "DELETE"),
    "audit_node": ("UPDATE", "DELETE"),
    "audit_checkpoint": ("UPDATE", "DELETE"),
    "audit_tenant": ("UPDATE", "DELETE"),
    "audit_event": ("UPDATE",),
}


def upgrade() -> None:
    op.create_table(
        "audit_checkpoint",
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_audit_checkpoint")),
    )
    op.create_table(
        "audit_leaf",
        sa.Column("leaf_index", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("leaf_index", name=op.f("pk_audit_leaf")),
    )
    op.create_table(
        "audit_node",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_audit_node")),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("operation", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_digest", sa.String(length=80), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("person", "operation", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_table(
        "outbox_message",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_message")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outbox_message_due"), "outbox_message", ["due"], unique=False)
    op.create_table(
        "audit_event",
        sa.Column("leaf_index", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("tick", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.LargeBinary(length=32), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["leaf_index"], ["audit_leaf.leaf_index"], name=op.f("fk_audit_event_leaf_index")),
        sa.PrimaryKeyConstraint("leaf_index", name=op.f("pk_audit_event")),
    )
    op.create_index(op.f("ix_audit_event_subject"), "audit_event", ["subject"], unique=False)
    op.create_table(
        "audit_tenant",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("leaf_index", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["leaf_index"], ["audit_leaf.leaf_index"], name=op.f("fk_audit_tenant_leaf_index")),
        sa.PrimaryKeyConstraint("tenant", "leaf_index", name=op.f("pk_audit_tenant")),
    )
    _keep_insert_only(op.get_bind().dialect.name)


def _keep_insert_only(dialect: str) -> None:
    refuse = "BEGIN SELECT RAISE(ABORT, 'insert only'); END"
    if dialect == "postgresql":
        refuse = "FOR EACH STATEMENT EXECUTE FUNCTION yunei_insert_only()"
        op.execute(
            "CREATE FUNCTION yunei_insert_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN RAISE EXCEPTION 'insert only' USING ERRCODE = 'integrity_constraint_violation'; END$$"
        )
    for table, acts in INSERT_ONLY.items():
        for act in (*acts, "TRUNCATE") if dialect == "postgresql" else acts:
            op.execute(f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} {refuse}")


def downgrade() -> None:
    raise NotImplementedError("evidence is never dropped; restore a backup instead")
