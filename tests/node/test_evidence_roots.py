"""A site or a coordinator that has changed its root key does not fork unseen."""

import pytest
from msgspec import structs

from sopro_node import memberships
from sopro_node.evidence import Kept
from sopro_node.forks import head_of
from sopro_node.inbox import list_acts
from sopro_node.keyring import load_keys
from sopro_protocol.checkpoint import sign_checkpoint
from sopro_protocol.errors import RefusedError, VerificationError
from sopro_protocol.evidence import MAX_KEYS, ShownHead, format_evidence, parse_evidence
from sopro_protocol.keys import Ed25519Signer, Role
from sopro_registry.evidence import open_evidence
from tests.node.conftest import Federation, Served, until
from tests.node.test_evidence import (
    EEIG,
    ORIGIN,
    accuse,
    file_against,
    key_record,
    sign,
    two_sites,
)
from tests.node.test_keys import change, follows, join_again, succeed


def check(one: Served, kept: Kept) -> None:
    """Verify what is kept as somebody does who has nothing but the file and the invite."""
    invite, data = one.node.invite, one.node.reader.others.evidence_file(kept.id)
    assert invite is not None
    assert data is not None
    opened = open_evidence(data, coordinator=invite.origin, coordinator_root=invite.root_key)
    assert opened.id == kept.id
    assert one.node.evidence.standing(kept.origin) == [kept]


@pytest.mark.parametrize("is_named", [False, True])
@pytest.mark.parametrize("changes_log_key", [False, True])
async def test_a_site_that_has_changed_its_root_key(
    federation: Federation, is_named: bool, changes_log_key: bool
) -> None:
    async with two_sites(federation) as (coordinator, at, hu):
        await succeed(at.node)
        await until(lambda: follows(coordinator, at))
        if is_named:
            await join_again(coordinator, at)
            await memberships.admit(coordinator.node, {"site": "at"})
        if changes_log_key:
            await change(at.node, "rotate", "log")
        await until(lambda: follows(hu, at))
        await until(lambda: follows(hu, coordinator))
        kept = await accuse(hu, at)
        assert kept is not None
        check(hu, kept)
        # Whoever hears of it can verify it, the coordinator and the site itself among them.
        for one in (coordinator, at):
            await until(lambda one=one: kept.id in one.node.evidence)


async def test_a_coordinator_that_has_changed_its_root_key(federation: Federation) -> None:
    async with two_sites(federation) as (coordinator, at, hu):
        await succeed(coordinator.node)
        await change(coordinator.node, "rotate", "log")
        await change(coordinator.node, "rotate", "registrar")
        await memberships.change_membership(
            coordinator.node, {"site": "at", "changes": {"country": "DE"}}
        )
        for one in (at, hu):
            await until(lambda one=one: follows(one, coordinator))
        kept = await accuse(hu, at)
        assert kept is not None
        check(hu, kept)
        held = hu.node.holdings.logs[EEIG]
        forged = sign(coordinator, held.signed_size, bytes(32))
        kept = await hu.node.exchange.gossip.weigh(EEIG, forged)
        assert kept is not None
        check(hu, kept)


async def test_many_key_records_hide_nobody(federation: Federation) -> None:
    """More of them than a file holds, with a change of the root key behind."""
    async with two_sites(federation) as (coordinator, at, hu):
        for _ in range(MAX_KEYS):
            await change(at.node, "rotate", "access")
        await succeed(at.node)
        await until(lambda: follows(coordinator, at))
        await join_again(coordinator, at)
        await memberships.admit(coordinator.node, {"site": "at"})
        await until(lambda: follows(hu, at))
        await until(lambda: follows(hu, coordinator))
        assert len(hu.node.holdings.logs[ORIGIN].cursor.key_records) > MAX_KEYS
        kept = await accuse(hu, at)
        assert kept is not None
        check(hu, kept)
        await until(lambda: kept.id in coordinator.node.evidence)


def signed_by(thief: Ed25519Signer, shown: ShownHead) -> ShownHead:
    """Sign the invented one of two heads with another key."""
    if shown.root != bytes(32):
        return shown
    return shown._replace(note=sign_checkpoint(head_of(shown.note), thief))


async def test_a_root_key_that_was_replaced_accuses_nobody(federation: Federation) -> None:
    """Whoever has stolen it names a log key of its own, and forks with that."""
    async with two_sites(federation) as (coordinator, at, hu):
        old = load_keys(at.node.folder, Role.ROOT)[Role.ROOT]
        await succeed(at.node)
        await until(lambda: follows(coordinator, at) and follows(hu, at))
        earlier = parse_evidence(await file_against(hu, at))
        await join_again(coordinator, at)
        await memberships.admit(coordinator.node, {"site": "at"})
        await until(lambda: follows(hu, coordinator))
        # With the membership of before, and with that of now.
        now = parse_evidence(await file_against(hu, at))
        thief = Ed25519Signer(bytes(32))
        stolen = key_record(old, 0)
        assert earlier.membership != now.membership
        for evidence, keys, code in (
            (earlier, earlier.keys[:1], "mem.untrusted"),
            (earlier, earlier.keys, "sig.unknown-key"),
            (now, now.keys[:1], "sig.unknown-key"),
            (now, now.keys, "sig.unknown-key"),
        ):
            fork = evidence.fork
            fork = fork._replace(heads=tuple(signed_by(thief, one) for one in fork.heads))
            data = format_evidence(evidence._replace(fork=fork, keys=(*keys, stolen)))
            with pytest.raises(VerificationError) as refused:
                await hu.node.evidence.take(data)
            assert refused.value.code == code
        assert not hu.node.evidence.standing(ORIGIN)


@pytest.mark.parametrize("status", ["left", "expelled"])
async def test_two_histories_are_settled_where_a_site_goes(
    federation: Federation, status: str
) -> None:
    async with two_sites(federation) as (coordinator, at, hu):
        kept = await accuse(hu, at)
        assert kept is not None
        await until(lambda: kept.id in coordinator.node.evidence)
        answer = await memberships.set_membership(
            coordinator.node, {"site": "at", "status": status}
        )
        assert len(answer["abandoned"]) == 1
        for one in (coordinator, hu):
            await until(lambda one=one: not one.node.evidence.standing(kept.origin))


@pytest.mark.parametrize("status", ["left", "expelled"])
async def test_two_histories_that_come_to_light_when_a_site_has_gone_are_settled(
    federation: Federation, status: str
) -> None:
    async with two_sites(federation) as (coordinator, at, hu):
        said = {"site": "at", "status": status}
        gone = await memberships.set_membership(coordinator.node, said)
        with pytest.raises(RefusedError, match=f"at is {status} already"):
            await memberships.set_membership(coordinator.node, said)
        await until(lambda: follows(hu, coordinator))
        kept = await accuse(hu, at)
        assert kept is not None
        await until(lambda: kept.id in coordinator.node.evidence)
        with pytest.raises(RefusedError, match="all that can still be recorded"):
            await memberships.set_membership(coordinator.node, {**said, "size": gone["size"] + 1})
        [act] = [one for one in list_acts(coordinator.node) if one.kind == "evidence"]
        word = {"left": "leave", "expelled": "expel"}[status]
        assert act.command == f"sopro members {word} {coordinator.node.folder} at"
        before = coordinator.node.holdings.directory.membership("at")
        answer = await memberships.set_membership(coordinator.node, said)
        assert (len(answer["abandoned"]), answer["size"]) == (1, gone["size"])
        after = coordinator.node.holdings.directory.membership("at")
        assert before is not None
        assert after is not None
        assert structs.replace(after, abandoned=before.abandoned) == before
        for one in (coordinator, hu):
            await until(lambda one=one: not one.node.evidence.standing(kept.origin))
