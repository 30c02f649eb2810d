"""Entries that are bad under a good root: mirrored, void for the same reason everywhere, passed."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sopro_node import clock
from sopro_node.keyring import load_keys
from sopro_node.node import Node
from sopro_node.step import Step
from sopro_protocol.encoding import encode
from sopro_protocol.keys import Ed25519Signer, Role
from sopro_protocol.record import RECORD_CONTEXT, sign_record
from tests.federation.federation import Federation, organisation, state_of

pytestmark = pytest.mark.slow

Signers = dict[Role, Ed25519Signer]
Write = Callable[[Step, Signers], bytes]


def record(step: Step, **changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "body": organisation()["values"],
        "entity": os.urandom(16),
        "family": "organisation/1",
        "log": step.held.origin,
        "salt": os.urandom(16),
        "time": max(clock.now(), step.ledger.cursor.last_time),
        "v": 1,
    }
    return encode({name: value for name, value in (fields | changes).items() if value is not None})


def entry(step: Step, signers: Signers, role: Role = Role.REGISTRAR, **changes: Any) -> bytes:
    return sign_record(record(step, **changes), [signers[role]])


def with_bad_signature(step: Step, signers: Signers) -> bytes:
    data = entry(step, signers)
    return data[:-1] + bytes([data[-1] ^ 1])


def with_foreign_key(step: Step, _signers: Signers) -> bytes:
    return sign_record(record(step), [Ed25519Signer(os.urandom(32))])


def with_unsorted_keys(step: Step, signers: Signers) -> bytes:
    data = record(step)
    pairs = sorted(
        [signer.key_id, signer.sign(RECORD_CONTEXT + data)]
        for signer in (signers[Role.REGISTRAR], signers[Role.DECISION])
    )
    return encode([data, [pairs[1], pairs[0]]])


def too_long(step: Step, signers: Signers) -> bytes:
    data = record(step, body=organisation()["values"] | {"activities": ["a" * 60_000]})
    signer = signers[Role.REGISTRAR]
    return encode([data, [[signer.key_id, signer.sign(RECORD_CONTEXT + data)]]])


def offering(step: Step, signers: Signers) -> bytes:
    body = {
        "effective_date": "2026-01-10",
        "kind": "product",
        "organisation": bytes(16),
        "status": "published",
    }
    return entry(step, signers, family="offering/1", body=body)


def scheme(step: Step, signers: Signers) -> bytes:
    body = {"title": {"en": "A scheme of one's own"}}
    return entry(step, signers, family="scheme/1", body=body)


VOID: dict[str, tuple[Write, str]] = {
    "nothing": (lambda _step, _signers: b"", "enc."),
    "not msgpack": (lambda _step, _signers: b"\xc1" * 40, "enc."),
    "no entry": (lambda _step, _signers: encode({"a": 1}), "rec.entry"),
    "bytes after the end": (lambda step, signers: entry(step, signers) + b"\0", "enc."),
    "record too long": (too_long, "enc.limit"),
    "bad signature": (with_bad_signature, "sig."),
    "foreign key": (with_foreign_key, "sig.unknown-key"),
    "unsorted keys": (with_unsorted_keys, "sig."),
    "key of another role": (lambda step, signers: entry(step, signers, Role.DECISION), "sig.role"),
    "log key": (lambda step, signers: entry(step, signers, Role.LOG), "sig.role"),
    "wrong log": (
        lambda step, signers: entry(step, signers, log="sopro.example/hu/1"),
        "hos.replay",
    ),
    "no such prev": (lambda step, signers: entry(step, signers, prev=bytes(32)), "lbl.conflict"),
    "time falls": (lambda step, signers: entry(step, signers, time=1), "rec.time"),
    "body without fields": (lambda step, signers: entry(step, signers, body={}), "rec.body"),
    "breaks a rule of its family": (offering, "lbl.reference"),
    "not for a site to say": (scheme, ""),
}
PASSED: dict[str, Write] = {
    "unknown family": lambda step, signers: entry(step, signers, family="poem/1"),
    "good record": entry,
}


def write_entries(folder: Path) -> dict[int, str]:
    """Put entries into a site's log without asking its rules; return what must be void, and why."""

    async def work() -> dict[int, str]:
        node = await Node.open(folder)
        signers = dict(load_keys(folder, Role.LOG, Role.REGISTRAR, Role.DECISION))
        expected: dict[int, str] = {}

        def put(step: Step, write: Write, code: str | None) -> None:
            data = write(step, signers)
            judgement = step.ledger.judge(data)
            assert (judgement.void is None) == (code is None), judgement
            if code is not None:
                expected[step.size] = code
            step.add_judged(data, judgement)

        def commit() -> None:
            held = node.holdings.own
            step = Step(node.holdings, node.store, held, root_key=node.identity.root)
            with node.store.transaction():
                for write, code in VOID.values():
                    put(step, write, code)
                    put(step, entry, None)
                for write in PASSED.values():
                    put(step, write, None)
                step.write(checkpoint=held.checkpoint)

        await node.writer.run(commit)
        await node.close()
        return expected

    return asyncio.run(work())


def test_bad_entries_are_void_for_the_same_reason_at_every_node(land: Federation) -> None:
    at, hu = land.start(["at", "hu"])
    at.stop()
    expected = write_entries(at.folder)
    at.start()
    good = at.append()

    nodes = [at, hu, land.coordinator]
    for node in nodes[1:]:
        land.wait_for(node, at)
    answers = [node.get("/api/v1/voids/at/1").json for node in nodes]
    assert answers[0] == answers[1] == answers[2]
    found = {void["index"]: void["code"] for void in answers[0]["voids"]}
    assert found.keys() == expected.keys()
    for index, code in expected.items():
        assert found[index].startswith(code)
        assert found[index]
    size = at.status()["size"]
    bundles = {node.get(f"/log/at/1/bundle/000.p/{size}").body for node in nodes}
    assert len(bundles) == 1
    assert good[0]["index"] == size - 2
    for node in nodes[1:]:
        mirror = node.mirror(at.origin)
        assert (mirror["judged"], mirror["void"]) == (size, len(expected))
        assert len(state_of(node, at)) == len(VOID) + 1 + 1
