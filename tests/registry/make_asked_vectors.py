"""Make the frozen vectors of what labels were asked for and rest on: run with `python -m`.

Each rule is a pair: the last entry of the one log counts, that of the other is void for its one
difference. Calls mean what they do in the vectors of transfers; `recorded` gives, for days, since
when all is on record that holds, and whether it is recorded late.
"""

import json
from collections.abc import Callable
from typing import Any

from sopro_protocol.errors import RefusedError
from sopro_registry.fields import format_day
from sopro_registry.label import Label
from tests.registry.assessing import APPLICATION, REVIEW, Assessing, findings
from tests.registry.make_transfer_vectors import (
    COMMENT,
    FOLDER,
    Case,
    call_last,
    logs_of,
    read_logs,
)
from tests.registry.transferring import THERE, hand_over, take_over
from tests.registry.world import World, bytes16, dates_of, offering_body, ordinal, organisation_body

ITEM, OTHER = "4006381333931", "96385074"
DAYS = ("2025-12-31", "2026-01-10", "2026-02-15", "2026-11-22", "2026-11-23")
MADE, LATE = 1_767_225_600_000, 1_795_420_800_000
"""2026-01-01 and 2026-11-23, 08:00 UTC."""
Pair = Callable[[bool], tuple[World, str]]


def change(world: World, **changes: Any) -> None:
    world.at.write("offering/1", offering_body() | changes, entity=bytes16("offering"))


def asked(last: str = "submitted", **thing: Any) -> Assessing:
    case = Assessing()
    change(case.world, **thing)
    case.bring_to(last)
    return case


def granted(**scope: Any) -> Assessing:
    case = asked("reviewed")
    named = {"application": APPLICATION, "review": REVIEW}
    assert case.at.decide("grant", **named, **scope).code is None
    return case


# LBL-6, LBL-30, LBL-31.


def moves(field: str) -> Pair:
    def make(bad: bool) -> tuple[World, str]:
        case = Assessing()
        other = bytes16("another organisation")
        case.at.write("organisation/1", organisation_body(), entity=other)
        if bad:
            case.bring_to("submitted")
        change(case.world, **{field: "service" if field == "kind" else other})
        return case.world, "at"

    return make


def ends(action: str, what: str) -> Pair:
    def make(bad: bool) -> tuple[World, str]:
        world = World()
        if action != "grant":
            assert world.at.decide("grant").code is None
        day = "2026-01-20" if bad else "2026-01-21"
        if what == "offering":
            change(world, status="withdrawn", effective_date=day)
        else:
            body = organisation_body() | {"status": "dissolved", "effective_date": day}
            world.at.write("organisation/1", body, entity=bytes16("organisation"))
        world.at.decide(action, **dates_of(action, "2026-01-20"))
        return world, "at"

    return make


def numbers(before: str, after: str) -> Pair:
    def make(bad: bool) -> tuple[World, str]:
        held, new = ({"gtin": one} if one else {} for one in (before, after))
        case = asked("submitted" if bad else "accepted", **held)
        change(case.world, application=APPLICATION, **new)
        return case.world, "at"

    return make


def evaluated(bad: bool) -> tuple[World, str]:
    case = asked("evaluated" if bad else "accepted")
    change(case.world, gtin=ITEM, application=APPLICATION)
    return case.world, "at"


def written(bad: bool) -> tuple[World, str]:
    case = asked("accepted", gtin=ITEM)
    change(case.world, gtin=f"1{ITEM}" if bad else f"0{ITEM}")
    return case.world, "at"


# ASS-15, ASS-17, ASS-19.


def reviewed_again(bad: bool) -> tuple[World, str]:
    case = asked("reviewed")
    case.at.write("review/1", case.review(), entity=bytes16("another review"))
    review = REVIEW if bad else bytes16("another review")
    case.at.decide("grant", application=APPLICATION, review=review)
    return case.world, "at"


def accepted(bad: bool) -> tuple[World, str]:
    case = Assessing()
    case.bring_to("accepted", effective_date="2026-01-10")
    assert case.evaluate().code is None
    assert case.give_review().code is None
    days = dates_of("grant", "2026-01-09" if bad else "2026-01-10")
    case.at.decide("grant", application=APPLICATION, review=REVIEW, **days)
    return case.world, "at"


def grown_old(bad: bool) -> tuple[World, str]:
    case = asked("accepted")
    assert case.evaluate(performed_on="2025-01-15").code is None
    assert case.give_review().code is None
    day = "2026-01-16" if bad else "2026-01-15"
    named = {"application": APPLICATION, "review": REVIEW}
    case.at.decide("grant", **named, **dates_of("grant", "2026-01-10") | {"effective_date": day})
    return case.world, "at"


def closed(bad: bool) -> tuple[World, str]:
    world = World()
    # The records are of 2028-01-01, 12:00 UTC.
    body = {"effective_date": "2028-01-03" if bad else "2028-01-02"}
    world.at.write("import_closed/1", body, entity=bytes16("closed"))
    return world, "at"


# LBL-23, COMPL-6.


def widened(bad: bool) -> tuple[World, str]:
    world = World()
    assert world.at.decide("grant", scope={"areas": ["AT13"]}).code is None
    first = world.at.decisions()[0].index
    scope = {"areas": ["AT12", "AT13"] if bad else ["AT13"]}
    world.at.decide("correct", corrects=first, scope=scope, **dates_of("correct", "2026-02-01"))
    return world, "at"


def on_the_panel(bad: bool) -> tuple[World, str]:
    """Somebody who decided later than what is appealed against."""
    case = granted()
    decider = bytes16("who corrected it")
    assert case.at.decide("correct", decider=decider).code is None
    body = {
        "decision": case.at.decisions()[0].index,
        "effective_date": "2026-02-01",
        "label": bytes16("label"),
    }
    appeal = bytes16("appeal")
    assert case.at.write("appeal/1", body | {"step": "received"}, entity=appeal).code is None
    panel = [decider if bad else bytes16("a stranger")]
    case.at.write("appeal/1", body | {"panel": panel, "step": "panel"}, entity=appeal)
    return case.world, "at"


# ASS-21, XFER-8.


def survey(case: Assessing, label: str, entity: str, **results: str) -> None:
    about = {"application": None, "kind": "surveillance", "label": bytes16(label)}
    told = {"findings": findings(**results), "performed_on": "2026-01-20"}
    assert case.evaluate(entity=bytes16(entity), **about, **told).code is None


def came_active(bad: bool) -> tuple[World, str]:
    """Suspend here what came active, and reinstate it; the twin is where it has always been."""
    case = granted()
    world = case.world
    world.meet()
    assert world.hu.write_state(world.coordinator).code is None
    if not bad:
        assert case.at.decide("suspend", **dates_of("suspend", "2026-02-01")).code is None
        case.at.decide("reinstate", **dates_of("reinstate", "2026-02-02"))
        return world, "at"
    assert hand_over(world).code is None
    assert take_over(world).code is None
    late = dates_of("suspend", "2026-06-01")
    assert world.hu.decide("suspend", label=THERE, **late).code is None
    world.hu.decide("reinstate", label=THERE, **dates_of("reinstate", "2026-06-02"))
    return world, "hu"


def come_back(bad: bool) -> tuple[World, str]:
    """Reinstate what has come back, with what was found before it left open or closed since."""
    case = granted()
    world = case.world
    world.meet()
    assert world.hu.write_state(world.coordinator).code is None
    survey(case, "label", "what was found", S3="major_nc")
    assert hand_over(world).code is None
    assert take_over(world).code is None
    day = {"decided_on": "2026-06-01", "effective_date": "2026-06-01"}
    back = {"receiver": "at", "receiver_entity": bytes16("back")}
    assert world.hu.decide("transfer_out", label=THERE, **day, **back).code is None
    taken: Label = world.node.state(world.hu.origin, bytes16(THERE))
    fields = {
        "certificate": taken.number,
        "standing": "active",
        "status_index": world.at.cursor.grants,
        "takes": [world.hu.origin, taken.decisions[-1].index, taken.last],
        "valid_from": None,
        "valid_until": format_day(taken.decisions[0].until),
        "decided_on": "2026-06-02",
        "effective_date": "2026-06-02",
    }
    assert world.at.decide("transfer_in", label="back", **fields).code is None
    # What has to be met is assessed again, the criterion that earns points only where it is right.
    survey(case, "back", "found again", S3="not_assessed" if bad else "conform")
    assert (
        world.at.decide("suspend", label="back", **dates_of("suspend", "2026-06-03")).code is None
    )
    world.at.decide("reinstate", label="back", **dates_of("reinstate", "2026-06-04"))
    return world, "at"


# OVL-11.


def call_recorded(case: Case) -> Case:
    """Say since when it is on record how a label stands on days, and whether that is late."""
    node = read_logs(case)
    course = node.course(f"sopro.example/{case['site']}/1", bytes.fromhex(case["entity"]))
    return {
        day: [format_day(since) if since else None, course.is_recorded_late(ordinal(day))]
        for day in case["days"]
        for since in [course.recorded_by(ordinal(day))]
    }


def recorded_case(basis: str, *times: int) -> Case:
    """Make a case of a grant, and a suspension a month later, that were recorded at times."""
    world = World(time=MADE)
    for action, day, time in zip(("grant", "suspend"), ("2026-01-10", "2026-02-15"), times,
                                 strict=False):  # fmt: skip
        how = {"time": time}
        written = world.at.decide(action, basis=basis, how=how, **dates_of(action, day))
        assert written.code is None
    label = {"site": "at", "entity": bytes16("label").hex(), "days": list(DAYS)}
    case = label | logs_of(world, last="at")
    return {**case, "gives": call_recorded(case)}


PAIRS: tuple[tuple[str, str, Pair], ...] = (
    ("LBL-6", "another kind than was applied for", moves("kind")),
    ("LBL-6", "another organisation than has applied", moves("organisation")),
    *(
        ("LBL-30", f"{action} for an {what} that is no more", ends(action, what))
        for action, what in (
            ("grant", "offering"),
            ("renew", "organisation"),
            ("extend_scope", "offering"),
        )
    ),
    ("LBL-31", "another item number before its application is accepted", numbers(ITEM, OTHER)),
    ("LBL-31", "an item number where there was none", numbers("", ITEM)),
    ("LBL-31", "an item number no more", numbers(ITEM, "")),
    ("LBL-31", "another item number once that was evaluated", evaluated),
    ("LBL-31", "another number in fourteen digits", written),
    ("LBL-23", "a correction that widens", widened),
    ("ASS-15", "a review that another came behind", reviewed_again),
    ("ASS-15", "decided before its application was accepted", accepted),
    ("ASS-17", "an evaluation that is older when the label begins", grown_old),
    ("ASS-19", "an import closed after its record", closed),
    ("ASS-21", "reinstated where it came from another site", came_active),
    ("XFER-8", "reinstated with what was found before it left open", come_back),
    ("COMPL-6", "a panel of who has decided since", on_the_panel),
)


def refuse(why: str, case: Case) -> Case:
    try:
        call_last(case)
    except RefusedError as error:
        return {"why": why, **case, "code": error.code}
    raise AssertionError(f"{why}: not refused")


def group(clause: str) -> Case:
    """Make the group of a clause: every twin counts, every other is void."""
    accept, reject = [], []
    for _, why, make in (one for one in PAIRS if one[0] == clause):
        good, bad = (logs_of(world, last=site) for world, site in (make(False), make(True)))
        call_last(good)
        accept.append({"why": why, **good, "gives": None})
        reject.append(refuse(why, bad))
    return {"name": clause, "clause": clause, "call": "last", "accept": accept, "reject": reject}


def render() -> str:
    """Make the file's text."""
    recorded = [
        recorded_case("assessed", MADE + 864_000_000, LATE),
        recorded_case("assessed", LATE, LATE),
        recorded_case("imported", LATE, LATE),
    ]
    groups = [
        *map(group, dict.fromkeys(clause for clause, _, _ in PAIRS)),
        {"name": "on record since", "clause": "OVL-11", "call": "recorded", "accept": recorded,
         "reject": []},
    ]  # fmt: skip
    return json.dumps({"comment": COMMENT, "groups": groups}, ensure_ascii=False, indent=1) + "\n"


__all__ = ["FOLDER", "call_recorded", "render"]


if __name__ == "__main__":
    (FOLDER / "asked.json").write_text(render(), encoding="utf-8")
