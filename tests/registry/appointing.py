"""A coordinator that is gone, members that appoint a successor, and its first key record."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from sopro_protocol.checkpoint import Checkpoint, sign_checkpoint
from sopro_protocol.encoding import encode
from sopro_protocol.merkle import Hash, leaf_hash, prove_inclusion, subtree_reader
from sopro_registry.appointment import digest_voters, list_voters
from sopro_registry.votes import shorten_vote
from tests.registry.world import SITE_ROLES, Author, World, Written, bytes16, signer

MEMBERS = ("at", "fr", "hu", "it", "si")
URLS = ["https://new.example"]
HEIR = {role: signer(f"heir {role}") for role in ("root", *SITE_ROLES)}


class Orphaned:
    """A federation of five members, by default, whose coordinator has said its last."""

    ENTITY = bytes16("keys")

    def __init__(self, *sites: str) -> None:
        self.world = World()
        self.eu = self.world.coordinator
        self.members = {"at": self.world.at, "hu": self.world.hu}
        for site in sites or MEMBERS:
            if site not in self.members:
                self.members[site] = Author(site, self.world.node, prefix=f"{site.upper()}1")
                assert self.world.put_membership(self.members[site]).code is None
        self.leave()

    def leave(self) -> None:
        """Write the coordinator's last log_state, by now."""
        members = digest_voters(self.voters)
        assert self.eu.write_state(members=members).code is None
        self.size = len(self.eu.entries)

    @property
    def voters(self) -> list[Any]:
        return list_voters(self.world.node.directory.members())

    @property
    def root(self) -> Hash:
        return Hash(self.eu.roots[self.size])

    def said(self, **changes: Any) -> dict[str, Any]:
        """What a member says."""
        return {
            "origin": self.eu.origin,
            "root": self.root,
            "size": self.size,
            "successor": HEIR["root"].public_key,
            "urls": URLS,
        } | changes

    def approval(self, site: str, *, role: str = "root", **changes: Any) -> bytes:
        member = self.members[site]
        entity = bytes16(f"anchor of {site}")
        body = {name: value for name, value in self.said(**changes).items() if value is not None}
        return member.draft("anchor/1", body, entity=entity, role=role)

    def head(self, *, key: str = "eu log", root: bytes | None = None) -> bytes:
        known = Checkpoint(self.eu.origin, self.size, Hash(root or self.root))
        return sign_checkpoint(known, signer(key))

    def proof(
        self, by: Iterable[str] | None = None, /, *, approvals: Iterable[bytes] = (), **changes: Any
    ) -> dict[str, Any]:
        """Prove that members have appointed the heir, by default three of five."""
        read = subtree_reader([leaf_hash(data) for data in self.eu.entries[: self.size]])
        sites = ("at", "fr", "hu") if by is None else by
        return {
            "approvals": [*(self.approval(site) for site in sites), *approvals],
            "head": self.head(),
            "members": [{"origin": one.origin, "root": one.root} for one in self.voters],
            "path": prove_inclusion(read, index=self.size - 1, size=self.size),
            "state": self.eu.entries[self.size - 1],
        } | changes

    def vote(self, site: str, **changes: Any) -> list[Any]:
        """Return a member's anchor as a vote."""
        vote = shorten_vote(self.approval(site), self.voters, encode(self.said()))
        assert vote is not None
        return list(vote._replace(**changes))

    def body(self, appointed: Mapping[str, Any] | None, **changes: Any) -> dict[str, Any]:
        keys = [{"public": HEIR[role].public_key, "role": role} for role in SITE_ROLES]
        fields = {
            "appointed": appointed,
            "keys": keys,
            "next_root": hashlib.sha256(b"next").digest(),
            "root": HEIR["root"].public_key,
        } | changes
        return {name: value for name, value in fields.items() if value is not None}

    def judge(self, appointed: Mapping[str, Any] | None, **changes: Any) -> Written:
        body = self.body(appointed, **changes)
        return self.eu.judge("site_keys/1", body, entity=bytes16("keys"), signers=[HEIR["root"]])

    def take_over(self, by: Iterable[str] | None = None) -> Written:
        """Let the heir write its key record, and sign from then on."""
        body = self.body(self.proof(by))
        written = self.eu.write("site_keys/1", body, entity=bytes16("keys"), signers=[HEIR["root"]])
        if written.code is None:
            self.eu.keys = dict(HEIR)
        return written
