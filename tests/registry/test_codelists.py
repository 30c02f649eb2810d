"""Lists of codes as documents, and codes held to them; nothing of it decides a state."""

import hashlib
from typing import Any

import msgspec
import pytest

from sopro_protocol.encoding import Value, encode
from sopro_protocol.errors import FormatError
from sopro_registry.codelists import List, codes_of, find_wrong_codes, format_list, parse_list
from sopro_registry.families import offering, organisation, scheme
from tests.registry.world import offering_body, organisation_body, scheme_body

CODES = {"03000000": {"de": "Agrarprodukte", "en": "Farm products"}, "75": {"en": "Services"}}
LISTS = {
    ("cpv", ""): List("2008", CODES),
    ("nace", "2.1"): List("2.1", {"38.21": {"en": "Materials recovery"}}),
    ("nuts", ""): List("2024", {"AT130": {"de": "Wien"}}),
    ("aims", "1"): List("1", {"et-eq": {"en": "Ethnic equality"}}),
    ("aims", "2"): List("2", None),
}


def find(name: str, version: str) -> List | None:
    return LISTS.get((name, version))


def convert(kind: Any, body: dict[str, Any]) -> Any:
    return msgspec.convert(body, kind, builtin_types=(bytes,))


def test_a_list_is_read_as_it_was_written() -> None:
    content = format_list(CODES)
    assert parse_list(content, digest=hashlib.sha256(content).digest(), size=2) == CODES


def test_another_document_is_no_list() -> None:
    content = format_list(CODES)
    with pytest.raises(FormatError, match="another digest") as caught:
        parse_list(content, digest=bytes(32), size=2)
    assert caught.value.code == "cdl.document"
    with pytest.raises(FormatError, match="a map of 3 codes"):
        parse_list(content, digest=hashlib.sha256(content).digest(), size=3)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"codes": []},
        {"codes": {}},
        {"codes": {"a b": {"en": "x"}}},
        {"codes": {"a": {}}},
        {"codes": {"a": "x"}},
        {"codes": {"a": {"en": ""}}},
        {"codes": {"a": {"en": 1}}},
        {"codes": {"a": {"english": "x"}}},
        {"codes": {"a": {"en": "x" * 2001}}},
        ["codes"],
    ],
)
def test_refuses_a_document_that_is_no_list(document: Value) -> None:
    content = encode(document)
    with pytest.raises(FormatError, match="codelist:") as caught:
        parse_list(content, digest=hashlib.sha256(content).digest(), size=1)
    assert caught.value.code == "cdl.document"


@pytest.mark.parametrize(
    ("family", "changes", "found"),
    [
        (offering, {}, []),
        (offering, {"cpv": ["03000000", "75"]}, []),
        (offering, {"cpv": ["3000000"]}, ["cdl.unknown-code"]),
        (offering, {"cpv": ["76", "77"]}, ["cdl.unknown-code", "cdl.unknown-code"]),
        (organisation, {}, []),
        (organisation, {"nuts": "AT130"}, []),
        (organisation, {"nuts": "AT13"}, ["cdl.unknown-code"]),
        (organisation, {"activities": ["2.1:38.21"]}, []),
        (organisation, {"activities": ["2.1:38.22"]}, ["cdl.unknown-code"]),
        # Of that revision there is no list, so nobody can say.
        (organisation, {"activities": ["2:38.21", "38.21"]}, []),
        (organisation, {"codes": [{"list": "aims", "version": "1", "code": "et-eq"}]}, []),
        (
            organisation,
            {"codes": [{"list": "aims", "version": "1", "code": "x"}]},
            ["cdl.unknown-code"],
        ),
        (offering, {"codes": [{"list": "aims", "version": "2", "code": "x"}]}, ["cdl.unread"]),
        (
            offering,
            {"codes": [{"list": "aims", "version": "3", "code": "et-eq"}]},
            ["cdl.unknown-list"],
        ),
    ],
)
def test_finds_codes_that_their_list_does_not_have(
    family: Any, changes: dict[str, Any], found: list[str]
) -> None:
    base = offering_body() if family is offering else organisation_body()
    body = convert(family.Body, base | changes)
    assert [one.code for one in find_wrong_codes(body, find)] == found


def test_says_which_code_of_which_list() -> None:
    body = convert(offering.Body, offering_body() | {"cpv": ["3000000"]})
    [finding] = find_wrong_codes(body, find)
    assert finding.message.startswith("cpv: '3000000' is no code of the list cpv, version 2008")


def test_other_records_have_no_codes() -> None:
    assert codes_of(convert(scheme.Body, scheme_body())) == []
