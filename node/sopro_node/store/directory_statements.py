"""The statements of the directory's tables (`directory_index`), as SQL for the raw driver."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import CTE, Table, and_, bindparam, delete, func, select, tuple_, union_all
from sqlalchemy import text as literal
from sqlalchemy.dialects import sqlite

from sopro_node.store.compiling import compile_put as _put
from sopro_node.store.compiling import compile_sql as _sql
from sopro_node.store.schema import decided, described, entity, label, listed, shown, term

_b = bindparam


def _keep(table: object, *columns: str) -> str:
    """Compile an insert that leaves a row with the same primary key as it is."""
    insert = sqlite.insert(table)  # type: ignore[arg-type]  # every table of the schema is one
    insert = insert.values({column: bindparam(column) for column in columns})
    return _sql(insert.on_conflict_do_nothing(), *columns)


def _cut(table: Table, *columns: str) -> str:
    """Compile a delete of the rows that have these values in these columns."""
    rows = and_(*(table.c[column] == _b(column) for column in columns))
    return _sql(delete(table).where(rows), *columns)


PUT_TERM = _keep(term, "log", "term", "holder", "thing")
CUT_TERM = _cut(term, "log", "term", "holder", "thing")
CUT_TERMS_FROM = _sql(
    delete(term).where(
        and_(term.c.log == _b("log"), term.c.term >= _b("low"), term.c.term < _b("high"))
    ),
    "log",
    "low",
    "high",
)
_LISTED = ("holder", "thing", "number", "rest", "scheme", "imported")
PUT_LISTED = _keep(listed, "log", *_LISTED)
CUT_LISTED = _cut(listed, "log", "holder", "thing", "number")
GET_LISTED = _sql(
    select(listed.c.thing, listed.c.number)
    .where(
        and_(
            listed.c.log == _b("log"),
            listed.c.holder == _b("holder"),
            listed.c.thing >= _b("low"),
            listed.c.thing <= _b("high"),
        )
    )
    .order_by(listed.c.thing, listed.c.number)
    .limit(_b("limit")),
    "log",
    "holder",
    "low",
    "high",
    "limit",
)
GET_LISTED_WHOLE = _sql(
    select(*(listed.c[name] for name in _LISTED)).where(
        and_(
            listed.c.log == _b("log"),
            listed.c.holder == _b("holder"),
            listed.c.thing == _b("thing"),
        )
    ),
    "log",
    "holder",
    "thing",
)
GET_LISTED_BEHIND = _sql(
    select(listed.c.thing, listed.c.number)
    .where(
        and_(
            listed.c.log == _b("log"),
            listed.c.holder == _b("holder"),
            tuple_(listed.c.thing, listed.c.number) > tuple_(_b("thing"), _b("number")),
        )
    )
    .order_by(listed.c.thing, listed.c.number)
    .limit(_b("limit")),
    "log",
    "holder",
    "thing",
    "number",
    "limit",
)
_OF_TERM = and_(term.c.log == _b("log"), term.c.term == _b("term"))
_FROM_TERM = and_(term.c.log == _b("log"), term.c.term >= _b("low"), term.c.term < _b("high"))
_BEHIND = tuple_(term.c.holder, term.c.thing) > tuple_(_b("holder"), _b("thing"))
COUNT_FOUND = _sql(
    select(func.count()).select_from(
        select(term.c.term).where(_OF_TERM).limit(_b("most")).subquery()
    ),
    "log",
    "term",
    "most",
)
# Passing over rows is quicker than counting them.
HAS_FOUND = _sql(
    select(term.c.log).where(_OF_TERM).limit(1).offset(_b("passed")), "log", "term", "passed"
)
GET_BEGUN_AT = _sql(
    select(term.c.term).where(_FROM_TERM).order_by(term.c.term).limit(1).offset(_b("passed")),
    "log",
    "low",
    "high",
    "passed",
)
GET_FOUND = _sql(
    select(term.c.holder, term.c.thing)
    .where(and_(_OF_TERM, _BEHIND))
    .order_by(term.c.holder, term.c.thing)
    .limit(_b("limit")),
    "log",
    "term",
    "holder",
    "thing",
    "limit",
)
GET_FOUND_FROM = _sql(
    select(term.c.holder, term.c.thing).where(_FROM_TERM).limit(_b("limit")),
    "log",
    "low",
    "high",
    "limit",
)

GET_FOUND_AMONG = _sql(
    select(term.c.holder, term.c.thing)
    .where(and_(_OF_TERM, term.c.holder >= _b("first"), term.c.holder <= _b("last")))
    .limit(_b("limit")),
    "log",
    "term",
    "first",
    "last",
    "limit",
)


def _found_at(count: int) -> str:
    """Compile what is found at so many holders."""
    holders = [f"holder{number}" for number in range(count)]
    return _sql(
        select(term.c.holder, term.c.thing)
        .where(and_(_OF_TERM, term.c.holder.in_([_b(one) for one in holders])))
        .limit(_b("limit")),
        "log",
        "term",
        *holders,
        "limit",
    )


MOST_LED: Final = 128
"""Holders that are asked about at once."""
SIZES: Final = (8, 32, MOST_LED)
GET_FOUND_AT = {size: _found_at(size) for size in SIZES}
IS_FOUND = _sql(
    select(term.c.term)
    .where(
        and_(
            _OF_TERM,
            term.c.holder == _b("holder"),
            term.c.thing >= _b("least"),
            term.c.thing <= _b("most"),
        )
    )
    .limit(1),
    "log",
    "term",
    "holder",
    "least",
    "most",
)
_AT_PLACE = and_(
    listed.c.log == _b("log"),
    listed.c.holder == _b("holder"),
    listed.c.thing >= _b("low"),
    listed.c.thing <= _b("high"),
    tuple_(listed.c.thing, listed.c.number) > tuple_(_b("thing"), _b("number")),
    listed.c.number != literal("''"),
)
_COLUMNS = (label.c.number, label.c.status, label.c.settled, label.c.until)
FOUND = (listed.c.rest, listed.c.scheme, listed.c.imported, *_COLUMNS, label.c.log)
ROW = (label.c.entity, entity.c.undetermined, entity.c.head, entity.c.state)
_OF_LABEL = and_(entity.c.log == label.c.log, entity.c.entity == label.c.entity)


def _labels_at(*, with_states: bool) -> str:
    """Compile the labels of a holder's things between two."""
    found = select(listed.c.holder, listed.c.thing, *FOUND, *(ROW if with_states else ()))
    found = found.join_from(listed, label, label.c.number == listed.c.number)
    if with_states:
        found = found.join(entity, _OF_LABEL)
    return _sql(
        found.where(_AT_PLACE).order_by(listed.c.thing, listed.c.number).limit(_b("limit")),
        "log",
        "holder",
        "low",
        "high",
        "thing",
        "number",
        "limit",
    )


MOST_THINGS: Final = 16
"""Offerings whose labels are looked for at once."""
MOST_SHOWN: Final = 48


def _pairs(count: int) -> list[tuple[str, str]]:
    return [(f"holder{number}", f"thing{number}") for number in range(count)]


def _asked(places: Sequence[tuple[str, str]]) -> CTE:
    """Compile a table of pairs that are asked for."""
    return union_all(
        *(select(_b(one).label("holder"), _b(other).label("thing")) for one, other in places)
    ).cte("asked")


def _labels_of(*, with_states: bool) -> str:
    """Compile the labels of some things."""
    places = _pairs(MOST_THINGS)
    asked = _asked(places)
    found = select(asked.c.holder, asked.c.thing, *FOUND, *(ROW if with_states else ())).join_from(
        asked,
        listed,
        and_(
            listed.c.log == _b("log"),
            listed.c.holder == asked.c.holder,
            listed.c.thing == asked.c.thing,
            listed.c.number != literal("''"),
        ),
    )
    found = found.join(label, label.c.number == listed.c.number)
    if with_states:
        found = found.join(entity, _OF_LABEL)
    names = [name for place in places for name in place]
    return _in_order(_sql(found.limit(_b("limit")), *names, "log", "limit"))


def _in_order(statement: str) -> str:
    """Have SQLite go through the tables of a join as they stand."""
    return statement.replace(" JOIN ", " CROSS JOIN ")


GET_LABELS_AT = {one: _labels_at(with_states=one) for one in (False, True)}
GET_LABELS_OF = {one: _labels_of(with_states=one) for one in (False, True)}

PUT_SHOWN = _put(shown, "log", "holder", "thing", "rest", "position", "line")


def _shown(count: int) -> str:
    """Compile what is shown in so many places."""
    places = _pairs(count)
    asked = _asked(places)
    found = select(asked.c.holder, asked.c.thing, shown.c.rest, shown.c.line).join_from(
        asked,
        shown,
        and_(
            shown.c.log == _b("log"),
            shown.c.holder == asked.c.holder,
            shown.c.thing == asked.c.thing,
        ),
    )
    return _in_order(_sql(found, *(name for place in places for name in place), "log"))


GET_SHOWN = {size: _shown(size) for size in (MOST_THINGS, MOST_SHOWN)}
CUT_SHOWN = _cut(shown, "log", "holder", "thing", "position")
CUT_ALL_SHOWN = _sql(delete(shown))
GET_LABEL_COLUMNS = _sql(
    select(*_COLUMNS)
    .where(label.c.number > _b("after"))
    .order_by(label.c.number)
    .limit(_b("limit")),
    "after",
    "limit",
)
PUT_DESCRIBED = _put(described, "log", "position", "holder", "thing", "terms")
GET_DESCRIBED = _sql(
    select(described.c.holder, described.c.thing, described.c.terms).where(
        and_(described.c.log == _b("log"), described.c.position == _b("position"))
    ),
    "log",
    "position",
)
CUT_DESCRIBED = _sql(
    delete(described).where(
        and_(described.c.log == _b("log"), described.c.position == _b("position"))
    ),
    "log",
    "position",
)
CUT_ALL_DESCRIBED = _sql(delete(described))

_DECIDED = ("log", "action", "reason", "year", "days", "count")
_insert = sqlite.insert(decided)
ADD_DECIDED = _sql(
    _insert.values({name: _b(name) for name in _DECIDED}).on_conflict_do_update(
        index_elements=list(_DECIDED[:5]),
        set_={"count": decided.c.count + _insert.excluded.count},
    ),
    *_DECIDED,
)
GET_DECIDED = _sql(
    select(decided.c.action, decided.c.reason, decided.c.year, decided.c.days, decided.c.count)
    .where(and_(decided.c.log == _b("log"), decided.c.count != 0))
    .order_by(decided.c.action, decided.c.reason, decided.c.year, decided.c.days),
    "log",
)
GET_EXPIRING = _sql(
    select(*_COLUMNS)
    .where(
        and_(
            label.c.status >= 1,
            label.c.status <= 2,
            label.c.until >= _b("first"),
            label.c.until <= _b("last"),
            tuple_(label.c.until, label.c.number) > tuple_(_b("until"), _b("number")),
        )
    )
    .order_by(label.c.until, label.c.number)
    .limit(_b("limit")),
    "first",
    "last",
    "until",
    "number",
    "limit",
)
