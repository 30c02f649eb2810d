"""A node that appends, in a process of its own under strace; says on stdout what is durable.

Arguments: the node's directory, how many appends, the value of `synchronous`.
"""

import asyncio
import os
import sys
from pathlib import Path

from sopro_node.documents import structured
from sopro_node.log import Appended, Draft
from sopro_node.node import Node
from sopro_node.store import sqlite

# What may be in the log of a site that has joined nobody.
VALUES = {"erasure": bytes(32), "index": 0, "origin": "sopro.example/hu/1"}


async def work(folder: Path, appends: int) -> None:
    node = await Node.open(folder)
    for number in range(appends):
        names = structured("organisation", {"legal_name": f"Firma {number}"})
        count = 60 if number % 8 == 7 else 1
        outcomes = await node.log.append_all(
            [Draft("erasure_receipt", VALUES, documents=(names,))] * count
        )
        assert all(isinstance(one, Appended) for one in outcomes), outcomes
        held = node.log.held
        os.write(1, b"%d %s\n" % (held.size, held.tree.root().hex().encode()))
    os._exit(0)


def main() -> None:
    folder, appends, synchronous = sys.argv[1:]
    pragmas = [
        (name, int(synchronous) if name == "synchronous" else value)
        for name, value in sqlite._PRAGMAS
    ]
    sqlite._PRAGMAS = tuple(pragmas)  # type: ignore[misc]  # the negative control needs it
    asyncio.run(work(Path(folder), int(appends)))


if __name__ == "__main__":
    main()
