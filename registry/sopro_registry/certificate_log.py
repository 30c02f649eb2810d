"""One log as a certificate shows it: its keys, its signed heads, and entries at their places."""

from collections.abc import Sequence
from itertools import pairwise

from msgspec import UNSET, Struct

from sopro_protocol.checkpoint import (
    SignedCheckpoint,
    open_sized_checkpoint,
    parse_checkpoint_text,
)
from sopro_protocol.errors import SoproError, VerificationError
from sopro_protocol.keys import Role, VerifierKey, key_id, make_vkey
from sopro_protocol.merkle import Hash, InclusionProofs, leaf_hash, node_hash
from sopro_protocol.note import parse_note
from sopro_protocol.proof import TlogProof, parse_proof
from sopro_protocol.record import ReadRecord, check_signatures, parse_entry, read_record
from sopro_registry.catalogue import READERS
from sopro_registry.certificate_file import Proven
from sopro_registry.families import site_keys
from sopro_registry.keyhistory import KeyRecord, log_keys_at, open_key_history


class Placed(Struct, frozen=True):
    """An entry whose signatures and place under a signed head were verified."""

    read: ReadRecord
    index: int
    entry_id: bytes
    head: SignedCheckpoint


class CertificateLog:
    """What is proven of one log (SPEC CERT-2, CERT-6, CERT-12).

    Attributes:
        origin: of the log.
        keys_record: entry id of the last key record in the file.
        key_records: entry ids of all of them, by position.
    """

    def __init__(
        self,
        origin: str,
        root: bytes,
        first: Proven,
        later: Sequence[Proven],
        *,
        is_coordinator: bool = False,
    ) -> None:
        """Follow the log's key records to the root key that is trusted (SPEC CERT-12).

        Args:
            origin: of the log.
            root: public root key that is trusted.
            first: its entry 0.
            later: its later key records.
            is_coordinator: whether members may have appointed a successor there (SPEC SUCC-5).

        Raises:
            FormatError: one does not follow its form.
            VerificationError: `sig.*`, `mem.untrusted`, `hos.keys` or `mem.key` where they do not
                lead there, `proof.invalid` where one is not at its place, `ckp.signature` where
                no log key that may sign it has signed the head above it.
        """
        self.origin = origin
        self._heads: dict[bytes, tuple[SignedCheckpoint, InclusionProofs]] = {}
        places = [(proven, parse_proof(proven.proof)) for proven in (first, *later)]
        for (_, before), (_, proof) in pairwise(places):
            if proof.index <= before.index:
                raise VerificationError(
                    f"certificate: {origin}: key records out of order", code="proof.invalid"
                )
        if places[0][1].index != 0:
            raise VerificationError(
                f"certificate: {origin}: not entry 0 of its log", code="proof.invalid"
            )
        history = [KeyRecord(proof.index, proven.entry) for proven, proof in places]
        try:
            self._keys = open_key_history(
                history, origin=origin, root=root, is_coordinator=is_coordinator
            )
        except SoproError:
            _check_signed(history, origin, root)
            raise
        self._spans = {span.key_id: span for span in self._keys}
        self.key_records: dict[int, bytes] = {}
        for proven, proof in places:
            self.keys_record = self.key_records[proof.index] = leaf_hash(proven.entry)
            head = self._place(self.keys_record, proof)
            # Without the field's name in it there is no such field.
            if b"appointed" in proven.entry:
                _check_left(proven.entry, proof, size=head.size)

    @property
    def heads(self) -> list[SignedCheckpoint]:
        """Every head that something was proven under."""
        return [head for head, _ in self._heads.values()]

    def open(self, proven: Proven, role: Role) -> Placed:
        """Verify an entry: its signatures, by keys that count there, and its place.

        Raises:
            FormatError: entry or proof does not follow its form.
            VerificationError: `sig.*`, `hos.replay`, `hos.origin`, `ckp.signature` or
                `proof.invalid`.
        """
        proof = parse_proof(proven.proof)
        entry = parse_entry(proven.entry)
        keys = {one.key_id: self._key(one.key_id, proof.index, role) for one in entry.signatures}
        check_signatures(entry, keys)
        read = read_record(entry.record, READERS)
        if read.record.log != self.origin:
            raise VerificationError(
                f"certificate: a record of {read.record.log[:80]!r}", code="hos.replay"
            )
        entry_id = leaf_hash(proven.entry)
        return Placed(read, proof.index, entry_id, self._place(entry_id, proof))

    def _key(self, signer: bytes, index: int, role: Role) -> bytes:
        """Return the public key of a signer that may sign an entry at a position."""
        span = self._spans.get(signer)
        if span is None:
            raise VerificationError(
                f"certificate: signed with a key that is not this site's, {signer.hex()[:16]}",
                code="sig.unknown-key",
            )
        if not span.counts_at(index):
            raise VerificationError(
                f"certificate: signed with a key that does not count at position {index}",
                code="sig.key-retired",
            )
        if span.role != role:
            raise VerificationError(
                f"certificate: a {span.role} key may not sign this", code="sig.role"
            )
        return span.public

    def _place(self, entry_id: Hash, proof: TlogProof) -> SignedCheckpoint:
        head, proofs = self._heads.get(proof.checkpoint_note) or self._open_head(proof)
        proofs.check(entry_id, index=proof.index, proof=proof.hashes)
        return head

    def _open_head(self, proof: TlogProof) -> tuple[SignedCheckpoint, InclusionProofs]:
        """Open a head, once, however many entries are under it."""
        note = proof.checkpoint_note
        head = open_sized_checkpoint(note, origin=self.origin, keys=self._log_keys)
        opened = self._heads[note] = (head, InclusionProofs(size=head.size, root=head.root))
        return opened

    def _log_keys(self, size: int) -> list[VerifierKey]:
        return [make_vkey(self.origin, public) for public in log_keys_at(self._keys, size)]


def _check_left(entry: bytes, proof: TlogProof, *, size: int) -> None:
    """Hold what members have said of a log that was left to the entries below (SPEC SUCC-4).

    What lies left of an entry's path to the root is the tree of all entries before it.
    """
    _, body = read_record(parse_entry(entry).record, READERS)
    if not isinstance(body, site_keys.Body) or body.appointed is UNSET:
        return
    left: Hash | None = None
    index, last = proof.index, size - 1
    for sibling in proof.hashes:
        if index & 1 or index == last:
            left = sibling if left is None else node_hash(sibling, left)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        index, last = index >> 1, last >> 1
    if left != parse_checkpoint_text(parse_note(body.appointed.head).text).root:
        raise VerificationError(
            "certificate: members have appointed who goes on from other entries",
            code="mem.untrusted",
        )


def _check_signed(history: Sequence[KeyRecord], origin: str, root: bytes) -> None:
    """Say so first where the trusted root key has nothing to do with a history."""
    signers = {signer for one in history for signer, _ in parse_entry(one.entry).signatures}
    if key_id(root) not in signers:
        raise VerificationError(
            f"certificate: {origin}: the trusted root key signed none of its key records",
            code="sig.unknown-key",
        )
