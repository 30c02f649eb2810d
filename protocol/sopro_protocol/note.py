"""Signed notes: a text and the signatures under it (c2sp signed-note).

    This is an example message.

    — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXm...

The text is UTF-8 lines without control characters; the last empty line ends it and is not signed.
A signature line is U+2014, a space, the key's name, a space, base64 of the 4-byte note key id and
the signature. A key is known by its name and note key id together.
"""

import base64
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from msgspec import Struct

from .errors import FormatError, VerificationError
from .keys import (
    ED25519,
    NOTE_KEY_ID_SIZE,
    Signer,
    VerifierKey,
    check_key_name,
    make_vkey,
    parse_base64,
    verify_ed25519,
)

MAX_NOTE: Final = 1_000_000
MAX_SIGNATURES: Final = 100

_CONTROL: Final = bytes((*range(0x0A), *range(0x0B, 0x20)))


class NoteSignature(Struct, frozen=True):
    """One signature line: whose it claims to be, and the bytes after the key id."""

    name: str
    key_id: bytes
    signature: bytes


class Note(Struct, frozen=True):
    """A text with signature lines nobody has verified."""

    text: str
    signatures: tuple[NoteSignature, ...]


class OpenedNote(Struct, frozen=True):
    """A note that at least one known key signed; only `verify_note` makes one."""

    text: str
    signatures: tuple[NoteSignature, ...]
    verified_by: tuple[VerifierKey, ...]


def format_signature(signature: NoteSignature) -> str:
    """Write a signature line with its newline (c2sp signed-note; NOTE-3)."""
    blob = base64.b64encode(signature.key_id + signature.signature).decode("ascii")
    return f"\N{EM DASH} {signature.name} {blob}\n"


def parse_signature(line: str) -> NoteSignature:
    """Parse a signature line without its newline (c2sp signed-note; NOTE-3).

    Raises:
        FormatError: Not a signature line (`ckp.format`).
    """
    dash, _, rest = line.partition(" ")
    name, _, blob = rest.partition(" ")
    if dash != "\N{EM DASH}" or not blob:
        raise _malformed(f"signature line, expected '\N{EM DASH} name base64', got {line[:80]!r}")
    check_key_name(name, where="note", code="ckp.format")
    data = parse_base64(blob, where="note: signature", code="ckp.format")
    if len(data) <= NOTE_KEY_ID_SIZE:
        raise _malformed(f"signature, expected more than {NOTE_KEY_ID_SIZE} bytes, got {len(data)}")
    return NoteSignature(name, data[:NOTE_KEY_ID_SIZE], data[NOTE_KEY_ID_SIZE:])


def parse_signatures(data: bytes) -> tuple[NoteSignature, ...]:
    """Parse signature lines, such as a witness answers with (c2sp signed-note; NOTE-3, NOTE-5).

    Raises:
        FormatError: Not 1 to 100 signature lines, or two of one key (`ckp.format`).
    """
    lines = _decode(data).split("\n")
    if lines.pop() or not 1 <= len(lines) <= MAX_SIGNATURES:
        raise _malformed(
            f"signatures, expected 1 to {MAX_SIGNATURES} whole lines, got {len(lines)}"
        )
    signatures = tuple(parse_signature(line) for line in lines)
    if len({(line.name, line.key_id) for line in signatures}) != len(signatures):
        raise _malformed("signatures, expected one line of a key, got two")
    return signatures


def parse_note(data: bytes, *, limit: int = MAX_NOTE) -> Note:
    """Parse a note without verifying anything (c2sp signed-note; NOTE-1 to NOTE-6).

    Raises:
        FormatError: Longer than the limit, or not a note (`ckp.format`).
    """
    if len(data) > limit:
        raise _malformed(f"length, expected at most {limit} bytes, got {len(data)}")
    end = data.rfind(b"\n\n")
    if end < 0:
        raise _malformed("empty line before the signatures, expected one, got none")
    return Note(_decode(data[: end + 1]), parse_signatures(data[end + 2 :]))


def _decode(data: bytes) -> str:
    if len(data.translate(None, _CONTROL)) != len(data):
        found = next(byte for byte in data if byte in _CONTROL)
        raise _malformed(f"text, expected no control characters, got {bytes((found,))!r}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed(f"text, expected UTF-8, got {data[error.start : error.end]!r}") from error


def format_note(note: Note) -> bytes:
    """Write a note that `parse_note` reads back as the same (c2sp signed-note).

    Raises:
        FormatError: It would not be a note, or another one (`ckp.format`).
    """
    lines = "".join(format_signature(signature) for signature in note.signatures)
    data = f"{note.text}\n{lines}".encode("utf-8", "surrogatepass")
    if parse_note(data) != note:
        raise _malformed(
            f"text and signatures, expected ones that read back, got {note.text[:80]!r}"
        )
    return data


def open_note(data: bytes, keys: Sequence[VerifierKey], *, limit: int = MAX_NOTE) -> OpenedNote:
    """Open a note that a known Ed25519 key signed (c2sp signed-note; NOTE-1 to NOTE-8).

    Raises:
        FormatError: Not a note (`ckp.format`), or a key is of another type than 1 (`sig.key`).
        VerificationError: No known key signed it, or a line of a known key fails
            (`ckp.signature`).
    """
    return verify_note(parse_note(data, limit=limit), keys)


def verify_note(note: Note, keys: Sequence[VerifierKey]) -> OpenedNote:
    """Verify that a known Ed25519 key signed a parsed note (c2sp signed-note; NOTE-7, NOTE-8).

    Raises:
        FormatError: A key is of another type than 1 (`sig.key`).
        VerificationError: No known key signed it, or a line of a known key fails
            (`ckp.signature`).
    """
    known: dict[tuple[str, bytes], list[VerifierKey]] = {}
    for key in keys:
        if key.key_type != ED25519:
            raise FormatError(
                f"note: type of key {key.name!r}, expected 1, got {key.key_type}", code="sig.key"
            )
        known.setdefault((key.name, key.note_key_id), []).append(key)
    message = note.text.encode()
    verified = [
        _find_signer(message, line, candidates)
        for line in note.signatures
        if (candidates := known.get((line.name, line.key_id)))
    ]
    if not verified:
        raise VerificationError(
            f"note: signature, expected one of {_list_keys(known)},"
            f" got {_list_keys((line.name, line.key_id) for line in note.signatures)}",
            code="ckp.signature",
        )
    return OpenedNote(note.text, note.signatures, tuple(verified))


def _list_keys(keys: Iterable[tuple[str, bytes]]) -> str:
    """Name keys by name and 4-byte id: one without the other may be right."""
    named = [f"{name[:80]!r} ({key_id.hex()})" for name, key_id in islice(keys, 10)]
    return ", ".join(named) or "none"


def _find_signer(
    message: bytes, line: NoteSignature, candidates: Sequence[VerifierKey]
) -> VerifierKey:
    """Find the key that made a signature; several may share a name and 4-byte id."""
    failure = None
    for key in candidates:
        try:
            verify_ed25519(key.public_key, message=message, signature=line.signature)
        except VerificationError as error:
            failure = error
        else:
            return key
    raise VerificationError(
        f"note: signature of {line.name!r} ({line.key_id.hex()}) does not verify",
        code="ckp.signature",
    ) from failure


def sign_text(text: str, *, name: str, signer: Signer) -> NoteSignature:
    """Sign a note's text under a key name (c2sp signed-note; NOTE-2).

    Raises:
        FormatError: The name is not allowed (`sig.key`), or the key is weak (`sig.weak-key`).
    """
    key = make_vkey(name, signer.public_key)
    return NoteSignature(name, key.note_key_id, signer.sign(text.encode()))


def sign_note(text: str, *, name: str, signer: Signer) -> bytes:
    """Sign a text and write it as a note with that one signature (c2sp signed-note).

    Raises:
        FormatError: The text is not a note's (`ckp.format`), the name is not allowed (`sig.key`),
            or the key is weak (`sig.weak-key`).
    """
    try:
        return format_note(Note(text, (sign_text(text, name=name, signer=signer),)))
    except UnicodeEncodeError as error:
        raise _malformed(
            f"text, expected Unicode, got {text[error.start : error.end]!r}"
        ) from error


def add_signatures(data: bytes, signatures: Sequence[NoteSignature]) -> bytes:
    """Put signature lines under a note; a line of the same key is replaced (NOTE-5).

    Raises:
        FormatError: The note or the result is not a note (`ckp.format`).
    """
    note = parse_note(data)
    lines = {(line.name, line.key_id): line for line in (*note.signatures, *signatures)}
    return format_note(Note(note.text, tuple(lines.values())))


def _malformed(what: str) -> FormatError:
    return FormatError(f"note: {what}", code="ckp.format")
