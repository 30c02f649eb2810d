"""Answers about labels: pure functions of states and a day, ready to be written as JSON."""

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise

from msgspec import UNSET, Struct

from sopro_registry.families import site_membership
from sopro_registry.fields import format_day
from sopro_registry.label import (
    Action,
    Decision,
    Scope,
    Status,
    Takeover,
    possible_actions,
    status_at,
)
from sopro_registry.overlays import Lookup, Overlay, find_overlays
from sopro_registry.transfer import Course, Mismatch, Stage, compare
from sopro_registry.witnesses import Publication

UNDETERMINED = "undetermined: upgrade needed"


class Basis(Struct, frozen=True, omit_defaults=True):
    """The log prefix an answer rests on, so that anybody can compute it again.

    Attributes:
        origin: of the log.
        size: of the prefix.
        root: of the prefix, hex.
        two_histories: whether evidence of two histories stands against the log (SPEC EVID-7).
    """

    origin: str
    size: int
    root: str
    two_histories: bool = False


class DecisionAnswer(Struct, frozen=True):
    """One decision of a label's history; `site` is whose log it is in, `log` that log's origin.

    `reason` is its code, as it was corrected last (SPEC LBL-29); empty where there is none.
    `recorded_on` is the civil date of its record in UTC, as its site claims it (SPEC OVL-11).
    """

    index: int
    action: Action
    basis: str
    status: str
    effective_date: str | None
    decided_on: str | None
    valid_until: str | None
    site: str = ""
    log: str = ""
    reason: str = ""
    recorded_on: str | None = None


class TransferState(StrEnum):
    """How far a transfer has come."""

    COMPLETED = "completed"
    OFFERED = "offered"
    UNCONFIRMED = "unconfirmed"


class TransferAnswer(Struct, frozen=True):
    """One step of a label from a site to another, or what is missing of it.

    Attributes:
        from_site: code of the site that had it.
        to_site: code of the site that has it then.
        state: completed; offered, as long as the receiver has not taken it over; or unconfirmed,
            where only the receiver says so, and that counts for nothing.
        effective_date: the civil date from which the receiver decides on it.
        is_succession: whether a successor took it over from a site that has gone.
        problem: why it is not confirmed.
    """

    from_site: str
    to_site: str
    state: TransferState
    effective_date: str | None
    is_succession: bool
    problem: str = ""


class ScopeAnswer(Struct, frozen=True):
    """What a label holds for within its offering; nothing named is everything.

    Attributes:
        areas: NUTS codes.
        cpv: procurement codes.
    """

    areas: list[str]
    cpv: list[str]


class Standing(Struct, frozen=True):
    """Whether a label is valid on a day, and no more.

    Attributes:
        number: certificate number.
        site: code of the site that decides on it on that day.
        status: in one word, or that this version cannot tell.
        valid: whether it may be used on that day.
        valid_until: last civil date of validity, where one is stated.
        imported: whether it was taken from an existing register.
        on_record_since: since when all is on record that this follows from (SPEC OVL-11).
        recorded_late: whether that was written down long after it held, and after that day.
    """

    number: str
    site: str
    status: str
    valid: bool
    valid_until: str | None
    imported: bool
    on_record_since: str | None = None
    recorded_late: bool = False


def stand(course: Course, day: int) -> Standing:
    """Say whether a label is valid on a day."""
    stage = course.at(day)
    status, last = status_at(stage.label.decisions, day)
    first = course.stages[0].label
    return Standing(
        first.number,
        stage.site,
        UNDETERMINED if stage.undetermined else status.word,
        status is Status.ACTIVE and not stage.undetermined,
        _date(last.until) if last else None,
        first.decisions[0].imported,
        _date(course.recorded_by(day)),
        course.is_recorded_late(day),
    )


class LabelAnswer(Struct, frozen=True):
    """A label as it stands on a day.

    Attributes:
        number: certificate number.
        site: code of the site that decides on it.
        status: in one word, or that this version cannot tell.
        at: the civil date asked about.
        valid_until: last civil date of validity, where one is stated.
        imported: whether it was taken from an existing register.
        scheme: its code.
        offering: entity of what is labelled.
        possible: what may be decided next.
        history: every decision, oldest first, those after `at` too.
        computed_from: the log prefixes the answer rests on.
        membership: of the site, as this node knows it; empty where it knows of none.
        successor: code of the site that is named to take over the labels of one that has gone.
        caretaker: code of who looks after a site that has gone: its successor if that is a member,
            or who follows from it, or else the coordinator; empty while it has not.
        publication: how far the last decision has come; None where only a log is there to tell.
        transfers: its way from site to site, oldest first, and what is claimed beyond.
        overlays: what lies over the status that day (SPEC OVL).
        scope: what it holds for that day; None where no decision states it.
        on_record_since: the civil date, in UTC, since when all is on record that the status on that
            day follows from (SPEC OVL-11); later than `at` where it was not known on that day.
    """

    number: str
    site: str
    status: str
    at: str
    valid_until: str | None
    imported: bool
    scheme: str
    offering: str
    possible: tuple[Action, ...]
    history: list[DecisionAnswer]
    computed_from: list[Basis]
    membership: str = ""
    successor: str = ""
    publication: Publication | None = None
    transfers: list[TransferAnswer] = []
    overlays: tuple[Overlay, ...] = ()
    scope: ScopeAnswer | None = None
    caretaker: str = ""
    on_record_since: str | None = None


def answer_label(
    course: Course,
    *,
    bases: Sequence[Basis],
    day: int,
    lookup: Lookup | None = None,
    member: site_membership.Body | None = None,
    claims: Sequence[Stage] = (),
) -> LabelAnswer:
    """Say how a label stands on a day.

    Args:
        course: its state in each log it was in.
        bases: those logs, as far as they are judged, in the same order.
        day: asked about.
        lookup: what overlays ask of the logs; None where only the label is there to tell.
        member: the membership of the site that decides on it that day.
        claims: what other logs say of its number, confirmed or not.
    """
    stage = course.at(day)
    status, last = status_at(stage.label.decisions, day)
    basis = bases[course.stages.index(stage)]
    first = course.stages[0].label
    return LabelAnswer(
        first.number,
        stage.site,
        UNDETERMINED if stage.undetermined else status.word,
        format_day(day),
        _date(last.until) if last else None,
        first.decisions[0].imported,
        first.scheme,
        stage.label.offering.hex(),
        possible_actions(status),
        [
            _answer_decision(decision, one)
            for one in course.stages
            for decision in one.label.decisions
        ],
        [basis, *(other for other in bases if other is not basis)],
        member.status if member else "",
        member.successor if member and member.successor is not UNSET else "",
        transfers=_answer_transfers(course, claims),
        overlays=find_overlays(course, day, lookup) if lookup else (),
        scope=_answer_scope(stage.label.scope_at(day)),
        caretaker=lookup.caretaker(stage.origin) if lookup else "",
        on_record_since=_date(course.recorded_by(day)),
    )


def _answer_scope(scope: Scope) -> ScopeAnswer | None:
    return ScopeAnswer(scope.areas, scope.cpv) if scope.index >= 0 else None


def _answer_transfers(course: Course, claims: Sequence[Stage]) -> list[TransferAnswer]:
    done = [
        TransferAnswer(
            before.site,
            after.site,
            TransferState.COMPLETED,
            _date(after.label.decisions[0].effective),
            before.label.handed is None,
        )
        for before, after in pairwise(course.stages)
    ]
    last = course.competent
    if last.label.handed is not None:
        done.append(
            TransferAnswer(last.site, last.label.handed.site, TransferState.OFFERED, None, False)
        )
    return done + [
        _answer_claim(claim, course, claim.label.taken)
        for claim in claims
        if claim.label.taken is not None and claim not in course.stages
    ]


def _answer_claim(claim: Stage, course: Course, taken: Takeover) -> TransferAnswer:
    """Say why a claim that only one log makes is not confirmed."""
    named = [stage for stage in course.stages if stage.origin == taken.origin]
    found = [compare(stage, claim) or Mismatch.LATER for stage in named]
    # A label comes back to a site it has left: the stage that fits best says what is wrong.
    problem = next((one for one in found if one is not Mismatch.RECORD), Mismatch.RECORD)
    return TransferAnswer(
        taken.origin.split("/")[1],
        claim.site,
        TransferState.UNCONFIRMED,
        _date(claim.label.decisions[0].effective),
        taken.is_orphaned,
        problem.value,
    )


def _answer_decision(decision: Decision, stage: Stage) -> DecisionAnswer:
    return DecisionAnswer(
        decision.index,
        decision.action,
        "imported" if decision.imported else "assessed",
        decision.status.word,
        None if decision.undated else _date(decision.effective),
        _date(decision.decided),
        _date(decision.until),
        stage.site,
        stage.origin,
        next((one.code for one in stage.label.reasons if one.index == decision.index), ""),
        _date(decision.recorded),
    )


def _date(day: int) -> str | None:
    return format_day(day) if day else None
