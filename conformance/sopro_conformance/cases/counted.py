"""CKP-13 and LBL-12: the word *witnessed*, and figures that anybody can compute again."""

from collections import Counter
from typing import Any, Final

from sopro_conformance.case import case
from sopro_conformance.cases.published import append, read_past
from sopro_conformance.cases.staged import fresh
from sopro_conformance.plain import read_json
from sopro_conformance.trial import Trial
from sopro_conformance.world.client import words
from sopro_conformance.world.scene import CAUGHT_UP_WITHIN, Peer
from sopro_conformance.world.witness import Mood

_COSIGNED: Final = 30.0
_DAYS: Final = ("2026-02-19", "2026-03-15", "2027-02-20")


async def _witnessed(trial: Trial, origin: str) -> int:
    given = (await trial.scene.ask("view", origin=origin)).ok or {}
    size = given.get("witnessed")
    trial.need(isinstance(size, int), f"view says nothing of what is witnessed: {given}")
    return int(str(size))


@case(
    "CKP-13",
    "A head is called witnessed with the quorum, and not before.",
    clauses="WIT-12 WIT-14 EXCH-10",
    profiles="peer",
    verbs="start append view",
)
async def quorum(trial: Trial) -> None:
    """Have one witness of three cosign, and then all of them."""
    client = await trial.member()
    scene = trial.scene
    peers = [await fresh(trial) for _ in range(3)]
    for one in peers[1:]:
        one.witness.mood = Mood.BROKEN
    scene.world.publish_policy([one.code for one in peers])
    await scene.publish()
    try:
        [*_, last] = await append(trial, 1)
        head = await read_past(trial, client, last)
        await trial.within(
            lambda: _has_cosigned(peers[0], client.origin, head.size),
            _COSIGNED,
            "one witness of three has cosigned a head",
        )
        size = await _witnessed(trial, client.origin)
        trial.check(
            "one of three, of which two are needed",
            holds=size <= last,
            expected=f"witnessed up to {last} at most",
            actual=f"witnessed up to {size}",
        )
    finally:
        for one in peers:
            one.witness.mood = Mood.RIGHT

    async def is_witnessed() -> bool:
        return await _witnessed(trial, client.origin) > last

    await trial.within(is_witnessed, 2 * _COSIGNED, "the head is witnessed once all cosign")
    trial.check("all three", holds=True, expected=f"beyond {last}", actual="as expected")


async def _has_cosigned(peer: Peer, origin: str, size: int) -> bool:
    return peer.witness.heads.get(origin, (0, b""))[0] >= size


@case(
    "LBL-12",
    "Figures can be computed again from the logs and sizes that they name.",
    clauses="LBL-11 LBL-22 LBL-27 XFER-6 ASK-1",
    profiles="coordinator",
    verbs="start sync",
)
async def aggregates(trial: Trial) -> None:
    """Grant, suspend and revoke labels at two members, and compare the counts on three days."""
    client = await trial.member()
    scene = trial.scene
    peers = [await fresh(trial), await fresh(trial)]
    wanted: dict[str, dict[str, Counter[str]]] = {}
    for number, peer in enumerate(peers):
        for action in ("", "suspend", "revoke", "")[: 3 + number]:
            name = scene.world.number(peer.log)
            granted = scene.world.grant(peer.log, name)
            if action:
                body = scene.world.decision(action, name)
                peer.log.append("label_decision/1", body, entity=granted.entity)
        peer.log.state(scene.world.coordinator)
        code = await scene.catches_up(peer)
        trial.need(not code, f"a peer is not mirrored ({code})")
        active = 1 + number
        wanted[peer.code] = {
            _DAYS[0]: Counter({"none": 3 + number}),
            _DAYS[1]: Counter({"active": active, "suspended": 1, "revoked": 1}),
            _DAYS[2]: Counter({"expired": 1 + active, "revoked": 1}),
        }
    for day in _DAYS:
        found = await statistics(trial, f"/api/v1/statistics?at={day}")
        sites = {one.get("site"): one for one in found["sites"]}
        for peer in peers:
            said = sites.get(peer.code, {})
            rests = said.get("computed_from") or {}
            labels = Counter(said.get("labels") or {})
            labels.pop("none", None)
            expected = Counter(wanted[peer.code][day])
            expected.pop("none", None)
            basis = (peer.origin, peer.log.size, peer.log.tree.root().hex())
            trial.check(
                f"{peer.code} on {day}",
                holds=labels == expected
                and (rests.get("origin"), rests.get("size"), rests.get("root")) == basis,
                expected=f"{dict(expected)} from size {peer.log.size}",
                actual=f"{dict(labels)} from {rests}",
            )
        total: Counter[str] = Counter()
        for one in found["sites"]:
            total += Counter(one.get("labels") or {})
        trial.check(
            f"all sites on {day}",
            holds=Counter(found["total"]) == total,
            expected=f"the sum, {dict(total)}",
            actual=str(found["total"]),
        )
    del client


async def statistics(trial: Trial, path: str) -> dict[str, Any]:
    """Ask the candidate for its figures (LBL-27).

    Raises:
        NotMeasured: they are none.
    """
    client = await trial.node()
    reply = await client.ask(path, within=CAUGHT_UP_WITHIN * trial.candidate.deadline)
    try:
        found = read_json(reply.body, path)
    except ValueError:
        found = None
    is_right = (
        isinstance(found, dict)
        and isinstance(found.get("total"), dict)
        and isinstance(found.get("sites"), list)
        and all(isinstance(one, dict) for one in found["sites"])
    )
    trial.need(is_right, f"{path}: {words(reply)}")
    return dict(found)
