"""Officers in the database: who they are, what they did, what they were answered, their files.

Used on the connection of a store: what is written belongs to its transaction.
"""

import sqlite3
from typing import Final, NamedTuple

from sqlalchemy import and_, bindparam, delete, func, select

from sopro_node.store.compiling import compile_put, compile_sql
from sopro_node.store.schema import answered, document, officer, trail, upload


class OfficerRow(NamedTuple):
    """An officer: pseudonym, roles in their order, hash of the token or None; times in ms UTC."""

    name: str
    person: bytes
    roles: str
    token: bytes | None
    created: int
    revoked: int = 0


class TrailRow(NamedTuple):
    """What an officer did; `position` is -1 where it is about no record."""

    number: int
    time: int
    officer: str
    person: bytes
    action: str
    origin: str
    position: int
    entry_id: bytes
    remote: str


class AnswerRow(NamedTuple):
    """What was answered to the request of a key; `request` is the hash of what was asked."""

    officer: str
    key: str
    request: bytes
    time: int
    answer: bytes


class UploadRow(NamedTuple):
    """A file that waits for the record it goes with."""

    id: bytes
    officer: str
    time: int
    type: str
    content: bytes


_b: Final = bindparam

_PUT_OFFICER: Final = compile_put(officer, *OfficerRow._fields)
_GET_OFFICERS: Final = compile_sql(select(officer).order_by(officer.c.name))
_GET_OFFICER: Final = compile_sql(select(officer).where(officer.c.name == _b("name")), "name")
_FIND_OFFICER: Final = compile_sql(select(officer).where(officer.c.token == _b("token")), "token")

_PUT_TRAIL: Final = compile_put(trail, *TrailRow._fields)
_GET_LINE: Final = compile_sql(select(trail).where(trail.c.number == _b("number")), "number")
_LAST_TRAIL: Final = compile_sql(select(func.max(trail.c.number)))
_GET_TRAIL: Final = (
    compile_sql(
        select(trail).where(trail.c.number < _b("before")).order_by(trail.c.number.desc()),
        "before",
    )
    + " LIMIT ?"
)

_PUT_ANSWER: Final = compile_put(answered, *AnswerRow._fields)
_GET_ANSWER: Final = compile_sql(
    select(answered).where(and_(answered.c.officer == _b("officer"), answered.c.key == _b("key"))),
    "officer",
    "key",
)
_CUT_ANSWERS: Final = compile_sql(delete(answered).where(answered.c.time < _b("time")), "time")
_NTH_ANSWER: Final = (
    compile_sql(
        select(answered.c.time)
        .where(answered.c.officer == _b("officer"))
        .order_by(answered.c.time.desc()),
        "officer",
    )
    + " LIMIT 1 OFFSET ?"
)
_CUT_OLDEST: Final = compile_sql(
    delete(answered).where(
        and_(answered.c.officer == _b("officer"), answered.c.time <= _b("time"))
    ),
    "officer",
    "time",
)

_PUT_UPLOAD: Final = compile_put(upload, *UploadRow._fields)
_GET_UPLOAD: Final = compile_sql(select(upload).where(upload.c.id == _b("id")), "id")
_CUT_UPLOAD: Final = compile_sql(delete(upload).where(upload.c.id == _b("id")), "id")
_CUT_UPLOADS: Final = compile_sql(delete(upload).where(upload.c.time < _b("time")), "time")
_FIND_UPLOAD: Final = compile_sql(
    select(upload.c.id).where(upload.c.time < _b("time")).limit(1), "time"
)
_CUT_COPIES: Final = compile_sql(
    delete(upload).where(
        upload.c.content.in_(
            select(document.c.content).where(
                and_(
                    document.c.log == _b("log"),
                    document.c.position == _b("position"),
                    document.c.number == _b("number"),
                )
            )
        )
    ),
    "log",
    "position",
    "number",
)
_SUM_UPLOADS: Final = compile_sql(
    select(func.count(), func.coalesce(func.sum(func.length(upload.c.content)), 0))
)


class Accounts:
    """The tables of officers, on a store's connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def officers(self) -> list[OfficerRow]:
        """Return every officer by name, those whose token was revoked, too."""
        return [OfficerRow(*row) for row in self._db.execute(_GET_OFFICERS)]

    def officer(self, name: str) -> OfficerRow | None:
        """Return an officer by name."""
        row = self._db.execute(_GET_OFFICER, (name,)).fetchone()
        return OfficerRow(*row) if row else None

    def bearer(self, token: bytes) -> OfficerRow | None:
        """Return the officer whose token has this hash."""
        row = self._db.execute(_FIND_OFFICER, (token,)).fetchone()
        return OfficerRow(*row) if row else None

    def put_officer(self, row: OfficerRow) -> None:
        """Add an officer, or change one."""
        self._db.execute(_PUT_OFFICER, row)

    def trail(self, *, before: int, limit: int) -> list[TrailRow]:
        """Return what was done before a number, the latest first."""
        return [TrailRow(*row) for row in self._db.execute(_GET_TRAIL, (before, limit))]

    def trail_line(self, number: int) -> TrailRow | None:
        """Return a line by its number."""
        row = self._db.execute(_GET_LINE, (number,)).fetchone()
        return TrailRow(*row) if row else None

    def add_to_trail(self, row: TrailRow) -> int:
        """Add what was done and return its number: the next one, whatever it says."""
        last: int = self._db.execute(_LAST_TRAIL).fetchone()[0] or 0
        self.put_trail_line(row._replace(number=last + 1))
        return last + 1

    def put_trail_line(self, row: TrailRow) -> None:
        """Put a line where its number says, in place of any before."""
        self._db.execute(_PUT_TRAIL, row)

    def answer(self, officer: str, key: str) -> AnswerRow | None:
        """Return what was answered to an officer's request by its key."""
        row = self._db.execute(_GET_ANSWER, (officer, key)).fetchone()
        return AnswerRow(*row) if row else None

    def put_answer(self, row: AnswerRow, *, most: int, oldest: int) -> None:
        """Keep an answer, and forget what is too old or too much.

        Args:
            row: the answer.
            most: answers kept for one officer.
            oldest: time before which none is kept, ms UTC.
        """
        self._db.execute(_CUT_ANSWERS, (oldest,))
        beyond = self._db.execute(_NTH_ANSWER, (row.officer, most - 1)).fetchone()
        if beyond is not None:
            self._db.execute(_CUT_OLDEST, (row.officer, beyond[0]))
        self._db.execute(_PUT_ANSWER, row)

    def upload(self, number: bytes) -> UploadRow | None:
        """Return a file by its id."""
        row = self._db.execute(_GET_UPLOAD, (number,)).fetchone()
        return UploadRow(*row) if row else None

    def weigh_uploads(self) -> tuple[int, int]:
        """Return how many files wait, and their bytes."""
        count, size = self._db.execute(_SUM_UPLOADS).fetchone()
        return int(count), int(size)

    def has_uploads(self, *, before: int) -> bool:
        """Say whether files wait that came before an instant, ms UTC."""
        return self._db.execute(_FIND_UPLOAD, (before,)).fetchone() is not None

    def put_upload(self, row: UploadRow) -> None:
        """Keep a file."""
        self._db.execute(_PUT_UPLOAD, row)

    def cut_upload(self, number: bytes) -> None:
        """Drop a file."""
        self._db.execute(_CUT_UPLOAD, (number,))

    def cut_uploads(self, *, before: int) -> int:
        """Drop the files that came before an instant, ms UTC, and return how many; see `scrub`."""
        return self._db.execute(_CUT_UPLOADS, (before,)).rowcount

    def cut_copies(self, log: int, position: int, number: int) -> None:
        """Drop the files that are what a document is, while that is still here."""
        self._db.execute(_CUT_COPIES, (log, position, number))
