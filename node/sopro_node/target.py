"""A log to pull, what its site has pushed of it, and what a pull did."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from sopro_protocol.encoding import MAX_INTEGER
from sopro_protocol.errors import (
    FormatError,
    SoproError,
    VerificationError,
)
from sopro_protocol.merkle import leaf_hash
from sopro_registry.keyhistory import KeyRecord

MAX_CHECKPOINT: Final = 64 * 1024
MAX_KEYS: Final = 1024 * 1024

_KEYS: Final = msgspec.msgpack.Decoder(list[KeyRecord])


def parse_keys(data: bytes) -> list[KeyRecord]:
    """Read what `/keys` answers; nothing is verified.

    Raises:
        FormatError: `hos.keys`, it is no list of key records.
    """
    try:
        return _KEYS.decode(data)
    except msgspec.MsgspecError as error:
        raise FormatError(f"keys: {error}", code="hos.keys") from None


@dataclass(frozen=True, slots=True)
class Target:
    """A log to pull.

    Attributes:
        origin: of the log.
        root_key: that signed its entry 0, as the first membership record or the invite names it.
        bases: URLs under which nodes serve it, its own site's first.
        own_bases: how many of them are its own site's.
        roots: root keys one of which its key records have to lead to, the latest first
            (`Directory.leading_roots`); empty where that is `root_key`.
        is_cut: entries of it are lost, so that it may never have come to that key.
        beginning: its entry 0 as the membership names it; empty where it continues no other log.
    """

    origin: str
    root_key: bytes
    bases: tuple[str, ...]
    own_bases: int = 1
    roots: tuple[bytes, ...] = ()
    is_cut: bool = False
    beginning: bytes = b""

    @property
    def leading_roots(self) -> tuple[bytes, ...]:
        """The root keys of the site one of which its key records have to lead to."""
        return self.roots or (self.root_key,)

    def check_beginning(self, *leaves: bytes) -> None:
        """Hold the leaf hash of entry 0 to the entry that the membership names (SPEC EPOCH-9).

        Raises:
            VerificationError: `mem.epoch`, it is another.
        """
        if self.beginning and any(one != leaf_hash(self.beginning) for one in leaves):
            raise VerificationError(
                f"{self.origin}: begins otherwise than its membership names it: another directory "
                "of the site has begun it too, and that is not the one that counts",
                code="mem.epoch",
            )


class Push(NamedTuple):
    """A head as its own site has pushed it (SPEC SYNC-8, SYNC-11).

    Attributes:
        note: the signed checkpoint.
        since: size of the log before the entries that came with it.
        bundle: those entries and their documents; empty where none came.
        size: of the log with them, as it was told.
    """

    note: bytes
    since: int = 0
    bundle: bytes = b""
    size: int = MAX_INTEGER


@dataclass(slots=True)
class Pulled:
    """What a pull did.

    Attributes:
        size: of the log afterwards.
        added: entries stored.
        requests: made.
        received: bytes on the wire.
        problem: what the site's own node failed with, where a mirror had to stand in.
        note: the signed head as it was served, with lines that nobody has verified.
    """

    size: int = 0
    added: int = 0
    requests: int = 0
    received: int = 0
    problem: SoproError | None = None
    note: bytes = b""
