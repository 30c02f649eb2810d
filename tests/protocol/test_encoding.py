"""Canonical msgpack: every value has one spelling, and everything else is refused by name."""

import json
import runpy
import time
from pathlib import Path
from typing import Any

import msgpack
import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sopro_protocol.encoding import (
    MAX_DEPTH,
    MAX_ENTRY,
    MAX_INTEGER,
    MAX_RECORD,
    Canonical,
    Value,
    decode,
    encode,
    encode_struct,
)
from sopro_protocol.errors import FormatError

MAKER = runpy.run_path(str(Path(__file__).with_name("make_record_vectors.py")))
VECTORS = json.loads((MAKER["FOLDER"] / "encoding.json").read_text(encoding="utf-8"))
CODES = {
    "enc.duplicate-key",
    "enc.framing",
    "enc.key-order",
    "enc.limit",
    "enc.not-shortest",
    "enc.text",
    "enc.type",
}
CONTROLS = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0)])).replace("\n", "").replace("\t", "")
TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters=CONTROLS),
    max_size=40,
)
SCALARS = st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXT | st.binary(max_size=300)
VALUES: st.SearchStrategy[Value] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(TEXT, inner, max_size=20),
    max_leaves=40,
)


def code_of(data: bytes, limit: int = MAX_RECORD) -> str:
    with pytest.raises(FormatError, match=r"^encoding: ") as refusal:
        decode(data, limit=limit)
    return refusal.value.code


def nested(depth: int) -> bytes:
    return b"\x91" * (depth - 1) + b"\x90"


def bare(value: Any) -> Any:
    """Forget what JSON and msgpack cannot tell apart."""
    return [bare(inner) for inner in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_accepts_and_refuses_as_the_vectors_say(case: dict[str, Any]) -> None:
    data = MAKER["bytes_of"](case["accept"])
    value = decode(data)
    assert encode(value) == data
    assert case["accept"].get("value", MAKER["show"](value)) == MAKER["show"](value)
    for refused in case["reject"]:
        assert code_of(MAKER["bytes_of"](refused)) == refused["code"], refused["delta"]


def test_frozen_vectors_are_what_the_generator_makes() -> None:
    text = (MAKER["FOLDER"] / "encoding.json").read_text(encoding="utf-8")
    assert MAKER["render"]("encoding") == text


def test_vectors_hold_every_code_of_the_encoding() -> None:
    assert {refused["code"] for case in VECTORS["cases"] for refused in case["reject"]} == CODES


def test_every_hostile_vector_differs_from_its_twin() -> None:
    for case in VECTORS["cases"]:
        twins = [MAKER["bytes_of"](case["accept"]), *map(MAKER["bytes_of"], case["reject"])]
        assert len(set(twins)) == len(twins), case["name"]


@given(VALUES)
def test_decodes_what_it_encodes(value: Value) -> None:
    data = encode(value)
    assert bare(decode(data, limit=MAX_ENTRY * 4)) == bare(value)


@given(VALUES)
def test_encodes_what_another_msgpack_reads(value: Value) -> None:
    assert bare(msgpack.unpackb(encode(value), strict_map_key=False)) == bare(value)


@given(st.dictionaries(TEXT, st.integers(0, 9), max_size=30))
def test_writes_keys_in_the_order_of_their_utf8(value: dict[str, int]) -> None:
    ordered = sorted(value, key=lambda key: key.encode())
    assert list(decode(encode(value))) == ordered


@given(st.binary(max_size=60))
def test_accepts_only_bytes_it_would_write(data: bytes) -> None:
    try:
        value = decode(data)
    except FormatError as error:
        assert error.code in CODES
        return
    assert encode(value) == data


@given(VALUES, st.data())
def test_accepts_of_altered_bytes_only_those_it_would_write(value: Value, data: Any) -> None:
    whole = bytearray(encode(value))
    assume(len(whole) <= MAX_RECORD)
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        altered = decode(bytes(whole))
    except FormatError as error:
        assert error.code in CODES
        return
    assert encode(altered) == bytes(whole)


def test_refuses_an_end_at_every_offset() -> None:
    whole = encode(
        {
            "array": [1, 200, 70_000, 2**40, -1, -100, -200, -70_000, -(2**40)],
            "bytes": [bytes(3), bytes(300)],
            "long": ["x" * 40, "y" * 300, [0] * 20, {f"k{n:02}": n for n in range(20)}],
            "truth": True,
        }
    )
    assert {code_of(whole[:size]) for size in range(len(whole))} == {"enc.framing"}
    assert decode(whole) == decode(whole + b"")


def test_refuses_70_000_bytes_of_array_cut_short_within_a_larger_limit() -> None:
    for head in (b"\xdd\x00\x01\x11\x70", b"\xdf\x00\x01\x11\x70", b"\xdb\x00\x01\x11\x70"):
        assert code_of(head + b"\xa0", 100_000) == "enc.framing"
    for data in (bytes(70_000), "x" * 70_000, [0] * 70_000):
        assert decode(encode(data), limit=100_000) == data


@pytest.mark.parametrize("head", ["dd", "df", "db", "c6"])
def test_refuses_a_claim_of_4_294_967_295_at_once(head: str) -> None:
    started = time.process_time()
    assert code_of(bytes.fromhex(head) + b"\xff\xff\xff\xff") == "enc.limit"
    assert time.process_time() - started < 0.5


def test_refuses_claims_inside_one_another_at_once() -> None:
    started = time.process_time()
    assert code_of(b"\xdc\x7f\xff" * 10_000) == "enc.limit"
    assert time.process_time() - started < 0.5


def test_accepts_depth_16_and_refuses_17() -> None:
    assert encode(decode(nested(MAX_DEPTH))) == nested(MAX_DEPTH)
    assert code_of(nested(MAX_DEPTH + 1)) == "enc.limit"
    maps = b"\x81\xa1a" * (MAX_DEPTH - 1)
    assert encode(decode(maps + b"\x80")) == maps + b"\x80"
    assert code_of(maps + b"\x81\xa1a\x80") == "enc.limit"


def test_accepts_32768_bytes_and_refuses_one_more() -> None:
    full = b"\xc5\x7f\xfd" + bytes(32_765)
    assert len(full) == MAX_RECORD
    assert decode(full) == bytes(32_765)
    assert code_of(b"\xc5\x7f\xfe" + bytes(32_766)) == "enc.limit"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "enc.type"),
        (1.0, "enc.type"),
        (bytearray(b"a"), "enc.type"),
        ({1: 2}, "enc.type"),
        ({b"a": 2}, "enc.type"),
        ({"a": {None: 1}}, "enc.type"),
        ({1, 2}, "enc.type"),
        (MAX_INTEGER + 1, "enc.limit"),
        (-MAX_INTEGER - 1, "enc.limit"),
        ("\ud800", "enc.text"),
        ("a\x00", "enc.text"),
        ("\x9f", "enc.text"),
        ({"\r": 1}, "enc.text"),
        (["\x7f"], "enc.text"),
    ],
)
def test_encodes_nothing_it_would_refuse(value: Any, code: str) -> None:
    with pytest.raises(FormatError) as refusal:
        encode(value)
    assert refusal.value.code == code


def test_encodes_depth_16_and_refuses_17() -> None:
    value: Value = []
    for _ in range(MAX_DEPTH - 1):
        value = [value]
    assert encode(value) == nested(MAX_DEPTH)
    for deeper in ([value], {"a": value}):
        with pytest.raises(FormatError) as refusal:
            encode(deeper)
        assert refusal.value.code == "enc.limit"


@pytest.mark.parametrize("character", [*CONTROLS])
def test_refuses_every_control_character_but_newline_and_tab(character: str) -> None:
    text = f"a{character}b".encode()
    assert code_of(bytes((0xA0 + len(text),)) + text) == "enc.text"


@pytest.mark.parametrize("head", [*range(0xC7, 0xCC), *range(0xD4, 0xD9), 0xC0])
def test_refuses_nil_floats_and_every_ext_type(head: int) -> None:
    assert code_of(bytes((head,)) + bytes(20)) == "enc.type"


@pytest.mark.parametrize(
    ("delta", "code", "data"),
    [
        ("the longer form before the limit", "enc.not-shortest", "cf0000000000000001"),
        ("the limit of a length before the end of input", "enc.limit", "c6ffffffff"),
        ("the depth before the values", "enc.limit", (b"\x91" * 16 + b"\x91\xc1").hex()),
        ("the type of a key before its value", "enc.type", "8101c1"),
        ("a duplicate before the value behind it", "enc.duplicate-key", "82a16101a161c1"),
        ("a duplicate before the order", "enc.duplicate-key", "83a16101a16202a161c1"),
        ("the first fault before bytes after the value", "enc.type", "c000"),
        ("UTF-8 before control characters", "enc.text", "a200ff"),
    ],
)
def test_of_two_faults_the_first_met_is_named(delta: str, code: str, data: str) -> None:
    assert code_of(bytes.fromhex(data)) == code, delta


class Point(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A struct of the profile."""

    raw: bytes | msgspec.UnsetType = msgspec.UNSET
    x: int
    y: int


READER = Canonical(Point)


@pytest.mark.parametrize("wrap", [bytes, msgspec.Raw])
def test_a_typed_reader_accepts_canonical_bytes_whoever_holds_them(wrap: Any) -> None:
    assert READER.read(wrap(encode({"x": 1, "y": 2}))) == Point(x=1, y=2)


@pytest.mark.parametrize(
    "data",
    [
        "82a178cc01a17902",
        "82a17902a17801",
        "83a17801a17901a17902",
        "83a17801a17902a17a03",
        "81a17801",
        "82a178c0a17902",
        "82a17801a17902" + "00",
        "83a3726177a24141a17801a17902",
        "83a3726177c0a17801a17902",
        "81a2" + "c328" + "01",
        "",
    ],
)
def test_a_typed_reader_leaves_everything_else_to_the_strict_decoder(data: str) -> None:
    assert READER.read(bytes.fromhex(data)) is None


def test_a_typed_reader_survives_nesting_beyond_its_stack() -> None:
    assert READER.read(b"\x83\xa1a" + b"\x91" * 30_000 + b"\xc0") is None
    assert READER.read(b"\x83\xa3raw" + b"\x81" * 30_000) is None


def test_converting_takes_no_text_for_bytes() -> None:
    assert READER.convert({"raw": b"A", "x": 1, "y": 2, "z": 3}) == Point(raw=b"A", x=1, y=2)
    with pytest.raises(msgspec.ValidationError, match="Expected `bytes`"):
        READER.convert({"raw": "QQ==", "x": 1, "y": 2})


def test_a_struct_of_sorted_fields_is_written_canonically() -> None:
    data = encode_struct(Point(raw=b"a", x=300, y=-40))
    assert data == encode({"raw": b"a", "x": 300, "y": -40})


Wide = msgspec.defstruct(
    "Wide",
    [(f"f{number:02}", int | msgspec.UnsetType, msgspec.UNSET) for number in range(17)],
    omit_defaults=True,
)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17])
def test_a_struct_of_many_fields_has_the_shortest_header_for_those_it_holds(count: int) -> None:
    values = {f"f{number:02}": number for number in range(count)}
    data = encode(values)
    assert encode_struct(Wide(**values)) == data
    assert Canonical(Wide).read(data) == Wide(**values)
    if count < 16:
        longer = b"\xde\x00" + bytes((count,)) + data[1:]
        assert Canonical(Wide).read(longer) is None
        assert code_of(longer) == "enc.not-shortest"
