"""One log as it is held in memory: its tree, its cursor, the note it is served under."""

from collections.abc import Mapping
from typing import Final

import msgspec

from sopro_node.ahead import decode_ahead
from sopro_node.store.rows import LogRow
from sopro_node.tree import LogTree
from sopro_protocol.errors import FormatError
from sopro_protocol.status import StatusTree
from sopro_registry.family import KeySpan, Withholding
from sopro_registry.tables import Cursor
from sopro_registry.witnesses import Publication

OWN: Final = 1
"""Number of the node's own log in the database."""
_CURSOR: Final = msgspec.msgpack.Decoder(Cursor)


class HeldLog:
    """One log: its tree, its cursor, the entries after the last full bundle.

    Attributes:
        number: its number in the database; 1 is the node's own.
        checkpoint: the signed note served for it; empty before the first.
        signed_size: size of that note; 0 before the first.
        cosigned: that note with the cosignatures known; or one of a head before it, or empty.
        witnessed: note of the newest head known that had a quorum, with its cosignatures.
        witnessed_size: of that head; 0 for none.
        ahead: the head that the entries beyond `signed_size` are proven under; None where there
            are none.
        mirrored_size: up to which another node holds it too; of our own log only.
        withheld: entries whose bytes are not here any more, by position; replaced, not changed.
        statuses: the status tree as far as the log is judged, never changed but replaced; None
            until somebody needs it.
    """

    statuses: StatusTree | None = None

    def __init__(self, row: LogRow, *, tree: LogTree) -> None:
        self.number = row.log
        self.origin = row.origin
        self.cosigned = b""
        self.witnessed = b""
        self.witnessed_size = 0
        self.mirrored_size = 0
        self.sign(row.checkpoint)
        self.ahead = decode_ahead(row.ahead)
        self.cursor = decode_cursor(row.cursor)
        self.tree = tree
        self.withheld: Mapping[int, Withholding] = {}

    @property
    def site(self) -> str:
        """The site's code, the second part of the origin."""
        return self.origin.split("/")[1]

    @property
    def path(self) -> str:
        """Where nodes serve this log: `/log/<site>/<epoch>`."""
        return "/log/" + self.origin.split("/", 1)[1]

    @property
    def size(self) -> int:
        """Number of entries stored."""
        return self.tree.size

    @property
    def shown_size(self) -> int:
        """Number of entries that a signed head which is at hand covers."""
        return self.size if self.ahead else self.signed_size

    def sign(self, checkpoint: bytes) -> None:
        """Serve a signed note this node has made or verified."""
        self.checkpoint = checkpoint
        self.signed_size = int(checkpoint.split(b"\n", 2)[1]) if checkpoint else 0

    def publication(self, index: int) -> Publication:
        """Say how far an entry has come; what another site wrote is mirrored here."""
        return Publication(
            accepted=index < self.size,
            published=index < self.signed_size,
            witnessed=index < self.witnessed_size,
            mirrored=index < (self.mirrored_size if self.number == OWN else self.size),
        )

    @property
    def note(self) -> bytes:
        """The note to serve: the checkpoint, with the cosignatures on it where any are known."""
        checkpoint, cosigned = self.checkpoint, self.cosigned
        return cosigned if cosigned.startswith(checkpoint) else checkpoint

    @property
    def keys(self) -> tuple[KeySpan, ...]:
        """Every key of the site, as far as the log is judged."""
        return self.cursor.keys


def decode_cursor(data: bytes) -> Cursor:
    """Read a log's cursor from its row.

    Raises:
        FormatError: it is damaged.
    """
    try:
        return _CURSOR.decode(data) if data else Cursor()
    except msgspec.MsgspecError as error:
        raise FormatError(
            f"the database is damaged: what is stored beside a log cannot be read ({error}); "
            "'sopro reindex' makes it anew from the entries"
        ) from None
