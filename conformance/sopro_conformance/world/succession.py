"""A coordinator that is gone, and what puts another in its place (SPEC section SUCC)."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from sopro_conformance.wire.codec import Value, decode, encode
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.world.federation import World
from sopro_conformance.world.sitelog import ROLES, SiteLog, Written

Body: TypeAlias = dict[str, Any]
URL: Final = "https://successor.example"


def voters_of(world: World) -> list[Body]:
    """Return the members that are admitted, as SUCC-1 has them."""
    bodies = [world.membership(code) for code in world.codes()]
    found = [
        {"origin": one["origin"], "root": one["root"]}
        for one in bodies
        if one["status"] == "admitted"
    ]
    return sorted(found, key=lambda one: str(one["origin"]))


def digest_of(voters: Sequence[Body]) -> bytes:
    """Return the digest of members (SUCC-1)."""
    listed: Value = [[one["origin"], one["root"]] for one in voters]
    return hashlib.sha256(b"sopro-members/1\n" + encode(listed)).digest()


def state_members(world: World) -> Written:
    """Append a log_state of the coordinator that says who may appoint (SUCC-1)."""
    return world.coordinator.state(members=digest_of(voters_of(world)))


class Left(NamedTuple):
    """The coordinator's log as it was left, and who goes on with it.

    Attributes:
        log: of the coordinator.
        size: of it.
        keys: of the successor, by role, `root` among them.
        voters: who was admitted there.
    """

    log: SiteLog
    size: int
    keys: dict[str, SigningKey]
    voters: list[Body]

    def body(self, **changes: Value) -> Body:
        """Return the body of an anchor that appoints the successor (SUCC-2)."""
        return {
            "origin": self.log.origin,
            "root": self.log.tree.root(self.size),
            "size": self.size,
            "successor": self.keys["root"].public,
            "urls": [URL],
        } | changes

    def proof(self, approvals: Sequence[bytes], **changes: Value) -> Body:
        """Return why the successor may go on (SUCC-3)."""
        last = self.size - 1
        return {
            "approvals": list(approvals),
            "head": self.log.checkpoint(self.size),
            "members": self.voters,
            "path": self.log.tree.inclusion(last, self.size),
            "state": self.log.entries[last],
        } | changes


def leave(world: World) -> Left:
    """Leave the coordinator's log behind a log_state that says who its members are."""
    state_members(world)
    keys = {role: SigningKey(world.source.randbytes(32)) for role in ("root", *ROLES)}
    return Left(world.coordinator, world.coordinator.size, keys, voters_of(world))


def take_over(left: Left, appointed: Body, keys: Mapping[str, SigningKey] | None = None) -> Written:
    """Append the successor's first key record."""
    log = left.log
    log.keys = dict(keys or left.keys)
    log.next_root = SigningKey(log.source.randbytes(32))
    return log.name_keys(appointed=appointed)


def shorten(number: int, entry: bytes) -> Any:
    """Write an anchor as a vote (SUCC-10)."""
    record, [[_, signature]] = decode(entry)
    fields = decode(record)
    return [number, fields["entity"], fields["salt"], fields["time"], signature]
