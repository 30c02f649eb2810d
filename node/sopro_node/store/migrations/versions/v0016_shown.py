"""What a line of the directory shows of an organisation or offering, and of the label itself.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def _key(name: str, kind: type[sa.Integer] | type[sa.LargeBinary]) -> "sa.Column[object]":
    return sa.Column(name, kind(), primary_key=True, nullable=False, autoincrement=False)


def upgrade() -> None:
    """Create the table, and the columns of `listed`; reindex fills them."""
    op.create_table(
        "shown",
        _key("log", sa.Integer),
        *(_key(name, sa.LargeBinary) for name in ("holder", "thing", "rest")),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("line", sa.LargeBinary(), nullable=False),
        sqlite_with_rowid=False,
    )
    rest = sa.Column("rest", sa.LargeBinary(), nullable=False, server_default=sa.text("x''"))
    scheme = sa.Column("scheme", sa.Text(), nullable=False, server_default="")
    imported = sa.Column("imported", sa.SmallInteger(), nullable=False, server_default="0")
    for column in (rest, scheme, imported):
        op.add_column("listed", column)


def downgrade() -> None:
    """Drop them."""
    op.drop_table("shown")
    for name in ("rest", "scheme", "imported"):
        op.drop_column("listed", name)
