"""A small federation on disk whose first site has a log of any size, written by its own node.

Of 100 records about 4 are organisations, 33 offerings and 63 decisions: a grant for each offering,
then renewals, suspensions, reinstatements and revocations of some, each naming the one before.
Decisions name their evaluation and its review, as they will once those are recorded. Organisations
and offerings commit to one document of their names. It is for members, so this version serves it to
nobody, and wire and disk carry entries only; asked for public documents, they carry those too.
"""

import asyncio
import itertools
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import machine
import msgspec

from sopro_node.config import load_settings
from sopro_node.criteria import DEFAULT_CRITERIA, read_criteria
from sopro_node.documents import structured
from sopro_node.drafting import Draft
from sopro_node.exchange import Exchange
from sopro_node.found import INVITE, Plan, create_node
from sopro_node.identity import parse_invite
from sopro_node.keyring import load_keys
from sopro_node.node import Node
from sopro_node.pinning import pin
from sopro_protocol.errors import SoproError
from sopro_protocol.keys import Role
from sopro_protocol.record import RECORD_CONTEXT, Visibility, parse_entry

FEDERATION = "bench.example"
SCHEME = "sopro"
_BATCH = 1000
_COUNTRIES = ("AT", "HU", "CZ", "PL", "SK", "SI")


class Site(NamedTuple):
    """A node's directory."""

    folder: Path
    origin: str

    @property
    def code(self) -> str:
        return self.origin.split("/")[1]

    @property
    def url(self) -> str:
        return load_settings(self.folder).public_url


class World:
    """A coordinator and sites that have joined it, none of them serving."""

    def __init__(self, work: Path, *, sites: int) -> None:
        self.work = work
        self.sites: list[Site] = []
        self._count = sites
        asyncio.run(self._build())

    async def _build(self) -> None:
        coordinator = self._create(self.work / "eeig", "eeig", "BE", coordinator=True)
        self.coordinator = coordinator
        self.sites = [
            self._create(self.work / country.lower(), country.lower(), country, coordinator=False)
            for country in _COUNTRIES[: self._count]
        ]
        node = await Node.open(coordinator.folder)
        published = read_criteria(DEFAULT_CRITERIA)
        await node.log.append_all(
            [Draft("scheme", fields) for fields in published["schemes"]]
            + [self._membership(site) for site in self.sites]
        )
        await node.close()
        with machine.serving(coordinator.folder):
            for site in self.sites:
                await self._join(site)

    def _create(self, folder: Path, code: str, country: str, *, coordinator: bool) -> Site:
        zone = "Europe/Brussels" if coordinator else ""
        plan = Plan(
            federation=FEDERATION,
            site=code,
            country=country,
            zone=zone,
            languages=("en",),
            listen=f"127.0.0.1:{machine.free_port()}",
        )
        return Site(folder, create_node(folder, plan, coordinator=coordinator).origin)

    @staticmethod
    def _membership(site: Site) -> Draft:
        return Draft(
            "site_membership",
            {
                "country": site.code.upper(),
                "effective_date": "2026-01-01",
                "languages": ["en"],
                "name": {"en": f"Site {site.code}"},
                "origin": site.origin,
                "prefix": f"{site.code.upper()}0",
                "root": load_keys(site.folder, Role.ROOT)[Role.ROOT].public_key,
                "site": site.code,
                "status": "admitted",
                "urls": [site.url],
                "zone": "Europe/Vienna",
            },
        )

    async def _join(self, site: Site) -> None:
        node = await Node.open(site.folder)
        path = self.coordinator.folder / INVITE
        await pin(node, parse_invite(path.read_bytes(), where=str(path)))
        await sync_coordinator(node.exchange, self.coordinator.origin)
        if node.holdings.own.cursor.acted_on is None:
            raise RuntimeError(f"{site.origin} did not join")
        await node.close()

    def copy(self, site: Site, name: str) -> Site:
        """Copy a directory that no process works on."""
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(site.folder, folder)
        return Site(folder, site.origin)


async def sync_coordinator(exchange: Exchange, origin: str) -> None:
    """Pull the coordinator's log and name its head in our own."""
    results = await exchange.sync_once()
    outcome = results[origin]
    if isinstance(outcome, SoproError):
        raise outcome


# Records.


class Author:
    """Thinks of records for one site, always the same ones in the same order."""

    def __init__(self, site: Site, *, public: bool = False, seed: int = 1) -> None:
        self._site = site
        self._visibility: Visibility = "public" if public else "members"
        self._random = random.Random(seed)
        self._deciders = [self._random.randbytes(16) for _ in range(12)]
        self._prefix = f"SOPRO/{site.code.upper()}0"
        self._labels: list[_Label] = []
        self.numbers: list[str] = []

    def drafts(self, count: int) -> Iterator[Draft]:
        """Go through `count` drafts: registration and grants in step with later decisions."""
        yield from itertools.islice(self._life(), count)

    def _life(self) -> Iterator[Draft]:
        for number in itertools.count():
            holder = self._random.randbytes(16)
            yield self._organisation(holder, number)
            for _ in range(8):
                thing = self._random.randbytes(16)
                yield self._offering(thing, holder)
                yield self._grant(thing)
            for _ in range(7):
                yield self._follow_up(self._random.choice(self._labels))

    def _document(self, kind: str, **fields: Any) -> dict[str, Any]:
        return {"documents": (structured(kind, fields, visibility=self._visibility),)}

    def _organisation(self, entity: bytes, number: int) -> Draft:
        values = {
            "activities": [f"2.1:{self._random.randint(10, 96)}.{self._random.randint(10, 49)}"],
            "actor_type": self._random.choice(["social_enterprise", "enterprise", "network"]),
            "country": self._site.code.upper(),
            "effective_date": "2026-10-01",
            "nuts": f"{self._site.code.upper()}{self._random.randint(11, 34)}",
            "status": "active",
        }
        about = self._document(
            "organisation", legal_name=f"Organisation {number}", locality="Linz", register="FN"
        )
        return Draft("organisation", values, entity=entity, **about)

    def _offering(self, entity: bytes, holder: bytes) -> Draft:
        values = {
            "cpv": [f"{self._random.randint(3_000_000, 98_000_000):08}"],
            "effective_date": "2026-10-01",
            "kind": self._random.choice(["product", "service"]),
            "organisation": holder,
            "status": "published",
        }
        named = {"de": "Gebrauchte Möbel", "en": "Second-hand furniture"}
        return Draft("offering", values, entity=entity, **self._document("offering", name=named))

    def _grant(self, thing: bytes) -> Draft:
        number = f"{self._prefix}/{self._random.randint(1, 40):03}/{len(self._labels) + 1:05}"
        label = _Label(number, self._random.randbytes(16), 0, "active")
        self._labels.append(label)
        self.numbers.append(number)
        start, end = label.period()
        more = {"offering": thing, "scheme": SCHEME, "valid_from": start, "valid_until": end}
        return self._decision(label, "grant", **more)

    def _follow_up(self, label: "_Label") -> Draft:
        label.day += self._random.randint(1, 3)
        if label.state == "suspended":
            label.state = "active"
            return self._decision(label, "reinstate")
        if label.state == "revoked":
            return self._decision(label, "correct")
        start, end = label.period()
        match self._random.choice(["renew", "renew", "renew", "suspend", "suspend", "revoke"]):
            case "renew":
                return self._decision(label, "renew", valid_from=start, valid_until=end)
            case "suspend":
                label.state = "suspended"
                more = {"reason_code": "nc_not_closed", "suspended_until": end}
                return self._decision(label, "suspend", **more)
            case _:
                label.state = "revoked"
                more = {"reason_code": "refused_surveillance", "appeal_until": end}
                return self._decision(label, "revoke", **more)

    def _decision(self, label: "_Label", action: str, **more: Any) -> Draft:
        day, _ = label.period()
        rests_on = [
            (self._site.origin, self._random.randint(3, 90_000), self._random.randbytes(32))
            for _ in ("evaluation", "review")
        ]
        values = {
            "action": action,
            "basis": "assessed",
            "certificate": label.number,
            "decided_on": day,
            "decider": self._random.choice(self._deciders),
            "effective_date": day,
            "rests_on": rests_on,
        }
        return Draft("label_decision", values | more, entity=label.entity)


class _Label:
    """What an author remembers of a label: number, entity, day of the last decision, state."""

    def __init__(self, number: str, entity: bytes, day: int, state: str) -> None:
        self.number, self.entity, self.day, self.state = number, entity, day, state

    def period(self) -> tuple[str, str]:
        """Return the day of the next decision and the end of a validity that begins then."""
        month, day = divmod(min(self.day, 300), 28)
        return f"2025-{month + 1:02}-{day + 1:02}", f"2027-{month + 1:02}-{day + 1:02}"


class Written(NamedTuple):
    """What is in a log.

    Attributes:
        origin: of the log.
        size: entries.
        entry_bytes: of all of them.
        record_bytes: of their records.
        triples: file of (public key, signed message, signature).
        numbers: of the labels granted.
    """

    origin: str
    size: int
    entry_bytes: int
    record_bytes: int
    triples: Path
    numbers: list[str]


def fill(site: Site, size: int, *, public: bool = False) -> Written:
    """Have a site's node append records until its log has a size."""
    return asyncio.run(_fill(site, size, public=public))


def let_append(node: Node) -> None:
    """Let a node append whose federation does not run; its start fence is not measured."""

    async def always() -> None:
        return

    node.log.admit = node.fence.settle = always
    node.log.open()


async def _fill(site: Site, size: int, *, public: bool) -> Written:
    author = Author(site, public=public)
    drafts = author.drafts(size)
    node = await Node.open(site.folder)
    let_append(node)
    while (more := size - node.holdings.own.size) > 1:
        outcomes = await node.log.append_all(list(itertools.islice(drafts, min(_BATCH, more - 1))))
        refused = [outcome for outcome in outcomes if isinstance(outcome, SoproError)]
        if refused:
            raise refused[0]
    written = _measure(node, site.folder / "triples.msgpack", author.numbers)
    await node.close()
    return written


def _measure(node: Node, path: Path, numbers: list[str]) -> Written:
    held = node.holdings.own
    publics = {span.key_id: span.public for span in held.keys}
    publics[node.identity.root] = node.identity.root
    entry_bytes = record_bytes = 0
    triples = []
    for number in range(-(-held.size // 256)):
        entries = (
            held.tree.edge.entries
            if number == held.tree.edge.full
            else node.holdings.read_bundle(node.reader, held.number, number)
        )
        for data in entries:
            entry = parse_entry(data)
            entry_bytes += len(data)
            record_bytes += len(entry.record)
            [(signer, signature)] = entry.signatures
            if signer in publics and len(triples) < 20_000:
                triples.append((publics[signer], RECORD_CONTEXT + entry.record, signature))
    path.write_bytes(msgspec.msgpack.encode(triples))
    return Written(held.origin, held.size, entry_bytes, record_bytes, path, numbers)
