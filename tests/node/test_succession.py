"""A coordinator that is gone, at one node: what is counted, refused and given up."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from sopro_node import admission, certificate_desk, clock, memberships, office
from sopro_node.config import CONFIG, Settings, load_settings
from sopro_node.found import INVITE
from sopro_node.identity import Invite, parse_invite
from sopro_node.keyring import load_keys
from sopro_node.node import Node
from sopro_node.preparing import SuccessionPlan, prepare
from sopro_node.recover import RecoveryPlan, recover
from sopro_node.reindex import reindex
from sopro_node.takeover import take_over
from sopro_node.witness import Stale
from sopro_protocol.checkpoint import parse_checkpoint_text
from sopro_protocol.encoding import decode, encode
from sopro_protocol.errors import (
    FormatError,
    PeerError,
    RefusedError,
    UnavailableError,
    VerificationError,
)
from sopro_protocol.keys import Role
from sopro_protocol.note import parse_note
from sopro_protocol.record import sign_record
from sopro_registry.verdict import Verdict, judge_certificate
from tests.node.conftest import Federation, Served, free_port, grant, until
from tests.node.test_evidence import EEIG, sign
from tests.node.test_witness import leaves_of
from tests.node.witnessing import Author

pytestmark = pytest.mark.slow


class Heir:
    """Who is to go on."""

    def __init__(
        self, federation: Federation, invite: Invite, *peers: Served, name: str = "heir"
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = federation.folder / name
        self.plan = SuccessionPlan(
            invite=invite,
            url=self.url,
            listen=f"127.0.0.1:{self.port}",
            peers=[one.url for one in peers],
        )
        self.root = prepare(self.folder, self.plan).root

    async def appoint(self, *members: Served, root: bytes = b"") -> list[str]:
        """Have members anchor as the command does; return who is told to do it again."""
        told: list[str] = []
        for one in members:
            values = {"successor": root or self.root, "urls": [self.url]}
            plan = await office.plan_successor(one.node, values)
            key = load_keys(one.node.folder, Role.ROOT)[Role.ROOT]
            await office.put_keys(one.node, {"entry": sign_record(plan["record"], [key])})
            told += plan["smaller"]
        return told

    async def begin(self, federation: Federation) -> Served:
        await take_over(self.folder, self.plan)
        return await federation.open("heir", self.port)


async def orphans(federation: Federation, *sites: str) -> tuple[Invite, list[Served]]:
    """Found a federation, and lose its coordinator; its directory stays for who comes back."""
    coordinator = await federation.coordinator()
    members = [await federation.join(site, site.upper()) for site in sites]
    await same_size(coordinator, *members)
    invite = coordinator.node.invite
    assert invite is not None
    await coordinator.close()
    for one in members:
        await until(lambda one=one: one.node.exchange.peers[EEIG].failures)
    return invite, members


async def same_size(first: Served, *others: Served) -> None:
    for one in others:
        await until(
            lambda one=one: (
                one.node.holdings.logs[EEIG].checkpoint.split(b"\n")[:3]
                == first.node.holdings.logs[EEIG].checkpoint.split(b"\n")[:3]
            )
        )


def states(one: Served) -> list[str]:
    return [str(said["state"]) for said in one.node.status()["succession"]]


async def test_nobody_is_appointed_while_the_coordinator_answers(federation: Federation) -> None:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    values = {"successor": bytes(32), "urls": ["http://127.0.0.1:9"]}
    await until(lambda: at.node.exchange.peers[EEIG].confirmed)
    with pytest.raises(RefusedError, match="answers"):
        await office.plan_successor(at.node, values)
    with pytest.raises(RefusedError, match="members appoint"):
        await office.plan_successor(coordinator.node, values)


async def test_nobody_alone_keeps_the_others_from_appointing(federation: Federation) -> None:
    """An anchor shows no signed head: who names what nobody holds is told of, and no more."""
    invite, [at, hu] = await orphans(federation, "at", "hu")
    heir = Heir(federation, invite, at, hu)
    values = {"successor": heir.root, "urls": [heir.url]}
    plan = await office.plan_successor(at.node, values)
    record = decode(plan["record"])
    assert isinstance(record, dict)
    record["body"] |= {"size": 10**6}
    key = load_keys(at.node.folder, Role.ROOT)[Role.ROOT]
    await office.put_keys(at.node, {"entry": sign_record(encode(record), [key])})
    size = at.node.log.held.size
    await until(lambda: hu.node.holdings.logs[at.node.identity.origin].size == size)
    plan = await office.plan_successor(hu.node, values)
    assert (plan["size"], plan["larger"]) == (hu.node.holdings.logs[EEIG].signed_size, ["at"])
    roots = (hu.node.identity.root, at.node.identity.root, invite.root_key)
    for root in roots:
        with pytest.raises(RefusedError, match="a key of the coordinator or of a member"):
            await office.plan_successor(hu.node, values | {"successor": root})


async def test_who_comes_back_meanwhile_is_refused_and_given_up(federation: Federation) -> None:
    """The old coordinator was only away, and goes on; one member has followed it."""
    invite, [at, hu, fr] = await orphans(federation, "at", "hu", "fr")
    heir = Heir(federation, invite, at, hu)
    assert prepare(heir.folder, heir.plan) == (heir.root, False)
    with pytest.raises(RefusedError, match="nobody yet"):
        await take_over(heir.folder, heir.plan)
    await at.close()
    await hu.close()
    # It answers again, and a member that has not heard of anything takes what it signs.
    old = await federation.open("eeig", int(invite.urls[0].rpartition(":")[2]))
    await old.node.log.append_state()
    await same_size(old, fr)
    await old.close()
    await fr.close()
    at, hu = [await reopened(federation, one) for one in (at, hu)]
    before = at.node.holdings.logs[EEIG].size
    await until(lambda: at.node.exchange.peers[EEIG].failures)
    await until(lambda: hu.node.exchange.peers[EEIG].failures)
    await heir.appoint(at, hu)
    await until(lambda: states(at) == states(hu) == ["appointed"])
    fr = await reopened(federation, fr)
    assert fr.node.holdings.logs[EEIG].size > before
    new = await heir.begin(federation)
    await until(lambda: new.node.holdings.own.size > before)
    # Two of three were enough for every size that the third one holds.
    for one in (at, hu, fr):
        await same_size(new, one)
        await until(lambda one=one: states(one) == ["taken_over"])
        assert not one.node.evidence.standing(EEIG)
    assert [kept.origin for kept in fr.node.evidence] == [EEIG]
    # Whoever has the old keys goes on in vain, and hears why, also where it asks to be let alone.
    alone = await Node.open(federation.folder / "eeig")
    with pytest.raises(UnavailableError, match="have appointed who goes on with this log"):
        await alone.settling.open_alone("nobody answers")
    await alone.close()
    old = await federation.open("eeig", int(invite.urls[0].rpartition(":")[2]))
    await until(lambda: states(old))
    with pytest.raises(UnavailableError):
        await old.node.log.append_state()
    # What it signs all the same is evidence, and counts for nothing.
    for size in (before - 2, before + 1):
        assert await hu.node.exchange.gossip.weigh(EEIG, sign(old, size, bytes(32)))
    assert not hu.node.evidence.standing(EEIG)
    await same_size(new, at, hu)


async def reopened(federation: Federation, one: Served) -> Served:
    await one.close()
    return await federation.open(one.node.identity.site, int(one.url.rpartition(":")[2]))


async def test_members_that_say_different_things_appoint_nobody(federation: Federation) -> None:
    invite, [at, hu] = await orphans(federation, "at", "hu")
    heir = Heir(federation, invite, at, hu)
    other = load_keys(hu.node.folder, Role.LOG)[Role.LOG].public_key
    await heir.appoint(at)
    await heir.appoint(hu, root=other)
    await until(lambda: states(at) == states(hu) == ["proposed", "proposed"])
    with pytest.raises(RefusedError, match="others are appointed"):
        await take_over(heir.folder, heir.plan)
    with pytest.raises(RefusedError, match="decided already"):
        await heir.appoint(hu)
    assert at.node.invite == invite


async def test_what_was_certified_goes_on_and_so_does_the_new_directory(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As where members are many: what they say is written in short.
    monkeypatch.setattr("sopro_registry.votes.MOST_WHOLE", 0)
    coordinator = await federation.coordinator()
    members = [await federation.join(site, site.upper()) for site in ("at", "hu")]
    number, _ = await grant(members[0].node)
    await until(lambda: members[1].node.reader.label(number))
    invite = coordinator.node.invite
    assert invite is not None
    await coordinator.close()
    for one in members:
        await until(lambda one=one: one.node.exchange.peers[EEIG].failures)
    heir = Heir(federation, invite, *members)
    at, hu = (one.node for one in members)
    left = hu.holdings.logs[EEIG]
    size, ghost = left.size, Author(federation.folder / "eeig", EEIG, leaves_of(left), more=3)
    assert not isinstance(await hu.witness.add_checkpoint(ghost.request(size, size + 3)), Stale)
    await heir.appoint(*members)
    await until(lambda: states(members[0]) == ["appointed"])
    with pytest.raises(VerificationError, match="keys of before"):
        await at.witness.add_checkpoint(ghost.request(size, size + 3))
    new = await heir.begin(federation)
    await new.node.log.append_state()
    await same_size(new, *members)
    with pytest.raises(UnavailableError):
        await take_over(heir.folder, heir.plan)
    # A witness is not bound by what it has cosigned when it could not know better.
    await until(lambda: not hu.witness.heads)
    own = new.node.log.held
    author = Author(heir.folder, EEIG, leaves_of(own), more=0)
    assert not isinstance(await hu.witness.add_checkpoint(author.request(0, own.size)), Stale)
    # With nothing but the file and the invite of before.
    for one in (new, *members):
        made = await certificate_desk.certificate(one.node, {"number": number})
        judged = judge_certificate(
            made["content"],
            coordinator=invite.origin,
            coordinator_root=invite.root_key,
            day=one.node.desk.today(),
            now=clock.now(),
        )
        assert judged.verdict is Verdict.VALID, judged.why
    # It is a node like any other: its tables follow from its log, its disk can be lost too.
    checkpoint = new.node.log.held.checkpoint
    keys = {path.name: path.read_bytes() for path in (heir.folder / "keys").iterdir()}
    await new.close()
    with pytest.raises(RefusedError, match="taken over already"):
        await take_over(heir.folder, heir.plan)
    with pytest.raises(RefusedError, match="taken over already, so there is nothing more to do"):
        prepare(heir.folder, heir.plan)
    assert await asyncio.to_thread(reindex, heir.folder, lambda *_: None)
    again = federation.folder / "again"
    peers = [one.url for one in members]
    await recover(again, RecoveryPlan("eeig", invite, keys, peers))
    assert load_settings(again).url == heir.url
    assert (again / INVITE).read_bytes() == (heir.folder / INVITE).read_bytes()
    moved = federation.folder / "moved"
    await recover(moved, RecoveryPlan("eeig", invite, keys, peers, url="https://new.example"))
    given = parse_invite((moved / INVITE).read_bytes(), where="invite")
    assert given.urls == ["https://new.example", heir.url]
    node = await Node.open(again)
    found = node.log.held.size, node.log.held.tree.root()
    await node.close()
    head = parse_checkpoint_text(parse_note(checkpoint).text)
    assert found == (head.size, head.root)


async def test_the_same_keys_take_over_once(federation: Federation) -> None:
    """A copy of the directory, or an attempt that is repeated elsewhere, would fork the log."""
    invite, members = await orphans(federation, "at", "hu")
    heir = Heir(federation, invite, *members)
    copy = federation.folder / "copy"
    shutil.copytree(heir.folder, copy)
    await heir.appoint(*members)
    for one in members:
        await until(lambda one=one: states(one) == ["appointed"])
    # One member has not seen it, and it is the one that is named.
    first, second = members
    await first.close()
    new = await heir.begin(federation)
    await same_size(new, second)
    await new.close()
    await second.close()
    first = await reopened(federation, first)
    await first.node.exchange.stop()
    before = first.node.holdings.logs[EEIG].size
    second = await reopened(federation, second)
    for peer in (first, second):
        with pytest.raises(RefusedError, match="taken over already, from another directory"):
            await take_over(copy, replace(heir.plan, peers=[peer.url]))
    assert first.node.holdings.logs[EEIG].size == before
    assert (copy / "successor").exists()


async def test_another_key_is_not_needed_where_somebody_has_taken_over(
    federation: Federation,
) -> None:
    invite, members = await orphans(federation, "at", "hu")
    heir = Heir(federation, invite, *members)
    await heir.appoint(*members)
    await until(lambda: states(members[0]) == ["appointed"])
    new = await heir.begin(federation)
    await same_size(new, *members)
    late = Heir(federation, invite, *members, name="late")
    with pytest.raises(RefusedError, match=f"another successor .* {heir.url}; .* is not needed"):
        await take_over(late.folder, late.plan)


async def test_an_invite_of_before_leads_to_who_goes_on(federation: Federation) -> None:
    invite, members = await orphans(federation, "at", "hu")
    old = federation.folder / "eeig"
    heir = Heir(federation, invite, *members)
    await heir.appoint(*members)
    await until(lambda: states(members[0]) == ["appointed"])
    new = await heir.begin(federation)
    await same_size(new, *members)
    fields = {name: getattr(invite, name) for name in invite.__struct_fields__}
    asking = {"invite": fields, "peers": [members[0].url]}
    fr, si, sk = [await federation.begin(site, site.upper()) for site in ("fr", "si", "sk")]
    with pytest.raises(PeerError, match="a member knows who goes on: add --peer"):
        await admission.join(fr.node, {"invite": fields})
    answer = await admission.join(fr.node, asking)
    assert (answer["asked"], answer["appointed_by"]) == (heir.url, ["at", "hu"])
    assert [site for site, _, _ in new.node.reader.others.applications()] == ["fr"]
    # Who has joined needs nobody to be named.
    await memberships.admit(new.node, {"site": "fr"})
    await same_size(new, fr)
    answer = await admission.join(fr.node, {"invite": fields})
    assert answer["asked"] == heir.url
    # The old one, when it has heard of it, takes no requests, and says nothing else.
    port = int(invite.urls[0].rpartition(":")[2])
    ghost = await Node.open(old, settings=Settings(listen=f"127.0.0.1:{port}", poll_seconds=1))
    await ghost.exchange.sync_once()
    with pytest.raises(UnavailableError, match=f"who goes on with this log .*{heir.url}"):
        await admission.receive_application(ghost, admission.make_application(si.node))
    await ghost.close()
    await new.close()
    with pytest.raises(PeerError, match=f"was succeeded: at, hu have appointed .*{heir.url}"):
        await admission.join(si.node, asking)
    assert si.node.pinned is not None
    assert si.node.pinned.urls == [heir.url]
    # A member that stands where the old one did tells the same.
    await members[0].close()
    node = await Node.open(
        members[0].node.folder, settings=Settings(listen=f"127.0.0.1:{port}", poll_seconds=1)
    )
    moved = Served(node, invite.urls[0])
    await moved.start()
    with pytest.raises(PeerError, match="was succeeded: at, hu"):
        await admission.join(sk.node, {"invite": fields})
    await moved.close()


async def test_it_answers_where_members_have_appointed_it(federation: Federation) -> None:
    invite, members = await orphans(federation, "at", "hu")
    heir = Heir(federation, invite, *members)
    with (heir.folder / CONFIG).open("a", encoding="utf-8") as file:
        file.write("poll_seconds = 7\n")
    moved = replace(heir.plan, url="https://new.example", listen="127.0.0.1:1")
    assert prepare(heir.folder, moved) == (heir.root, False)
    settings = load_settings(heir.folder)
    assert (settings.url, settings.listen) == ("https://new.example", "127.0.0.1:1")
    assert settings.poll_seconds == 7
    with pytest.raises(RefusedError, match=f"--successor {heir.root.hex()} --url https"):
        await take_over(heir.folder, moved)
    await heir.appoint(*members)
    await until(lambda: states(members[0]) == ["appointed"])
    with pytest.raises(
        RefusedError, match=f"nowhere else, so run this command with --url {heir.url}"
    ):
        await take_over(heir.folder, moved)
    prepare(heir.folder, replace(heir.plan, listen=""))
    assert load_settings(heir.folder).url == heir.url
    assert load_settings(heir.folder).listen == "127.0.0.1:1"
    prepare(heir.folder, heir.plan)
    new = await heir.begin(federation)
    assert new.node.invite is not None
    assert new.node.invite.urls == [heir.url]


async def test_a_directory_that_was_not_prepared_is_left_alone(federation: Federation) -> None:
    at = await federation.begin("at", "AT")
    await at.close()
    assert at.node.invite is None
    invite = Invite(federation="f", origin="f/eeig/1", root="00" * 32, urls=["http://127.0.0.1:9"])
    with pytest.raises(FormatError, match="was not prepared"):
        await take_over(at.node.folder, SuccessionPlan(invite=invite, url="http://127.0.0.1:8"))
    node = await Node.open(at.node.folder)
    await node.close()


async def test_a_directory_that_is_used_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    invite = Invite(federation="f", origin="f/eeig/1", root="00" * 32, urls=["http://127.0.0.1:9"])
    with pytest.raises(FormatError, match="not empty"):
        prepare(tmp_path, SuccessionPlan(invite=invite, url="http://127.0.0.1:8"))
