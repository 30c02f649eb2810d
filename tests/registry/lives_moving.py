"""Steps of random lives by which labels change sites: handed over, inherited, taken."""

from collections.abc import Callable
from random import Random
from typing import Any

from tests.registry import model
from tests.registry.lives_assessing import LABELS, Body, Living, offered, register, seldom
from tests.registry.model_assessing import state_of
from tests.registry.world import Author, bytes16, decision_body, membership_body, shift


def stands(life: Living, site: Author, name: str) -> Body | None:
    """Return a label of a site that stands on the day."""
    held: Body | None = state_of(life.logs[site.site], "label_decision", bytes16(name))
    is_alive = held and model.status_on(held["history"], life.today()) in ("active", "suspended")
    return held if is_alive else None


def transfer(life: Living, site: Author, rng: Random) -> None:
    """Hand a label over, or take over one that another site has, handed over or not."""
    name = rng.choice([one for one in LABELS if stands(life, site, one)] or LABELS)
    other = rng.choice([one for one in life.authors.values() if one.prefix and one is not site])
    for one in (site, other):
        if rng.random() < 0.8:
            prepare(life, one, rng)
    here = state_of(life.logs[site.site], "label_decision", bytes16(name))
    if here and here["number"] and rng.random() < 0.7:
        day = max(here["history"][-1]["from"], life.today())
        body = decision_body("transfer_out", effective=day) | {"decided_on": life.today()}
        body["certificate"] = here["number"]
        body["receiver"] = rng.choice([other.site] * 9 + ["xx"])
        body["receiver_entity"] = bytes16(f"{name} of {site.site}")
        life.write(site, "label_decision/1", body, name, rng, role="decision")
        if rng.random() < 0.3:
            return
        site, other = other, site
    there = state_of(life.logs[other.site], "label_decision", bytes16(name))
    if there and there["number"]:
        body, entity = takeover(life, site, other, name, rng)
        life.write(site, "label_decision/1", body, entity, rng, role="decision")


def prepare(life: Living, site: Author, rng: Random) -> None:
    """Have a site act on what the coordinator says, with something that can be labelled."""
    life.act(site, rng)
    register(life, site, rng)


def takeover(
    life: Living, site: Author, other: Author, name: str, rng: Random
) -> tuple[Body, str | bytes]:
    """Return a decision that takes a label over, or nearly, and the entity it is on."""
    there = life.logs[other.site]["entities"][bytes16(name)]["state"]
    stood = there["history"][-2 if there["receiver"] else -1]
    day = max(life.today(), *(one["from"] for one in there["history"]))
    if rng.random() < 0.12:
        day = shift(there["history"][-1]["from"] or day, rng.choice((-20, -1, 0)))
    body = decision_body("transfer_in", effective=day) | {"decided_on": life.today()}
    del body["valid_from"], body["valid_until"]
    dates = {"valid_until": stood["until"], "suspended_until": stood["suspended"]}
    body |= {field: date for field, date in dates.items() if date}
    body |= {
        "certificate": there["number"],
        "offering": offered(rng),
        "scheme": there["scheme"],
        "standing": stood["is"] if stood["is"] in ("active", "suspended") else "active",
        "status_index": life.logs[site.site]["grants"],
        "takes": [other.origin, there["index"], there["id"]],
    }
    if stood["scope"] and rng.random() < 0.9:
        body["scope"] = stood["scope"]
    if rng.random() < 0.2:
        field = rng.choice(("certificate", "offering", "standing", "status_index", "takes"))
        wrong: Body = {"certificate": site.number(7), "offering": bytes(16), "status_index": 99}
        wrong |= {"standing": "suspended", "takes": [site.origin, 3, bytes(32)]}
        body[field] = wrong[field]
    if there["receiver"] or rng.random() < 0.3:
        return body, f"{name} of {other.site}"
    return body, model.inherited(body["takes"])


def inherit(life: Living, site: Author, rng: Random) -> None:
    """Have a site leave what it has to another, and perhaps come back and leave it to a third."""
    heirs = [one for one in life.authors.values() if one.prefix and one is not site]
    rng.shuffle(heirs)
    for heir in heirs:
        say_of(life, site, rng, "left", successor=heir.site)
        # What is wrong now and then in whatever is written must not end every such story.
        for _ in range(2):
            prepare(life, heir, rng)
            take_all(life, heir, site, rng)
        if seldom(rng, 0.2):
            return
        for status in ("applicant", "admitted"):
            say_of(life, site, rng, status)
    life.act(site, rng)


def take_all(life: Living, heir: Author, site: Author, rng: Random) -> None:
    """Have a site take over what another has left, as far as it has not."""
    for name in LABELS:
        held = stands(life, site, name)
        if not held or not held["number"] or held["receiver"]:
            continue
        body, entity = takeover(life, heir, site, name, rng)
        place = entity if isinstance(entity, bytes) else bytes16(entity)
        if not state_of(life.logs[heir.site], "label_decision", place):
            life.write(heir, "label_decision/1", body, entity, rng, role="decision")


def say_of(life: Living, site: Author, rng: Random, status: str, **changes: Any) -> None:
    """Have the coordinator say how a site stands."""
    body = membership_body(site) | {"status": status} | changes
    life.write(life.coordinator, "site_membership/1", body, site.site, rng)


Move = Callable[[Any, Author, Random], None]
MOVES: dict[str, Move] = {"transfer": transfer, "inherit": inherit}
