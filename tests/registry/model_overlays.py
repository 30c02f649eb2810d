"""The model's last room: what lies over a label's status on a day."""

from datetime import date, timedelta
from typing import Any

from tests.registry import model
from tests.registry.model_assessing import (
    criteria_of,
    day_before,
    in_time,
    later,
    state_of,
    versions,
)
from tests.registry.model_complaining import APPEALS

Log = dict[str, Any]
Held = dict[str, Any]


def overlays(logs: dict[str, Log], log: Log, entity: bytes, day: str) -> list[str]:
    """Say what lies over a label on a day that a log granted."""
    way = model.way_of(logs, log, entity)
    begun = [one for one in way[1:] if one[1]["state"]["history"][0]["from"] <= day]
    begun = [way[0], *begun]
    place, held = begun[-1]
    history = [one for one in held["state"]["history"] if one["from"] <= day]
    if held["undetermined"] or not history:
        return []
    status = model.status_on(held["state"]["history"], day)
    found = []
    if status in ("active", "suspended"):
        if is_overdue(begun, day):
            found.append("surveillance_overdue")
        if status == "suspended" and history[-1]["suspended"] and day > history[-1]["suspended"]:
            found.append("suspension_overdue")
        if is_outdated(begun, day):
            found.append("criteria_outdated")
        if status == "active" and "major_nc" in results(begun, day).values():
            found.append("nonconformity_open")
    if any(is_appealed(way[place:], day) for place in range(len(way))):
        found.append("under_appeal")
    for overlay, family in (("appeal_upheld", "appeal"), ("complaint_upheld", "complaint_answer")):
        if any(is_unanswered(way[place:], family, overlay, day) for place in range(len(way))):
            found.append(overlay)
    if status in ("active", "suspended") and is_orphaned(place, held, day):
        found.append("orphaned")
    if any(is_written_late(one, day) for _, place in begun for one in place["state"]["history"]):
        found.append("recorded_late")
    return found


def is_written_late(decision: dict[str, Any], day: str) -> bool:
    """Say whether a decision that holds by a day was recorded after it, and long after it held."""
    if decision["imported"] or decision["from"] > day or decision["recorded"] <= day:
        return False
    passed = date.fromisoformat(decision["recorded"]) - date.fromisoformat(decision["from"])
    return passed.days > 31


def recorded_since(logs: dict[str, Log], log: Log, entity: bytes, day: str) -> str:
    """Say since when all is on record that holds on a day of a label that a log granted."""
    way = model.way_of(logs, log, entity)
    begun = [one for one in way[1:] if one[1]["state"]["history"][0]["from"] <= day]
    holding = [
        one["recorded"]
        for _, held in [way[0], *begun]
        for one in held["state"]["history"]
        if one["from"] <= day
    ]
    return max(holding, default="")


def entity_of(log: Log, held: Held) -> bytes:
    return next(entity for entity, one in log["entities"].items() if one is held)


def giving(begun: list[tuple[Log, Held]], day: str) -> tuple[Log, Any] | None:
    """Return the last decision by a day that gave or prolonged a label, and whose it is."""
    for log, held in reversed(begun):
        for one in reversed(held["state"]["history"]):
            is_giving = one["action"] in ("grant", "renew") or (
                one["action"] == "transfer_in" and not one["takes"]
            )
            is_giving = is_giving or (one["action"] == "reinstate" and one["imported"])
            if one["from"] <= day and is_giving:
                return log, one
    return None


def scheme_of(log: Log, name: str) -> dict[str, Any]:
    return model.as_of(log, "schemes", name) or {}


def is_overdue(begun: list[tuple[Log, Held]], day: str) -> bool:
    last = giving(begun, day)
    months = scheme_of(begun[-1][0], begun[-1][1]["state"]["scheme"]).get(
        "surveillance_interval_months", 0
    )
    if last is None or not months:
        return False
    place, decision = last
    visits = [one["performed"] for one in surveys(begun)]
    review = state_of(place, "review", decision["review"])
    for one in review["evaluations"] if review else ():
        state = state_of(place, "evaluation", one)
        visits += [state["performed"]] if state["level"] == "third_party" else []
    visits = [one for one in visits if one <= day]
    if not visits and decision["imported"]:
        visits = answered_until(begun, place)
        if not visits:
            return False
    return day > later(max([*visits, decision["from"]]), months)


def surveys(begun: list[tuple[Log, Held]]) -> list[dict[str, Any]]:
    """Return what third parties have found about a label, in the order of the logs."""
    return [
        {**state, "place": place}
        for place, (log, held) in enumerate(begun)
        for other in log["entities"].values()
        if other["family"] == "evaluation" and (state := other["state"])
        if state["about"][1] == entity_of(log, held) and state["level"] == "third_party"
    ]


def results(begun: list[tuple[Log, Held]], day: str) -> dict[str, str]:
    """Return what third parties had found last about each criterion by a day."""
    last: dict[str, str] = {}
    for place, (log, held) in enumerate(begun):
        left = held["state"]["receiver"] and begun[place + 1 :]
        found = [one["state"] for one in log["entities"].values() if one["family"] == "evaluation"]
        for one in in_time([one for one in found if one]):
            is_late = left and one["index"] > held["state"]["index"]
            is_of = one["label"] == entity_of(log, held) and one["level"] == "third_party"
            if is_of and not is_late and one["performed"] <= day:
                last |= {
                    code: finding["result"]
                    for code, finding in one["findings"].items()
                    if finding["result"] != "not_assessed"
                }
    return last


def answered_until(begun: list[tuple[Log, Held]], place: Log) -> list[str]:
    """Return the day on which the register that a decision came from ended answering, if it did."""
    at = [log for log, _ in begun].index(place)
    taken = [held["state"]["history"][0]["from"] for _, held in begun[at + 1 : at + 2]]
    days = [place["import_closed_on"], *taken]
    return sorted(one for one in days if one)[:1]


def outdates(log: Log, scheme: str, day: str) -> str:
    """Return the last day of what a scheme judged by on a day; empty where nothing ended it."""
    for body in versions(log, "sets", scheme):
        if body["applies_from"] > day:
            if body["version"] == 1:
                return str(body.get("transition_until", ""))
            return str(body.get("transition_until") or day_before(body["applies_from"]))
    return ""


def is_taken_over_outdated(begun: list[tuple[Log, Held]], decision: Any, day: str) -> bool:
    log, held = begun[-1]
    scheme = held["state"]["scheme"]
    known = [one for one in surveys(begun) if one["performed"] <= day]
    if known:
        last = max(known, key=lambda one: (one["performed"], one["place"], one["index"]))
        criteria = criteria_of(log, scheme, last["version"])
        until = criteria["until"] if criteria else ""
    else:
        until = outdates(log, scheme, decision["from"] if decision["is_dated"] else "")
    return bool(until) and day > until


def is_outdated(begun: list[tuple[Log, Held]], day: str) -> bool:
    last = giving(begun, day)
    if last is not None and last[1]["imported"]:
        return is_taken_over_outdated(begun, last[1], day)
    review = state_of(last[0], "review", last[1]["review"]) if last else None
    if last is None or review is None:
        return False
    asked = state_of(last[0], "label_application", review["application"])["body"]
    criteria = criteria_of(begun[-1][0], asked["scheme"], asked["criteria_version"])
    return bool(criteria and criteria["until"] and day > criteria["until"])


def begun_in_time(way: list[tuple[Log, Held]], family: str) -> list[Held]:
    """Return what was begun about a label in the first of these logs before it was handed over."""
    log, held = way[0]
    about = [
        one
        for one in log["entities"].values()
        if one["family"] == family and one["state"] and one["state"]["label"] == entity_of(*way[0])
    ]
    if len(way) == 1 or not held["state"]["receiver"]:
        return about
    return [one for one in about if one["state"]["steps"][0][0] < held["state"]["index"]]


def is_appealed(way: list[tuple[Log, Held]], day: str) -> bool:
    for one in begun_in_time(way, "appeal"):
        come = [step for step, at in one["state"]["days"] if at <= day]
        if come and come[-1] in APPEALS:
            return True
    return False


def is_unanswered(way: list[tuple[Log, Held]], family: str, reason: str, day: str) -> bool:
    """Say whether something was upheld in the first of these logs and no decision answers it."""
    log, _ = way[0]
    for one in begun_in_time(way, family):
        come = [(place, step) for place, step, at in one["state"]["steps"] if at <= day]
        if not come or come[-1][1] not in ("upheld", "partly_upheld"):
            continue
        answers = [
            (other is not log, decision["index"])
            for other, state in way
            for decision in state["state"]["history"]
            if decision["reason"] == reason and decision["from"] <= day
        ]
        if not any(is_later or place > come[-1][0] for is_later, place in answers):
            return True
    return False


def is_orphaned(log: Log, held: Held, day: str) -> bool:
    said = log["coordinator"]["members"].get(log["site"], [])
    member = said[-1][1] if said else {"status": ""}
    if member["status"] not in ("left", "expelled"):
        return False
    grace = scheme_of(log, held["state"]["scheme"]).get("grace_days", 0)
    end = date.fromisoformat(member["effective_date"]) + timedelta(grace)
    return day > end.isoformat()
