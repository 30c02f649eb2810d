"""A member of the world that misbehaves: what the candidate must refuse, and go on from.

The rules of all cases in which the candidate is the one that asks are here: it must have fetched
what was poisoned (reached rule), refuse it for the right reason, show what it showed before (state
rule), take the same without the poison right after (twin rule), and serve others meanwhile
(liveness rule).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sopro_conformance.case import Check, Verdict
from sopro_conformance.trial import Trial
from sopro_conformance.wire.note import Checkpoint, sign_text, write_note, write_text
from sopro_conformance.world.client import words
from sopro_conformance.world.scene import Peer
from sopro_conformance.world.server import Lie

HEAD: Final = "/checkpoint"
ENTRIES: Final = "/(bundle|tile/entries)/.*"
TILES: Final = "/tile/[0-9]+/.*"
MANY: Final = 1300
"""Records after which a node has to look at hash tiles before it commits bundles (SYNC-3)."""


@dataclass(frozen=True)
class Poison:
    """One thing that is said wrongly.

    Attributes:
        delta: what is wrong.
        about: pattern of the path below the log's prefix.
        lie: what is said instead.
        code: codes that SPEC.md allows for it, separated by spaces.
        grow: so many records are new when it is said.
    """

    delta: str
    about: str
    lie: Lie
    code: str
    grow: int = 1


async def honest(trial: Trial) -> Peer:
    """Return a member that never lies, in the candidate's mirror as it is."""
    scene = trial.scene
    await trial.member()
    if not scene.honest:
        scene.honest = await scene.new_peer(2)
    code = await scene.catches_up(scene.honest)
    trial.need(not code, f"an honest peer is not mirrored ({code})")
    return scene.honest


async def fresh(trial: Trial, entries: int = 2) -> Peer:
    """Return a new member, in the candidate's mirror as it is."""
    await trial.member()
    peer = await trial.scene.new_peer(entries)
    code = await trial.scene.catches_up(peer)
    trial.need(not code, f"a new peer is not mirrored ({code})")
    return peer


async def refuses_all(trial: Trial, peer: Peer, poisons: Sequence[Poison]) -> None:
    """Check one poison after the other, each with its twin."""
    for one in poisons:
        await refuses(trial, peer, one)
    await goes_on(trial)


async def refuses(trial: Trial, peer: Peer, poison: Poison) -> None:
    """Check that one thing said wrongly is refused, and the same said rightly is taken."""
    scene = trial.scene
    before = await scene.mirrored(peer.origin)
    pattern = peer.path + poison.about
    peer.server.misbehave(pattern, poison.lie)
    scene.grow(peer, poison.grow)
    mark = peer.server.mark()
    code = await scene.sync(peer.origin)
    is_reached = bool(peer.server.since(mark, pattern))
    after = await scene.mirrored(peer.origin)
    peer.server.behave()
    twin = await scene.catches_up(peer)
    is_same = _text(before) == _text(after)
    if not is_reached or twin:
        verdict = Verdict.NOT_MEASURED
    elif code not in poison.code.split() or not is_same:
        verdict = trial.failed
    else:
        verdict = Verdict.PASS
    actual = (
        f"{f'refused {code}' if code else 'no refusal told'}, the mirror "
        f"{'stays' if is_same else f'moved to {_say(after)}'}"
        f"{'' if is_reached else '; it was never fetched'}"
    )
    said_of_twin = f"not taken ({twin})" if twin else "taken"
    trial.checks.append(
        Check(
            poison.delta,
            verdict,
            f"refused {poison.code}, the mirror stays",
            actual,
            f"the same without it: {said_of_twin}",
        )
    )


async def goes_on(trial: Trial) -> None:
    """Check that the candidate still serves a reader and follows a peer that is honest."""
    scene = trial.scene
    client = await trial.node()
    good = await honest(trial)
    scene.grow(good)
    code = await scene.catches_up(good)
    trial.check(
        "an honest peer meanwhile",
        holds=not code,
        expected="its new head is mirrored",
        actual=f"it is not ({code})" if code else "as expected",
    )
    reply = await client.ask(client.prefix + "/checkpoint")
    trial.check(
        "a reader meanwhile",
        holds=reply.status == 200,
        expected="its checkpoint is served",
        actual=words(reply),
    )


def head_of(peer: Peer, *, size: int | None = None, root: bytes = b"", origin: str = "") -> bytes:
    """Sign a head that need not be true, with the peer's key and under its name."""
    size = peer.log.size if size is None else size
    root = root or peer.log.tree.root(size)
    text = write_text(origin or peer.origin, size, root)
    return write_note(text, [sign_text(text, origin or peer.origin, peer.log.keys["log"])])


def _text(head: Checkpoint | None) -> str:
    return head.text if head else ""


def _say(head: Checkpoint | None) -> str:
    return f"size {head.size}" if head else "nothing"
