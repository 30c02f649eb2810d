"""What a directory is searched by: terms, what is listed, and which documents it was made from.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def _key(
    name: str, kind: type[sa.Integer] | type[sa.Text] | type[sa.LargeBinary]
) -> "sa.Column[object]":
    return sa.Column(name, kind(), primary_key=True, nullable=False, autoincrement=False)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "term",
        _key("log", sa.Integer),
        _key("term", sa.Text),
        _key("holder", sa.LargeBinary),
        _key("thing", sa.LargeBinary),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "listed",
        _key("log", sa.Integer),
        _key("holder", sa.LargeBinary),
        _key("thing", sa.LargeBinary),
        _key("number", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "described",
        _key("log", sa.Integer),
        _key("position", sa.Integer),
        sa.Column("holder", sa.LargeBinary(), nullable=False),
        sa.Column("thing", sa.LargeBinary(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("term", "listed", "described"):
        op.drop_table(name)
