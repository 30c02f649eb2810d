"""LBL-27: codes of lists that the coordinator publishes."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from sopro_conformance.adapter import Answer
from sopro_conformance.case import case
from sopro_conformance.cases.staged import fresh
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value, encode
from sopro_conformance.wire.records import commit
from sopro_conformance.world.federation import World, void_of
from sopro_conformance.world.scene import CANDIDATE, organisation
from sopro_conformance.world.sitelog import Written

_READ_WITHIN: Final = 30.0
CODES: Final[dict[str, Value]] = {"A-1": {"en": "First"}, "A-2": {"de": "Zweitens"}}
"""Codes of a list, each with what it means."""
_TYPE: Final = "application/vnd.sopro.document+msgpack"


def _publish(world: World, name: str, content: bytes, **changes: Value) -> Written:
    """Append a version of a list, with the document that it is."""
    key = world.source.randbytes(32)
    document: dict[str, Value] = {
        "commitment": commit(key, content),
        "name": "codelist",
        "size": len(content),
        "type": _TYPE,
        "visibility": "public",
    }
    body: dict[str, Value] = {
        "digest": hashlib.sha256(content).digest(),
        "list": name,
        "size": len(CODES),
        "valid_from": "2026-01-01",
        "version": "1",
    }
    written = world.coordinator.append("codelist/1", body | changes, docs=[document])
    world.coordinator.documents[written.position, 0] = (key, content)
    return written


def _coded(code: str, name: str, version: str = "1") -> dict[str, Any]:
    return {"codes": [{"code": code, "list": name, "version": version}]}


async def _append(trial: Trial, body: Mapping[str, Any]) -> Answer:
    """Have an organisation with codes appended to the candidate's own log."""
    record = {"family": "organisation/1", "body": {**organisation(CANDIDATE), **body}}
    return await trial.candidate.ask("append", records=[record])


@case(
    "LBL-27",
    "A site appends codes only of the lists that are published, and mirrors any.",
    clauses="CDL-2 CDL-3 DOC-7",
    profiles="peer",
    verbs="start append sync view",
)
async def codes(trial: Trial) -> None:
    """Publish lists and documents that are none, and have records with their codes appended."""
    await trial.member()
    world = trial.scene.world
    trusted = await _append(trial, {"nuts": "ZZ999"})
    trial.check(
        "the seat's code while there is no such list",
        holds=trusted.ok is not None,
        expected="appended",
        answer=trusted,
    )
    right = encode({"codes": CODES})
    wrong: dict[str, tuple[bytes, dict[str, Value]]] = {
        "another digest": (right, {"digest": hashlib.sha256(b"").digest()}),
        "another document": (
            encode({"codes": CODES | {"A-3": {"en": "Third"}}}),
            {"digest": hashlib.sha256(right).digest()},
        ),
        "another size": (right, {"size": len(CODES) + 1}),
        "no codes": (encode({"list": CODES}), {}),
        "codes without a meaning": (encode({"codes": dict.fromkeys(CODES, 1)}), {}),
        "a meaning of 2,001 characters": (
            encode({"codes": CODES | {"A-2": {"en": "x" * 2001}}}),
            {},
        ),
        "bytes that are no map": (b"A-1\nA-2\n", {}),
    }
    for number, (content, changes) in enumerate(wrong.values()):
        _publish(world, f"wrong-{number}", content, **changes)
    _publish(world, "nuts", right)
    _publish(world, "right", right)
    await trial.scene.publish()

    async def is_read() -> bool:
        return (await _append(trial, _coded("A-1", "right"))).ok is not None

    await trial.within(is_read, _READ_WITHIN, "a code of a list that was published is appended")
    for delta, code, body in (
        ("a code that its list does not have", "cdl.unknown-code", _coded("A-3", "right")),
        ("a list that nobody has published", "cdl.unknown-list", _coded("A-1", "nobody")),
        ("a version that is not there", "cdl.unknown-list", _coded("A-1", "right", "2")),
        ("the seat's code, which its list lacks", "cdl.unknown-code", {"nuts": "ZZ999"}),
        *(
            (f"a list whose document is none: {what}", "cdl.unread", _coded("A-1", f"wrong-{at}"))
            for at, what in enumerate(wrong)
        ),
    ):
        await _refuses(trial, delta, code, body)
    again = await _append(trial, {"nuts": "A-1"})
    trial.check(
        "the seat's code, which its list has",
        holds=again.ok is not None,
        expected="appended",
        answer=again,
    )
    await _mirrors(trial)


async def _refuses(trial: Trial, delta: str, code: str, body: Mapping[str, Any]) -> None:
    answer = await _append(trial, body)
    trial.check(
        delta,
        holds=answer.ok is None and answer.code == code,
        expected=f"refused {code}",
        answer=answer,
    )


async def _mirrors(trial: Trial) -> None:
    """Let a member append what the candidate would not: there it counts."""
    peer = await fresh(trial)
    body = {**organisation(peer.code), **_coded("A-3", "right")}
    written = peer.log.append("organisation/1", body)
    peer.log.state(trial.scene.world.coordinator)
    code = await trial.scene.catches_up(peer)
    trial.need(not code, f"a member with a code that its list lacks is not mirrored ({code})")
    given = (await trial.scene.ask("view", origin=peer.origin)).ok or {}
    void = void_of(given, written, peer.origin)
    trial.check(
        "a code that its list lacks, in the log of a member",
        holds=void == "",
        expected="counts",
        actual=str(void),
    )
