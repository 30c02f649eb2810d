"""Signing for the site: the keys at hand, and which of them count at a position (SPEC KEY-8)."""

from collections.abc import Iterable, Sequence
from typing import Final

from sopro_node.keyring import KeyFile
from sopro_protocol.checkpoint import Checkpoint, format_checkpoint, sign_checkpoint
from sopro_protocol.errors import FormatError, RefusedError
from sopro_protocol.keys import Ed25519Signer, Role
from sopro_protocol.note import add_signatures, sign_text
from sopro_registry.family import KeySpan

SIGNING: Final = (Role.LOG, Role.WITNESS, Role.REGISTRAR, Role.DECISION, Role.ACCESS)
"""The roles whose keys a node cannot do without."""


class Signatory:
    """Picks the key that signs from those in force and at hand."""

    def __init__(self, files: Iterable[KeyFile]) -> None:
        self._files = {one.signer.public_key: one for one in files}

    def add(self, file: KeyFile) -> None:
        """Take a new key to hand; it signs as soon as a record names it."""
        self._files = {**self._files, file.signer.public_key: file}

    def drop(self, public: bytes) -> None:
        """Let go of a key that no record names."""
        self._files = {key: one for key, one in self._files.items() if key != public}

    def has(self, public: bytes) -> bool:
        """Say whether a key is at hand."""
        return public in self._files

    def publics(self, role: Role) -> frozenset[bytes]:
        """Return the public keys of a role that are at hand, in force or not."""
        return frozenset(key for key, one in self._files.items() if one.kind == role.value)

    def file(self, public: bytes) -> KeyFile | None:
        """Return a key that is at hand."""
        return self._files.get(public)

    def signer(self, role: Role, keys: Sequence[KeySpan], *, position: int) -> Ed25519Signer:
        """Return the newest key of a role that counts at a position.

        Raises:
            RefusedError: none is at hand.
        """
        for span in reversed(keys):
            file = self._files.get(span.public)
            if file is not None and span.role == role.value and span.counts_at(position):
                return file.signer
        if not keys:
            # Entry 0 names the keys; the one it is signed by is the one the site is made with.
            return next(one.signer for one in self._files.values() if one.kind == role.value)
        raise RefusedError(f"no {role.value} key that counts here is in keys/")

    def sign_head(self, checkpoint: Checkpoint, keys: Sequence[KeySpan]) -> bytes:
        """Sign a head with every log key at hand that counts at its size (SPEC KEY-9).

        Raises:
            RefusedError: none is at hand.
        """
        signers = [
            self._files[span.public].signer
            for span in keys
            if span.signs_head(checkpoint.size) and span.public in self._files
        ]
        if not signers:
            raise RefusedError(f"no log key that counts at size {checkpoint.size} is in keys/")
        note = sign_checkpoint(checkpoint, signers[0])
        if len(signers) > 1:
            text = format_checkpoint(checkpoint)
            lines = [sign_text(text, name=checkpoint.origin, signer=one) for one in signers[1:]]
            note = add_signatures(note, lines)
        return note

    def check(self, keys: Sequence[KeySpan], *, size: int) -> None:
        """Check that what a serving node signs with is at hand.

        Raises:
            FormatError: a role's keys that count are not.
        """
        for role in SIGNING:
            spans = [span for span in keys if span.role == role.value and span.counts_at(size)]
            if not any(self.has(span.public) for span in spans):
                wanted = ", ".join(span.key_id.hex()[:16] for span in spans) or "none"
                raise FormatError(
                    f"keys/: no {role.value} key that counts at size {size} is here (in force: "
                    f"{wanted}); put it back from your backup, or if it is lost replace it: "
                    f"sopro keys revoke DIRECTORY {role.value} --at-size {size}"
                )
