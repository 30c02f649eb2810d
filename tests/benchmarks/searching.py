"""A register to search: labels with names of many words, and what is asked of it.

Names are put together from syllables, so that there are common words and rare ones, as in real
registers; every one is drawn from the same seed.
"""

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from workload import Author, Site, let_append

from sopro_node.drafting import Draft
from sopro_node.node import Node
from sopro_protocol.errors import SoproError

_BATCH = 1000
_OFFERED = 8
_SYLLABLES = (
    "ber",
    "gen",
    "hof",
    "tal",
    "mühl",
    "stein",
    "bach",
    "wald",
    "öd",
    "lőr",
    "szőn",
    "tar",
)
_FORMS = ("GmbH", "eGen", "Verein", "Kft", "Werkstatt", "Genossenschaft")
_CPV = tuple(f"{division}{group}00000" for division in range(10, 60) for group in range(1, 9))
_NACE = tuple(f"2.1:{division}.{group}1" for division in range(10, 96) for group in range(1, 5))


class Register(NamedTuple):
    """What is in a register, and searches of it that find something, as queries."""

    numbers: list[str]
    queries: list[str]
    author: "Registrar"


class Registrar(Author):
    """Thinks of organisations, of eight offerings of each, and of a label for each of these."""

    def __init__(self, site: Site) -> None:
        super().__init__(site, public=True)
        random_words = {self._word() for _ in range(6000)}
        self._words = sorted(random_words)
        self._common = self._words[:60]
        self.queries: list[str] = []

    def _word(self) -> str:
        return "".join(self._random.choices(_SYLLABLES, k=self._random.randint(2, 4))).capitalize()

    def _name(self) -> str:
        common = self._random.choice(self._common)
        return f"{common} {self._random.choice(self._words)}"

    def register(self) -> Iterator[Draft]:
        """Go through drafts without end."""
        for _ in itertools.count():
            holder = self._random.randbytes(16)
            name, place = self._name(), self._random.choice(self._words)
            nace, nuts = (
                self._random.choice(_NACE),
                f"AT{self._random.randint(11, 34)}{self._random.randint(1, 5)}",
            )
            yield self._holder(holder, name, place, nace, nuts)
            for _ in range(_OFFERED):
                thing = self._random.randbytes(16)
                called, cpv = self._name(), self._random.choice(_CPV)
                yield self._thing(thing, holder, called, cpv)
                yield self._grant(thing)
                self._ask(name, called, cpv, nace, nuts)

    def renewals(self) -> Iterator[Draft]:
        """Go through one more decision on each label."""
        for label in self._labels:
            label.day += 1
            start, end = label.period()
            yield self._decision(label, "renew", valid_from=start, valid_until=end)

    def _holder(self, entity: bytes, name: str, place: str, nace: str, nuts: str) -> Draft:
        values = {
            "activities": [nace],
            "actor_type": self._random.choice(["social_enterprise", "enterprise", "network"]),
            "country": "AT",
            "effective_date": "2026-10-01",
            "nuts": nuts,
            "status": "active",
        }
        form = self._random.choice(_FORMS)
        about = self._document("organisation", legal_name=f"{name} {form}", locality=place)
        return Draft("organisation", values, entity=entity, **about)

    def _thing(self, entity: bytes, holder: bytes, called: str, cpv: str) -> Draft:
        values = {
            "cpv": [cpv],
            "effective_date": "2026-10-01",
            "kind": "product",
            "organisation": holder,
            "status": "published",
        }
        about = self._document("offering", name={"de": called})
        return Draft("offering", values, entity=entity, **about)

    def _ask(self, name: str, called: str, cpv: str, nace: str, nuts: str) -> None:
        """Now and then ask for what was just registered, in one of the ways people do."""
        if self._random.random() > 0.02:
            return
        common, rare = called.split(" ")
        asked = (
            f"q={quote(rare)}",
            f"q={quote(rare.lower().replace('ö', 'oe').replace('ü', 'ue'))}",
            f"q={quote(name)}",
            f"q={quote(common)}",
            f"q={quote(common)}+{quote(name.partition(' ')[0])}",
            f"q={quote(rare[:5])}",
            f"category=cpv:{cpv[:3]}&region={nuts[:4]}",
            f"category=cpv:{cpv}",
            f"category=nace:{nace[:6]}&status=active",
            f"region={nuts}",
            f"q={quote(common)}&region={nuts[:3]}&status=active",
            f"holder=social_enterprise&q={quote(rare)}",
        )
        self.queries.append(self._random.choice(asked))


def fill_register(site: Site, labels: int) -> Register:
    """Have a site's node append a register of as many labels."""
    return asyncio.run(_fill(site, labels))


async def _fill(site: Site, labels: int) -> Register:
    author = Registrar(site)
    node = await Node.open(site.folder)
    let_append(node)
    drafts = author.register()
    while len(author.numbers) < labels:
        await _append(node, list(itertools.islice(drafts, _BATCH)))
    await node.close()
    return Register(author.numbers, author.queries, author)


def grow_histories(site: Site, register: Register, *, more: int) -> None:
    """Have a site renew each label as often."""
    asyncio.run(_grow(site, register.author, more))


async def _grow(site: Site, author: Registrar, more: int) -> None:
    node = await Node.open(site.folder)
    let_append(node)
    for _ in range(more):
        drafts = author.renewals()
        while batch := list(itertools.islice(drafts, _BATCH)):
            await _append(node, batch)
    await node.close()


async def _append(node: Node, drafts: list[Draft]) -> None:
    outcomes: list[Any] = await node.log.append_all(drafts)
    refused = [outcome for outcome in outcomes if isinstance(outcome, SoproError)]
    if refused:
        raise refused[0]
