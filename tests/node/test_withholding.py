"""Withheld entries: taken out where they were seen, and taken in where only their hash is shown."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

import sopro_node.growing
from sopro_node.audit.directory import audit_directory
from sopro_node.bundles import blank, decompress, documents_part
from sopro_node.drafting import Appended, Draft, Signed
from sopro_node.evidence import EvidenceKeeper
from sopro_node.fetch import Fetched
from sopro_node.found import Plan, create_node
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.keyplan import write_record
from sopro_node.keyrecords import list_key_records
from sopro_node.keyring import load_ring
from sopro_node.mirror import Mirror
from sopro_node.node import Node
from sopro_node.reach import ANYWHERE
from sopro_node.reindex import reindex
from sopro_node.store.connection import create_database
from sopro_node.store.sqlite import SqliteStore
from sopro_node.target import Target
from sopro_node.verify import check_bundle
from sopro_node.withholding import plan_withholding, put_withholding
from sopro_node.writer import Writer
from sopro_protocol.bundle import WIDTH, Withheld, format_items
from sopro_protocol.errors import (
    FormatError,
    PeerError,
    RefusedError,
    SoproError,
    VerificationError,
    WithheldError,
)
from sopro_protocol.keys import Role
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.record import parse_entry, sign_record
from sopro_protocol.tile import Kind, parse_tile_path
from tests.neighbours import let_append

pytestmark = pytest.mark.slow

ORIGIN = "sopro.example/at/1"
CANARY = "Zaunkönig Öztürk-Çelik"


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Node]:
    plan = Plan(federation="sopro.example", site="at", country="AT", zone="Europe/Vienna")
    create_node(tmp_path / "at", plan, coordinator=False)
    node = await Node.open(tmp_path / "at")
    let_append(node)
    try:
        yield node
    finally:
        await node.close()


def alone(reason: str = "nobody is there") -> Draft:
    return Draft("serve_alone", {"peers": 1, "reason": reason})


async def put(node: Node, *drafts: Draft | Signed) -> list[int]:
    outcomes = await node.log.append_all(drafts)
    indexes = [one.index for one in outcomes if isinstance(one, Appended)]
    assert len(indexes) == len(drafts), outcomes
    return indexes


def sign(node: Node, record: bytes) -> bytes:
    [root] = load_ring(node.folder, Role.ROOT)
    return sign_record(record, [root.signer])


async def withhold(node: Node, index: int, **values: Any) -> int:
    plan = await plan_withholding(node, {"index": index, "reason": "personal_data", **values})
    done = await put_withholding(node, {"entry": sign(node, plan["record"])})
    return int(done["index"])


Change = Callable[[str, list[bytes | Withheld]], list[bytes | Withheld]]


class Source:
    """Serves a node's log without a network, and lies in bundles where it is told to."""

    deadline = 1.0
    reach = ANYWHERE

    def __init__(self, node: Node, change: Change = lambda _path, items: items) -> None:
        self._node = node
        self._change = change
        self.fails: set[str] = set()

    async def get(self, url: str, **_: object) -> Fetched:
        return self.fetch(url)

    def fetch(self, url: str) -> Fetched:
        path = url.removeprefix("at/")
        if path in self.fails:
            raise PeerError(f"{url}: not now", code="hos.unreachable")
        body = self._render(path)
        return Fetched(body, None, len(body), {})

    def _render(self, path: str) -> bytes:
        node, held = self._node, self._node.log.held
        if path == "checkpoint":
            return held.checkpoint
        if path == "keys":
            records = list_key_records(node.reader, node.holdings, held)
            return msgspec.msgpack.encode([list(one) for one in records])
        resource = parse_tile_path(path)
        if resource.kind is Kind.BUNDLE:
            items = node.holdings.bundle_of(node.reader, held, resource.index)
            found = self._change(path, list(items[: resource.width]))
            return format_items(found) + documents_part([])
        return b"".join(held.tree.hashes(resource.level, resource.index, resource.width))


class Here(Executor):
    """Checks bundles in this process."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def submit(self, _work: Any, /, *args: Any, **_: Any) -> Future[Any]:
        [task] = args
        done: Future[Any] = Future()
        try:
            done.set_result([self._check(task, at) for at in range(len(task.numbers))])
        except SoproError as error:
            done.set_result(error)
        return done

    def _check(self, task: Any, at: int) -> Any:
        number = task.numbers[at]
        return check_bundle(
            self._source.fetch(f"at/bundle/{number:03}"),
            number=number,
            width=WIDTH,
            root=task.roots[at],
            keys=task.keys,
        )


class Puller:
    """A node that mirrors one log, with its database in a folder."""

    def __init__(self, folder: Path, source: Source) -> None:
        self.folder = folder
        if not folder.exists():
            folder.mkdir()
            create_database(folder)
        self.source = source
        self.store = SqliteStore.open(folder, writing=True)
        self.writer = Writer()
        self.holdings = Holdings(self.store, own="sopro.example/hu/1", coordinator=None)
        evidence = EvidenceKeeper(
            self.holdings,
            self.store,
            self.writer,
            reader=self.store,
            identity=None,
            invite=lambda: None,
        )
        self.mirror = Mirror(
            self.holdings,
            self.store,
            self.writer,
            workers=lambda: Here(self.source),
            evidence=evidence,
        )

    async def pull(self) -> None:
        root = self.source._node.identity.root
        target = Target(ORIGIN, root, ("at",))
        await self.mirror.pull(target, self.source)  # type: ignore[arg-type]  # asks as a Fetch

    @property
    def held(self) -> HeldLog | None:
        return self.holdings.logs.get(ORIGIN)

    def close(self) -> None:
        self.writer.close()
        self.store.close()


@pytest.fixture
def new_puller(tmp_path: Path) -> Iterator[Callable[..., Puller]]:
    opened: list[Puller] = []

    def begin(source: Source, name: str = "hu") -> Puller:
        opened.append(Puller(tmp_path / name, source))
        return opened[-1]

    yield begin
    for one in opened:
        one.close()


def seen_in(store: SqliteStore, held: HeldLog) -> bool:
    """Say whether the canary stands in anything that is kept of a log."""
    frames = [store.bundle(held.number, number) or b"" for number in range(held.size // WIDTH)]
    kept = [decompress(frame) for frame in frames]
    kept += [item for item in store.entries(held.number, 0) if isinstance(item, bytes)]
    kept += [item for item in held.tree.edge.entries if isinstance(item, bytes)]
    return any(CANARY.encode() in data for data in kept)


def tables(store: SqliteStore, held: HeldLog) -> Mapping[str, Any]:
    return {
        "entities": {
            entity: (row.family, row.head, row.state)
            for entity, row in store.all_entities(held.number)
        },
        "names": sorted(store.all_names(held.number)),
        "voids": store.voids(held.number, start=0, limit=10_000),
        "withheld": store.withheld(held.number),
        "cursor": held.cursor,
        "root": held.tree.root(),
    }


def of_node(node: Node) -> Mapping[str, Any]:
    return tables(node.reader, node.log.held)  # type: ignore[arg-type]  # it is one


@pytest.mark.parametrize("count", [3, 300, 1300])
async def test_seen_or_unseen_comes_to_the_same(
    at: Node, count: int, new_puller: Callable[..., Puller]
) -> None:
    seen = new_puller(Source(at))
    [index] = await put(at, alone(CANARY))
    await put(at, *[alone() for _ in range(count)])
    await seen.pull()
    assert seen.held is not None
    assert seen_in(seen.store, seen.held)
    record = await withhold(at, index)
    assert not seen_in(at.store, at.log.held)  # type: ignore[arg-type]  # it is one
    await put(at, *[alone() for _ in range(count)])
    await seen.pull()
    assert not seen_in(seen.store, seen.held)
    unseen = new_puller(Source(at), "fr")
    await unseen.pull()
    assert unseen.held is not None
    assert tables(seen.store, seen.held) == tables(unseen.store, unseen.held) == of_node(at)
    [void] = seen.store.voids(seen.held.number, start=0, limit=9)
    assert (void[0], void[1].code) == (index, "entry.withheld")
    assert void[1].message == f"withheld by entry {record}: personal_data"
    with pytest.raises(WithheldError, match=f"entry {record} says why"):
        seen.holdings.entry(seen.store, seen.held, index)
    instead = seen.holdings.record(seen.store, seen.held, index)
    assert b"withheld" in instead
    assert CANARY.encode() not in instead


async def test_a_half_done_sync_goes_on_with_what_it_knows_of_withheld_entries(
    at: Node, new_puller: Callable[..., Puller], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sopro_node.growing, "_PER_TRANSACTION", 1)
    monkeypatch.setattr(sopro_node.growing, "_GROUP", 1)
    [index] = await put(at, alone(CANARY))
    await put(at, *[alone() for _ in range(1300)])
    await withhold(at, index)
    source = Source(at)
    source.fails = {"bundle/003"}
    half = new_puller(source)
    with pytest.raises(PeerError):
        await half.pull()
    assert half.held is not None
    assert (half.held.size, half.held.signed_size) == (3 * WIDTH, 0)
    assert [one.index for one in half.store.withheld(half.held.number)] == [index]
    half.close()
    again = new_puller(Source(at))
    assert again.held is not None
    assert again.held.size == 3 * WIDTH
    await again.pull()
    assert tables(again.store, again.held) == of_node(at)


def gap(index: int, record: int, leaf: bytes = b"") -> Change:
    """Show a hash instead of an entry and name a record for it."""

    def change(path: str, items: list[bytes | Withheld]) -> list[bytes | Withheld]:
        number, place = divmod(index, WIDTH)
        if path.startswith(f"bundle/{number:03}"):
            item = items[place]
            true = item.leaf if isinstance(item, Withheld) else leaf_hash(item)
            items[place] = Withheld(leaf or true, record)
        return items

    return change


# Which entry is hidden behind which record, from the end where they are negative, and as what;
# those in the first bundle first, before anything is kept.
LIES = [
    (2, 3, b""),
    (2, 2, b""),
    (2, 1, b""),
    (2, 0, b""),
    (2, 10**6, b""),
    (2, -1, b""),
    (2, -2, bytes(32)),
    (3, -2, b""),
    (4, -3, b""),
    (-2, -1, b""),
    (-1, -1, b""),
    (-1, 10**6, b""),
]


@pytest.mark.parametrize("count", [3, 1300])
async def test_refuses_a_gap_without_its_record(
    at: Node, new_puller: Callable[..., Puller], count: int
) -> None:
    await put(at, alone(CANARY), *[alone() for _ in range(count)])
    assert await withhold(at, 4) == at.log.held.size - 2
    size = at.log.held.size
    liar = new_puller(Source(at))
    for index, record, leaf in LIES:
        places = (index % size, record if record > size else record % size)
        liar.source = Source(at, gap(*places, leaf))
        with pytest.raises(VerificationError) as caught:
            await liar.pull()
        assert caught.value.code in (("wdh.gap", "hos.bundle") if leaf else ("wdh.gap",))
        held = liar.held
        assert held is None or (held.signed_size, held.checkpoint) == (0, b"")
    liar.source = Source(at)
    await liar.pull()
    assert liar.held is not None
    assert tables(liar.store, liar.held) == of_node(at)


async def test_an_entry_that_cannot_be_withheld_spoils_no_other(at: Node) -> None:
    await put(at, alone())
    state = at.log.held.size - 1
    leaf = at.log.held.tree.leaves(0)[state]
    await put(at, alone())
    body = {"index": state, "leaf": leaf, "reason": "mistake"}
    bad = Signed(sign(at, write_record(at, "withhold/1", body, bytes(16))))
    size = at.log.held.size
    first, refused, last = await at.log.append_all([alone(), bad, alone()])
    assert isinstance(first, Appended)
    assert isinstance(refused, VerificationError)
    assert refused.code == "wdh.state"
    assert isinstance(last, Appended)
    assert (first.index, last.index, at.log.held.size) == (size, size + 1, size + 3)
    assert at.store.withheld(1) == []


async def test_refuses_to_plan_what_cannot_be_withheld(at: Node) -> None:
    [index] = await put(at, alone())
    for place, message in ((0, "site_keys"), (index + 1, "log_state")):
        with pytest.raises(RefusedError, match=f"is a {message} record") as caught:
            await plan_withholding(at, {"index": place, "reason": "mistake"})
        assert caught.value.code == "wdh.instead"
    with pytest.raises(FormatError, match="no such field; it has: peers, reason"):
        await withhold(at, index, drop=["name"])
    with pytest.raises(RefusedError, match="expected a withhold record"):
        entry = at.holdings.entry(at.reader, at.log.held, index)
        await put_withholding(at, {"entry": entry})
    await withhold(at, index)
    with pytest.raises(WithheldError):
        await plan_withholding(at, {"index": index, "reason": "mistake"})


async def test_indexes_are_made_anew_without_the_bytes(at: Node, tmp_path: Path) -> None:
    [index] = await put(at, alone(CANARY))
    await put(at, *[alone() for _ in range(300)])
    await withhold(at, index)
    await at.close()
    before = _read(tmp_path / "at")
    reindex(tmp_path / "at", lambda *_: None)
    assert _read(tmp_path / "at") == before


async def test_an_audit_finds_bytes_that_should_be_gone(at: Node, tmp_path: Path) -> None:
    [index] = await put(at, alone(CANARY))
    await put(at, *[alone() for _ in range(300)])
    frame = at.store.bundle(1, 0)
    assert frame is not None
    await withhold(at, index)
    await at.close()
    assert audit_directory(tmp_path / "at", lambda *_: None).is_clean
    with closing(SqliteStore.open(tmp_path / "at", writing=True)) as store:
        hidden = store.withheld(1)
        root = store.bundle_roots(1)[0]
        with store.transaction():
            store.put_bundles(1, [(0, root, frame)])
    [log] = audit_directory(tmp_path / "at", lambda *_: None).logs
    assert log.problems == [f"entry {index} is withheld, and its bytes here"]
    with closing(SqliteStore.open(tmp_path / "at", writing=True)) as store, store.transaction():
        left = Withheld(hidden[0].leaf, 0)
        store.put_bundles(1, [(0, root, blank(frame, {index: left}))])
    [log] = audit_directory(tmp_path / "at", lambda *_: None).logs
    assert f"entry {index} is withheld without a record" in log.problems[0]


def _read(folder: Path) -> Mapping[str, Any]:
    with closing(SqliteStore.open(folder, writing=False)) as store:
        [row] = store.logs()
        return {
            "voids": store.voids(1, start=0, limit=9),
            "withheld": store.withheld(1),
            "names": sorted(store.all_names(1)),
            "cursor": row.cursor,
        }


async def test_knows_the_record_that_holds_instead(at: Node) -> None:
    [index] = await put(at, alone(CANARY))
    before = parse_entry(at.holdings.entry(at.reader, at.log.held, index)).record
    await withhold(at, index)
    after = at.holdings.record(at.reader, at.log.held, index)
    old, new = (msgspec.msgpack.decode(one) for one in (before, after))
    assert {**old, "body": 0, "salt": 0} == {**new, "body": 0, "salt": 0}
    assert new["body"] == {"peers": 1, "reason": "withheld"}
    assert old["salt"] != new["salt"]
