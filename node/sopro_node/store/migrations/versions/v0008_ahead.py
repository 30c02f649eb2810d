"""The head that entries beyond the served one are proven under.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add its column."""
    op.add_column(
        "log", sa.Column("ahead", sa.LargeBinary, nullable=False, server_default=sa.text("x''"))
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("log", "ahead")
