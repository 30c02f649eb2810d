"""Signed notes, checkpoints and cosignatures (SPEC sections NOTE, CKP and COS)."""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from sopro_conformance.wire.codec import WireError
from sopro_conformance.wire.ed25519 import SigningKey, verify

LOG_KEY = 1
COSIGNER = 4


class Line(NamedTuple):
    """A signature line: the key's name, its 4-byte id, and what follows."""

    name: str
    hint: bytes
    blob: bytes


class Checkpoint(NamedTuple):
    """A checkpoint with its lines; nothing is verified."""

    origin: str
    size: int
    root: bytes
    text: str
    lines: tuple[Line, ...]


def hint_of(name: str, public: bytes, kind: int = LOG_KEY) -> bytes:
    """Return the note key id (KEY-4)."""
    return hashlib.sha256(name.encode() + b"\n" + bytes((kind,)) + public).digest()[:4]


def write_vkey(name: str, public: bytes, kind: int = LOG_KEY) -> str:
    """Write a verifier key (KEY-4)."""
    key = base64.b64encode(bytes((kind,)) + public).decode()
    return f"{name}+{hint_of(name, public, kind).hex()}+{key}"


def write_text(origin: str, size: int, root: bytes) -> str:
    """Write a checkpoint's text (CKP-1)."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def write_line(line: Line) -> str:
    """Write a signature line (NOTE-3)."""
    return f"\u2014 {line.name} {base64.b64encode(line.hint + line.blob).decode()}\n"


def write_note(text: str, lines: Iterable[Line]) -> bytes:
    """Write a note (NOTE-1)."""
    return (text + "\n" + "".join(map(write_line, lines))).encode()


def sign_text(text: str, name: str, key: SigningKey) -> Line:
    """Sign a note's text as a log does (NOTE-2, CKP-5)."""
    return Line(name, hint_of(name, key.public), key.sign(text.encode()))


def cosign_text(text: str, name: str, key: SigningKey, time: int) -> Line:
    """Cosign a checkpoint's text (COS-1, COS-2)."""
    message = f"cosignature/v1\ntime {time}\n{text}".encode()
    blob = time.to_bytes(8, "big") + key.sign(message)
    return Line(name, hint_of(name, key.public, COSIGNER), blob)


def read_checkpoint(note: bytes) -> Checkpoint:
    """Read a checkpoint strictly (NOTE-1 to NOTE-6, CKP-1 to CKP-4).

    Raises:
        WireError: it is none; the text names the clause.
    """
    try:
        whole = note.decode()
    except UnicodeDecodeError as error:
        raise WireError(f"NOTE-4: {error}") from None
    if any(character < " " and character != "\n" for character in whole):
        raise WireError("NOTE-4: control character")
    text, blank, tail = whole.rpartition("\n\n")
    lines = tail.split("\n")
    if not blank or lines.pop() or not lines:
        raise WireError("NOTE-1: text, an empty line, and whole signature lines expected")
    parsed = tuple(map(_read_line, lines))
    if len({line[:2] for line in parsed}) != len(parsed):
        raise WireError("NOTE-5: two lines of one key")
    parts = text.split("\n")
    if len(parts) != 3:
        raise WireError(f"CKP-1: three lines expected, got {len(parts)}")
    origin, size, root = parts
    if not size.isascii() or not size.isdigit() or (size[0] == "0" and size != "0"):
        raise WireError(f"CKP-3: size {size[:40]!r}")
    return Checkpoint(origin, int(size), _read_base64(root, "CKP-4", 32), text + "\n", parsed)


def _read_line(line: str) -> Line:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "\u2014" or not parts[1] or "+" in parts[1]:
        raise WireError(f"NOTE-3: {line[:80]!r}")
    blob = _read_base64(parts[2], "NOTE-3")
    if len(blob) < 5:
        raise WireError("NOTE-3: a signature of no bytes")
    return Line(parts[1], blob[:4], blob[4:])


def _read_base64(text: str, clause: str, size: int | None = None) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise WireError(f"{clause}, NOTE-6: not base64, {text[:60]!r}") from None
    if base64.b64encode(data).decode() != text or (size is not None and len(data) != size):
        raise WireError(f"{clause}, NOTE-6: {text[:60]!r}")
    return data


def is_signed(checkpoint: Checkpoint, name: str, public: bytes) -> bool:
    """Say whether a log key signed a checkpoint (NOTE-7, NOTE-8)."""
    hint = hint_of(name, public)
    blobs = [line.blob for line in checkpoint.lines if line[:2] == (name, hint)]
    message = checkpoint.text.encode()
    return bool(blobs) and all(verify(public, message, blob) for blob in blobs)


def cosigned_at(checkpoint: Checkpoint, name: str, public: bytes) -> int | None:
    """Return when a witness cosigned a checkpoint, in POSIX seconds (COS-1 to COS-3)."""
    hint = hint_of(name, public, COSIGNER)
    for line in checkpoint.lines:
        if line[:2] == (name, hint) and len(line.blob) == 72:
            time = int.from_bytes(line.blob[:8], "big")
            message = f"cosignature/v1\ntime {time}\n{checkpoint.text}".encode()
            if verify(public, message, line.blob[8:]):
                return time
    return None
