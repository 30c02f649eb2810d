"""A small federation on disk: labels in every status, names in three languages, hostile names."""

import dataclasses
import os
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec

from sopro_node import admission, memberships
from sopro_node.batch import draft_state
from sopro_node.documents import structured
from sopro_node.drafting import Draft
from sopro_node.found import COORDINATOR
from sopro_node.node import Node
from sopro_node.transferring import act_on_members
from sopro_protocol.keys import Role
from sopro_protocol.record import Record, format_record, sign_record
from sopro_registry.catalogue import READERS
from tests.node.conftest import Federation, until

HOSTILE = "<script>alert(1)</script>\"'&\u202e\u2066{{ 7*7 }}%(x)s"
LONG = "Donaudampfschifffahrtsgesellschaftswiederverwertungsgenossenschaft" * 3
STATUSES = (
    "active",
    "suspended",
    "revoked",
    "terminated",
    "transferred",
    "refused",
    "expired",
    "none",
    "undetermined",
)


def day(offset: int) -> str:
    """Return a civil date counted from today."""
    return (date.today() + timedelta(offset)).isoformat()  # noqa: DTZ011  # a few hours are no matter


def number(status: str) -> str:
    """Return the certificate number of Austria's label in a status."""
    return f"SOPRO/AT0/001/{STATUSES.index(status) + 1:05}"


GTIN = "96385074"
IMPORTED = "SOPRO/AT0/002/00001"
IMPORTED_REVOKED = "SOPRO/AT0/002/00002"
HOSTILE_NUMBER = "SOPRO/AT0/003/00001"
HUNGARIAN = "SOPRO/HU0/001/00001"
MANY = 120


async def write_register(folder: Path) -> None:
    """Found a coordinator, Austria and Hungary; let each pull the others, and stop them."""
    federation = Federation(folder)
    await federation.coordinator()
    at = (await federation.join("at", "AT")).node
    hu = (await federation.join("hu", "HU")).node
    await admit_who_never_serves(federation, "si", "SI")
    await write_austria(at)
    await write_hungary(hu)
    for one in federation.served.values():
        await until(lambda node=one.node: is_current(node, at) and is_current(node, hu))
    await federation.close()


async def admit_who_never_serves(federation: Federation, site: str, country: str) -> None:
    """Admit a site that stops before anybody has seen its log."""
    coordinator = federation.served[COORDINATOR].node
    silent = await federation.begin(site, country)
    request = admission.make_application(silent.node)
    await federation.served.pop(site).close()
    await admission.receive_application(coordinator, request)
    await memberships.admit(coordinator, {"site": site})
    await until(lambda: coordinator.exchange.peers[silent.node.identity.origin].failures)


def is_current(node: Node, site: Node) -> bool:
    held = node.holdings.logs.get(site.identity.origin)
    return held is not None and held.cursor.projected == site.log.held.size


async def write_austria(node: Node) -> None:
    offering = await register(
        node, "Möbelwerkstatt Grünbach", {"de": "Tisch aus Altholz"}, gtin=GTIN
    )
    granted: dict[str, bytes] = {}
    for status in STATUSES:
        if status == "refused":
            await refuse(node, offering, number(status))
            continue
        start = {"expired": -800, "none": 30}.get(status, -200)
        granted[status] = await grant(node, offering, number(status), start=start, days=500)
    await decide(
        node, granted["suspended"], "suspend", reason="nc_not_closed", suspended_until=day(60)
    )
    await decide(node, granted["revoked"], "revoke", reason="misuse_of_mark", appeal_until=day(30))
    await decide(node, granted["terminated"], "terminate_on_request", reason="holder_request")
    await hand_over(node, granted["transferred"])
    await import_labels(node, offering)
    hostile = await register(node, HOSTILE, {"de": HOSTILE, "xx-bad\u202etag": LONG, "en": LONG})
    await grant(node, hostile, HOSTILE_NUMBER)
    await write_from_the_future(node, granted["undetermined"])


async def write_hungary(node: Node) -> None:
    offering = await register(
        node, "Őrségi Szövőműhely", {"hu": "Kézzel szőtt rongyszőnyeg", "en": "Hand-woven rag rug"}
    )
    for one in range(1, MANY + 1):
        await grant(node, offering, f"SOPRO/HU0/001/{one:05}")


async def register(node: Node, holder: str, names: Mapping[str, str], **changes: str) -> bytes:
    organisation = await node.log.append(
        Draft(
            "organisation",
            {
                "actor_type": "social_enterprise",
                "country": node.identity.country,
                "effective_date": day(-900),
                "status": "active",
            },
            documents=[structured("names", {"legal_name": holder, "locality": "Grünbach"})],
        )
    )
    offering = await node.log.append(
        Draft(
            "offering",
            {
                "effective_date": day(-900),
                "kind": "product",
                "organisation": organisation.entity,
                "status": "published",
                **changes,
            },
            documents=[structured("names", {"name": dict(names)})],
        )
    )
    return offering.entity


async def grant(
    node: Node, offering: bytes, certificate: str, *, start: int = -200, days: int = 700
) -> bytes:
    return await append(
        node,
        None,
        action="grant",
        certificate=certificate,
        offering=offering,
        scheme="sopro",
        decided_on=day(min(start, 0)),
        effective_date=day(start),
        valid_from=day(start),
        valid_until=day(start + days),
    )


async def refuse(node: Node, offering: bytes, certificate: str) -> None:
    await append(
        node,
        None,
        action="refuse",
        certificate=certificate,
        offering=offering,
        scheme="sopro",
        decided_on=day(-100),
        effective_date=day(-100),
        reason_code="nc_not_closed",
    )


async def hand_over(node: Node, entity: bytes) -> None:
    """Hand a label over to Hungary, which does not take it over."""

    def is_admitted() -> bool:
        members = node.holdings.directory.members()
        return ("hu", "admitted") in {(one.site, one.status) for one in members}

    await until(is_admitted)
    await act_on_members(node)
    received = {"receiver": "hu", "receiver_entity": bytes(range(16))}
    await decide(node, entity, "transfer_out", **received)


async def decide(node: Node, entity: bytes, action: str, *, reason: str = "", **more: Any) -> None:
    values = {"reason_code": reason} if reason else {}
    await append(
        node,
        entity,
        action=action,
        decided_on=day(-100),
        effective_date=day(-100),
        **values,
        **more,
    )


async def append(node: Node, entity: bytes | None, **values: Any) -> bytes:
    common = {"basis": "assessed", "decider": bytes(16)}
    appended = await node.log.append(Draft("label_decision", {**common, **values}, entity=entity))
    return appended.entity


async def import_labels(node: Node, offering: bytes) -> None:
    """Take two labels from an older register that knows no dates; one came back and ended again."""
    for certificate in (IMPORTED, IMPORTED_REVOKED):
        granted = await node.log.append(
            Draft(
                "label_decision",
                {
                    "action": "grant",
                    "basis": "imported",
                    "certificate": certificate,
                    "offering": offering,
                    "scheme": "sopro",
                },
            )
        )
    for values in (
        {"action": "revoke", "effective_date": "2019-05-01"},
        {"action": "reinstate", "effective_date": "2020-06-01"},
        {"action": "revoke"},
    ):
        await node.log.append(
            Draft("label_decision", {"basis": "imported", **values}, entity=granted.entity)
        )


async def write_from_the_future(node: Node, entity: bytes) -> None:
    """Append a decision that says in `crit` what this version cannot understand.

    Nothing can follow: whoever does not understand it cannot tell the root of the status tree.
    """
    held = node.log.held
    row = node.reader.entity(held.number, entity)
    assert row is not None
    record = Record(
        body=msgspec.Raw(msgspec.msgpack.encode({"what": 1})),
        crit=["what"],
        entity=entity,
        family="label_decision/1",
        log=held.origin,
        prev=row.head,
        salt=os.urandom(16),
        time=held.cursor.last_time,
        v=1,
    )
    signer = node.signatory.signer(Role.DECISION, held.keys, position=held.size)
    data = sign_record(format_record(record, READERS), [signer])

    def write() -> None:
        batch = node.log._batch(held)
        step = batch.step
        with node.store.transaction():
            judgement = step.ledger.judge(data)
            assert judgement.undetermined
            step.add_judged(data, judgement)
            draft = draft_state(node.holdings, held)
            values = {**draft.values, "status_root": bytes(32)}
            batch.append(dataclasses.replace(draft, values=values))
            step.write(checkpoint=b"")
        node.log._publish(step)

    await node.writer.run(write)
