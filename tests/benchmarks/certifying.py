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
from msgspec.structs import replace
from nacl.bindings import crypto_sign_open
from workload import let_append

from sopro_node import certificate_desk, clock
from sopro_node.drafting import Appended, Draft
from sopro_node.identity import Invite, parse_invite
from sopro_node.node import Node
from sopro_protocol import keys
from sopro_protocol.checkpoint import parse_checkpoint_text
from sopro_protocol.cosignature import cosign
from sopro_protocol.note import add_signatures, parse_note
from sopro_protocol.policy import Policy, PolicyGroup, PolicyWitness
from sopro_protocol.proof import format_proof, parse_proof
from sopro_protocol.status import status_leaf_hash
from sopro_registry.certificate_file import Proven, format_certificate, parse_certificate
from sopro_registry.verdict import Verdict, judge_certificate

REPEATS = 40
FILES = (
    ("a grant", 1, 0),
    ("a grant with 5 cosignatures", 1, 5),
    ("a grant with 15 cosignatures", 1, 15),
    ("31 decisions", None, 0),
)
"""What is verified: its name, which label (None for that with many decisions), its witnesses."""
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


def cosign_head(data: bytes, *, witnesses: int) -> tuple[bytes, Policy | None]:
    """Return a certificate as one is where so many witnesses have cosigned, and their policy."""
    if not witnesses:
        return data, None
    file = parse_certificate(data)
    assert file.state is not None
    held = parse_proof(file.state.proof).checkpoint_note
    head = parse_checkpoint_text(parse_note(held).text)
    signers = {f"witness{one}": keys.Ed25519Signer(os.urandom(32)) for one in range(witnesses)}
    lines = [
        cosign(head, name=name, signer=signer, time=clock.now() // 1000)
        for name, signer in signers.items()
    ]
    note = add_signatures(held, lines)

    def under_it(proven: Proven) -> Proven:
        proof = replace(parse_proof(proven.proof), checkpoint_note=note)
        return Proven(proven.entry, format_proof(proof))

    cosigned = file._replace(
        decisions=[under_it(one) for one in file.decisions],
        keys=under_it(file.keys),
        key_history=[under_it(one) for one in file.key_history],
        state=under_it(file.state),
        records=[under_it(one) for one in file.records],
    )
    known = tuple(
        PolicyWitness(name, keys.make_vkey(name, one.public_key, key_type=keys.COSIGNATURE))
        for name, one in signers.items()
    )
    group = PolicyGroup("members", witnesses // 2 + 1, tuple(signers))
    return format_certificate(cosigned), Policy((), known, (group,), "members")


def spent_in_turns(*works: Callable[[], object]) -> tuple[float, ...]:
    """Return the least time of each over many short turns; other work only adds."""
    rounds = [[spent(work, 1) for work in works] for _ in range(REPEATS)]
    return tuple(map(min, zip(*rounds, strict=True)))


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

    async def time_verification(
        self, index: int, invite: Invite, *, witnesses: int
    ) -> dict[str, Any]:
        """Verify a certificate whose head so many have cosigned, and its signatures alone."""
        number = self.granted[index].values["certificate"]
        answer = await certificate_desk.certificate(self.node, {"number": number})
        data, policy = cosign_head(answer["content"], witnesses=witnesses)

        def verify() -> None:
            judged = judge_certificate(
                data,
                coordinator=invite.origin,
                coordinator_root=invite.root_key,
                day=clock.today("UTC"),
                now=clock.now(),
                policy=policy,
            )
            assert judged.verdict is Verdict.VALID, judged

        checked: list[tuple[bytes, bytes]] = []

        def watched(signed: bytes, public_key: bytes) -> bytes:
            checked.append((public_key, signed))
            return crypto_sign_open(signed, public_key)

        # Below everything that checks one, so that none is left out.
        with mock.patch.object(keys, "crypto_sign_open", watched):
            verify()
        assert len(set(checked)) == len(checked), "a signature is checked twice"
        parts = [(key, signed[64:], signed[:64]) for key, signed in checked]

        def signatures() -> None:
            for public_key, message, signature in parts:
                keys.verify_ed25519(public_key, message=message, signature=signature)

        times = spent_in_turns(verify, signatures)
        return {"times": times, "count": len(parts), "bytes": len(data)}


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
        for name, index, witnesses in FILES:
            at = count // 2 if index is None else index
            one = await desk.time_verification(at, invite, witnesses=witnesses)
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
