"""LBL-14 and LBL-15: one rule after the other, in members' logs and in the coordinator's."""

import hashlib
from collections.abc import Callable
from typing import Final, TypeAlias

from sopro_conformance.case import case
from sopro_conformance.cases.judged import is_void
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.federation import SCHEME, World
from sopro_conformance.world.scene import organisation
from sopro_conformance.world.sitelog import SiteLog, Written

Act: TypeAlias = Callable[[World, SiteLog, bool], Written]
"""Appends one record to a log, right or (True) with the one difference."""

NO_DAY: Final = "2026-02-30"
A_DAY: Final = "2026-02-28"


def _organisation(log: SiteLog, **changes: Value) -> Written:
    return log.append("organisation/1", organisation(log.site) | changes)


def _suspend(bad: dict[str, Value], *, without: str = "") -> Act:
    def act(world: World, log: SiteLog, is_bad: bool) -> Written:
        number = world.number(log)
        granted = world.grant(log, number)
        body = world.decision("suspend", number) | (bad if is_bad else {})
        if is_bad and without:
            del body[without]
        return log.append("label_decision/1", body, entity=granted.entity)

    return act


def _second_family(_world: World, log: SiteLog, bad: bool) -> Written:
    holder = _organisation(log)
    body: dict[str, Value] = {
        "effective_date": A_DAY,
        "kind": "product",
        "organisation": holder.entity,
        "status": "published",
    }
    return log.append("offering/1", body, entity=holder.entity if bad else b"")


def _status_index(world: World, log: SiteLog, bad: bool) -> Written:
    world.grant(log)
    if not bad:
        return world.grant(log)
    written = world.grant(log, status_index=7)
    log.grants -= 1  # it counts for nothing
    return written


def _relation(wrong: str) -> Act:
    def act(_world: World, log: SiteLog, bad: bool) -> Written:
        one, other = _organisation(log).entity, _organisation(log).entity
        relation: dict[str, Value] = {"kind": "part_of", "organisation": other, "since": A_DAY}
        if bad and wrong == "itself":
            relation["organisation"] = one
        if bad and wrong == "day":
            relation["since"] = NO_DAY
        if bad and wrong == "later":
            relation["since"] = "2027-01-01"
        subject = hashlib.sha256(b"sopro-relations/1\n" + one).digest()[:16]
        return log.append(
            "organisation_relation/1",
            {"organisation": one, "relations": [relation]},
            entity=log.source.randbytes(16) if bad and wrong == "entity" else subject,
        )

    return act


def _complaint(_world: World, log: SiteLog, bad: bool) -> Written:
    body: dict[str, Value] = {
        "certificate": f"SOPRO/{log.site.upper()}0/001/000001",
        "kind": "misuse",
        "received_on": "2026-03-09" if bad else A_DAY,
    }
    return log.append("complaint/1", body)


def _erasure(_world: World, log: SiteLog, bad: bool) -> Written:
    body: dict[str, Value] = {
        "deadline": "2099-12-31",
        "document": 0,
        "index": log.size + 3 if bad else 0,
        "reason": "request",
    }
    return log.append("erasure/1", body)


def _status_root(world: World, log: SiteLog, bad: bool) -> Written:
    more: dict[str, Value] = {"status_root": b"\x01" * 32} if bad else {}
    return log.state(world.coordinator, **more)


_OF_MEMBERS: Final[tuple[tuple[str, str, Act], ...]] = (
    ("another family on an entity", "rec.family", _second_family),
    (
        "a country in small letters",
        "rec.body",
        lambda _world, log, bad: _organisation(log, country="at" if bad else "AT"),
    ),
    (
        "a day that is none",
        "rec.body",
        lambda _world, log, bad: _organisation(log, effective_date=NO_DAY if bad else A_DAY),
    ),
    ("a decision on a day that is none", "rec.body", _suspend({"effective_date": NO_DAY})),
    (
        "a suspension without a reason",
        "lbl.precondition",
        _suspend({}, without="reason_code"),
    ),
    (
        "a suspension with a scope",
        "lbl.precondition",
        _suspend({"scope": {"areas": ["AT130"]}}),
    ),
    ("a suspension that corrects", "lbl.precondition", _suspend({"corrects": 0})),
    ("a place in the status tree that is another's", "lbl.precondition", _status_index),
    ("relations on another entity", "rel.subject", _relation("entity")),
    ("a relation to itself", "rel.subject", _relation("itself")),
    ("a relation since a day that is none", "rec.body", _relation("day")),
    ("a relation of next year", "lbl.dates", _relation("later")),
    ("a complaint received after it was recorded", "lbl.dates", _complaint),
    ("an erasure of what comes later", "era.index", _erasure),
    ("another root of the status tree", "sta.status", _status_root),
)


@case(
    "LBL-14",
    "What a member writes into its registers keeps to the rules of each family.",
    clauses="FIELD-1 VOID-9 STATE-10 LBL-5 LBL-7 LBL-8 LBL-20 LBL-23 LBL-24 "
    "REL-1 REL-2 REL-3 COMPL-1 ERASE-1",
)
async def registers(trial: Trial) -> None:
    """Break one rule of a member's records after the other."""
    for delta, code, act in _OF_MEMBERS:

        def in_log(world: World, bad: bool, act: Act = act) -> tuple[SiteLog, Written]:
            log = world.sites["at"]
            return log, act(world, log, bad)

        await is_void(trial, code, in_log, delta=delta)


def _membership(name: str) -> Act:
    more: dict[str, Value] = {"conformance": bytes(32)} if name == "conformance_until" else {}

    def act(world: World, _log: SiteLog, bad: bool) -> Written:
        return world.change_membership("hu", **more, **{name: NO_DAY if bad else A_DAY})

    return act


def _policy(_world: World, log: SiteLog, bad: bool) -> Written:
    return log.append(
        "witness_policy/1", {"faulty": 0, "witnesses": ["at", "at"] if bad else ["at", "hu"]}
    )


def _list(_world: World, log: SiteLog, bad: bool) -> Written:
    document: dict[str, Value] = {
        "commitment": bytes(32),
        "name": "notes" if bad else "codelist",
        "size": 5,
        "type": "text/csv",
        "visibility": "public",
    }
    body: dict[str, Value] = {
        "digest": bytes(32),
        "list": "cpv",
        "size": 3,
        "valid_from": "2008-01-01",
        "version": "2008",
    }
    return log.append("codelist/1", body, docs=[document])


_OF_COORDINATOR: Final[tuple[tuple[str, str, Act], ...]] = (
    ("a membership on a day that is none", "rec.body", _membership("effective_date")),
    ("a statement until a day that is none", "rec.body", _membership("conformance_until")),
    (
        "a scheme under the code of another",
        "mem.name",
        lambda world, _log, bad: world.publish_scheme(scheme=SCHEME if bad else "other"),
    ),
    (
        "a scheme from a day that is none",
        "rec.body",
        lambda world, _log, bad: world.publish_scheme(
            scheme="other", effective_date=NO_DAY if bad else A_DAY
        ),
    ),
    ("a policy that names a witness twice", "wit.policy", _policy),
    ("a list of codes without its document", "cdl.document", _list),
)


@case(
    "LBL-15",
    "What the coordinator publishes keeps to the rules of each family.",
    clauses="MEM-1 MEM-12 LBL-1 WIT-11 CDL-1",
)
async def published(trial: Trial) -> None:
    """Break one rule of the coordinator's records after the other."""
    for delta, code, act in _OF_COORDINATOR:

        def in_log(world: World, bad: bool, act: Act = act) -> tuple[SiteLog, Written]:
            return world.coordinator, act(world, world.coordinator, bad)

        await is_void(trial, code, in_log, delta=delta)
