"""A log whose heads a test signs itself: a real member's entries, and more behind them."""

import http.client
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sopro_node.keyring import load_keys
from sopro_protocol.checkpoint import Checkpoint, sign_checkpoint
from sopro_protocol.cosignature import AddCheckpoint, format_add_checkpoint
from sopro_protocol.keys import Role
from sopro_protocol.merkle import (
    EMPTY_ROOT,
    Hash,
    leaf_hash,
    prove_consistency,
    root_of,
    subtree_reader,
)

ADD = "/witness/add-checkpoint"


class Answer(NamedTuple):
    status: int
    kind: str
    body: bytes


class Author:
    """A member's log that grows as a test wants, signed with the member's own key."""

    def __init__(self, folder: Path, origin: str, leaves: Sequence[bytes], *, more: int) -> None:
        self.origin = origin
        self.held = len(leaves)
        self.leaves = [*leaves, *(leaf_hash(b"%d" % number) for number in range(more))]
        self._signer = load_keys(folder, Role.LOG)[Role.LOG]
        self._read = subtree_reader(self.leaves)

    def root(self, size: int) -> Hash:
        return Hash(root_of(self.leaves[:size])) if size else EMPTY_ROOT

    def sign(self, size: int, root: bytes | None = None) -> bytes:
        checkpoint = Checkpoint(self.origin, size, Hash(root or self.root(size)))
        return sign_checkpoint(checkpoint, self._signer)

    def proof(self, old: int, new: int) -> tuple[Hash, ...]:
        return tuple(prove_consistency(self._read, old_size=old, new_size=new))

    def request(self, old: int, new: int, *, note: bytes | None = None) -> bytes:
        proof = self.proof(old, new) if old <= new else ()
        return format_add_checkpoint(AddCheckpoint(old, proof, note or self.sign(new)))


def post(port: int, body: bytes, path: str = ADD) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", path, body)
        answer = connection.getresponse()
        return Answer(answer.status, answer.getheader("Content-Type", ""), answer.read())
    finally:
        connection.close()
