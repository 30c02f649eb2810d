"""What a line of the directory shows is read back as it was, or not kept at all."""

import pytest

from sopro_node.store.lines import LONGEST, HolderLine, ThingLine, read_line, write_line
from sopro_node.structured import MOST_READ, read_structured
from sopro_protocol.encoding import Value, encode
from sopro_registry.families import offering, organisation

HOLDER = organisation.State(7, "enterprise", "AT", "active")
THING = offering.State(9, bytes(range(16)), "product", "published")


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"legal_name": "Hof", "locality": "Győr"}, HolderLine("Hof", "Győr", "AT")),
        ({"legal_name": "Hof", "secret": "Geheim"}, HolderLine("Hof", "", "AT")),
        ({"locality": 7}, HolderLine("", "7", "AT")),
        ({}, HolderLine("", "", "AT")),
    ],
)
def test_shows_name_place_and_country_of_an_organisation(
    fields: dict[str, Value], line: HolderLine
) -> None:
    assert read_line(write_line(HOLDER, fields)) == line


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"name": {"de": "Tisch", "hu": "Asztal"}}, {"de": "Tisch", "hu": "Asztal"}),
        ({"name": {"de": 5}}, {"de": "5"}),
        ({"name": "Tisch"}, {}),
        ({}, {}),
    ],
)
def test_shows_kind_and_names_of_an_offering(
    fields: dict[str, Value], name: dict[str, str]
) -> None:
    assert read_line(write_line(THING, fields)) == ThingLine(bytes(range(8, 16)), "product", name)


def test_keeps_no_line_that_is_too_long() -> None:
    empty = len(write_line(HOLDER, {"legal_name": "x" * 256}))
    longest = "x" * (256 + LONGEST - empty)
    assert len(write_line(HOLDER, {"legal_name": longest})) == LONGEST
    assert write_line(HOLDER, {"legal_name": f"{longest}x"}) == b""


@pytest.mark.parametrize(
    "content", [b"", b"\xc1", encode(["legal_name"]), encode({"a": "x" * MOST_READ})]
)
def test_reads_a_document_that_holds_no_fields_as_empty(content: bytes) -> None:
    assert read_structured(content) == {}
