"""LBL-17 and LBL-18: the steps of the answer to a complaint, and of an appeal."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from sopro_conformance.case import case
from sopro_conformance.cases.applying import BEFORE, DAY, LAST, NO_DAY, TOMORROW
from sopro_conformance.cases.bench import Begin, Table, Take, try_table
from sopro_conformance.cases.judged import is_void
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.federation import World
from sopro_conformance.world.sitelog import SiteLog, Written

ANSWERS: Final[Table] = {
    "": ("acknowledged",),
    "acknowledged": ("investigating", "dismissed"),
    "investigating": ("upheld", "dismissed"),
    "upheld": ("closed",),
    "dismissed": ("closed",),
    "closed": (),
}
"""Which step of an answer to a complaint may follow which (COMPL-2)."""
APPEALS: Final[Table] = {
    "": ("received",),
    "received": ("panel", "withdrawn"),
    "panel": ("panel", "upheld", "partly_upheld", "rejected", "withdrawn"),
    "upheld": (),
    "partly_upheld": (),
    "rejected": (),
    "withdrawn": (),
}
"""Which step of an appeal may follow which (COMPL-4)."""


class Labels(NamedTuple):
    """Labels of a site that are complained about or appealed against.

    Attributes:
        log: of the site.
        granted: the grants of two labels.
        suspended: the second decision on the first of them.
    """

    log: SiteLog
    granted: tuple[Written, Written]
    suspended: Written

    def answer(self, world: World, step: str, **changes: Value) -> dict[str, Value]:
        """Return the body of a step of an answer; whether the complaint is there plays no part."""
        body: dict[str, Value] = {
            "complaint": bytes(32),
            "effective_date": DAY,
            "index": 7,
            "label": self.granted[0].entity,
            "origin": world.sites["hu"].origin,
            "step": step,
        }
        return body | changes

    def appeal(self, _world: World, step: str, **changes: Value) -> dict[str, Value]:
        """Return the body of a step of an appeal."""
        body: dict[str, Value] = {
            "decision": self.granted[0].position,
            "effective_date": DAY,
            "label": self.granted[0].entity,
            "step": step,
        }
        if step == "panel":
            body["panel"] = [b"a panel member.."]
        return body | changes


def give_labels(world: World) -> Labels:
    """Grant two labels and suspend the first."""
    log = world.sites["at"]
    number = world.number(log)
    granted = world.grant(log, number), world.grant(log)
    body = world.decision("suspend", number)
    suspended = log.append("label_decision/1", body, entity=granted[0].entity)
    return Labels(log, granted, suspended)


def _prepare_answers(world: World) -> tuple[SiteLog, Begin]:
    labels = give_labels(world)

    def begin() -> Take:
        entity = world.source.randbytes(16)
        # Each answers another complaint, whether that is there or not (COMPL-3).
        index = labels.log.size

        def take(step: str) -> Written:
            body = labels.answer(world, step, index=index)
            return labels.log.append("complaint_answer/1", body, entity=entity)

        return take

    return labels.log, begin


def _prepare_appeals(world: World) -> tuple[SiteLog, Begin]:
    labels = give_labels(world)

    def begin() -> Take:
        entity = world.source.randbytes(16)
        return lambda step: labels.log.append("appeal/1", labels.appeal(world, step), entity=entity)

    return labels.log, begin


Change: TypeAlias = Callable[[Labels], Mapping[str, Value]]


class _Rule(NamedTuple):
    """One rule, as a step that is right and differs in one thing where it is wrong.

    Attributes:
        delta: what is wrong.
        code: why.
        bad: what differs.
        good: changes of the right one.
        is_first: whether it is wrong in the first step, otherwise in the second.
    """

    delta: str
    code: str
    bad: Change
    good: Change = lambda _: {}
    is_first: bool = False


_DAYS: Final = (
    _Rule("a day that is none", "rec.body", lambda _: {"effective_date": NO_DAY}),
    _Rule(
        "a step of tomorrow",
        "lbl.dates",
        lambda _: {"effective_date": TOMORROW},
        good=lambda _: {"effective_date": LAST},
    ),
    _Rule("a step before the one it follows", "lbl.dates", lambda _: {"effective_date": BEFORE}),
    _Rule(
        "a first step of tomorrow",
        "lbl.dates",
        lambda _: {"effective_date": TOMORROW},
        good=lambda _: {"effective_date": LAST},
        is_first=True,
    ),
)
_OF_ANSWERS: Final = (
    *_DAYS,
    _Rule("another complaint of that log", "cpl.subject", lambda _: {"index": 8}),
    _Rule("another label", "cpl.subject", lambda labels: {"label": labels.granted[1].entity}),
    _Rule(
        "a complaint in another log", "cpl.subject", lambda labels: {"origin": labels.log.origin}
    ),
    _Rule(
        "a label that is not there", "cpl.subject", lambda _: {"label": bytes(16)}, is_first=True
    ),
)
_OF_APPEALS: Final = (
    *_DAYS,
    _Rule(
        "another decision on the label",
        "cpl.subject",
        lambda labels: {"decision": labels.suspended.position},
    ),
    _Rule(
        "another label, and a decision on that",
        "cpl.subject",
        lambda labels: {
            "label": labels.granted[1].entity,
            "decision": labels.granted[1].position,
        },
    ),
    _Rule("an entry that is no decision", "cpl.subject", lambda _: {"decision": 1}, is_first=True),
    _Rule(
        "a decision on another label",
        "cpl.subject",
        lambda labels: {"decision": labels.granted[1].position},
        is_first=True,
    ),
    _Rule(
        "a decision that is not there yet",
        "cpl.subject",
        lambda labels: {"decision": labels.log.size},
        is_first=True,
    ),
)


@case(
    "LBL-17",
    "A site answers a complaint by the steps of the table, each complaint once.",
    clauses="COMPL-2 COMPL-3",
)
async def answers(trial: Trial) -> None:
    """Take every step after every other, and break one rule of a step after the other."""
    await try_table(trial, ANSWERS, "cpl.transition", _prepare_answers)
    for rule in _OF_ANSWERS:

        def act(world: World, bad: bool, rule: _Rule = rule) -> tuple[SiteLog, Written]:
            labels = give_labels(world)
            entity = world.source.randbytes(16)
            changes = {**rule.good(labels), **(rule.bad(labels) if bad else {})}
            step = "acknowledged" if rule.is_first else "investigating"
            if not rule.is_first:
                first = labels.answer(world, "acknowledged")
                labels.log.append("complaint_answer/1", first, entity=entity)
            body = labels.answer(world, step, **changes)
            return labels.log, labels.log.append("complaint_answer/1", body, entity=entity)

        await is_void(trial, rule.code, act, delta=rule.delta)

    def twice(world: World, bad: bool) -> tuple[SiteLog, Written]:
        labels = give_labels(world)
        labels.log.append("complaint_answer/1", labels.answer(world, "acknowledged"))
        body = labels.answer(world, "acknowledged", index=7 if bad else 8)
        return labels.log, labels.log.append("complaint_answer/1", body)

    await is_void(trial, "cpl.subject", twice, delta="a complaint that is answered already")


@case(
    "LBL-18",
    "An appeal takes the steps of the table, against a decision of this site.",
    clauses="COMPL-4 COMPL-5",
)
async def appeals(trial: Trial) -> None:
    """Take every step after every other, and break one rule of a step after the other."""
    await try_table(trial, APPEALS, "cpl.transition", _prepare_appeals)
    for rule in _OF_APPEALS:

        def act(world: World, bad: bool, rule: _Rule = rule) -> tuple[SiteLog, Written]:
            labels = give_labels(world)
            entity = world.source.randbytes(16)
            changes = {**rule.good(labels), **(rule.bad(labels) if bad else {})}
            if not rule.is_first:
                first = labels.appeal(world, "received")
                labels.log.append("appeal/1", first, entity=entity)
            body = labels.appeal(world, "received" if rule.is_first else "panel", **changes)
            return labels.log, labels.log.append("appeal/1", body, entity=entity)

        await is_void(trial, rule.code, act, delta=rule.delta)
    await is_void(trial, "cpl.subject", _imported, delta="a decision that was imported")
    await is_void(trial, "cpl.subject", _void, delta="a decision that is void")


def _imported(world: World, bad: bool) -> tuple[SiteLog, Written]:
    log = world.sites["at"]
    number = world.number(log)
    granted = world.grant(log, number, basis="imported" if bad else "assessed")
    body: dict[str, Value] = {
        "decision": granted.position,
        "effective_date": DAY,
        "label": granted.entity,
        "step": "received",
    }
    return log, log.append("appeal/1", body)


def _void(world: World, bad: bool) -> tuple[SiteLog, Written]:
    labels = give_labels(world)
    # A suspended label is not suspended again.
    number = f"SOPRO/AT0/001/{labels.log.first + (not bad):06}"
    again = world.decision("suspend", number)
    target = labels.granted[0 if bad else 1]
    decided = labels.log.append("label_decision/1", again, entity=target.entity)
    body = labels.appeal(world, "received", label=target.entity, decision=decided.position)
    return labels.log, labels.log.append("appeal/1", body)
