"""What a mirror asks for and receives when one record is added to a log, short or long."""

import asyncio

from figures import Figure, at_most, only
from machine import serving, span_of
from workload import Author, Site, World, fill, let_append

from sopro_node.fetch import Fetch
from sopro_node.node import Node
from sopro_node.reach import ANYWHERE
from sopro_node.target import Pulled
from sopro_protocol.bundle import WIDTH


def measure(world: World, member: Site, replica: Site, *, sizes: tuple[int, int]) -> list[Figure]:
    """Compare logs of two sizes that end at the same place within a bundle."""
    found = []
    for size in sizes:
        origin = world.copy(member, f"origin-{size}")
        mirror = world.copy(replica, f"mirror-{size}")
        fill(origin, size - size % WIDTH + WIDTH // 2)
        asyncio.run(_sync(origin, mirror))
        asyncio.run(_append_one(origin))
        found.append((size, asyncio.run(_sync(origin, mirror))))
    (short, few), (long, many) = found
    requests = span_of([one.requests for _, one in found])
    received = span_of([one.received for _, one in found])
    ratio = span_of([many.received / few.received])
    beside = f"{few.received:,} bytes at {short:,} entries, {many.received:,} at {long:,}"
    added = f"{few.added} entries: the record and the log_state that ends its batch"
    return [
        Figure("incremental", "requests for 1 record", **at_most(3, requests), limit=added),
        Figure(
            "incremental", f"bytes at {long:,} / at {short:,}", **at_most(1.05, ratio), limit=beside
        ),
        Figure("incremental", "bytes received, half a bundle held", **only(received), unit="bytes"),
    ]


async def _sync(origin: Site, mirror: Site) -> Pulled:
    with serving(origin.folder):
        node = await Node.open(mirror.folder)
        [target] = [one for one in node.exchange.targets() if one.origin == origin.origin]
        async with Fetch(reach=ANYWHERE) as fetch:
            pulled = await node.exchange.mirror.pull(target, fetch)
        await node.exchange.stop()
        await node.close()
    return pulled


async def _append_one(site: Site) -> None:
    node = await Node.open(site.folder)
    let_append(node)
    [draft] = Author(site, seed=2).drafts(1)
    await node.log.append(draft)
    await node.close()
