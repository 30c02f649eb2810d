"""Cosignatures of witnesses, and the request for one (c2sp tlog-cosignature, tlog-witness).

What an Ed25519 cosigner (key type 4) signs, and the line that carries its signature:

    cosignature/v1
    time 1700000002
    <the checkpoint's text>

    — hu.sopro.example/witness base64(note key id || uint64 time || 64-byte signature)

It says: at that time, in POSIX seconds, this was the largest consistent tree of that origin I had
seen. The request is `old <size>`, up to 63 lines of a consistency proof in base64, an empty line,
and the checkpoint's note.
"""

import base64
from dataclasses import dataclass
from typing import Final

from .checkpoint import Checkpoint, format_checkpoint, parse_hash, parse_size
from .errors import FormatError, VerificationError
from .keys import COSIGNATURE, SIGNATURE_SIZE, Signer, VerifierKey, make_vkey, verify_ed25519
from .merkle import MAX_PROOF, Hash
from .note import MAX_NOTE, Note, NoteSignature, parse_note

MAX_TIME: Final = 2**63 - 1

_TIME_SIZE: Final = 8


def cosigned_message(time: int, text: str) -> bytes:
    """Give the bytes a cosigner signs for a checkpoint's text (tlog-cosignature; COS-1)."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def cosign(checkpoint: Checkpoint, *, name: str, signer: Signer, time: int) -> NoteSignature:
    """Cosign a checkpoint at a time in POSIX seconds (tlog-cosignature; COS-1, COS-2).

    Raises:
        FormatError: Checkpoint or time is none that can be cosigned (`ckp.format`), the name is
            not allowed (`sig.key`), or the key is weak (`sig.weak-key`).
    """
    if not 0 < time <= MAX_TIME:
        raise FormatError(
            f"cosignature: time, expected 1 to 2^63-1 seconds, got {time}", code="ckp.format"
        )
    key = make_vkey(name, signer.public_key, key_type=COSIGNATURE)
    signature = signer.sign(cosigned_message(time, format_checkpoint(checkpoint)))
    return NoteSignature(name, key.note_key_id, time.to_bytes(_TIME_SIZE, "big") + signature)


def parse_cosignature(signature: NoteSignature) -> tuple[int, bytes]:
    """Split a cosignature line's blob into time and Ed25519 signature (tlog-cosignature; COS-2).

    Raises:
        VerificationError: Not 72 bytes, or a time out of range (`ckp.cosignature`).
    """
    blob = signature.signature
    if len(blob) != _TIME_SIZE + SIGNATURE_SIZE:
        raise _invalid(signature.name, f"length, expected 72 bytes, got {len(blob)}")
    time = int.from_bytes(blob[:_TIME_SIZE], "big")
    if not 0 < time <= MAX_TIME:
        raise _invalid(signature.name, f"time, expected 1 to 2^63-1 seconds, got {time}")
    return time, blob[_TIME_SIZE:]


def verify_cosignature(text: str, signature: NoteSignature, key: VerifierKey) -> int:
    """Verify a cosignature over a checkpoint's text and give its time (COS-1 to COS-3).

    Raises:
        FormatError: The key is not a cosigner's (`sig.key`).
        VerificationError: Not this key's cosignature over this text (`ckp.cosignature`).
    """
    if key.key_type != COSIGNATURE:
        raise FormatError(
            f"cosignature: type of key {key.name!r}, expected 4, got {key.key_type}",
            code="sig.key",
        )
    if (signature.name, signature.key_id) != (key.name, key.note_key_id):
        raise _invalid(key.name, f"key, expected {key.note_key_id.hex()}, got {signature.name!r}")
    time, raw = parse_cosignature(signature)
    try:
        verify_ed25519(key.public_key, message=cosigned_message(time, text), signature=raw)
    except VerificationError as error:
        raise _invalid(key.name, f"signature at time {time} does not verify") from error
    return time


def open_cosignature(note: Note, vkey: VerifierKey) -> int:
    """Find and verify one cosigner's line in a note and give its time (COS-3).

    Raises:
        FormatError: The key is not a cosigner's (`sig.key`).
        VerificationError: The cosigner has no line, or its line fails (`ckp.cosignature`).
    """
    for line in note.signatures:
        if (line.name, line.key_id) == (vkey.name, vkey.note_key_id):
            return verify_cosignature(note.text, line, vkey)
    raise _invalid(vkey.name, f"line, expected one of key {vkey.note_key_id.hex()}, got none")


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request to cosign: the size the witness holds, the proof from there, the new note."""

    old_size: int
    proof: tuple[Hash, ...]
    note: bytes


def format_add_checkpoint(request: AddCheckpoint) -> bytes:
    """Write the body of a request to cosign (tlog-witness; COS-4)."""
    lines = [f"old {request.old_size}\n"]
    lines += (base64.b64encode(part).decode("ascii") + "\n" for part in request.proof)
    return "".join(lines).encode("ascii") + b"\n" + request.note


def parse_add_checkpoint(data: bytes, *, limit: int = MAX_NOTE) -> AddCheckpoint:
    """Parse the body of a request to cosign (tlog-witness; COS-4).

    Raises:
        FormatError: Not a size, up to 63 hashes, an empty line and a note (`ckp.format`).
    """
    head, empty_line, note = data.partition(b"\n\n")
    lines = head.decode("ascii", "replace").split("\n")
    if not empty_line or not lines[0].startswith("old ") or len(lines) - 1 > MAX_PROOF:
        raise FormatError(
            f"add-checkpoint: expected 'old <size>', at most {MAX_PROOF} hashes and an empty line,"
            f" got {head[:80]!r}",
            code="ckp.format",
        )
    size = parse_size(lines[0][4:], where="add-checkpoint: old size", code="ckp.format")
    proof = tuple(
        parse_hash(line, where="add-checkpoint: proof", code="ckp.format") for line in lines[1:]
    )
    parse_note(note, limit=limit)
    return AddCheckpoint(size, proof, note)


def _invalid(name: str, what: str) -> VerificationError:
    return VerificationError(f"cosignature of {name!r}: {what}", code="ckp.cosignature")
