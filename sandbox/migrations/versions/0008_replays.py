"""How often a replay was begun."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("replay", sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    raise NotImplementedError("evidence is never dropped; restore a backup instead")
