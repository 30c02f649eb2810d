"""SYN-40 and SYN-41: what events say, and what a reader makes of it."""

import base64
import json
from typing import Any, Final

from sopro_conformance.case import case
from sopro_conformance.cases.published import append, read_past
from sopro_conformance.cases.staged import fresh, goes_on
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import WireError, decode, encode
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.note import (
    is_signed,
    read_checkpoint,
    sign_text,
    write_note,
    write_text,
)
from sopro_conformance.wire.records import entry_id
from sopro_conformance.wire.tree import Tree
from sopro_conformance.world.client import Client
from sopro_conformance.world.copies import copy_log
from sopro_conformance.world.scene import Peer, organisation
from sopro_conformance.world.served import WIDTH
from sopro_conformance.world.sitelog import SiteLog
from sopro_conformance.world.stream import Event, listen

_SOON: Final = 20.0
_MOST: Final = 48 * 1024


def brings(log: SiteLog, start_at: int, /, **other: Any) -> dict[str, Any]:
    """Return the data of an event that brings what is new in a log (SYNC-11)."""
    start = start_at // WIDTH * WIDTH
    bundle = encode([log.entries[start_at : start + WIDTH], []])
    return {
        "origin": log.origin,
        "size": log.size,
        "note": log.checkpoint().decode(),
        "since": start_at,
        "bundle": base64.b64encode(bundle).decode(),
    } | other


def _pack(items: list[Any]) -> str:
    return base64.b64encode(encode([items, []])).decode()


def _forge(trial: Trial, peer: Peer) -> dict[str, Any]:
    """Return an event about another history, signed by a stranger, with all its entries."""
    since = peer.log.size
    other = peer.log.fork(since)
    for _ in range(3):
        other.append("organisation/1", organisation(peer.code))
    stranger = SigningKey(trial.random.randbytes(32))
    text = write_text(peer.origin, other.size, other.tree.root())
    note = write_note(text, [sign_text(text, peer.origin, stranger)])
    return brings(other, since, note=note.decode())


def _wrong(trial: Trial, peer: Peer, other: Peer, since: int) -> dict[str, Any]:
    """Return the data of events that are wrong in one thing, or are none."""
    log = peer.log
    new = log.entries[since:]
    changed = [new[0][:-1] + bytes([new[0][-1] ^ 1]), *new[1:]]
    return {
        "the head of another log": brings(log, since, note=other.log.checkpoint().decode()),
        "a size that the head does not have": brings(log, since, size=10**9),
        "a head that is none": brings(log, since, note="hello"),
        "a number for a head": brings(log, since, note=7),
        "an array": [1],
        "an entry with a wrong bit": brings(log, since, bundle=_pack(changed)),
        "an entry too few": brings(log, since, bundle=_pack(new[:-1])),
        "an entry too many": brings(log, since, bundle=_pack([*new, b"\x00"])),
        "entries in another order": brings(log, since, bundle=_pack(new[::-1])),
        "what is no bundle": brings(log, since, bundle=base64.b64encode(b"hello").decode()),
        "what is no base64": brings(log, since, bundle="%%%"),
        "a size before that lies behind": brings(log, since, since=log.size + 5),
        "a size before in another bundle": brings(log, since, since=since + WIDTH),
        "a size before below nothing": brings(log, since, since=-1),
        "a text for the size before": brings(log, since, since="0"),
    }


@case(
    "SYN-40",
    "What an event says is a hint: nothing of it is taken that the log has not signed.",
    clauses="SYNC-8 SYNC-11",
    profiles="peer",
    verbs="start sync",
)
async def hints(trial: Trial) -> None:
    """Tell of heads that strangers signed, and of heads with entries that are not theirs."""
    peer, other = await fresh(trial, 3), await fresh(trial)
    scene = trial.scene

    async def listens() -> bool:
        return bool(peer.server.listeners)

    await trial.within(listens, _SOON, "the candidate listens to a peer's events")
    await _push(peer, _forge(trial, peer))
    await _is_followed(trial, peer, "a head of another history that a stranger signed")
    scene.grow(peer)
    for delta in _wrong(trial, peer, other, peer.log.size - 2):
        since = peer.log.size
        scene.grow(peer)
        await _push(peer, _wrong(trial, peer, other, since)[delta])
        await _is_followed(trial, peer, delta)
        await trial.within(listens, _SOON, "the candidate listens to a peer's events again")
    await goes_on(trial)


async def _push(peer: Peer, data: object) -> None:
    await peer.server.push(f"event: checkpoint\ndata: {json.dumps(data)}\n\n".encode())


async def _is_followed(trial: Trial, peer: Peer, delta: str) -> None:
    """Check that the log is mirrored as it is, whatever was told before."""
    scene = trial.scene
    await peer.server.announce(peer.log)
    code = await scene.catches_up(peer)
    head = await scene.mirrored(peer.origin)
    trial.check(
        delta,
        holds=not code,
        expected=f"passed over, the mirror at size {peer.log.size}",
        actual=f"the mirror at {head.size if head else 'nothing'}" + (f" ({code})" if code else ""),
    )


@case(
    "SYN-41",
    "A node tells of each new head of its log, as it signed it.",
    clauses="SYNC-8 SYNC-11 EXCH-1",
    profiles="publisher",
    verbs="start append",
)
async def told(trial: Trial) -> None:
    """Listen to the candidate, have records appended, and hold what it tells to its log."""
    client = await trial.member()
    held = await client.read()
    async with listen(client) as stream:
        trial.need(stream.status == 200, f"/events: status {stream.status}")
        trial.check(
            "/events",
            holds=stream.type == "text/event-stream",
            expected="text/event-stream",
            actual=stream.type,
        )
        first = await stream.next(client.origin, size=held.size, within=_SOON)
        await _is_true(trial, client, first, "the head of now, at the beginning")
        for count in (1, 3):
            [*_, last] = await append(trial, count)
            event = await stream.next(client.origin, size=last + 1, within=_SOON)
            await read_past(trial, client, last)
            await _is_true(trial, client, event, f"the head over {count} more")


async def _is_true(trial: Trial, client: Client, event: Event | None, what: str) -> None:
    """Check that an event is about a head of the log, and that what it brings leads there."""
    problem = "nothing was told"
    if event is not None:
        problem = _why_untrue((await copy_log(client)).entries, client.origin, event.data)
    trial.check(
        what,
        holds=not problem,
        expected="origin, size and the signed note; what it brings leads to the root",
        actual=problem or "as expected",
    )


def _why_untrue(entries: list[bytes], origin: str, said: dict[str, Any]) -> str:
    """Say what is wrong with the data of an event; empty where nothing is."""
    keys = [one["public"] for one in decode(decode(entries[0])[0])["body"]["keys"]]
    try:
        head = read_checkpoint(said["note"].encode())
    except (WireError, KeyError, AttributeError) as error:
        return f"no note: {error}"
    if (head.origin, head.size) != (origin, said.get("size")):
        return f"a note of {head.origin} at {head.size}, told as {said.get('size')}"
    if not any(is_signed(head, origin, key) for key in keys):
        return "a note that no log key has signed"
    if head.size > len(entries) or Tree([*map(entry_id, entries)]).root(head.size) != head.root:
        return "a head that the log does not lead to"
    return _why_not_brought(entries, head.size, said) if "bundle" in said else ""


def _why_not_brought(entries: list[bytes], size: int, said: dict[str, Any]) -> str:
    since = said.get("since")
    if not isinstance(since, int) or not 0 <= since < size:
        return f"since {since!r} below size {size} expected (SYNC-11)"
    if since // WIDTH != (size - 1) // WIDTH:
        return f"{since} and {size} lie in different bundles (SYNC-11)"
    try:
        packed = base64.b64decode(said["bundle"], validate=True)
        items = decode(packed)[0]
    except (ValueError, TypeError, IndexError) as error:
        return f"no bundle: {error} (SYNC-11)"
    if list(items) != entries[since:size]:
        return "a bundle with other entries than the log's (SYNC-11)"
    return "" if len(said["bundle"]) <= 2 * _MOST else "a bundle far above 48 KiB (SYNC-11)"
