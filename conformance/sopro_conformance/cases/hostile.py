"""HOS against a candidate that mirrors: peers that answer with what no peer may answer."""

from sopro_conformance.case import case
from sopro_conformance.cases.staged import (
    ENTRIES,
    HEAD,
    MANY,
    TILES,
    Poison,
    fresh,
    goes_on,
    head_of,
    refuses_all,
)
from sopro_conformance.trial import Trial
from sopro_conformance.world.canary import Canary
from sopro_conformance.world.lies import (
    PORTAL,
    bomb,
    drip,
    flip,
    flood,
    nested,
    never,
    no_http,
    packed_wrongly,
    promise,
    redirect,
    say,
    stall,
    twist,
)

_VERBS = "start sync"


@case(
    "HOS-03",
    "A smaller head than the one held is not adopted.",
    clauses="SYNC-2",
    profiles="peer",
    verbs=_VERBS,
)
async def rollback(trial: Trial) -> None:
    """Show heads of before, once and again."""
    peer = await fresh(trial, 4)
    old = head_of(peer, size=3)
    poisons = [Poison(f"an older head, {when}", HEAD, say(old), "hos.rollback") for when in _TIMES]
    await refuses_all(trial, peer, poisons)


_TIMES = ("once", "again", "a third time")


@case(
    "HOS-04",
    "A hash tile that does not lead to the signed root is refused.",
    clauses="TILE-4 SYNC-3",
    profiles="peer",
    verbs=_VERBS,
)
async def tiles(trial: Trial) -> None:
    """Truncate tiles, turn a bit, add a hash, say nothing."""
    peer = await fresh(trial)
    changes = {
        "a bit is turned": twist(flip(5)),
        "a hash is missing": twist(lambda truth: truth[:-32]),
        "half a hash is missing": twist(lambda truth: truth[:-16]),
        "a hash too many": twist(lambda truth: truth + bytes(32)),
        "nothing": say(b""),
    }
    await refuses_all(
        trial,
        peer,
        [Poison(delta, TILES, lie, "hos.tile", MANY) for delta, lie in changes.items()],
    )


@case(
    "HOS-05",
    "A bundle whose entries do not lead to the signed root is refused.",
    clauses="TILE-5 BUNDLE-1 BUNDLE-2 SYNC-4",
    profiles="peer",
    verbs=_VERBS,
)
async def bundles(trial: Trial) -> None:
    """Change, shorten and lengthen bundles."""
    peer = await fresh(trial)
    changes = {
        "a bit is turned": twist(flip(-60)),
        "a byte after the end": twist(lambda truth: truth + b"\x00"),
        "a byte is missing": twist(lambda truth: truth[:-1]),
        "half of it": twist(lambda truth: truth[: len(truth) // 2]),
        "nothing": say(b""),
        "a page": say(PORTAL),
    }
    poisons = [Poison(delta, ENTRIES, lie, "hos.bundle") for delta, lie in changes.items()]
    await refuses_all(trial, peer, poisons)


@case(
    "HOS-06",
    "Reading ends at the limit, whatever was promised.",
    clauses="EXCH-9 SYNC-7",
    profiles="peer",
    verbs=_VERBS,
)
async def oversize(trial: Trial) -> None:
    """Send without end, and promise a gigabyte."""
    peer = await fresh(trial)
    large = say(bytes(1_000_001))
    await refuses_all(
        trial,
        peer,
        [
            Poison("a head of a million bytes", HEAD, large, "hos.oversize ckp.format"),
            Poison("a head without end", HEAD, flood, "hos.oversize"),
            Poison("a bundle without end", ENTRIES, flood, "hos.oversize"),
            Poison("a gigabyte promised", ENTRIES, promise(2**30), "hos.oversize hos.timeout"),
        ],
    )


@case(
    "HOS-07",
    "The limit holds for what comes out of a compressed body.",
    clauses="EXCH-9 SYNC-7",
    profiles="peer",
    verbs=_VERBS,
)
async def bombs(trial: Trial) -> None:
    """Send little that expands to much, and what is packed otherwise than is said."""
    peer = await fresh(trial)
    await refuses_all(
        trial,
        peer,
        [
            Poison("a head of 300 MiB, packed", HEAD, bomb(300), "hos.oversize"),
            Poison("a bundle of 300 MiB, packed", ENTRIES, bomb(300), "hos.oversize"),
            Poison("packed twice", ENTRIES, nested(), "hos.content hos.bundle"),
            Poison("not packed as is said", HEAD, packed_wrongly(), "hos.content"),
        ],
    )


@case(
    "HOS-08",
    "An answer has a deadline as a whole.",
    clauses="EXCH-9 SYNC-7",
    profiles="peer",
    verbs=_VERBS,
)
async def slow(trial: Trial) -> None:
    """Say nothing, stop after the headers, and drip."""
    peer = await fresh(trial)
    await refuses_all(
        trial,
        peer,
        [
            Poison("no answer", HEAD, never, "hos.timeout"),
            Poison("headers alone", HEAD, stall, "hos.timeout"),
            Poison("a byte now and then", HEAD, drip, "hos.timeout"),
            Poison("a bundle byte by byte", ENTRIES, drip, "hos.timeout"),
        ],
    )


@case(
    "HOS-09",
    "Redirects are not followed.",
    clauses="EXCH-9 SYNC-7",
    profiles="peer",
    verbs=_VERBS,
)
async def redirects(trial: Trial) -> None:
    """Send the candidate elsewhere, to a listener that nobody else knows."""
    peer = await fresh(trial)
    async with Canary() as canary:
        places = {
            "another port": canary.url,
            "another name of this machine": f"http://localhost:{canary.port}/",
            "a mapped address": f"http://[::ffff:127.0.0.1]:{canary.port}/",
            "a link-local address": "http://169.254.169.254/latest/meta-data/",
            "a file": "file:///etc/passwd",
            "itself": "checkpoint",
        }
        poisons = [
            Poison(f"{delta}, by {status}", HEAD, redirect(place, status), "hos.redirect")
            for delta, place in places.items()
            for status in (302, 307)
        ]
        poisons.append(Poison("of a bundle", ENTRIES, redirect(canary.url, 301), "hos.redirect"))
        await refuses_all(trial, peer, poisons)
        is_calm(trial, canary)


@case(
    "HOS-10",
    "A node calls no address that its operator has not allowed, whatever a membership says.",
    clauses="REACH-1 REACH-3 EXCH-9",
    profiles="peer",
    verbs=_VERBS,
)
async def addresses(trial: Trial) -> None:
    """Admit members whose addresses lead where no node can be."""
    peer = await fresh(trial)
    world, scene = trial.scene.world, trial.scene
    async with Canary() as canary:
        places = {
            "port 0": "http://127.0.0.1:0",
            "a port above 65535": "http://127.0.0.1:65536",
            "no host": "http://:80",
            "an address of two numbers": f"http://127.1:{canary.port}",
            "an address of one number": f"http://2130706433:{canary.port}",
            "an address with zeros before": f"http://127.0.0.01:{canary.port}",
            "an address in octal": f"http://0177.0.0.1:{canary.port}",
        }
        for delta, place in places.items():
            world.change_membership(peer.code, urls=[place])
            await scene.publish()
            scene.grow(peer)
            await scene.sync(world.coordinator.origin)
            code = await scene.sync(peer.origin)
            trial.check(
                delta,
                holds=code == "hos.address",
                expected="refused hos.address",
                actual=f"refused {code}" if code else "no refusal told",
            )
            world.change_membership(peer.code, urls=[peer.server.url])
            await scene.publish()
            twin = await scene.catches_up(peer)
            trial.need(not twin, f"{delta}: not taken at a good address either ({twin})")
        is_calm(trial, canary)
    await goes_on(trial)


@case(
    "HOS-11",
    "What is served with status 200 is not therefore what was asked for.",
    clauses="CKP-1 CKP-6 SYNC-4 SYNC-7 EXCH-8",
    profiles="peer",
    verbs=_VERBS,
)
async def wrong_content(trial: Trial) -> None:
    """Answer with pages, errors and what belongs to another path."""
    peer = await fresh(trial)
    other = await fresh(trial)
    key = twist(lambda _: other.log.checkpoint())
    problem = say(b'{"status": 404}', headers={"Content-Type": "application/problem+json"})
    mixed = twist(lambda truth: truth + b"x")
    await refuses_all(
        trial,
        peer,
        [
            Poison("a page for a head", HEAD, say(PORTAL), "ckp.format"),
            Poison("a problem for a head", HEAD, problem, "ckp.format"),
            Poison("nothing for a head", HEAD, say(b""), "ckp.format"),
            Poison("the head of another log", HEAD, key, "hos.origin"),
            Poison("a byte more than a head", HEAD, mixed, "ckp.format"),
            Poison("what is no HTTP", HEAD, no_http, "hos.content hos.unreachable"),
            Poison("a page for a bundle", ENTRIES, say(PORTAL), "hos.bundle"),
            Poison("500", HEAD, say(b"no", status=500), "hos.status"),
            Poison("204", HEAD, say(b"", status=204), "hos.status"),
        ],
    )


def is_calm(trial: Trial, canary: Canary) -> None:
    """Check that nobody came to a listener that nobody has a reason to call."""
    trial.check(
        "the listener that nobody has a reason to call",
        holds=not canary.calls,
        expected="0 connections",
        actual=f"{canary.calls} connections",
    )
