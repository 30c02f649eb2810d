"""The specification, the code and the vectors say the same things."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sopro_protocol.record import Commitment, Record
from sopro_registry.catalogue import FAMILIES
from sopro_registry.families.site_membership import TRANSITIONS as MEMBERSHIP
from sopro_registry.label import IMPORTED_TRANSITIONS, TRANSITIONS
from sopro_registry.status import Leaf

ROOT = Path(__file__).resolve().parents[1]
SPEC = (ROOT / "protocol" / "SPEC.md").read_text(encoding="utf-8")
CLAUSES = dict(re.findall(r"(?m)^- \*\*([A-Z]+-[1-9][0-9]*)\*\* (.+)$", SPEC))
SECTIONS = {clause.split("-")[0] for clause in CLAUSES}
TABLE = {
    code: clauses.split(", ")
    for code, clauses in re.findall(
        r"(?m)^\| `([a-z.-]+)` \| ([A-Z0-9, -]+) \|$", SPEC.split("### Codes and their clauses")[1]
    )
}
CODE = r"[a-z]+(?:[.-][a-z-]+)*"
SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for folder in ("protocol", "registry", "node")
    for path in sorted((ROOT / folder).rglob("*.py"))
}
VECTORS = sorted((ROOT / "protocol" / "vectors").glob("*.json"))


def codes_of(text: str) -> set[str]:
    return set(
        re.findall(rf'(?:\bcode=|_refuse\(|default_code = |\b4[0-9]{{2}}: )\s*"({CODE})"', text),
    )


def cited(value: Any) -> Iterator[str]:
    """Walk a vector file for the clauses it cites."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("clause", "clauses"):
                yield from [inner] if isinstance(inner, str) else inner
            else:
                yield from cited(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from cited(inner)


def codes_in(value: Any) -> Iterator[str]:
    """Walk a vector file for the codes of its refusals."""
    if isinstance(value, dict):
        if "code" in value and {"delta", "why"} & value.keys():
            yield value["code"]
        for inner in value.values():
            yield from codes_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from codes_in(inner)


def table_after(heading: str) -> list[list[str]]:
    """Return the rows of the first table after a text, without its head."""
    lines = SPEC.split(heading, 1)[1].splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows[2:]


def test_clauses_are_numbered_without_gap_and_named_once() -> None:
    found = re.findall(r"(?m)^- \*\*([A-Z]+)-([0-9]+)\*\*", SPEC)
    for section in SECTIONS:
        numbers = [int(number) for name, number in found if name == section]
        assert numbers == list(range(1, len(numbers) + 1)), section


def test_every_clause_that_is_named_exists() -> None:
    # The last table names cases as well, some of which are called like clauses.
    rules, _, _ = SPEC.partition("### Clauses and their cases")
    named = set(re.findall(rf"\b(?:{'|'.join(SECTIONS)})-[1-9][0-9]*\b", rules))
    assert named == CLAUSES.keys()


@pytest.mark.parametrize("path", SOURCES)
def test_every_code_in_the_source_is_in_the_specification(path: str) -> None:
    assert codes_of(SOURCES[path]) - TABLE.keys() == set()


@pytest.mark.parametrize("path", SOURCES)
def test_every_clause_cited_in_the_source_exists(path: str) -> None:
    # A number with a leading zero is that of a conformance case.
    named = set(re.findall(rf"\b(?:{'|'.join(SECTIONS)})-[1-9][0-9]*\b", SOURCES[path]))
    assert named - CLAUSES.keys() == set()


def test_finds_codes_however_they_are_written() -> None:
    assert codes_of('code="rec.form"; _refuse("enc.type", f(); default_code = "not-found"') == {
        "rec.form",
        "enc.type",
        "not-found",
    }
    assert len(set().union(*map(codes_of, SOURCES.values()))) > 40


def test_every_code_of_the_specification_is_refused_somewhere() -> None:
    assert TABLE.keys() - set().union(*map(codes_of, SOURCES.values())) == set()


def test_the_table_of_codes_lists_the_clauses_that_name_them() -> None:
    expected: dict[str, list[str]] = {}
    for clause, text in CLAUSES.items():
        for bracket in re.findall(r"\[(`[^\]]*)\]", text):
            for code in re.findall(rf"`({CODE})`", bracket):
                if clause not in expected.setdefault(code, []):
                    expected[code].append(clause)
    for row in table_after("- **ERR-2**"):
        expected.setdefault(row[1].strip("`"), []).append("ERR-2")
    assert expected == TABLE
    assert list(TABLE) == sorted(TABLE)


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_every_clause_and_code_of_a_vector_is_in_the_specification(path: Path) -> None:
    vectors = json.loads(path.read_text(encoding="utf-8"))
    assert set(cited(vectors)) <= CLAUSES.keys()
    assert set(cited(vectors))
    assert set(codes_in(vectors)) <= TABLE.keys()


STRUCTS = {
    "- **REC-1**": Record,
    "- **DOC-1**": Commitment,
    "- **STATUS-4**": Leaf,
    **{f"`{family.title}`\n": family.body for family in FAMILIES.values()},
}


@pytest.mark.parametrize("heading", STRUCTS)
def test_the_table_of_a_struct_has_its_fields_and_says_which_are_needed(heading: str) -> None:
    info = msgspec.inspect.type_info(STRUCTS[heading])
    assert isinstance(info, msgspec.inspect.StructType)
    expected = [
        [f"`{field.encode_name}`", "needed" if field.required else ""] for field in info.fields
    ]
    assert [row[:2] for row in table_after(heading)] == expected


def closed_words(kind: Any) -> Iterator[list[str]]:
    """Walk a field's type for the words it is limited to."""
    match kind:
        case msgspec.inspect.LiteralType(values=values) if isinstance(values[0], str):
            yield list(values)
        case msgspec.inspect.EnumType(cls=enum):
            yield [member.value for member in enum]
        case msgspec.inspect.UnionType(types=kinds):
            for inner in kinds:
                yield from closed_words(inner)


@pytest.mark.parametrize("heading", STRUCTS)
def test_the_table_of_a_struct_lists_the_words_a_field_is_limited_to(heading: str) -> None:
    info = msgspec.inspect.type_info(STRUCTS[heading])
    assert isinstance(info, msgspec.inspect.StructType)
    for field, row in zip(info.fields, table_after(heading), strict=True):
        for words in closed_words(field.type):
            assert set(re.findall(r"`([^`]+)`", row[2])) == set(words), field.name


def test_patterns_of_field_types_are_those_of_the_code() -> None:
    source = SOURCES["registry/sopro_registry/fields.py"]
    source += SOURCES["protocol/sopro_protocol/record.py"]
    patterns = [
        pattern
        for row in table_after("- **FIELD-1**")
        for pattern in re.findall(r"`([^`]+)`", row[1])
        if "[" in pattern
    ]
    assert len(patterns) == 8
    assert [pattern for pattern in patterns if f'"^{pattern}\\Z"' not in source] == []


def steps(cell: str) -> set[tuple[str, str]]:
    return set(re.findall(r"`([a-z_]+)` ([a-z]+)", cell))


def test_transitions_of_labels_are_those_of_the_code() -> None:
    rows = table_after("- **LBL-13**")
    stated = {
        (before.strip("()"), action, after)
        for before, assessed, _ in rows
        for action, after in steps(assessed)
    }
    more = {
        (before, action, after) for before, _, imported in rows for action, after in steps(imported)
    }
    assert stated == {
        (held.word, action.value, after.word) for (held, action), after in TRANSITIONS.items()
    }
    assert stated | more == {
        (held.word, action.value, after.word)
        for (held, action), after in IMPORTED_TRANSITIONS.items()
    }
    assert not stated & more


def test_transitions_of_members_are_those_of_the_code() -> None:
    stated = {
        (None if before == "(none)" else before.strip("`"), after)
        for before, cell in table_after("- **MEM-2**")
        for after in re.findall(r"`([a-z]+)`", cell)
    }
    assert stated == MEMBERSHIP


def test_roles_and_places_of_families_are_those_of_the_code() -> None:
    words = {
        "any log": "counts in any log",
        "the coordinator's log": "counts in the coordinator's log",
        "the log of an admitted member": "counts in the log of an admitted member",
        "the log of an admitted member, or the coordinator's": (
            "counts in the log of an admitted member, or the coordinator's"
        ),
    }
    for family in FAMILIES.values():
        below = SPEC.split(f"`{family.title}`\n", 1)[1].strip().splitlines()[0]
        assert below.startswith(f"Role `{family.role.value}`; {words[family.place.value]}.")
