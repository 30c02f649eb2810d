"""How many decisions there are by reason, and by the days since the application.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    kinds = {
        "log": sa.Integer,
        "action": sa.Text,
        "reason": sa.Text,
        "year": sa.Integer,
        "days": sa.Integer,
    }
    op.create_table(
        "decided",
        *[
            sa.Column(name, kind(), primary_key=True, nullable=False, autoincrement=False)
            for name, kind in kinds.items()
        ],
        sa.Column("count", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("decided")
