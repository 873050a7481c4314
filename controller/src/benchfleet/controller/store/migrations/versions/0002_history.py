"""Indexes for the history of a cell and for counting the runs of a campaign.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    op.create_index("ix_run_campaign", "run", ["campaign", "state"])
    op.create_index("ix_run_device", "run", ["device", "cell_key"])


def downgrade() -> None:
    """Back to the one before."""
    op.drop_index("ix_run_device", "run")
    op.drop_index("ix_run_campaign", "run")
