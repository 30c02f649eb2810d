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
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .checkpoint import SignedCheckpoint, open_checkpoint, parse_hash, parse_size
from .errors import FormatError
from .keys import VerifierKey, parse_base64
from .merkle import HASH_SIZE, MAX_PROOF, MAX_SIZE, Hash, check_inclusion, leaf_hash
from .note import MAX_NOTE

MAX_PROOF_FILE: Final = 2 * MAX_NOTE

_FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class TlogProof:
    """An inclusion proof and the note it leads to, unverified."""

    index: int
    hashes: tuple[Hash, ...]
    checkpoint_note: bytes
    extra: bytes | None = None


def format_proof(proof: TlogProof) -> bytes:
    """Write a proof as a file (c2sp tlog-proof; PROOF-1)."""
    lines = [_FIRST_LINE]
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
    first, *lines = head.decode("ascii", "replace").split("\n")
    if first != _FIRST_LINE or not empty_line:
        raise _malformed(f"form, expected {_FIRST_LINE!r} and an empty line, got {head[:80]!r}")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = parse_base64(lines.pop(0)[6:], where="proof: extra", code="proof.format")
    if not lines or not lines[0].startswith("index "):
        raise _malformed(f"index line, expected 'index <decimal>', got {lines[:1]}")
    index = parse_size(lines[0][6:], where="proof: index", code="proof.format", limit=MAX_SIZE - 1)
    if len(lines) - 1 > MAX_PROOF:
        raise _malformed(f"hashes, expected at most {MAX_PROOF}, got {len(lines) - 1}")
    return TlogProof(index, _parse_hashes(lines[1:]), note, extra)


def _parse_hashes(lines: Sequence[str]) -> tuple[Hash, ...]:
    """Parse all lines at once; where one is no hash, one by one, to say which."""
    try:
        hashes = [binascii.a2b_base64(line, strict_mode=True) for line in lines]
    except ValueError:
        hashes = []
    written = [binascii.b2a_base64(part, newline=False) for part in hashes]
    is_canonical = b"".join(written) == "".join(lines).encode("ascii", "replace")
    if is_canonical and all(len(part) == HASH_SIZE for part in hashes):
        return tuple(map(Hash, hashes))
    return tuple(parse_hash(line, where="proof: hash", code="proof.format") for line in lines)


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
