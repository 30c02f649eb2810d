"""Statements of SQLAlchemy Core compiled to SQL for the raw driver."""

import re

from sqlalchemy import ClauseElement, bindparam
from sqlalchemy.dialects import sqlite

_DIALECT = sqlite.dialect(paramstyle="named")
_PARAMETER = re.compile(r"(?<!:):(\w+)")


def compile_sql(statement: ClauseElement, *order: str) -> str:
    """Compile a statement to positional parameters; numbers it names itself are written out."""
    compiled = statement.compile(dialect=_DIALECT)
    found = []

    def place(match: re.Match[str]) -> str:
        if match[1] in order:
            found.append(match[1])
            return "?"
        return str(int(compiled.params[match[1]]))

    text = _PARAMETER.sub(place, str(compiled))
    if tuple(found) != order:
        raise AssertionError(f"parameters are {found}, expected {order}: {compiled}")
    return text


def compile_put(table: object, *columns: str) -> str:
    """Compile an insert that replaces the row with the same primary key."""
    insert = sqlite.insert(table)  # type: ignore[arg-type]  # every table of the schema is one
    insert = insert.values({column: bindparam(column) for column in columns})
    keys = [column.name for column in table.primary_key]  # type: ignore[attr-defined]  # as above
    rest = {column: insert.excluded[column] for column in columns if column not in keys}
    return compile_sql(insert.on_conflict_do_update(index_elements=keys, set_=rest), *columns)
