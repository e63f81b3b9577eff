"""Tables of tenants: organisations, people, agreements, tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "organisation",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_person_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
    )
    op.create_table(
        "service_agreement",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("operation_agreement", sa.String(length=64), nullable=False),
        sa.Column("operator", sa.String(length=64), nullable=False),
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("valid_from", sa.String(length=10), nullable=False),
        sa.Column("valid_until", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["application"], ["organisation.id"], name=op.f("fk_service_agreement_application")),
        sa.ForeignKeyConstraint(["operator"], ["organisation.id"], name=op.f("fk_service_agreement_operator")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_agreement")),
    )
    op.create_index(op.f("ix_service_agreement_application"), "service_agreement", ["application"], unique=False)
    op.create_index(op.f("ix_service_agreement_operator"), "service_agreement", ["operator"], unique=False)
    op.create_table(
        "access_token",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("text_sha256", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.String(length=1000), nullable=False),
        sa.Column("issued_at", sa.String(length=27), nullable=False),
        sa.Column("expires_at", sa.String(length=27), nullable=False),
        sa.Column("revoked_at", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_access_token_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_token")),
        sa.UniqueConstraint("text_sha256", name=op.f("uq_access_token_text_sha256")),
    )
    op.create_table(
        "role_assignment",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("since", sa.String(length=27), nullable=False),
        sa.Column("until", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_role_assignment_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_role_assignment_person")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_role_assignment")),
    )
    op.create_index(op.f("ix_role_assignment_person"), "role_assignment", ["person"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("evidence is never dropped; restore a backup instead")
