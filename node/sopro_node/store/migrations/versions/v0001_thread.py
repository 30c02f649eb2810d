"""The tables of the first release.

Revision ID: 0001
Revises: nothing
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_BLOB, _TEXT, _INT, _BIG, _SMALL = (
    sa.LargeBinary,
    sa.Text,
    sa.Integer,
    sa.BigInteger,
    sa.SmallInteger,
)

# table -> (rows kept by primary key alone, key columns, other columns)
_Columns = dict[str, type[sa.types.TypeEngine[Any]]]
_TABLES: dict[str, tuple[bool, _Columns, _Columns]] = {
    "setting": (True, {"name": _TEXT}, {"value": _BLOB}),
    "log": (
        False,
        {"id": _INT},
        {"origin": _TEXT, "size": _BIG, "root": _BLOB, "checkpoint": _BLOB, "cursor": _BLOB},
    ),
    "entry": (True, {"log": _INT, "position": _INT}, {"data": _BLOB}),
    "bundle": (False, {"log": _INT, "number": _INT}, {"root": _BLOB, "entries": _BLOB}),
    "document": (
        False,
        {"log": _INT, "position": _INT, "number": _INT},
        {"visibility": _SMALL, "key": _BLOB, "content": _BLOB},
    ),
    "application": (True, {"site": _TEXT}, {"received": _BIG, "request": _BLOB}),
    "kind": (False, {"id": _INT}, {"family": _TEXT}),
    "entity": (
        True,
        {"log": _INT, "entity": _BLOB},
        {"kind": _SMALL, "head": _BLOB, "undetermined": _SMALL, "state": _BLOB},
    ),
    "name": (True, {"log": _INT, "family": _TEXT, "name": _TEXT}, {"entity": _BLOB}),
    "label": (
        True,
        {"number": _TEXT},
        {
            "log": _INT,
            "entity": _BLOB,
            "status": _SMALL,
            "settled": _INT,
            "until": _INT,
            "year": _SMALL,
        },
    ),
    "void": (True, {"log": _INT, "position": _INT}, {"code": _TEXT, "message": _TEXT}),
    "decision_count": (
        True,
        {"log": _INT, "action": _TEXT, "year": _INT},
        {"count": _BIG},
    ),
    "exchange": (
        True,
        {"origin": _TEXT},
        {
            "attempted": _BIG,
            "confirmed": _BIG,
            "failures": _INT,
            "code": _TEXT,
            "message": _TEXT,
        },
    ),
}
_UNIQUE = {("log", "origin"), ("kind", "family")}
_NULLABLE = {("entity", "state")}


def upgrade() -> None:
    """Create every table."""
    for table, (keys_only, keys, others) in _TABLES.items():
        op.create_table(
            table,
            *[
                sa.Column(name, kind(), primary_key=True, nullable=False, autoincrement=False)
                for name, kind in keys.items()
            ],
            *[
                sa.Column(
                    name,
                    kind(),
                    nullable=(table, name) in _NULLABLE,
                    unique=(table, name) in _UNIQUE or None,
                )
                for name, kind in others.items()
            ],
            sqlite_with_rowid=not keys_only,
        )
    op.create_index(
        "undetermined",
        "entity",
        ["undetermined"],
        sqlite_where=sa.text("undetermined = 1"),
        postgresql_where=sa.text("undetermined = 1"),
    )


def downgrade() -> None:
    """Drop every table."""
    for table in reversed(_TABLES):
        op.drop_table(table)
