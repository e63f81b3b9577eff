"""Priority, deadline and fair shares of the queue."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job", sa.Column("priority", sa.String(length=8), server_default="normal", nullable=False))
    op.add_column("job", sa.Column("place", sa.String(length=32), server_default="0", nullable=False))
    op.add_column("job", sa.Column("start_by", sa.String(length=32), nullable=True))
    op.add_column("job", sa.Column("duration_class_s", sa.Integer(), server_default="0", nullable=False))
    op.execute("UPDATE job SET place = created_at")
    op.create_index("ix_job_line", "job", ["state", "operator", "place", "seq"], unique=False)
    op.create_table(
        "job_turn",
        sa.Column("operator", sa.String(length=64), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("operator", name=op.f("pk_job_turn")),
    )


def downgrade() -> None:
    raise NotImplementedError("evidence is never dropped; restore a backup instead")
