"""What a directory is searched by: terms, what is listed, and which documents they came from.

A holder and a thing are the first bytes of the entities of an organisation and of its offering;
the thing is empty where a term is the organisation's own. Writes are part of the store's
transaction.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any, Final, NamedTuple

from sqlalchemy import CTE, Table, and_, bindparam, delete, func, select, tuple_, union_all
from sqlalchemy import text as literal
from sqlalchemy.dialects import sqlite

from sopro_node.store.compiling import compile_put as _put
from sopro_node.store.compiling import compile_sql as _sql
from sopro_node.store.rows import LabelRow
from sopro_node.store.schema import decided, described, entity, label, listed, shown, term
from sopro_node.store.states import unpack_state
from sopro_registry.family import Decided
from sopro_registry.terms import OF_DOCUMENTS

PLACE: Final = 8
"""Bytes of an entity that stand for it: two of one log that share them are both looked at."""
_NOWHERE: Final = b""


class LabelColumns(NamedTuple):
    """A label's number and the columns that tell its status without its decisions.

    That holds from the day `settled` on, and as long as no other site has taken it over.
    """

    number: str
    status: int
    settled: int
    until: int


class Listed(NamedTuple):
    """A label in the place of its offering, or, without a number, an offering without labels.

    Attributes:
        holder: place of the organisation.
        thing: place of the offering.
        number: certificate number, or empty.
        rest: what of the offering's entity is behind its place.
        scheme: its code.
        imported: whether it was taken from an existing register.
    """

    holder: bytes
    thing: bytes
    number: str
    rest: bytes = b""
    scheme: str = ""
    imported: bool = False


class Described(NamedTuple):
    """A public document of an organisation or an offering, and what is found and shown by it.

    Attributes:
        position: of its record.
        holder: place of the organisation.
        thing: place of the offering; empty for the organisation itself.
        terms: by which it is found.
        entity: of the one it is about.
        line: what the directory shows (`lines`); empty where that is read from the document.
    """

    position: int
    holder: bytes
    thing: bytes
    terms: Sequence[str]
    entity: bytes = b""
    line: bytes = b""


class Found(NamedTuple):
    """A label that lies in a place.

    Attributes:
        listed: the line by which it was found.
        label: the columns that tell its status.
        log: number of the log that granted it; the line may lie in another one.
        row: its state, where it was asked for.
    """

    listed: Listed
    label: LabelColumns
    log: int
    row: LabelRow | None = None


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
_SIZES: Final = (8, 32, MOST_LED)
GET_FOUND_AT = {size: _found_at(size) for size in _SIZES}
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
_FOUND = (listed.c.rest, listed.c.scheme, listed.c.imported, *_COLUMNS, label.c.log)
_ROW = (label.c.entity, entity.c.undetermined, entity.c.head, entity.c.state)
_OF_LABEL = and_(entity.c.log == label.c.log, entity.c.entity == label.c.entity)


def _labels_at(*, with_states: bool) -> str:
    """Compile the labels of a holder's things between two."""
    found = select(listed.c.holder, listed.c.thing, *_FOUND, *(_ROW if with_states else ()))
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
_MOST_SHOWN: Final = 48


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
    found = select(
        asked.c.holder, asked.c.thing, *_FOUND, *(_ROW if with_states else ())
    ).join_from(
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


GET_SHOWN = {size: _shown(size) for size in (MOST_THINGS, _MOST_SHOWN)}
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


class DirectoryIndex:
    """The tables of the directory, on a store's connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def listed(
        self, log: int, holder: bytes, *, low: bytes, high: bytes, limit: int
    ) -> list[tuple[bytes, str]]:
        """Return offerings of a holder between two, and the numbers of their labels."""
        values = (log, holder, low, high, limit)
        return self._db.execute(GET_LISTED, values).fetchall()

    def listed_behind(
        self, log: int, holder: bytes, *, after: tuple[bytes, str], limit: int
    ) -> list[tuple[bytes, str]]:
        """Return offerings of a holder and the numbers of their labels behind one, in order."""
        values = (log, holder, *after, limit)
        return self._db.execute(GET_LISTED_BEHIND, values).fetchall()

    def count_found(self, log: int, term: str, *, most: int) -> int:
        """Count what is found by a term, up to a number."""
        if self._db.execute(HAS_FOUND, (log, term, most - 1)).fetchone() is not None:
            return most
        return int(self._db.execute(COUNT_FOUND, (log, term, most)).fetchone()[0])

    def begun_at(self, log: int, low: str, high: str, *, place: int) -> str | None:
        """Return by which term is found what comes at a place, from 0, of all from one to another.

        None where not so much is found by them.
        """
        row = self._db.execute(GET_BEGUN_AT, (log, low, high, place)).fetchone()
        return row[0] if row else None

    def found(
        self, log: int, term: str, *, after: tuple[bytes, bytes], limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return what is found by a term, in order: holder and thing."""
        return self._db.execute(GET_FOUND, (log, term, *after, limit)).fetchall()

    def found_from(self, log: int, low: str, high: str, *, limit: int) -> list[tuple[bytes, bytes]]:
        """Return what is found by any term between two, by each of them."""
        return self._db.execute(GET_FOUND_FROM, (log, low, high, limit)).fetchall()

    def found_among(
        self, log: int, term: str, holders: tuple[bytes, bytes], *, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return what is found by a term from one holder to another."""
        return self._db.execute(GET_FOUND_AMONG, (log, term, *holders, limit)).fetchall()

    def found_at(
        self, log: int, term: str, holders: Collection[bytes], *, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return what is found by a term at some holders."""
        found: list[tuple[bytes, bytes]] = []
        asked = list(holders)
        for start in range(0, len(asked), MOST_LED):
            some = asked[start : start + MOST_LED]
            size = next(one for one in _SIZES if one >= len(some))
            # Named again and again, the last one is found once all the same.
            some += some[-1:] * (size - len(some))
            values = (log, term, *some, limit - len(found))
            found += self._db.execute(GET_FOUND_AT[size], values)
        return found

    def is_found(self, log: int, term: str, holder: bytes, *, low: bytes, high: bytes) -> bool:
        """Say whether one of a holder's things between two is found by a term."""
        values = (log, term, holder, low, high)
        return self._db.execute(IS_FOUND, values).fetchone() is not None

    def labels_at(
        self,
        log: int,
        holder: bytes,
        *,
        between: tuple[bytes, bytes],
        after: tuple[bytes, str],
        limit: int,
        with_states: bool = False,
    ) -> list[Found]:
        """Return the labels of a holder's things between two, in order."""
        values = (log, holder, *between, *after, limit)
        rows = self._db.execute(GET_LABELS_AT[with_states], values)
        return [_read_found(columns) for columns in rows]

    def labels_of(
        self,
        log: int,
        things: Sequence[tuple[bytes, bytes]],
        *,
        limit: int,
        with_states: bool = False,
    ) -> list[Found]:
        """Return labels of things, `MOST_THINGS` at most, each named by its holder and itself."""
        values = (*_filled(things, MOST_THINGS), log, limit)
        rows = self._db.execute(GET_LABELS_OF[with_states], values)
        return [_read_found(columns) for columns in rows]

    def shown(
        self, log: int, places: Sequence[tuple[bytes, bytes]]
    ) -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
        """Go through what is shown in some places: holder, thing, rest of the entity, line."""
        for start in range(0, len(places), _MOST_SHOWN):
            some = places[start : start + _MOST_SHOWN]
            size = MOST_THINGS if len(some) <= MOST_THINGS else _MOST_SHOWN
            yield from self._db.execute(GET_SHOWN[size], (*_filled(some, size), log))

    def listed_whole(self, log: int, holder: bytes, thing: bytes) -> list[Listed]:
        """Return what is listed in a place."""
        return [Listed(*row) for row in self._db.execute(GET_LISTED_WHOLE, (log, holder, thing))]

    def add_decided(self, log: int, counts: Mapping[Decided, int]) -> None:
        """Add to the numbers of decisions."""
        rows = [(log, *one, count) for one, count in counts.items()]
        self._db.executemany(ADD_DECIDED, rows)

    def decided(self, log: int) -> list[tuple[Decided, int]]:
        """Return what is counted of the decisions in a log, and how many are alike."""
        return [(Decided(*row[:4]), row[4]) for row in self._db.execute(GET_DECIDED, (log,))]

    def expiring(
        self, days: tuple[int, int], *, after: tuple[int, str], limit: int
    ) -> list[LabelColumns]:
        """Return labels whose validity may end on one of some days, by these and their numbers."""
        rows = self._db.execute(GET_EXPIRING, (*days, *after, limit))
        return [LabelColumns(*row) for row in rows]

    def label_columns(self, *, after: str, limit: int) -> list[LabelColumns]:
        """Return columns of labels behind a number, in order."""
        rows = self._db.execute(GET_LABEL_COLUMNS, (after, limit))
        return [LabelColumns(*row) for row in rows]

    def put_terms(self, log: int, terms: Iterable[tuple[str, bytes, bytes]]) -> None:
        """Have things found by terms: term, holder, thing."""
        self._db.executemany(PUT_TERM, [(log, *one) for one in sorted(terms)])

    def cut_terms(self, log: int, terms: Iterable[tuple[str, bytes, bytes]]) -> None:
        """Have things found by terms no more."""
        self._db.executemany(CUT_TERM, [(log, *one) for one in terms])

    def put_listed(self, log: int, rows: Iterable[Listed]) -> None:
        """List offerings and their labels."""
        self._db.executemany(PUT_LISTED, [(log, *row) for row in sorted(rows)])

    def cut_listed(self, log: int, rows: Iterable[Listed]) -> None:
        """List them no more."""
        self._db.executemany(CUT_LISTED, [(log, *row[:3]) for row in rows])

    def put_described(self, log: int, rows: Iterable[Described]) -> None:
        """Have things found by the terms of documents, and shown as these say."""
        described = list(rows)
        self._db.executemany(
            PUT_DESCRIBED,
            [(log, one.position, one.holder, one.thing, " ".join(one.terms)) for one in described],
        )
        self._db.executemany(
            PUT_SHOWN,
            sorted(
                (log, one.holder, one.thing, one.entity[PLACE:], one.position, one.line)
                for one in described
                if one.line
            ),
        )
        self.put_terms(
            log, [(term, one.holder, one.thing) for one in described for term in one.terms]
        )

    def cut_described(self, log: int, positions: Iterable[int]) -> None:
        """Drop the words of documents, so that nobody finds or is shown anything by them."""
        for position in positions:
            row = self._db.execute(GET_DESCRIBED, (log, position)).fetchone()
            if row is not None:
                holder, thing, terms = row
                self.cut_terms(log, [(term, holder, thing) for term in terms.split(" ")])
                self._db.execute(CUT_DESCRIBED, (log, position))
                self._db.execute(CUT_SHOWN, (log, holder, thing, position))

    def cut_all_described(self, logs: Iterable[int]) -> None:
        """Have nothing found by any document."""
        self._db.execute(CUT_ALL_DESCRIBED)
        self._db.execute(CUT_ALL_SHOWN)
        for log in list(logs):
            for sort in OF_DOCUMENTS:
                self._db.execute(CUT_TERMS_FROM, (log, sort, f"{sort}\U0010ffff"))


def _filled(places: Sequence[tuple[bytes, bytes]], size: int) -> Iterator[bytes]:
    """Go through as many places as a statement takes; no thing lies in those that lack."""
    yield from chain.from_iterable(places)
    yield from repeat(_NOWHERE, 2 * (size - len(places)))


def _read_found(columns: Sequence[Any]) -> Found:
    """Read `_FOUND`, the place before it and, where it was asked for, `_ROW` behind it."""
    holder, thing, rest, scheme, imported, number, status, settled, until, log, *row = columns
    label = LabelColumns(number, status, settled, until)
    place = Listed(holder, thing, number, rest, scheme, bool(imported))
    if not row:
        return Found(place, label, log)
    entity_, undetermined, head, state = row
    whole = LabelRow(number, log, entity_, bool(undetermined), unpack_state(state, head))
    return Found(place, label, log, whole)
