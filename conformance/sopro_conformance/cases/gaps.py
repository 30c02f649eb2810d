"""ACC-21: a mirror of a log in which an entry is withheld."""

from typing import Any, Final

from sopro_conformance.case import case
from sopro_conformance.cases.staged import Poison, fresh, goes_on, refuses
from sopro_conformance.cases.withheld import instead_of
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import WireError, decode, encode
from sopro_conformance.wire.records import entry_id
from sopro_conformance.world.client import words
from sopro_conformance.world.lies import say, twist
from sopro_conformance.world.scene import Peer, organisation
from sopro_conformance.world.served import WIDTH, resource_path
from sopro_conformance.world.server import Lie
from sopro_conformance.world.sitelog import Written

_BUNDLE: Final = "/bundle/.*"
_PLAIN: Final = {"Accept-Encoding": "identity"}


def show_gap(position: int, leaf: bytes, record: int) -> Lie:
    """Show a leaf hash instead of an entry, and the record that is said to withhold it."""

    def change(truth: bytes) -> bytes:
        items, documents = decode(truth)
        if position % WIDTH < len(items):
            items[position % WIDTH] = [leaf, record]
        return encode([items, documents])

    return twist(change)


def _hide_last(record: int) -> Lie:
    """Show the last entry but one as one that a record is said to withhold."""

    def change(truth: bytes) -> bytes:
        items, documents = decode(truth)
        items[-2] = [entry_id(items[-2]), record]
        return encode([items, documents])

    return twist(change)


async def _item(trial: Trial, peer: Peer, position: int) -> tuple[Any, bytes]:
    """Return what the candidate shows at a position of its mirror, and the whole bundle."""
    head = await trial.scene.mirrored(peer.origin)
    trial.need(head is not None and head.size > position, "the entry is not mirrored")
    number = position // WIDTH
    width = min(WIDTH, (head.size if head else 0) - number * WIDTH)
    client = await trial.node()
    path = f"{peer.path}/{resource_path('bundle', number, width)}"
    reply = await client.ask(path, headers=_PLAIN)
    try:
        return decode(reply.body)[0][position % WIDTH], reply.body
    except (WireError, LookupError, TypeError):
        return words(reply)[:100], reply.body


async def _is_gone(trial: Trial, peer: Peer, written: Written, record: int, when: str) -> None:
    """Check that nothing of an entry is shown but its leaf hash (WITHHOLD-8)."""
    item, bundle = await _item(trial, peer, written.position)
    trial.check(
        f"the bundle, {when}",
        holds=item == [written.id, record] and written.entry not in bundle,
        expected=f"leaf hash and position {record} instead of the entry",
        actual=str(item)[:120],
    )
    client = await trial.node()
    number = written.position // WIDTH
    width = min(WIDTH, peer.log.size - number * WIDTH)
    path = f"{peer.path}/{resource_path('tile/entries', number, width)}"
    reply = await client.ask(path, headers=_PLAIN)
    trial.check(
        f"the entry bundle, {when}",
        holds=reply.status == 410 and written.entry not in reply.body,
        expected="410",
        actual=words(reply)[:120],
    )
    tile = await client.ask(f"{peer.path}/{resource_path('tile/0', number, width)}")
    trial.check(
        f"the hash tile, {when}",
        holds=tile.body == peer.log.tree.tile(0, number, width),
        expected="as before",
        actual=words(tile)[:120],
    )


@case(
    "ACC-21",
    "What is withheld is gone from every mirror, for ever, and only by the record that says so.",
    clauses="WITHHOLD-8 WITHHOLD-9 BUNDLE-2 EXCH-7",
    profiles="peer",
    verbs="start sync view kill9",
)
async def gaps(trial: Trial) -> None:
    """Withhold an entry of a mirrored log, offer it again, and show gaps without a reason."""
    peer = await fresh(trial)
    scene, log = trial.scene, peer.log
    written = log.append("organisation/1", organisation(peer.code))
    log.state(scene.world.coordinator)
    code = await scene.catches_up(peer)
    item, _ = await _item(trial, peer, written.position)
    trial.need(item == written.entry, f"the entry is not mirrored as it is ({code})")
    record = log.withhold(written.position).position
    log.state(scene.world.coordinator)
    for when in ("once the record is held", "offered again", "after a kill"):
        code = await scene.catches_up(peer)
        trial.need(not code, f"the log is not followed on: {code}")
        await _is_gone(trial, peer, written, record, when)
        if when == "offered again":
            await scene.ask("kill9")
            await scene.ask("start")
        scene.grow(peer)
    await scene.catches_up(peer)
    for delta, at in (
        ("by a record that withholds another entry", record),
        ("by a record of another family", record + 1),
        ("by itself", -1),
        ("by a record that is not there", 10_000),
    ):
        shown = log.size if at < 0 else at
        poison = Poison(
            f"an entry is shown as withheld {delta}", _BUNDLE, _hide_last(shown), "wdh.gap"
        )
        await refuses(trial, peer, poison)
    await _met_late(trial)
    await goes_on(trial)


async def _met_late(trial: Trial) -> None:
    """WITHHOLD-9: who has never seen an entry comes to the same."""
    scene = trial.scene
    peer = await scene.new_peer(2)
    log = peer.log
    written = log.append("organisation/1", organisation(peer.code))
    log.state(scene.world.coordinator)
    record = log.withhold(written.position, instead=instead_of(written, country="SI")).position
    log.state(scene.world.coordinator)
    lie = show_gap(written.position, written.id, record)
    peer.server.misbehave(peer.path + _BUNDLE, lie)
    peer.server.misbehave(peer.path + "/tile/entries/.*", say(b"{}", status=410))
    mark = peer.server.mark()
    code = await scene.catches_up(peer)
    trial.need(peer.server.since(mark, peer.path + _BUNDLE), "no bundle was fetched")
    given = (await scene.ask("view", origin=peer.origin)).ok or {}
    void = given.get("logs", {}).get(peer.origin, {}).get("void")
    wanted = {str(written.position): "entry.withheld"}
    trial.check(
        "a log in which an entry was withheld before it was met",
        holds=not code and void == wanted,
        expected=f"mirrored, void {wanted}",
        actual=f"void {void}" if not code else f"not mirrored ({code})",
    )
    peer.server.behave()
