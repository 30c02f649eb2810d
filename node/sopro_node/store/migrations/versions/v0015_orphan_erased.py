"""What was erased in the logs of sites that are gone, by who looks after them.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    kinds = {"origin": sa.Text, "position": sa.Integer, "number": sa.Integer, "log": sa.Integer}
    op.create_table(
        "orphan_erased",
        *[
            sa.Column(name, kind(), primary_key=True, nullable=False, autoincrement=False)
            for name, kind in kinds.items()
        ],
        sa.Column("erasure", sa.Integer(), nullable=False),
        sa.Column("deadline", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("orphan_erased")
