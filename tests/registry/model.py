"""What DESIGN 3, 4 and 7 and the domain model say follows from logs, written once more.

It reads what was written as plain dicts (never bytes), keeps plain dicts, and shares no code with
sopro_registry: where the two disagree, one of them misreads a sentence. Days stay text, since
`YYYY-MM-DD` sorts as it reads; "" is a day that was not stated.

An event is what an author wrote at one position:

    id       entry id
    garbage  the reason why the bytes are no record, else None; then nothing below is there
    log entity family prev time crit body   of the envelope
    keys     public keys that signed
    genuine  whether every signature verifies
"""

import calendar
import hashlib
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sopro_protocol.encoding import encode
from tests.registry import model_assessing, model_complaining
from tests.registry.model_complaining import decider_of
from tests.registry.model_deciding import (
    count_anew,
    judge_assessment,
    judge_refused,
    judge_scope,
)

Event = dict[str, Any]
Log = dict[str, Any]

ROLE_OF = {
    "site_keys": "root",
    "label_decision": "decision",
    "log_state": "registrar",
    "site_membership": "registrar",
    "scheme": "registrar",
    "organisation": "registrar",
    "offering": "registrar",
    **dict.fromkeys((*model_assessing.RULES, *model_complaining.RULES), "registrar"),
}
UNDATED = ("site_keys", "log_state", *model_assessing.UNDATED, *model_complaining.UNDATED)
NAMES_VALIDITY = ("grant", "renew", "transfer_in")


def new_log(origin: str, root_key: bytes, *, coordinator: Log | None, roots: list[bytes]) -> Log:
    """Start a log; `coordinator` is None in the coordinator's own."""
    return {
        "origin": origin,
        "site": origin.split("/")[1],
        "coordinator": coordinator,
        "roots": roots,
        "keys": {root_key: {"role": "root", "since": 0, "until": None}},
        "keys_id": None,
        "acted_on": None,
        "size": 0,
        "time": 0,
        "entities": {},
        "schemes": {},
        "members": {},
        "criteria": {},
        "sets": {},
        "lists": set(),
        "decided": set(),
        "answered": set(),
        "erased": set(),
        "is_import_closed": False,
        "import_closed_on": "",
        "grants": 0,
        "status": {},
        "states_status": False,
        "knows_status": True,
        "uninterpreted": 0,
        "voids": {},
        "counts": Counter(),
        "reasons": Counter(),
    }


def read(log: Log, event: Event) -> None:
    """Take the next event of a log."""
    code = "no record" if event["garbage"] else judge(log, event)
    if event["garbage"]:
        log["voids"][log["size"]] = event["garbage"]
    elif code is not None:
        log["voids"][log["size"]] = code
    else:
        log["time"] = event["time"]
    log["size"] += 1


def judge(log: Log, event: Event) -> str | None:  # noqa: PLR0911 - the order of the reasons
    """Say why an event is void, or let it have its effect and return None."""
    name, major = event["family"].split("/")
    held = log["entities"].get(event["entity"])
    is_next = event["prev"] == (held["head"] if held else None)
    if is_next:
        # Void or not, whoever comes next on this entity must name this one.
        if held is None:
            held = {"family": name, "head": None, "state": None, "undetermined": False}
            log["entities"][event["entity"]] = held
        held["head"] = event["id"]
    if event["log"] != log["origin"]:
        return "hos.replay"
    code = judge_signatures(log, event, name)
    if code is not None:
        return code
    if not is_next:
        return "lbl.conflict"
    if held["family"] != name:
        return "rec.family"
    if event["time"] < log["time"]:
        return "rec.time"
    if name not in ROLE_OF:
        log["uninterpreted"] += 1
        return None
    # Of the fields that lives declare critical, these families do not have this one.
    known = set() if name in UNDATED else {"effective_date"}
    if major != "1" or set(event["crit"]) - known or held["undetermined"]:
        held["undetermined"] = True
        log["knows_status"] = log["knows_status"] and held["family"] != "label_decision"
        log["uninterpreted"] += 1
        return None
    return judge_place(log, event, name) or RULES[name](log, event, held)


def judge_signatures(log: Log, event: Event, name: str) -> str | None:
    for key in sorted(event["keys"], key=lambda one: event["key_ids"][one]):
        known = log["keys"].get(key)
        if known is None:
            return "sig.unknown-key"
        if known["until"] is not None and log["size"] >= known["until"]:
            return "sig.key-retired"
        if name in ROLE_OF and known["role"] != ROLE_OF[name]:
            return "sig.role"
        if name not in ROLE_OF and known["role"] not in ("registrar", "decision"):
            return "sig.role"
    return None if event["genuine"] else "sig.invalid"


def judge_place(log: Log, event: Event, name: str) -> str | None:
    general = ("scheme", "site_membership", *model_assessing.COORDINATOR)
    if name in general and log["coordinator"] is not None:
        return "lbl.competence"
    if name not in (*general, "site_keys", "log_state", *model_complaining.ANYWHERE):
        member = membership_of(log)
        if member is None or member["status"] != "admitted":
            return "mem.inactive"
        for index, body in log["coordinator"]["members"][log["site"]]:
            is_over = "ends" in body and body["ends"]["size"] <= log["size"]
            if is_over and log["acted_on"] <= index:
                return "mem.inactive"
    return "rec.body" if event["body"].get("effective_date") in NO_DAYS else None


NO_DAYS = ("2026-02-30",)


def as_of(log: Log, table: str, name: str) -> dict[str, Any] | None:
    """Return what the coordinator's log said of something at the size the site acted on."""
    if log["coordinator"] is None or log["acted_on"] is None:
        return None
    found = None
    for index, body in log["coordinator"][table].get(name, []):
        if index < log["acted_on"]:
            found = body
    return found


def membership_of(log: Log) -> dict[str, Any] | None:
    return as_of(log, "members", log["site"])


# One function for each family: the reason, or the effect.


def take_keys(log: Log, event: Event, held: dict[str, Any]) -> str | None:
    body = event["body"]
    named = [(body["root"], "root")] + [(key["public"], key["role"]) for key in body["keys"]]
    if held["state"] is None and log["keys_id"] is not None:
        return "mem.key"
    if len({key for key, _ in named}) != len(named):
        return "mem.key"
    if any(key == bytes(32) for key, _ in named):
        return "sig.weak-key"
    if event["keys"] != [body["root"]]:
        return "sig.role"
    for key, role in named:
        known = log["keys"].get(key)
        if known is not None and (known["role"] != role or known["until"] is not None):
            return "mem.key"
    position = log["size"]
    for key, role in named:
        log["keys"].setdefault(key, {"role": role, "since": position + 1, "until": None})
    for key, known in log["keys"].items():
        if known["until"] is None and key not in dict(named):
            known["until"] = position + 1
    held["state"] = "keys"
    log["keys_id"] = event["id"]
    return None


def take_log_state(log: Log, event: Event, _held: dict[str, Any]) -> str | None:
    body = event["body"]
    if body["certificates"] != log["grants"]:
        return "sta.certificates"
    if body["keys"] != log["keys_id"]:
        return "sta.keys"
    head = body.get("coordinator")
    if (head is None and log["acted_on"] is not None) or not may_name(log, head):
        return "sta.coordinator"
    stated = body.get("status_root")
    if stated is None and log["states_status"]:
        return "sta.status"
    if stated is not None and log["knows_status"] and stated != status_root(log):
        return "sta.status"
    log["states_status"] = log["states_status"] or stated is not None
    log["acted_on"] = head["size"] if head else None
    return None


def may_name(log: Log, head: dict[str, Any] | None) -> bool:
    """Say whether a site may act on a head of the coordinator."""
    if head is None:
        return True
    if log["coordinator"] is None:
        return False
    is_later = log["acted_on"] is None or head["size"] >= log["acted_on"]
    return is_later and bool(log["roots"][head["size"]] == head["root"])


# How every label stands, under one root.


def status_root(log: Log) -> bytes:
    """Hash the leaves of all labels, in the order of their grants, as RFC 6962 says."""
    return tree_root([leaf_of(log["status"][index]) for index in range(len(log["status"]))])


def tree_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00sopro-status/1\n" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    left, right = tree_root(leaves[:half]), tree_root(leaves[half:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def leaf_of(label: dict[str, Any]) -> bytes:
    recorded = datetime.fromtimestamp(label["time"] // 1000, UTC) - timedelta(hours=12)
    today = recorded.date().isoformat()
    history, standing = label["history"], None
    for place, one in enumerate(history):
        if one["from"] <= today:
            standing, later = one, history[place + 1 :]
    if standing is None:
        standing, later = {"from": "", "is": "none", "until": "", "suspended": ""}, history
    # What a later decision covers from the same day or an earlier never comes to hold.
    pending = [
        one
        for place, one in enumerate(later)
        if all(one["from"] < another["from"] for another in later[place + 1 :])
    ]
    leaf: dict[str, Any] = {"certificate": label["number"], "decision": label["id"]}
    leaf |= say(standing)
    if pending:
        leaf["pending"] = [say(one) for one in pending[:16]]
    if len(pending) > 16:
        last = date.fromisoformat(pending[16]["from"]) - timedelta(days=1)
        leaf["answers_until"] = last.isoformat()
    return encode(leaf)


def say(one: dict[str, Any]) -> dict[str, str]:
    fields = {
        "since": one["from"],
        "state": one["is"],
        "suspended_until": one["suspended"],
        "valid_until": one["until"],
    }
    return {name: value for name, value in fields.items() if value}


def take_membership(log: Log, event: Event, held: dict[str, Any]) -> str | None:
    body, before = event["body"], held["state"]
    after = body["status"]
    status = before["status"] if before else None
    if status is None:
        legal = after in ("applicant", "admitted")
    elif status == "applicant":
        legal = after in ("applicant", "admitted", "left")
    elif status in ("admitted", "suspended"):
        legal = after != "applicant"
    else:
        legal = status == "left" and after == "applicant"
    if not legal:
        return "mem.status"
    if before is None and body["site"] in log["members"]:
        return "mem.name"
    if before is not None and before["prefix"] != body["prefix"]:
        return "mem.name"
    if before is not None and before["root"] != body["root"]:
        return "mem.key"
    earlier = [
        one["ends"]["size"] for _, one in log["members"].get(body["site"], []) if "ends" in one
    ]
    if "ends" in body and (
        after in ("applicant", "admitted")
        or body["ends"]["origin"] != body["origin"]
        or any(body["ends"]["size"] < size for size in earlier)
    ):
        return "mem.end"
    held["state"] = body
    log["members"].setdefault(body["site"], []).append((log["size"], body))
    return None


def take_scheme(log: Log, event: Event, held: dict[str, Any]) -> str | None:
    body = event["body"]
    if held["state"] is None and body["scheme"] in log["schemes"]:
        return "mem.name"
    if held["state"] is not None and held["state"]["scheme"] != body["scheme"]:
        return "mem.name"
    held["state"] = body
    log["schemes"].setdefault(body["scheme"], []).append((log["size"], body))
    return None


def take_organisation(log: Log, event: Event, held: dict[str, Any]) -> str | None:
    del log
    held["state"] = event["body"]
    return None


def take_offering(log: Log, event: Event, held: dict[str, Any]) -> str | None:
    if not {"effective_date", "kind", "organisation", "status"} <= event["body"].keys():
        return "rec.body"
    if not holds(log, "organisation", event["body"]["organisation"]):
        return "lbl.reference"
    body, before = event["body"], held["state"]
    is_new = before["is_new"] if before else log["is_import_closed"]
    if before:
        is_asked = event["entity"] in asked_for(log)
        moved = any(before[name] != body[name] for name in ("organisation", "kind"))
        if moved and (log["is_import_closed"] or is_asked):
            return "lbl.reference"
        is_fixed = is_asked or (log["is_import_closed"] and not is_new)
        if item_of(body) != item_of(before) and is_fixed and not is_open(log, event):
            return "lbl.reference"
    held["state"] = body | {"is_new": is_new}
    return None


def item_of(body: dict[str, Any]) -> str:
    """Return a trade item number however it is written: in fourteen digits."""
    return body["gtin"].rjust(14, "0") if "gtin" in body else ""


def is_open(log: Log, event: Event) -> bool:
    """Say whether an offering names an application for it that nobody has looked at yet."""
    named = event["body"].get("application")
    asked = model_assessing.state_of(log, "label_application", named)
    if not asked or asked["body"]["offering"] != event["entity"]:
        return False
    begun = model_assessing.for_application(log, named)
    return model_assessing.is_assessable(log, named) and not begun


def asked_for(log: Log) -> set[bytes]:
    """Return the offerings that anybody has applied for, or that labels were taken over for."""
    found = log["entities"].values()
    asked = [one["state"] for one in found if one["family"] == "label_application"]
    labels = [one["state"] for one in found if one["family"] == "label_decision"]
    taken = {one["offering"] for one in labels if one and one["takes"]}
    return taken | {one["body"]["offering"] for one in asked if one}


def holds(log: Log, family: str, entity: bytes) -> bool:
    found = log["entities"].get(entity)
    return bool(found and found["family"] == family and found["state"])


# The label.


def take_decision(log: Log, event: Event, held: dict[str, Any]) -> str | None:
    body, label = event["body"], held["state"]
    imported = body["basis"] == "imported"
    day = body.get("effective_date", "")
    lacking = lacks(body, label, imported=imported)
    if lacking:
        return "lbl.precondition"
    history = label["history"] if label else []
    if not day and history:
        day = history[-1]["from"]
    before, standing = stands(history, day, imported=imported)
    after = follow(before, standing, body["action"], imported=imported)
    if after is None:
        return "lbl.transition"
    if "takes" in body:
        after = body["standing"]
    if not imported:
        effective = [one for one in history if one["from"] <= day]
        code = judge_dates(event, history) or judge_begin(body, effective[-1:])
        code = code or judge_scheme(log, body, label, before, history)
        if code is not None:
            return code
    code = judge_following(log, body, label) if label else judge_first(log, event)
    if code is not None or is_over(log, body, label):
        return code or "lbl.reference"
    is_new = body["action"] == "grant" or "takes" in body
    if label is None:
        label = {
            "number": body.get("certificate", ""),
            "offering": body["offering"],
            "scheme": body["scheme"],
            "history": [],
            "takes": body.get("takes"),
            "acted_on": log["acted_on"],
            "scope": {},
            "earlier": been_here(log, body) if "takes" in body else [],
        }
    code = judge_further(log, event, label, is_new=is_new)
    if code is not None:
        return code
    held["state"] = label
    until, suspended = until_of(body, history, day), ""
    if after == "suspended":
        suspended = body.get("suspended_until", "")
        if not suspended and body["action"] != "suspend" and history:
            suspended = found_by(history, day, imported=imported)["suspended"]
    keep(log, event, label, {"from": day, "is": after, "until": until, "suspended": suspended})
    return None


def judge_further(log: Log, event: Event, label: dict[str, Any], *, is_new: bool) -> str | None:
    body = event["body"]
    code = judge_scope(body, label) or judge_mended(log, body, label)
    code = code or judge_refused(log, body, label)
    is_own = any(not one["imported"] for one in label["history"])
    if code is None and body["basis"] == "imported" and (log["is_import_closed"] or is_own):
        code = "lbl.imported"
    code = code or judge_assessment(log, event, label)
    if code is None and not may_receive(log, body):
        code = "lbl.competence"
    if code is None and is_new and body["status_index"] != log["grants"]:
        code = "lbl.precondition"
    return code


def judge_mended(log: Log, body: dict[str, Any], label: dict[str, Any]) -> str | None:
    """Say why an end of validity cannot be corrected to that."""
    if body["action"] != "correct" or "valid_until" not in body:
        return None
    given = [
        one for one in label["history"] if one["action"] in NAMES_VALIDITY and not one["takes"]
    ]
    if not given or given[-1]["index"] != body["corrects"]:
        return "lbl.reference"
    scheme = as_of(log, "schemes", label["scheme"])
    if scheme is None:
        return "lbl.criteria"
    began, day = given[-1]["from"], body["effective_date"]
    if began:
        latest = months_after(began, scheme["max_validity_months"])
        if not began <= body["valid_until"] <= latest:
            return "lbl.dates"
    if stands(label["history"], day, imported=False)[0] == "expired":
        end = date.fromisoformat(label["history"][-1]["until"])
        if day > (end + timedelta(scheme["grace_days"])).isoformat():
            return "lbl.transition"
    return None


def keep(log: Log, event: Event, label: dict[str, Any], decision: dict[str, Any]) -> None:
    """Let a decision have its effect."""
    body, is_new = event["body"], event["body"]["action"] == "grant" or "takes" in event["body"]
    if "application" in body:
        log["decided"].add(body["application"])
    decision |= {"index": log["size"], "imported": body["basis"] == "imported"}
    decision |= {"is_dated": "effective_date" in body}
    decision |= {"action": body["action"], "takes": "takes" in body, "review": body.get("review")}
    decision |= {"decider": decider_of(event), "application": body.get("application")}
    decision["reason"] = body.get("reason_code")
    decision["recorded"] = datetime.fromtimestamp(event["time"] // 1000, UTC).date().isoformat()
    decision["states_scope"] = "scope" in body
    decision["scope"] = label["scope"] = body.get("scope", label["scope"])
    history = [*label["history"], decision]
    label |= {"history": history, "id": event["id"], "time": event["time"]}
    label |= {"index": log["size"], "receiver": body.get("receiver")}
    label["receiver_entity"] = body.get("receiver_entity")
    if is_new:
        log["status"][log["grants"]] = label
        log["grants"] += 1
    count_anew(log, body, history)


def found_by(history: list[dict[str, Any]], day: str, *, imported: bool) -> dict[str, Any]:
    """Return the decision on which the next one builds."""
    if imported:
        return history[-1]
    return [one for one in history if one["from"] <= day][-1]


def stands(history: list[dict[str, Any]], day: str, *, imported: bool) -> tuple[str, str]:
    """Return what a label is when a decision falls, and what it would be without expiry."""
    if not history:
        return "none", "none"
    if imported:
        # Imported decisions count in the order of the register, whatever their dates say.
        history, day = history[-1:], max(day, history[-1]["from"])
    effective = [one for one in history if one["from"] <= day]
    if not effective:
        return "none", "none"
    return status_on(history, day), effective[-1]["is"]


def status_on(history: list[dict[str, Any]], day: str) -> str:
    """Return what a label is on a day: computed from its decisions, never recorded."""
    now = "none"
    for one in history:
        if one["from"] <= day:
            now = one["is"]
            if now in ("active", "suspended") and one["until"] and day > one["until"]:
                now = "expired"
    return now


def scope_on(history: list[dict[str, Any]], day: str) -> dict[str, Any]:
    """Return what a label holds for on a day: as the last decision that holds by then left it."""
    holding = [one for one in history if one["from"] <= day]
    return dict(holding[-1]["scope"]) if holding else {}


def found_in(label: dict[str, Any]) -> tuple[str, str, str, str, int]:
    """Return by what a label is found: its number, how and until when it stands, from when."""
    history = label["history"]
    settled = max(one["from"] for one in history)
    year = int(history[0]["from"][:4] or 0)
    return label["number"], history[-1]["is"], settled, history[-1]["until"], year


def follow(  # noqa: PLR0911 - one for each sentence
    before: str, standing: str, action: str, *, imported: bool
) -> str | None:
    if before == "none":
        return {"grant": "active", "transfer_in": "active", "refuse": "refused"}.get(action)
    alive = before in ("active", "suspended")
    ended = before in ("revoked", "terminated", "expired")
    if action == "correct" and before != "transferred":
        return standing
    if action == "renew" and (alive or before == "expired"):
        return standing
    if action in ("extend_scope", "reduce_scope") and before == "active":
        return "active"
    if action == "suspend" and (before == "active" or (imported and before == "suspended")):
        return "suspended"
    if action == "reinstate" and (before == "suspended" or (imported and ended)):
        return "active"
    if action == "revoke" and (alive or (imported and ended)):
        return "revoked"
    if action == "terminate_on_request" and (alive or (imported and ended)):
        return "terminated"
    if action == "transfer_out" and alive:
        return "transferred"
    return None


def lacks(  # noqa: PLR0912 - one for each row of the table
    body: dict[str, Any], label: dict[str, Any] | None, *, imported: bool
) -> bool:
    """Say whether a decision lacks a field its action needs, or has one it must not have."""
    action = body["action"]
    needed = set()
    if action != "refuse" and (label is None or label["number"]):
        needed.add("certificate")
    if action in ("grant", "refuse", "transfer_in"):
        needed |= {"offering", "scheme"}
    takes_over = "takes" in body
    if action == "grant" or takes_over:
        needed.add("status_index")
    if not imported:
        needed |= {"decided_on", "decider", "effective_date"}
        if takes_over:
            needed.add("standing")
        elif action in NAMES_VALIDITY:
            needed |= {"valid_from", "valid_until"}
        if action in ("suspend", "reduce_scope", "refuse", "revoke", "terminate_on_request"):
            needed.add("reason_code")
        if action == "suspend":
            needed.add("suspended_until")
        if action == "revoke":
            needed.add("appeal_until")
    forbidden = set() if action == "grant" or takes_over else {"status_index"}
    if imported or action != "transfer_out":
        forbidden |= {"receiver", "receiver_entity"}
    else:
        needed |= {"receiver", "receiver_entity"}
    if imported or action != "transfer_in":
        forbidden.add("takes")
    if not takes_over:
        forbidden.add("standing")
    if action not in NAMES_VALIDITY and not (imported and action == "reinstate"):
        forbidden |= {"valid_from", "valid_until"}
    if action == "correct" and not imported and "corrects" in body:
        forbidden -= {"valid_until"}
    else:
        forbidden.add("refused_on")
    return bool(needed - body.keys() or forbidden & body.keys())


def judge_dates(event: Event, history: list[dict[str, Any]]) -> str | None:
    body = event["body"]
    recorded = datetime.fromtimestamp(event["time"] // 1000, UTC) + timedelta(hours=14)
    if history and body["effective_date"] < history[-1]["from"]:
        return "lbl.dates"
    if body["decided_on"] > recorded.date().isoformat():
        return "lbl.dates"
    if body["action"] in NAMES_VALIDITY and "takes" not in body:
        days = [body["decided_on"], body["valid_from"], body["valid_until"]]
        if days != sorted(days):
            return "lbl.dates"
    if body["action"] == "suspend" and body["suspended_until"] < body["effective_date"]:
        return "lbl.dates"
    if body["action"] == "revoke" and body["appeal_until"] < body["effective_date"]:
        return "lbl.dates"
    return None


def judge_begin(body: dict[str, Any], found: list[dict[str, Any]]) -> str | None:
    """Say why a validity begins too late: nobody could say how long the label may hold."""
    if body["action"] not in NAMES_VALIDITY or "takes" in body:
        return None
    latest = body["effective_date"]
    if body["action"] == "renew" and found:
        soon = months_after(latest, 12)
        day_after = date.fromisoformat(found[0]["until"] or "9999-12-30") + timedelta(1)
        latest = min(soon, max(latest, day_after.isoformat()))
    return "lbl.dates" if body["valid_from"] > latest else None


def judge_scheme(
    log: Log,
    body: dict[str, Any],
    label: dict[str, Any] | None,
    before: str,
    history: list[dict[str, Any]],
) -> str | None:
    if body["action"] not in NAMES_VALIDITY or "takes" in body:
        return None
    scheme = as_of(log, "schemes", label["scheme"] if label else body["scheme"])
    if scheme is None or scheme["status"] == "proposed":
        return "lbl.criteria"
    if body["action"] == "grant" and scheme["status"] == "deprecated":
        return "lbl.criteria"
    if body["valid_until"] > months_after(body["valid_from"], scheme["max_validity_months"]):
        return "lbl.dates"
    if before == "expired":
        end = date.fromisoformat(history[-1]["until"]) + timedelta(scheme["grace_days"])
        if body["effective_date"] > end.isoformat():
            return "lbl.transition"
    return None


def months_after(day: str, months: int) -> str:
    year, month, of_month = map(int, day.split("-"))
    year, month = divmod(year * 12 + month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return f"{year:04}-{month + 1:02}-{min(of_month, last):02}"


def is_over(log: Log, body: dict[str, Any], label: dict[str, Any] | None) -> bool:
    """Say whether something is given or prolonged for what is there no more on its day."""
    giving = ("grant", "renew", "extend_scope", "transfer_in")
    if body["basis"] == "imported" or body["action"] not in giving or "takes" in body:
        return False
    offering = model_assessing.state_of(
        log, "offering", label["offering"] if label else body["offering"]
    )
    holder = model_assessing.state_of(log, "organisation", offering["organisation"])
    ends = {"withdrawn", "dissolved"}
    return any(
        one["status"] in ends and one["effective_date"] <= body["effective_date"]
        for one in (offering, holder)
    )


def judge_first(log: Log, event: Event) -> str | None:
    body = event["body"]
    number = body.get("certificate")
    if "takes" in body:
        origin = body["takes"][0]
        member = as_of(log, "members", origin.split("/")[1])
        if origin == log["origin"] or member is None or member["origin"] != origin:
            return "lbl.competence"
        if event["entity"] == inherited(body["takes"]):
            heir = member.get("successor") if member["status"] in ("left", "expelled") else None
            if heir != log["site"]:
                return "lbl.competence"
    elif number is not None:
        member = membership_of(log)
        if member is None or f"/{member['prefix']}/" not in number:
            return "lbl.competence"
        for other in log["entities"].values():
            is_label = other["family"] == "label_decision" and other["state"]
            if is_label and other["state"]["takes"]:
                continue
            if is_label and other["state"]["number"] == number:
                return "lbl.competence"
    if not holds(log, "offering", body["offering"]):
        return "lbl.reference"
    return None if as_of(log, "schemes", body["scheme"]) else "lbl.criteria"


def inherited(takes: list[Any]) -> bytes:
    """Return the entity of a label that nobody handed over."""
    return hashlib.sha256(b"sopro-takeover/1\n" + encode(takes)).digest()[:16]


def been_here(log: Log, body: dict[str, Any]) -> list[bytes]:
    """Return the entities that a label had here before it left; the last first."""
    number = body.get("certificate", "")
    left = [
        (held["state"]["index"], entity, held["state"]["earlier"])
        for entity, held in log["entities"].items()
        if held["family"] == "label_decision" and held["state"] and held["state"]["receiver"]
        if held["state"]["number"] == number
    ]
    if not left:
        return []
    _, entity, earlier = max(left)
    return [entity, *earlier]


def judge_following(log: Log, body: dict[str, Any], label: dict[str, Any]) -> str | None:
    for field, held in (("offering", "offering"), ("scheme", "scheme")):
        if body.get(field, label[held]) != label[held]:
            return "lbl.reference"
    if body.get("certificate", "") != label["number"]:
        return "lbl.reference"
    return None


def may_receive(log: Log, body: dict[str, Any]) -> bool:
    """Say whether nobody is to receive a label, or another member that is admitted."""
    if "receiver" not in body:
        return True
    member = as_of(log, "members", body["receiver"])
    is_other = body["receiver"] != log["site"]
    return bool(member and member["status"] == "admitted" and is_other)


def until_of(body: dict[str, Any], history: list[dict[str, Any]], day: str) -> str:
    stated = str(body.get("valid_until", ""))
    if stated or body["action"] in NAMES_VALIDITY or not history:
        return stated
    until = str(history[-1]["until"])
    # Only an existing register brings back what had expired; the old end holds no longer.
    return "" if body["action"] == "reinstate" and until < day else until


# Two logs: whose the label is.


def whose(logs: dict[str, Log], log: Log, entity: bytes, day: str) -> tuple[str, str]:
    """Say whose a label is on a day that a log granted, and how it stands."""
    steps = way_of(logs, log, entity)
    begun = [one for one in steps[1:] if one[1]["state"]["history"][0]["from"] <= day]
    last, held = begun[-1] if begun else steps[0]
    return last["site"], status_on(held["state"]["history"], day)


def way_of(logs: dict[str, Log], log: Log, entity: bytes) -> list[tuple[Log, dict[str, Any]]]:
    """Return the logs that a label was in, from the one that granted it, and its row in each."""
    steps = [(log, log["entities"][entity])]
    while True:
        fitting = [
            (other, held)
            for other in logs.values()
            for place, held in other["entities"].items()
            if held["family"] == "label_decision" and held["state"] and (other, held) not in steps
            if fits(*steps[-1], other, place, held)
        ]
        if not fitting:
            break
        steps.append(min(fitting, key=lambda one: (one[1]["state"]["acted_on"], one[0]["origin"])))
    return steps


def fits(log: Log, old: dict[str, Any], other: Log, place: bytes, new: dict[str, Any]) -> bool:
    """Say whether a record takes over what another log has left."""
    left, taken = old["state"], new["state"]
    reference = [log["origin"], left["index"], left["id"]]
    if taken["takes"] != reference or old["undetermined"]:
        return False
    if (left["number"], left["scheme"]) != (taken["number"], taken["scheme"]):
        return False
    history, first = left["history"], taken["history"][0]
    if left["receiver"]:
        stood = history[-2]
        if (left["receiver"], left["receiver_entity"]) != (other["site"], place):
            return False
    else:
        stood = history[-1]
        if stood["is"] not in ("active", "suspended") or place != inherited(reference):
            return False
    if any(first[field] != stood[field] for field in ("is", "until", "suspended", "scope")):
        return False
    return bool(first["from"] >= max(one["from"] for one in history))


RULES = {
    "site_keys": take_keys,
    "log_state": take_log_state,
    "site_membership": take_membership,
    "scheme": take_scheme,
    "organisation": take_organisation,
    "offering": take_offering,
    "label_decision": take_decision,
    **model_assessing.RULES,
    **model_complaining.RULES,
}
