"""The model's third room: complaints, appeals, relations of organisations, and the rest."""

import hashlib
from typing import Any

from tests.registry.model_assessing import (
    Body,
    Event,
    Log,
    evaluators,
    is_dependent,
    latest,
    owners_of,
    state_of,
)

ANSWERS = {
    None: ("acknowledged",),
    "acknowledged": ("investigating", "dismissed"),
    "investigating": ("upheld", "dismissed"),
    "upheld": ("closed",),
    "dismissed": ("closed",),
}
APPEALS = {
    None: ("received",),
    "received": ("panel", "withdrawn"),
    "panel": ("panel", "upheld", "partly_upheld", "rejected", "withdrawn"),
}


def take_complaint(log: Log, event: Event, held: dict[str, Any]) -> str | None:
    body, before = event["body"], held["state"]
    received, withdrawn = body["received_on"], body.get("withdrawn_on", "")
    if max(received, withdrawn) > latest(event) or (withdrawn and withdrawn < received):
        return "lbl.dates"
    if before and any(before[name] != body[name] for name in ("certificate", "received_on")):
        return "cpl.subject"
    if before and "withdrawn_on" in before:
        return "cpl.transition"
    held["state"] = body
    return None


def take_answer(log: Log, event: Event, held: dict[str, Any]) -> str | None:  # noqa: PLR0911 - one for each reason
    body, before = event["body"], held["state"]
    day = body["effective_date"]
    if body["step"] not in ANSWERS.get(before["step"] if before else None, ()):
        return "cpl.transition"
    if day > latest(event) or (before and day < before["effective_date"]):
        return "lbl.dates"
    if before and any(before[name] != body[name] for name in ("origin", "index", "label")):
        return "cpl.subject"
    name = (body["origin"], body["index"])
    if before is None and name in log["answered"]:
        return "cpl.subject"
    label = state_of(log, "label_decision", body["label"])
    if not label:
        return "cpl.subject"
    is_clerical = body["step"] == "acknowledged"
    if not is_clerical and is_partial(log, body.get("person"), body["label"], label, day):
        return "ass.duties"
    steps = [*(before["steps"] if before else []), (log["size"], body["step"], day)]
    held["state"] = body | {"steps": steps}
    log["answered"].add(name)
    return None


def take_appeal(log: Log, event: Event, held: dict[str, Any]) -> str | None:  # noqa: PLR0911, PLR0912 - one for each reason
    body, before = event["body"], held["state"]
    day, step = body["effective_date"], body["step"]
    if step not in APPEALS.get(before["step"] if before else None, ()):
        return "cpl.transition"
    if day > latest(event) or (before and day < before["days"][-1][1]):
        return "lbl.dates"
    if before and (before["label"], before["decision"]) != (body["label"], body["decision"]):
        return "cpl.subject"
    label = state_of(log, "label_decision", body["label"])
    decided = {one["index"]: one for one in label["history"]} if label else {}
    if body["decision"] not in decided or decided[body["decision"]]["imported"]:
        return "cpl.subject"
    panel = body.get("panel")
    if step in ("received", "withdrawn"):
        if panel:
            return "ass.duties"
        panel = before["panel"] if before else None
    else:
        if step != "panel":
            if panel and panel != before["panel"]:
                return "ass.duties"
            panel = before["panel"]
        if not panel or panel != sorted(set(panel)):
            return "ass.duties"
        if any(is_partial(log, one, body["label"], label, day) for one in panel):
            return "ass.duties"
    person = body.get("person")
    if person and (step in ("received", "panel") or (panel and person not in panel)):
        return "ass.duties"
    if is_partial(log, person, body["label"], label, day):
        return "ass.duties"
    days = [*(before["days"] if before else []), (step, day)]
    steps = [*(before["steps"] if before else []), (log["size"], step, day)]
    held["state"] = {
        "step": step, "days": days, "steps": steps, "panel": panel,
        "label": body["label"], "decision": body["decision"],
    }  # fmt: skip
    return None


def is_partial(
    log: Log, person: bytes | None, entity: bytes, label: dict[str, Any], day: str
) -> bool:
    """Say whether somebody has a part in a label, or works for whose it is."""
    if person is None:
        return False
    if person in who_took_part(log, entity, label):
        return True
    return is_dependent(log, person, owners_of(log, {"offering": label["offering"]}), day)


def who_took_part(log: Log, entity: bytes, label: dict[str, Any]) -> set[bytes]:
    """Return who may hear no appeal about a label, also for what it was here before it left."""
    before = [(one, state_of(log, "label_decision", one)) for one in label["earlier"]]
    people: set[bytes] = set()
    for place, held in [(entity, label), *before]:
        people |= who_had_part(log, place, held["history"])
    return people


def who_had_part(log: Log, entity: bytes, history: list[dict[str, Any]]) -> set[bytes]:
    first = history[0].get("application")
    people = evaluators(log, entity, first) | {one["decider"] for one in history if one["decider"]}
    for one in log["entities"].values():
        for review in one.get("past", ()):
            asked = state_of(log, "label_application", review["application"])["body"]
            if asked.get("label") == entity or (first and review["application"] == first):
                people.add(review["reviewer"])
    return people


def decider_of(event: Event) -> bytes | None:
    """Return who answers for a decision here; nobody for what another register decided."""
    body = event["body"]
    return body["decider"] if body["basis"] == "assessed" else None


def take_relations(log: Log, event: Event, held: dict[str, Any]) -> str | None:  # noqa: PLR0911 - one for each reason
    body = event["body"]
    own = body["organisation"]
    if event["entity"] != relations_of(own):
        return "rel.subject"
    others = [(one.get("site"), one["organisation"]) for one in body["relations"]]
    if len(set(others)) != len(others) or (None, own) in others:
        return "rel.subject"
    if log["site"] in [site for site, _ in others]:
        return "rel.subject"
    for entity in (own, *(entity for site, entity in others if site is None)):
        if not state_of(log, "organisation", entity):
            return "lbl.reference"
    if any(one["since"] > latest(event) for one in body["relations"]):
        return "lbl.dates"
    for kind in ("successor_of", "merged_into", "part_of"):
        reached = set(named(kind, body["relations"]))
        while True:
            further = {
                other
                for one in reached
                for other in named(
                    kind, state_of(log, "organisation_relation", relations_of(one)) or []
                )
            }
            if further <= reached:
                break
            reached |= further
        if own in reached:
            return "rel.cycle"
    held["state"] = body["relations"]
    return None


def relations_of(organisation: bytes) -> bytes:
    return hashlib.sha256(b"sopro-relations/1\n" + organisation).digest()[:16]


def named(kind: str, relations: list[Body]) -> list[bytes]:
    return [one["organisation"] for one in relations if one["kind"] == kind and "site" not in one]


# What ends, and what is taken out.


def take_closing(log: Log, event: Event, held: dict[str, Any]) -> str | None:
    if event["body"]["effective_date"] > latest(event):
        return "lbl.dates"
    held["state"] = event["body"]
    if not log["is_import_closed"]:
        log["import_closed_on"] = event["body"]["effective_date"]
    log["is_import_closed"] = True
    return None


def take_anything(log: Log, event: Event, held: dict[str, Any]) -> str | None:
    held["state"] = event["body"]
    return None


def take_erasure(log: Log, event: Event, held: dict[str, Any]) -> str | None:
    body = event["body"]
    place = (body["index"], body["document"])
    if held["state"]:
        return "era.again"
    if body["index"] >= log["size"]:
        return "era.index"
    if place in log["erased"]:
        return "era.again"
    held["state"] = body
    log["erased"].add(place)
    return None


RULES = {
    "organisation_relation": take_relations,
    "import_closed": take_closing,
    "complaint": take_complaint,
    "complaint_answer": take_answer,
    "appeal": take_appeal,
    "serve_alone": take_anything,
    "erasure": take_erasure,
    "erasure_receipt": take_anything,
}
ANYWHERE = ("serve_alone", "erasure", "erasure_receipt")
UNDATED = ("organisation_relation", "complaint", "serve_alone", "erasure", "erasure_receipt")
"""Families without an `effective_date`."""
