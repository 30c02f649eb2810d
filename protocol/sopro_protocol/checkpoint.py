"""Checkpoints: what a log says it is, signed (c2sp tlog-checkpoint).

    at.sopro.example/log
    7
    o+I7Msy2v5bQktFl2KpUbgmCnejwOw6JV1gdHha5K98=

The text of a signed note: origin, size, base64 root, and nothing after them. It holds no time;
time comes from cosignatures.
"""

import base64
import re
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from .errors import FormatError, VerificationError
from .keys import Signer, VerifierKey, parse_base64
from .merkle import EMPTY_ROOT, HASH_SIZE, MAX_SIZE, Hash
from .note import Note, format_note, parse_note, sign_note, verify_note

MAX_ORIGIN: Final = 255

_ORIGIN: Final = re.compile(r"(?!cosignature/|subtree/)[!-*,-~]{1,255}")
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")


class Checkpoint(Struct, frozen=True):
    """A log's origin, size and root, unsigned or unverified."""

    origin: str
    size: int
    root: Hash


class SignedCheckpoint(Struct, frozen=True):
    """A checkpoint one of its log's keys signed; only `open_checkpoint` makes one.

    Attributes:
        origin: of the log.
        size: number of its entries.
        root: of its tree at that size.
        note: the signed note.
        parsed: the same, parsed; of its lines only one of the log's keys is verified.
    """

    origin: str
    size: int
    root: Hash
    note: bytes
    parsed: Note

    @property
    def checkpoint(self) -> Checkpoint:
        """Origin, size and root alone."""
        return Checkpoint(self.origin, self.size, self.root)


def check_origin(origin: str) -> None:
    """Refuse what cannot name a log (CKP-2).

    Raises:
        FormatError: Not 1 to 255 printable ASCII characters without white space or plus sign, or
            it begins with `cosignature/` or `subtree/` (`ckp.format`).
    """
    if not _ORIGIN.fullmatch(origin):
        raise _malformed(f"origin, expected 1 to {MAX_ORIGIN} visible ASCII, got {origin[:80]!r}")


def parse_size(text: str, *, where: str, code: str, limit: int = MAX_SIZE) -> int:
    """Parse a plain decimal number: ASCII digits, no sign, no leading zero (CKP-3).

    Raises:
        FormatError: Another spelling, or larger than the limit (the caller's code).
    """
    number = int(text) if _DECIMAL.fullmatch(text) else None
    if number is None or number > limit:
        raise FormatError(
            f"{where}, expected a plain decimal number up to {limit}, got {text[:32]!r}", code=code
        )
    return number


def parse_hash(text: str, *, where: str, code: str) -> Hash:
    """Parse a base64 hash of 32 bytes (CKP-4).

    Raises:
        FormatError: Not base64 in its one spelling, or not 32 bytes (the caller's code).
    """
    data = parse_base64(text, where=where, code=code)
    if len(data) != HASH_SIZE:
        raise FormatError(f"{where}, expected {HASH_SIZE} bytes, got {len(data)}", code=code)
    return Hash(data)


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """Write a checkpoint's text, the bytes that are signed (c2sp tlog-checkpoint; CKP-1).

    Raises:
        FormatError: Origin, size or root is not one a checkpoint can have (`ckp.format`).
    """
    _check_checkpoint(checkpoint)
    root = base64.b64encode(checkpoint.root).decode("ascii")
    return f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n"


def parse_checkpoint_text(text: str) -> Checkpoint:
    """Parse a checkpoint's text (c2sp tlog-checkpoint; CKP-1 to CKP-4).

    Raises:
        FormatError: Not three lines of origin, size and root (`ckp.format`).
    """
    checkpoint = read_checkpoint_text(text)
    _check_checkpoint(checkpoint)
    return checkpoint


def read_checkpoint_text(text: str) -> Checkpoint:
    """Parse a checkpoint's text whatever root it has at size 0, which a witness judges later.

    Raises:
        FormatError: Not three lines of origin, size and root (`ckp.format`).
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise _malformed(f"text, expected three lines, got {text.count(chr(10))}: {text[:80]!r}")
    check_origin(lines[0])
    return Checkpoint(
        lines[0],
        parse_size(lines[1], where="checkpoint: size", code="ckp.format"),
        parse_hash(lines[2], where="checkpoint: root", code="ckp.format"),
    )


def _check_checkpoint(checkpoint: Checkpoint) -> None:
    check_origin(checkpoint.origin)
    if not 0 <= checkpoint.size <= MAX_SIZE:
        raise _malformed(f"size, expected 0 to 2^48, got {checkpoint.size}")
    if len(checkpoint.root) != HASH_SIZE:
        raise _malformed(f"root, expected {HASH_SIZE} bytes, got {len(checkpoint.root)}")
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise _malformed(
            f"root of size 0, expected SHA-256 of nothing, got {checkpoint.root.hex()}"
        )


def open_checkpoint(data: bytes, *, origin: str, keys: Sequence[VerifierKey]) -> SignedCheckpoint:
    """Open a checkpoint that a key of its log signed (c2sp tlog-checkpoint; CKP-5, CKP-6).

    Raises:
        FormatError: Not a note, or its text is no checkpoint (`ckp.format`), or a key is of
            another type than 1 (`sig.key`).
        VerificationError: Another log's (`hos.origin`), none of the keys signed it, or a line of
            one of them fails (`ckp.signature`).
    """
    return open_sized_checkpoint(data, origin=origin, keys=lambda _: keys)


def open_sized_checkpoint(
    data: bytes, *, origin: str, keys: Callable[[int], Sequence[VerifierKey]]
) -> SignedCheckpoint:
    """Open a checkpoint as `open_checkpoint` does, with the keys that count at its size.

    Raises:
        FormatError: As `open_checkpoint`.
        VerificationError: As `open_checkpoint`.
    """
    note = parse_note(data)
    checkpoint = parse_checkpoint_text(note.text)
    if checkpoint.origin != origin:
        raise VerificationError(
            f"checkpoint: origin, expected {origin!r}, got {checkpoint.origin!r}",
            code="hos.origin",
        )
    verify_note(note, keys(checkpoint.size))
    return SignedCheckpoint(checkpoint.origin, checkpoint.size, checkpoint.root, data, note)


def keep_lines_of(signed: SignedCheckpoint, keys: Sequence[VerifierKey]) -> SignedCheckpoint:
    """Drop every line but those of the keys that opened a checkpoint (WIT-9).

    Raises:
        FormatError: None of its lines is of these keys (`ckp.format`).
    """
    note = signed.parsed
    known = {(key.name, key.note_key_id) for key in keys}
    lines = tuple(line for line in note.signatures if (line.name, line.key_id) in known)
    if lines == note.signatures:
        return signed
    kept = Note(note.text, lines)
    return SignedCheckpoint(signed.origin, signed.size, signed.root, format_note(kept), kept)


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> bytes:
    """Sign a checkpoint as its log, whose key is named like its origin (CKP-5).

    Raises:
        FormatError: Origin, size or root is not one a checkpoint can have (`ckp.format`), or the
            key is weak (`sig.weak-key`).
    """
    return sign_note(format_checkpoint(checkpoint), name=checkpoint.origin, signer=signer)


def _malformed(what: str) -> FormatError:
    return FormatError(f"checkpoint: {what}", code="ckp.format")
