"""Steps of random lives: complaints, appeals, relations of organisations, and the rest."""

from collections.abc import Callable
from random import Random
from typing import Any

from tests.registry import model_complaining as model
from tests.registry.lives_assessing import (
    LABELS,
    OFFICER,
    PEOPLE,
    Body,
    Living,
    assess,
    look_after,
    seldom,
    spoil,
    tell_criteria,
)
from tests.registry.model_assessing import state_of
from tests.registry.world import Author, bytes16, organisation_body, shift

JUDGES = sorted(bytes16(f"judge {number}") for number in range(2))
ORGANISATIONS = ("organisation", "org b", "org c")


def complain(life: Living, site: Author, rng: Random) -> None:
    """Take some steps of complaints, of the answers to them, and of appeals."""
    for _ in range(rng.choice((1, 4, 12))):
        complain_once(life, site, rng)


def complain_once(life: Living, site: Author, rng: Random) -> None:
    log = life.logs[site.site]
    known = [one for one in LABELS if own_decisions(log, one)]
    label, today = (
        rng.choice(known or LABELS) if not seldom(rng) else rng.choice(LABELS),
        life.today(),
    )
    if seldom(rng, 0.4):
        number = rng.choice((1, 2))
        before = state_of(log, "complaint", bytes16(f"complaint {number}"))
        body = dict(before) if before else {
            "certificate": f"SOPRO/{site.prefix}/001/00001", "kind": "misuse",
            "received_on": shift(today, -3),
        }  # fmt: skip
        body |= {"withdrawn_on": rng.choice((None, today))} if before else {}
        wrong = {"certificate": "SOPRO/XX1/001/00001", "received_on": shift(today, 5)}
        body = spoil(body, rng, wrong)
        return life.write(site, "complaint/1", body, f"complaint {number}", rng)
    if seldom(rng, 0.5):
        number = rng.choice((1, 2))
        before = state_of(log, "complaint_answer", bytes16(f"answer {number}"))
        legal = model.ANSWERS.get(before["step"] if before else None, ("closed",))
        body = {
            "complaint": bytes(32), "origin": site.origin,
            "index": before["index"] if before else rng.choice((1, 2)),
            "label": before["label"] if before else bytes16(label),
            "effective_date": today, "step": rng.choice(legal), "person": somebody(rng),
        }  # fmt: skip
        wrong = {
            "effective_date": "2024-01-01",
            "index": 1,
            "label": bytes16("x"),
            "step": "closed",
        }
        entity = f"answer {number}"
        return life.write(site, "complaint_answer/1", spoil(body, rng, wrong), entity, rng)
    number = rng.choice((1, 2))
    before = state_of(log, "appeal", bytes16(f"appeal {number}"))
    legal = model.APPEALS.get(before["step"] if before else None, ("received",))
    step = rng.choice(legal)
    decisions = own_decisions(log, label) or [3]
    body = {
        "decision": before["decision"] if before else rng.choice(decisions),
        "effective_date": today,
        "label": before["label"] if before else bytes16(label),
        "panel": hearing(rng) if step == "panel" else None,
        "person": who_ends(step, before, rng),
        "step": step,
    }
    wrong = {
        "decision": 1,
        "effective_date": "2024-01-01",
        "panel": rng.choice(([OFFICER], sorted(PEOPLE, reverse=True))),
    }
    return life.write(site, "appeal/1", spoil(body, rng, wrong, 0.2), f"appeal {number}", rng)


def hearing(rng: Random) -> list[bytes]:
    """Return who hears an appeal: people who had no part in anything, or perhaps some."""
    others = (sorted(PEOPLE[1:3]), *([one] for one in PEOPLE), [PEOPLE[3]])
    return rng.choice((JUDGES, JUDGES, rng.choice(others)))


def somebody(rng: Random) -> bytes | None:
    """Return who answers: most often nobody who had a part in anything, or nobody is named."""
    return rng.choice((None, *JUDGES * 6, *PEOPLE, OFFICER))


def who_ends(step: str, before: Body | None, rng: Random) -> bytes | None:
    """Return who records a step of an appeal."""
    if step in ("received", "panel") and not seldom(rng, 0.05):
        return None
    panel = before["panel"] if before and before["panel"] else JUDGES
    return rng.choice((None, *panel, *panel, *panel, somebody(rng)))


def own_decisions(log: model.Log, label: str) -> list[int]:
    """Return where the decisions stand that a site itself has taken on a label."""
    held = state_of(log, "label_decision", bytes16(label))
    return [one["index"] for one in held["history"] if not one["imported"]] if held else []


def relate(life: Living, site: Author, rng: Random) -> None:
    for name in ORGANISATIONS:
        if not state_of(life.logs[site.site], "organisation", bytes16(name)):
            life.write(site, "organisation/1", organisation_body(), name, rng)
    own = bytes16(rng.choice(ORGANISATIONS))
    others = rng.sample(ORGANISATIONS, rng.choice((0, 1, 1, 1, 2)))
    if not seldom(rng):
        others = [one for one in others if bytes16(one) != own]
    kinds = ("merged_into",) * 4 + ("successor_of", "part_of", "same_as")
    relations: list[Body] = [
        {"kind": rng.choice(kinds), "organisation": bytes16(one), "since": "2025-01-01"}
        for one in others
    ]
    if seldom(rng, 0.3):
        there = {"kind": "same_as", "organisation": bytes16("abroad"), "since": "2025-01-01"}
        away = [one for one in ("at", "hu", "si") if one != site.site or seldom(rng)]
        relations.append(there | {"site": rng.choice(away)})
    if relations and seldom(rng, 0.05):
        relations[0]["since"] = shift(life.today(), 9)
    body = {"organisation": own, "relations": relations}
    entity = model.relations_of(own) if not seldom(rng, 0.05) else bytes16("elsewhere")
    return life.write(site, "organisation_relation/1", body, entity, rng)


def do_aside(life: Living, site: Author, rng: Random) -> None:
    size = len(site.entries)
    kind = rng.choice(("serve_alone", "erasure", "erasure", "erasure_receipt", "import_closed"))
    if kind == "import_closed" and not seldom(rng, 0.3):
        kind = "erasure"
    number = rng.randrange(4)
    bodies: dict[str, Body] = {
        "serve_alone": {"peers": 2, "reason": "the line is cut"},
        "erasure": {
            "deadline": "2028-01-01",
            "document": 0,
            "index": rng.choice((max(0, size - 2), 5, size + 3)),
            "reason": "request",
        },
        "erasure_receipt": {"erasure": bytes(32), "index": number, "origin": site.origin},
        "import_closed": {"effective_date": life.today()},
    }
    life.write(site, f"{kind}/1", bodies[kind], f"{kind} {number}", rng)


Story = Callable[[Any, Author, Random], None]
STORIES: dict[str, Story] = {
    "assess": assess,
    "look_after": look_after,
    "criteria": tell_criteria,
    "complain": complain,
    "relate": relate,
    "side": do_aside,
}
