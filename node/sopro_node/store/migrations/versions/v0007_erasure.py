"""What was erased, so that it never comes back.

Revision ID: 0007
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of erased documents."""
    op.create_table(
        "erased",
        *[
            sa.Column(name, sa.Integer(), primary_key=True, nullable=False, autoincrement=False)
            for name in ("log", "position", "number")
        ],
        sa.Column("erasure", sa.Integer(), nullable=False),
        sa.Column("deadline", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("erased")
