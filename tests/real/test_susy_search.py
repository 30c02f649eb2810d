"""Real organisations of two countries, searched by the spellings that people type."""

import csv
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from sopro_node.conditions import ask_words
from sopro_node.directory import Wanted
from sopro_node.documents import structured
from sopro_node.drafting import Draft
from sopro_node.node import Node
from sopro_protocol.errors import SoproError
from sopro_registry.terms import MOST_ASKED, WORD, words_asked, words_of
from tests.node.conftest import Federation, until

pytestmark = [pytest.mark.shared, pytest.mark.slow]

FILE = Path(__file__).parents[3] / "shared" / "data" / "susy_initiatives.csv"
COUNTRIES = {
    "AT": {"at", "austria", "österreich"},
    "HU": {"hu", "hungary", "magyarország"},
}


def rows(country: str = "") -> Iterator[dict[str, str]]:
    with FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            entered = row["country_as_entered"].strip().casefold()
            if not country or entered in COUNTRIES[country]:
                yield row


def without_marks(text: str) -> str:
    """Type a text on a keyboard that has no marks."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(one for one in apart if not unicodedata.combining(one))


def test_every_name_is_found_with_and_without_its_marks() -> None:
    count = 0
    for row in rows():
        held = set(words_of({"legal_name": row["name"], "locality": row["city"]}))
        for typed in (row["name"], without_marks(row["name"]), row["city"].upper()):
            for alternatives in words_asked(typed)[:MOST_ASKED]:
                assert {WORD + one for one in alternatives} & held, (row["name"], typed)
                count += 1
    assert count > 10_000


async def load(node: Node, country: str) -> int:
    drafts = [
        Draft(
            "organisation",
            {
                "actor_type": "social_enterprise",
                "country": country,
                "effective_date": row["created_at"][:10],
                "status": "active",
            },
            documents=[
                structured(
                    "organisation",
                    {
                        "legal_name": row["name"],
                        **({"locality": row["city"]} if row["city"] else {}),
                        "keywords": [one for one in row["free_keywords"].split(";") if one],
                    },
                )
            ],
        )
        for row in rows(country)
        if row["name"]
    ]
    outcomes = await node.log.append_all(drafts)
    assert [one for one in outcomes if isinstance(one, SoproError)] == []
    return len(drafts)


def names(node: Node, text: str) -> set[str]:
    found: set[str] = set()
    after = ""
    while True:
        page = node.directory.organisations(Wanted(ask_words(text), after=after))
        found |= {str(one.described["legal_name"]) for one in page.organisations}
        if page.next is None:
            return found
        after = page.next


async def test_two_registers_are_searched_by_every_spelling(federation: Federation) -> None:
    await federation.coordinator()
    at = (await federation.join("at", "AT")).node
    hu = (await federation.join("hu", "HU")).node
    assert (await load(at, "AT"), await load(hu, "HU")) == (285, 37)
    for node in (at, hu):
        await until(
            lambda node=node: all(
                node.holdings.logs[one.identity.origin].cursor.projected == one.log.held.size
                for one in (at, hu)
            )
        )
        for typed in ("gruene bildungswerkstatt wien", "grune bildungs wien", "GRÜNE WIEN"):
            assert "Grüne Bildungswerkstatt (GBW) Wien" in names(node, typed), typed
        for typed in ("greissler", "GREIẞLER", "greißler fair"):
            assert names(node, typed) >= {"Fair-Teiler: der Greißler"}, typed
        for typed in ("sorfozde", "kezmuves", "Sörfőzde", "soerfőzde"):
            assert "Karl-Mikro Kézműves Sörfőzde" in names(node, typed), typed
        assert names(node, "landstrasse") == names(node, "Landstraße") != set()
        assert names(node, "grunau") == names(node, "gruenau") == names(node, "Grünau") != set()
        assert names(node, "grünkern kézműves") == set()
