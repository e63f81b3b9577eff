"""What decided how a snapshot was read: more than names and types."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("snapshot", "schema_digest", new_column_name="declaration_digest")


def downgrade() -> None:
    raise NotImplementedError("evidence is never dropped; restore a backup instead")
