"""LBL: the life of a label."""

from typing import Final

from sopro_conformance.adapter import Answer
from sopro_conformance.case import case
from sopro_conformance.cases.judged import is_void, new_world, question, stands
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.federation import EXPIRES, GRANTED, SCHEME, World, status_of
from sopro_conformance.world.sitelog import SiteLog, Written

ACTIONS: Final = (
    "renew",
    "extend_scope",
    "reduce_scope",
    "suspend",
    "reinstate",
    "revoke",
    "terminate_on_request",
    "correct",
    "grant",
)
TABLE: Final[dict[str, dict[str, str]]] = {
    "active": {
        "renew": "active",
        "extend_scope": "active",
        "reduce_scope": "active",
        "suspend": "suspended",
        "revoke": "revoked",
        "terminate_on_request": "terminated",
        "correct": "active",
    },
    "suspended": {
        "renew": "suspended",
        "reinstate": "active",
        "revoke": "revoked",
        "terminate_on_request": "terminated",
        "correct": "suspended",
    },
    "revoked": {"correct": "revoked"},
    "terminated": {"correct": "terminated"},
}
"""What follows from a status and an action (LBL-13); what is not here is refused."""
WAYS: Final[dict[str, tuple[str, ...]]] = {
    "active": (),
    "suspended": ("suspend",),
    "revoked": ("revoke",),
    "terminated": ("terminate_on_request",),
}
"""How a label gets there from its grant."""


def _body(world: World, log: SiteLog, action: str, number: str, position: int) -> dict[str, Value]:
    body = world.decision(action, number)
    if action == "grant":
        offering = world.offer(log)
        body |= {"offering": offering, "scheme": SCHEME, "status_index": log.grants}
    if action == "correct":
        body["corrects"] = position
    return body


def _lead(world: World, status: str) -> tuple[SiteLog, str, Written]:
    """Bring a new label into a status."""
    log = world.sites["at"]
    number = world.number(log)
    last = granted = world.grant(log, number)
    for action in WAYS[status]:
        body = _body(world, log, action, number, granted.position)
        last = log.append("label_decision/1", body, entity=granted.entity)
    return log, number, last


@case("LBL-01", "A label lives by the table of transitions.", clauses="LBL-11 LBL-12 LBL-13 LBL-14")
async def legal_life(trial: Trial) -> None:
    """Take every step of the table, and look at the status after it."""
    for status, steps in TABLE.items():
        for action, after in steps.items():
            world = new_world(trial, f"{status} {action}")
            log, number, last = _lead(world, status)

            def judge(before: Answer, number: str = number, status: str = status) -> None:
                found = status_of(before.ok, number)
                trial.check(
                    f"a label that was brought to {status}",
                    holds=found == status,
                    expected=status,
                    actual=str(found),
                    answer=before,
                )

            trial.ask(judge, question(trial, world))
            body = _body(world, log, action, number, last.position)
            log.append("label_decision/1", body, entity=last.entity)
            await stands(trial, world, {number: after}, what=f"{action} of a {status} label")


@case("LBL-02", "A step that is not in the table has no effect.", clauses="LBL-13 VOID-1 VOID-15")
async def illegal_steps(trial: Trial) -> None:
    """Take every step that is not in the table; one that is stands beside it."""
    for status, steps in TABLE.items():
        legal = next(iter(steps))
        for action in ACTIONS:
            if action in steps or (status, action) == ("active", "reinstate"):
                continue

            def act(
                world: World,
                bad: bool,
                status: str = status,
                actions: tuple[str, str] = (legal, action),
            ) -> tuple[SiteLog, Written]:
                log, number, last = _lead(world, status)
                body = _body(world, log, actions[bad], number, last.position)
                return log, log.append("label_decision/1", body, entity=last.entity)

            delta = f"{action} of a {status} label"
            await is_void(trial, "lbl.transition", act, delta=delta)
            world = new_world(trial, delta)
            log, number, last = _lead(world, status)
            body = _body(world, log, action, number, last.position)
            log.append("label_decision/1", body, entity=last.entity)
            await stands(trial, world, {number: status}, what=delta)


@case(
    "LBL-03",
    "Only the site whose prefix a number bears decides on a label.",
    clauses="LBL-18 VOID-6 VOID-13",
)
async def competence(trial: Trial) -> None:
    """Let a site use the number of another, and sign in the log of another."""

    def foreign_number(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["hu"]
        number = "SOPRO/AT0/001/000000" if bad else "SOPRO/HU0/001/000000"
        offering = world.offer(log)
        body = world.decision(
            "grant", number, offering=offering, scheme=SCHEME, status_index=log.grants
        )
        log.grants += not bad
        return log, log.append("label_decision/1", body)

    await is_void(trial, "lbl.competence", foreign_number, delta="the prefix of another site")

    def foreign_key(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log, number, last = _lead(world, "active")
        signer = world.sites["hu" if bad else "at"].keys["decision"]
        body = _body(world, log, "suspend", number, last.position)
        written = log.append("label_decision/1", body, entity=last.entity, signers=[signer])
        return log, written

    await is_void(trial, "sig.unknown-key", foreign_key, delta="signed by another site")

    def no_scheme_of_ours(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"] if bad else world.coordinator
        body: dict[str, Value] = {
            "effective_date": "2026-01-01",
            "grace_days": 0,
            "kind": "product",
            "max_validity_months": 12,
            "scheme": "ours",
            "status": "active",
            "surveillance_interval_months": 0,
            "title": {"en": "Ours"},
        }
        return log, log.append("scheme/1", body)

    await is_void(trial, "lbl.competence", no_scheme_of_ours, delta="a member publishes a scheme")


@case(
    "LBL-05",
    "A label is granted under a scheme that is there and in force.",
    clauses="LBL-16 LBL-18 STATE-9",
)
async def scheme(trial: Trial) -> None:
    """Grant under schemes that are not there, not yet or no more."""
    for delta, status in (("proposed", "proposed"), ("deprecated", "deprecated")):

        def act(world: World, bad: bool, status: str = status) -> tuple[SiteLog, Written]:
            log = world.sites["at"]
            world.publish_scheme(scheme="young", status=status if bad else "active")
            world.coordinator.state()
            log.state(world.coordinator)
            body = world.decision(
                "grant",
                world.number(log),
                offering=world.offer(log),
                scheme="young",
                status_index=log.grants,
            )
            log.grants += not bad
            return log, log.append("label_decision/1", body)

        await is_void(trial, "lbl.criteria", act, delta=f"under a scheme that is {delta}")

    def unknown(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        body = world.decision(
            "grant",
            world.number(log),
            offering=world.offer(log),
            scheme="nobody" if bad else SCHEME,
            status_index=log.grants,
        )
        log.grants += not bad
        return log, log.append("label_decision/1", body)

    await is_void(trial, "lbl.criteria", unknown, delta="under a scheme that is not there")

    def too_long(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        body = world.decision(
            "grant",
            world.number(log),
            offering=world.offer(log),
            scheme=SCHEME,
            status_index=log.grants,
            valid_until="2028-02-21" if bad else "2028-02-20",
        )
        log.grants += not bad
        return log, log.append("label_decision/1", body)

    await is_void(trial, "lbl.dates", too_long, delta="a day longer than the scheme allows")


@case("LBL-06", "Expiry needs no record.", clauses="LBL-10 LBL-11 LBL-12")
async def expiry(trial: Trial) -> None:
    """Ask about the days around the end of validity, with the same logs."""
    world = new_world(trial, "expiry")
    log = world.sites["at"]
    first, second = world.number(log), ""
    world.grant(log, first)
    second = world.number(log)
    later = world.grant(log, second)
    body = world.decision("suspend", second)
    log.append("label_decision/1", body, entity=later.entity)
    for day, status, other in (
        ("2026-02-19", "none", "none"),
        (GRANTED, "active", "suspended"),
        (EXPIRES, "active", "suspended"),
        ("2027-02-20", "expired", "expired"),
        ("2031-01-01", "expired", "expired"),
        (EXPIRES, "active", "suspended"),
    ):
        wanted = {first: status, second: other}
        await stands(trial, world, wanted, what="asked again", day=day)


@case("LBL-07", "Of two successors of one decision the first counts.", clauses="REC-6 VOID-8")
async def conflict(trial: Trial) -> None:
    """Append two decisions that name the same one before."""

    def act(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log, number, last = _lead(world, "active")
        body = _body(world, log, "suspend", number, last.position)
        suspended = log.append("label_decision/1", body, entity=last.entity)
        prev = last.id if bad else suspended.id
        body = _body(world, log, "revoke", number, last.position)
        return log, log.append("label_decision/1", body, entity=last.entity, prev=prev)

    await is_void(trial, "lbl.conflict", act, delta="names a decision that has a successor")

    def none(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log, number, last = _lead(world, "active")
        body = _body(world, log, "suspend", number, last.position)
        prev = None if bad else last.id
        return log, log.append("label_decision/1", body, entity=last.entity, prev=prev)

    await is_void(trial, "lbl.conflict", none, delta="names none, where there is one")


@case(
    "LBL-08",
    "What a decision refers to has to be there, and is waited for where it may come.",
    clauses="LBL-18 LBL-19 LBL-6 VOID-16 STATE-8",
)
async def references(trial: Trial) -> None:
    """Refer to offerings that are not there, and act on a head that has not come."""

    def dangling(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        offering = world.offer(log)
        body = world.decision(
            "grant",
            world.number(log),
            offering=trial.random.randbytes(16) if bad else offering,
            scheme=SCHEME,
            status_index=log.grants,
        )
        log.grants += not bad
        return log, log.append("label_decision/1", body)

    await is_void(trial, "lbl.reference", dangling, delta="an offering that is not there")

    def other(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log, number, last = _lead(world, "active")
        offering = world.offer(log)
        body = _body(world, log, "suspend", number, last.position)
        changes: dict[str, Value] = {"offering": offering} if bad else {}
        return log, log.append("label_decision/1", body | changes, entity=last.entity)

    await is_void(trial, "lbl.reference", other, delta="another offering than the first decision")
    await _waits(trial)


async def _waits(trial: Trial) -> None:
    world = new_world(trial, "a head that has not come")
    log = world.sites["at"]
    number = world.number(log)
    granted = world.grant(log, number)
    known = world.coordinator.size
    world.publish_scheme(scheme="later")
    world.coordinator.state()
    state = log.state(world.coordinator)
    body = _body(world, log, "revoke", number, granted.position)
    log.append("label_decision/1", body, entity=granted.entity)
    given = world.question()
    coordinator = world.coordinator
    cut = given["logs"][0] | {
        "entries": coordinator.entries[:known],
        "checkpoint": coordinator.checkpoint(known),
    }

    def judge(full: Answer, answer: Answer) -> None:
        found = [_waiting(one.ok, log.origin, number) for one in (full, answer)]
        trial.need(found[0] == (None, "revoked"), f"the twin is not as it has to be: {full.words}")
        trial.check(
            "acts on a head that is not here yet",
            holds=found[1] == (state.position, "active"),
            expected=f"waits at {state.position}, the label is active until then",
            actual=str(found[1]),
        )

    less = {**given, "logs": [cut, *given["logs"][1:]]}
    trial.ask(judge, trial.question("logs", **given), trial.question("logs", **less))


def _waiting(given: object, origin: str, number: str) -> tuple[object, object]:
    if not isinstance(given, dict):
        return None, None
    log = given.get("logs", {}).get(origin, {})
    return log.get("waits_at"), given.get("labels", {}).get(number, {}).get("status")


@case("LBL-09", "A correction never rewrites a decision.", clauses="LBL-13 LBL-14")
async def correction(trial: Trial) -> None:
    """Correct labels in every status: what was decided stays."""
    for status in WAYS:
        world = new_world(trial, status)
        log, number, last = _lead(world, status)
        count = 2 + len(WAYS[status])
        body = _body(world, log, "correct", number, last.position)
        log.append("label_decision/1", body, entity=last.entity)

        def judge(
            answer: Answer, status: str = status, number: str = number, count: int = count
        ) -> None:
            label = (answer.ok or {}).get("labels", {}).get(number, {})
            found = label.get("decisions") if isinstance(label, dict) else None
            trial.check(
                f"decisions on a corrected {status} label",
                holds=found == count,
                expected=str(count),
                actual=str(found),
                answer=answer,
            )

        what = f"a corrected {status} label"
        await stands(trial, world, {number: status}, what=what, then=judge)

    def late(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log, number, last = _lead(world, "active")
        body = _body(world, log, "extend_scope", number, last.position)
        log.append("label_decision/1", body | {"effective_date": "2026-02-25"}, entity=last.entity)
        body = _body(world, log, "suspend", number, last.position)
        body["effective_date"] = "2026-02-24" if bad else "2026-02-25"
        return log, log.append("label_decision/1", body, entity=last.entity)

    await is_void(trial, "lbl.dates", late, delta="holds before the decision before it")


@case(
    "LBL-13",
    "A label changes sites by two records that refer to each other, and by no single one.",
    clauses="XFER-1 XFER-2 XFER-3 XFER-4 XFER-5 XFER-6",
)
async def transfer(trial: Trial) -> None:
    """Hand a label over; take it over rightly, not at all, and otherwise than it stood."""
    for what, half, changes, wanted in (
        ("both halves", True, {}, ("active", "hu")),
        ("only the first half", False, {}, ("transferred", "at")),
        ("taken over as suspended", True, {"standing": "suspended"}, ("transferred", "at")),
        ("taken over for longer", True, {"valid_until": "2027-03-01"}, ("transferred", "at")),
    ):
        world = new_world(trial, what)
        number = _hand_over(world, take=half, changes=dict(changes))

        def judge(
            answer: Answer,
            what: str = what,
            number: str = number,
            wanted: tuple[str, str] = wanted,
        ) -> None:
            label = (answer.ok or {}).get("labels", {}).get(number, {})
            found = (label.get("status"), label.get("site")) if isinstance(label, dict) else None
            trial.check(
                what, holds=found == wanted, expected=str(wanted), actual=str(found), answer=answer
            )

        trial.ask(judge, question(trial, world))


def _hand_over(world: World, *, take: bool, changes: dict[str, Value]) -> str:
    at, hu = world.sites["at"], world.sites["hu"]
    number = world.number(at)
    granted = world.grant(at, number)
    entity = world.source.randbytes(16)
    body = world.decision("transfer_out", number, receiver="hu", receiver_entity=entity)
    handed = at.append("label_decision/1", body, entity=granted.entity)
    at.state(world.coordinator)
    if take:
        body = world.decision(
            "transfer_in",
            number,
            offering=world.offer(hu),
            scheme=SCHEME,
            standing="active",
            status_index=hu.grants,
            takes=[at.origin, handed.position, handed.id],
            valid_until=EXPIRES,
        )
        hu.append("label_decision/1", body | changes, entity=entity)
        hu.grants += 1
        hu.state(world.coordinator)
    return number
