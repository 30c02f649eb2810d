"""Certificates as nodes make them: at origin and mirrors, while the log grows, after erasure."""

import asyncio
import sqlite3
from typing import Any

import pytest

from sopro_node import certificate_desk
from sopro_node.batch import draft_state
from sopro_node.certificates import make_certificate
from sopro_node.documents import structured
from sopro_node.drafting import Draft
from sopro_node.node import Node
from sopro_node.standing import publish_policy
from sopro_protocol.encoding import Value, decode, encode
from sopro_protocol.errors import RefusedError, UnavailableError
from sopro_registry.certificate_file import MAX_CERTIFICATE
from sopro_registry.verdict import Judged, Verdict
from tests.node.conftest import Federation, decide, grant, until

ORGANISATION = {
    "actor_type": "enterprise",
    "country": "AT",
    "effective_date": "2026-10-01",
    "status": "active",
}


async def judge(node: Node, number: str, *, at: Node | None = None) -> Judged:
    """Have a certificate made by one node and judged by another."""
    content = (await certificate_desk.certificate(node, {"number": number}))["content"]
    return await certificate_desk.judge(at or node, content, day=node.desk.today())


async def suspend(node: Node, entity: bytes, **values: Any) -> None:
    defaults = {"reason_code": "fees_unpaid", "suspended_until": "2027-01-01"}
    await decide(node, entity, action="suspend", **defaults | values)


async def test_revocation_is_seen_in_certificates_of_every_node(federation: Federation) -> None:
    coordinator = await federation.coordinator()
    at, hu = await federation.join("at", "AT"), await federation.join("hu", "HU")
    number, entity = await grant(at.node)
    nodes = (coordinator.node, at.node, hu.node)
    await until(lambda: all(one.reader.label(number) for one in nodes))
    before = await judge(hu.node, number, at=coordinator.node)
    await decide(
        at.node, entity, action="revoke", reason_code="fees_unpaid", appeal_until="2027-01-01"
    )
    size = at.node.log.held.size
    await until(
        lambda: all(one.holdings.logs[at.node.identity.origin].signed_size == size for one in nodes)
    )
    after = [await judge(one, number, at=hu.node) for one in nodes]
    assert before.verdict is Verdict.VALID
    assert [one.verdict for one in after] == [Verdict.REVOKED] * 3
    assert all(one.opened and one.opened.is_present for one in after)
    # The issuing site is gone; its certificates are made from any mirror.
    await at.close()
    del federation.served["at"]
    assert (await judge(hu.node, number)).verdict is Verdict.REVOKED


async def test_every_log_state_of_a_node_states_the_root(federation: Federation) -> None:
    await federation.coordinator()
    at = await federation.join("at", "AT")
    number, entity = await grant(at.node)
    await suspend(at.node, entity)
    folder, port = at.node.folder, int(at.url.rsplit(":", 1)[1])
    await at.close()
    again = await federation.open(folder.name, port)
    # The tree was built anew from the tables; were it another, this would be refused.
    assert again.node.log.held.statuses is None
    await decide(again.node, entity, action="reinstate")
    assert again.node.log.held.statuses is not None
    assert again.node.log.held.cursor.voids == 0
    assert (await judge(again.node, number)).verdict is Verdict.VALID


async def test_a_mirror_voids_a_log_state_with_another_root(federation: Federation) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    await grant(at.node)
    origin = at.node.identity.origin
    state = draft_state(at.node.holdings, at.node.log.held)
    values = {**state.values, "status_root": bytes(32)}
    with pytest.raises(RefusedError) as refusal:
        await at.node.log.append(Draft("log_state", values, entity=state.entity))
    assert refusal.value.code == "sta.status"
    held = at.node.log.held
    assert held.statuses is not None
    held.statuses = held.statuses.copy()
    held.statuses.put(0, bytes(32))
    await at.node.log.append(Draft("organisation", ORGANISATION))
    mirrored = coordinator.node.holdings.logs
    await until(lambda: mirrored[origin].size == held.size)
    found = coordinator.node.reader.voids(mirrored[origin].number, start=0, limit=10)
    assert [void.code for _, void in found] == ["sta.status"]


async def test_certificates_made_while_the_log_grows_are_whole(federation: Federation) -> None:
    await federation.coordinator()
    at = await federation.join("at", "AT")
    number, entity = await grant(at.node)
    writing = asyncio.create_task(write(at.node, entity, 12))
    judged = []
    while not writing.done():
        try:
            judged.append(await judge(at.node, number))
        except UnavailableError:
            continue
    await writing
    assert len(judged) > 3
    assert {one.verdict for one in judged} <= {Verdict.VALID, Verdict.SUSPENDED}
    assert all(one.opened and one.opened.is_present for one in judged)


async def write(node: Node, entity: bytes, times: int) -> None:
    for _ in range(times):
        await suspend(node, entity)
        await decide(node, entity, action="reinstate")


async def test_certificate_proves_the_same_after_its_holders_documents_are_erased(
    federation: Federation,
) -> None:
    await federation.coordinator()
    at = await federation.join("at", "AT")
    number = await grant_to(at.node, "Erasable Ltd")
    old = (await certificate_desk.certificate(at.node, {"number": number}))["content"]
    assert b"Erasable" in old
    with sqlite3.connect(at.node.folder / "node.db") as database:
        database.execute("DELETE FROM document")
    database.close()
    new = (await certificate_desk.certificate(at.node, {"number": number}))["content"]
    assert b"Erasable" not in new
    found = [
        await certificate_desk.judge(at.node, one, day=at.node.desk.today()) for one in (old, new)
    ]
    assert [one.verdict for one in found] == [Verdict.VALID] * 2
    assert [one.opened.holder for one in found if one.opened] == ["Erasable Ltd", ""]


async def grant_to(node: Node, name: str) -> str:
    holder = await node.log.append(
        Draft(
            "organisation",
            ORGANISATION,
            documents=[
                structured("organisation", {"legal_name": name}),
                structured("contact", {"phone": "1"}, visibility="site"),
            ],
        )
    )
    offering = await node.log.append(
        Draft(
            "offering",
            {
                "effective_date": "2026-10-01",
                "kind": "product",
                "organisation": holder.entity,
                "status": "published",
            },
        )
    )
    number, _ = await decide(
        node,
        None,
        action="grant",
        offering=offering.entity,
        scheme="sopro",
        valid_from="2026-10-01",
        valid_until="2028-01-01",
    )
    return number


async def test_discloses_public_documents_only(federation: Federation) -> None:
    await federation.coordinator()
    at = await federation.join("at", "AT")
    number = await grant_to(at.node, "Public Ltd")
    content = make_certificate(at.node.reader, at.node.holdings, number)
    assert b"Public Ltd" in content
    assert b"phone" not in content


async def test_a_certificate_waits_for_the_quorum_and_carries_it(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinator = await federation.coordinator()
    at, hu = await federation.join("at", "AT"), await federation.join("hu", "HU")
    held = at.node.log.held
    await until(lambda: hu.node.holdings.logs.get(held.origin) is not None)
    # Nobody is there yet to cosign as the second one.
    await publish_policy(coordinator.node, {"witnesses": ["at", "hu"], "quorum": 2, "faulty": 0})
    await hu.close()
    del federation.served["hu"]
    await until(lambda: at.node.cosignatures.policy is not None)
    number, _ = await grant(at.node)
    monkeypatch.setattr(certificate_desk, "_PATIENCE", 0.2)
    with pytest.raises(UnavailableError, match="a certificate waits for the witnesses") as refused:
        await certificate_desk.certificate(at.node, {"number": number})
    assert refused.value.code == "ckp.quorum"

    await publish_policy(coordinator.node, {"witnesses": ["at"], "quorum": 1, "faulty": 0})
    monkeypatch.setattr(certificate_desk, "_PATIENCE", 20.0)
    await until(lambda: 0 < held.signed_size == held.witnessed_size)
    content = (await certificate_desk.certificate(at.node, {"number": number}))["content"]
    judged = await certificate_desk.judge(at.node, content, day=at.node.desk.today())
    assert (judged.verdict, judged.is_witnessed) == (Verdict.VALID, True)

    # Without the witness's line the same decisions prove no less, and are worth no certificate.
    bare = without_cosignatures(content)
    assert len(bare) < len(content)
    judged = await certificate_desk.judge(at.node, bare, day=at.node.desk.today())
    assert (judged.verdict, judged.code) == (Verdict.UNPROVEN, "ckp.quorum")
    assert judged.opened is not None
    assert judged.opened.status == "active"


def without_cosignatures(content: bytes) -> bytes:
    """Drop the witnesses' lines from every proof in a certificate."""
    value = decode(content, limit=MAX_CERTIFICATE)

    def strip(part: Value) -> Value:
        if isinstance(part, list):
            return [strip(one) for one in part]
        if isinstance(part, bytes) and part.startswith(b"c2sp.org/tlog-proof@v1\n"):
            lines = part.split(b"\n")
            return b"\n".join(line for line in lines if b"/witness " not in line)
        return part

    assert isinstance(value, dict)
    return encode({key: strip(part) for key, part in value.items()})
