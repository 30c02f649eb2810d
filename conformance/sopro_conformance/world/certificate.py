"""Certificates of the world's labels, right and wrong (SPEC section CERT)."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sopro_conformance.wire.codec import Value, encode
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.note import Line, cosign_text, write_note, write_text
from sopro_conformance.wire.note import sign_text as sign_log_text
from sopro_conformance.wire.proof import write_proof
from sopro_conformance.world.federation import EXPIRES, SCHEME, World
from sopro_conformance.world.sitelog import SiteLog, Written, status_tree

STATES: Final = {
    "grant": "active",
    "suspend": "suspended",
    "reinstate": "active",
    "revoke": "revoked",
    "terminate_on_request": "terminated",
    "transfer_in": "active",
    "transfer_out": "transferred",
}


class Paper:
    """A label with the decisions on it, of which certificates are made.

    Attributes:
        log: of the site.
        number: of the label.
        decisions: on it, in the order of the log.
        head: signs the site's heads; the log key where it is None, other keys make forgeries.
        witnesses: name and key of who cosigns them, and when (POSIX seconds).
    """

    def __init__(
        self,
        world: World,
        log: SiteLog,
        offering: bytes = b"",
        *,
        number: str = "",
        takes: "Paper | None" = None,
    ) -> None:
        """Grant a label, in a log that states its status tree.

        Args:
            world: of the log.
            log: of the site.
            offering: that the label is on; a new one where absent.
            number: of the label; the site's next one where absent.
            takes: the label in the log before, which is taken over instead.
        """
        self.world = world
        self.log = log
        self.receiver_entity = b""
        log.statuses = log.statuses if log.statuses is not None else []
        self.index = log.grants
        self.number: str = takes.number if takes else number or world.number(log)
        chosen: dict[str, Value] = {"offering": offering} if offering else {}
        self.decisions = [self._take(takes) if takes else world.grant(log, self.number, **chosen)]
        log.statuses.append(b"")
        self.head: SigningKey | None = None
        self.witnesses: list[tuple[str, SigningKey, int]] = []
        self._put_leaf("transfer_in" if takes else "grant", {})

    def _take(self, before: "Paper") -> Written:
        """Take the label over from another log (XFER-2)."""
        last = before.decisions[-1]
        takes: list[Value] = [before.log.origin, last.position, last.id]
        entity = before.receiver_entity or _orphaned(takes)
        body = self.world.decision(
            "transfer_in",
            self.number,
            offering=self.world.offer(self.log),
            scheme=SCHEME,
            standing="active",
            status_index=self.log.grants,
            takes=takes,
            valid_until=EXPIRES,
        )
        self.log.grants += 1
        return self.log.append("label_decision/1", body, entity=entity)

    def hand_over(self, receiver: str) -> Written:
        """Hand the label over to another site (XFER-1)."""
        self.receiver_entity = self.world.source.randbytes(16)
        return self.decide("transfer_out", receiver=receiver, receiver_entity=self.receiver_entity)

    def decide(
        self, action: str, *, signers: Sequence[SigningKey] | None = None, **changes: Value
    ) -> Written:
        """Decide on the label."""
        body = self.world.decision(action, self.number, **changes)
        entity = self.decisions[0].entity
        written = self.log.append("label_decision/1", body, entity=entity, signers=signers)
        self.decisions.append(written)
        self._put_leaf(action, body)
        return self.decisions[-1]

    def _put_leaf(self, action: str, body: Mapping[str, Value]) -> None:
        leaf: dict[str, Value] = {
            "certificate": self.number,
            "decision": self.decisions[-1].id,
            "since": "2026-02-20",
            "state": STATES[action],
            "valid_until": EXPIRES,
        }
        if action == "suspend":
            leaf["suspended_until"] = body["suspended_until"]
        assert self.log.statuses is not None, "as begun"  # noqa: S101
        self.log.statuses[self.index] = encode(leaf)

    def close(self) -> Written:
        """End the log with a log_state that states the tree."""
        self.world.coordinator.state()
        return self.log.state(self.world.coordinator)

    def write(self, ending: Written, /, **changes: Value) -> bytes:
        """Write the file under the head that ends with a log_state (CERT-1, CERT-5)."""
        size = ending.position + 1
        assert self.log.statuses is not None, "as begun"  # noqa: S101
        leaf = self.log.statuses[self.index]
        path = status_tree(self.log.statuses).inclusion(self.index, len(self.log.statuses))
        coordinator = self.world.coordinator
        member = self.world.last_membership(self.log.site)
        fields: dict[str, Value] = {
            "coordinator_keys": self._prove(coordinator, 0, coordinator.size),
            "coordinator_key_history": self._later_keys(coordinator, coordinator.size),
            "decisions": [self._prove(self.log, one.position, size) for one in self.decisions],
            "key_history": self._later_keys(self.log, size),
            "keys": self._prove(self.log, 0, size),
            "membership": self._prove(coordinator, member.position, coordinator.size),
            "number": self.number,
            "sopro_certificate": 1,
            "state": self._prove(self.log, ending.position, size),
            "status": [leaf, self.index, path],
        }
        return encode({key: one for key, one in (fields | changes).items() if one != b""})

    def _later_keys(self, log: SiteLog, size: int) -> Value:
        """Return the key records behind the first, and nothing for none."""
        later = [at for at in log.key_positions[1:] if at < size]
        return [self._prove(log, at, size) for at in later] or b""

    def prove(self, written: Written, size: int) -> list[Value]:
        """Return an entry of the site's log with its proof under a head."""
        return self._prove(self.log, written.position, size)

    def _prove(self, log: SiteLog, position: int, size: int) -> list[Value]:
        text = write_text(log.origin, size, log.tree.root(size))
        key = (self.head if log is self.log else None) or log.keys["log"]
        lines: list[Line] = [sign_log_text(text, log.origin, key)]
        if log is self.log:
            lines += [cosign_text(text, name, one, time) for name, one, time in self.witnesses]
        proof = write_proof(position, log.tree.inclusion(position, size), write_note(text, lines))
        return [log.entries[position], proof]

    def question(self, file: bytes, day: str = "2026-03-15", **more: Any) -> dict[str, Any]:
        """Return what `verify` of kind `certificate` asks."""
        return {
            "file": file,
            "coordinator": self.world.coordinator.origin,
            "root": self.world.root,
            "day": day,
            "now": self.log.time + 60_000,
            **more,
        }


def _orphaned(takes: Sequence[Value]) -> bytes:
    """Return the entity of a label that nobody has handed over (XFER-2)."""
    return hashlib.sha256(b"sopro-takeover/1\n" + encode(takes)).digest()[:16]


def documents_of(rows: Sequence[tuple[int, int, bytes, bytes]]) -> list[Value]:
    """Write documents as a certificate holds them: position, number, key, content."""
    return [list(row) for row in rows]
