import re
from pathlib import Path
from typing import Any

import pytest

from sopro_node.importing import mapping as mapping_module
from sopro_node.importing.fields import FIELDS, Kind
from sopro_node.importing.mapping import (
    load_mapping,
    parse_mapping,
    plain_mapping,
)
from sopro_node.importing.mapping_checks import check_header
from sopro_protocol.errors import FormatError
from tests.node.importing.sources import DECISIONS, OFFERINGS, ORGANISATIONS

KINDS = {
    Kind.ORGANISATIONS: ORGANISATIONS,
    Kind.OFFERINGS: OFFERINGS,
    Kind.DECISIONS: DECISIONS,
}

# What is changed in a good mapping, and what the error must say: what is wrong and what is known.
WRONG: list[tuple[Kind, dict[str, Any], list[str]]] = [
    (Kind.ORGANISATIONS, {"colums": {}}, ["unknown key 'colums'", "columns, constants"]),
    (
        Kind.ORGANISATIONS,
        {"columns": {"key": "no", "nmae": "name"}},
        ["[columns]: unknown field 'nmae'", "legal_name"],
    ),
    (
        Kind.DECISIONS,
        {"columns": {"key": "no", "legal_name": "x"}},
        ["unknown field 'legal_name'", "effective_date"],
    ),
    (
        Kind.ORGANISATIONS,
        {"columns": {"legal_name": "name"}},
        ["need 'key'", "name its column", "fields: key"],
    ),
    (
        Kind.OFFERINGS,
        {"texts": {}},
        ["need 'name'", "[texts]"],
    ),
    (
        Kind.OFFERINGS,
        {"texts": {"name": {"column": "name", "lang": "de"}}},
        ["[texts.name]: unknown key 'lang'", "language"],
    ),
    (
        Kind.OFFERINGS,
        {"texts": {"name": {"column": "name", "language": "german!"}}},
        ["[texts] name", "'german!'", "such as de"],
    ),
    (Kind.OFFERINGS, {"texts": {"name": {"column": "name"}}}, ["'language' or 'language_column'"]),
    (
        Kind.DECISIONS,
        {"status": {"granted": "held"}},
        ["[status] granted", "hold, end, expired, grant", "'held'"],
    ),
    (
        Kind.DECISIONS,
        {"dates": {"effective_date": {"kind": "time"}}},
        ["[dates.effective_date]: kind: expected one of 'date', 'instant', got 'time'"],
    ),
    (
        Kind.DECISIONS,
        {"dates": {"effective_date": {"format": "%d %B"}}},
        ["[dates.effective_date]", "%Y, %m and %d", "'%d %B'"],
    ),
    (
        Kind.DECISIONS,
        {"dates": {"effective_date": {"kind": "instant", "format": "%d.%m.%Y"}}},
        ["leave out 'format'"],
    ),
    (Kind.ORGANISATIONS, {"dates": []}, ["dates: expected a table"]),
    (Kind.ORGANISATIONS, {"constants": {"actor_type": 1}}, ["expected `str`, got `int`"]),
    (
        Kind.ORGANISATIONS,
        {"delimiter": "/"},
        ["delimiter: expected one of '', ',', ';', '\\t', '|', got '/'"],
    ),
    (Kind.ORGANISATIONS, {"delimiter": 1}, ["delimiter: expected one of '', ", "got 1"]),
    (Kind.ORGANISATIONS, {"repeated_keys": "last"}, ["expected one of 'error', 'first', got"]),
    (Kind.ORGANISATIONS, {"encoding": "base64"}, ["encoding: expected a name such as utf-8"]),
    (Kind.ORGANISATIONS, {"header_line": -1}, ["header_line"]),
    (Kind.ORGANISATIONS, {"only": {"land": "AT"}}, ["[only]: unknown field 'land'", "country"]),
    (Kind.ORGANISATIONS, {"skip": {"land": {"AT": " "}}}, ["[skip.land]: expected a reason"]),
    (Kind.ORGANISATIONS, {"each": {"column": "a", "by": ";"}}, ["unknown key 'by'", "separator"]),
    (Kind.ORGANISATIONS, {"each": {"column": "a"}}, ["separator"]),
    (Kind.ORGANISATIONS, {"joined": {"country": ["a"]}}, ["[joined]: unknown field 'country'"]),
    (
        Kind.OFFERINGS,
        {"values": {"name": {}}},
        ["[values]: unknown field 'name without .LANGUAGE'"],
    ),
    (Kind.OFFERINGS, {"values": {"kind.de": {}}}, ["[values]: unknown field 'kind.de'"]),
    (
        Kind.OFFERINGS,
        {"texts": {"name": {"column": "name", "kind": "xml"}}},
        ["[texts.name]: kind: expected one of 'text', 'json', got 'xml'"],
    ),
    (
        Kind.DECISIONS,
        {"columns": {"key": "a", "order": "b", "status": "c", "granted_on": "d"}},
        ["'granted_on' is of rows that say how a label stands now"],
    ),
    (
        Kind.DECISIONS,
        {"status": {"lapsed": "expired"}},
        ["[status] 'expired' is of rows that say how a label stands now"],
    ),
    (
        Kind.DECISIONS,
        {"columns": {"key": "a", "event": "b", "status": "c"}},
        ["'event' names a decision of a history; name its 'order', too"],
    ),
    (
        Kind.DECISIONS,
        {"columns": {"key": "a", "status": "c"}, "status": {"handed": "transfer_out"}},
        ["[status] handed: without 'order'", "expected one of hold, grant", "'transfer_out'"],
    ),
    (Kind.ORGANISATIONS, {"unusable_cells": ["x"]}, ["expected one of 'error', 'empty', got"]),
]


@pytest.mark.parametrize(("kind", "change", "says"), WRONG)
def test_refuses_a_wrong_mapping_and_says_what_is_known(
    kind: Kind, change: dict[str, Any], says: list[str]
) -> None:
    with pytest.raises(FormatError) as refused:
        parse_mapping(KINDS[kind] | change, kind, where="m.toml")
    assert str(refused.value).startswith("m.toml: ")
    for words in says:
        assert words in str(refused.value)


def test_a_column_that_the_file_lacks_is_named_with_those_it_has() -> None:
    mapping = parse_mapping(OFFERINGS, Kind.OFFERINGS, where="m.toml")
    with pytest.raises(
        FormatError, match=r"f.csv: has no column 'org' \(for organisation\)"
    ) as one:
        check_header(mapping, ["no", "name", "firm"], where="f.csv")
    assert "its columns: no, name, firm" in str(one.value)
    with pytest.raises(FormatError, match="has 2 columns 'no'"):
        check_header(mapping, ["no", "no", "name", "org"], where="f.csv")


def test_without_a_mapping_columns_are_named_like_the_fields() -> None:
    mapping = plain_mapping(
        ["key", "organisation", "kind", "name.de", "name.hu", "note"], Kind.OFFERINGS
    )
    assert mapping.columns_of("kind") == ("kind",)
    assert [one.language for one in mapping.texts_of("name")] == ["de", "hu"]
    with pytest.raises(FormatError, match="decisions need 'status'"):
        plain_mapping(["key", "order", "scheme"], Kind.DECISIONS)


def test_one_file_may_hold_the_mappings_of_all_kinds(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text('[offerings.columns]\nkey = "a"\norganisation = "b"\nkind = "c"\n'
                    '[offerings.texts]\nname = { column = "d", language = "de" }\n')  # fmt: skip
    assert load_mapping(path, Kind.OFFERINGS).columns_of("kind") == ("c",)
    with pytest.raises(FormatError, match=r"no table \[decisions\]; it has offerings"):
        load_mapping(path, Kind.DECISIONS)


@pytest.mark.parametrize(
    ("content", "says"), [(b"a = [", "not TOML"), (b"\xff", "cannot be read"), (None, "No such")]
)
def test_a_file_that_is_no_mapping_is_said_to_be_none(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    path = tmp_path / "m.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FormatError, match=says):
        load_mapping(path, Kind.OFFERINGS)


def test_every_field_is_in_the_documentation() -> None:
    lines = (Path(mapping_module.__file__).parent / "README.md").read_text().splitlines()
    for kind in Kind:
        [row] = [line for line in lines if line.startswith(f"| {kind} |")]
        words = set(re.findall(r"\w+", row))
        needed = set(re.findall(r"\*\*(\w+)\*\*", row))
        assert {one.name for one in FIELDS[kind]} <= words
        assert {one.name for one in FIELDS[kind] if one.is_needed} == needed
