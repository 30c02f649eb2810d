"""Steps of random lives beyond decisions: criteria, assessments, complaints, relations, the rest.

The model is asked how far something has come, so that most steps lead on and some do not.
"""

from random import Random
from typing import Any, Protocol

from tests.registry import model as whole
from tests.registry import model_assessing as model
from tests.registry.world import (
    Author,
    bytes16,
    commitment,
    criterion_body,
    decision_body,
    offering_body,
    organisation_body,
    shift,
)

Body = dict[str, Any]
LABELS = tuple(f"label {number}" for number in range(1, 7))
PEOPLE = tuple(bytes16(f"person {number}") for number in range(4))
OFFICER = bytes16("officer")
CODES = ("AT1", "S1", "S2", "S3", "S4")
PIPELINES = tuple(f"no. {number}" for number in range(40))
ORGANISATIONS = ("organisation", "org b", "org c")
AREAS = ("AT12", "AT130", "AT31")
OFFERINGS = {
    "offering": {"kind": "product"},
    "service": {"kind": "service"},
    "other product": {"kind": "product"},
    "work of b": {"kind": "service", "organisation": bytes16("org b")},
}
"""What is offered: of several kinds, and by two organisations."""


class Living(Protocol):
    """What a step asks of the life it is part of."""

    authors: dict[str, Author]
    coordinator: Author
    logs: dict[str, model.Log]

    def today(self) -> str: ...

    def act(self, site: Author, rng: Random) -> None: ...

    def number(self, site: Author, name: str, rng: Random) -> str: ...

    def write(
        self,
        author: Author,
        family: str,
        body: Body,
        entity: str | bytes,
        rng: Random,
        *,
        role: str = "registrar",
        docs: list[Body] | None = None,
    ) -> None: ...


def seldom(rng: Random, chance: float = 0.12) -> bool:
    return rng.random() < chance


def spoil(body: Body, rng: Random, wrong: Body, chance: float = 0.12) -> Body:
    """Put one thing wrong, now and then."""
    if wrong and seldom(rng, chance):
        field = rng.choice(sorted(wrong))
        body = body | {field: wrong[field]}
    return {name: value for name, value in body.items() if value is not None}


def register(life: Living, site: Author, rng: Random) -> None:
    """Have a site know who offers what, as far as it does not and may."""
    log = life.logs[site.site]
    member = whole.membership_of(log)
    if not (member and member["status"] == "admitted") and not seldom(rng):
        return
    for name in ("organisation", "org b"):
        if not model.state_of(log, "organisation", bytes16(name)):
            life.write(site, "organisation/1", organisation_body(), name, rng)
    for name, changes in OFFERINGS.items():
        if not model.state_of(log, "offering", bytes16(name)):
            life.write(site, "offering/1", offering_body() | changes, name, rng)


def offered(rng: Random) -> bytes:
    return bytes16(rng.choice(("offering", "offering", *OFFERINGS)))


# The coordinator.


def tell_criteria(life: Living, site: Author, rng: Random) -> None:
    log = life.logs[life.coordinator.site]
    author = life.coordinator if not seldom(rng, 0.05) else site
    for code in ("S1", "S2", "S3", "S4", "AT1"):
        if f"sopro {code}" not in log["criteria"]:
            tell_criterion(life, author, code, rng)
    if log["sets"] and seldom(rng, 0.15):
        return tell_criterion(life, author, rng.choice(CODES), rng)
    if seldom(rng, 0.3):
        return tell_list(life, author, rng)
    said = [body for _, body in log["sets"].get("sopro", [])]
    day = shift(life.today(), rng.choice((-200, 0, 30, 30)) if said else -200)
    latest = {
        code: len(log["criteria"][f"sopro {code}"])
        for code in CODES
        if f"sopro {code}" in log["criteria"]
    }
    body = {
        "applies_from": day,
        "criteria": [{"code": code, "version": number} for code, number in latest.items()],
        "min_points": rng.choice((0, 3, 5)),
        "published_on": shift(day, -30),
        "scheme": "sopro",
        "transition_until": rng.choice((None, shift(day, 60), *[shift(day, 300)] * 3)),
        "version": len(said) + 1,
    }
    wrong = {
        "applies_from": shift(day, -60),
        "criteria": [{"code": "S1", "version": 9}],
        "scheme": "other",
        "version": len(said) + 2,
    }
    if not body["criteria"]:
        body["criteria"] = wrong["criteria"]
    entity = "criteria" if not seldom(rng, 0.05) else "other criteria"
    life.write(author, "criteria_set/1", spoil(body, rng, wrong), entity, rng)
    return None


def tell_criterion(life: Living, author: Author, code: str, rng: Random) -> None:
    said = life.logs[life.coordinator.site]["criteria"].get(f"sopro {code}", [])
    body = criterion_body() | {"code": code, "version": len(said) + 1}
    if code == "S3":
        body |= {"kind": "score", "obligation": "points", "points": 10}
    if code == "S2":
        body |= {"offerings": ["product"], "operator": "<="}
    if code == "S4":
        body |= {"offerings": ["service", "production_step"], "operator": "=", "points": 1}
    if code == "AT1":
        body |= tightened(rng)
    wrong = {
        "code": "S9",
        "country": "HU",
        "scheme": "other",
        "threshold": 20,
        "version": len(said) + 2,
    }
    life.write(author, "criterion/1", spoil(body, rng, wrong), f"criterion {code}", rng)


def tightened(rng: Random) -> Body:
    """Return how a country's criterion is stricter than a common one, or is not."""
    code, operator = rng.choice((("S1", None), ("S1", ">="), ("S2", "<="), ("S4", "=")))
    stricter = {"S1": (25, 30), "S2": (25, 20), "S4": (25,)}[code]
    body = {"country": "AT", "tightens": code, "threshold": rng.choice(stricter)}
    return body | ({"operator": operator} if operator else {})


def tell_list(life: Living, author: Author, rng: Random) -> None:
    name = rng.choice(("cpv", "nuts"))
    body = {
        "digest": bytes(32),
        "list": name,
        "size": 2,
        "valid_from": "2026-01-01",
        "version": rng.choice(("1", "2", "3")),
    }
    docs = [commitment("codelist" if not seldom(rng) else "another")]
    entity = f"list {name}" if not seldom(rng) else "list cpv"
    life.write(author, "codelist/1", body, entity, rng, docs=docs)


# The way of an application.


def assess(life: Living, site: Author, rng: Random) -> None:
    """Take the next steps of applications, authorise somebody, or look after a label."""
    log = life.logs[site.site]
    if not model.versions(log, "sets", "sopro") and not seldom(rng, 0.2):
        if not life.logs[life.coordinator.site]["sets"]:
            tell_criteria(life, site, rng)
        life.act(site, rng)
    register(life, site, rng)
    is_ready = bool(model.versions(log, "sets", "sopro"))
    for _ in range(rng.choice((1, 2, 4, 6)) if is_ready else 1):
        go_on(life, site, rng)


def go_on(life: Living, site: Author, rng: Random) -> None:  # noqa: PLR0911 - one for each step
    log = life.logs[site.site]
    for number in range(3):
        if not model.state_of(log, "assessor_authorisation", bytes16(f"leave {number}")):
            authorise(life, site, number, rng)
    if seldom(rng, 0.08):
        return authorise(life, site, rng.randrange(8), rng)
    if seldom(rng, 0.15):
        return evaluate(life, site, None, rng)
    if seldom(rng, 0.06):
        organisation = rng.choice(ORGANISATIONS)
        return life.write(site, "organisation/1", organisation_body(), organisation, rng)
    name = rng.choice([one for one in PIPELINES if is_open(log, one)][:2])
    if seldom(rng, 0.03):
        name = rng.choice(PIPELINES[:8])
    asked = model.state_of(log, "label_application", bytes16(f"application {name}"))
    if asked is None or asked["step"] != "accepted" or seldom(rng, 0.04):
        return apply(life, site, name, rng)
    evaluations = model.for_application(log, bytes16(f"application {name}"))
    if not evaluations or seldom(rng, 0.2):
        return evaluate(life, site, name, rng)
    review = model.state_of(log, "review", bytes16(f"review {name}"))
    is_behind = review is not None and review["index"] < evaluations[-1]["index"]
    if review is None or (is_behind and not seldom(rng, 0.3)) or seldom(rng):
        return give_review(life, site, name, rng)
    return decide_on(life, site, name, rng)


def is_open(log: model.Log, name: str) -> bool:
    """Say whether an application can still come to a decision."""
    entity = bytes16(f"application {name}")
    asked = model.state_of(log, "label_application", entity)
    return entity not in log["decided"] and (asked is None or asked["step"] in model.STEPS)


def authorise(life: Living, site: Author, number: int, rng: Random) -> None:
    held = model.state_of(
        life.logs[site.site], "assessor_authorisation", bytes16(f"leave {number}")
    )
    was_away = any(
        one["status"] != "active"
        for said in model.papers_of(life.logs[site.site], who(number))
        for one in said
    )
    body = {
        "basis": "iso17065",
        "criteria": rng.choice((None,) * 6 + (list(CODES), ["S1"])),
        "effective_date": life.today() if held or was_away else "2024-01-01",
        "level": rng.choice(("third_party",) * 4 + ("second_party",)),
        "organisation": employer(life.logs[site.site], rng),
        "person": who(number),
        "scheme": "sopro",
        "status": "active" if not held else rng.choice(("active",) * 4 + ("suspended",)),
        "valid_from": "2024-01-01",
        "valid_until": rng.choice(("2035-12-31",) * 4 + ("2026-06-30",)),
    }
    wrong = {
        "effective_date": rng.choice(("2023-01-01", shift(life.today(), -1))),
        "organisation": bytes16("nobody"),
        "person": PEOPLE[3],
        "scheme": "other",
        "status": "withdrawn",
        "valid_until": "2023-12-31",
    }
    body = spoil(body, rng, wrong)
    life.write(site, "assessor_authorisation/1", body, f"leave {number}", rng)


def who(number: int) -> bytes:
    """Return whose an authorisation is: of who evaluates, or of who reviews or decides."""
    return PEOPLE[number % 3] if number < 6 else (PEOPLE[3], OFFICER)[number - 6]


def employer(log: model.Log, rng: Random) -> bytes | None:
    """Return whom an assessor works for: most often nobody here, or who offers nothing."""
    name = rng.choice(("org c", "org c", "org b", "organisation"))
    is_there = model.state_of(log, "organisation", bytes16(name))
    return bytes16(name) if is_there and seldom(rng, 0.15) else None


def apply(life: Living, site: Author, name: str, rng: Random) -> None:
    log = life.logs[site.site]
    held = model.state_of(log, "label_application", bytes16(f"application {name}"))
    standing = [
        bytes16(one)
        for one in LABELS
        if (label := model.state_of(log, "label_decision", bytes16(one)))
        and stands(label["history"], life.today())
    ]
    label = rng.choice(standing or [bytes16("label 1")])
    kinds = ("initial",) * 5 + ("transfer",)
    kind = rng.choice(("renewal", "scope_extension", "initial") if standing else kinds)
    body = {
        "applicant": bytes16("organisation"),
        "criteria_version": max(1, len(model.versions(log, "sets", "sopro"))),
        "kind": kind,
        "label": label if kind in ("renewal", "scope_extension") else None,
        "offering": offered(rng),
        "scheme": "sopro",
    }
    if "label" in body and body["label"] and not seldom(rng):
        held_for = model.state_of(log, "label_decision", label)
        body["offering"] = held_for["offering"] if held_for else body["offering"]
    steps = ["submitted"]
    if held:
        body = dict(held["body"])
        legal = model.STEPS.get(held["step"], ()) or ("submitted",)
        steps = ["submitted"] * 9 + list(legal) if "submitted" in legal else list(legal)
        criteria = model.criteria_of(log, "sopro", body["criteria_version"])
        if "accepted" in legal:
            is_over = criteria and criteria["until"] and criteria["until"] < life.today()
            steps = ["returned"] * 5 + steps if is_over else ["accepted"] * 15 + steps
        if held["step"] == "returned":
            body["criteria_version"] = max(1, len(model.versions(log, "sets", "sopro")))
    body |= {"effective_date": life.today(), "step": rng.choice(steps)}
    wrong = {
        "applicant": bytes16("nobody"),
        "criteria_version": 7,
        "effective_date": rng.choice((shift(life.today(), -400), shift(life.today(), 5))),
        "kind": "transfer",
        "label": bytes16("no label"),
        "offering": bytes16("nothing"),
        "step": "lapsed",
    }
    entity = f"application {name}"
    life.write(site, "label_application/1", spoil(body, rng, wrong), entity, rng)


def stands(history: list[Body], day: str) -> bool:
    """Say whether a label can go on from a day."""
    return any(
        whole.status_on(history, one) in ("active", "suspended") for one in (day, shift(day, -90))
    )


def evaluate(life: Living, site: Author, name: str | None, rng: Random) -> None:
    """Evaluate for an application, or a label where none is named."""
    log = life.logs[site.site]
    asked = model.state_of(log, "label_application", bytes16(f"application {name}"))
    version = (
        asked["body"]["criteria_version"]
        if asked
        else max(1, len(model.versions(log, "sets", "sopro")))
    )
    known = [
        one
        for one in LABELS
        if (label := model.state_of(log, "label_decision", bytes16(one))) and label["number"]
    ]
    if not name and not known and not seldom(rng):
        return None
    label = None if name else rng.choice(known or LABELS)
    level = rng.choice(("third_party",) * 10 + ("second_party", "self"))
    entity = f"evaluation {name}" if name else f"survey {rng.randrange(6)}"
    if name and seldom(rng, 0.3):
        entity = f"second evaluation {name}"
    before = model.state_of(log, "evaluation", bytes16(entity))
    if before and not seldom(rng):
        level = before["level"]
    if before and not name and not seldom(rng):
        label = next((one for one in LABELS if bytes16(one) == before["label"]), label)
    subject = asked["body"] if asked else model.state_of(log, "label_decision", bytes16(label))
    kind = model.kind_of(log, subject["offering"]) if subject else "product"
    if seldom(rng, 0.05):
        kind = rng.choice(("product", "service"))
    criteria = model.criteria_of(log, "sopro", version)
    codes = sorted(model.concerning(criteria, kind)) if criteria else []
    may = [
        number
        for number in range(6)
        if model.may_assess(
            log,
            {"authorisation": bytes16(f"leave {number}"), "person": PEOPLE[number % 3]},
            *("sopro", level, life.today(), set(codes)),
        )
    ]
    owner = bytes16("organisation")
    free = [
        one for one in may if not model.is_dependent(log, PEOPLE[one % 3], {owner}, life.today())
    ]
    may = may if seldom(rng) else free
    if not may and not seldom(rng, 0.3):
        return authorise(life, site, rng.randrange(6), rng)
    body = {
        "application": bytes16(f"application {name}") if name else None,
        "assessors": team(may, rng),
        "criteria_version": version,
        "findings": [find(code, rng, is_survey=not name) for code in codes or ("S1",)],
        "kind": "initial" if name else "surveillance",
        "label": bytes16(label) if label else None,
        "level": level,
        "method": "on_site",
        "performed_on": shift(life.today(), rng.choice((0,) * 14 + (-20, -364, -366, -380))),
        "recommendation": "positive",
    }
    wrong = {
        "application": bytes16("no application"),
        "assessors": [{"authorisation": bytes16("leave 0"), "person": PEOPLE[3]}],
        "criteria_version": version + 1,
        "findings": [{"code": "S9", "result": "conform"}],
        "label": bytes16("label 1"),
        "performed_on": shift(life.today(), 5),
    }
    return life.write(site, "evaluation/1", spoil(body, rng, wrong), entity, rng)


def team(may: list[int], rng: Random) -> list[Body]:
    """Return who evaluates: most often people who may, now and then several."""
    count = rng.choice((1, 1, 1, 2, 2, 3))
    numbers = list(dict.fromkeys(rng.choice(may * 8 + [0, 1, 2]) for _ in range(count)))
    return [
        {"authorisation": bytes16(f"leave {one}"), "person": PEOPLE[one % 3]} for one in numbers
    ]


def find(code: str, rng: Random, *, is_survey: bool) -> Body:
    if code == "S3":
        result = rng.choice(("conform",) * 8 + ("minor_nc", "not_applicable"))
        return {"code": code, "points": rng.choice((2, 5, 7, 10)), "result": result}
    results = ("conform",) * 70 + ("not_applicable", "minor_nc", "major_nc", "major_nc")
    found: Body = {"code": code, "result": rng.choice((*results, "not_assessed"))}
    if is_survey and seldom(rng, 0.3):
        found["result"] = "major_nc"
    if seldom(rng, 0.2):
        within, beyond = {"S2": ((10, 25), 26), "S4": ((25,), 26)}.get(code, ((40, 25, 30), 24))
        is_nc = found["result"] in ("minor_nc", "major_nc")
        found["value"] = beyond if is_nc != seldom(rng, 0.1) else rng.choice(within)
    if seldom(rng, 0.02):
        found["documents"] = rng.choice(([0], [0, 1], [1, 0]))
    return found


def give_review(life: Living, site: Author, name: str, rng: Random) -> None:
    body = {
        "application": bytes16(f"application {name}"),
        "evaluations": sorted(evaluations_of(life.logs[site.site], name)),
        "outcome": rng.choice(("recommend_grant",) * 12 + ("recommend_refuse", "return")),
        "reviewed_on": life.today(),
        "reviewer": PEOPLE[3],
    }
    wrong = {
        "application": bytes16("application no. 0"),
        "evaluations": [bytes16(rng.choice(("no evaluation", f"evaluation {name}")))],
        "reviewed_on": rng.choice((shift(life.today(), 5), "2024-01-01")),
        "reviewer": rng.choice(PEOPLE[:3]),
    }
    life.write(site, "review/1", spoil(body, rng, wrong), f"review {name}", rng)


def evaluations_of(log: model.Log, name: str) -> list[bytes]:
    known = [bytes16(f"{one} {name}") for one in ("evaluation", "second evaluation")]
    return [one for one in known if model.state_of(log, "evaluation", one)] or known[:1]


def decide_on(life: Living, site: Author, name: str, rng: Random) -> None:
    """Decide on an application that was reviewed."""
    log = life.logs[site.site]
    asked = model.state_of(log, "label_application", bytes16(f"application {name}"))["body"]
    today = life.today()
    free = [one for one in LABELS if not model.state_of(log, "label_decision", bytes16(one))]
    label = rng.choice(free or LABELS)
    if "label" in asked:
        label = next((one for one in LABELS if bytes16(one) == asked["label"]), label)
    action = {"renewal": "renew", "scope_extension": "extend_scope"}.get(asked["kind"], "grant")
    if asked["kind"] == "transfer" and seldom(rng, 0.7):
        action = "transfer_in"
    if seldom(rng, 0.15):
        action = "refuse"
    held = model.state_of(log, "label_decision", bytes16(label))
    history = held["history"] if held else []
    day = max([today, *(one["from"] for one in history)])
    until = history[-1]["until"] if action == "renew" and history else ""
    if until and seldom(rng, 0.4):
        grace = (whole.as_of(log, "schemes", "sopro") or {}).get("grace_days", 0)
        day = shift(until, rng.choice((0, 1, grace, grace + 1)))
    body = decision_body(action, effective=day) | {"decided_on": today}
    body |= {
        "application": bytes16(f"application {name}"),
        "review": bytes16(f"review {name}"),
    }
    if action in ("grant", "renew", "transfer_in"):
        start = max(day, today)
        body |= {"valid_from": start, "valid_until": shift(start, 365)}
    if action in ("grant", "refuse", "transfer_in"):
        body |= {"offering": asked["offering"], "scheme": asked["scheme"]}
    if action == "grant":
        body["status_index"] = log["grants"]
    number = held["number"] if held else life.number(site, label, rng)
    if number and action != "refuse":
        body["certificate"] = number
    add_scope(body, held, rng)
    wrong = {
        "application": bytes16("application no. 0"),
        "decider": rng.choice(PEOPLE[:3]),
        "offering": offered(rng),
        "review": bytes16("review no. 0"),
        "decided_on": "2024-01-01",
    }
    body = spoil(body, rng, wrong)
    life.write(site, "label_decision/1", body, label, rng, role="decision")


def look_after(life: Living, site: Author, rng: Random) -> None:
    """Survey a label, suspend it, and try to bring it back, whoever decides."""
    log = life.logs[site.site]
    if not model.versions(log, "sets", "sopro"):
        return assess(life, site, rng)
    for _ in range(rng.choice((1, 3, 6))):
        held = {
            one: label
            for one in LABELS
            if (label := model.state_of(log, "label_decision", bytes16(one)))
            and label["history"][-1]["is"] in ("active", "suspended")
        }
        if not held:
            return go_on(life, site, rng)
        if seldom(rng, 0.4):
            evaluate(life, site, None, rng)
            continue
        name = rng.choice(sorted(held))
        last, today = held[name]["history"][-1], life.today()
        action = "suspend" if last["is"] == "active" else "reinstate"
        body = decision_body(action, effective=max(today, last["from"])) | {"decided_on": today}
        body |= {"certificate": held[name]["number"]}
        body["decider"] = rng.choice((OFFICER, OFFICER, *PEOPLE))
        if "reason_code" in body:
            body["reason_code"] = rng.choice(("nc_not_closed", "other"))
        life.write(site, "label_decision/1", body, name, rng, role="decision")
    return None


def add_scope(body: Body, held: Body | None, rng: Random) -> None:
    """Have a decision say what its label holds for, or what it corrects."""
    states = ("grant", "extend_scope", "reduce_scope", "correct", "transfer_in")
    if (body["action"] in states and seldom(rng, 0.3)) or seldom(rng, 0.02):
        before = held["scope"].get("areas", list(AREAS)) if held else list(AREAS)
        areas = sorted(rng.sample(AREAS, rng.randint(1, 3)))
        if body["action"] == "extend_scope" and not seldom(rng):
            areas = sorted({*before, *areas})
        if body["action"] == "reduce_scope" and not seldom(rng):
            areas = before[:-1] or before
        if seldom(rng, 0.05):
            areas.reverse()
        body["scope"] = {"areas": areas} if not seldom(rng) else {}
    if body["action"] == "correct" and held and seldom(rng, 0.4):
        body["corrects"] = rng.choice([*(one["index"] for one in held["history"]), 0])
        if body["action"] == "correct" and not seldom(rng, 0.5):
            ends = [one["until"] for one in held["history"] if one["until"]]
            body["valid_until"] = rng.choice([*ends, "2027-06-30", "2019-01-01"])
        if seldom(rng, 0.5):
            body["reason_code"] = rng.choice(("fees_unpaid", "other", "complaint_upheld"))
        if held["history"][0]["action"] == "refuse" and seldom(rng, 0.7):
            days = [held["history"][0]["from"] or "2026-01-01", "2025-12-31", "2026-03-01"]
            body["refused_on"] = rng.choice(days)
