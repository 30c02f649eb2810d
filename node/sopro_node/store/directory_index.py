"""What a directory is searched by: terms, what is listed, and which documents they came from.

A holder and a thing are the first bytes of the entities of an organisation and of its offering;
the thing is empty where a term is the organisation's own. Writes are part of the store's
transaction.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any, Final, NamedTuple

from sopro_node.store import directory_statements as sql
from sopro_node.store.rows import LabelRow
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


class DirectoryIndex:
    """The tables of the directory, on a store's connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def listed(
        self, log: int, holder: bytes, *, low: bytes, high: bytes, limit: int
    ) -> list[tuple[bytes, str]]:
        """Return offerings of a holder between two, and the numbers of their labels."""
        values = (log, holder, low, high, limit)
        return self._db.execute(sql.GET_LISTED, values).fetchall()

    def listed_behind(
        self, log: int, holder: bytes, *, after: tuple[bytes, str], limit: int
    ) -> list[tuple[bytes, str]]:
        """Return offerings of a holder and the numbers of their labels behind one, in order."""
        values = (log, holder, *after, limit)
        return self._db.execute(sql.GET_LISTED_BEHIND, values).fetchall()

    def count_found(self, log: int, term: str, *, most: int) -> int:
        """Count what is found by a term, up to a number."""
        if self._db.execute(sql.HAS_FOUND, (log, term, most - 1)).fetchone() is not None:
            return most
        return int(self._db.execute(sql.COUNT_FOUND, (log, term, most)).fetchone()[0])

    def begun_at(self, log: int, low: str, high: str, *, place: int) -> str | None:
        """Return by which term is found what comes at a place, from 0, of all from one to another.

        None where not so much is found by them.
        """
        row = self._db.execute(sql.GET_BEGUN_AT, (log, low, high, place)).fetchone()
        return row[0] if row else None

    def found(
        self, log: int, term: str, *, after: tuple[bytes, bytes], limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return what is found by a term, in order: holder and thing."""
        return self._db.execute(sql.GET_FOUND, (log, term, *after, limit)).fetchall()

    def found_from(self, log: int, low: str, high: str, *, limit: int) -> list[tuple[bytes, bytes]]:
        """Return what is found by any term between two, by each of them."""
        return self._db.execute(sql.GET_FOUND_FROM, (log, low, high, limit)).fetchall()

    def found_among(
        self, log: int, term: str, holders: tuple[bytes, bytes], *, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return what is found by a term from one holder to another."""
        return self._db.execute(sql.GET_FOUND_AMONG, (log, term, *holders, limit)).fetchall()

    def found_at(
        self, log: int, term: str, holders: Collection[bytes], *, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return what is found by a term at some holders."""
        found: list[tuple[bytes, bytes]] = []
        asked = list(holders)
        for start in range(0, len(asked), sql.MOST_LED):
            some = asked[start : start + sql.MOST_LED]
            size = next(one for one in sql.SIZES if one >= len(some))
            # Named again and again, the last one is found once all the same.
            some += some[-1:] * (size - len(some))
            values = (log, term, *some, limit - len(found))
            found += self._db.execute(sql.GET_FOUND_AT[size], values)
        return found

    def is_found(self, log: int, term: str, holder: bytes, *, low: bytes, high: bytes) -> bool:
        """Say whether one of a holder's things between two is found by a term."""
        values = (log, term, holder, low, high)
        return self._db.execute(sql.IS_FOUND, values).fetchone() is not None

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
        rows = self._db.execute(sql.GET_LABELS_AT[with_states], values)
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
        values = (*_filled(things, sql.MOST_THINGS), log, limit)
        rows = self._db.execute(sql.GET_LABELS_OF[with_states], values)
        return [_read_found(columns) for columns in rows]

    def shown(
        self, log: int, places: Sequence[tuple[bytes, bytes]]
    ) -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
        """Go through what is shown in some places: holder, thing, rest of the entity, line."""
        for start in range(0, len(places), sql.MOST_SHOWN):
            some = places[start : start + sql.MOST_SHOWN]
            size = sql.MOST_THINGS if len(some) <= sql.MOST_THINGS else sql.MOST_SHOWN
            yield from self._db.execute(sql.GET_SHOWN[size], (*_filled(some, size), log))

    def listed_whole(self, log: int, holder: bytes, thing: bytes) -> list[Listed]:
        """Return what is listed in a place."""
        return [
            Listed(*row) for row in self._db.execute(sql.GET_LISTED_WHOLE, (log, holder, thing))
        ]

    def add_decided(self, log: int, counts: Mapping[Decided, int]) -> None:
        """Add to the numbers of decisions."""
        rows = [(log, *one, count) for one, count in counts.items()]
        self._db.executemany(sql.ADD_DECIDED, rows)

    def decided(self, log: int) -> list[tuple[Decided, int]]:
        """Return what is counted of the decisions in a log, and how many are alike."""
        return [(Decided(*row[:4]), row[4]) for row in self._db.execute(sql.GET_DECIDED, (log,))]

    def expiring(
        self, days: tuple[int, int], *, after: tuple[int, str], limit: int
    ) -> list[LabelColumns]:
        """Return labels whose validity may end on one of some days, by these and their numbers."""
        rows = self._db.execute(sql.GET_EXPIRING, (*days, *after, limit))
        return [LabelColumns(*row) for row in rows]

    def label_columns(self, *, after: str, limit: int) -> list[LabelColumns]:
        """Return columns of labels behind a number, in order."""
        rows = self._db.execute(sql.GET_LABEL_COLUMNS, (after, limit))
        return [LabelColumns(*row) for row in rows]

    def put_terms(self, log: int, terms: Iterable[tuple[str, bytes, bytes]]) -> None:
        """Have things found by terms: term, holder, thing."""
        self._db.executemany(sql.PUT_TERM, [(log, *one) for one in sorted(terms)])

    def cut_terms(self, log: int, terms: Iterable[tuple[str, bytes, bytes]]) -> None:
        """Have things found by terms no more."""
        self._db.executemany(sql.CUT_TERM, [(log, *one) for one in terms])

    def put_listed(self, log: int, rows: Iterable[Listed]) -> None:
        """List offerings and their labels."""
        self._db.executemany(sql.PUT_LISTED, [(log, *row) for row in sorted(rows)])

    def cut_listed(self, log: int, rows: Iterable[Listed]) -> None:
        """List them no more."""
        self._db.executemany(sql.CUT_LISTED, [(log, *row[:3]) for row in rows])

    def put_described(self, log: int, rows: Iterable[Described]) -> None:
        """Have things found by the terms of documents, and shown as these say."""
        described = list(rows)
        self._db.executemany(
            sql.PUT_DESCRIBED,
            [(log, one.position, one.holder, one.thing, " ".join(one.terms)) for one in described],
        )
        self._db.executemany(
            sql.PUT_SHOWN,
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
            row = self._db.execute(sql.GET_DESCRIBED, (log, position)).fetchone()
            if row is not None:
                holder, thing, terms = row
                self.cut_terms(log, [(term, holder, thing) for term in terms.split(" ")])
                self._db.execute(sql.CUT_DESCRIBED, (log, position))
                self._db.execute(sql.CUT_SHOWN, (log, holder, thing, position))

    def cut_all_described(self, logs: Iterable[int]) -> None:
        """Have nothing found by any document."""
        self._db.execute(sql.CUT_ALL_DESCRIBED)
        self._db.execute(sql.CUT_ALL_SHOWN)
        for log in list(logs):
            for sort in OF_DOCUMENTS:
                self._db.execute(sql.CUT_TERMS_FROM, (log, sort, f"{sort}\U0010ffff"))


def _filled(places: Sequence[tuple[bytes, bytes]], size: int) -> Iterator[bytes]:
    """Go through as many places as a statement takes; no thing lies in those that lack."""
    yield from chain.from_iterable(places)
    yield from repeat(_NOWHERE, 2 * (size - len(places)))


def _read_found(columns: Sequence[Any]) -> Found:
    """Read `sql.FOUND`, the place before it and, where it was asked for, `sql.ROW` behind it."""
    holder, thing, rest, scheme, imported, number, status, settled, until, log, *row = columns
    label = LabelColumns(number, status, settled, until)
    place = Listed(holder, thing, number, rest, scheme, bool(imported))
    if not row:
        return Found(place, label, log)
    entity_, undetermined, head, state = row
    whole = LabelRow(number, log, entity_, bool(undetermined), unpack_state(state, head))
    return Found(place, label, log, whole)
