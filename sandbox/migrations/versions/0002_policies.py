"""Tables of policies."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "policy_institution",
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("institution", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("agreement", "institution", name=op.f("pk_policy_institution")),
    )
    op.create_table(
        "policy_version",
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("policy", sa.String(length=64), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("published_by", sa.String(length=64), nullable=False),
        sa.Column("published_at", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("agreement", "version", name=op.f("pk_policy_version")),
    )
    op.create_table(
        "policy_binding",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("catalog", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("bound_by", sa.String(length=64), nullable=False),
        sa.Column("bound_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement", "version"],
            ["policy_version.agreement", "policy_version.version"],
            name=op.f("fk_policy_binding_agreement_version"),
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_policy_binding")),
    )
    op.create_index(op.f("ix_policy_binding_agreement"), "policy_binding", ["agreement"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("evidence is never dropped; restore a backup instead")
