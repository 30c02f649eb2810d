"""A node that pulls one log, in a process as `sopro sync` has it, and says what it took.

Arguments: the node's directory, an origin, and `unsigned` where its workers are to believe every
signature. Writes one JSON object to stdout. The clock runs
from the node being open to the last entry being committed; starting the workers is inside.
"""

import json
import os
import sqlite3
import sys
import time
from pathlib import Path

import uvloop
from machine import cpu_seconds, memory_of, process_tree

# What the command has loaded too, and so has every process it starts.
from sopro_cli.main import main as _command  # noqa: F401
from sopro_node import worker
from sopro_node.fetch import Fetch
from sopro_node.node import Node
from sopro_node.reach import ANYWHERE


async def pull(folder: Path, origin: str) -> dict[str, float]:
    node = await Node.open(folder)
    me = os.getpid()
    [target] = [one for one in node.exchange.targets() if one.origin == origin]
    cpu, own = cpu_seconds(me), time.process_time()
    began = time.perf_counter()
    async with Fetch(reach=ANYWHERE) as fetch:
        with node.exchange.pool.used():  # as its own pulls do
            pulled = await node.exchange.mirror.pull(target, fetch)
    wall = time.perf_counter() - began
    own = time.process_time() - own
    held = node.holdings.logs[origin]
    memory = memory_of(me)
    answer = {
        "wall": wall,
        "cpu": cpu_seconds(me) - cpu,
        "cpu_main": own,
        "processes": len(process_tree(me)),
        "size": held.size,
        "added": pulled.added,
        "judged": held.cursor.projected,
        "voids": held.cursor.voids,
        "requests": pulled.requests,
        "received": pulled.received,
        "rss": memory.rss,
        "pss": memory.pss,
    }
    await node.exchange.stop()
    await node.close()
    return answer


def disk_bytes(folder: Path) -> int:
    """Return the size of a database that nobody uses, its write-ahead log folded in."""
    connection = sqlite3.connect(folder / "node.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return sum(path.stat().st_size for path in folder.glob("node.db*"))


def main() -> None:
    folder = Path(sys.argv[1])
    if sys.argv[3:] == ["unsigned"]:
        # The pool starts its workers by this name.
        worker.__name__ = "unsigned_worker"
    answer = uvloop.run(pull(folder, sys.argv[2]))
    answer["disk"] = disk_bytes(folder)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
