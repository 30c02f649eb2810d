"""LOG and CKP of a log that a node publishes itself: what it serves, and what it acknowledged."""

import asyncio
from typing import Any

from sopro_conformance.case import NotMeasured, case
from sopro_conformance.cases.again import handed_over_again
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import WireError, decode
from sopro_conformance.wire.note import Checkpoint, hint_of, is_signed, read_checkpoint
from sopro_conformance.world.client import Client, Reply, read_record, split_entries, words
from sopro_conformance.world.raw import say
from sopro_conformance.world.scene import CANDIDATE, organisation
from sopro_conformance.world.served import WIDTH, resource_path

_PUBLISHED = 10.0
"""Seconds in which what was acknowledged is published."""


def drafts(count: int = 1) -> list[dict[str, Any]]:
    """Return records that count in the candidate's log, as `append` takes them."""
    return [{"family": "organisation/1", "body": organisation(CANDIDATE)} for _ in range(count)]


async def append(trial: Trial, count: int) -> list[int]:
    """Have records appended; returns where they came to lie."""
    given = (await trial.scene.ask("append", records=drafts(count))).ok or {}
    indexes = given.get("indexes")
    is_right = isinstance(indexes, list) and all(isinstance(one, int) for one in indexes)
    trial.need(is_right, f"append gives no indexes: {given}")
    return list(indexes or ())


async def read_past(trial: Trial, client: Client, index: int) -> Checkpoint:
    """Read the log once its head covers an index."""

    async def is_there() -> bool:
        return (await client.head()).size > index

    await trial.within(is_there, _PUBLISHED, f"entry {index} is published")
    return await client.read()


def resources(size: int) -> list[tuple[str, int, int, int]]:
    """List all tiles of a tree: kind, level, number and width (TILE-3)."""
    found = []
    level = 0
    while hashes := size >> (8 * level):
        for number in range(-(-hashes // WIDTH)):
            width = min(WIDTH, hashes - number * WIDTH)
            found.append((f"tile/{level}", level, number, width))
        level += 1
    return found


async def compare_tiles(trial: Trial, client: Client, size: int, what: str) -> None:
    """Compare every hash tile with the tree that the suite has built from the entries."""
    wrong = []
    chosen = resources(size)
    for kind, level, number, width in chosen:
        path = f"{client.prefix}/{resource_path(kind, number, width)}"
        reply = await client.ask(path)
        if reply.status != 200 or reply.body != client.tree.tile(level, number, width):
            wrong.append(f"{path}: {words(reply)}")
    trial.check(
        what,
        holds=not wrong,
        expected=f"{len(chosen)} tiles as the suite computes them from the entries",
        actual="; ".join(wrong[:5]) or "as expected",
    )


@case(
    "LOG-01",
    "Entries and tiles lead to the signed root.",
    clauses="TREE-1 TILE-1 TILE-3 TILE-4 TILE-5 EXCH-1",
    profiles="publisher",
    verbs="start",
    by_url=True,
)
async def rebuilt(trial: Trial) -> None:
    """Download everything and build the tree again."""
    client = await trial.node()
    head = await client.read()
    trial.check(
        f"the tree over {head.size} entries",
        holds=client.tree.root(head.size) == head.root,
        expected="the root of the checkpoint",
        actual="as computed by the suite",
    )
    await compare_tiles(trial, client, head.size, f"all tiles at size {head.size}")


@case(
    "LOG-02",
    "The tree is right where tiles fill and begin.",
    clauses="TILE-3 TILE-4 STATE-6",
    profiles="publisher",
    verbs="start append",
)
async def boundaries(trial: Trial) -> None:
    """Append up to and across the edges of tiles; of those of the third level in a long run."""
    client = await trial.member()
    most = 1000 if trial.scene.is_long else 200
    for goal in (256, 511, 513, *((65_536, 65_537) if trial.scene.is_long else ())):
        size = (await client.read()).size
        while size < goal:
            # A batch ends with a log_state, so that the last record leaves room for one.
            [*_, last] = await append(trial, max(1, min(most, goal - size - 1)))
            size = (await read_past(trial, client, last)).size
        await compare_tiles(trial, client, size, f"all tiles at size {size}")
        await _beyond(trial, client, size)


async def _beyond(trial: Trial, client: Client, size: int) -> None:
    """Ask for tiles that a tree of this size does not have."""
    last, width = divmod(size, WIDTH)
    above = 1 + max(level for _, level, _, _ in resources(size))
    wrong = {
        "the tile after the last": resource_path("tile/0", last + 1, WIDTH),
        "a wider one than there is": resource_path("tile/0", last, width + 1),
        "a level above the top": f"tile/{above}/000.p/1",
    }
    for delta, path in wrong.items():
        reply = await client.ask(f"{client.prefix}/{path}")
        trial.check(
            f"{delta}, at size {size}",
            holds=reply.status == 404,
            expected="404",
            actual=words(reply),
        )


_BAD_PATHS = (
    "tile/0/0",
    "tile/0/00",
    "tile/0/0000",
    "tile/00/000",
    "tile/64/000",
    "tile/-1/000",
    "tile/+0/000",
    "tile/0/x000/000",
    "tile/0/000/000",
    "tile/0/x000",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/01",
    "tile/0/000.p/+1",
    "tile/0/000.p/",
    "tile/0/000.p",
    "tile/0/%30%30%30",
    "tile/0/000/",
    "tile/0//000",
    "tile/entries/0",
    "tile/entries/000.p/0",
    "tile/../checkpoint",
    "tile/%2e%2e/checkpoint",
    "tile/..%2fcheckpoint",
    "../../../etc/passwd",
    "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "tile/0/x999/" * 3 + "999",
    "tile/0/" + "x001/" * 400 + "000",
)


@case(
    "LOG-03",
    "A tile's path has one spelling.",
    clauses="TILE-2",
    profiles="publisher",
    verbs="start",
    by_url=True,
)
async def paths(trial: Trial) -> None:
    """Ask for what is not spelled as it has to be."""
    client = await trial.node()
    head = await client.head()
    width = min(head.size, WIDTH)
    path = f"{client.prefix}/{resource_path('tile/0', 0, width)}"
    twin = await client.ask(path)
    trial.need(twin.status == 200, f"{path}: {words(twin)}")
    for bad in _BAD_PATHS:
        request = f"GET {client.prefix}/{bad} HTTP/1.1\r\nHost: {client.host}:{client.port}\r\n"
        data = request.encode() + b"Connection: close\r\n\r\n"
        said = await say(client.way, data, within=10)
        trial.check(
            bad[:60],
            holds=said.status in (400, 404, 414) and b"root:" not in said.data,
            expected="400 or 404",
            actual=f"{said.status} {said.data[:80]!r}",
        )


@case(
    "LOG-04",
    "Caches may keep tiles for ever, and nothing that can be withheld or erased.",
    clauses="EXCH-3 EXCH-1",
    profiles="publisher",
    must=False,
    verbs="start",
    by_url=True,
)
async def caching(trial: Trial) -> None:
    """Look at types and lifetimes, by GET and by HEAD."""
    client = await trial.node()
    width = min((await client.head()).size, WIDTH)
    kinds = {
        "checkpoint": ("checkpoint", "text/plain", False),
        "a tile": (resource_path("tile/0", 0, width), "application/octet-stream", True),
        "an entry bundle": (
            resource_path("tile/entries", 0, width),
            "application/octet-stream",
            False,
        ),
        "a bundle": (resource_path("bundle", 0, width), "application/octet-stream", False),
    }
    for name, (path, kind, is_for_ever) in kinds.items():
        reply = await client.ask(f"{client.prefix}/{path}")
        control = reply.headers.get("cache-control", "")
        trial.check(
            name,
            holds=reply.status == 200
            and reply.headers.get("content-type", "").startswith(kind)
            and ("immutable" in control) is is_for_ever,
            expected=f"{kind}, {'immutable' if is_for_ever else 'not immutable'}",
            actual=f"{words(reply)[:60]} cache-control {control!r}",
        )
        head = await client.ask(f"{client.prefix}/{path}", method="HEAD")
        compared = ("content-type", "content-length", "cache-control")
        told = {one: head.headers.get(one) for one in compared}
        trial.check(
            f"HEAD of {name}",
            holds=head.status == reply.status
            and all(told[one] in (None, reply.headers.get(one)) for one in compared),
            expected="the headers of GET",
            actual=f"{head.status} {told}",
        )


@case(
    "LOG-05",
    "What was served once never changes.",
    clauses="TILE-1 TILE-3 TILE-4 EXCH-1",
    profiles="publisher",
    verbs="start append stop",
)
async def unchanging(trial: Trial) -> None:
    """Keep every tile, append, restart, and read them again."""
    client = await trial.member()
    head = await client.read()
    before = {path: await client.ask(path) for path in _all_paths(client, head.size)}
    trial.need(
        all(one.status == 200 for one in before.values()),
        f"a tile at size {head.size} is missing",
    )
    for _ in range(3):
        [*_, last] = await append(trial, 100)
    await read_past(trial, client, last)
    await _compare_again(trial, client, before, "300 records later")
    await trial.scene.ask("stop")
    await trial.scene.ask("start")
    await _compare_again(trial, client, before, "after a restart")


def _all_paths(client: Client, size: int) -> list[str]:
    tiles = [resource_path(kind, number, width) for kind, _, number, width in resources(size)]
    entries = [
        resource_path("tile/entries", number, width)
        for kind, _, number, width in resources(size)
        if kind == "tile/0"
    ]
    return [f"{client.prefix}/{path}" for path in (*tiles, *entries)]


async def _compare_again(trial: Trial, client: Client, before: dict[str, Reply], when: str) -> None:
    wrong = []
    for path, old in before.items():
        new = await client.ask(path)
        if new.status == 404 and ".p/" in path:  # then the full one has to be there
            new = await client.ask(path.partition(".p/")[0])
            new = new._replace(body=new.body[: len(old.body)])
        if new.status != 200 or new.body != old.body:
            wrong.append(f"{path}: {words(new)}")
    trial.check(
        f"{len(before)} tiles and entry bundles, {when}",
        holds=not wrong,
        expected="the same bytes, or the full tile that begins with them",
        actual="; ".join(wrong[:5]) or "as expected",
    )


@case(
    "LOG-06",
    "Entry bundles and bundles hold exactly the entries.",
    clauses="TILE-5 BUNDLE-1 BUNDLE-2 EXCH-4",
    profiles="publisher",
    verbs="start",
    by_url=True,
)
async def framing(trial: Trial) -> None:
    """Read them with and without compression, and compare them with the tiles."""
    client = await trial.node()
    if not await _are_framed(trial, client, (await client.head()).size):
        return
    head = await client.read()
    for number in range(-(-head.size // WIDTH)):
        width = min(WIDTH, head.size - number * WIDTH)
        wanted = client.entries[number * WIDTH : number * WIDTH + width]
        path = f"{client.prefix}/{resource_path('tile/entries', number, width)}"
        for coding in ("identity", "gzip"):
            reply = await client.ask(path, headers={"Accept-Encoding": coding})
            trial.check(
                f"entry bundle {number} as {coding}",
                holds=reply.status == 200 and split_entries(reply.body, width) == wanted,
                expected=f"{width} entries and nothing after them",
                actual=words(reply)[:120],
            )
        path = f"{client.prefix}/{resource_path('bundle', number, width)}"
        reply = await client.ask(path, headers={"Accept-Encoding": "identity"})
        trial.check(
            f"bundle {number}, uncompressed",
            holds=reply.status == 200 and _items(reply.body) == wanted,
            expected="the same entries",
            actual=words(reply)[:120],
        )


async def _are_framed(trial: Trial, client: Client, size: int) -> bool:
    """Check that entry bundles can be cut into so many entries, which all else rests on."""
    wrong = []
    for number in range(-(-size // WIDTH)):
        width = min(WIDTH, size - number * WIDTH)
        path = resource_path("tile/entries", number, width)
        reply = await client.ask(f"{client.prefix}/{path}")
        try:
            split_entries(reply.body, width)
        except NotMeasured as error:
            wrong.append(f"{path}: {reply.status}, {error}")
    trial.check(
        "its entry bundles",
        holds=not wrong,
        expected="as many entries as the path says, and nothing after them",
        actual="; ".join(wrong[:3]) or "as expected",
    )
    return not wrong


def _items(body: bytes) -> Any:
    try:
        items, _documents = decode(body)
    except (WireError, ValueError, TypeError):
        return None
    return items


@case(
    "LOG-07",
    "The log has only grown: every head ever shown is a prefix of it.",
    clauses="TREE-3 EXCH-11",
    profiles="publisher",
    verbs="start",
    by_url=True,
)
async def append_only(trial: Trial) -> None:
    """Compute the roots of all heads seen during the run from the entries as they are now."""
    client = await trial.node()
    for _ in range(3):
        await client.head()
    await client.read()
    for one in client.seen:
        trial.check(
            f"the head at size {one.size}",
            holds=one.size <= len(client.entries) and client.tree.root(one.size) == one.root,
            expected="the root of the first entries",
            actual="its root is another one" if one.size <= len(client.entries) else "gone",
        )


@case(
    "LOG-10",
    "What was acknowledged is in the log, once.",
    clauses="EXCH-11 EXCH-15",
    profiles="publisher",
    verbs="start append kill9",
)
async def acknowledged(trial: Trial) -> None:
    """Append side by side, kill the node at the last answer, and look for every entry."""
    client = await trial.member()
    answers = await asyncio.gather(
        *(trial.candidate.ask("append", records=drafts()) for _ in range(50))
    )
    indexes = [one for answer in answers for one in (answer.ok or {}).get("indexes", ())]
    trial.check(
        "50 appends side by side",
        holds=len(indexes) == len(set(indexes)) == 50,
        expected="50 different positions",
        actual=f"{len(set(indexes))} different of {len(indexes)}",
    )
    last = await trial.candidate.ask("append", records=drafts())
    await trial.scene.ask("kill9")
    await trial.scene.ask("start")
    indexes += (last.ok or {}).get("indexes", ())
    trial.need(indexes, "no record was appended")
    await read_past(trial, client, max(indexes))
    families = {one: read_record(client.entries[one]).get("family") for one in indexes}
    missing = [one for one, family in families.items() if family != "organisation/1"]
    trial.check(
        f"{len(indexes)} acknowledged records after a kill",
        holds=not missing,
        expected="each at its position",
        actual=f"missing: {missing[:10]}" if missing else "as expected",
    )
    await handed_over_again(trial, client)


@case(
    "CKP-01",
    "A log's checkpoint is three lines under its origin.",
    clauses="CKP-1 CKP-2 CKP-3 CKP-4 NOTE-1 NOTE-3 NOTE-5 NOTE-6 STATE-1",
    profiles="publisher",
    verbs="start",
    by_url=True,
)
async def own_form(trial: Trial) -> None:
    """Read the checkpoint byte by byte."""
    client = await trial.node()
    reply = await client.ask(client.prefix + "/checkpoint")
    try:
        head = read_checkpoint(reply.body)
        said = f"{head.origin}, size {head.size}"
    except WireError as error:
        head, said = None, str(error)
    trial.check(
        "the checkpoint",
        holds=head is not None and head.origin == client.origin,
        expected=f"a checkpoint of {client.origin}",
        actual=said,
    )


@case(
    "CKP-02",
    "A log signs its checkpoints with the key that its key records name.",
    clauses="KEY-1 KEY-4 KEY-9 CKP-5 KEY-10 SYNC-1",
    profiles="publisher",
    verbs="start",
    by_url=True,
)
async def own_signature(trial: Trial) -> None:
    """Take the keys from the key records and verify the checkpoint."""
    client = await trial.node()
    head = await client.read()
    reply = await client.ask(client.prefix + "/keys")
    try:
        history = decode(reply.body)
        entries = [entry for _, entry in history]
        is_right = all(client.entries[at] == entry for at, entry in history)
    except (WireError, ValueError, TypeError, IndexError):
        entries, is_right = [], False
    trial.check(
        "/keys",
        holds=is_right and bool(entries),
        expected="[[position, entry], ...] of the log's key records",
        actual=words(reply)[:120],
    )
    named = [one for entry in entries[-1:] for one in read_record(entry)["body"]["keys"]]
    publics = [one["public"] for one in named if one["role"] == "log"]
    trial.check(
        "the signature",
        holds=bool(publics) and all(is_signed(head, client.origin, one) for one in publics),
        expected=f"by {[hint_of(client.origin, one).hex() for one in publics]}",
        actual=f"lines of {[(line.name, line.hint.hex()) for line in head.lines]}",
    )
