"""Two lists that use the same running numbers: neither takes over what the other brought in."""

from typing import Any

import pytest

from sopro_node.importing.fields import Kind
from sopro_node.importing.mapping import parse_mapping
from sopro_node.importing.report_text import format_report
from sopro_node.node import Node
from sopro_protocol.errors import FormatError
from tests.node.conftest import Federation
from tests.node.importing.sources import Told, counts, over_msgpack

Rows = list[dict[str, str]]
COLUMNS = ("nr", "firma", "ort", "land", "uid", "ware", "stand", "seit")
MAPPINGS: dict[Kind, dict[str, Any]] = {
    Kind.ORGANISATIONS: {
        "columns": {"key": "nr", "legal_name": "firma", "locality": "ort", "country": "land"},
        "constants": {"actor_type": "enterprise"},
        "identifiers": [{"column": "uid", "scheme": "OTHER"}],
    },
    Kind.OFFERINGS: {
        "columns": {"key": "nr", "organisation": "nr"},
        "constants": {"kind": "product"},
        "texts": {"name": {"column": "ware", "language": "de"}},
    },
    Kind.DECISIONS: {
        "columns": {"key": "nr", "status": "stand", "granted_on": "seit"},
        "constants": {"scheme": "sopro"},
        "status": {"gilt": "hold"},
    },
}
BAKER = "1,Mühlenbäckerei Sommer,Krems,AT,X-17,Torte,gilt,2020-01-01"
HOTEL = "1,Gasthof zur Lände,Villach,AT,X-99,Zimmer,gilt,2021-01-01"


def as_file(*rows: str) -> str:
    return "\n".join([",".join(COLUMNS), *rows, ""])


class Site:
    def __init__(self, node: Node, told: Told) -> None:
        self.node, self.told, self.call = node, told, over_msgpack(node)

    async def take(
        self, text: str, kind: Kind = Kind.ORGANISATIONS, *, is_dry: bool = False, **more: Any
    ) -> tuple[int, int, int, int]:
        mapping = MAPPINGS[kind] | more
        return counts(await self.told.run(self.call, kind, text, mapping, is_dry=is_dry))

    def names(self) -> set[str]:
        found = self.node.desk.organisations(self.node.log.held, after=b"", limit=9)
        return {str(one.described["legal_name"]) for one in found}


@pytest.fixture
async def site(federation: Federation, told: Told) -> Site:
    await federation.coordinator()
    site = Site((await federation.join("at", "AT")).node, told)
    for kind in MAPPINGS:
        assert await site.take(as_file(BAKER), kind) == (1, 0, 0, 0), told.lines
    return site


async def test_another_organisation_with_a_known_key_is_held_back(site: Site) -> None:
    for is_dry in (True, False):
        assert await site.take(as_file(HOTEL), is_dry=is_dry) == (0, 0, 0, 1)
        assert (
            "the register has 'Mühlenbäckerei Sommer' by this key: another name and another "
            "identifier and another place; if these are two, give each list a 'source'"
        ) in site.told.lines[0]
    assert site.names() == {"Mühlenbäckerei Sommer"}
    assert await site.take(as_file(HOTEL), changed_keys={"1": "renamed and moved"}) == (1, 0, 0, 0)
    assert site.names() == {"Gasthof zur Lände"}


async def test_a_source_keeps_its_keys_to_itself(site: Site) -> None:
    for kind in MAPPINGS:
        assert await site.take(as_file(HOTEL), kind, source="hotels") == (1, 0, 0, 0)
        assert await site.take(as_file(HOTEL), kind, source="hotels") == (0, 1, 0, 0)
        assert await site.take(as_file(BAKER), kind) == (0, 1, 0, 0)
    assert site.names() == {"Mühlenbäckerei Sommer", "Gasthof zur Lände"}
    assert [len(one.history) for one in site.node.desk.labels()] == [1, 1]


MORE = {
    "columns": {"key": "nr", "organisation": "firma"},
    "constants": {"kind": "product"},
    "texts": {"name": {"column": "ware", "language": "de"}},
}
MORE_ROWS = "nr,firma,ware\n1,1,Brot\n2,1,Kuchen\n3,7,Nichts\n"


async def test_a_second_list_adds_offerings_to_what_the_first_has_brought_in(site: Site) -> None:
    """Its own numbers are its own, those of the organisations are the first list's."""
    mapping = MORE | {"source": "shop", "sources": {"organisation": ""}}
    kind = Kind.OFFERINGS
    assert counts(await site.told.run(site.call, kind, MORE_ROWS, mapping)) == (2, 0, 0, 1)
    assert "organisation '7' has not been imported" in site.told.lines[0]
    assert counts(await site.told.run(site.call, kind, MORE_ROWS, mapping)) == (0, 2, 0, 1)
    [baker] = site.node.desk.organisations(site.node.log.held, after=b"", limit=9)
    found = [
        site.node.desk.holder_of(site.node.log.held, entity).hex()
        for entity, _ in site.node.reader.entity_page(1, "offering", after=b"", limit=9)
    ]
    assert found == [baker.entity] * 3
    # And to those of a list that has a source of its own.
    assert await site.take(as_file(HOTEL), source="hotels") == (1, 0, 0, 0)
    other = MORE | {"source": "shop of hotels", "sources": {"organisation": "hotels"}}
    rows = MORE_ROWS.splitlines()
    first = "\n".join(rows[:2])
    assert counts(await site.told.run(site.call, kind, first, other)) == (1, 0, 0, 0)


async def test_an_offering_of_somebody_else_with_a_known_key_is_held_back(site: Site) -> None:
    second = "2" + HOTEL[1:]
    assert await site.take(as_file(second)) == (1, 0, 0, 0)
    taken = "nr,firma,ware\n1,2,Zimmer\n"
    for is_dry in (True, False):
        found = await site.told.run(site.call, Kind.OFFERINGS, taken, MORE, is_dry=is_dry)
        assert counts(found) == (0, 0, 0, 1)
        assert "the register has 'Torte' of another organisation by this key" in site.told.lines[0]
    sold = "nr,firma,ware\n1,2,Torten\n"
    assert counts(await site.told.run(site.call, Kind.OFFERINGS, sold, MORE, is_dry=True)) == (
        1,
        0,
        0,
        0,
    )
    assert site.told.report is not None
    assert "has it as that of another organisation" in site.told.report.remarks[0].text
    reasons = MORE | {"changed_keys": {"*": "numbered anew"}}
    assert counts(await site.told.run(site.call, Kind.OFFERINGS, taken, reasons)) == (1, 0, 0, 0)


@pytest.mark.parametrize("name", ["key", "organisation", "label"])
def test_a_source_of_its_own_is_of_what_rows_refer_to(name: str) -> None:
    values = {"columns": {"key": "nr"}, "constants": {"kind": "product"}, "sources": {name: "x"},
              "texts": MORE["texts"]}  # fmt: skip
    with pytest.raises(FormatError, match=r"\[sources\]"):
        parse_mapping(values, Kind.OFFERINGS, where="m.toml")


# The name, the place and the identifier of a later row: is it taken, and is a person told?
LATER = [
    ("Mühlenbäckerei Sommer GmbH,Wien,AT,X-99", True, False),
    ("Gasthof zur Lände,Villach,AT,X-17", True, False),
    ("Gasthof zur Lände,Krems,AT,", True, True),
    ("Gasthof zur Lände,,AT,", True, True),
    ("Gasthof zur Lände,Villach,AT,", False, False),
    ("Gasthof zur Lände,Krems,AT,X-99", False, False),
    ("Gasthof zur Lände,Krems,HU,", False, False),
]


async def test_what_may_have_changed_is_taken_and_told(site: Site) -> None:
    for text, is_taken, is_told in LATER:
        row = f"1,{text},Torte,gilt,2020-01-01"
        found = await site.take(as_file(row), is_dry=True)
        assert found == ((1, 0, 0, 0) if is_taken else (0, 0, 0, 1)), text
        report = site.told.report
        assert report is not None
        assert bool(report.remarks) is is_told, text


async def test_new_and_changed_are_counted_apart(site: Site) -> None:
    rows = as_file(BAKER.replace("Krems", "Melk"), "2" + HOTEL[1:], "3" + HOTEL[1:])
    for is_dry in (True, False):
        assert await site.take(rows, is_dry=is_dry) == (3, 0, 0, 0)
        report = site.told.report
        assert report is not None
        assert (report.summary.new, report.summary.changed) == (2, 1)
        page = format_report(report, ".md")
        assert "| of them new | 2 |" in page
        assert "| of them changed | 1 |" in page
    again = as_file(BAKER.replace("2020-01-01", "2024-05-05"))
    assert await site.take(again, Kind.DECISIONS) == (1, 0, 0, 0)
    report = site.told.report
    assert report is not None
    assert (report.summary.new, report.summary.changed) == (0, 1)
