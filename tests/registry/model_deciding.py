"""The model's room between: what a decision on a label rests on, and what it says it holds for."""

from datetime import date
from typing import Any

from tests.registry.model_assessing import (
    Body,
    Event,
    Log,
    all_evaluations,
    assessors_of,
    concerning,
    criteria_of,
    evaluators,
    for_application,
    in_time,
    is_assessable,
    is_dependent,
    is_nc,
    kind_of,
    later,
    may_assess,
    owners_of,
    state_of,
)

RESTING = {
    "transfer_in": ("transfer",),
    "grant": ("initial", "transfer"),
    "refuse": ("initial", "transfer"),
    "renew": ("renewal",),
    "extend_scope": ("scope_extension",),
}


def judge_assessment(  # noqa: PLR0911, PLR0912 - one for each reason
    log: Log, event: Event, label: dict[str, Any]
) -> str | None:
    """Say why a decision cannot rest on what it names, or does not name."""
    body = event["body"]
    application, review = body.get("application"), body.get("review")
    is_resting = body["action"] in RESTING and body["basis"] == "assessed" and "takes" not in body
    if not is_resting:
        if application or review:
            return "lbl.precondition"
        return judge_rest(log, event, label)
    if not application and not review and criteria_of(log, label["scheme"]) is None:
        return None
    if not application or not review:
        return "lbl.precondition"
    asked = state_of(log, "label_application", application)
    checked = state_of(log, "review", review)
    if not asked or not checked or not is_assessable(log, application):
        return "ass.subject"
    wanted = asked["body"]
    entity = event["entity"] if label["history"] else None
    same = (wanted["offering"], wanted["scheme"], wanted.get("label")) == (
        label["offering"], label["scheme"], entity,
    )  # fmt: skip
    if not same or wanted["kind"] not in RESTING[body["action"]]:
        return "ass.subject"
    if checked["application"] != application:
        return "ass.subject"
    if checked["index"] < last_reviewed(log, application):
        return "ass.subject"
    found = [state_of(log, "evaluation", one) for one in checked["evaluations"]]
    if any(one["index"] > checked["index"] for one in found):
        return "ass.subject"
    if len(found) < len(for_application(log, application)):
        return "ass.subject"
    people = assessors_of(log, entity, label) if entity else set()
    if body["decider"] in evaluators(log, None, application) | people:
        return "ass.duties"
    if is_dependent(log, body["decider"], owners_of(log, wanted), body["decided_on"]):
        return "ass.duties"
    too_early = body["decided_on"] < max(checked["reviewed_on"], asked["day"])
    if too_early or body["effective_date"] < asked["submitted"]:
        return "lbl.dates"
    if body["action"] == "refuse":
        return None
    places = [entity, *label["earlier"]] if entity else []
    about_label = [one for one in all_evaluations(log) if one["label"] in places]
    others = [one for one in about_label if one["about"][0] != application]
    days = (body["decided_on"], body["effective_date"])
    return judge_outcome(log, days, wanted, checked, found, others)


def last_reviewed(log: Log, application: bytes) -> int:
    """Return the position of the last review of an application."""
    held = [one["state"] for one in log["entities"].values() if one["family"] == "review"]
    return max(one["index"] for one in held if one and one["application"] == application)


def judge_rest(log: Log, event: Event, label: dict[str, Any]) -> str | None:
    """Judge a decision on a label by what was found about it, where it rests on that."""
    body, entity = event["body"], event["entity"]
    if body["basis"] == "imported" or not label["history"]:
        return None
    judging = body["action"] in ("reinstate", "reduce_scope", "revoke", "correct")
    judging = judging or (body["action"] == "suspend" and body["reason_code"] == "nc_not_closed")
    if body["action"] == "terminate_on_request":
        judging = body["reason_code"] not in ("holder_request", "product_discontinued")
    if judging and body["decider"] in assessors_of(log, entity, label):
        return "ass.duties"
    holder = owners_of(log, {"offering": label["offering"]})
    if judging and is_dependent(log, body["decider"], holder, body["decided_on"]):
        return "ass.duties"
    if body["action"] != "reinstate":
        return None
    last: dict[str, str] = {}
    for one in in_time(all_evaluations(log)):
        if one["label"] in [entity, *label["earlier"]] and one["level"] == "third_party":
            last |= {
                code: found["result"]
                for code, found in one["findings"].items()
                if found["result"] != "not_assessed"
            }
    if "major_nc" in last.values():
        return "ass.outcome"
    is_moved = bool(label["takes"])
    return "ass.outcome" if is_moved and not is_found_anew(log, entity, label) else None


def is_found_anew(log: Log, entity: bytes, label: dict[str, Any]) -> bool:
    """Say whether third parties have looked here at all that a label must meet."""
    if criteria_of(log, label["scheme"]) is None:
        return True
    looked = [
        one
        for one in all_evaluations(log)
        if one["label"] == entity and one["level"] == "third_party"
    ]
    # Of no evaluation the latest version is asked for: 0.
    version = max([one["version"] for one in looked], default=0)
    criteria = criteria_of(log, label["scheme"], version) or {"criteria": {}}
    must = {
        code
        for code, one in concerning(criteria, kind_of(log, label["offering"])).items()
        if one["obligation"] == "mandatory"
    }
    seen = {
        code
        for one in looked
        for code, found in one["findings"].items()
        if found["result"] != "not_assessed"
    }
    return must <= seen


def judge_outcome(  # noqa: PLR0911 - one for each reason
    log: Log,
    days: tuple[str, str],
    wanted: Body,
    checked: Body,
    found: list[dict[str, Any]],
    others: list[dict[str, Any]],
) -> str | None:
    if checked["outcome"] != "recommend_grant":
        return "ass.outcome"
    criteria = criteria_of(log, wanted["scheme"], wanted["criteria_version"])
    until = (criteria and criteria["until"]) or "9999-12-31"
    if criteria is None or not criteria["from"] <= min(days) <= max(days) <= until:
        return "lbl.criteria"
    sound = [
        one
        for one in in_time(found)
        if one["level"] == "third_party" and one["version"] == wanted["criteria_version"]
    ]
    if not sound or any(later(one["performed"], 12) < max(days) for one in sound):
        return "ass.outcome"
    if not all(is_authorised_still(log, one, wanted["scheme"]) for one in sound):
        return "ass.authority"
    results: dict[str, Body] = {}
    for one in sound:
        results |= {
            code: finding
            for code, finding in one["findings"].items()
            if finding["result"] != "not_assessed"
        }
    held_to = concerning(criteria, kind_of(log, wanted["offering"]))
    results |= left_open(sound, others, set(held_to))
    if any(one["result"] == "major_nc" for one in results.values()):
        return "ass.outcome"
    points = 0
    for code, criterion in held_to.items():
        result = results.get(code, {}).get("result")
        if criterion["obligation"] == "mandatory" and result not in ("conform", "not_applicable"):
            return "ass.outcome"
        if result == "conform" and "country" not in criterion:
            points += min(results[code].get("points", 0), criterion.get("points", 0))
    return "ass.outcome" if points < criteria["points"] else None


def is_authorised_still(log: Log, found: dict[str, Any], scheme: str) -> bool:
    """Say whether all who found this were allowed to, as is known now."""
    assessed = {code for code, one in found["findings"].items() if one["result"] != "not_assessed"}
    return all(
        may_assess(log, one, scheme, found["level"], found["performed"], assessed)
        for one in found["assessors"]
    )


def left_open(
    sound: list[dict[str, Any]], others: list[dict[str, Any]], codes: set[str]
) -> dict[str, Body]:
    """Return what third parties found wrong with a label and nobody has assessed since."""
    others = [one for one in others if one["level"] == "third_party"]
    still: dict[str, Body] = {}
    for one in in_time([*sound, *others]):
        for code, finding in one["findings"].items():
            if finding["result"] != "not_assessed":
                still.pop(code, None)
                if one in others and is_nc(finding) and code in codes:
                    still[code] = finding
    return still


def judge_scope(body: Body, label: dict[str, Any]) -> str | None:  # noqa: PLR0911 - one for each reason
    """Say why a scope is none, or what is corrected is no decision."""
    action = body["action"]
    if "scope" in body:
        states = ("grant", "transfer_in", "extend_scope", "reduce_scope", "correct")
        if action not in states:
            return "lbl.precondition"
        now, before = body["scope"], label["scope"]
        if any(codes != sorted(set(codes)) for codes in now.values()):
            return "lbl.scope"
        is_more, is_less = covers(now, before), covers(before, now)
        if action == "extend_scope" and (is_less or not is_more):
            return "lbl.scope"
        if action == "reduce_scope" and (is_more or not is_less):
            return "lbl.scope"
        is_own = action == "correct" and body["basis"] == "assessed"
        if is_own and not covers(widest(body, label), now):
            return "lbl.scope"
    if "corrects" in body:
        if action != "correct":
            return "lbl.precondition"
        if body["corrects"] not in [one["index"] for one in label["history"]]:
            return "lbl.reference"
    return None


def widest(body: Body, label: dict[str, Any]) -> Body:
    """Return the most that a correction may say a label holds for."""
    stating = [one for one in label["history"] if one["states_scope"]]
    if not stating or stating[-1]["index"] != body.get("corrects"):
        return dict(label["scope"])
    if stating[-1]["imported"] or stating[-1]["action"] not in ("reduce_scope", "correct"):
        return dict(label["scope"])
    return dict(stating[-2]["scope"]) if stating[1:] else {}


def covers(whole: Body, part: Body) -> bool:
    """Say whether a scope holds another: what is not named is everything."""
    return all(name in part and set(part[name]) <= set(codes) for name, codes in whole.items())


def judge_refused(log: Log, body: Body, label: dict[str, Any]) -> str | None:
    """Say why something was not refused on that day."""
    if "refused_on" not in body:
        return None
    [found] = [one for one in label["history"] if one["index"] == body["corrects"]]
    if found["action"] != "refuse":
        return "lbl.reference"
    reviewed = state_of(log, "review", found["review"]) if found["review"] else None
    first = reviewed["reviewed_on"] if reviewed else ""
    return None if first <= body["refused_on"] <= body["decided_on"] else "lbl.dates"


def count_anew(log: Log, body: Body, history: list[dict[str, Any]]) -> None:
    """Count a decision, and what it corrects as it should have been."""
    reason = body.get("reason_code", "")
    if body["action"] == "correct" and "corrects" in body:
        [wrong] = [one for one in history if one["index"] == body["corrects"]]
        count(log, wrong, -1)
        answers = ("complaint_upheld", "appeal_upheld")
        if reason and reason not in answers and wrong["action"] != "correct":
            wrong["counts_for"], reason = reason, ""
        if "refused_on" in body:
            wrong["counts_in"] = body["refused_on"]
            wrong["took"] = took(log, wrong["application"], body["refused_on"])
        count(log, wrong, 1)
    history[-1] |= {"counts_for": reason, "counts_in": body.get("effective_date", "0")}
    history[-1]["took"] = took(log, body.get("application"), body.get("decided_on", ""))
    count(log, history[-1], 1)


def took(log: Log, application: bytes | None, decided: str) -> int:
    """Return the days from when something was first applied for to the decision; -1 for none."""
    asked = state_of(log, "label_application", application)
    if not asked:
        return -1
    return (date.fromisoformat(decided) - date.fromisoformat(asked["submitted"])).days


def count(log: Log, decision: dict[str, Any], more: int) -> None:
    year = int(decision["counts_in"][:4])
    log["counts"][decision["action"], year] += more
    log["reasons"][decision["action"], decision["counts_for"], year, decision["took"]] += more
