"""Tables of jobs, promotions and replays."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("operator", sa.String(length=64), nullable=False),
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("environment", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("canonical_digest", sa.String(length=80), nullable=True),
        sa.Column("prepared_digest", sa.String(length=80), nullable=True),
        sa.Column("memory_key", sa.String(length=80), nullable=True),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("workspace", sa.String(length=64), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("request", sa.String(length=64), nullable=True),
        sa.Column("release", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("updated_at", sa.String(length=32), nullable=False),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.String(length=32), nullable=True),
        sa.Column("started_at", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_job")),
        sa.UniqueConstraint("id", name=op.f("uq_job_id")),
    )
    op.create_index("ix_job_memory", "job", ["memory_key"], unique=False)
    op.create_index("ix_job_operator", "job", ["operator", "seq"], unique=False)
    op.create_index("ix_job_state", "job", ["state", "seq"], unique=False)
    op.create_table(
        "job_event",
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("job", "seq", name=op.f("pk_job_event")),
    )
    op.create_table(
        "job_outcome",
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("exact_digest", sa.String(length=80), nullable=True),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("shows_at", sa.String(length=32), nullable=False),
        sa.Column("published", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_job_outcome")),
    )
    op.create_index("ix_job_outcome_due", "job_outcome", ["published", "shows_at"], unique=False)
    op.create_table(
        "promotion",
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("canonical_digest", sa.String(length=80), nullable=False),
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("agreement", "canonical_digest", name=op.f("pk_promotion")),
    )
    op.create_table(
        "replay_noise",
        sa.Column("release", sa.String(length=64), nullable=False),
        sa.Column("replay", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("release", name=op.f("pk_replay_noise")),
    )
    op.create_table(
        "replay",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("release", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("requested_at", sa.String(length=32), nullable=False),
        sa.Column("lease_until", sa.String(length=32), nullable=True),
        sa.Column("report", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_replay")),
        sa.UniqueConstraint("id", name=op.f("uq_replay_id")),
    )


def downgrade() -> None:
    raise NotImplementedError("evidence is never dropped; restore a backup instead")
