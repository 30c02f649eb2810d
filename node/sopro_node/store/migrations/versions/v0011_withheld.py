"""Entries that are withheld: what is left of them.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of withheld entries."""
    op.create_table(
        "withheld",
        *[
            sa.Column(name, sa.Integer(), primary_key=True, nullable=False, autoincrement=False)
            for name in ("log", "position")
        ],
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("record", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("instead", sa.LargeBinary(), nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("withheld")
