"""The rows that a store takes and hands out."""

from typing import Final, NamedTuple

HIDDEN: Final = 8
"""What is added to the visibility of a document while it is hidden."""


class LogRow(NamedTuple):
    """A log this node holds: `size` entries are stored and judged, `checkpoint` is served.

    `ahead` is the head that what lies beyond the checkpoint is proven under, see `ahead.Ahead`.
    """

    log: int
    origin: str
    size: int
    root: bytes
    checkpoint: bytes
    cursor: bytes
    ahead: bytes = b""


class DocumentRow(NamedTuple):
    """A document's content and key; visibility 0 public, 1 members, 2 parties, 3 site.

    A visibility from `HIDDEN` on is one of these that nobody is served for now.
    """

    position: int
    number: int
    visibility: int
    key: bytes
    content: bytes


class ExchangeRow(NamedTuple):
    """How the exchange of a log went: times in ms UTC, code and message of the last failure."""

    origin: str
    attempted: int
    confirmed: int
    failures: int
    code: str
    message: str


class WitnessRow(NamedTuple):
    """What this node's witness cosigned last of a log: size, root, POSIX seconds, the note."""

    origin: str
    size: int
    root: bytes
    time: int
    note: bytes


class CosignedRow(NamedTuple):
    """A log's newest head with its cosignatures, and the newest that had a quorum; or empty."""

    origin: str
    newest: bytes
    witnessed: bytes


class EvidenceRow(NamedTuple):
    """Evidence of two histories: its id, the log, when this node got it (ms UTC), the file."""

    id: bytes
    origin: str
    found: int
    data: bytes


class LabelRow(NamedTuple):
    """A label's encoded state, and whether this version can judge it."""

    number: str
    log: int
    entity: bytes
    undetermined: bool
    state: bytes
