"""VER-05: nobody goes back to an older version without its being seen."""

from typing import Final

from sopro_conformance.adapter import Answer
from sopro_conformance.case import case
from sopro_conformance.cases.judged import new_world, question, stands
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.federation import World
from sopro_conformance.world.sitelog import SiteLog

_ACTIONS: Final = (
    ("suspend", "suspended"),
    ("revoke", "revoked"),
    ("terminate_on_request", "terminated"),
)


@case(
    "VER-05",
    "What is written in an older version again is not read as if there had been no newer one.",
    clauses="REC-13 VOID-12 EXCH-2",
)
async def no_way_back(trial: Trial) -> None:
    """Go on in the known version behind a record of a newer one, of a label and of a member."""
    for action, status in _ACTIONS:
        for is_newer in (False, True):
            world = new_world(trial, action)
            log = world.sites["at"]
            number = world.number(log)
            granted = world.grant(log, number)
            if is_newer:
                _write_newer(world, log, number, granted.entity)
            body = world.decision(action, number)
            log.append("label_decision/1", body, entity=granted.entity)
            what = "behind a decision of a newer version" if is_newer else "its twin without that"
            wanted = "undetermined" if is_newer else status
            await stands(trial, world, {number: wanted}, what=f"{action}, {what}")
    await _first(trial)
    await _membership(trial)


def _write_newer(world: World, log: SiteLog, number: str, entity: bytes) -> None:
    body = world.decision("correct", number, later=1)
    log.append("label_decision/2", body, entity=entity)


async def _first(trial: Trial) -> None:
    """Have a critical field nobody knows in one record, and none in those that follow."""
    world = new_world(trial, "a critical field")
    log = world.sites["at"]
    number = world.number(log)
    granted = world.grant(log, number)
    for action, crit in (("suspend", ["later"]), ("reinstate", [])):
        body = world.decision(action, number, later=1)
        log.append("label_decision/1", body, entity=granted.entity, crit=crit)
    await stands(
        trial, world, {number: "undetermined"}, what="behind a critical field that is not known"
    )


async def _membership(trial: Trial) -> None:
    """Suspend a member, behind a membership record of a newer version."""
    for is_newer in (False, True):
        world = new_world(trial, "a membership")
        entity, body = world.member_entity("hu"), world.membership("hu")
        if is_newer:
            world.coordinator.append("site_membership/2", body | {"later": 1}, entity=entity)
        ends: dict[str, Value] = {
            "origin": world.sites["hu"].origin,
            "size": world.sites["hu"].size,
        }
        world.change_membership("hu", status="suspended", ends=ends)
        world.coordinator.state()

        def judge(answer: Answer, is_newer: bool = is_newer) -> None:
            members = (answer.ok or {}).get("members")
            wanted = "admitted" if is_newer else "suspended"
            found = members.get("hu") if isinstance(members, dict) else None
            which = "behind one of a newer version" if is_newer else "its twin without"
            trial.check(
                f"a membership, {which}",
                holds=found == wanted,
                expected=f"{wanted}, as the last record that counts has it",
                actual=str(found),
                answer=answer if answer.ok is None else None,
            )

        trial.ask(judge, question(trial, world))
