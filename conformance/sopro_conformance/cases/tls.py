"""HOS-12: a peer whose certificate does not hold is asked for nothing."""

from sopro_conformance.case import Check, Verdict, case
from sopro_conformance.cases.staged import fresh, goes_on
from sopro_conformance.trial import Trial
from sopro_conformance.world.certified import Authority, Spoken
from sopro_conformance.world.scene import Peer


@case(
    "HOS-12",
    "Nothing is asked of a peer whose certificate does not hold.",
    clauses="REACH-4 SYNC-7",
    profiles="peer",
    verbs="start sync",
)
async def certificates(trial: Trial) -> None:
    """Speak TLS with certificates of another name, another time and another authority."""
    scene = trial.scene
    peer = await fresh(trial)
    kinds = {
        "of another address": scene.authority.certify(address="127.0.0.2"),
        "of another name": scene.authority.certify(address="peer.example"),
        "that has expired": scene.authority.certify(since=-20, days=10),
        "of tomorrow": scene.authority.certify(since=1),
        "signed by itself": scene.authority.certify(by_itself=True),
        "of an authority that nobody trusts": Authority("somebody").certify(),
    }
    good = scene.authority.certify()
    for delta, spoken in kinds.items():
        await _refuses(trial, peer, delta, spoken, good)
    await _speak(trial, peer, None)
    await goes_on(trial)


async def _speak(trial: Trial, peer: Peer, spoken: Spoken | None) -> None:
    """Have the peer's node speak so from now on, at an address that the membership names."""
    await peer.server.stop()
    await peer.server.start(spoken.context() if spoken else None)
    trial.scene.world.change_membership(peer.code, urls=[peer.server.url])
    await trial.scene.publish()
    await trial.scene.sync(trial.scene.world.coordinator.origin)


async def _refuses(trial: Trial, peer: Peer, delta: str, spoken: Spoken, good: Spoken) -> None:
    scene = trial.scene
    await _speak(trial, peer, spoken)
    scene.grow(peer)
    before, tried = peer.server.mark(), peer.server.greeted
    code = await scene.sync(peer.origin)
    asked = peer.server.since(before)
    is_reached = peer.server.greeted > tried
    is_held = await scene.holds(peer)
    await _speak(trial, peer, good)
    twin = await scene.catches_up(peer)
    if twin or not is_reached:
        verdict = Verdict.NOT_MEASURED
    elif asked or is_held or code != "hos.unreachable":
        verdict = trial.failed
    else:
        verdict = Verdict.PASS
    actual = f"{len(asked)} requests, {f'refused {code}' if code else 'no refusal told'}"
    trial.checks.append(
        Check(
            f"a certificate {delta}",
            verdict,
            "no request, refused hos.unreachable, the mirror stays",
            actual + ("" if is_reached else "; nobody tried"),
            f"a certificate that holds: {f'not taken ({twin})' if twin else 'taken'}",
        )
    )
