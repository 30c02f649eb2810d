"""One log as a certificate shows it: its keys, its signed heads, and entries at their places."""

from collections.abc import Sequence
from dataclasses import dataclass

from sopro_protocol.checkpoint import SignedCheckpoint, open_sized_checkpoint
from sopro_protocol.errors import RefusedError, VerificationError
from sopro_protocol.keys import Role, VerifierKey, key_id, make_vkey
from sopro_protocol.merkle import Hash, check_inclusion, leaf_hash
from sopro_protocol.proof import TlogProof, parse_proof
from sopro_protocol.record import ReadRecord, check_signatures, parse_entry, read_record
from sopro_registry.catalogue import READERS
from sopro_registry.certificate_file import Proven
from sopro_registry.families import site_keys
from sopro_registry.family import Fact, KeySpan
from sopro_registry.unseen import Unseen


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry whose signatures and place under a signed head were verified."""

    read: ReadRecord
    index: int
    entry_id: bytes
    head: SignedCheckpoint


class CertificateLog:
    """What is proven of one log (SPEC CERT-2, CERT-6).

    Attributes:
        origin: of the log.
        keys_record: entry id of the last key record in the file.
    """

    def __init__(self, origin: str, root: bytes, first: Proven, later: Sequence[Proven]) -> None:
        """Take the log's keys from its key records, which the root key signed.

        Raises:
            FormatError: one does not follow its form.
            VerificationError: `mem.untrusted` or `sig.*` where one is not what the root key
                signed, `proof.invalid` where one is not at its place.
        """
        self.origin = origin
        self.keys_record = b""
        self._spans: dict[bytes, KeySpan] = {}
        self._publics: dict[bytes, bytes] = {}
        self._heads: dict[bytes, SignedCheckpoint] = {}
        state: site_keys.State | None = None
        places: list[tuple[Proven, TlogProof]] = []
        for proven in (first, *later):
            proof = parse_proof(proven.proof)
            before = places[-1][1].index if places else None
            if (proof.index != 0) if before is None else (proof.index <= before):
                raise VerificationError(
                    f"certificate: {origin}: not entry 0, or key records out of order",
                    code="proof.invalid",
                )
            state = self._take_keys(proven, proof.index, root, state)
            places.append((proven, proof))
        for proven, proof in places:
            self._place(leaf_hash(proven.entry), proof)

    def _take_keys(
        self, proven: Proven, index: int, root: bytes, state: site_keys.State | None
    ) -> site_keys.State:
        entry = parse_entry(proven.entry)
        check_signatures(entry, {key_id(root): root})
        record, body = read_record(entry.record, READERS)
        if record.log != self.origin or not isinstance(body, site_keys.Body) or body.root != root:
            raise VerificationError(
                f"certificate: not the keys of {self.origin}", code="mem.untrusted"
            )
        signers = tuple(signer for signer, _ in entry.signatures)
        entry_id = leaf_hash(proven.entry)
        view = Unseen(self.origin, index, keys_record=self.keys_record or None)
        try:
            change = site_keys.apply(Fact(index, entry_id, record, body, signers), state, view)
        except RefusedError as error:
            raise VerificationError(f"certificate: {error}", code=error.code) from None
        self.keys_record = entry_id
        self._spans = {span.key_id: span for span in change.state.spans}
        self._publics = {span.key_id: span.public for span in change.state.spans}
        return change.state

    def open(self, proven: Proven, role: Role) -> Placed:
        """Verify an entry: its signatures, by keys that count there, and its place.

        Raises:
            FormatError: entry or proof does not follow its form.
            VerificationError: `sig.*`, `hos.replay`, `hos.origin`, `ckp.signature` or
                `proof.invalid`.
        """
        proof = parse_proof(proven.proof)
        entry = parse_entry(proven.entry)
        for signer, _ in entry.signatures:
            self._check_signer(signer, proof.index, role)
        check_signatures(entry, self._publics)
        read = read_record(entry.record, READERS)
        if read.record.log != self.origin:
            raise VerificationError(
                f"certificate: a record of {read.record.log[:80]!r}", code="hos.replay"
            )
        entry_id = leaf_hash(proven.entry)
        return Placed(read, proof.index, entry_id, self._place(entry_id, proof))

    def _check_signer(self, signer: bytes, index: int, role: Role) -> None:
        span = self._spans.get(signer)
        if span is None:
            raise VerificationError(
                f"certificate: signed with a key that is not this site's, {signer.hex()[:16]}",
                code="sig.unknown-key",
            )
        if not _counts(span, index):
            raise VerificationError(
                f"certificate: signed with a key that does not count at position {index}",
                code="sig.key-retired",
            )
        if span.role != role.value:
            raise VerificationError(
                f"certificate: a {span.role} key may not sign this", code="sig.role"
            )

    def _place(self, entry_id: Hash, proof: TlogProof) -> SignedCheckpoint:
        head = self._head(proof.checkpoint_note)
        check_inclusion(
            entry_id,
            index=proof.index,
            size=head.size,
            proof=proof.hashes,
            root=head.root,
        )
        return head

    def _head(self, note: bytes) -> SignedCheckpoint:
        """Open a head once, however many entries are under it."""
        head = self._heads.get(note)
        if head is None:
            head = self._heads[note] = open_sized_checkpoint(
                note, origin=self.origin, keys=self._log_keys
            )
        return head

    def _log_keys(self, size: int) -> list[VerifierKey]:
        return [
            make_vkey(self.origin, span.public)
            for span in self._spans.values()
            if span.role == Role.LOG.value and _counts(span, max(size - 1, span.since))
        ]


def _counts(span: KeySpan, index: int) -> bool:
    return span.since <= index and (span.until is None or index < span.until)
