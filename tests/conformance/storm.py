"""A federation in which things happen at random: most of them right, some wrong in one place.

What the rules make of it is not known here; two implementations are asked, and have to agree. Only
what a `log_state` has to state is taken from one of them, so that the logs go on.
"""

import random
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from sopro_conformance.wire.codec import Value
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.world.federation import SCHEME, World
from sopro_conformance.world.sitelog import SiteLog, Written
from sopro_node.replay import MemoryTables, Replay
from sopro_registry.directory import Directory
from sopro_registry.label import Action
from sopro_registry.relations import relations_entity
from tests.conformance.changing import change, mutate_entry

FIRST_DAY: Final = date(2026, 1, 1)
ACTIONS: Final = tuple(one.value for one in Action)
CODES: Final = ("c1", "c2", "c3")


class Made(NamedTuple):
    """A record as it was written, to be written again with something else."""

    log: SiteLog
    family: str
    body: Mapping[str, Value]
    entity: bytes


class Storm:
    """A world and what happens in it.

    Attributes:
        world: its logs.
    """

    def __init__(self, source: random.Random) -> None:
        self.source = source
        self.world = World(source)
        self._made: list[Made] = []
        self._organisations: dict[str, list[bytes]] = {}
        self._offerings: dict[str, list[bytes]] = {}
        self._labels: list[tuple[SiteLog, bytes, str, list[Written]]] = []
        self._people = [source.randbytes(16) for _ in range(3)]
        self._versions: dict[str, int] = {}
        self._acts: list[tuple[Callable[[], None], int]] = [
            (self.grant, 4),
            (self.decide, 10),
            (self.transfer, 3),
            (self.keys, 4),
            (self.membership, 2),
            (self.scheme, 1),
            (self.relate, 2),
            (self.complain, 2),
            (self.appeal, 2),
            (self.erase, 1),
            (self.assess, 4),
            (self.again, 6),
            (self.strange, 2),
        ]

    def run(self, steps: int) -> None:
        """Let so many things happen, and end every log with a `log_state`."""
        acts = [act for act, weight in self._acts for _ in range(weight)]
        for _ in range(steps):
            self.source.choice(acts)()
            if self.source.random() < 0.3:
                self.state(self.log())
        for log in (self.world.coordinator, *self.world.sites.values()):
            self.state(log)

    # Choosing.

    def log(self) -> SiteLog:
        """Return the log of some site."""
        return self.source.choice(list(self.world.sites.values()))

    def day(self, least: int = 0, most: int = 400) -> str:
        """Return a civil date; sometimes one that no calendar has."""
        if self.source.random() < 0.01:
            return "2026-02-30"
        return (FIRST_DAY + timedelta(days=self.source.randint(least, most))).isoformat()

    def maybe(self, chance: float = 0.5) -> bool:
        """Say yes with a chance."""
        return self.source.random() < chance

    # Writing.

    def write(self, log: SiteLog, family: str, body: Mapping[str, Value], **how: Any) -> Written:
        """Append a record; sometimes one field of it is changed."""
        written = log.append(family, body, **how)
        self._made.append(Made(log, family, body, written.entity))
        if self.maybe(0.15):
            self.again()
        return written

    def state(self, log: SiteLog) -> None:
        """Append a `log_state` as it has to be, as our software computes it, or nearly so."""
        more = self._stated(log)
        if self.maybe(0.08):
            more |= self.source.choice(
                [
                    {"certificates": 9},
                    {"keys": bytes(32)},
                    {"status_root": bytes(32)},
                    {"withheld": 1},
                    {"members": bytes(32)},
                ]
            )
        coordinator = self.world.coordinator
        acted = None if log is coordinator or self.maybe(0.05) else coordinator
        if log is not coordinator and self.maybe(0.05):
            size = self.source.randint(0, coordinator.size)
            more["coordinator"] = {"root": coordinator.tree.root(size), "size": size}
        log.append("log_state/1", more | _head(more, acted), entity=log.state_entity)

    def _stated(self, log: SiteLog) -> dict[str, Value]:
        coordinator, directory = self.world.coordinator, Directory()
        replay = Replay(
            coordinator.origin,
            self.world.root,
            tables=MemoryTables(coordinator.tree.root),
            directory=directory,
            is_coordinator=True,
        )
        replay.feed(coordinator.entries)
        if log is not coordinator:
            root = directory.founding_root(log.origin)
            assert root is not None
            replay = Replay(
                log.origin,
                root,
                tables=MemoryTables(coordinator.tree.root),
                directory=directory,
                is_coordinator=False,
            )
            replay.feed(log.entries)
        cursor, status = replay.ledger.cursor, replay.ledger.status_root()
        stated: dict[str, Value] = {
            "certificates": cursor.grants,
            "keys": cursor.keys_record or bytes(32),
        }
        if status is not None and (cursor.states_status or self.maybe()):
            stated["status_root"] = status
        return stated

    # What happens.

    def organisation(self, log: SiteLog) -> bytes:
        """Register an organisation."""
        body: dict[str, Value] = {
            "actor_type": "enterprise",
            "country": log.site.upper(),
            "effective_date": self.day(),
            "status": "active",
        }
        entity = self.write(log, "organisation/1", body).entity
        self._organisations.setdefault(log.site, []).append(entity)
        return entity

    def offering(self, log: SiteLog) -> bytes:
        """Register an offering."""
        known = self._organisations.get(log.site, [])
        holder = self.source.choice(known) if known and self.maybe() else self.organisation(log)
        body: dict[str, Value] = {
            "effective_date": self.day(),
            "kind": self.source.choice(["product", "service"]),
            "organisation": holder,
            "status": "published",
        }
        entity = self.write(log, "offering/1", body).entity
        self._offerings.setdefault(log.site, []).append(entity)
        return entity

    def grant(self) -> None:
        """Grant a label, or refuse one, by this site or an earlier register."""
        log = self.log()
        number = self.world.number(log)
        log.grants += 1
        action = self.source.choice(["grant"] * 6 + ["refuse", "transfer_in", "renew"])
        body = self._decision(action, number)
        body |= {"offering": self.offering(log), "scheme": SCHEME}
        if action == "grant":
            body["status_index"] = self._stated(log)["certificates"]
        if self.maybe(0.3):
            body["scope"] = self._scope()
        written = self.write(log, "label_decision/1", body)
        self._labels.append((log, written.entity, number, [written]))

    def decide(self) -> None:
        """Decide on a label."""
        if not self._labels:
            return self.grant()
        log, entity, number, written = self.source.choice(self._labels)
        body = self._decision(self.source.choice(ACTIONS), number)
        if self.maybe(0.1):
            body["corrects"] = self.source.choice(written).position
        if self.maybe(0.15):
            body["scope"] = self._scope()
        if self.maybe(0.05):
            body["offering"] = self.source.randbytes(16)
        written.append(self.write(log, "label_decision/1", body, entity=entity))
        return None

    def _decision(self, action: str, number: str) -> dict[str, Value]:
        start = self.source.randint(30, 200)
        changes: dict[str, Value] = {"effective_date": self.day(start), "decider": self._person()}
        body = self.world.decision(action, number, **changes)
        body["decided_on"] = self.day(0, 60)
        if "valid_from" in body or self.maybe(0.05):
            body["valid_from"], body["valid_until"] = self.day(20, 80), self.day(60, 500)
        if action == "suspend":
            body["suspended_until"] = self.day(start)
        if self.maybe(0.25):
            body["basis"] = "imported"
        for name in ("effective_date", "decided_on", "valid_from", "valid_until", "certificate"):
            if name in body and self.maybe(0.2 if body["basis"] == "imported" else 0.03):
                del body[name]
        return body

    def _scope(self) -> Value:
        return {
            name: sorted(self.source.sample(CODES, self.source.randint(1, 3)))
            for name in ("areas", "cpv")
            if self.maybe()
        }

    def _person(self) -> bytes:
        return self.source.choice(self._people)

    def transfer(self) -> None:
        """Hand a label over, or take one over, rightly or not."""
        if not self._labels:
            return
        log, entity, number, written = self.source.choice(self._labels)
        other = self.source.choice([one for one in self.world.sites.values() if one is not log])
        received = self.source.randbytes(16)
        out = self._decision("transfer_out", number)
        out |= {"receiver": other.site, "receiver_entity": received}
        if self.maybe(0.8):
            written.append(self.write(log, "label_decision/1", out, entity=entity))
        last = written[-1]
        into = self._decision("transfer_in", number) | {
            "offering": self.offering(other),
            "scheme": SCHEME,
            "standing": self.source.choice(["active", "active", "suspended"]),
            "status_index": self._stated(other)["certificates"],
            "takes": [log.origin, last.position, last.id],
        }
        into.pop("valid_from", None)
        taken = self.write(other, "label_decision/1", into, entity=received)
        self._labels.append((other, received, number, [taken]))

    def keys(self) -> None:
        """Change a site's keys: a new one, one cut off, a new root, or what may not be."""
        log = self.source.choice([self.world.coordinator, *self.world.sites.values()])
        more: dict[str, Value] = {}
        role = self.source.choice(["log", "registrar", "decision", "witness"])
        what = self.source.choice(["new", "cut", "root", "other", "twice", "renew", "role"])
        old = log.keys[role]
        fresh = SigningKey(self.source.randbytes(32))
        named: list[tuple[str, SigningKey]] | None = None
        if what in ("new", "cut"):
            log.keys[role] = fresh
        if what == "cut":
            size = self.source.randint(0, log.size)
            more["revoked"] = [{"key": old.public, "size": size}]
        if what == "root":
            log.keys["root"], log.next_root = log.next_root, fresh
        if what == "twice":
            named = [("log", log.keys["log"]), ("access", log.keys["log"])]
        if what == "role":
            named = [("log", log.keys["log"]), ("registrar", log.keys["decision"])]
        if what == "renew":
            more["renew_by"] = [{"by": self.day(), "key": old.public}]
        kept = log.keys["root"]
        if what == "other":
            log.keys["root"] = fresh
        log.name_keys(named, **more)
        log.keys["root"] = kept

    def membership(self) -> None:
        """Change a membership."""
        log = self.log()
        status = self.source.choice(["admitted", "admitted", "suspended", "left", "expelled"])
        changes: dict[str, Value] = {"status": status, "effective_date": self.day()}
        if (status != "admitted" and self.maybe(0.7)) or self.maybe(0.05):
            changes["ends"] = {"origin": log.origin, "size": self.source.randint(0, log.size)}
        if self.maybe(0.2):
            changes["successor"] = self.log().site
        if self.maybe(0.1):
            changes["root"] = log.keys["root"].public
        before = self.world.membership(log.site)
        self.world.change_membership(log.site, **changes)
        if self.maybe(0.8):
            self.world.change_membership(log.site, **(before | {"status": "admitted"}))

    def scheme(self) -> None:
        """Publish a scheme, a criterion or a version of the criteria."""
        coordinator = self.world.coordinator
        code = self.source.choice(CODES)
        body: dict[str, Value] = {
            "applies_from": self.day(0, 20),
            "code": code,
            "dimension": "social",
            "kind": "boolean",
            "obligation": self.source.choice(["mandatory", "points"]),
            "principle": "quality",
            "scheme": SCHEME,
            "status": "active",
            "title": {"en": "A criterion"},
            "version": 1,
        }
        if body["obligation"] == "points":
            body["points"] = self.source.randint(1, 5)
        if self.maybe(0.3):
            body["country"] = "AT"
        self.write(coordinator, "criterion/1", body)
        if self.maybe(0.4):
            self.write(
                coordinator,
                "criteria_set/1",
                {
                    "applies_from": self.day(0, 20),
                    "criteria": [{"code": code, "version": 1}],
                    "published_on": "2026-01-01",
                    "scheme": SCHEME,
                    "version": 1,
                },
            )

    def relate(self) -> None:
        """Relate an organisation to others of this site or another."""
        log = self.log()
        known = self._organisations.get(log.site) or [self.organisation(log)]
        organisation = self.source.choice(known)
        kinds = ["successor_of", "merged_into", "part_of", "same_as"]
        relations: list[Value] = []
        for _ in range(self.source.randint(0, 3)):
            one: dict[str, Value] = {
                "kind": self.source.choice(kinds[:2] if self.maybe() else kinds),
                "organisation": self.source.choice(known),
                "since": self.day(0, 70),
            }
            if self.maybe(0.2):
                one["site"] = self.log().site
            relations.append(one)
        entity = relations_entity(organisation) if self.maybe(0.95) else self.source.randbytes(16)
        body: dict[str, Value] = {"organisation": organisation, "relations": relations}
        self.write(log, "organisation_relation/1", body, entity=entity)

    def complain(self) -> None:
        """Complain about a label, and answer that."""
        if not self._labels:
            return
        log, label, number, _ = self.source.choice(self._labels)
        body: dict[str, Value] = {
            "certificate": number,
            "kind": "misuse",
            "received_on": self.day(0, 62),
        }
        if self.maybe(0.3):
            body["withdrawn_on"] = self.day(20, 65)
        said = self.write(self.log(), "complaint/1", body)
        entity = self.source.randbytes(16)
        for step in ("acknowledged", "investigating", "upheld", "closed"):
            if self.maybe(0.8):
                answer: dict[str, Value] = {
                    "complaint": said.id,
                    "effective_date": self.day(40, 62),
                    "index": said.position,
                    "label": label,
                    "origin": log.origin,
                    "step": step,
                }
                self.write(log, "complaint_answer/1", answer, entity=entity)

    def appeal(self) -> None:
        """Appeal against a decision."""
        if not self._labels:
            return
        log, label, _, written = self.source.choice(self._labels)
        entity = self.source.randbytes(16)
        decision = self.source.choice(written).position
        for step in ("received", "panel", self.source.choice(["upheld", "withdrawn"])):
            body: dict[str, Value] = {
                "decision": decision,
                "effective_date": self.day(50, 62),
                "label": label,
                "step": step,
            }
            if (step == "panel") is self.maybe(0.9):
                people = self.source.sample(self._people, self.source.randint(1, 2))
                body["panel"] = sorted(people) if self.maybe(0.9) else people
            self.write(log, "appeal/1", body, entity=entity)

    def erase(self) -> None:
        """Say that a document is erased, and confirm it."""
        log = self.log()
        index = self.source.randint(0, log.size + 1)
        self.write(
            log,
            "erasure/1",
            {"deadline": self.day(), "document": 0, "index": index, "reason": "request"},
        )

    def assess(self) -> None:
        """Apply for a label, evaluate, review and grant, with something left out now and then."""
        log = self.log()
        offering = self.offering(log)
        person, reviewer = self._person(), self._person()
        asked: dict[str, Value] = {
            "applicant": self._organisations[log.site][-1],
            "criteria_version": 1,
            "effective_date": self.day(20, 40),
            "kind": "initial",
            "offering": offering,
            "scheme": SCHEME,
            "step": "submitted",
        }
        application = self.write(log, "label_application/1", asked).entity
        accepted = asked | {"step": "accepted", "effective_date": self.day(35, 45)}
        self.write(log, "label_application/1", accepted, entity=application)
        allowed: dict[str, Value] = {
            "basis": "site_staff",
            "effective_date": self.day(0, 20),
            "level": self.source.choice(["third_party", "third_party", "second_party"]),
            "person": person,
            "scheme": SCHEME,
            "status": "active",
            "valid_from": self.day(0, 30),
            "valid_until": self.day(30, 400),
        }
        authorisation = self.write(log, "assessor_authorisation/1", allowed).entity
        evaluation = self.write(
            log,
            "evaluation/1",
            {
                "application": application,
                "assessors": [{"authorisation": authorisation, "person": person}],
                "criteria_version": 1,
                "findings": [self._finding(code) for code in CODES if self.maybe()] or [
                    self._finding("c1")
                ],
                "kind": "initial",
                "level": "third_party",
                "method": "document",
                "performed_on": self.day(30, 55),
                "recommendation": "positive",
            },
        ).entity  # fmt: skip
        review = self.write(
            log,
            "review/1",
            {
                "application": application,
                "evaluations": [evaluation],
                "outcome": "recommend_grant",
                "reviewed_on": self.day(45, 58),
                "reviewer": reviewer,
            },
        ).entity
        number = self.world.number(log)
        log.grants += 1
        body = self._decision("grant", number) | {
            "application": application,
            "offering": offering,
            "review": review,
            "scheme": SCHEME,
            "status_index": self._stated(log)["certificates"],
        }
        written = self.write(log, "label_decision/1", body)
        self._labels.append((log, written.entity, number, [written]))

    def _finding(self, code: str) -> Value:
        results = ["conform", "conform", "conform", "minor_nc", "major_nc", "not_assessed"]
        finding: dict[str, Value] = {"code": code, "result": self.source.choice(results)}
        if self.maybe(0.2):
            finding["points"] = self.source.randint(0, 3)
        if self.maybe(0.1):
            finding["due"] = self.day()
        return finding

    def again(self) -> None:
        """Write a record once more with one field changed, or signed by another key."""
        if not self._made:
            return
        made = self.source.choice(self._made)
        body, fields = dict(made.body), {}
        what = self.source.random()
        if what < 0.7:
            name = self.source.choice(sorted(body))
            body[name] = change(body[name], self.source)
        elif what < 0.8:
            del body[self.source.choice(sorted(body))]
        else:
            fields = self.source.choice(
                [
                    {"log": self.log().origin},
                    {"time": self.source.randint(0, made.log.time * 2)},
                    {"prev": self.source.randbytes(32)},
                    {"crit": [self.source.choice([*body, "unknown"])]},
                    {"signers": [self.source.choice(list(made.log.keys.values()))]},
                    {"more": {"unknown": 1}},
                ]
            )
        entity = made.entity if self.maybe(0.6) else b""
        made.log.append(made.family, body, entity=entity, **fields)

    def strange(self) -> None:
        """Append what is no record, of an unknown family, or an old entry once more."""
        log = self.log()
        what = self.source.random()
        if what < 0.3:
            log.append_entry(self.source.choice(log.entries))
        elif what < 0.6:
            family = self.source.choice(["unknown/1", "offering/2", "organisation/9"])
            log.append(family, {"a": 1})
        else:
            log.append_entry(mutate_entry(self.source.choice(log.entries), log, self.source))


def _head(more: Mapping[str, Value], coordinator: SiteLog | None) -> dict[str, Value]:
    if coordinator is None or "coordinator" in more:
        return {}
    return {"coordinator": {"root": coordinator.tree.root(), "size": coordinator.size}}
