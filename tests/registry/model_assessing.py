"""The model's second room: what the coordinator says, and assessments up to a decision.

As the first, it is written from the design and the domain model alone and shares no code with
sopro_registry. A rule is handed the log, the event and the entity's row, and returns the reason the
event is void, or lets it have its effect.
"""

import calendar
import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

Event = dict[str, Any]
Log = dict[str, Any]
Body = dict[str, Any]

STEPS = {
    None: ("submitted",),
    "submitted": ("accepted", "returned", "refused_intake", "withdrawn"),
    "returned": ("submitted", "lapsed", "withdrawn"),
    "accepted": ("withdrawn",),
}


def latest(event: Event) -> str:
    """Return the last civil date anywhere when an event claims to have been written."""
    moment = datetime.fromtimestamp(event["time"] // 1000, UTC) + timedelta(hours=14)
    return moment.date().isoformat()


def earliest(event: Event) -> str:
    """Return the first civil date anywhere when an event claims to have been written."""
    moment = datetime.fromtimestamp(event["time"] // 1000, UTC) - timedelta(hours=12)
    return moment.date().isoformat()


def later(day: str, months: int) -> str:
    year, month, of_month = map(int, day.split("-"))
    year, month = divmod(year * 12 + month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return f"{year:04}-{month + 1:02}-{min(of_month, last):02}"


def day_before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(1)).isoformat()


def state_of(log: Log, family: str, entity: bytes | None) -> Any:
    found = log["entities"].get(entity)
    return found["state"] if found and found["family"] == family else None


# What the coordinator says.


def versions(log: Log, table: str, name: str) -> list[Body]:
    """Return what the coordinator has said under a name, as far as the site acted on it."""
    if log["coordinator"] is None:
        return [body for _, body in log[table].get(name, [])]
    if log["acted_on"] is None:
        return []
    said = log["coordinator"][table].get(name, [])
    return [body for index, body in said if index < log["acted_on"]]


def numbered(found: list[Body], version: int) -> Body | None:
    if not version:
        return found[-1] if found else None
    return next((body for body in found if body["version"] == version), None)


def criteria_of(log: Log, scheme: str, version: int = 0) -> dict[str, Any] | None:
    """Return a version of the criteria as it stands for a site, or the latest."""
    said = versions(log, "sets", scheme)
    body = numbered(said, version)
    if body is None:
        return None
    after = numbered(said, body["version"] + 1)
    until = ""
    if after is not None:
        until = after.get("transition_until") or day_before(after["applies_from"])
    memberships = versions(log, "members", log["site"])
    country = memberships[-1]["country"] if memberships else ""
    parts = [
        numbered(versions(log, "criteria", f"{scheme} {one['code']}"), one["version"])
        for one in body["criteria"]
    ]
    held = {
        one["code"]: one
        for one in parts
        if one is not None and one.get("country", country) == country
    }
    return {
        "from": body["applies_from"],
        "until": until,
        "points": body.get("min_points", 0),
        "criteria": held,
    }


def concerning(criteria: dict[str, Any], kind: str) -> dict[str, Body]:
    return {
        code: one
        for code, one in criteria["criteria"].items()
        if kind in one.get("offerings", [kind])
    }


def take_criterion(log: Log, event: Event, held: dict[str, Any]) -> str | None:  # noqa: PLR0911 - one for each reason
    body, before = event["body"], held["state"]
    name = f"{body['scheme']} {body['code']}"
    if body["scheme"] not in log["schemes"]:
        return "lbl.criteria"
    if before is None and name in log["criteria"]:
        return "mem.name"
    if before and (before["scheme"], before["code"]) != (body["scheme"], body["code"]):
        return "mem.name"
    if body["version"] != (before["version"] + 1 if before else 1):
        return "lbl.criteria"
    if before and before.get("country") != body.get("country"):
        return "lbl.criteria"
    if "country" in body and body["obligation"] != "mandatory":
        return "lbl.criteria"
    if "tightens" in body:
        common = versions(log, "criteria", f"{body['scheme']} {body['tightens']}")
        if "country" not in body or not common or "country" in common[-1]:
            return "lbl.criteria"
        if common[-1]["kind"] == "threshold" and not is_as_strict(body, common[-1]):
            return "lbl.criteria"
    held["state"] = body
    log["criteria"].setdefault(name, []).append((log["size"], body))
    return None


def is_as_strict(body: Body, common: Body) -> bool:
    operator = body.get("operator", ">=")
    if body["kind"] != "threshold" or operator != common.get("operator", ">="):
        return False
    return is_held(body["threshold"], operator, common["threshold"])


def is_held(value: int, operator: str, threshold: int) -> bool:
    """Say whether a value is what a threshold asks for."""
    if operator == "=":
        return value == threshold
    return value <= threshold if operator == "<=" else value >= threshold


def take_set(log: Log, event: Event, held: dict[str, Any]) -> str | None:  # noqa: PLR0911 - one for each reason
    body, before = event["body"], held["state"]
    days = [body["published_on"], body["applies_from"]]
    days += [body["transition_until"]] if "transition_until" in body else []
    if days != sorted(days):
        return "lbl.dates"
    if body["scheme"] not in log["schemes"]:
        return "lbl.criteria"
    if before is None and body["scheme"] in log["sets"]:
        return "mem.name"
    if before and before["scheme"] != body["scheme"]:
        return "mem.name"
    codes = [one["code"] for one in body["criteria"]]
    if body["version"] != (before["version"] + 1 if before else 1) or codes != sorted(set(codes)):
        return "lbl.criteria"
    for one in body["criteria"]:
        if not numbered(
            versions(log, "criteria", f"{body['scheme']} {one['code']}"), one["version"]
        ):
            return "lbl.criteria"
    held["state"] = body
    log["sets"].setdefault(body["scheme"], []).append((log["size"], body))
    return None


def take_list(log: Log, event: Event, held: dict[str, Any]) -> str | None:
    body, before = event["body"], held["state"] or []
    if not before and body["list"] in log["lists"]:
        return "mem.name"
    if before and before[-1]["list"] != body["list"]:
        return "mem.name"
    if body["version"] in [one["version"] for one in before]:
        return "cdl.version"
    first = (event["docs"] or [{}])[0]
    if (first.get("name"), first.get("visibility")) != ("codelist", "public"):
        return "cdl.document"
    held["state"] = [*before, body]
    log["lists"].add(body["list"])
    return None


# What a site says of people and of what it assesses.


def take_authorisation(log: Log, event: Event, held: dict[str, Any]) -> str | None:  # noqa: PLR0911 - one for each reason
    body, before = event["body"], held["state"] or []
    last = before[-1] if before else None
    if body["valid_until"] < body["valid_from"]:
        return "lbl.dates"
    if last and body["effective_date"] < last["effective_date"]:
        return "lbl.dates"
    if last and (last["person"], last["scheme"]) != (body["person"], body["scheme"]):
        return "lbl.reference"
    if not versions(log, "schemes", body["scheme"]):
        return "lbl.criteria"
    if "organisation" in body and not state_of(log, "organisation", body["organisation"]):
        return "lbl.reference"
    status = last["status"] if last else None
    legal = {None: ["active"], "active": ["active", "suspended", "withdrawn"],
             "suspended": ["active", "withdrawn"]}  # fmt: skip
    if body["status"] not in legal.get(status, []):
        return "ass.transition"
    others = [] if last else papers_of(log, body["person"])
    away = [one for said in others for one in said if one["scheme"] == body["scheme"]]
    away += [last] if last and body["status"] == "active" else []
    if any(one["status"] != "active" for one in away) and body["effective_date"] < earliest(event):
        return "lbl.dates"
    if len(others) > 63:
        return "ass.authority"
    held["state"] = [*before, body | {"written": latest(event)}]
    return None


def papers_of(log: Log, person: bytes) -> list[list[Body]]:
    """Return all that was ever said to authorise somebody."""
    return [
        one["state"]
        for one in log["entities"].values()
        if one["family"] == "assessor_authorisation"
        and one["state"]
        and one["state"][0]["person"] == person
    ]


def is_dependent(log: Log, person: bytes, owners: set[bytes], day: str) -> bool:
    """Say whether somebody works for one of some organisations, or has within two years."""
    bodies = set()
    for said in papers_of(log, person):
        for place, one in enumerate(said):
            after = [one] if one["status"] == "withdrawn" else said[place + 1 : place + 2]
            ends = [max(next_["written"], next_["effective_date"]) for next_ in after]
            if "organisation" in one and day <= later(min([one["valid_until"], *ends]), 24):
                bodies.add(one["organisation"])
    return any(bodies & family_of(log, owner) for owner in owners)


def owners_of(log: Log, asked: Body) -> set[bytes]:
    """Return who applies, where anybody does, and who offers what."""
    offering = state_of(log, "offering", asked["offering"])
    found = {asked.get("applicant"), offering["organisation"] if offering else None}
    return found - {None}


def family_of(log: Log, organisation: bytes) -> set[bytes]:
    """Return an organisation and those that it was, has become or is as well."""
    pairs = set()
    for entity, held in log["entities"].items():
        if held["family"] != "organisation" or not held["state"]:
            continue
        stands = hashlib.sha256(b"sopro-relations/1\n" + entity).digest()[:16]
        for one in state_of(log, "organisation_relation", stands) or []:
            if one["kind"] != "part_of":
                pairs.add(((None, entity), (one.get("site"), one["organisation"])))
    found = {(None, organisation)}
    while True:
        more = {two for one, two in pairs if one in found} | {
            one for one, two in pairs if two in found
        }
        if more <= found:
            return {entity for site, entity in found if site is None}
        found |= more


def may_assess(log: Log, one: Body, scheme: str, level: str, day: str, codes: set[str]) -> bool:
    said = state_of(log, "assessor_authorisation", one.get("authorisation")) or []
    if not said or (said[0]["person"], said[0]["scheme"]) != (one["person"], scheme):
        return False
    valid = [version for version in said if version["effective_date"] <= day]
    if not valid or valid[-1]["status"] != "active":
        return False
    last = valid[-1]
    is_enough = level != "third_party" or last["level"] == "third_party"
    is_covered = codes <= set(last.get("criteria", codes))
    return is_enough and is_covered and last["valid_from"] <= day <= last["valid_until"]


def take_application(log: Log, event: Event, held: dict[str, Any]) -> str | None:  # noqa: PLR0911 - one for each reason
    body, before, day = event["body"], held["state"], event["body"]["effective_date"]
    if event["entity"] in log["decided"]:
        return "app.transition"
    if body["step"] not in STEPS.get(before["step"] if before else None, ()):
        return "app.transition"
    if day > latest(event) or (before and day < before["day"]):
        return "lbl.dates"
    names = ("applicant", "offering", "label", "scheme", "kind")
    if before and any(before["body"].get(name) != body.get(name) for name in names):
        return "lbl.reference"
    is_new = body["step"] == "submitted"
    if before and not is_new and before["body"]["criteria_version"] != body["criteria_version"]:
        return "lbl.reference"
    if is_new:
        there = state_of(log, "organisation", body["applicant"])
        if not there or not state_of(log, "offering", body["offering"]):
            return "lbl.reference"
        if (body["kind"] in ("renewal", "scope_extension")) != ("label" in body):
            return "lbl.reference"
        if "label" in body and not state_of(log, "label_decision", body["label"]):
            return "lbl.reference"
    if body["step"] in ("submitted", "accepted"):
        criteria = criteria_of(log, body["scheme"], body["criteria_version"])
        if criteria is None or (criteria["until"] and day > criteria["until"]):
            return "lbl.criteria"
    first = before["submitted"] if before else day
    held["state"] = {"step": body["step"], "day": day, "body": body, "submitted": first}
    return None


def is_assessable(log: Log, entity: bytes | None) -> bool:
    found = state_of(log, "label_application", entity)
    return bool(found and found["step"] == "accepted" and entity not in log["decided"])


def take_evaluation(log: Log, event: Event, held: dict[str, Any]) -> str | None:  # noqa: PLR0911, PLR0912 - one for each reason
    body, before = event["body"], held["state"]
    if body["performed_on"] > latest(event):
        return "lbl.dates"
    about = (body.get("application"), body.get("label"))
    if before and about != before["about"]:
        return "ass.subject"
    if before and (before["level"], before["version"]) != (body["level"], body["criteria_version"]):
        return "ass.subject"
    if before and body["performed_on"] < before["performed"]:
        return "lbl.dates"
    if (about[0] is None) == (about[1] is None):
        return "ass.subject"
    if about[1] is not None:
        label = state_of(log, "label_decision", about[1])
        if not label or not label["number"] or body["kind"] == "initial":
            return "ass.subject"
        scheme, offering = label["scheme"], label["offering"]
        asked = {"label": about[1]}
    else:
        if not is_assessable(log, about[0]):
            return "ass.subject"
        asked = state_of(log, "label_application", about[0])["body"]
        scheme, offering = asked["scheme"], asked["offering"]
    if not before and is_crowded(log, about[0], asked.get("label")):
        return "ass.subject"
    if body["criteria_version"] != asked.get("criteria_version", body["criteria_version"]):
        return "lbl.criteria"
    criteria = criteria_of(log, scheme, body["criteria_version"])
    if criteria is None:
        return "lbl.criteria"
    held_to = concerning(criteria, kind_of(log, offering))
    codes = [one["code"] for one in body["findings"]]
    for one in body["findings"]:
        if one["code"] not in held_to:
            return "ass.findings"
        if one.get("points", 0) > held_to[one["code"]].get("points", 0):
            return "ass.findings"
        shown = one.get("documents", [])
        if shown != sorted(set(shown)) or any(place >= len(event["docs"]) for place in shown):
            return "ass.findings"
        if "value" in one and contradicts(held_to[one["code"]], one):
            return "ass.findings"
    if codes != sorted(set(codes)):
        return "ass.findings"
    assessed = {one["code"] for one in body["findings"] if one["result"] != "not_assessed"}
    was_open = [one["code"] for one in before["findings"].values() if is_nc(one)] if before else []
    if not set(was_open) <= assessed:
        return "ass.findings"
    owners = owners_of(log, asked | {"offering": offering})
    day = body["performed_on"]
    for one in body["assessors"]:
        if body["level"] != "self" and not may_assess(
            log, one, scheme, body["level"], day, assessed
        ):
            return "ass.authority"
        if body["level"] == "third_party" and is_dependent(log, one["person"], owners, day):
            return "ass.authority"
    people = {one["person"] for one in body["assessors"]}
    held["state"] = {
        "index": log["size"],
        "about": about,
        "label": asked.get("label"),
        "version": body["criteria_version"],
        "level": body["level"],
        "performed": day,
        "assessors": body["assessors"],
        "people": people | (before["people"] if before else set()),
        "findings": {one["code"]: one for one in body["findings"]},
    }
    return None


def in_time(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return evaluations by when they ended, then by the log."""
    return sorted(found, key=lambda one: (one["performed"], one["index"]))


def is_nc(finding: Body) -> bool:
    return finding["result"] in ("minor_nc", "major_nc")


def contradicts(criterion: Body, finding: Body) -> bool:
    """Say whether a measured value and a result cannot both be true."""
    if criterion["kind"] != "threshold" or "threshold" not in criterion:
        return False
    passes = is_held(finding["value"], criterion.get("operator", ">="), criterion["threshold"])
    return is_nc(finding) if passes else finding["result"] == "conform"


def all_evaluations(log: Log) -> list[dict[str, Any]]:
    """Return every evaluation, by its latest record."""
    found = [
        one["state"]
        for one in log["entities"].values()
        if one["family"] == "evaluation" and one["state"]
    ]
    return sorted(found, key=lambda one: one["index"])


def is_crowded(log: Log, application: bytes | None, label: bytes | None) -> bool:
    found = all_evaluations(log)
    of_label = [one for one in found if label and one["label"] == label]
    return len(of_label) > 255 or len(for_application(log, application)) > 31


def for_application(log: Log, application: bytes | None) -> list[dict[str, Any]]:
    return [one for one in all_evaluations(log) if application and one["about"][0] == application]


def evaluators(log: Log, entity: bytes | None, application: bytes | None) -> set[bytes]:
    """Return who has evaluated a label or for an application, in any record."""
    return {
        person
        for one in all_evaluations(log)
        if (entity and one["label"] == entity) or (application and one["about"][0] == application)
        for person in one["people"]
    }


def assessors_of(log: Log, entity: bytes, label: Body) -> set[bytes]:
    """Return who has evaluated a label, also before it left this log and came back."""
    people: set[bytes] = set()
    for one in [entity, *label["earlier"]]:
        held = label if one == entity else state_of(log, "label_decision", one)
        first = held["history"][0].get("application") if held["history"] else None
        people |= evaluators(log, one, first)
    return people


def kind_of(log: Log, offering: bytes) -> str:
    found = state_of(log, "offering", offering)
    return str(found["kind"]) if found else ""


def take_review(log: Log, event: Event, held: dict[str, Any]) -> str | None:  # noqa: PLR0911 - one for each reason
    body, before = event["body"], held["state"]
    if body["reviewed_on"] > latest(event):
        return "lbl.dates"
    if before and before["application"] != body["application"]:
        return "ass.subject"
    if not is_assessable(log, body["application"]):
        return "ass.subject"
    if body["evaluations"] != sorted(set(body["evaluations"])):
        return "ass.subject"
    for entity in body["evaluations"]:
        found = state_of(log, "evaluation", entity)
        if not found or found["about"][0] != body["application"]:
            return "ass.subject"
        if body["reviewer"] in found["people"]:
            return "ass.duties"
        if body["reviewed_on"] < found["performed"]:
            return "lbl.dates"
    if len(body["evaluations"]) < len(for_application(log, body["application"])):
        return "ass.subject"
    label = state_of(log, "label_application", body["application"])["body"].get("label")
    there = state_of(log, "label_decision", label)
    for one in [label, *(there["earlier"] if there else [])]:
        if body["reviewer"] in evaluators(log, one, None):
            return "ass.duties"
    asked = state_of(log, "label_application", body["application"])["body"]
    if is_dependent(log, body["reviewer"], owners_of(log, asked), body["reviewed_on"]):
        return "ass.duties"
    held["past"] = [*held.get("past", ()), body]
    held["state"] = body | {"index": log["size"]}
    return None


RULES = {
    "criterion": take_criterion,
    "criteria_set": take_set,
    "codelist": take_list,
    "assessor_authorisation": take_authorisation,
    "label_application": take_application,
    "evaluation": take_evaluation,
    "review": take_review,
}
COORDINATOR = ("criterion", "criteria_set", "codelist")
UNDATED = ("criterion", "criteria_set", "codelist", "evaluation", "review")
"""Families without an `effective_date`."""
