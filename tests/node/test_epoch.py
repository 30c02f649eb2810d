"""A site goes on in another log: what the coordinator refuses, and what nodes then know of both."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sopro_node import admission, certificate_desk, memberships, office
from sopro_node.application import sign_application
from sopro_node.audit.directory import audit_directory
from sopro_node.deciders import find_decider
from sopro_node.documents import structured
from sopro_node.drafting import Draft
from sopro_node.fence_state import State
from sopro_node.found import COORDINATOR
from sopro_node.holdings import Holdings
from sopro_node.keychest import read_keys
from sopro_node.keyrecords import list_key_records
from sopro_node.keyrecovery import new_root
from sopro_node.keyring import KEYS, find_key
from sopro_node.node import Node
from sopro_node.recover import RecoveryPlan, recover
from sopro_node.reindex import reindex
from sopro_protocol.encoding import decode, encode
from sopro_protocol.errors import NotFoundError, RefusedError, SoproError, UnavailableError
from sopro_protocol.keys import Ed25519Signer
from sopro_protocol.record import parse_entry, sign_record
from sopro_registry.keyhistory import KeyRecord
from sopro_registry.verdict import Verdict
from tests.node.conftest import Federation, Served, decide, grant, until
from tests.node.test_key_recovery import approve
from tests.node.test_keys import change, follows

BEFORE, AFTER = "sopro.example/at/1", "sopro.example/at/2"
NAME = "Rest- und Wertstoffhof"


def size_of(served: Served, origin: str) -> tuple[int, int]:
    held = served.node.holdings.logs.get(origin)
    return (held.signed_size, held.cursor.projected) if held else (0, 0)


async def begin(federation: Federation, *, new_epoch: bool = True) -> Served:
    """Stop `at` and make it anew from what the others hold, with its log or in another one."""
    at, coordinator = federation.served["at"], federation.served[COORDINATOR]
    keys = read_keys(at.node.folder)
    await at.close()
    invite = coordinator.node.invite
    assert invite is not None
    plan = RecoveryPlan(
        site="at",
        invite=replace_urls(invite, coordinator.url),
        keys=keys,
        listen=at.url.removeprefix("http://"),
        new_epoch=new_epoch,
    )
    folder = federation.folder / "at-new"
    await recover(folder, plan)
    at.node.folder.rename(federation.folder / "at-old")
    folder.rename(federation.folder / "at")
    return await federation.open("at", int(at.url.rsplit(":", 1)[1]))


def replace_urls(invite: Any, url: str) -> Any:
    fields = {name: getattr(invite, name) for name in invite.__struct_fields__}
    return type(invite)(**{**fields, "urls": [url]})


async def ask(federation: Federation) -> None:
    at, coordinator = federation.served["at"], federation.served[COORDINATOR]
    assert coordinator.node.invite is not None
    invite = replace_urls(coordinator.node.invite, coordinator.url)
    fields = {name: getattr(invite, name) for name in invite.__struct_fields__}
    await admission.join(at.node, {"invite": fields})


async def renew(federation: Federation) -> dict[str, Any]:
    return await memberships.renew_epoch(federation.served[COORDINATOR].node, {"site": "at"})


async def acts(at: Served, answer: Mapping[str, Any]) -> None:
    """Wait until the site acts on the record that names its new log."""

    def is_known() -> bool:
        acted_on = at.node.log.held.cursor.acted_on
        return acted_on is not None and acted_on.size > answer["index"]

    await until(is_known)


async def found(federation: Federation) -> Served:
    """Return a site that is mirrored by the coordinator and another one."""
    await federation.coordinator()
    at = await federation.join("at", "AT")
    await federation.join("hu", "HU")
    return at


async def meet(federation: Federation, origin: str, size: int) -> None:
    for one in federation.served.values():
        await until(lambda one=one: size_of(one, origin) == (size, size))


async def test_documents_go_with_the_entity_they_are_about(federation: Federation) -> None:
    at = await found(federation)
    document = structured("organisation", {"legal_name": NAME})
    values = {
        "actor_type": "enterprise",
        "country": "AT",
        "effective_date": "2026-10-01",
        "status": "active",
    }
    done = await at.node.log.append(Draft("organisation", values, documents=[document]))
    await meet(federation, BEFORE, at.node.log.held.size)
    at = await begin(federation)
    await ask(federation)
    await acts(at, await renew(federation))
    answer = await office.take_over(at.node, {"decider": bytes(16)})
    assert (answer["taken"], answer["brought"]) == ([], 1)
    assert (await office.take_over(at.node, {"decider": bytes(16)}))["brought"] == 0
    await meet(federation, AFTER, at.node.log.held.size)
    hu = federation.served["hu"]
    for origin in (BEFORE, AFTER):
        assert names(hu.node, origin) == names(at.node, origin) == [NAME]

    await office.erase(at.node, {"entity": done.entity, "reason": "request"})

    for one in federation.served.values():
        for origin in (BEFORE, AFTER):
            await until(lambda one=one, origin=origin: names(one.node, origin) == [])
    await until(lambda: not at.node.receipts.outstanding(today=0))
    for one in federation.served.values():
        assert audit_directory(one.node.folder, lambda *_: None).is_clean


def names(node: Node, origin: str) -> list[object]:
    """Return the names in the documents of a log that a node holds."""
    log = node.holdings.logs[origin].number
    rows = [node.reader.documents.get(log, *place) for place in node.reader.documents.places(log)]
    found = [decode(row.content) for row in rows if row is not None]
    return [one["legal_name"] for one in found if isinstance(one, dict)]


async def test_labels_are_found_in_the_log_that_goes_on(federation: Federation) -> None:
    at = await found(federation)
    number, _ = await grant(at.node)
    revoked, entity = await grant(at.node)
    ended = {"reason_code": "other", "appeal_until": "2026-12-01", "certificate": revoked}
    await decide(at.node, entity, action="revoke", **ended)
    size = at.node.log.held.size
    await meet(federation, BEFORE, size)
    at = await begin(federation)
    with pytest.raises(RefusedError, match=f"the log of this site is {BEFORE}"):
        await grant(at.node)
    await ask(federation)
    assert at.node.status()["membership"] == f"waits for the coordinator to close {BEFORE}"
    await acts(at, await renew(federation))
    with pytest.raises(RefusedError, match="take it over first"):
        await office.label_entity(at.node, {"number": number})
    [offer] = (await office.offers(at.node, {}))["offers"]
    assert (offer["number"], offer["is_continued"]) == (number, True)
    decider = find_decider(at.node.folder, "Ida Wolf", is_new=True)
    told = {"act": "transfer.in", "told": {"label": number}, "person": decider}
    await office.OPERATIONS["act"](at.node, told)
    assert at.node.desk.label(number).status == "active"
    await office.label_entity(at.node, {"number": number})
    new, _ = await grant(at.node)
    another, _ = await grant(at.node)
    assert [new, another] == ["SOPRO/AT0/001/000200001", "SOPRO/AT0/001/000200002"]
    await federation.join("fr", "FR")
    await meet(federation, AFTER, at.node.log.held.size)
    await meet(federation, BEFORE, size)
    for one in federation.served.values():
        statuses = {label.number: label.status for label in one.node.desk.labels(site="at")}
        assert statuses == {number: "active", revoked: "revoked", new: "active", another: "active"}
        assert (await one.node.counting.statistics()).total == {"active": 3, "revoked": 1}


async def test_what_a_member_held_beyond_the_end_counts_for_nobody(federation: Federation) -> None:
    at = await found(federation)
    coordinator, hu = federation.served[COORDINATOR], federation.served["hu"]
    number, entity = await grant(at.node)
    end = at.node.log.held.size
    await meet(federation, BEFORE, end)
    await coordinator.node.exchange.stop()
    ended = {"reason_code": "other", "appeal_until": "2026-12-01", "certificate": number}
    await decide(at.node, entity, action="revoke", **ended)
    size = at.node.log.held.size
    await until(lambda: size_of(hu, BEFORE) == (size, size))
    assert hu.node.desk.label(number).status == "revoked"
    await hu.close()
    at = await begin(federation)
    assert size_of(at, BEFORE) == (end, end)
    await ask(federation)
    await coordinator.node.exchange.start()
    await acts(at, await renew(federation))
    await office.take_over(at.node, {"decider": bytes(16)})
    hu = await federation.open("hu", int(hu.url.rsplit(":", 1)[1]))
    grown = at.node.log.held.size
    await meet(federation, AFTER, grown)
    await until(lambda: size_of(hu, BEFORE)[1] == size)
    for one in (coordinator, at, hu):
        label = one.node.desk.label(number)
        assert (label.status, label.history[-1].log) == ("active", AFTER)
        assert not one.node.evidence.standing(BEFORE)
        assert audit_directory(one.node.folder, lambda *_: None).is_clean
    verdicts = [await verdict(one.node, number) for one in (coordinator, at, hu)]
    # Under the head of what came to light nothing proves how the label stood at the end.
    assert verdicts == [Verdict.VALID, Verdict.VALID, Verdict.UNPROVEN]


async def verdict(node: Node, number: str) -> Verdict:
    made = await certificate_desk.certificate(node, {"number": number})
    return (await certificate_desk.judge(node, made["content"], day=node.desk.today())).verdict


async def test_members_approve_a_root_key_that_is_lost_besides(federation: Federation) -> None:
    at = await found(federation)
    coordinator, hu = federation.served[COORDINATOR], federation.served["hu"]
    number, _ = await grant(at.node)
    await change(at.node, "approvers", "", sites=["hu"])
    size = at.node.log.held.size
    await meet(federation, BEFORE, size)
    for name in ("root.pem", "next-root.pem"):
        (at.node.folder / KEYS / name).unlink()
    asked = await new_root(at.node, {})
    await approve(hu.node, "at", asked["public"])
    await meet(federation, hu.node.identity.origin, hu.node.log.held.size)
    await memberships.recover_member(coordinator.node, {"site": "at"})
    at = await begin(federation)
    await ask(federation)
    await acts(at, await renew(federation))
    await office.take_over(at.node, {"decider": bytes(16)})
    fr = await federation.join("fr", "FR")
    await meet(federation, AFTER, at.node.log.held.size)
    await meet(federation, BEFORE, size)
    for one in (coordinator, at, hu, fr):
        assert await verdict(one.node, number) is Verdict.VALID


@pytest.mark.parametrize("is_named", [False, True])
async def test_a_site_whose_root_key_was_replaced_is_recovered_from_its_peers(
    federation: Federation, is_named: bool
) -> None:
    at = await found(federation)
    coordinator, hu = federation.served[COORDINATOR], federation.served["hu"]
    number, _ = await grant(at.node)
    await change(at.node, "approvers", "", sites=["hu"])
    await until(lambda: follows(hu, at) and follows(coordinator, at))
    asked = await new_root(at.node, {})
    await approve(hu.node, "at", asked["public"])
    await until(lambda: follows(coordinator, hu))
    await memberships.recover_member(coordinator.node, {"site": "at"})
    await until(lambda: follows(at, coordinator))
    if is_named:
        assert (await new_root(at.node, {}))["named"]
        await change(at.node, "rotate", "root", successor=asked["public"])
    for one in (hu, coordinator):
        await until(lambda one=one: follows(one, at))  # type: ignore[misc]
    keys = at.node.log.held.keys
    at = await begin(federation, new_epoch=False)
    assert (at.node.log.held.keys, at.node.log.held.cursor.voids) == (keys, 0)
    assert await verdict(at.node, number) is Verdict.VALID
    await at.close()
    reindex(at.node.folder, lambda *_: None)
    at = await federation.open("at", int(at.url.rsplit(":", 1)[1]))
    assert (at.node.log.held.keys, at.node.log.held.cursor.voids) == (keys, 0)


# What the coordinator refuses.


async def refused(work: Any, match: str) -> None:
    with pytest.raises(SoproError, match=match) as refusal:
        await work
    assert isinstance(refusal.value, NotFoundError) or refusal.value.code == "mem.epoch"


async def test_the_coordinator_closes_a_log_where_it_has_verified_it_and_nowhere_else(
    federation: Federation,
) -> None:
    at = await found(federation)
    coordinator = federation.served[COORDINATOR].node
    await refused(renew(federation), "has not asked")
    hu = federation.served["hu"]
    await meet(federation, BEFORE, at.node.log.held.size)
    # The other member holds more than the coordinator, and the site takes it from there.
    await coordinator.exchange.stop()
    number, _ = await grant(at.node)
    size = at.node.log.held.size
    await until(lambda: size_of(hu, BEFORE) == (size, size))
    at = await begin(federation)
    assert size_of(at, BEFORE) == (size, size)
    await ask(federation)
    asks = (await memberships.members(coordinator, {}))["applications"]
    assert [one["continues"]["size"] for one in asks] == [size]
    await refused(memberships.admit(coordinator, {"site": "at"}), "renew-epoch")
    await refused(renew(federation), f"cannot be closed at size {size}, the largest head verified")
    await coordinator.exchange.start()
    await until(lambda: size_of(federation.served[COORDINATOR], BEFORE) == (size, size))
    answer = await renew(federation)
    assert (answer["size"], answer["lost"]) == (size, 0)
    await refused(renew(federation), "has not asked")
    await acts(at, answer)
    assert at.node.desk.label(number).status == "active"


async def test_nothing_that_the_coordinator_holds_is_cut_off(federation: Federation) -> None:
    at = await found(federation)
    await grant(at.node)
    size = at.node.log.held.size
    await meet(federation, BEFORE, size)
    at = await begin(federation)
    coordinator, request = federation.served[COORDINATOR].node, read_request(at.node)
    tree = at.node.holdings.logs[BEFORE].tree
    for end, match in (
        ({"root": tree.root_at(size - 1), "size": size - 1}, "nothing of it may be cut off"),
        ({"root": tree.root_at(size - 1), "size": size}, "has two histories"),
        ({"root": tree.root_at(size), "size": size + 1}, "the largest head verified here"),
    ):
        data = sign(at.node, request | {"epoch": end_at(at.node, request["epoch"], end)})
        await admission.receive_application(coordinator, data)
        await refused(renew(federation), match)
    await ask(federation)
    assert (await renew(federation))["size"] == size


def end_at(node: Node, entry: bytes, end: Mapping[str, object]) -> bytes:
    """Return an entry that begins the log like this one, and ends the one before elsewhere."""
    fields: Any = decode(parse_entry(entry).record)
    fields["body"]["continues"] |= end
    return sign_record(encode(fields), [root_of(node)])


def read_request(node: Node) -> dict[str, Any]:
    return admission.open_application(admission.make_application(node))


async def test_a_request_has_to_continue_the_log_that_is_known(federation: Federation) -> None:
    at = await found(federation)
    await meet(federation, BEFORE, at.node.log.held.size)
    at = await begin(federation)
    coordinator, request = federation.served[COORDINATOR].node, read_request(at.node)
    silent = {name: value for name, value in request.items() if name != "epoch"}
    for wrong, match in (
        (silent, "does not continue it"),
        (request | {"origin": "sopro.example/at/3"}, "expected the keys of"),
        (request | {"epoch": b"\x90"}, "epoch: "),
        (request | {"site": "xx", "origin": "sopro.example/xx/2"}, "no site 'xx' is known here"),
    ):
        await refused(admission.receive_application(coordinator, sign(at.node, wrong)), match)
    received = await admission.receive_application(coordinator, sign(at.node, request))
    assert received["status"] == "received"


def root_of(node: Node) -> Ed25519Signer:
    return find_key(node.folder, node.identity.root, passphrase=node.passphrase).signer


def sign(node: Node, request: dict[str, Any]) -> bytes:
    return sign_application(encode(request), root_of(node))


async def test_the_coordinators_log_goes_on_in_no_other(tmp_path: Path, lone_node: Node) -> None:
    assert lone_node.invite is not None
    plan = RecoveryPlan(site=COORDINATOR, invite=lone_node.invite, keys={})
    with pytest.raises(RefusedError, match="goes on in no other"):
        await recover(tmp_path / "x", replace(plan, new_epoch=True))
    assert not (tmp_path / "x").exists()


class Twins:
    """Two directories of one site that have both begun the next log; the first is to be named.

    Attributes:
        first: serves, and has asked the coordinator.
        folder: of the other, which nobody has heard of.
    """

    def __init__(self, federation: Federation, first: Served) -> None:
        self.federation = federation
        self.first = first
        self.folder = federation.folder / "at-twin"

    @classmethod
    async def begin(cls, federation: Federation) -> "Twins":
        at = await found(federation)
        await meet(federation, BEFORE, at.node.log.held.size)
        twins = cls(federation, await begin(federation))
        invite = federation.served[COORDINATOR].node.invite
        assert invite is not None
        plan = RecoveryPlan(
            site="at",
            invite=replace_urls(invite, federation.served[COORDINATOR].url),
            keys=read_keys(twins.first.node.folder),
            new_epoch=True,
        )
        await recover(twins.folder, plan)
        await ask(federation)
        return twins

    async def change(self) -> Served:
        """Stop the first, and start the other where it was."""
        await self.first.close()
        return await self.federation.open("at-twin", int(self.first.url.rsplit(":", 1)[1]))

    async def change_back(self, other: Served) -> Served:
        await other.close()
        del self.federation.served["at-twin"]
        return await self.federation.open("at", int(self.first.url.rsplit(":", 1)[1]))


async def test_of_two_directories_the_one_that_is_not_named_signs_nothing(
    federation: Federation,
) -> None:
    twins = await Twins.begin(federation)
    named = twins.first.node.log.held.tree.root_at(1)
    await twins.first.close()
    coordinator, hu = (federation.served[site].node for site in (COORDINATOR, "hu"))
    await office.publish_policy(coordinator, {"witnesses": ["hu"], "faulty": 0})
    answer = await renew(federation)
    other = await twins.change()
    head = other.node.log.held.checkpoint
    await until(lambda: other.node.fence.state is State.OTHER)
    with pytest.raises(UnavailableError, match="begun in another directory, too") as refused:
        await other.node.log.append_state()
    assert refused.value.code == "fence.other"
    with pytest.raises(RefusedError, match="no operator can open that"):
        await other.node.settling.open_alone("a test")
    assert other.node.log.held.checkpoint == head
    # Nobody has seen a head of it, so none of them excludes another.
    await until(lambda: other.node.cosigners.witnesses)
    await until(lambda: hu.exchange.peers[AFTER].attempted)
    assert AFTER not in hu.holdings.logs
    assert AFTER not in {row.origin for row in hu.witness.heads}
    at = await twins.change_back(other)
    await acts(at, answer)
    await meet(federation, AFTER, at.node.log.held.size)
    for one in federation.served.values():
        assert one.node.holdings.logs[AFTER].tree.root_at(1) == named
        assert not list(one.node.evidence)


@pytest.mark.parametrize("with_named_keys", [False, True])
async def test_nobody_takes_a_log_that_begins_otherwise_than_it_is_named(
    federation: Federation, monkeypatch: pytest.MonkeyPatch, with_named_keys: bool
) -> None:
    """Also where a node shows it all the same, and says of its keys what is expected."""
    twins = await Twins.begin(federation)
    first = twins.first.node
    entry = first.holdings.entry(first.reader, first.log.held, 0)
    monkeypatch.setattr(Holdings, "is_shown", lambda *_: True)
    if with_named_keys:
        monkeypatch.setattr(
            "sopro_node.web.logs.list_key_records",
            lambda reader, holdings, held: (
                [KeyRecord(0, entry)]
                if held.origin == AFTER
                else list_key_records(reader, holdings, held)
            ),
        )
    await twins.first.close()
    await renew(federation)
    await twins.change()
    for one in (federation.served[COORDINATOR], federation.served["hu"]):
        await until(lambda one=one: one.node.exchange.peers[AFTER].code == "mem.epoch")
        assert AFTER not in one.node.holdings.logs
