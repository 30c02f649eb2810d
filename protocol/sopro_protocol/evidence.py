r"""Evidence that a log has two histories: two signed heads and why they exclude one another.

An evidence file is a canonical map (SPEC section EVID):

    sopro_evidence    1
    origin            of the log
    size              at which the two heads have different roots
    heads             [[note, root, proof], [note, root, proof]], the smaller head first
    keys              the site's `site_keys` entries, from entry 0 of its log on
    membership        [entry, tlog-proof] of the site's membership in the coordinator's log
    coordinator_keys  the coordinator's `site_keys` entries, from entry 0 of its log on

`root` is that of the head's first `size` entries, and `proof` the consistency proof from there to
the head; it is empty where the head has that very size. One tree has one root at one size, so two
roots are two trees. Evidence against the coordinator's own log has no `membership` and no
`coordinator_keys`.

    id = SHA-256("sopro-evidence/1\n" || encode([origin, [[size, root], [size, root]]]))

with the sizes and roots that the two heads sign: two files on the same heads are one evidence.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from .checkpoint import Checkpoint, SignedCheckpoint, check_origin, open_checkpoint
from .encoding import MAX_ENTRY, Value, decode, encode
from .errors import FormatError, VerificationError
from .keys import VerifierKey
from .merkle import HASH_SIZE, MAX_PROOF, MAX_SIZE, check_consistency
from .proof import MAX_PROOF_FILE

MAX_EVIDENCE: Final = 1024 * 1024
MAX_HEAD: Final = 64 * 1024
"""The longest note of a head in evidence."""

_VERSION: Final = 1
MAX_KEYS: Final = 64


class ShownHead(NamedTuple):
    """One of the two heads, unverified.

    Attributes:
        note: the signed checkpoint.
        root: of its first entries, up to the size at which the heads differ.
        proof: that they are its first entries.
    """

    note: bytes
    root: bytes
    proof: tuple[bytes, ...] = ()


class Fork(NamedTuple):
    """Two heads of one log and the size at which they differ, unverified."""

    origin: str
    size: int
    heads: tuple[ShownHead, ShownHead]


class Evidence(NamedTuple):
    """An evidence file taken apart; nothing is verified.

    Attributes:
        fork: the two heads.
        keys: of the log's site, `site_keys` entries.
        membership: entry and tlog-proof; None in evidence against the coordinator's log.
        coordinator_keys: `site_keys` entries of the coordinator; none there either.
    """

    fork: Fork
    keys: tuple[bytes, ...]
    membership: tuple[bytes, bytes] | None
    coordinator_keys: tuple[bytes, ...]


def evidence_id(origin: str, heads: Sequence[Checkpoint | SignedCheckpoint]) -> bytes:
    """Identify evidence by the two heads, whoever wrote it down (EVID-2)."""
    signed: list[Value] = [list(pair) for pair in sorted((head.size, head.root) for head in heads)]
    return hashlib.sha256(b"sopro-evidence/1\n" + encode([origin, signed])).digest()


def check_fork(fork: Fork, keys: Sequence[VerifierKey]) -> tuple[SignedCheckpoint, ...]:
    """Check that two heads the log has signed exclude one another (EVID-3, EVID-4).

    Args:
        fork: what is claimed.
        keys: that may sign the log's heads.

    Returns:
        the two heads, the smaller first.

    Raises:
        FormatError: a note is no checkpoint (`ckp.format`), or the heads are not in order
            (`evid.form`).
        VerificationError: a head is another log's (`hos.origin`) or not signed by it
            (`ckp.signature`), a root is not the head's at that size (`proof.invalid`), or the
            two heads agree there (`evid.none`).
    """
    opened = tuple(open_checkpoint(head.note, origin=fork.origin, keys=keys) for head in fork.heads)
    for head, signed in zip(fork.heads, opened, strict=True):
        check_consistency(
            old_size=fork.size,
            new_size=signed.size,
            old_root=head.root,
            new_root=signed.root,
            proof=head.proof,
        )
    if fork.heads[0].root == fork.heads[1].root:
        raise VerificationError(
            f"evidence: {fork.origin}: the two heads agree on the first {fork.size} entries",
            code="evid.none",
        )
    first, second = opened
    if (first.size, first.root) > (second.size, second.root):
        raise _malformed("heads, expected the smaller first")
    return opened


def sort_fork(fork: Fork, heads: Sequence[Checkpoint | SignedCheckpoint]) -> Fork:
    """Put the smaller head first (EVID-1).

    Args:
        fork: the two heads as they were met.
        heads: what their notes sign, in the same order.
    """
    one, other = ((head.size, head.root) for head in heads)
    return fork if one <= other else fork._replace(heads=(fork.heads[1], fork.heads[0]))


def format_evidence(evidence: Evidence) -> bytes:
    """Write an evidence file that `parse_evidence` reads back as the same (EVID-1).

    Raises:
        FormatError: it would not be one (`evid.form`, `enc.limit`).
    """
    fork = evidence.fork
    value: dict[str, Value] = {
        "heads": [[head.note, head.root, list(head.proof)] for head in fork.heads],
        "keys": list(evidence.keys),
        "origin": fork.origin,
        "size": fork.size,
        "sopro_evidence": _VERSION,
    }
    if evidence.membership is not None:
        value["membership"] = list(evidence.membership)
        value["coordinator_keys"] = list(evidence.coordinator_keys)
    data = encode(value)
    parse_evidence(data)
    return data


def parse_evidence(data: bytes) -> Evidence:
    """Take an evidence file apart (EVID-1); nothing is verified.

    Raises:
        FormatError: the bytes are not canonical or too many (`enc.*`), or they are no evidence
            file (`evid.form`).
    """
    value = decode(data, limit=MAX_EVIDENCE)
    if not isinstance(value, dict) or value.get("sopro_evidence") != _VERSION:
        raise _malformed("not an evidence file of this version")
    origin, size, heads = value.get("origin"), value.get("size"), value.get("heads")
    if not isinstance(origin, str) or type(size) is not int or not 1 <= size <= MAX_SIZE:
        raise _malformed("expected an origin and a size from 1")
    check_origin(origin)
    if not isinstance(heads, list) or len(heads) != 2:
        raise _malformed("expected two heads")
    fork = Fork(origin, size, (_parse_head(heads[0]), _parse_head(heads[1])))
    if ("membership" in value) != ("coordinator_keys" in value):
        raise _malformed("membership and coordinator_keys go together")
    keys = _parse_keys(value.get("keys"))
    if "membership" not in value:
        return Evidence(fork, keys, None, ())
    return Evidence(
        fork, keys, _parse_proven(value["membership"]), _parse_keys(value["coordinator_keys"])
    )


def _parse_head(value: object) -> ShownHead:
    match value:
        case [bytes(note), bytes(root), [*proof]]:
            hashes = tuple(one for one in proof if isinstance(one, bytes) and len(one) == HASH_SIZE)
            if (
                len(note) <= MAX_HEAD
                and len(root) == HASH_SIZE
                and len(hashes) == len(proof) <= MAX_PROOF
            ):
                return ShownHead(note, root, hashes)
    raise _malformed("expected a head [note, root of 32 bytes, at most 63 hashes]")


def _parse_keys(value: object) -> tuple[bytes, ...]:
    entries = value if isinstance(value, list) else []
    keys = tuple(one for one in entries if isinstance(one, bytes) and len(one) <= MAX_ENTRY)
    if not 1 <= len(keys) <= MAX_KEYS or len(keys) != len(entries):
        raise _malformed(f"expected 1 to {MAX_KEYS} key records")
    return keys


def _parse_proven(value: object) -> tuple[bytes, bytes]:
    match value:
        case [bytes(entry), bytes(proof)] if len(proof) <= MAX_PROOF_FILE:
            return entry, proof
    raise _malformed("expected [entry, proof] of the membership")


def _malformed(what: str) -> FormatError:
    return FormatError(f"evidence: {what}", code="evid.form")
