"""Opening the heads of a log with the keys that count: as served, then as they are in it."""

from collections.abc import Mapping, Sequence

from sopro_node.peer import Peer
from sopro_node.step import Step
from sopro_node.target import MAX_KEYS, Target, parse_keys
from sopro_protocol.checkpoint import SignedCheckpoint, keep_lines_of, open_sized_checkpoint
from sopro_protocol.errors import FormatError, VerificationError
from sopro_protocol.keys import Role, VerifierKey, make_vkey
from sopro_protocol.merkle import leaf_hash
from sopro_registry.family import KeySpan
from sopro_registry.keyhistory import KeyRecord, log_keys_at, open_key_history


class Opening:
    """The keys of a log during one pull of it.

    Attributes:
        keys: public keys that signatures are checked with, by key id.
        spans: the same, with the positions they are valid at: what the last head was opened with.
        is_first: whether nothing of the log is held that its keys follow from.
    """

    def __init__(self, target: Target, peer: Peer, *, is_coordinator: bool, is_first: bool) -> None:
        self._target = target
        self._peer = peer
        self._is_coordinator = is_coordinator
        self.is_first = is_first
        self.keys: Mapping[bytes, bytes] = {}
        self.spans: tuple[KeySpan, ...] = ()

    @property
    def roots(self) -> Mapping[bytes, bytes]:
        """Its site's root keys by key id."""
        return {one.key_id: one.public for one in self.spans if one.role == Role.ROOT.value}

    async def open_head(self, note: bytes, history: Sequence[KeySpan]) -> SignedCheckpoint:
        """Open a head with the log keys that count at its size (SPEC KEY-9, SYNC-12).

        Where none of those this node knows has signed it, the site may have changed its keys
        since; then its key records are asked for.

        Raises:
            FormatError, VerificationError: what was served is not what was signed.
            PeerError: its key records are not served.
        """
        try:
            return self._open_with(note, history)
        except VerificationError as error:
            if error.code != "ckp.signature" or self.is_first:
                raise
            fetched = await self.fetch_keys()
            if fetched == tuple(history):
                raise
        return self._open_with(note, fetched)

    def _open_with(self, note: bytes, keys: Sequence[KeySpan]) -> SignedCheckpoint:
        self.keys = {span.key_id: span.public for span in keys}
        self.spans = tuple(keys)
        origin = self._target.origin

        def may_sign(size: int) -> list[VerifierKey]:
            return [make_vkey(origin, public) for public in log_keys_at(keys, size)]

        signed = open_sized_checkpoint(note, origin=origin, keys=may_sign)
        return keep_lines_of(signed, may_sign(signed.size))

    async def fetch_keys(self) -> tuple[KeySpan, ...]:
        """Ask for the site's key records, which verify by themselves (SPEC SYNC-1).

        Raises:
            VerificationError: `mem.untrusted`, `mem.epoch` or `hos.keys`, they do not.
            FormatError, PeerError: they are not served.
        """
        history = parse_keys(await self._peer.get("keys", limit=MAX_KEYS))
        try:
            return self._follow_keys(history)
        except (FormatError, VerificationError) as error:
            # Out of order, or by nobody whom the membership names.
            code = error.code if error.code in ("hos.keys", "mem.epoch") else "mem.untrusted"
            raise VerificationError(f"keys: {error}", code=code) from None

    def _follow_keys(self, history: Sequence[KeyRecord]) -> tuple[KeySpan, ...]:
        self._target.check_beginning(*(leaf_hash(one.entry) for one in history[:1]))
        roots = self._target.leading_roots
        if not self.is_first or self._target.is_cut:
            # The log may not have come to any of them yet; its beginning is held already, or it
            # is closed, and what it was closed at is known.
            roots = tuple(dict.fromkeys([*roots, self._target.root_key]))
        for root in roots[:-1]:
            try:
                return self._follow_from(history, root)
            except VerificationError:
                continue
        return self._follow_from(history, roots[-1])

    def _follow_from(self, history: Sequence[KeyRecord], root: bytes) -> tuple[KeySpan, ...]:
        spans = open_key_history(
            history, origin=self._target.origin, root=root, is_coordinator=self._is_coordinator
        )
        self._peer.served_keys = [one.entry for one in history]
        return spans

    def check_keys(self, step: Step, signed: SignedCheckpoint) -> bytes:
        """Hold the head and the membership to the key records that are really in the log.

        Before, they were taken from whoever served them, who could have left some out or told
        other positions. Return the head with the lines of the keys that may sign it.

        Raises:
            VerificationError: none of them has signed it, or they lead to another root key.
        """
        if step.ledger.cursor.projected < step.size:
            return signed.note
        keys = step.ledger.cursor.keys
        if keys != self.spans:
            # From what was served: before, lines of keys that were unknown were dropped.
            signed = self._open_with(self._peer.done.note, keys)
        roots = {span.public for span in keys if span.role == Role.ROOT.value}
        is_named = self._target.is_cut or not roots.isdisjoint(self._target.leading_roots)
        if self.is_first and not is_named:
            raise VerificationError(
                f"{self._target.origin}: its key records do not lead to the root key of its "
                "membership",
                code="mem.untrusted",
            )
        return signed.note
