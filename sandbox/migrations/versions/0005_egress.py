"""Tables of egress: ledger, reviews, releases."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_account",
        sa.Column("scope", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("unit_kind", sa.String(length=63), nullable=False),
        sa.Column("epsilon", sa.String(length=64), nullable=False),
        sa.Column("delta", sa.String(length=64), nullable=False),
        sa.Column("reserved_rho", sa.Text(), nullable=False),
        sa.Column("reserved_delta_tau", sa.Text(), nullable=False),
        sa.Column("committed_rho", sa.Text(), nullable=False),
        sa.Column("committed_delta_tau", sa.Text(), nullable=False),
        sa.Column("jobs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_ledger_account")),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("unit_kind", sa.String(length=63), nullable=False),
        sa.Column("lineages", sa.Text(), nullable=False),
        sa.Column("rho", sa.Text(), nullable=False),
        sa.Column("delta_tau", sa.Text(), nullable=False),
        sa.Column("job_limit", sa.Integer(), nullable=False),
        sa.Column("tenants", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reserved_at", sa.String(length=32), nullable=False),
        sa.Column("settled_at", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_ledger_entry")),
    )
    op.create_index(op.f("ix_ledger_entry_agreement"), "ledger_entry", ["agreement"], unique=False)
    op.create_table(
        "release_request",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=False),
        sa.Column("operator", sa.String(length=64), nullable=False),
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("institutions", sa.Text(), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("environment", sa.String(length=8), nullable=False),
        sa.Column("submitter", sa.String(length=64), nullable=False),
        sa.Column("route", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("policy_digest", sa.String(length=80), nullable=False),
        sa.Column("expires", sa.String(length=10), nullable=False),
        sa.Column("opened_at", sa.String(length=32), nullable=False),
        sa.Column("due_at", sa.String(length=32), nullable=False),
        sa.Column("escalate_at", sa.String(length=32), nullable=False),
        sa.Column("close_at", sa.String(length=32), nullable=False),
        sa.Column("escalated", sa.Boolean(), nullable=False),
        sa.Column("dossier", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("result_digest", sa.String(length=80), nullable=False),
        sa.Column("etag", sa.String(length=80), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_request")),
    )
    op.create_index(op.f("ix_release_request_job"), "release_request", ["job"], unique=False)
    op.create_index(op.f("ix_release_request_operator"), "release_request", ["operator"], unique=False)
    op.create_index(op.f("ix_release_request_state"), "release_request", ["state"], unique=False)
    op.create_table(
        "ledger_charge",
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["ledger_entry.job"], name=op.f("fk_ledger_charge_job")),
        sa.ForeignKeyConstraint(["scope"], ["ledger_account.scope"], name=op.f("fk_ledger_charge_scope")),
        sa.PrimaryKeyConstraint("job", "scope", name=op.f("pk_ledger_charge")),
    )
    op.create_index(op.f("ix_ledger_charge_scope"), "ledger_charge", ["scope"], unique=False)
    op.create_table(
        "release",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("operator", sa.String(length=64), nullable=False),
        sa.Column("institutions", sa.Text(), nullable=False),
        sa.Column("environment", sa.String(length=8), nullable=False),
        sa.Column("expires", sa.String(length=10), nullable=False),
        sa.Column("released_at", sa.String(length=32), nullable=False),
        sa.Column("envelope", sa.String(length=80), nullable=False),
        sa.Column("bundle", sa.String(length=80), nullable=False),
        sa.Column("objects", sa.Text(), nullable=False),
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recall", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(["request"], ["release_request.id"], name=op.f("fk_release_request")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release")),
        sa.UniqueConstraint("request", name=op.f("uq_release_request")),
    )
    op.create_index(op.f("ix_release_job"), "release", ["job"], unique=False)
    op.create_index(op.f("ix_release_operator"), "release", ["operator"], unique=False)
    op.create_index(op.f("ix_release_recipient"), "release", ["recipient"], unique=False)
    op.create_table(
        "release_request_owner",
        sa.Column("institution", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["release_request.id"], name=op.f("fk_release_request_owner_request")),
        sa.PrimaryKeyConstraint("institution", "request", name=op.f("pk_release_request_owner")),
    )
    op.create_table(
        "release_vote",
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("decision", sa.String(length=8), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("etag", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["release_request.id"], name=op.f("fk_release_vote_request")),
        sa.PrimaryKeyConstraint("request", "version", "person", name=op.f("pk_release_vote")),
    )
    op.create_table(
        "release_delivery",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("release", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["release"], ["release.id"], name=op.f("fk_release_delivery_release")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_delivery")),
    )
    op.create_index(op.f("ix_release_delivery_release"), "release_delivery", ["release"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("evidence is never dropped; restore a backup instead")
