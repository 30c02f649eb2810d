"""A node that appends or cosigns, in a process of its own under strace; says what is durable.

Arguments: the node's directory, `append` or `cosign`, how often, the value of `synchronous`. On
stdout comes a line with the size and the root of every head that was acknowledged.
"""

import asyncio
import os
import sys
from contextlib import closing
from pathlib import Path

from sopro_node.documents import structured
from sopro_node.drafting import Appended, Draft
from sopro_node.heldlog import OWN
from sopro_node.identity import load_identity
from sopro_node.node import Node
from sopro_node.store import connection
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.merkle import leaf_hash
from tests.node.witnessing import Author

# What may be in the log of a site that has joined nobody.
MOST = 1000
VALUES = {"erasure": bytes(32), "index": 0, "origin": "sopro.example/hu/1"}


async def append(node: Node, times: int) -> None:
    for number in range(times):
        names = structured("organisation", {"legal_name": f"Firma {number}"})
        count = 60 if number % 8 == 7 else 1
        outcomes = await node.log.append_all(
            [Draft("erasure_receipt", VALUES, documents=(names,))] * count
        )
        assert all(isinstance(one, Appended) for one in outcomes), outcomes
        held = node.log.held
        say(held.size, held.tree.root())


async def cosign(node: Node, times: int) -> None:
    """Have a witness cosign heads of a log it knows, beyond what it holds of it."""
    log = make_author(node.folder)
    for size in range(1, times + 1):
        answer = await node.witness.add_checkpoint(log.request(size - 1, size))
        assert isinstance(answer, bytes), answer
        say(size, log.root(size))


def make_author(folder: Path) -> Author:
    """Write the log that is cosigned: the node's own, and what it never had behind that."""
    with closing(SqliteStore.open(folder, writing=False)) as store:
        identity = load_identity(store)
        leaves = [leaf_hash(data) for data in store.entries(OWN, 0)]
    return Author(folder, identity.origin, leaves, more=MOST)


def say(size: int, root: bytes) -> None:
    os.write(1, b"%d %s\n" % (size, root.hex().encode()))


ACTIONS = {"append": append, "cosign": cosign}


async def work(folder: Path, action: str, times: int) -> None:
    await ACTIONS[action](await Node.open(folder), times)
    os._exit(0)


def main() -> None:
    folder, action, times, synchronous = sys.argv[1:]
    pragmas = [
        (name, int(synchronous) if name == "synchronous" else value)
        for name, value in connection._PRAGMAS
    ]
    connection._PRAGMAS = tuple(pragmas)  # type: ignore[misc]  # the negative control needs it
    asyncio.run(work(Path(folder), action, int(times)))


if __name__ == "__main__":
    main()
