"""SYN-42 and SYN-43: heads by keys that are not known yet, and heads that are not forgotten."""

from typing import Final

from sopro_conformance.case import Check, Verdict, case
from sopro_conformance.cases.forked import evidence_of, why_no_evidence
from sopro_conformance.cases.staged import HEAD, MANY, Poison, fresh, goes_on, refuses
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import decode
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.note import read_checkpoint, sign_text, write_note, write_text
from sopro_conformance.world.lies import say, twist
from sopro_conformance.world.scene import Peer, organisation
from sopro_conformance.world.served import keys
from sopro_conformance.world.sitelog import SiteLog

_KEYS: Final = "/keys"
_UNTRUSTED: Final = "ckp.signature mem.untrusted hos.keys"


def _sign(peer: Peer, key: SigningKey) -> bytes:
    """Sign the head of a peer's log as it is now, with some key."""
    text = write_text(peer.origin, peer.log.size, peer.log.tree.root())
    return write_note(text, [sign_text(text, peer.origin, key)])


@case(
    "SYN-42",
    "A head by a key that is not known yet is held to the site's key records, in its own log.",
    clauses="SYNC-12 SYNC-1",
    profiles="peer",
    verbs="start sync",
)
async def new_keys(trial: Trial) -> None:
    """Sign heads with a new key, with one that nobody names, and with one named elsewhere."""
    peer = await fresh(trial)
    stranger = SigningKey(trial.random.randbytes(32))
    mark = peer.server.mark()
    by_stranger = twist(lambda _: _sign(peer, stranger))
    await refuses(
        trial, peer, Poison("a key that no record names", HEAD, by_stranger, "ckp.signature")
    )
    trial.check(
        "before it is refused",
        holds=bool(peer.server.since(mark, peer.path + _KEYS)),
        expected="the key records are asked for",
        actual="as expected or not, as said",
    )
    await _named_elsewhere(trial, peer)
    await _named_by_a_stranger(trial, peer)
    await _rotate(trial, peer)
    await _first_contact(trial)
    await goes_on(trial)


async def _first_contact(trial: Trial) -> None:
    """Show a whole log under another root key where the membership is new."""
    scene = trial.scene

    def serve_another(peer: Peer) -> None:
        other = SiteLog(trial.random, peer.origin)
        other.name_keys()
        other.state()
        peer.server.serve(other)

    peer = await scene.new_peer(2, prepare=serve_another)
    await scene.sync(scene.world.coordinator.origin)
    code = await scene.sync(peer.origin)
    trial.need(peer.server.since(0, peer.path + _KEYS), "a new member's key records: never fetched")
    held = await scene.mirrored(peer.origin)
    trial.check(
        "a new member's log under another root key",
        holds=code in _UNTRUSTED.split() and held is None,
        expected=f"refused {_UNTRUSTED}, nothing is mirrored",
        actual=f"refused {code or 'nothing'}, size {held.size if held else 'nothing'}",
    )
    peer.server.serve(peer.log)
    twin = await scene.catches_up(peer)
    trial.need(not twin, f"its own log is not followed either ({twin})")


async def _named_elsewhere(trial: Trial, peer: Peer) -> None:
    """Offer a key record that the root key has signed, and that is not in the log."""
    other = peer.log.fork(peer.log.size)
    key = SigningKey(trial.random.randbytes(32))
    other.keys = peer.log.keys | {"log": key}
    other.name_keys()
    peer.server.misbehave(peer.path + _KEYS, say(keys(other)))
    lie = twist(lambda _: _sign(peer, key))
    delta = "a key that a record outside the log names"
    await refuses(trial, peer, Poison(delta, HEAD, lie, _UNTRUSTED))


async def _named_by_a_stranger(trial: Trial, peer: Peer) -> None:
    """Offer key records by another root key."""
    other = SiteLog(trial.random, peer.origin)
    other.name_keys()
    peer.server.misbehave(peer.path + _KEYS, say(keys(other)))
    lie = twist(lambda _: _sign(peer, other.keys["log"]))
    delta = "a key that records of another root name"
    await refuses(trial, peer, Poison(delta, HEAD, lie, _UNTRUSTED))


async def _rotate(trial: Trial, peer: Peer) -> None:
    """Name a new log key in the log and sign with it."""
    log = peer.log
    log.keys["log"] = SigningKey(trial.random.randbytes(32))
    log.name_keys()
    log.state(trial.scene.world.coordinator)
    mark = peer.server.mark()
    code = await trial.scene.catches_up(peer)
    trial.check(
        "a key that the log itself names",
        holds=not code,
        expected="the head is followed",
        actual=f"it is not ({code})" if code else "as expected",
    )
    trial.check(
        "the key records then",
        holds=bool(peer.server.since(mark, peer.path + _KEYS)),
        expected="asked for",
        actual="as expected or not, as said",
    )


def _sizes(file: bytes) -> list[int]:
    """Return the sizes of the two heads in an evidence file."""
    return [read_checkpoint(note).size for note, _, _ in decode(file)["heads"]]


@case(
    "SYN-43",
    "The head that bundles were committed under is not forgotten before it is reached.",
    clauses="SYNC-13 SYNC-3",
    profiles="peer",
    verbs="start sync evidence kill9",
)
async def ahead(trial: Trial) -> None:
    """Show a long log but for its end, kill the candidate, and show one that ends otherwise."""
    scene = trial.scene
    peer = await fresh(trial)
    scene.grow(peer, MANY)
    first = peer.log.size
    gone = say(b"{}", status=404)
    last = f"{peer.path}/(bundle|tile/entries)/.*[.]p/.*"
    peer.server.misbehave(last, gone)
    mark = peer.server.mark()
    code = await scene.sync(peer.origin)
    trial.need(peer.server.since(mark, last), "the last bundle was never fetched")
    trial.need(code, "a log without its end is followed")
    await scene.ask("kill9")
    await scene.ask("start")
    peer.server.behave()
    other = peer.log.fork(peer.log.size - 2)
    for _ in range(6):
        other.append("organisation/1", organisation(peer.code))
    mark = peer.server.mark()
    peer.server.serve(other)
    code = await scene.sync(peer.origin)
    files = await evidence_of(scene, peer.origin)
    proven = [one for one in files if not why_no_evidence(one, peer)]
    delta = "a head that excludes the one whose bundles are held"
    expected = "refused hos.fork, with evidence of both heads"
    actual = f"refused {code}" if code else "no refusal told"
    if peer.server.since(mark, f"{peer.path}/(bundle|tile/entries)/000"):
        # It begins anew, so it had committed nothing: the clause is about who does.
        check = Check(delta, Verdict.NOT_APPLICABLE, expected, "no bundle was committed by itself")
        trial.checks.append(check)
    else:
        trial.check(
            delta,
            holds=code == "hos.fork" and any(first in _sizes(one) for one in proven),
            expected=expected,
            actual=f"{actual}, {len(proven)} files of evidence",
        )
    await goes_on(trial)
