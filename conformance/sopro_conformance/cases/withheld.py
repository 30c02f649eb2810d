"""ACC-20: what a log says without an entry that should never have been logged."""

from collections.abc import Callable
from typing import Final, TypeAlias

from sopro_conformance.adapter import Answer
from sopro_conformance.case import case
from sopro_conformance.cases.judged import close, is_void, new_world, question
from sopro_conformance.cases.refused import is_refused
from sopro_conformance.questions import Question
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value, decode, encode
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.world.certificate import Paper
from sopro_conformance.world.federation import World, void_of
from sopro_conformance.world.scene import organisation
from sopro_conformance.world.sitelog import ROLES, SiteLog, Written


def instead_of(written: Written, /, **changes: Value) -> bytes:
    """Return the record of an entry, with some fields of its body changed and no documents."""
    fields = decode(decode(written.entry)[0])
    fields.pop("docs", None)
    body = fields["body"] | changes
    return encode(fields | {"body": {key: one for key, one in body.items() if one != b""}})


def _enter(log: SiteLog, **fields: Value) -> Written:
    """Append an organisation."""
    body = organisation(log.site)
    return log.append("organisation/1", body, **fields)  # type: ignore[arg-type]  # as it says


def _entered(world: World) -> tuple[SiteLog, Written]:
    """Append an organisation, and end the batch."""
    log = world.sites["at"]
    written = _enter(log)
    log.state(world.coordinator)
    return log, written


@case(
    "ACC-20",
    "An entry is withheld by a record that counts, and nothing else of the log changes.",
    clauses="WITHHOLD-1 WITHHOLD-2 WITHHOLD-3 WITHHOLD-4 WITHHOLD-5 WITHHOLD-6 WITHHOLD-7",
)
async def withheld(trial: Trial) -> None:
    """Withhold entries rightly, and wrongly in one thing each."""
    await _void(trial)
    for delta, build in _CONTRADICTIONS:
        await is_refused(trial, "wdh.state", build, delta=delta)
    for delta, change in _INSTEAD:

        def stands_in(world: World, bad: bool, change: Change = change) -> SiteLog:
            log, written = _entered(world)
            right = instead_of(written, country="SI")
            log.withhold(written.position, instead=change(world, written) if bad else right)
            return log

        await is_refused(trial, "wdh.state", stands_in, delta=f"instead stands {delta}")
    await _follows(trial)
    await _time(trial)


async def _void(trial: Trial) -> None:
    """WITHHOLD-1, WITHHOLD-2, WITHHOLD-6, WITHHOLD-7: records that count for nothing."""

    def in_coordinator(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log, written = _entered(world)
        if bad:
            log, written = world.coordinator, world.publish_scheme(scheme="other")
            log.state()
        return log, log.withhold(written.position, counts=not bad)

    delta = "in the coordinator's log"
    await is_void(trial, "wdh.coordinator", in_coordinator, delta=delta)

    def later(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log, written = _entered(world)
        at = log.size if bad else written.position
        return log, log.withhold(at, counts=not bad)

    await is_void(trial, "wdh.index", later, delta="an entry that is not before it")

    def other_leaf(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log, written = _entered(world)
        more: dict[str, Value] = {"leaf": log.tree.leaves[0]} if bad else {}
        return log, log.withhold(written.position, counts=not bad, **more)

    await is_void(trial, "wdh.leaf", other_leaf, delta="another leaf hash")

    def again(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log, first = _entered(world)
        log, second = _entered(world)
        log.withhold(first.position)
        at = (first if bad else second).position
        return log, log.withhold(at, counts=not bad)

    await is_void(trial, "wdh.again", again, delta="an entry that is withheld already")

    def by_another(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log, written = _entered(world)
        body: dict[str, Value] = {"index": written.position, "leaf": written.id, "reason": "other"}
        signer = log.keys["registrar" if bad else "root"]
        log.withheld += not bad
        return log, log.append("withhold/1", body, signers=[signer])

    await is_void(trial, "sig.role", by_another, delta="by the registrar key")
    for delta, count in (("says that none is withheld", 0), ("says that two are withheld", 2)):

        def states(world: World, bad: bool, count: int = count) -> tuple[SiteLog, Written]:
            log, written = _entered(world)
            log.withhold(written.position)
            more: dict[str, Value] = {"withheld": count} if bad else {}
            return log, log.state(world.coordinator, **more)

        await is_void(trial, "sta.withheld", states, delta=f"a log_state {delta}")


Build: TypeAlias = Callable[[World, bool], SiteLog]


def _no_state_between(world: World, bad: bool) -> SiteLog:
    log = world.sites["at"]
    written = _enter(log)
    if not bad:
        log.state(world.coordinator)
    log.withhold(written.position, counts=not bad)
    return log


def _same_entity(world: World, bad: bool) -> SiteLog:
    log, first = _entered(world)
    log, second = _entered(world)
    entity = log.withhold(first.position).entity
    body: dict[str, Value] = {"index": second.position, "leaf": second.id, "reason": "other"}
    log.withheld += not bad
    log.append("withhold/1", body, entity=entity if bad else b"")
    return log


def _a_withhold_record(world: World, bad: bool) -> SiteLog:
    log, first = _entered(world)
    written = log.withhold(first.position)
    other = _enter(log)
    log.state(world.coordinator)
    log.withhold((written if bad else other).position, counts=not bad)
    return log


def _a_key_record(world: World, bad: bool) -> SiteLog:
    log, written = _entered(world)
    named = [(role, log.keys[role]) for role in ROLES]
    keys = log.name_keys([*named, ("registrar", SigningKey(world.source.randbytes(32)))])
    log.state(world.coordinator)
    log.withhold((keys if bad else written).position, counts=not bad)
    return log


def _a_grant(world: World, bad: bool) -> SiteLog:
    paper = Paper(world, world.sites["at"])
    paper.close()
    granted = paper.decisions[0]
    instead: dict[str, Value] = {} if bad else {"instead": instead_of(granted, decider=b"1" * 16)}
    paper.log.withhold(granted.position, counts=not bad, **instead)
    return paper.log


def _a_grant_for_longer(world: World, bad: bool) -> SiteLog:
    paper = Paper(world, world.sites["at"])
    paper.close()
    granted = paper.decisions[0]
    until: dict[str, Value] = {"valid_until": "2027-02-18"} if bad else {"decider": b"1" * 16}
    instead = instead_of(granted, **until)
    paper.log.withhold(granted.position, counts=not bad, instead=instead)
    return paper.log


def _by_a_former_root_key(world: World, bad: bool) -> SiteLog:
    log, written = _entered(world)
    former, log.keys["root"] = log.keys["root"], log.next_root
    log.next_root = SigningKey(world.source.randbytes(32))
    log.name_keys()
    log.state(world.coordinator)
    body: dict[str, Value] = {"index": written.position, "leaf": written.id, "reason": "other"}
    log.withheld += not bad
    log.append("withhold/1", body, signers=[former if bad else log.keys["root"]])
    return log


_CONTRADICTIONS: Final[tuple[tuple[str, Build], ...]] = (
    ("no log_state between entry and record", _no_state_between),
    ("a second record on one entity", _same_entity),
    ("withholds a withhold record", _a_withhold_record),
    ("withholds a key record", _a_key_record),
    ("withholds a grant with nothing instead", _a_grant),
    ("instead of a grant stands one of another validity", _a_grant_for_longer),
    ("by a root key of before", _by_a_former_root_key),
)

Change: TypeAlias = Callable[[World, Written], bytes]


def _draft(written: Written, **fields: Value) -> bytes:
    return encode(decode(decode(written.entry)[0]) | fields)


def _transfer(world: World, written: Written) -> bytes:
    body = world.decision("transfer_out", "SOPRO/AT0/001/000000", receiver="hu")
    return _draft(written, family="label_decision/1", body=body)


_INSTEAD: Final[tuple[tuple[str, Change], ...]] = (
    ("what is no record", lambda _, __: b"\x80"),
    (
        "a log_state",
        lambda _, written: _draft(written, family="log_state/1"),
    ),
    (
        "a key record of another major",
        lambda _, written: _draft(written, family="site_keys/2"),
    ),
    (
        "a record of another log",
        lambda world, written: _draft(written, log=world.sites["hu"].origin),
    ),
    (
        "a record with documents",
        lambda _, written: _draft(
            written,
            docs=[
                {
                    "commitment": bytes(32),
                    "name": "description",
                    "size": 5,
                    "type": "text/plain",
                    "visibility": "public",
                }
            ],
        ),
    ),
    ("a handing over", _transfer),
)


async def _follows(trial: Trial) -> None:
    """WITHHOLD-4: what holds instead is what later entries rest on."""
    for what, has_instead, wanted in (
        ("a record instead", True, ""),
        ("nothing instead", False, "lbl.reference"),
    ):
        world = new_world(trial, what)
        log = world.sites["at"]
        holder = _enter(log)
        body: dict[str, Value] = {
            "effective_date": "2026-02-01",
            "kind": "product",
            "organisation": holder.entity,
            "status": "published",
        }
        offering = log.append("offering/1", body)
        log.state(world.coordinator)
        more: dict[str, Value] = {}
        if has_instead:
            more["instead"] = instead_of(holder, country="SI")
        record = log.withhold(holder.position, counts=True, **more)
        close(world, log)

        def judge(
            answer: Answer,
            what: str = what,
            wanted: str = wanted,
            written: tuple[Written, ...] = (holder, offering, record),
            origin: str = log.origin,
        ) -> None:
            found = tuple(void_of(answer.ok, one, origin) for one in written)
            expected = ("entry.withheld", wanted, "")
            trial.check(
                f"an offering of a withheld organisation, with {what}",
                holds=found == expected,
                expected=f"entry, offering and record: {expected}",
                actual=str(found),
                answer=answer,
            )

        trial.ask(judge, question(trial, world))


async def _time(trial: Trial) -> None:
    """WITHHOLD-4: the time of what is withheld binds nothing behind it."""
    put: list[tuple[Question, Written]] = []
    for is_withheld in (False, True):
        world = new_world(trial, "time")
        log = world.sites["at"]
        # Whatever stands between the two would bind by its own time.
        early, log.padding = log.time, None
        log.time += 3_600_000
        late = _enter(log)
        behind = _enter(log, time=early)
        log.state(world.coordinator)
        if is_withheld:
            log.withhold(late.position, instead=instead_of(late, country="SI"))
        close(world, log)
        put.append((question(trial, world), behind))
    origin = log.origin

    def judge(twin: Answer, answer: Answer) -> None:
        before, found = (
            void_of(one.ok, written, origin)
            for one, (_, written) in zip((twin, answer), put, strict=True)
        )
        trial.need(before == "rec.time", f"the twin is not as it has to be: {before}")
        trial.check(
            "a record of before the time of what is withheld",
            holds=found == "",
            expected="counts once that is withheld",
            actual=found or "counts",
            answer=answer,
        )

    trial.ask(judge, *(one for one, _ in put))
