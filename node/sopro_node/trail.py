"""What is done on the command line and is no act, on the trail with its entries (SPEC OFC-6).

Who did it is written in the transaction that makes the entries durable. What makes no entry is
written as soon as it is done.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from sopro_node import clock
from sopro_node.drafting import Appended, Note
from sopro_node.node import Node
from sopro_node.officer_roles import OfficerRole
from sopro_node.operators import Operator, find_operator, must_be
from sopro_node.store.accounts import TrailRow
from sopro_protocol.errors import FormatError

Answer = dict[str, Any]
Operation = Callable[[Node, Mapping[str, Any]], Awaitable[Answer]]
Noted = Callable[[Node, Mapping[str, Any], Note], Awaitable[Answer]]
"""An operation that has the note written with everything that it appends."""

_DECIDER: Final = "decider"
_NAMED: Final = ("site", "scheme", "number", "id")
_LONGEST: Final = 200


class Imported(Struct, frozen=True, forbid_unknown_fields=True):
    """What is imported.

    Attributes:
        file: name of the file.
        kind: what its rows are.
        rows: how many there are.
        sha256: of the file, in hex.
    """

    file: Annotated[str, Meta(min_length=1, max_length=255)]
    kind: Annotated[str, Meta(pattern=r"^[a-z]{1,32}\Z")]
    rows: Annotated[int, Meta(ge=0)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]

    @property
    def words(self) -> str:
        """Its line on the trail, but for how many records came of it."""
        return f"import {self.file} --as {self.kind}, SHA-256 {self.sha256}, {self.rows} rows read"


class ImportLine(Struct, frozen=True):
    """The line of an import on the trail: its number, 0 before there is one, and the records."""

    number: int = 0
    records: int = 0


def on_trail(operation: Noted, *, role: OfficerRole = OfficerRole.ADMINISTRATOR) -> Operation:
    """Have an operation that is no act of the catalogue written on the trail.

    Args:
        operation: what is done.
        role: of officers who may have it done.
    """

    async def done_by_somebody(node: Node, values: Mapping[str, Any]) -> Answer:
        operator = find_operator(node, values, roles=(role,), what=operation.__name__)
        if operator.person is not None and _DECIDER in values:
            values = {**values, _DECIDER: must_be(operator, values[_DECIDER], operation.__name__)}
        line = _Line(node, operator, _words(operation.__name__, values))
        answer = await operation(node, values, line.note)
        # Of drafts that were all refused there is nothing to tell.
        if not line.is_written and "outcomes" not in answer:
            await node.writer.run(line.write_alone)
        return answer

    done_by_somebody.__name__ = operation.__name__
    done_by_somebody.__doc__ = operation.__doc__
    return done_by_somebody


def _words(name: str, values: Mapping[str, Any]) -> str:
    families = sorted({str(one["family"]) for one in values.get("drafts", ())})
    named = (str(values[one]) for one in _NAMED if values.get(one))
    return " ".join([name, *named, *families])


class _Line:
    """Writes who has an operation done, for each transaction in which it appends.

    Attributes:
        is_written: it has appended something.
    """

    def __init__(self, node: Node, operator: Operator, words: str) -> None:
        self._node = node
        self._operator = operator
        self._words = words
        self.is_written = False

    def note(self, entries: Sequence[Appended]) -> None:
        """Write it beside entries; runs in their transaction."""
        words = f"{self._words} {len(entries)} records" if len(entries) > 1 else self._words
        self._node.store.accounts.add_to_trail(
            _row(self._node, self._operator, words[:_LONGEST], entries)
        )
        self.is_written = True

    def write_alone(self) -> None:
        """Write it where there is no entry."""
        row = _row(self._node, self._operator, self._words[:_LONGEST], ())
        with self._node.store.transaction():
            self._node.store.accounts.add_to_trail(row)


class ImportNote:
    """Keeps the one line of an import, which grows with the records of its batches.

    Attributes:
        line: as it stands after the last batch.
    """

    def __init__(self, node: Node, operator: Operator, values: Mapping[str, Any]) -> None:
        """Take who has it done, and what they were told: `source`; `line`?: of an earlier batch.

        Raises:
            FormatError: it does not say what is imported.
        """
        self._node = node
        self._operator = operator
        try:
            self._words = msgspec.convert(values.get("source"), Imported).words
            self.line = msgspec.convert(values.get("line") or {}, ImportLine)
        except msgspec.ValidationError as error:
            raise FormatError(f"import: {error}") from None
        self._before = self.line

    def note(self, entries: Sequence[Appended]) -> None:
        """Begin the line, or say in it how many records it is now; runs in their transaction."""
        accounts = self._node.store.accounts
        row = _row(self._node, self._operator, self._words, entries)
        kept = accounts.trail_line(self._before.number)
        is_ours = kept is not None and (kept.officer, kept.remote) == (row.officer, row.remote)
        if kept is None or not is_ours or not kept.action.startswith(self._words):
            records = len(entries)
            number = accounts.add_to_trail(row._replace(action=self._say(records)))
        else:
            records, number = self._before.records + len(entries), kept.number
            accounts.put_trail_line(kept._replace(action=self._say(records)))
        self.line = ImportLine(number, records)

    def _say(self, records: int) -> str:
        return f"{self._words}, {records} record{'' if records == 1 else 's'}"


def _row(node: Node, operator: Operator, words: str, entries: Sequence[Appended]) -> TrailRow:
    """Say who did something; the place is that of the first of its entries, -1 without any."""
    first = entries[0] if entries else None
    return TrailRow(
        0,
        clock.now(),
        operator.name,
        operator.person or b"",
        words,
        node.identity.origin if first else "",
        first.index if first else -1,
        first.entry_id if first else b"",
        operator.remote,
    )
