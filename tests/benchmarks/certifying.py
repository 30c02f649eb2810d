"""A member's node with many certificates: what one more decision and one verification cost.

Arguments: the node's directory, the invite, number of certificates, runs. Writes one JSON object to
stdout; times are in seconds.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import uvloop
from workload import let_append

from sopro_node import certificate_desk, clock
from sopro_node.identity import Invite, parse_invite
from sopro_node.log import Appended, Draft
from sopro_node.node import Node
from sopro_protocol import note, record
from sopro_protocol.keys import verify_ed25519
from sopro_protocol.status import status_leaf_hash
from sopro_registry.verdict import Verdict, judge_certificate

REPEATS = 40
_DATES = {"decided_on": "2025-10-02", "effective_date": "2025-10-02"}
_PLACE = {"country": "AT", "effective_date": "2025-10-01", "status": "active"}
_HOLDER = {"actor_type": "enterprise", **_PLACE}


def spent(work: Callable[[], object], times: int = REPEATS) -> float:
    """Return the least time of three rounds, each of so many; other work only adds."""
    rounds = []
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(times):
            work()
        rounds.append((time.perf_counter() - began) / times)
    return min(rounds)


class Desk:
    """The node being measured and what was granted there."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.granted: list[Appended] = []
        self._decider = os.urandom(16)

    async def fill(self, count: int) -> None:
        holder = await self.node.log.append(Draft("organisation", _HOLDER))
        described = {"effective_date": "2025-10-01", "kind": "product", "status": "published"}
        thing = await self.node.log.append(
            Draft("offering", {"organisation": holder.entity, **described})
        )
        prefix = f"{self.node.identity.site.upper()}0"
        for start in range(0, count, 1024):
            drafts = [
                self._draft(
                    "grant",
                    None,
                    certificate=f"SOPRO/{prefix}/001/{number:06}",
                    offering=thing.entity,
                    scheme="sopro",
                    valid_from="2025-10-02",
                    valid_until="2027-10-01",
                )
                for number in range(start, min(start + 1024, count))
            ]
            outcomes = await self.node.log.append_all(drafts)
            self.granted += [one for one in outcomes if isinstance(one, Appended)]

    def _draft(self, action: str, entity: bytes | None, **values: Any) -> Draft:
        always = {"action": action, "basis": "assessed", "decider": self._decider, **_DATES}
        return Draft("label_decision", always | values, entity=entity)

    async def decide(self, index: int, action: str) -> None:
        reason = {"reason_code": "other", "suspended_until": "2027-01-01"}
        values = reason if action == "suspend" else {}
        await self.node.log.append(self._draft(action, self.granted[index].entity, **values))

    async def time_appends(self) -> tuple[float, float]:
        """Append decisions and plain records in turns; return what one of each takes."""
        update = plain = 0.0
        for number in range(REPEATS):
            index = (number * 7919) % len(self.granted)
            began = time.perf_counter()
            await self.decide(index, "suspend")
            middle = time.perf_counter()
            await self.node.log.append(Draft("organisation", _HOLDER))
            update += middle - began
            plain += time.perf_counter() - middle
            await self.decide(index, "reinstate")
        return update / REPEATS, plain / REPEATS

    def time_tree(self) -> tuple[float, float]:
        """Return what replacing one leaf takes, and building the whole tree."""
        holdings, held = self.node.holdings, self.node.log.held
        tree = holdings.statuses(held).copy()
        leaf = status_leaf_hash(b"another")

        def replace() -> None:
            tree.put(tree.size // 3, leaf)
            tree.root()

        def build() -> None:
            held.statuses = None
            holdings.statuses(held)

        return spent(replace), spent(build, 1)

    async def time_verification(self, index: int, invite: Invite) -> dict[str, Any]:
        """Verify a certificate, and its signatures alone."""
        number = self.granted[index].values["certificate"]
        answer = await certificate_desk.certificate(self.node, {"number": number})
        data, seen = answer["content"], []

        def verify() -> None:
            judged = judge_certificate(
                data,
                coordinator=invite.origin,
                coordinator_root=invite.root_key,
                day=clock.today("UTC"),
                now=clock.now(),
            )
            assert judged.verdict is Verdict.VALID, judged

        def watched(public_key: bytes, *, message: bytes, signature: bytes) -> None:
            seen.append((public_key, message, signature))
            verify_ed25519(public_key, message=message, signature=signature)

        with (
            mock.patch.object(record, "verify_ed25519", watched),
            mock.patch.object(note, "verify_ed25519", watched),
        ):
            verify()

        def signatures() -> None:
            for public_key, message, signature in seen:
                verify_ed25519(public_key, message=message, signature=signature)

        return {"times": (spent(verify), spent(signatures)), "count": len(seen), "bytes": len(data)}


async def work(folder: Path, invite: Invite, count: int, runs: int) -> dict[str, Any]:
    node = await Node.open(folder)
    let_append(node)
    desk = Desk(node)
    await desk.fill(count)
    for number in range(30):
        await desk.decide(count // 2, "suspend" if number % 2 == 0 else "reinstate")
    found: dict[str, Any] = {"update": [], "plain": [], "leaf": [], "build": [], "verify": {}}
    for _ in range(runs):
        update, plain = await desk.time_appends()
        leaf, build = desk.time_tree()
        for name, value in (("update", update), ("plain", plain), ("leaf", leaf), ("build", build)):
            found[name].append(value)
        for name, index in (("a grant", 1), ("31 decisions", count // 2)):
            one = await desk.time_verification(index, invite)
            held = found["verify"].setdefault(name, {"times": ([], [])})
            held |= {"signatures": one["count"], "bytes": one["bytes"]}
            for times, value in zip(held["times"], one["times"], strict=True):
                times.append(value)
    await node.close()
    return found


if __name__ == "__main__":
    pinned = parse_invite(Path(sys.argv[2]).read_bytes(), where=sys.argv[2])
    result = uvloop.run(work(Path(sys.argv[1]), pinned, int(sys.argv[3]), int(sys.argv[4])))
    print(json.dumps(result))
