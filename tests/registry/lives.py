"""Random lives of a federation: each step is one number, which says all that is random about it.

What is written is told twice: to the model as plain dicts, to nodes as the signed bytes of logs.
The model, never a node, is asked what would be legal, so that most of what is written is.
"""

import hmac
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from random import Random
from typing import Any

from sopro_protocol.encoding import encode
from sopro_protocol.keys import Ed25519Signer
from sopro_protocol.merkle import leaf_hash
from sopro_registry.label import Action
from tests.registry import model, model_assessing
from tests.registry.lives_assessing import (
    LABELS,
    OFFERINGS,
    PEOPLE,
    add_scope,
    offered,
)
from tests.registry.lives_complaining import STORIES
from tests.registry.lives_moving import MOVES
from tests.registry.world import (
    COORDINATOR_SITE,
    NOW,
    Author,
    World,
    bytes16,
    commitment,
    decision_body,
    keys_body,
    membership_body,
    offering_body,
    ordinal,
    organisation_body,
    scheme_body,
    shift,
    signer,
)

DAY = 24 * 3_600_000
PREFIXES = {COORDINATOR_SITE: "", "at": "AT1", "hu": "HU1", "si": "SI1"}
STATUSES = (*["admitted"] * 12, *["suspended"] * 3, *["applicant"] * 2, "left", "expelled")
NAMED = ("organisation/1", "offering/1")
WORDS = ("Tisch", "Sessel", "Müller", "Győr", "Łódź", "Straße")
GARBAGE = (
    (b"", "enc.framing"),
    (b"\xc1", "enc.framing"),
    (encode([1, []]), "rec.entry"),
    (encode([b"", []]), "sig.missing"),
    (encode([b"\x80", [[bytes(32), bytes(64)]]]), "rec.form"),
)


KINDS = {
    "decide": 55,
    "transfer": 16,
    "inherit": 3,
    "state": 14,
    "member": 6,
    "scheme": 4,
    "register": 12,
    "keys": 4,
    "garble": 3,
    "repeat": 5,
    "assess": 40,
    "look_after": 10,
    "criteria": 10,
    "complain": 12,
    "relate": 12,
    "side": 5,
}
"""Kinds of steps, and how often each is taken."""


def swarm(rng: Random) -> tuple[str, ...]:
    """Choose the kinds of steps of one life: where few things happen, these happen together."""
    others = [kind for kind in KINDS if rng.random() < 0.4]
    return tuple(dict.fromkeys((rng.choice(("assess", "decide", *MOVES)), "state", *others)))


class Life:
    """A coordinator and three sites, what each wrote, and what the model makes of it."""

    def __init__(self, kinds: Iterable[str] = KINDS) -> None:
        self.kinds = {kind: KINDS[kind] for kind in sorted(kinds)}
        unused = World.new_node(PREFIXES)
        self.authors = {
            site: Author(site, unused, prefix=prefix) for site, prefix in PREFIXES.items()
        }
        self.coordinator = self.authors[COORDINATOR_SITE]
        self.logs: dict[str, model.Log] = {}
        self.events: dict[str, list[model.Event]] = {site: [] for site in self.authors}
        for site, author in self.authors.items():
            self.logs[site] = self._new_log(author)
        self.clock = NOW - 700 * DAY
        self.written: list[tuple[bytes, model.Event]] = []
        self.papers: dict[bytes, tuple[bytes, bytes]] = {}
        self._begin(Random(0))

    def _new_log(self, author: Author) -> model.Log:
        return model.new_log(
            author.origin,
            author.keys["root"].public_key,
            coordinator=self.logs.get(COORDINATOR_SITE) if author.prefix else None,
            roots=self.coordinator.roots,
        )

    def _begin(self, rng: Random) -> None:
        eu, at, *others = self.authors.values()
        for author in self.authors.values():
            self._put(author, "site_keys/1", keys_body(author), "keys", role="root")
        self._put(eu, "scheme/1", scheme_body(), "scheme")
        for author in (at, *others):
            self._put(eu, "site_membership/1", membership_body(author), author.site)
        # The other sites join when, and if, they happen to.
        self._put(
            at, "log_state/1", self._state_body(at, rng) | {"coordinator": eu.head()}, "state"
        )
        for name in ("organisation", "offering"):
            body = organisation_body() if name == "organisation" else offering_body()
            self._put(at, f"{name}/1", body, name)

    def live(self, step: int) -> None:
        """Take the step that a number stands for."""
        rng = Random(step)
        site = self.authors[rng.choice(("at", "at", "at", "hu", "hu", "si"))]
        [kind] = rng.choices(list(self.kinds), list(self.kinds.values()))
        self.take(kind, site, rng)

    def take(self, kind: str, site: Author, rng: Random) -> None:
        """Take a step of one kind, some days later or none, or on the day that ends something."""
        days = rng.choice((0, 0, 1, 5, 40))
        if rng.random() < 0.15:
            here, soon = self.today(), shift(self.today(), 60)
            ends = [end for end in ends_of(self.logs[site.site]) if here <= end <= soon]
            if ends:
                # The last day of something, or the first after it.
                days = ordinal(rng.choice(ends)) - ordinal(here) + rng.choice((0, 1))
        self.clock += days * DAY
        own = getattr(self, f"_{kind}", None)
        if own is not None:
            own(site, rng)
        else:
            (STORIES | MOVES)[kind](self, site, rng)

    # What sites write.

    def _decide(self, site: Author, rng: Random) -> None:  # noqa: PLR0912  # one for each oddity
        name, log = rng.choice(LABELS), self.logs[site.site]
        held = log["entities"].get(bytes16(name), {}).get("state")
        history = held["history"] if held else []
        basis = rng.choice(("assessed", "assessed", "imported"))
        if history and history[-1]["imported"] and rng.random() < 0.7:
            basis = "imported"
        today = self.today()
        last = history[-1]["from"] if history else ""
        day = shift(max(last or "2026-01-01", "2025-01-01"), rng.choice((0, 1, 30, 100, 380)))
        if history and history[-1]["until"] and rng.random() < 0.2:
            grace = (model.as_of(log, "schemes", "sopro") or {}).get("grace_days", 0)
            day = shift(history[-1]["until"], rng.choice((0, 1, grace, grace + 1)))
        elif rng.random() < 0.15:
            day = rng.choice(("2024-02-29", "2026-06-01", "2027-12-31", today))
        action = self._choose_action(history, day, basis, rng)
        body = decision_body(action, basis=basis, effective=day)
        body["decided_on"] = min(day, today) if rng.random() < 0.95 else shift(today, 3)
        if basis == "assessed" and rng.random() < 0.3:
            body["decider"] = rng.choice(PEOPLE)
        if "reason_code" in body and rng.random() < 0.5:
            body["reason_code"] = rng.choice(("other", "complaint_upheld", "appeal_upheld"))
        if action in model.NAMES_VALIDITY:
            body["valid_from"] = max(day, body["decided_on"])
            body["valid_until"] = shift(day, rng.choice((0, 90, 365, 365, 700, 735)))
        if basis == "imported":
            for field in ("effective_date", "decided_on", "valid_from", "valid_until"):
                if rng.random() < 0.2:
                    body.pop(field, None)
        if action in ("grant", "refuse", "transfer_in"):
            offering = offered(rng) if rng.random() < 0.9 else bytes16("no offering")
            body |= {"offering": offering, "scheme": "sopro"}
        if action == "grant":
            body["status_index"] = log["grants"] + (rng.random() < 0.03)
        if "receiver" in body:
            body |= {"receiver": rng.choice(("hu", "si")), "receiver_entity": rng.randbytes(16)}
        add_scope(body, held, rng)
        number = held["number"] if held else self.number(site, name, rng)
        if number and action != "refuse":
            body["certificate"] = number
        if rng.random() < 0.06:
            field = rng.choice([one for one in body if one not in ("action", "basis")])
            del body[field]
        if rng.random() < 0.06:
            extra = {"scheme": "other", "offering": bytes16("x"), "valid_until": day}
            extra |= {"certificate": self.number(site, rng.choice(LABELS), rng), "status_index": 0}
            field = rng.choice(sorted(extra))
            body[field] = extra[field]
        self.write(site, "label_decision/1", body, name, rng, role="decision")

    def today(self) -> str:
        return datetime.fromtimestamp(self.clock / 1000, UTC).date().isoformat()

    @staticmethod
    def _choose_action(history: list[dict[str, Any]], day: str, basis: str, rng: Random) -> str:
        imported = basis == "imported"
        before, standing = model.stands(history, day, imported=imported)
        legal = [
            action.value
            for action in Action
            if model.follow(before, standing, action.value, imported=imported)
        ]
        if legal and rng.random() < 0.85:
            ends = ("terminate_on_request", "transfer_out", "refuse")
            return rng.choice([one for one in legal if one not in ends] * 4 + legal)
        return rng.choice([action.value for action in Action])

    @staticmethod
    def number(site: Author, name: str, rng: Random) -> str:
        prefix = site.prefix if rng.random() < 0.95 else "XX9"
        return f"SOPRO/{prefix}/001/0000{name[-1]}"

    def _state_body(self, site: Author, rng: Random) -> dict[str, Any]:
        log = self.logs[site.site]
        body = {
            "certificates": log["grants"] + (rng.random() < 0.05),
            "keys": bytes(32) if rng.random() < 0.05 else log["keys_id"],
        }
        if rng.random() < (0.95 if log["states_status"] else 0.1):
            root = bytes(32) if rng.random() < 0.1 else model.status_root(log)
            body["status_root"] = root
        return body

    def _state(self, site: Author, rng: Random) -> None:
        self.act(site if rng.random() < 0.9 else self.coordinator, rng)

    def act(self, site: Author, rng: Random) -> None:
        """Have a site say what it knows, most often all of what the coordinator has written."""
        body = self._state_body(site, rng)
        if rng.random() < (0.1 if site is self.coordinator else 0.9):
            size = len(self.coordinator.entries)
            head = self.coordinator.head(size if rng.random() < 0.7 else rng.randrange(size + 1))
            body["coordinator"] = head | ({"root": bytes(32)} if rng.random() < 0.05 else {})
        self.write(site, "log_state/1", body, "state", rng)

    def _register(self, site: Author, rng: Random) -> None:
        if rng.random() < 0.5:
            body = organisation_body()
            if rng.random() < 0.3:
                body |= {"effective_date": self.today(), "status": "dissolved"}
            self.write(site, "organisation/1", body, "organisation", rng)
        else:
            name = rng.choice(list(OFFERINGS))
            body = offering_body() | OFFERINGS[name]
            if rng.random() < 0.3:
                body |= rng.choice(list(OFFERINGS.values()))
            if rng.random() < 0.1:
                body["organisation"] = bytes16("no organisation")
            if rng.random() < 0.25:
                body |= {"effective_date": self.today(), "status": "withdrawn"}
            self._renumber(self.logs[site.site], bytes16(name), body, rng)
            self.write(site, "offering/1", body, name, rng)

    @staticmethod
    def _renumber(log: model.Log, entity: bytes, body: dict[str, Any], rng: Random) -> None:
        """Say the item number that an offering has, most often, or another one, or none."""
        held = model_assessing.state_of(log, "offering", entity)
        if held and "gtin" in held:
            body["gtin"] = held["gtin"]
        if rng.random() < 0.5:
            body["gtin"] = rng.choice(("96385074", "00000096385074", "4006381333931"))
            if rng.random() < 0.1:
                del body["gtin"]
            asked = [
                one
                for one, found in log["entities"].items()
                if found["family"] == "label_application" and found["state"]
            ]
            mine = [
                one
                for one in asked
                if log["entities"][one]["state"]["body"]["offering"] == entity
                and model_assessing.is_assessable(log, one)
            ]
            if asked and rng.random() < 0.8:
                body["application"] = rng.choice(mine or asked)

    def _keys(self, site: Author, rng: Random) -> None:
        keys = dict(site.keys)
        role = rng.choice(("decision", "registrar"))
        keys[role] = signer(f"{site.site} {role} {rng.randrange(3)}")
        named = {one.public_key: role for role, one in keys.items() if role != "root"}
        if rng.random() < 0.1:
            named |= {rng.choice((bytes(32), keys["root"].public_key)): "log"}
        body = keys_body(site, named)
        entity = "keys" if rng.random() < 0.9 else "second keys"
        before = self.logs[site.site]["keys_id"]
        self.write(site, "site_keys/1", body, entity, rng, role="root")
        if self.logs[site.site]["keys_id"] != before:
            site.keys = keys

    # What the coordinator writes.

    def _member(self, site: Author, rng: Random) -> None:
        body = membership_body(site) | {"status": rng.choice(STATUSES)}
        if rng.random() < 0.1:
            body["prefix"] = "XX9"
        if rng.random() < 0.1:
            body["root"] = signer("another root").public_key
        if rng.random() < 0.5:
            size = max(0, len(site.entries) + rng.choice((-9, -2, 0, 1)))
            body["ends"] = {"origin": site.origin, "size": size}
        if rng.random() < 0.05:
            body["ends"] = {"origin": self.coordinator.origin, "size": 10**6}
        if body["status"] in ("left", "expelled"):
            body["successor"] = rng.choice(("at", "hu", "hu", "si", "fr"))
        entity = site.site if rng.random() < 0.9 else f"second {site.site}"
        self.write(self.coordinator, "site_membership/1", body, entity, rng)

    def _scheme(self, _site: Author, rng: Random) -> None:
        body = scheme_body() | {
            "grace_days": rng.choice((0, 30, 90)),
            "max_validity_months": rng.choice((12, 24)),
            "scheme": rng.choice(("sopro",) * 9 + ("other",)),
            "status": rng.choice(("active", "active", "active", "deprecated", "proposed")),
        }
        author = self.coordinator if rng.random() < 0.9 else self.authors["at"]
        self.write(author, "scheme/1", body, rng.choice(("scheme",) * 6 + ("other",)), rng)

    # Mischief.

    def _garble(self, site: Author, rng: Random) -> None:
        data, code = rng.choice(GARBAGE)
        self._append(site, data, {"garbage": code}, entity=None)

    def _repeat(self, site: Author, rng: Random) -> None:
        """Append something written before once more, here or in another log."""
        data, event = rng.choice(self.written)
        self._append(site, data, event, entity=None)

    def write(
        self,
        author: Author,
        family: str,
        body: dict[str, Any],
        entity: str | bytes,
        rng: Random,
        *,
        role: str = "registrar",
        docs: list[dict[str, Any]] | None = None,
    ) -> None:
        """Write a record as the author would, or with one thing wrong.

        What documents it commits to say is kept in `papers`: no state depends on it.
        """
        wrong = rng.choice(list(_WRONGS)) if rng.random() < 0.12 else None
        if docs is None and rng.random() < (0.6 if family in NAMED else 0.1):
            docs = [self._name(rng)]
        how: dict[str, Any] = {"role": role, "docs": docs}
        if wrong is not None:
            how |= _WRONGS[wrong](rng, author, self.clock)
        if wrong == "day" and "effective_date" in body:
            body["effective_date"] = model.NO_DAYS[0]
        family = how.pop("family", family)
        if wrong == "major":
            family = family.replace("/1", "/2")
        self._put(author, family, body, entity, genuine=wrong != "signature", **how)

    def _name(self, rng: Random) -> dict[str, Any]:
        """Write a document that names somebody or something, by their commitment to it."""
        words = " ".join(rng.sample(WORDS, 2))
        content, key = encode({"legal_name": words, "name": {"de": words}}), rng.randbytes(32)
        committed = hmac.digest(key, b"sopro-document/1\n" + content, "sha256")
        self.papers[committed] = key, content
        visibility = rng.choice(("public", "public", "public", "members", "site"))
        about = {"commitment": committed, "size": len(content), "visibility": visibility}
        return commitment("names", **about)

    def _put(
        self,
        author: Author,
        family: str,
        body: dict[str, Any],
        name: str | bytes,
        *,
        role: str = "registrar",
        signers: tuple[Ed25519Signer, ...] = (),
        genuine: bool = True,
        **changes: Any,
    ) -> None:
        entity = name if isinstance(name, bytes) else bytes16(name)
        signers = signers or (author.keys[role],)
        held = self.logs[author.site]["entities"].get(entity)
        envelope: dict[str, Any] = {
            "crit": None,
            "log": author.origin,
            "docs": None,
            "prev": held["head"] if held else None,
            "salt": bytes16(f"{self.clock} {len(self.written)}"),
            "time": self.clock,
        }
        envelope |= changes
        data = author.draft(family, body, entity=entity, signers=signers, **envelope)
        if not genuine:
            data = data[:-1] + bytes([data[-1] ^ 1])
        event = {
            "id": leaf_hash(data),
            "garbage": None,
            "family": family,
            "entity": entity,
            "body": body,
            "keys": [one.public_key for one in signers],
            "key_ids": {one.public_key: one.key_id for one in signers},
            "genuine": genuine,
        }
        event |= envelope | {"crit": envelope["crit"] or [], "docs": envelope["docs"] or []}
        self._append(author, data, event, entity=entity)

    def _append(
        self, author: Author, data: bytes, event: model.Event, *, entity: bytes | None
    ) -> None:
        author.append(data, entity=entity)
        self.written.append((data, event))
        self.events[author.site].append(event)
        model.read(self.logs[author.site], event)
        if author is self.coordinator and "ends" in event["body"]:
            self._read_again()

    def _read_again(self) -> None:
        """Have the model read every member's log from its beginning."""
        for site in self.logs:
            if site != COORDINATOR_SITE:
                self.logs[site] = self._new_log(self.authors[site])
                for event in self.events[site]:
                    model.read(self.logs[site], event)


def ends_of(log: model.Log) -> list[str]:
    """Return the last days of what will end: validity, grace, criteria, what evaluations found."""
    states = [(one["family"], one["state"]) for one in log["entities"].values() if one["state"]]
    until = [one["history"][-1]["until"] for family, one in states if family == "label_decision"]
    until = [day for day in until if day]
    scheme = model.as_of(log, "schemes", "sopro") or {}
    ends = [*until, *(shift(day, scheme.get("grace_days", 0)) for day in until)]
    found = [one["performed"] for family, one in states if family == "evaluation"]
    ends += [model.months_after(day, 12) for day in found]
    versions = [body["version"] for body in model_assessing.versions(log, "sets", "sopro")]
    criteria = [model_assessing.criteria_of(log, "sopro", one) for one in versions]
    return sorted({*ends, *(one["until"] for one in criteria if one and one["until"])})


def _other_role(rng: Random, author: Author, _clock: int) -> dict[str, Any]:
    return {"signers": (author.keys[rng.choice(("root", "log", "access", "registrar"))],)}


def _two_signers(rng: Random, author: Author, _clock: int) -> dict[str, Any]:
    second = author.keys["decision"] if rng.random() < 0.5 else signer("stranger")
    return {"signers": (author.keys["registrar"], second)}


_WRONGS: dict[str, Callable[[Random, Author, int], dict[str, Any]]] = {
    "signature": lambda _rng, _author, _clock: {},
    "role": _other_role,
    "stranger": lambda _rng, _author, _clock: {"signers": (signer("stranger"),)},
    "two": _two_signers,
    "retired": lambda rng, author, _clock: {
        "signers": (signer(f"{author.site} {rng.choice(('decision', 'registrar'))}"),)
    },
    "prev": lambda rng, author, _clock: {
        "prev": rng.choice([None, bytes(32), *map(leaf_hash, author.entries)])
    },
    "time": lambda rng, _author, clock: {"time": clock - rng.choice((1, DAY, clock))},
    "log": lambda rng, _author, _clock: {
        "log": rng.choice(("sopro.example/at/1", "sopro.example/hu/1", "sopro.example/at/2"))
    },
    "family": lambda rng, _author, _clock: {"family": rng.choice(("poem/1", "offering/1"))},
    "crit": lambda rng, _author, _clock: {"crit": rng.choice((["novel"], ["effective_date"]))},
    "major": lambda _rng, _author, _clock: {},
    "day": lambda _rng, _author, _clock: {},
}
