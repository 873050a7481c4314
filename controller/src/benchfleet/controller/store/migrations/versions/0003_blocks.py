"""Attempts that were leased together.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    op.add_column("attempt", sa.Column("block", sa.String(length=32), server_default="", nullable=False))


def downgrade() -> None:
    """Back to the one before."""
    op.drop_column("attempt", "block")
