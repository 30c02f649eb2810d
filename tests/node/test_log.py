"""The node's own log: batches, order, promises."""

import asyncio
import itertools
from pathlib import Path

import pytest

from sopro_node.documents import structured
from sopro_node.drafting import Appended, Draft
from sopro_node.found import Plan, create_node
from sopro_node.node import Node
from sopro_node.reindex import reindex
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.checkpoint import open_checkpoint
from sopro_protocol.errors import ConflictError, FormatError, RefusedError, UnavailableError
from sopro_protocol.keys import make_vkey
from sopro_protocol.merkle import check_consistency, prove_consistency, root_at
from sopro_protocol.record import parse_entry, read_record
from sopro_registry.catalogue import READERS

SCHEME = {
    "effective_date": "2026-09-27",
    "grace_days": 90,
    "kind": "product",
    "max_validity_months": 48,
    "scheme": "sopro",
    "status": "active",
    "surveillance_interval_months": 12,
    "title": {"en": "SoPro"},
}


def scheme(name: str) -> Draft:
    return Draft("scheme", SCHEME | {"scheme": name})


def family_at(node: Node, position: int) -> str:
    data = node.holdings.entry(node.reader, node.log.held, position)
    return read_record(parse_entry(data).record, READERS).record.family


async def test_begins_with_keys_and_a_state(lone_node: Node) -> None:
    assert lone_node.log.held.size == 2
    assert [family_at(lone_node, at) for at in (0, 1)] == ["site_keys/1", "log_state/1"]


async def test_ends_every_batch_with_a_state(lone_node: Node) -> None:
    await lone_node.log.append(scheme("one"))
    await lone_node.log.append_all([scheme("two"), scheme("three")])
    families = [family_at(lone_node, at) for at in range(2, lone_node.log.held.size)]
    assert families == ["scheme/1", "log_state/1", "scheme/1", "scheme/1", "log_state/1"]


async def test_signs_what_it_holds(lone_node: Node) -> None:
    await lone_node.log.append(scheme("one"))
    held = lone_node.log.held
    [public] = [span.public for span in held.keys if span.role == "log"]
    signed = open_checkpoint(
        held.checkpoint, origin=held.origin, keys=[make_vkey(held.origin, public)]
    )
    assert (signed.size, signed.root) == (held.size, held.tree.root())


async def test_gathers_callers_into_batches(lone_node: Node) -> None:
    outcomes = await asyncio.gather(*[lone_node.log.append(scheme(f"s{n}")) for n in range(200)])
    indexes = [one.index for one in outcomes]
    assert len(set(indexes)) == 200
    assert lone_node.log.held.size < 2 + 200 + 20


async def test_one_bad_draft_harms_no_other(lone_node: Node) -> None:
    good, bad, other = await lone_node.log.append_all([scheme("one"), scheme("one"), scheme("two")])
    assert isinstance(good, Appended)
    assert isinstance(bad, RefusedError)
    assert bad.code == "mem.name"
    assert isinstance(other, Appended)
    assert other.index == good.index + 1


async def test_a_cancelled_caller_cancels_no_other(lone_node: Node) -> None:
    tasks = [asyncio.create_task(lone_node.log.append(scheme(f"s{n}"))) for n in range(50)]
    await asyncio.sleep(0)
    tasks[7].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(one, Appended) for one in done) == 49


async def test_says_that_somebody_was_faster(lone_node: Node) -> None:
    first = await lone_node.log.append(scheme("one"))
    changed = SCHEME | {"scheme": "one", "grace_days": 30}
    await lone_node.log.append(Draft("scheme", changed, entity=first.entity, seen=first.entry_id))
    with pytest.raises(ConflictError, match="look again"):
        await lone_node.log.append(
            Draft("scheme", changed, entity=first.entity, seen=first.entry_id)
        )


@pytest.mark.parametrize(
    ("draft", "message"),
    [
        (Draft("scheme", SCHEME | {"colour": "blue"}), "no field colour; known: effective_date"),
        (Draft("scheme", SCHEME | {"grace_days": -1}), "grace_days"),
        (Draft("scheme", {}), "missing required field"),
        (Draft("novel", {}), "unknown family 'novel'"),
        (Draft("scheme", SCHEME | {"effective_date": "2026-02-30"}), "not a day of the calendar"),
    ],
)
async def test_names_what_does_not_fit(lone_node: Node, draft: Draft, message: str) -> None:
    size = lone_node.log.held.size
    with pytest.raises(FormatError, match=message):
        await lone_node.log.append(draft)
    assert lone_node.log.held.size == size


async def test_keeps_documents_beside_the_record(lone_node: Node) -> None:
    document = structured("note", {"text": "Größe"})
    appended = await lone_node.log.append(Draft("scheme", SCHEME, documents=[document]))
    row = lone_node.reader.documents.get(1, appended.index, 0)
    assert row is not None
    assert row.content == document.content
    entry = lone_node.holdings.entry(lone_node.reader, lone_node.log.held, appended.index)
    assert "Größe".encode() not in entry


async def test_every_head_extends_the_one_before(lone_node: Node) -> None:
    held = lone_node.log.held
    heads = [(held.size, held.tree.root())]
    for number in range(6):
        drafts = [scheme(f"b{number}-{at}") for at in range(83)]
        await lone_node.log.append_all(drafts)
        heads.append((held.size, held.tree.root()))
    for (old_size, old_root), (new_size, new_root) in itertools.pairwise(heads):
        assert root_at(held.tree.read, old_size) == old_root
        proof = prove_consistency(held.tree.read, old_size=old_size, new_size=new_size)
        check_consistency(
            old_size=old_size,
            new_size=new_size,
            old_root=old_root,
            new_root=new_root,
            proof=proof,
        )


async def test_finds_everything_again_after_a_restart(tmp_path: Path, lone_node: Node) -> None:
    await lone_node.log.append_all([scheme(f"s{n}") for n in range(600)])
    held = lone_node.log.held
    before = (held.size, held.tree.root(), held.checkpoint)
    await lone_node.close()
    again = await Node.open(tmp_path / "node")
    assert (again.log.held.size, again.log.held.tree.root(), again.log.held.checkpoint) == before
    assert again.holdings.directory.scheme("s599") is not None
    lone_node.__dict__.update(again.__dict__)  # the fixture closes the one that is open


async def test_lets_only_one_process_work_on_a_folder(tmp_path: Path, lone_node: Node) -> None:
    with pytest.raises(UnavailableError, match="another sopro process"):
        await Node.open(tmp_path / "node")


async def test_says_that_another_version_made_the_tables(tmp_path: Path) -> None:
    plan = Plan(federation="sopro.example", site="at", country="AT")
    folder = tmp_path / "at"
    create_node(folder, plan, coordinator=False)
    store = SqliteStore.open(folder, writing=True)
    with store.transaction():
        store.put_setting("projection", b"0")
    store.close()
    with pytest.raises(FormatError, match=f"sopro reindex {folder}"):
        await Node.open(folder)
    reindex(folder, lambda *_: None)
    node = await Node.open(folder)
    assert node.log.held.size == 2
    await node.close()


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan(federation="sopro.example", site="a/b", country="AT"), "site: expected"),
        (Plan(federation="sopro.example", site="", country="AT"), "site: expected"),
        (Plan(federation="sopro.example", site="AT", country="AT"), "site: expected"),
        (Plan(federation="a/b", site="at", country="AT"), "federation: expected"),
        (Plan(federation="sopro.example", site="at", country="ZQ"), "country: expected"),
    ],
)
def test_makes_no_site_that_could_never_be_admitted(
    tmp_path: Path, plan: Plan, message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        create_node(tmp_path / "new", plan, coordinator=False)
    assert list(tmp_path.iterdir()) == []


async def test_what_comes_before_a_record_is_there_with_it_or_not_at_all(lone_node: Node) -> None:
    wrong = Draft("scheme", SCHEME | {"scheme": "two", "months": 3}, before=[scheme("one")])
    size = lone_node.log.held.size
    with pytest.raises(FormatError):
        await lone_node.log.append(wrong)
    assert lone_node.log.held.size == size
    # Nor does it take others of its batch with it.
    refused, taken = await lone_node.log.append_all([wrong, scheme("other")])
    assert isinstance(refused, FormatError)
    assert isinstance(taken, Appended)
    assert lone_node.log.held.size == size + 2
    right = await lone_node.log.append(Draft("scheme", SCHEME, before=[scheme("one")]))
    assert [family_at(lone_node, right.index + at) for at in (-1, 0, 1)] == [
        "scheme/1",
        "scheme/1",
        "log_state/1",
    ]
    assert lone_node.holdings.directory.scheme("one") is not None
