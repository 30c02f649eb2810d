"""Keys change while nodes serve: everybody follows, and every certificate stays good."""

import asyncio
from typing import Any

import pytest

from sopro_node import admission, clock, memberships, office
from sopro_node.access import sign_request
from sopro_node.application import sign_application
from sopro_node.certificates import make_certificate
from sopro_node.drafting import Appended, Draft, Signed
from sopro_node.fence_state import State
from sopro_node.found import COORDINATOR
from sopro_node.keyoffice import keys, plan_keys, put_keys
from sopro_node.keyring import KEYS, create_key, find_key, load_keys, open_key
from sopro_node.memberships import STATEMENT
from sopro_node.node import Node
from sopro_node.restore import check_keys
from sopro_node.standing import publish_policy
from sopro_protocol.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from sopro_protocol.encoding import decode, encode
from sopro_protocol.errors import ConflictError, RefusedError, VerificationError
from sopro_protocol.keys import COSIGNATURE, Ed25519Signer, Role, make_vkey
from sopro_protocol.merkle import Hash
from sopro_protocol.note import parse_note
from sopro_protocol.record import sign_record
from sopro_registry.certificate import MAX_CERTIFICATE, OpenedCertificate, open_certificate
from sopro_registry.family import KeySpan
from tests.node.conftest import Federation, Served, decide, grant, until

LOG = Role.LOG.value


async def change(node: Node, act: str, role: str, **values: Any) -> dict[str, Any]:
    """Plan, sign and append a change of keys, as the command does."""
    plan = await plan_keys(node, {"act": act, "role": role, **values})
    signer = find_key(node.folder, plan["root"], passphrase=node.passphrase).signer
    done = await put_keys(node, {"entry": sign_record(plan["record"], [signer])})
    return plan | done


async def succeed(node: Node) -> dict[str, Any]:
    successor = open_key(node.folder / KEYS / "next-root.pem").signer.public_key
    return await change(node, "rotate", "root", successor=successor)


def in_force(node: Node, role: str) -> list[KeySpan]:
    held = node.log.held
    return [span for span in held.keys if span.role == role and span.counts_at(held.size)]


def follows(one: Served, other: Served) -> bool:
    """Say whether a node serves the very head of another's log, all of it judged."""
    held = one.node.holdings.logs.get(other.node.identity.origin)
    return (
        held is not None
        and held.checkpoint == other.node.log.held.checkpoint
        and held.cursor.projected == held.size
    )


async def all_follow(federation: Federation, site: str) -> None:
    for code, one in federation.served.items():
        if code != site:
            await until(lambda one=one: follows(one, federation.served[site]))  # type: ignore[misc]


def verify(node: Node, data: bytes, *, number: str | None = None) -> OpenedCertificate:
    assert node.invite is not None
    opened = open_certificate(
        data,
        coordinator=node.invite.origin,
        coordinator_root=node.invite.root_key,
        day=clock.today("UTC"),
    )
    assert number in (None, opened.number)
    return opened


def certify(node: Node, number: str) -> bytes:
    return make_certificate(node.reader, node.holdings, number)


@pytest.fixture
async def pair(federation: Federation) -> tuple[Served, Served]:
    """A coordinator and one site, which follow each other."""
    coordinator = await federation.coordinator()
    return coordinator, await federation.join("at", "AT")


async def test_every_key_is_replaced_while_the_node_serves(
    federation: Federation, pair: tuple[Served, Served]
) -> None:
    coordinator, at = pair
    number, label = await grant(at.node)
    before = certify(at.node, number)
    for role in ("registrar", "decision", "witness", "access", "log"):
        old = in_force(at.node, role)
        await change(at.node, "rotate", role)
        new = in_force(at.node, role)
        assert new[-1] not in old
        assert (old[0] in new) == (role == LOG)
        await decide(at.node, label, action="correct", certificate=number)
    await change(at.node, "finish", LOG)
    assert len(in_force(at.node, LOG)) == 1
    await decide(at.node, label, action="correct", certificate=number)
    await all_follow(federation, "at")
    assert at.node.log.held.cursor.voids == 0
    for data in (before, certify(at.node, number), certify(coordinator.node, number)):
        assert verify(at.node, data, number=number).status == "active"
    assert len(verify(at.node, certify(coordinator.node, number)).decided) == 7


async def test_both_log_keys_sign_until_the_old_one_is_retired(
    federation: Federation, pair: tuple[Served, Served]
) -> None:
    at = pair[1].node
    [old] = in_force(at, LOG)
    await change(at, "rotate", LOG)
    note = at.log.held.checkpoint
    assert len(parse_note(note).signatures) == 2
    # Whoever knows only the old key opens it.
    open_checkpoint(
        note, origin=at.identity.origin, keys=[make_vkey(at.identity.origin, old.public)]
    )
    with pytest.raises(RefusedError, match="2 log keys are in force already"):
        await change(at, "rotate", LOG)
    await change(at, "finish", LOG)
    assert len(parse_note(at.log.held.checkpoint).signatures) == 1
    with pytest.raises(RefusedError, match="nothing to finish"):
        await change(at, "finish", LOG)
    await all_follow(federation, "at")


async def test_requests_are_signed_with_the_access_key_that_counts(
    federation: Federation, pair: tuple[Served, Served]
) -> None:
    coordinator, at = pair
    target = "/log/at/1/document/5/0"

    def who(signer: Ed25519Signer) -> set[str]:
        url = coordinator.node.settings.public_url + target
        said = coordinator.node.gate.caller("GET", target, sign_request("GET", url, signer))
        return set(said.sites) if said else set()

    await all_follow(federation, "at")
    old = load_keys(at.node.folder, Role.ACCESS)[Role.ACCESS]
    assert who(old) == {"at"}
    await change(at.node, "revoke", "access", size=at.node.log.held.size)
    await all_follow(federation, "at")
    [new] = in_force(at.node, "access")
    signer = at.node.signatory.signer(
        Role.ACCESS, at.node.log.held.keys, position=at.node.log.held.size
    )
    assert (signer.public_key, who(signer), who(old)) == (new.public, {"at"}, set())


async def test_a_new_witness_key_makes_heads_witnessed_in_place_of_the_old_one(
    federation: Federation, pair: tuple[Served, Served]
) -> None:
    coordinator, at = pair
    await publish_policy(coordinator.node, {"witnesses": ["at"], "faulty": 0})
    held = coordinator.node.log.held
    await until(lambda: 0 < held.signed_size == held.witnessed_size)
    [old] = in_force(at.node, "witness")
    await change(at.node, "rotate", "witness")
    [new] = in_force(at.node, "witness")
    await all_follow(federation, "at")
    await coordinator.node.log.append_state()
    await until(lambda: held.signed_size == held.witnessed_size)
    name = at.node.witness.name
    lines = parse_note(held.witnessed).signatures
    keys = {
        make_vkey(name, span.public, key_type=COSIGNATURE).note_key_id: span for span in (old, new)
    }
    assert [keys[line.key_id] for line in lines if line.name == name] == [new]


async def test_a_mirror_that_was_away_follows_and_so_does_who_comes_after(
    federation: Federation, pair: tuple[Served, Served]
) -> None:
    coordinator, at = pair
    port = coordinator.node.settings.address[1]
    await federation.served.pop(COORDINATOR).close()
    for _ in range(2):
        await change(at.node, "rotate", LOG)
        await change(at.node, "finish", LOG)
    await succeed(at.node)
    await federation.open(COORDINATOR, port)
    await all_follow(federation, "at")
    hu = await federation.join("hu", "HU")
    await until(lambda: follows(hu, at))


async def test_a_node_that_is_opened_again_signs_with_the_keys_in_force(
    federation: Federation, pair: tuple[Served, Served]
) -> None:
    at = pair[1]
    for role in ("registrar", "decision", LOG):
        await change(at.node, "rotate", role)
    await change(at.node, "finish", LOG)
    head, port = at.node.log.held.checkpoint, at.node.settings.address[1]
    await federation.served.pop("at").close()
    at = await federation.open("at", port)
    assert at.node.log.held.checkpoint == head
    await grant(at.node)
    await all_follow(federation, "at")


async def test_a_lost_root_key_is_replaced_by_its_successor(
    federation: Federation, pair: tuple[Served, Served]
) -> None:
    coordinator, at = pair
    number, _ = await grant(at.node)
    before = certify(at.node, number)
    (at.node.folder / KEYS / "root.pem").unlink()
    with pytest.raises(RefusedError, match="--root-key FILE"):
        await change(at.node, "rotate", "access")
    await succeed(at.node)
    await change(at.node, "rotate", "access")
    await all_follow(federation, "at")

    # The coordinator takes over the new root key because the site's own log proves it.
    await join_again(coordinator, at)
    await memberships.admit(coordinator.node, {"site": "at"})
    member = coordinator.node.holdings.directory.membership("at")
    [root] = in_force(at.node, "root")
    assert member is not None
    assert member.root == root.public
    hu = await federation.join("hu", "HU")
    await until(lambda: follows(hu, at))
    await until(lambda: follows(at, coordinator))
    for data in (before, certify(at.node, number), certify(hu.node, number)):
        assert verify(at.node, data, number=number).status == "active"
    # A later record on the member needs no proof again.
    await memberships.set_membership(coordinator.node, {"site": "at", "status": "suspended"})


async def test_several_successions_are_taken_over_at_once(
    federation: Federation, pair: tuple[Served, Served]
) -> None:
    coordinator, at = pair
    [first] = in_force(at.node, "root")
    for _ in range(3):
        await change(at.node, "rotate", "access")
        newest = sorted(
            (at.node.folder / KEYS).glob("next-root*.pem"), key=lambda path: path.stat().st_mtime_ns
        )[-1]
        await change(at.node, "rotate", "root", successor=open_key(newest).signer.public_key)
    await all_follow(federation, "at")
    await join_again(coordinator, at)
    await memberships.admit(coordinator.node, {"site": "at"})
    member = coordinator.node.holdings.directory.membership("at")
    assert member is not None
    assert member.root == in_force(at.node, "root")[0].public
    assert len(list(member.succession or ())) == 6
    assert coordinator.node.holdings.directory.founding_root("sopro.example/at/1") == first.public
    hu = await federation.join("hu", "HU")
    await until(lambda: follows(hu, at))


async def test_a_replaced_root_key_speaks_for_nobody(
    federation: Federation, pair: tuple[Served, Served]
) -> None:
    coordinator, at = pair
    old = open_key(at.node.folder / KEYS / "root.pem").signer
    content = (await admission.application(at.node, {}))["content"]
    await succeed(at.node)
    await all_follow(federation, "at")
    with pytest.raises(RefusedError) as refused:
        await admission.receive_application(coordinator.node, sign_application(content, old))
    assert refused.value.code == "mem.name"


async def test_a_request_says_nothing_that_is_the_coordinators_to_say(
    pair: tuple[Served, Served],
) -> None:
    coordinator, at = pair
    signer = open_key(at.node.folder / KEYS / "root.pem").signer
    request = decode((await office.application(at.node, {}))["content"])
    assert isinstance(request, dict)
    said = {"conformance": bytes(32), "conformance_until": "2999-01-01", "successor": "hu"}
    urls = ["https://at.sopro.example"]
    await admission.receive_application(
        coordinator.node, sign_application(encode(request | said | {"urls": urls}), signer)
    )
    await office.admit(coordinator.node, {"site": "at"})
    member = coordinator.node.holdings.directory.membership("at")
    assert member is not None
    assert member.urls == urls
    assert not any(isinstance(getattr(member, name), str | bytes) for name in said)


async def join_again(coordinator: Served, at: Served) -> None:
    """Tell the coordinator of a new root key."""
    assert coordinator.node.invite is not None
    invite = {
        name: getattr(coordinator.node.invite, name)
        for name in coordinator.node.invite.__struct_fields__
    } | {"urls": [coordinator.url]}
    await admission.join(at.node, {"invite": invite})


async def test_a_wrong_successor_is_refused(pair: tuple[Served, Served]) -> None:
    at = pair[1].node
    wrong = create_key(at.folder, "next-root", None).signer
    with pytest.raises(RefusedError, match="not the key that the log has committed to"):
        await plan_keys(at, {"act": "rotate", "role": "root", "successor": wrong.public_key})
    right = open_key(at.folder / KEYS / "next-root.pem").signer
    plan = await plan_keys(at, {"act": "rotate", "role": "root", "successor": right.public_key})
    size = at.log.held.size
    with pytest.raises(RefusedError) as refused:
        await put_keys(at, {"entry": sign_record(plan["record"], [wrong])})
    assert refused.value.code == "sig.unknown-key"
    assert at.log.held.size == size


async def test_the_coordinator_alone_cannot_replace_a_countrys_root_key(
    pair: tuple[Served, Served],
) -> None:
    coordinator, _ = pair
    thief = create_key(coordinator.node.folder, "root", None).signer
    member = coordinator.node.holdings.directory.membership("at")
    assert member is not None
    entity = coordinator.node.reader.named(1, "site_membership", "at")
    fields = {name: getattr(member, name) for name in member.__struct_fields__}
    absent = (
        "abandoned",
        "approvals",
        *STATEMENT,
        "ends",
        "epoch",
        "mandate",
        "successor",
        "succession",
    )
    values = {key: value for key, value in fields.items() if key not in absent}
    values["root"] = thief.public_key
    own = coordinator.node.log.held.tree.edge.entries[0]
    for proof in ({}, {"succession": [own, own]}):
        with pytest.raises(RefusedError) as refused:
            await coordinator.node.log.append(Draft("site_membership", values | proof, entity))
        assert refused.value.code == "mem.key"


async def test_a_record_signed_before_the_log_went_on_is_signed_again(
    pair: tuple[Served, Served],
) -> None:
    at = pair[1].node
    plan = await plan_keys(at, {"act": "rotate", "role": "access"})
    signer = find_key(at.folder, plan["root"], passphrase=at.passphrase).signer
    entry = sign_record(plan["record"], [signer])
    await change(at, "rotate", "witness")
    with pytest.raises(ConflictError, match="sign it again"):
        await put_keys(at, {"entry": entry})


async def test_a_record_that_is_handed_over_again_lies_where_it_lay(
    pair: tuple[Served, Served],
) -> None:
    at = pair[1].node
    plan = await plan_keys(at, {"act": "rotate", "role": "access"})
    signer = find_key(at.folder, plan["root"], passphrase=at.passphrase).signer
    entry = sign_record(plan["record"], [signer])
    first = await put_keys(at, {"entry": entry})
    size = at.log.held.size
    assert await put_keys(at, {"entry": entry}) == first
    await change(at, "rotate", "witness")
    await succeed(at)
    assert await put_keys(at, {"entry": entry}) == first, "also when other keys count by now"
    assert await put_keys(at, {"entry": at.log.held.tree.edge.entries[0]}) == {"index": 0}
    assert at.log.held.size == size + 4, "two changes, each with the record that ends its batch"
    twice = await at.log.append_all([Signed(entry), Signed(entry)])
    assert [one.index for one in twice if isinstance(one, Appended)] == [first["index"]] * 2
    assert at.log.held.size == size + 4


async def test_what_is_handed_over_twice_at_once_is_appended_once(
    pair: tuple[Served, Served],
) -> None:
    at = pair[1].node
    plan = await plan_keys(at, {"act": "date", "role": "log", "renew_by": ""})
    signer = find_key(at.folder, plan["root"], passphrase=at.passphrase).signer
    entry = sign_record(plan["record"], [signer])
    size = at.log.held.size
    twice = await at.log.append_all([Signed(entry), Signed(entry)])
    assert [one.index for one in twice if isinstance(one, Appended)] == [size, size]
    assert at.log.held.size == size + 2


async def test_a_record_after_which_nothing_could_be_signed_stays_out(
    pair: tuple[Served, Served],
) -> None:
    at = pair[1].node
    plan = await plan_keys(at, {"act": "rotate", "role": "registrar"})
    at.signatory._files.pop(in_force(at, "log")[0].public)
    signer = find_key(at.folder, plan["root"], passphrase=at.passphrase).signer
    size = at.log.held.size
    with pytest.raises(Exception, match="no log key that counts"):
        await put_keys(at, {"entry": sign_record(plan["record"], [signer])})
    assert at.log.held.size == size


async def test_only_key_records_are_taken_as_they_were_signed(
    pair: tuple[Served, Served],
) -> None:
    at = pair[1].node
    with pytest.raises(RefusedError, match="expected a record of site_keys/1"):
        await put_keys(at, {"entry": at.log.held.tree.edge.entries[1]})


# Revocation.


async def test_a_stolen_log_key_is_refused_above_the_cut_and_certificates_below_it_hold(
    federation: Federation, pair: tuple[Served, Served]
) -> None:
    coordinator, at = pair
    number, _ = await grant(at.node)
    early = certify(at.node, number)
    safe = at.node.log.held.size
    [old] = in_force(at.node, LOG)
    await at.node.log.append_state()
    late = certify(at.node, number)
    await change(at.node, "revoke", LOG, size=safe)
    await all_follow(federation, "at")
    [mirrored] = [
        span
        for span in coordinator.node.holdings.logs[at.node.identity.origin].keys
        if span.public == old.public
    ]
    assert mirrored.cut == safe
    assert mirrored.signs_head(safe)
    assert not mirrored.signs_head(safe + 1)
    fresh = certify(coordinator.node, number)
    assert verify(at.node, early, number=number).status == "active"
    assert verify(at.node, fresh, number=number).status == "active"
    # Who knows of the cut refuses a head above it that the stolen key alone has signed.
    swapped = decode(fresh, limit=MAX_CERTIFICATE)
    assert isinstance(swapped, dict)
    swapped["decisions"] = decode(late, limit=MAX_CERTIFICATE)["decisions"]  # type: ignore[call-overload,index]
    with pytest.raises(VerificationError) as refused:
        verify(at.node, encode(swapped))
    assert refused.value.code == "ckp.signature"


async def test_a_stolen_log_key_shows_no_two_histories_above_the_cut(
    federation: Federation, pair: tuple[Served, Served]
) -> None:
    coordinator, at = pair
    origin, size = at.node.identity.origin, at.node.log.held.size
    stolen = load_keys(at.node.folder, Role.LOG)[Role.LOG]
    await change(at.node, "revoke", LOG, size=size)
    await all_follow(federation, "at")
    forged = [
        sign_checkpoint(Checkpoint(origin, one, Hash(bytes(32))), stolen)
        for one in (size + 1, size + 100, size)
    ]
    weigh = coordinator.node.exchange.gossip.weigh
    assert [await weigh(origin, note) for note in forged[:2]] == [None, None]
    for note in forged[:2]:
        at.node.fence.hear(note, coordinator.node.identity.origin)
    await at.node.log.append_state()
    assert at.node.fence.state is State.OPEN
    # What it could sign before the cut still counts against the site.
    assert await weigh(origin, forged[2]) is not None


async def test_a_restore_wants_the_keys_that_count(lone_node: Node) -> None:
    check_keys(lone_node.folder, lone_node.log.held.cursor)
    done = await change(lone_node, "rotate", LOG)
    await change(lone_node, "finish", LOG)
    check_keys(lone_node.folder, lone_node.log.held.cursor)
    [made] = done["made"]
    (lone_node.folder / KEYS / made.rpartition("/")[2]).unlink()
    with pytest.raises(VerificationError, match="no log key that this site's log names"):
        check_keys(lone_node.folder, lone_node.log.held.cursor)


async def test_what_a_stolen_key_signed_since_is_named(pair: tuple[Served, Served]) -> None:
    at = pair[1].node
    safe = at.log.held.size
    _, label = await grant(at)
    [position] = [
        index
        for index in range(safe, at.log.held.size)
        if in_force(at, "decision")[0].key_id in at.log.held.tree.edge.entries[index]
    ]
    done = await change(at, "revoke", "decision", size=safe)
    assert done["doubtful"] == [position]
    await decide(at, label, action="correct", certificate=(await number_of(at, label)))


async def number_of(node: Node, label: bytes) -> str:
    rows = (await office.entities(node, {"entities": [label]}))["rows"]
    return str(rows[0]["state"]["number"])


@pytest.mark.parametrize(
    ("role", "values", "words"),
    [
        ("root", {"size": 2}, "replaced, by its successor"),
        ("next-root", {"size": 2}, "has signed nothing that could be cut off"),
        ("log", {"size": 10**6}, "a key is cut off at a size it has had"),
        ("log", {"size": -1}, "a key is cut off at a size it has had"),
        ("log", {"size": 2, "key": "00"}, "expected one log key '00', found none"),
    ],
)
async def test_what_cannot_be_cut_off_is_said(
    lone_node: Node, role: str, values: dict[str, Any], words: str
) -> None:
    with pytest.raises(RefusedError, match=words):
        await plan_keys(lone_node, {"act": "revoke", "role": role, **values})


async def test_one_of_two_log_keys_is_named_by_its_id(lone_node: Node) -> None:
    await change(lone_node, "rotate", LOG)
    old, new = in_force(lone_node, LOG)
    with pytest.raises(RefusedError, match="name one with --key ID"):
        await change(lone_node, "revoke", LOG, size=2)
    await change(lone_node, "revoke", LOG, size=2, key=old.key_id.hex()[:16])
    assert in_force(lone_node, LOG) == [new]
    # A retired key can be cut off later, too; no new one is needed for it.
    await change(lone_node, "rotate", "registrar")
    retired = next(span for span in lone_node.log.held.keys if span.role == "registrar")
    done = await change(lone_node, "revoke", "registrar", size=2, key=retired.key_id.hex())
    assert done["made"] == []


async def test_a_lost_key_is_replaced_without_it(lone_node: Node) -> None:
    folder = lone_node.folder
    await lone_node.close()
    for name in ("log.pem", "registrar.pem"):
        (folder / KEYS / name).unlink()
    node = await Node.open(folder, must_sign=False)
    done = await change(node, "revoke", "registrar", size=node.log.held.size)
    assert [name.split()[0] for name in done["ended"]] == ["registrar", "log"]
    await node.close()
    node = await Node.open(folder)
    await node.log.append_state()
    await node.close()


# What is told.


async def test_status_lists_the_keys_and_says_what_to_do(lone_node: Node) -> None:
    answer = await keys(lone_node, {})
    assert [one["role"] for one in answer["keys"] if one["in_force"]] == [
        "root", "log", "witness", "registrar", "decision", "access"
    ]  # fmt: skip
    assert answer["keys"][0]["file"] == "root.pem"
    warnings = " ".join(answer["warnings"])
    assert "key files without a passphrase: " in warnings
    assert "next-root.pem and root.pem on this machine" in warnings
    assert "log keys sign" not in warnings
    await change(lone_node, "rotate", LOG)
    assert "2 log keys sign" in " ".join((await keys(lone_node, {}))["warnings"])
    for name in ("root.pem", "next-root.pem"):
        (lone_node.folder / KEYS / name).unlink()
    assert "on this machine" not in " ".join((await keys(lone_node, {}))["warnings"])


async def test_a_key_made_for_a_plan_that_came_to_nothing_is_taken_again(lone_node: Node) -> None:
    first = await plan_keys(lone_node, {"act": "rotate", "role": "decision"})
    second = await plan_keys(lone_node, {"act": "rotate", "role": "decision"})
    assert first["made"] == second["made"]
    other = await plan_keys(lone_node, {"act": "rotate", "role": "next-root"})
    again = await plan_keys(lone_node, {"act": "rotate", "role": "next-root"})
    assert other["made"] != again["made"], "a successor given up may have been seen by others"


async def test_appends_go_on_while_keys_change(lone_node: Node) -> None:
    stop = asyncio.Event()
    appended = []

    async def load() -> None:
        while not stop.is_set():
            await lone_node.log.append_state()
            appended.append(lone_node.log.held.size)

    loading = asyncio.create_task(load())
    for role in ("registrar", "decision", LOG):
        await change(lone_node, "rotate", role)
    await change(lone_node, "finish", LOG)
    stop.set()
    await loading
    assert appended == sorted(appended)
    assert lone_node.log.held.cursor.voids == 0
