"""Offline proofs that an entry is in a log (c2sp tlog-proof).

    c2sp.org/tlog-proof@v1
    extra aGVsbG8=
    index 3
    <base64 hash>
    <base64 hash>

    <the checkpoint's note, with its cosignatures>

The `extra` line is optional and nobody vouches for it. The hashes are the inclusion proof, from
the leaf upwards, 0 to 63 of them. The entry is not inside: whoever asks has it. The file says that
the entry was logged, not that it still holds.
"""

import base64
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from .checkpoint import SignedCheckpoint, open_checkpoint, parse_hash, parse_size
from .errors import FormatError
from .keys import VerifierKey, parse_base64
from .merkle import HASH_SIZE, MAX_PROOF, MAX_SIZE, Hash, check_inclusion, leaf_hash
from .note import MAX_NOTE

MAX_PROOF_FILE: Final = 2 * MAX_NOTE

_FIRST_LINE: Final = b"c2sp.org/tlog-proof@v1"
_HASHES: Final = msgspec.json.Decoder(
    tuple[Annotated[Hash, Meta(min_length=HASH_SIZE, max_length=HASH_SIZE)], ...]
)
_ENCODER: Final = msgspec.json.Encoder()


class TlogProof(Struct, frozen=True):
    """An inclusion proof and the note it leads to, unverified."""

    index: int
    hashes: tuple[Hash, ...]
    checkpoint_note: bytes
    extra: bytes | None = None


def format_proof(proof: TlogProof) -> bytes:
    """Write a proof as a file (c2sp tlog-proof; PROOF-1)."""
    lines = [_FIRST_LINE.decode()]
    if proof.extra is not None:
        lines.append(f"extra {base64.b64encode(proof.extra).decode('ascii')}")
    lines.append(f"index {proof.index}")
    lines += (base64.b64encode(part).decode("ascii") for part in proof.hashes)
    return "\n".join(lines).encode("ascii") + b"\n\n" + proof.checkpoint_note


def parse_proof(data: bytes, *, limit: int = MAX_PROOF_FILE) -> TlogProof:
    """Parse a proof file, but not the note in it (c2sp tlog-proof; PROOF-1, PROOF-2).

    Raises:
        FormatError: Longer than the limit, or not a proof file (`proof.format`).
    """
    if len(data) > limit:
        raise _malformed(f"length, expected at most {limit} bytes, got {len(data)}")
    head, empty_line, note = data.partition(b"\n\n")
    first, _, rest = head.partition(b"\n")
    if first != _FIRST_LINE or not empty_line:
        expected = _FIRST_LINE.decode()
        raise _malformed(f"form, expected {expected!r} and an empty line, got {head[:80]!r}")
    line, _, hashes = rest.partition(b"\n")
    extra = None
    if line.startswith(b"extra "):
        extra = parse_base64(_text(line[6:]), where="proof: extra", code="proof.format")
        line, _, hashes = hashes.partition(b"\n")
    if not line.startswith(b"index "):
        raise _malformed(f"index line, expected 'index <decimal>', got {line[:80]!r}")
    index = parse_size(
        _text(line[6:]), where="proof: index", code="proof.format", limit=MAX_SIZE - 1
    )
    return TlogProof(index, _parse_hashes(hashes), note, extra)


def _text(data: bytes) -> str:
    return data.decode("ascii", "replace")


def _parse_hashes(text: bytes) -> tuple[Hash, ...]:
    """Parse all lines at once; where one is no hash, one by one, to say which."""
    lines = text.split(b"\n") if text else []
    if len(lines) > MAX_PROOF:
        raise _malformed(f"hashes, expected at most {MAX_PROOF}, got {len(lines)}")
    # As an array of JSON, which is decoded and encoded again faster than line by line.
    array = b'["%b"]' % b'","'.join(lines) if lines else b"[]"
    try:
        hashes = _HASHES.decode(array)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        hashes = ()
    if _ENCODER.encode(hashes) == array and b'"' not in text:
        return hashes
    return tuple(
        parse_hash(_text(line), where="proof: hash", code="proof.format") for line in lines
    )


def check_proof(
    proof: TlogProof, *, entry: bytes, origin: str, keys: Sequence[VerifierKey]
) -> SignedCheckpoint:
    """Check that a proof leads from an entry to a checkpoint its log signed (PROOF-3).

    Raises:
        FormatError: The note is no checkpoint (`ckp.format`), or a key is of another type than 1
            (`sig.key`).
        VerificationError: Another log's checkpoint (`hos.origin`), not signed by it
            (`ckp.signature`), or the entry is not at that index of it (`proof.invalid`).
    """
    head = open_checkpoint(proof.checkpoint_note, origin=origin, keys=keys)
    check_inclusion(
        leaf_hash(entry), index=proof.index, size=head.size, proof=proof.hashes, root=head.root
    )
    return head


def open_proof(
    data: bytes, *, entry: bytes, origin: str, keys: Sequence[VerifierKey]
) -> SignedCheckpoint:
    """Open a proof file for an entry and give the checkpoint it leads to (PROOF-1 to PROOF-3).

    Raises:
        FormatError: Not a proof file (`proof.format`), its note is no checkpoint (`ckp.format`),
            or a key is of another type than 1 (`sig.key`).
        VerificationError: Another log's checkpoint (`hos.origin`), not signed by it
            (`ckp.signature`), or the entry is not at that index of it (`proof.invalid`).
    """
    return check_proof(parse_proof(data), entry=entry, origin=origin, keys=keys)


def _malformed(what: str) -> FormatError:
    return FormatError(f"proof: {what}", code="proof.format")
