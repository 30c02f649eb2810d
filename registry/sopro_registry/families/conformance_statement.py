"""conformance_statement/1: a site says what the conformance suite has shown (SPEC CONF)."""

import hashlib
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import (
    Bytes32,
    CivilDate,
    Code,
    Count,
    Line,
    add_months,
    day_of,
    earliest_day,
    format_day,
    latest_day,
)

MAX_MONTHS: Final = 12
"""A statement holds no longer than so many months after its run."""

Profile = Literal["coordinator", "peer", "publisher", "reader", "witness"]
Runner = Literal["self", "coordinator", "third_party"]


class Counts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many cases came to which verdict; a run in which one failed has no statement."""

    not_applicable: Count
    passed: Count
    waived: Count
    warned: Count


class Waiver(Struct, frozen=True, kw_only=True):
    """A case that was waived, and why."""

    case: Code
    reason: Line


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was run, against what, and what came of it.

    Attributes:
        artefact: SHA-256 of the software's artefact, as its builder publishes it.
        began: when the run began, ms UTC.
        counts: of verdicts.
        deployment: how it was set up: storage, database, configuration.
        ended: when the run ended, ms UTC.
        features: that the node declared.
        nonce: the challenge that the coordinator gave to the site.
        profiles: that the node was held to, each once, in the order of their bytes.
        report: SHA-256 of report.json.
        requirements: digest of what the suite required of whom.
        results: root of the tree over the verdicts.
        runner: who ran it.
        software: its name.
        suite: digest of the suite's artefact.
        suite_version: of the suite.
        valid_until: the last day on which it is in force.
        version: of the software.
        waivers: what was waived.
    """

    artefact: Bytes32 | UnsetType = UNSET
    began: Count
    counts: Counts
    deployment: Line | UnsetType = UNSET
    ended: Count
    features: Annotated[list[Code], Meta(min_length=1, max_length=64)] | UnsetType = UNSET
    nonce: Bytes32
    profiles: Annotated[list[Profile], Meta(min_length=1, max_length=5)]
    report: Bytes32
    requirements: Bytes32
    results: Bytes32
    runner: Runner
    software: Line
    suite: Bytes32
    suite_version: Line | UnsetType = UNSET
    valid_until: CivilDate
    version: Line
    waivers: Annotated[list[Waiver], Meta(min_length=1, max_length=64)] | UnsetType = UNSET


class State(Struct, frozen=True, array_like=True):
    """A statement that counts: its position and its last day."""

    index: int
    valid_until: int


def seed_of(body: Body, *, site: str) -> bytes:
    """Return the seed from which the bytes of the run followed (SPEC CONF-3)."""
    said = body.nonce + body.suite + body.began.to_bytes(8, "big") + site.encode()
    return hashlib.sha256(b"sopro-conformance/2\n" + said).digest()


def check_body(body: Body) -> int:
    """Hold a statement to what it shows by itself (SPEC CONF-1, CONF-2); return its last day.

    Raises:
        RefusedError: `rec.body` for a day that is none, `conf.form` for profiles out of order or
            waivers that are not as many as counted, `conf.dates` for a run that ends before it
            begins or a statement that holds too long.
    """
    until = day_of(body.valid_until, field="valid_until")
    if body.profiles != sorted(set(body.profiles)):
        raise RefusedError(
            f"conformance_statement: profiles, expected each once and in order, got "
            f"{', '.join(body.profiles)}",
            code="conf.form",
        )
    waived = waived_in(body)
    if waived != sorted(set(waived)) or len(waived) != body.counts.waived:
        raise RefusedError(
            f"conformance_statement: waivers, expected {body.counts.waived} as counted, each case "
            f"once and in order, got {', '.join(waived) or 'none'}",
            code="conf.form",
        )
    if body.ended < body.began:
        raise RefusedError(
            "conformance_statement: the run ended before it began", code="conf.dates"
        )
    last = add_months(latest_day(body.ended), MAX_MONTHS)
    if not earliest_day(body.ended) <= until <= last:
        raise RefusedError(
            f"conformance_statement: valid_until, expected a day up to {format_day(last)}, "
            f"{MAX_MONTHS} months after the run, got {body.valid_until}",
            code="conf.dates",
        )
    return until


def waived_in(body: Body) -> list[str]:
    """Return the cases that a statement says were waived."""
    return [] if body.waivers is UNSET else [one.case for one in body.waivers]


def apply(fact: Fact[Body], state: State | None, view: View) -> Change[State]:
    """Keep the statement; whether a site is admitted on it is the coordinator's to say.

    Raises:
        RefusedError: `conf.again` for a second statement on the entity or with the nonce, and as
            `check_body`.
    """
    body = fact.body
    day_of(body.valid_until, field="valid_until")
    nonce = body.nonce.hex()
    if state is not None or view.exists_named("conformance_statement", nonce):
        raise RefusedError(
            "conformance_statement: a challenge is answered once, and a statement never changed; "
            "ask the coordinator for a new challenge and run the suite again",
            code="conf.again",
        )
    return Change(State(fact.index, check_body(body)), names=(nonce,))


FAMILY = Family("conformance_statement", 1, Body, State, Role.REGISTRAR, Place.ANY, apply)
