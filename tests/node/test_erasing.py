"""Erasing in the log of a site that is gone, and what must not outlive an erasure elsewhere."""

import contextlib
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from sopro_node import clock, memberships, office
from sopro_node.access import sign_request
from sopro_node.acting import HOURS_WAITING
from sopro_node.audit.directory import audit_directory
from sopro_node.backup import back_up
from sopro_node.documents import structured
from sopro_node.drafting import Draft
from sopro_node.fence_state import State
from sopro_node.heldback import hold_back
from sopro_node.keyring import load_keys
from sopro_node.losses import find_lost
from sopro_node.node import Node
from sopro_node.restore import restore
from sopro_node.store.accounts import UploadRow
from sopro_node.store.sqlite import SqliteStore
from sopro_node.upkeep import Upkeep
from sopro_protocol.errors import NotFoundError, RefusedError, UnavailableError
from sopro_protocol.keys import Role
from sopro_registry.fields import parse_day
from tests.node.conftest import Federation, Served, until

ORIGIN = "sopro.example/at/1"
REASON = {"reason": "request", "deadline": "2099-12-31"}


async def register(node: Node, name: str) -> tuple[bytes, int]:
    """Register an organisation that a document names; return entity and position."""
    appended = await node.log.append(
        Draft(
            "organisation",
            {
                "actor_type": "enterprise",
                "country": "AT",
                "effective_date": "2026-01-10",
                "status": "active",
            },
            documents=[structured("organisation", {"legal_name": name})],
        )
    )
    return appended.entity, appended.index


async def with_one_gone(federation: Federation, successor: str = "") -> tuple[bytes, int]:
    """Bring it to where `at` has been expelled, and `hu` and the coordinator hold its log."""
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    hu = await federation.join("hu", "HU")
    entity, index = await register(at.node, "Maria Huber")
    for one in (coordinator, hu):
        await until(lambda one=one: document(one, index) == b"Maria Huber")
    values = {"site": "at", "status": "expelled"}
    if successor:
        values["successor"] = successor
    await memberships.set_membership(coordinator.node, values)
    await until(lambda: hu.node.holdings.directory.endings(ORIGIN))
    return entity, index


def document(one: Served, index: int) -> bytes | None:
    held = one.node.holdings.logs[ORIGIN]
    row = one.node.reader.documents.get(held.number, index, 0)
    return b"Maria Huber" if row and b"Maria Huber" in row.content else None


@pytest.mark.parametrize("by", ["hu", "eeig"])
async def test_who_looks_after_a_site_has_its_documents_erased_everywhere(
    federation: Federation, by: str
) -> None:
    entity, index = await with_one_gone(federation, "hu" if by == "hu" else "")
    eraser, others = federation.served[by], ("at", "hu", "eeig")
    done = await office.erase(eraser.node, {"entity": entity, "site": "at", **REASON})
    [erasure] = [one.erasure for one in eraser.node.reader.documents.erased(1)]
    told = {"index": index, "document": 0, "erasure": erasure, "origin": ORIGIN}
    assert done["erased"] == [told]
    for name in others:
        await until(lambda name=name: document(federation.served[name], index) is None)
    # Whoever is a member still has said so, and nobody else is waited for.
    await until(lambda: not eraser.node.receipts.outstanding(today=0))
    with pytest.raises(NotFoundError, match="that was not erased"):
        await office.erase(eraser.node, {"entity": entity, "site": "at", **REASON})
    for name in others:
        one = federation.served[name]
        report = audit_directory(one.node.folder, lambda *_: None)
        assert report.is_clean, [*report.problems, *(log.problems for log in report.logs)]


async def test_who_mirrors_some_sites_only_hears_of_it_too(federation: Federation) -> None:
    entity, index = await with_one_gone(federation, "hu")
    fr = await federation.join("fr", "FR")
    port = int(fr.url.rpartition(":")[2])
    await until(lambda: document(fr, index) == b"Maria Huber")
    await federation.served.pop("fr").close()
    again = await federation.open("fr", port, mirror=("at",))
    hu = federation.served["hu"].node
    await office.erase(hu, {"entity": entity, "site": "at", **REASON})
    await until(lambda: document(again, index) is None)
    await until(lambda: not hu.receipts.outstanding(today=0))


async def test_nobody_else_does(federation: Federation) -> None:
    entity, _ = await with_one_gone(federation)
    asked = {"entity": entity, "site": "at", **REASON}
    with pytest.raises(RefusedError, match="eeig looks after it") as refused:
        await office.erase(federation.served["hu"].node, asked)
    assert refused.value.code == "era.caretaker"
    with pytest.raises(RefusedError, match="it has not left"):
        await office.erase(federation.served["eeig"].node, asked | {"site": "hu"})


async def test_a_recovery_does_not_call_lost_what_was_erased(federation: Federation) -> None:
    """Whoever reads the report files again what is named there."""
    await federation.coordinator()
    node = (await federation.join("at", "AT")).node
    erased, _ = await register(node, "Maria Huber")
    _, kept = await register(node, "Josef Wagner")
    await office.erase(node, {"entity": erased, **REASON})
    held, store = node.holdings.own, SqliteStore.open(node.folder, writing=True)
    try:
        assert find_lost(store, held, start=0).named == []
        with store.transaction():
            store.documents.cut(held.number, [(kept, 0)])
        assert [one.position for one in find_lost(store, held, start=0).named] == [kept]
    finally:
        store.close()


async def test_erases_several_at_once_or_none(federation: Federation) -> None:
    await federation.coordinator()
    node = (await federation.join("at", "AT")).node
    names = [await register(node, f"Maria {number}") for number in range(3)]
    entities = [entity for entity, _ in names]
    with pytest.raises(NotFoundError, match=bytes(16).hex()):
        await office.erase(node, {"entities": [*entities, bytes(16)], **REASON})
    assert len(node.reader.documents.places(1)) == 3
    done = await office.erase(node, {"entities": entities, **REASON})
    assert [one["index"] for one in done["erased"]] == [index for _, index in names]
    assert done["left"] == ""
    assert not node.reader.residue()


async def test_an_erasure_is_done_where_somebody_reads_the_database(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup that is being made keeps the disk from being clean, and nothing else."""
    monkeypatch.setattr("sopro_node.scrubbing._PAUSE", 0)
    await federation.coordinator()
    node = (await federation.join("at", "AT")).node
    entity, index = await register(node, "Maria Huber")
    with closing(SqliteStore.open(node.folder, writing=False)) as reader, reader.snapshot():
        assert reader.documents.get(1, index, 0)
        done = await office.erase(node, {"entity": entity, **REASON})
        assert "end what reads it" in done["left"]
        assert [one["index"] for one in done["erased"]] == [index]
        assert node.reader.documents.get(1, index, 0) is None
        assert node.status()["residue"]
    await Upkeep(node).look()
    assert not node.status()["residue"]


async def test_files_that_were_never_used_go_by_themselves(federation: Federation) -> None:
    """And not only when somebody uploads the next one."""
    node = (await federation.coordinator()).node
    now = clock.now()
    old, young = now - (HOURS_WAITING + 1) * 3_600_000, now
    with node.store.transaction():
        for number, time in enumerate((old, young)):
            row = UploadRow(bytes([number]) * 16, "Maria", time, "a/b", b"Maria Huber")
            node.store.accounts.put_upload(row)
    await Upkeep(node).look()
    assert node.reader.accounts.weigh_uploads() == (1, len(b"Maria Huber"))
    assert not node.reader.residue()


async def test_no_backup_has_files_that_wait_or_what_is_left_of_others(
    federation: Federation, tmp_path: Path
) -> None:
    node = (await federation.coordinator()).node
    with node.store.transaction():
        for number in range(40):
            name = f"Maria Huber {number}".encode()
            row = UploadRow(bytes([number]) * 16, "Maria", clock.now(), "a/b", name)
            node.store.accounts.put_upload(row)
    back_up(node.folder, tmp_path / "backup")
    content = b"".join(one.read_bytes() for one in (tmp_path / "backup").iterdir())
    assert b"Maria Huber" not in content
    assert node.reader.accounts.weigh_uploads()[0] == 40
    copy = SqliteStore.open(tmp_path / "backup", writing=False)
    assert (copy.accounts.weigh_uploads(), copy.residue()) == ((0, 0), 0)
    copy.close()


async def test_documents_stay_hidden_while_nobody_has_said_what_was_erased(
    federation: Federation, tmp_path: Path
) -> None:
    """An operator decides what may be signed, and that tells nobody what was erased."""
    coordinator = await federation.coordinator()
    hu = await federation.join("hu", "HU")
    entity, index = await register(hu.node, "Maria Huber")
    back_up(hu.node.folder, tmp_path / "backup")
    # What was erased since is in no log that this directory has, and only a mirror knows.
    await office.erase(hu.node, {"entity": entity, **REASON})
    size = hu.node.holdings.own.size
    await until(lambda: coordinator.node.holdings.logs["sopro.example/hu/1"].signed_size == size)
    for name in ("hu", "eeig"):
        await federation.served.pop(name).close()
    keys = {one.name: one.read_bytes() for one in (hu.node.folder / "keys").iterdir()}
    restore(tmp_path / "backup", tmp_path / "again", keys)
    node = await Node.open(tmp_path / "again")
    try:
        assert await node.settling.open_alone("the line is cut") is not None
        assert not node.fence.is_informed()
        await node.held_back.release()
        assert node.status()["hidden_documents"] == ["sopro.example/eeig/1", "sopro.example/hu/1"]
        assert node.reader.documents.visibility(1, index, 0) is None
    finally:
        await node.close()


async def test_documents_of_a_site_that_is_gone_wait_for_who_looks_after_it(
    federation: Federation,
) -> None:
    _, index = await with_one_gone(federation, "hu")
    fr = await federation.join("fr", "FR")
    await until(lambda: document(fr, index) == b"Maria Huber")
    port = int(fr.url.rpartition(":")[2])
    for name in ("at", "fr", "hu"):
        await federation.served.pop(name).close()
    store = SqliteStore.open(fr.node.folder, writing=True)
    with store.transaction():
        hold_back(store)
    store.close()
    # The coordinator is there and mirrors everything; but who may have erased is not.
    again = await federation.open("fr", port)
    await until(lambda: again.node.exchange.peers[ORIGIN].served)
    await until(lambda: "sopro.example/eeig/1" not in again.node.status()["hidden_documents"])
    with contextlib.suppress(UnavailableError):
        await again.node.held_back.release()
    assert ORIGIN in again.node.status()["hidden_documents"]
    async with aiohttp.ClientSession(headers={"Accept-Language": "de"}) as session:
        page = await (await session.get(f"{again.url}/status")).text()
    assert f"welche davon seither gelöscht wurden: {ORIGIN}" in page
    await federation.open("hu", int(federation_port(federation, "hu")))
    await until(lambda: not again.node.status()["hidden_documents"])
    number = again.node.holdings.logs[ORIGIN].number
    assert again.node.reader.documents.visibility(number, index, 0) == 0


def federation_port(federation: Federation, site: str) -> str:
    """Return the port at which the others expect a site."""
    coordinator = federation.served["eeig"].node
    member = coordinator.holdings.directory.membership(site)
    assert member is not None
    return member.urls[0].rpartition(":")[2]


PAST = parse_day("2026-01-02", field="deadline")
LATE = {"reason": "request", "deadline": "2026-01-02"}


def waited_for(node: Node, today: int) -> list[list[str]]:
    return [one.sites for one in node.receipts.outstanding(today=today)]


async def test_whoever_never_took_the_log_owes_no_receipt(federation: Federation) -> None:
    await federation.coordinator()
    at = await federation.join("at", "AT")
    hu = await federation.join("hu", "HU", mirror=("eeig",))
    entity, _ = await register(at.node, "Maria Huber")
    _, kept = await register(at.node, "Josef Wagner")
    await office.erase(at.node, {"entity": entity, **LATE})
    await until(lambda: waited_for(at.node, PAST) == [["hu"]])
    [one] = at.node.receipts.outstanding(today=PAST)
    assert one.plain(today=PAST)["silent"] == ["hu"]
    assert waited_for(at.node, PAST + 1) == []
    # Who was handed a document has one.
    await until(lambda: hu.node.identity.origin in at.node.holdings.logs)
    url = f"{at.url}/log/at/1/document/{kept}/0"
    signer = load_keys(hu.node.folder, Role.ACCESS)[Role.ACCESS]
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            assert answer.status == 200
        assert waited_for(at.node, PAST + 1) == [], "anybody may have asked"
        async with session.get(url, headers=sign_request("GET", url, signer)) as answer:
            assert answer.status == 200
    assert waited_for(at.node, PAST + 1) == [["hu"]]
    [one] = at.node.receipts.outstanding(today=PAST + 1)
    assert one.plain(today=PAST + 1) | {"missing": ["hu"], "silent": [], "overdue": True} == (
        one.plain(today=PAST + 1)
    )


async def test_whoever_took_the_log_once_is_waited_for_after_a_restart(
    federation: Federation,
) -> None:
    await federation.coordinator()
    at = await federation.join("at", "AT")
    await federation.join("hu", "HU")
    entity, index = await register(at.node, "Maria Huber")
    await until(lambda: document(federation.served["hu"], index))
    await until(lambda: "hu" in at.node.takers)
    await federation.served.pop("hu").close()
    port = int(at.url.rpartition(":")[2])
    await federation.served.pop("at").close()
    at = await federation.open("at", port)
    await until(lambda: at.node.fence.state is State.OPEN)
    await office.erase(at.node, {"entity": entity, **LATE})
    await until(lambda: waited_for(at.node, PAST + 1) == [["hu"]])
