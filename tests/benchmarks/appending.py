"""A member's node whose callers each grant one label after the other, and how many per second.

Arguments: the node's directory, seconds. Writes one JSON object to stdout.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import uvloop
from bench_append import CALLERS
from workload import let_append

from sopro_node.drafting import Draft
from sopro_node.node import Node


async def work(folder: Path, seconds: float) -> dict[str, float]:
    node = await Node.open(folder)
    let_append(node)
    prefix = f"{node.identity.site.upper()}0"
    register = {"country": "AT", "effective_date": "2025-10-01", "status": "active"}
    holder = await node.log.append(Draft("organisation", {"actor_type": "enterprise", **register}))
    described = {"effective_date": "2025-10-01", "kind": "product", "status": "published"}
    thing = await node.log.append(Draft("offering", {"organisation": holder.entity, **described}))
    decider = os.urandom(16)
    size = node.holdings.own.size
    end = time.perf_counter() + seconds

    async def grant(caller: int) -> int:
        count = 0
        while time.perf_counter() < end:
            count += 1
            values = {
                "action": "grant",
                "basis": "assessed",
                "certificate": f"SOPRO/{prefix}/{caller:03}/{count:05}",
                "decided_on": "2025-10-02",
                "decider": decider,
                "effective_date": "2025-10-02",
                "offering": thing.entity,
                "rests_on": [(node.identity.origin, holder.index, holder.entry_id)] * 2,
                "scheme": "sopro",
                "valid_from": "2025-10-02",
                "valid_until": "2027-10-01",
            }
            await node.log.append(Draft("label_decision", values))
        return count

    began = time.perf_counter()
    count = sum(await asyncio.gather(*[grant(caller) for caller in range(CALLERS)]))
    spent = time.perf_counter() - began
    states = node.holdings.own.size - size - count
    await node.close()
    return {"rate": count / spent, "appended": count, "batches": states}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(work(Path(sys.argv[1]), float(sys.argv[2])))))
