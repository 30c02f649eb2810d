"""The directory of random registers shows what a scan of everything shows, on any day.

The scan knows nothing of what a search is made quick by: it goes through every label, follows its
decisions, and reads states and public documents.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

import msgspec
import pytest

from sopro_node import acting, office, reindex
from sopro_node.conditions import (
    Condition,
    ask_activity,
    ask_holder,
    ask_procurement,
    ask_region,
    ask_words,
)
from sopro_node.deciders import find_decider
from sopro_node.directory import Wanted
from sopro_node.documents import structured
from sopro_node.drafting import Draft
from sopro_node.node import Node
from sopro_node.store.listing import describe_all, place_of
from sopro_node.structured import read_structured
from sopro_protocol.encoding import Value
from sopro_protocol.errors import SoproError
from sopro_registry.catalogue import decode_state
from sopro_registry.families import offering, organisation
from sopro_registry.terms import words_of
from tests.node.conftest import Federation, until

pytestmark = pytest.mark.slow

DAYS: Final = ("2026-10-01", "2027-01-15", "2027-06-30", "2028-02-01")
WORDS: Final = ("Müller", "Mühle", "Győr", "Straße", "Łódź", "Hof", "Tisch", "Tischler", "Wald")
ASKED: Final = (*WORDS, "mueller", "muller", "gyor", "strasse", "lodz", "tisc", "wal", "nothing")
CPV: Final = ("39121200", "39112000", "15811000")
NACE: Final = ("2.1:31.00", "2.1:38.21")
NUTS: Final = ("AT130", "AT225", "AT211")
TYPES: Final = ("enterprise", "social_enterprise", "network")
LONG: Final = "lang " * 400
ALIKE: Final = b"the same"


class Life:
    """What a site does at random; what its rules refuse is not done."""

    def __init__(self, node: Node, rng: random.Random) -> None:
        self._node = node
        self._rng = rng
        self.holders: list[bytes] = []
        self.things: list[bytes] = []
        self.labels: list[tuple[str, bytes]] = []
        self.done: dict[str, int] = {}

    def _entity(self) -> bytes:
        """Return a new entity; some share with others what they are found by."""
        if self._rng.random() < 0.15:
            return ALIKE + self._rng.randbytes(8)
        return self._rng.randbytes(16)

    def _documents(self, name: str, /, **fields: Value) -> list[Any]:
        chance = self._rng.random()
        if chance < 0.1:
            return []
        visibility = "members" if chance < 0.25 else "public"
        return [structured(name, fields, visibility=visibility)]

    def _text(self) -> str:
        text = " ".join(self._rng.sample(WORDS, self._rng.randint(1, 3)))
        return text if self._rng.random() > 0.05 else f"{text} {LONG}"

    async def _append(self, what: str, family: str, values: dict[str, Any], entity: bytes,
                      documents: list[Any]) -> Any:  # fmt: skip
        try:
            draft = Draft(family, values, entity=entity, documents=documents)
            appended = await self._node.log.append(draft)
        except SoproError:
            return None
        self.done[what] = self.done.get(what, 0) + 1
        return appended

    async def holder(self, entity: bytes | None = None) -> None:
        values = {
            "activities": self._rng.sample(NACE, self._rng.randint(1, 2)),
            "actor_type": self._rng.choice(TYPES),
            "country": self._rng.choice(["AT", "HU"]),
            "effective_date": DAYS[0],
            "nuts": self._rng.choice(NUTS),
            "status": "active",
        }
        documents = self._documents(
            "organisation", legal_name=self._text(), locality=self._rng.choice(WORDS)
        )
        what, entity = ("renamed", entity) if entity else ("holder", self._entity())
        if await self._append(what, "organisation", values, entity, documents):
            self.holders += [entity] if what == "holder" else []

    async def thing(self, entity: bytes | None = None) -> None:
        values = {
            "cpv": self._rng.sample(CPV, self._rng.randint(1, 2)),
            "effective_date": DAYS[0],
            "kind": self._rng.choice(["product", "service"]),
            "organisation": self._rng.choice(self.holders),
            "status": "published",
        }
        names = {tag: self._text() for tag in self._rng.sample(["de", "hu", "en"], 2)}
        documents = self._documents("offering", name=names)
        what, entity = ("moved", entity) if entity else ("thing", self._entity())
        if await self._append(what, "offering", values, entity, documents):
            self.things += [entity] if what == "thing" else []

    async def label(self) -> None:
        values = {
            "action": "grant",
            "basis": self._rng.choice(["assessed", "imported"]),
            "decided_on": DAYS[0],
            "effective_date": self._rng.choice(DAYS[:3]),
            "offering": self._rng.choice(self.things),
            "scheme": "sopro",
            "valid_until": self._rng.choice(["2027-03-31", "2028-06-30"]),
        }
        values["valid_from"] = values["effective_date"]
        if values["basis"] == "imported":
            values["source"] = self._rng.randbytes(16)
        else:
            values["decider"] = bytes(16)
        entity = self._rng.randbytes(16)
        granted = await self._append("label", "label_decision", values, entity, [])
        if granted:
            self.labels.append((str(granted.values["certificate"]), entity))

    async def decision(self) -> None:
        number, entity = self._rng.choice(self.labels)
        action = self._rng.choice(["suspend", "revoke", "terminate_on_request"])
        values = {
            "action": action,
            "basis": "assessed",
            "certificate": number,
            "decided_on": DAYS[0],
            "decider": bytes(16),
            "effective_date": self._rng.choice(DAYS),
            "reason_code": "other",
        }
        if action == "suspend":
            values["suspended_until"] = "2028-03-31"
        if action == "revoke":
            values["appeal_until"] = "2028-12-01"
        await self._append(action, "label_decision", values, entity, [])

    async def erasure(self) -> None:
        entity = self._rng.choice(self._alone([*self.holders, *self.things]))
        try:
            await self._node.eraser.erase([entity], reason="request", deadline="2099-12-31")
        except SoproError:
            return
        self.done["erasure"] = self.done.get("erasure", 0) + 1

    async def live(self, steps: int) -> None:
        for _ in range(6):
            await self.holder()
        for _ in range(12):
            await self.thing()
        for _ in range(10):
            await self.label()
        for _ in range(steps):
            step = self._rng.choice([self.thing, self.label, self.label, self.decision, self.again])
            await step()
        for _ in range(3):
            await self.erasure()

    async def again(self) -> None:
        """State an organisation or an offering once more, with other names and another owner."""
        if self._rng.random() < 0.5:
            await self.holder(self._rng.choice(self._alone(self.holders)))
        else:
            await self.thing(self._rng.choice(self._alone(self.things)))

    def _alone(self, entities: list[bytes]) -> list[bytes]:
        """Return those that share with no other what they are found by; what goes, goes of both."""
        return [one for one in entities if not one.startswith(ALIKE)]


# The scan.


class Scan:
    """Everything a node holds, read row by row."""

    def __init__(self, node: Node) -> None:
        self._node = node
        reader = node.reader
        self.states: dict[tuple[str, bytes], Any] = {}
        self.terms: dict[tuple[str, bytes, bytes], set[str]] = {}
        for origin, held in node.holdings.logs.items():
            for family in ("organisation", "offering"):
                for entity, _, data in reader.entities(held.number, family):
                    state = decode_state(family, data)
                    assert isinstance(state, organisation.State | offering.State)
                    self.states[origin, entity] = state
                    place = (origin, *place_of(entity, state))
                    found = self.terms.setdefault(place, set())
                    found |= {*state.terms(), *words_of(self.fields(origin, state.index))}

    def fields(self, origin: str, index: int) -> Mapping[str, Value]:
        row = self._node.reader.documents.get(self._node.holdings.logs[origin].number, index, 0)
        return read_structured(row.content) if row and row.visibility == 0 else {}

    def labels(self, wanted: Wanted) -> list[dict[str, Any]]:
        return [
            one
            for number in self._numbers()
            if (one := self._line(number, wanted)) is not None
            and wanted.status in ("", one["status"])
        ]

    def _numbers(self) -> Iterator[str]:
        for row in self._node.reader.labels(after="SOPRO/", before="SOPRO/~", limit=10_000):
            yield row.number

    def _line(self, number: str, wanted: Wanted) -> dict[str, Any] | None:
        stage = self._node.desk.course(number).at(wanted.day)
        answer = self._node.desk.label(number, wanted.day)
        thing = self.states[stage.origin, stage.label.offering]
        place = (stage.origin, *place_of(stage.label.offering, thing))
        terms = self.terms[place] | self.terms[stage.origin, place[1], b""]
        if not all(_is_met(one, terms) for one in wanted.conditions):
            return None
        holder = self.states[stage.origin, thing.organisation]
        named = self.fields(stage.origin, holder.index)
        names = self.fields(stage.origin, thing.index).get("name", {})
        last = [one for one in stage.label.decisions if one.effective <= wanted.day]
        return {
            "number": number,
            "site": answer.site,
            "status": answer.status,
            "valid_until": answer.valid_until if last else None,
            "imported": answer.imported,
            "scheme": "sopro",
            "organisation": thing.organisation.hex(),
            "offering": stage.label.offering.hex(),
            "holder": named.get("legal_name", ""),
            "place": named.get("locality", ""),
            "country": holder.country,
            "name": names,
            "kind": thing.kind,
        }

    def organisations(self, wanted: Wanted) -> set[str]:
        """Return those that meet every condition themselves, or by one of their offerings."""
        by_holder: dict[tuple[str, bytes], set[str]] = {}
        for (origin, place, _), terms in self.terms.items():
            by_holder.setdefault((origin, place), set()).update(terms)
        return {
            entity.hex()
            for (origin, entity), state in self.states.items()
            if isinstance(state, organisation.State)
            and wanted.site in ("", self._node.holdings.logs[origin].site)
            and all(_is_met(one, by_holder[origin, entity[:8]]) for one in wanted.conditions)
        }


def _is_met(condition: Condition, terms: set[str]) -> bool:
    return any(
        held == term or (condition.is_open and held.startswith(term))
        for held in terms
        for term in condition.terms
    )


def found(node: Node, wanted: Wanted) -> list[dict[str, Any]]:
    """Return what a search finds, page by page."""
    labels: list[dict[str, Any]] = []
    after = ""
    while True:
        page = node.directory.labels(replace(wanted, after=after))
        labels += map(msgspec.to_builtins, page.labels)
        if page.next is None:
            assert len({one["number"] for one in labels}) == len(labels)
            return sorted(labels, key=lambda one: one["number"])
        after = page.next


def found_organisations(node: Node, wanted: Wanted) -> set[str]:
    entities: list[str] = []
    after = ""
    while True:
        page = node.directory.organisations(replace(wanted, after=after))
        entities += [one.entity for one in page.organisations]
        if page.next is None:
            assert len(set(entities)) == len(entities)
            return set(entities)
        after = page.next


def questions(rng: random.Random, day: int) -> Iterator[Wanted]:
    codes = [
        *map(ask_activity, (*NACE, "2.1:38", "2.1:E")),
        *map(ask_procurement, (*CPV, "391", "15000000")),
        *map(ask_region, (*NUTS, "AT", "AT2", "HU")),
        *map(ask_holder, TYPES),
    ]
    for _ in range(20):
        words = " ".join(rng.choices(ASKED, k=rng.choice([0, 1, 1, 2])))
        conditions = [*ask_words(words), *rng.sample(codes, rng.choice([0, 0, 1, 2, 3]))]
        yield Wanted(
            conditions,
            status=rng.choice(["", "", "active", "suspended", "revoked", "expired", "transferred"]),
            site=rng.choice(["", "", "at", "hu"]),
            day=day,
            limit=rng.choice([2, 20, 100]),
        )


def compare(node: Node, rng: random.Random) -> int:
    """Ask at random on several days and before anything was; return how much was found."""
    count = 0
    scan = Scan(node)
    days = [date.fromisoformat(one).toordinal() for one in (*DAYS, "2026-09-30")]
    for day in (*days, node.desk.today()):
        for wanted in questions(rng, day):
            expected = [one for one in scan.labels(wanted) if wanted.site in ("", one["site"])]
            assert found(node, wanted) == expected, wanted
            assert found_organisations(node, wanted) == scan.organisations(wanted), wanted
            count += len(expected)
    return count


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_search_shows_what_a_scan_of_everything_shows(
    federation: Federation, seed: int
) -> None:
    rng = random.Random(seed)
    await federation.coordinator()
    at, hu = await federation.join("at", "AT"), await federation.join("hu", "HU")
    lives = [Life(at.node, rng), Life(hu.node, rng)]
    for life in lives:
        await life.live(50)
    await move_labels(lives[0], hu.node)
    for what in ("renamed", "moved", "label", "suspend", "revoke", "erasure"):
        assert sum(life.done.get(what, 0) for life in lives) > 0, what
    for node in (at.node, hu.node):
        # Also while documents are still on their way.
        assert compare(node, rng) > 100
    await until(lambda: have_all_documents(at.node, hu.node))
    assert compare(hu.node, rng) > 100

    tables = [f"SELECT * FROM {name}" for name in ("shown", "listed", "described", "term")]
    before = [sorted(at.node.reader._db.execute(one)) for one in tables]
    assert all(before)
    hide(at.node)
    assert not list(at.node.reader._db.execute(tables[0]))
    assert compare(at.node, rng) > 100
    show(at.node)
    assert [sorted(at.node.reader._db.execute(one)) for one in tables] == before
    await federation.served.pop("at").close()
    reindex.reindex(at.node.folder, lambda *_: None)
    again = await federation.open("at", int(at.url.rpartition(":")[2]))
    assert [sorted(again.node.reader._db.execute(one)) for one in tables] == before


async def move_labels(life: Life, receiver: Node) -> None:
    """Have labels handed over, and some of them taken over."""
    node = life._node
    person = find_decider(node.folder, "Ida Wolf", is_new=True)
    for number, _ in life.labels:
        if life.done.get("handed", 0) == 4:
            break
        told = {"label": number, "to": "hu"}
        try:
            await acting.act(node, {"act": "transfer.out", "told": told, "person": person})
        except SoproError:
            continue
        life.done["handed"] = life.done.get("handed", 0) + 1
    assert life.done.get("handed")
    size = node.log.held.size
    await until(lambda: receiver.holdings.logs[node.identity.origin].cursor.projected >= size)
    taken = await office.take_over(receiver, {"decider": bytes(16)})
    assert taken["taken"]
    size = receiver.log.held.size
    await until(lambda: node.holdings.logs[receiver.identity.origin].cursor.projected >= size)


def public_documents(node: Node, origin: str) -> set[tuple[int, int]]:
    """Return the places of the public documents of a log that are at a node."""
    rows = node.reader.documents.between(node.holdings.logs[origin].number, 0, 2**40)
    return {(row.position, row.number) for row in rows if row.visibility == 0}


def have_all_documents(*nodes: Node) -> bool:
    """Say whether nodes have the public documents of one another."""
    return all(
        public_documents(one, other.identity.origin)
        == public_documents(other, other.identity.origin)
        for one in nodes
        for other in nodes
    )


def hide(node: Node) -> None:
    """Have no document served, as after a restore."""
    with node.store.transaction():
        node.store.documents.hide()
    node.holdings.changed_documents += 1


def show(node: Node) -> None:
    with node.store.transaction():
        for held in node.holdings.logs.values():
            node.store.documents.show(held.number)
            describe_all(node.store, held.number)
    node.holdings.changed_documents += 1
