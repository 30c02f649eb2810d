"""ACC-42 and ACC-43: documents in the log of a site that is gone, erased by who looks after it."""

from typing import Any, Final

from sopro_conformance.case import case
from sopro_conformance.cases.bundled import document, publish
from sopro_conformance.cases.judged import is_void
from sopro_conformance.cases.staged import fresh, goes_on
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.client import words
from sopro_conformance.world.federation import World
from sopro_conformance.world.scene import Peer
from sopro_conformance.world.sitelog import SiteLog, Written

_SITES: Final = "at hu si"
_FAMILY: Final = "orphan_erasure/1"
_GONE: Final = (404, 410)


def _body(log: SiteLog, index: int = 1, **changes: Value) -> dict[str, Value]:
    body: dict[str, Value] = {
        "deadline": "2026-12-31",
        "document": 0,
        "index": index,
        "origin": log.origin,
        "reason": "request",
    }
    return body | changes


def _go(world: World, status: str = "left", *, successor: str = "at", ends: int = 0) -> SiteLog:
    """Have hu go, at a size of its log where one is given; return that log."""
    gone = world.sites["hu"]
    for _ in range(3):
        gone.append("organisation/1", {"country": "HU"})
    cut: dict[str, Value] = {"ends": {"origin": gone.origin, "size": ends}} if ends else {}
    world.change_membership("hu", status=status, successor=successor, **cut)
    world.coordinator.state()
    for code in ("at", "si"):
        world.sites[code].state(world.coordinator)
    return gone


@case(
    "ACC-42",
    "Only who looks after a site that is gone erases in its log, each document once.",
    clauses="ERASE-7 MEM-15",
)
async def by_caretakers(trial: Trial) -> None:
    """Erase in the log of a member, as somebody else, twice, and what was written since."""

    def of_a_member(world: World, bad: bool) -> tuple[SiteLog, Written]:
        gone = _go(world, "suspended" if bad else "left")
        log = world.sites["at"]
        return log, log.append(_FAMILY, _body(gone))

    await void(trial, "era.caretaker", of_a_member, "the site is a member still")

    def by_another(world: World, bad: bool) -> tuple[SiteLog, Written]:
        gone = _go(world, successor="si" if bad else "at")
        log = world.sites["at"]
        return log, log.append(_FAMILY, _body(gone))

    await void(trial, "era.caretaker", by_another, "another site looks after it")

    def before_it_knew(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        gone = world.sites["hu"]
        if not bad:
            _go(world)
        written = log.append(_FAMILY, _body(gone))
        if bad:
            _go(world)
        return log, written

    await void(trial, "era.caretaker", before_it_knew, "before it acted on that the site has gone")

    def own(world: World, bad: bool) -> tuple[SiteLog, Written]:
        gone = _go(world)
        log = world.sites["at"]
        return log, log.append(_FAMILY, _body(log if bad else gone))

    await void(trial, "era.caretaker", own, "in its own log")

    def nobody_s(world: World, bad: bool) -> tuple[SiteLog, Written]:
        gone = _go(world)
        log = world.sites["at"]
        origin = gone.origin.replace("/hu/", "/zz/") if bad else gone.origin
        return log, log.append(_FAMILY, _body(gone, origin=origin))

    await void(trial, "era.caretaker", nobody_s, "in a log of nobody")

    def no_day(world: World, bad: bool) -> tuple[SiteLog, Written]:
        gone = _go(world)
        log = world.sites["at"]
        day = "2026-02-30" if bad else "2026-02-28"
        return log, log.append(_FAMILY, _body(gone, deadline=day))

    await void(trial, "rec.body", no_day, "a deadline that is no day")
    await _once(trial)
    await _beyond(trial)
    await _by_the_coordinator(trial)


async def void(trial: Trial, code: str, act: Any, delta: str) -> None:
    """Check that one record is void for its one difference."""
    await is_void(trial, code, act, delta=delta, sites=_SITES)


async def _once(trial: Trial) -> None:
    def document_again(world: World, bad: bool) -> tuple[SiteLog, Written]:
        gone = _go(world)
        log = world.sites["at"]
        log.append(_FAMILY, _body(gone))
        return log, log.append(_FAMILY, _body(gone, document=0 if bad else 1))

    await void(trial, "era.again", document_again, "the same document again")

    def entity_again(world: World, bad: bool) -> tuple[SiteLog, Written]:
        gone = _go(world)
        log = world.sites["at"]
        first = log.append(_FAMILY, _body(gone))
        entity = first.entity if bad else b""
        return log, log.append(_FAMILY, _body(gone, document=1), entity=entity)

    await void(trial, "era.again", entity_again, "another document on the same entity")


async def _beyond(trial: Trial) -> None:
    def after_its_end(world: World, bad: bool) -> tuple[SiteLog, Written]:
        gone = _go(world, ends=2)
        log = world.sites["at"]
        return log, log.append(_FAMILY, _body(gone, index=2 if bad else 1))

    await void(trial, "era.index", after_its_end, "what was written after it left")


async def _by_the_coordinator(trial: Trial) -> None:
    def unnamed(world: World, bad: bool) -> tuple[SiteLog, Written]:
        gone = _go(world, successor="at" if bad else "hu")
        log = world.coordinator
        return log, log.append(_FAMILY, _body(gone))

    await void(trial, "era.caretaker", unnamed, "by the coordinator, where a site looks after it")


@case(
    "ACC-43",
    "What who looks after a site erases in its log goes at every mirror, which says so.",
    clauses="ERASE-8 ERASE-2 ERASE-3 ERASE-5",
    profiles="peer",
    verbs="start sync",
)
async def orphans(trial: Trial) -> None:
    """Have a site go, and another erase a document of it that is held, and one still to come."""
    client = await trial.member()
    scene = trial.scene
    gone, caretaker = await fresh(trial), await fresh(trial)
    key, content = trial.random.randbytes(32), trial.random.randbytes(30).hex().encode()
    docs = [document(key, content), document(key, content)]
    written = publish(trial, gone, docs)
    for number in range(2):
        gone.log.documents[written.position, number] = (key, content)
    code = await scene.catches_up(gone)
    held, kept = (f"{gone.path}/document/{written.position}/{number}" for number in range(2))
    for path in (held, kept):
        twin = await client.ask(path)
        trial.need(twin.body == content, f"a document is not mirrored: {code} {words(twin)[:150]}")
    scene.world.change_membership(gone.code, status="left", successor=caretaker.code)
    await scene.publish()
    caretaker.log.state(scene.world.coordinator)
    erasure = caretaker.log.append(
        _FAMILY, _body(gone.log, written.position, deadline="2099-12-31")
    )
    later = caretaker.log.append(_FAMILY, _body(gone.log, gone.log.size, deadline="2099-12-31"))
    caretaker.log.state(scene.world.coordinator)
    await scene.sync(scene.world.coordinator.origin)
    code = await scene.catches_up(caretaker)
    trial.need(not code, f"the log of who looks after the site is not followed ({code})")
    reply = await client.ask(held)
    trial.check(
        "the document, once the erasure is held",
        holds=reply.status in _GONE and content not in reply.body,
        expected="404 or 410",
        actual=words(reply)[:150],
    )
    reply = await client.ask(kept)
    trial.check(
        "the other document of the record",
        holds=reply.status == 200 and reply.body == content,
        expected="200, it is not erased",
        actual=words(reply)[:150],
    )
    await _come_later(trial, gone, (key, content))

    async def is_confirmed() -> bool:
        await client.read()
        receipts = [
            one["body"] for one in client.records() if one.get("family") == "erasure_receipt/1"
        ]
        return all(
            any(_receipt(caretaker, one).items() <= said.items() for said in receipts)
            for one in (erasure, later)
        )

    await trial.within(is_confirmed, 20, "receipts in the candidate's log name both erasures")
    trial.check("the receipts", holds=True, expected="in its log", actual="as expected")
    await goes_on(trial)


def _receipt(caretaker: Peer, erasure: Written) -> dict[str, Any]:
    """Return what a receipt says of an erasure (ERASE-5)."""
    return {"erasure": erasure.id, "index": erasure.position, "origin": caretaker.origin}


async def _come_later(trial: Trial, gone: Peer, shown: tuple[bytes, bytes]) -> None:
    """Publish a record with two documents, of which the first is erased already."""
    client = await trial.node()
    written = publish(trial, gone, [document(*shown), document(*shown)])
    for number in range(2):
        gone.log.documents[written.position, number] = shown
    code = await trial.scene.catches_up(gone)
    first, second = (f"{gone.path}/document/{written.position}/{number}" for number in range(2))
    twin = await client.ask(second)
    trial.need(twin.body == shown[1], f"the other one: {code} {words(twin)[:150]}")
    reply = await client.ask(first)
    trial.check(
        "a document that comes after its erasure",
        holds=reply.status in _GONE and shown[1] not in reply.body,
        expected="404 or 410",
        actual=words(reply)[:150],
    )
