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
from sopro_conformance.wire.records import entry_id
from sopro_conformance.world.federation import SCHEME, World
from sopro_conformance.world.sitelog import SiteLog, Written
from sopro_node.replay import MemoryTables, Replay
from sopro_protocol.errors import VerificationError
from sopro_registry.directory import Directory
from sopro_registry.family import Withholding
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


ITEMS = ("4006381333931", "04006381333931", "96385074", "unnumbered")


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
        self._today = 50
        self._criteria = 0
        self._entities: dict[str, bytes] = {}
        self._acts: list[tuple[Callable[[], None], int]] = [
            (self.grant, 4),
            (self.decide, 10),
            (self.transfer, 3),
            (self.keys, 4),
            (self.membership, 1),
            (self.recover, 1),
            (self.settle, 1),
            (self.criteria, 1),
            (self.relate, 2),
            (self.complain, 2),
            (self.appeal, 2),
            (self.erase, 1),
            (self.withhold, 1),
            (self.speak, 2),
            (self.assess, 4),
            (self.survey, 3),
            (self.again, 6),
            (self.restate, 4),
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
            replay = judge(log, root, directory, coordinator)
        cursor, status = replay.ledger.cursor, replay.ledger.status_root()
        stated: dict[str, Value] = {
            "certificates": cursor.grants,
            "keys": cursor.keys_record or bytes(32),
        }
        if cursor.withheld:
            stated["withheld"] = cursor.withheld
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

    def restate(self) -> None:
        """Say of an offering or its holder that it is no more, or has another item number."""
        made = [one for one in self._made if one.family in ("offering/1", "organisation/1")]
        if not made:
            return
        held = self.source.choice(made)
        changes: dict[str, Value] = {"effective_date": self.day()}
        if held.family == "organisation/1":
            changes["status"] = self.source.choice(["active", "dissolved"])
        else:
            changes["status"] = self.source.choice(["published", "published", "withdrawn"])
            changes["gtin"] = self.source.choice(ITEMS)
            asked = [one.entity for one in self._made if one.family == "label_application/1"]
            if asked and self.maybe():
                changes["application"] = self.source.choice(asked)
        self.write(held.log, held.family, {**held.body, **changes}, entity=held.entity)

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
        action = self.source.choice(ACTIONS)
        body = self._decision(action, number)
        if self.maybe(0.5 if action == "correct" else 0.02):
            body["corrects"] = self.source.choice(written).position
        if self.maybe(0.3 if action == "correct" else 0.02):
            body["refused_on"] = self.day(0, 60)
        if self.maybe(0.8 if action in ("extend_scope", "reduce_scope") else 0.03):
            body["scope"] = self._scope()
        if self.maybe(0.05):
            body["offering"] = self.source.randbytes(16)
        written.append(self.write(log, "label_decision/1", body, entity=entity))
        return None

    def _decision(self, action: str, number: str) -> dict[str, Value]:
        self._today += self.source.randint(-1 if self.maybe(0.1) else 0, 12)
        start = self._today
        changes: dict[str, Value] = {
            "effective_date": self.day(start, start + 3),
            "decider": self._person(),
        }
        body = self.world.decision(action, number, **changes)
        body["decided_on"] = self.day(30, 50 if self.maybe(0.9) else 70)
        if "valid_from" in body or self.maybe(0.05):
            body["valid_from"] = self.day(50 if self.maybe(0.9) else 30, 60)
            body["valid_until"] = self.day(90, 500)
        if "reason_code" in body and self.maybe():
            body["reason_code"] = self.source.choice(["nc_not_closed", "other"])
        if action == "suspend":
            body["suspended_until"] = self.day(start + 3)
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
        status = self.source.choice(["admitted"] * 5 + ["suspended"] * 3 + ["left", "expelled"])
        changes: dict[str, Value] = {"status": status, "effective_date": self.day()}
        if (status != "admitted" and self.maybe(0.7)) or self.maybe(0.05):
            size = log.size if self.maybe(0.8) else self.source.randint(0, log.size)
            changes["ends"] = {"origin": log.origin, "size": size}
        if self.maybe(0.2):
            changes["successor"] = self.log().site
        if self.maybe(0.1):
            changes["root"] = log.keys["root"].public
        before = self.world.membership(log.site)
        self.world.change_membership(log.site, **changes)
        if self.maybe(0.8):
            self.world.change_membership(log.site, **(before | {"status": "admitted"}))
            self.state(log)

    def recover(self) -> None:
        """Have a site's root key replaced by what others approve, whom it has named or not."""
        log, fresh = self.log(), SigningKey(self.source.randbytes(32))
        others = [one for one in self.world.sites.values() if one is not log]
        named: list[Value] = sorted(one.site for one in others if self.maybe(0.8))
        if self.maybe(0.1):
            named = [*named, log.site]
        mandate = log.name_keys(None, **({"approvers": named} if named else {}))
        self._made.append(
            Made(log, "site_keys/1", {"approvers": named, "keys": []}, mandate.entity)
        )
        before = self.world.membership(log.site)
        body: dict[str, Value] = {
            "before": before["root"],
            "origin": log.origin,
            "root": fresh.public,
        }
        approvals = [
            self.write(one, "key_recovery/1", body).entry for one in others if self.maybe(0.9)
        ]
        changes: dict[str, Value] = {"approvals": approvals, "mandate": mandate.entry}
        if self.maybe(0.1):
            del changes["mandate"]
        self.world.change_membership(log.site, root=fresh.public, **changes)
        if self.maybe():
            self.state(log)
            log.keys["root"] = fresh
            log.name_keys()

    def settle(self) -> None:
        """Abandon a head of a site that has gone, or that has not."""
        log = self.log()
        before = self.world.membership(log.site)
        status = self.source.choice(["left", "expelled", "admitted"])
        ends: dict[str, Value] = {"origin": log.origin, "size": log.size}
        gone: dict[str, Value] = {"status": status} | (
            {"ends": ends} if status != "admitted" else {}
        )
        self.world.change_membership(log.site, **gone)
        abandoned: list[Value] = [{"root": bytes(32), "size": self.source.randint(1, 9)}]
        more: dict[str, Value] = {"abandoned": abandoned} if self.maybe(0.8) else {}
        if self.maybe(0.3):
            more["effective_date"] = self.day()
        self.world.change_membership(log.site, **gone, **more)
        if status == "left" and self.maybe():
            for again in ("applicant", "admitted"):
                self.world.change_membership(log.site, status=again)
        elif status == "admitted" or self.maybe(0.5):
            self.world.change_membership(log.site, **before)

    def criteria(self) -> None:
        """Publish the next version of the criteria, with what stands in it."""
        self._criteria += 1
        for code in CODES:
            body: dict[str, Value] = {
                "applies_from": self.day(0, 10),
                "code": code,
                "dimension": "social",
                "kind": "boolean",
                "obligation": "points" if code == "c2" else "mandatory",
                "principle": "quality",
                "scheme": SCHEME,
                "status": "active",
                "title": {"en": "A criterion"},
                "version": self._criteria,
            }
            if code == "c1" and self.maybe():
                body |= {"kind": "threshold", "threshold": 10}
            if code == "c2":
                body["points"] = 3
            if code == "c3":
                body["country"] = "AT"
                body["offerings"] = ["product"]
            entity = self._entities.setdefault(code, self.source.randbytes(16))
            self.write(self.world.coordinator, "criterion/1", body, entity=entity)
        version: dict[str, Value] = {
            "applies_from": self.day(0, 20),
            "criteria": [{"code": code, "version": self._criteria} for code in CODES],
            "min_points": self.source.randint(0, 2),
            "published_on": "2026-01-01",
            "scheme": SCHEME,
            "version": self._criteria,
        }
        if self.maybe(0.3):
            version["transition_until"] = self.day(20, 70)
        entity = self._entities.setdefault("set", self.source.randbytes(16))
        self.write(self.world.coordinator, "criteria_set/1", version, entity=entity)
        for log in self.world.sites.values():
            self.state(log)

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
                if self.maybe(0.6):
                    answer["person"] = self.source.choice([*self._people, b"nobody before..."])
                self.write(log, "complaint_answer/1", answer, entity=entity)

    def appeal(self) -> None:
        """Appeal against a decision."""
        if not self._labels:
            return
        log, label, number, written = self.source.choice(self._labels)
        entity = self.source.randbytes(16)
        decision = self.source.choice(written).position
        known = [*self._people, *(self.source.randbytes(16) for _ in range(4))]
        start = self.source.randint(50, 62)
        panels = ["panel"] * self.source.randint(1, 3)
        people: list[bytes] = []
        for step in ("received", *panels, self.source.choice(["upheld", "withdrawn"])):
            body: dict[str, Value] = {
                "decision": decision,
                "effective_date": self.day(start - self.maybe(0.1), start),
                "label": label,
                "step": step,
            }
            if (step == "panel") is self.maybe(0.9):
                people = self.source.sample(known, self.source.randint(1, 2))
                body["panel"] = sorted(people) if self.maybe(0.9) else people
            if step not in ("received", "panel") or self.maybe(0.03):
                body["person"] = self.source.choice([*people, *known])
            self.write(log, "appeal/1", body, entity=entity)
            if "panel" in body and self.maybe(0.3):
                # One of the panel decides on the label meanwhile.
                more = self._decision("correct", number) | {"decider": people[0]}
                written.append(self.write(log, "label_decision/1", more, entity=label))

    def erase(self) -> None:
        """Say that a document is erased, and confirm it."""
        log = self.log()
        index = self.source.randint(0, log.size + 1)
        self.write(
            log,
            "erasure/1",
            {"deadline": self.day(), "document": 0, "index": index, "reason": "request"},
        )

    def speak(self) -> None:
        """State what a log says about itself or others, rightly or not."""
        log = self.log()
        other = self.source.choice([self.world.coordinator, *self.world.sites.values()])
        coordinator = self.world.coordinator
        size = self.source.randint(0, 3)
        said: list[tuple[SiteLog, str, dict[str, Value]]] = [
            (log, "serve_alone/1", {"peers": 1, "reason": "nobody answers"}),
            (
                self.source.choice([coordinator, coordinator, log]),
                "witness_policy/1",
                {
                    "faulty": self.source.randint(0, 2),
                    "witnesses": self.source.choices(["at", "hu", "eu", "si"], k=2),
                },
            ),
            (
                log,
                "key_recovery/1",
                {"before": bytes(32), "origin": other.origin, "root": log.next_root.public},
            ),
            (
                log,
                "anchor/1",
                {
                    "origin": other.origin,
                    "root": bytes(32),
                    "size": size,
                    "successor": log.next_root.public,
                    "urls": ["http://eu.invalid"],
                },
            ),
            (log, "import_closed/1", {"effective_date": self.day()}),
            (
                coordinator,
                "codelist/1",
                {
                    "digest": bytes(32),
                    "list": self.source.choice(CODES),
                    "size": 1,
                    "valid_from": self.day(),
                    "version": self.source.choice(CODES),
                },
            ),
        ]
        where, family, body = self.source.choice(said)
        if family == "witness_policy/1":
            entity = self._entities.setdefault("policy", self.source.randbytes(16))
            self.write(where, family, body, entity=entity)
        else:
            self.write(where, family, body)

    def withhold(self) -> None:
        """Withhold an entry of an unknown family, or one whose loss would hide what was stated."""
        log = self.log()
        index = log.append("unknown/1", {"a": 1}).position
        if self.maybe(0.9):
            self.state(log)
        if self.maybe(0.03):
            index = self.source.randrange(log.size)
        leaf = entry_id(log.entries[index])
        self.write(log, "withhold/1", {"index": index, "leaf": leaf, "reason": "mistake"})

    def assess(self) -> None:
        """Apply for a label, evaluate, review and grant, with something left out now and then."""
        log = self.log()
        offering = self.offering(log)
        person, reviewer = self.source.choices(self._people, k=2)
        asked: dict[str, Value] = {
            "applicant": self._organisations[log.site][-1],
            "criteria_version": max(1, self._criteria),
            "effective_date": self.day(20, 22),
            "kind": "initial" if self.maybe(0.8) else "transfer",
            "offering": offering,
            "scheme": SCHEME,
            "step": "submitted",
        }
        application = self.write(log, "label_application/1", asked).entity
        accepted = asked | {"step": "accepted", "effective_date": self.day(22, 24)}
        self.write(log, "label_application/1", accepted, entity=application)
        allowed: dict[str, Value] = {
            "basis": "site_staff",
            "effective_date": self.day(0, 20),
            "level": self.source.choice(["third_party"] * 8 + ["second_party"]),
            "person": person,
            "scheme": SCHEME,
            "status": "active",
            "valid_from": self.day(0, 25),
            "valid_until": self.day(60, 400),
        }
        self.employ(log, person)
        authorisation = self.write(log, "assessor_authorisation/1", allowed).entity
        assessors: Value = [{"authorisation": authorisation, "person": person}]
        about: dict[str, Value] = {"application": application, "assessors": assessors}
        evaluations = [self._evaluate(log, about) for _ in range(1 if self.maybe(0.8) else 2)]
        review = self.write(
            log,
            "review/1",
            {
                "application": application,
                "evaluations": [*sorted(evaluations)] if self.maybe(0.9) else [evaluations[0]],
                "outcome": "recommend_grant",
                "reviewed_on": self.day(31, 35),
                "reviewer": reviewer,
            },
        ).entity
        number = self.world.number(log)
        log.grants += 1
        action = "grant" if asked["kind"] == "initial" or self.maybe() else "transfer_in"
        body = self._decision(action, number) | {
            "application": application,
            "offering": offering,
            "review": review,
            "scheme": SCHEME,
        }
        if action == "grant":
            body["status_index"] = self._stated(log)["certificates"]
        written = self.write(log, "label_decision/1", body)
        self._labels.append((log, written.entity, number, [written]))

    def employ(self, log: SiteLog, person: bytes) -> None:
        """Say now and then that somebody works for an organisation, and perhaps no more."""
        entity = self.source.randbytes(16)
        for status in ("active", "suspended", "active", "withdrawn"):
            if not self.maybe(0.25):
                return
            body: dict[str, Value] = {
                "basis": "peer",
                "effective_date": self.source.choice(["2020-01-01", self.day(50, 60)]),
                "level": "second_party",
                "person": person,
                "scheme": SCHEME,
                "status": status,
                "valid_from": "2020-01-01",
                "valid_until": self.source.choice(["2023-12-31", "2024-02-10", self.day(60, 90)]),
            }
            if self.maybe(0.8):
                body["organisation"] = self.source.choice(self._organisations[log.site])
            self.write(log, "assessor_authorisation/1", body, entity=entity)

    def survey(self) -> None:
        """Evaluate a label, as whoever was authorised last."""
        if not self._labels:
            return
        log, label, _, _ = self.source.choice(self._labels)
        allowed = [
            one for one in self._made if one.log is log and one.family.startswith("assessor")
        ]
        if allowed:
            leave = self.source.choice(allowed)
            person = leave.body["person"]
            assessors: Value = [{"authorisation": leave.entity, "person": person}]
            self._evaluate(log, {"assessors": assessors, "kind": "surveillance", "label": label})

    def _evaluate(self, log: SiteLog, about: Mapping[str, Value]) -> bytes:
        body: dict[str, Value] = {
            "criteria_version": max(1, self._criteria),
            "findings": [self._finding(code) for code in CODES if self.maybe(0.95)],
            "kind": "initial",
            "level": "third_party",
            "method": "document",
            "performed_on": self.day(25, 32),
            "recommendation": "positive",
        }
        return self.write(log, "evaluation/1", body | about).entity

    def _finding(self, code: str) -> Value:
        results = ["conform"] * 20 + ["minor_nc", "major_nc", "not_assessed", "not_applicable"]
        finding: dict[str, Value] = {"code": code, "result": self.source.choice(results)}
        if code == "c2":
            finding["points"] = self.source.randint(1, 4 if self.maybe(0.1) else 3)
        if self.maybe(0.1):
            finding["due"] = self.day()
        if self.maybe(0.2):
            finding["value"] = self.source.choice([9, 10, 11])
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
                    {"time": made.log.time - self.source.randint(0, 2000)},
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


def judge(log: SiteLog, root: bytes, directory: Directory, coordinator: SiteLog) -> Replay:
    """Judge a member's log as far as it goes, anew for each entry that is withheld."""
    withholdings: list[Withholding] = []
    while True:
        replay = Replay(
            log.origin,
            root,
            tables=MemoryTables(coordinator.tree.root),
            directory=directory,
            is_coordinator=False,
        )
        replay.explain(withholdings)
        try:
            replay.feed(log.entries)
        except VerificationError:
            return replay
        if replay.overtaken is None:
            return replay
        withholdings.append(replay.overtaken)
