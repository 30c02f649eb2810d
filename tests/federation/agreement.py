"""Whether nodes agree: every head that was ever shown is of one history, and all views are alike.

A view is what a node holds and says that may not depend on which node it is: heads, every byte of
every log, every state, documents, and answers to programs. Two functions judge; each returns the
sentences of what is wrong, so that nothing wrong is an empty list.
"""

import asyncio
import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import aiohttp

from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.tile import WIDTH, bundle_path, entries_path
from sopro_registry.tables import EntityRow
from tests.federation.federation import FEDERATION, PATIENCE, ROUTES, Site, wait_until
from tests.federation.history import Head, History, read_head

View = Mapping[str, object]
"""What a node holds and says, by what it is."""

RELATIVE = frozenset({"confirmed_at", "publication", "time"})
"""Fields of answers that say how it is at one node."""
ANSWERS = ("/api/v1/labels?limit=500", "/api/v1/statistics", "/api/v1/members", "/api/v1/criteria")


class Sighting(NamedTuple):
    """A head, and which node showed it."""

    origin: str
    head: Head
    by: str


# Judging.


def find_contradictions(
    sightings: Sequence[Sighting], roots: Mapping[str, Mapping[int, bytes]]
) -> list[str]:
    """Hold every head to one history of its log; heads of one history are pairwise consistent.

    Args:
        sightings: of heads of any logs.
        roots: of each log at each of its sizes, recomputed from its entries.
    """
    found = []
    for origin, (size, root), by in sorted(set(sightings)):
        known = roots.get(origin, {})
        if size not in known:
            found.append(f"{by} showed {origin} at size {size}, and no history is that long")
        elif known[size] != root:
            found.append(f"{by} showed {origin} at size {size} with another root")
    return found


def find_differences(views: Mapping[str, View]) -> list[str]:
    """Compare the views of nodes, by their names."""
    found = []
    for what in sorted({what for view in views.values() for what in view}):
        held: dict[str, list[str]] = {}
        for node, view in sorted(views.items()):
            held.setdefault(json.dumps(view.get(what), sort_keys=True), []).append(node)
        if len(held) > 1:
            told = "; ".join(f"{', '.join(nodes)}: {one[:120]}" for one, nodes in held.items())
            found.append(f"{what} is not the same everywhere: {told}")
    return found


# Looking.


def view_of(node: Site, codes: Sequence[str]) -> View:
    """Look at everything a node holds of some logs and says about all."""
    view: dict[str, object] = {}
    for code in codes:
        size, root = read_head(node.checkpoint(code))
        view[f"{code}: head"] = [size, root.hex()]
        for kind, path_of in (("entries", entries_path), ("bundle", bundle_path)):
            view[f"{code}: {kind}"] = list(_read_bytes(node, code, size, path_of))
    for path in ANSWERS:
        view[path] = without_relative(node.get(path).json)
    return view | dict(_read_states(node, codes))


def _read_bytes(node: Site, code: str, size: int, path_of: Callable[..., str]) -> Iterator[str]:
    for number in range(-(-size // WIDTH)):
        path = path_of(index=number, width=min(WIDTH, size - number * WIDTH))
        answer = node.get(
            f"{ROUTES.format(site=code)}/{path}", headers={"Accept-Encoding": "identity"}
        )
        yield f"{answer.status} {hashlib.sha256(answer.body).hexdigest()}"


def _read_states(node: Site, codes: Sequence[str]) -> Iterator[tuple[str, object]]:
    """Read the tables of a node that serves: states, what is void, what is erased."""
    with closing(SqliteStore.open(node.folder, writing=False)) as store:
        logs = {row.origin: row for row in store.logs()}
        for code in codes:
            row = logs[f"{FEDERATION}/{code}/1"]
            voids = store.voids(row.log, start=0, limit=row.size)
            for what, found in (
                ("states", sorted(_plain(store.all_entities(row.log)))),
                ("labels", sorted(store.all_labels(row.log))),
                ("void", [(one, void.code) for one, void in voids]),
                ("erased", sorted(store.documents.erased(row.log))),
            ):
                digest = hashlib.sha256(repr(found).encode()).hexdigest()
                yield f"{code}: {what}", [len(found), digest]


def _plain(rows: Iterable[tuple[bytes, EntityRow]]) -> Iterator[tuple[object, ...]]:
    for entity, row in rows:
        yield entity, row.family, row.head, row.undetermined, row.state


def without_relative(value: Any) -> Any:
    """Leave out of an answer what says how it is at one node."""
    if isinstance(value, dict):
        return {k: without_relative(one) for k, one in value.items() if k not in RELATIVE}
    if isinstance(value, list):
        return [without_relative(one) for one in value]
    return value


class Watcher:
    """Notes every head that nodes show while it is open: their own, mirrored and cosigned ones.

    Attributes:
        sightings: of heads.
    """

    def __init__(self, nodes: Sequence[Site], codes: Sequence[str]) -> None:
        self._nodes = nodes
        self._origins = [f"{FEDERATION}/{code}/1" for code in codes]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._tasks: list[asyncio.Task[None]] = []
        self._bugs: list[BaseException] = []
        self.sightings: set[Sighting] = set()

    def __enter__(self) -> "Watcher":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._tasks])
        self._thread.join()
        self._loop.close()
        assert not self._bugs, self._bugs

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=2)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            self._tasks = [
                asyncio.create_task(self._again(work, session, node))
                for node in self._nodes
                for work in (self._listen, self._ask_witness)
            ]
            ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        self._bugs = [one for one in ends if not isinstance(one, asyncio.CancelledError)]

    async def _again(self, work: Any, session: aiohttp.ClientSession, node: Site) -> None:
        while True:
            # Where it does not run just now, it will later.
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                await work(session, node)
            await asyncio.sleep(0.1)

    async def _listen(self, session: aiohttp.ClientSession, node: Site) -> None:
        async with session.get(f"{node.url}/events") as answer:
            async for line in answer.content:
                if line.startswith(b"data:"):
                    event = json.loads(line[5:])
                    if "note" in event:
                        self._note(node, event["note"].encode())

    async def _ask_witness(self, session: aiohttp.ClientSession, node: Site) -> None:
        for origin in self._origins:
            digest = hashlib.sha256(origin.encode()).hexdigest()
            async with session.get(f"{node.url}/witness/{digest}/checkpoint") as answer:
                if answer.status == 200:
                    self._note(node, await answer.read())
        await asyncio.sleep(0.5)

    def _note(self, node: Site, note: bytes) -> None:
        origin = note.split(b"\n")[0].decode()
        if origin in self._origins:
            self.sightings.add(Sighting(origin, read_head(note), node.folder.name))


class Agreement:
    """Holds honest nodes to each other: `check` waits until they agree and says where they do not.

    Args:
        nodes: that are honest.
        codes: of the logs whose sites are honest; every head of them is kept.
        others: codes of further logs, of which the nodes are to hold the same in the end.
    """

    def __init__(self, nodes: Sequence[Site], codes: Sequence[str], others: Sequence[str]) -> None:
        self.nodes = list(nodes)
        self._codes = codes
        self._origins = [f"{FEDERATION}/{code}/1" for code in codes]
        self._all = [*codes, *others]
        self._histories = {code: History() for code in codes}
        self.watcher = Watcher(nodes, codes)

    def leave(self, node: Site) -> None:
        """Hold a node to the others no more; its log is held on."""
        self.nodes.remove(node)

    def history(self, code: str) -> History:
        """Return the history of an honest site's log, as `check` has last read it."""
        return self._histories[code]

    def check(self, step: str, *, patience: float = PATIENCE) -> int:
        """Wait until all views are alike, and hold every head ever shown to one history.

        Returns how many heads there were so far.

        Raises:
            AssertionError: they do not agree.
        """
        self.wait_for_heads(step, patience=patience)
        found: list[str] = []

        def agree() -> bool:
            found[:] = self.differences()
            return not found

        try:
            wait_until(agree, f"after {step} all nodes agree", patience=patience)
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *found])) from None
        wanted = {(node.folder.name, origin) for node in self.nodes for origin in self._origins}
        wait_until(
            lambda: wanted <= {(one.by, one.origin) for one in set(self.watcher.sightings)},
            f"after {step} the watcher has seen a head of every log at every node",
        )
        sightings = list(self.watcher.sightings)
        # Whatever was seen until now is then in every node's history.
        self.wait_for_heads(step, patience=patience)
        for code, history in self._histories.items():
            history.read_on(self.nodes[0], code)
        roots = {
            origin: self._histories[code].roots
            for code, origin in zip(self._histories, self._origins, strict=True)
        }
        assert (wrong := find_contradictions(sightings, roots)) == [], (step, wrong)
        return len({(one.origin, one.head) for one in sightings})

    def wait_for_heads(self, step: str, *, patience: float = PATIENCE) -> None:
        """Wait until all nodes show the same heads, and have judged what is under them."""
        wait_until(
            lambda: len(set(map(self._heads, self.nodes))) == 1,
            f"after {step} all nodes show the same heads",
            patience=patience,
        )

    def _heads(self, node: Site) -> tuple[Head, ...]:
        return tuple(
            read_head(note) if (note := node.checkpoint(code)) else (0, b"") for code in self._all
        )

    def differences(self) -> list[str]:
        """Say where the views differ now."""
        return find_differences({node.folder.name: view_of(node, self._all) for node in self.nodes})
