"""Records and entries: what is accepted, what is refused, and that the fast path never differs."""

import inspect
import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw, Struct

from sopro_protocol import record as record_module
from sopro_protocol.encoding import MAX_ENTRY, MAX_RECORD, TEXT_PATTERN, decode, encode
from sopro_protocol.errors import FormatError, SoproError
from sopro_protocol.keys import Ed25519Signer, Role
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.record import (
    RECORD_CONTEXT,
    Commitment,
    Entry,
    ReadRecord,
    Record,
    Signature,
    check_signatures,
    format_entry,
    format_record,
    parse_entry,
    read_record,
    sign_record,
)
from sopro_registry import fields
from sopro_registry.catalogue import FAMILIES, READERS

MAKER = runpy.run_path(str(Path(__file__).with_name("make_record_vectors.py")))
FILES = {
    name: json.loads((MAKER["FOLDER"] / f"{name}.json").read_text(encoding="utf-8"))
    for name in ("record", "entry")
}
KEYS = {
    bytes.fromhex(key["key_id"]): bytes.fromhex(key["public"])
    for key in FILES["entry"]["keys"]
    if key["at_hand"]
}
SIGNER = MAKER["REGISTRAR"]
CONTROLS = [chr(code) for code in (*range(32), *range(127, 160)) if code not in (9, 10)]


def refusal_of(run: Any, *arguments: Any) -> str:
    with pytest.raises(SoproError) as refusal:
        run(*arguments)
    return refusal.value.code


def read_strictly(data: bytes) -> ReadRecord:
    return record_module._read_slowly(data, READERS)


def read_quickly(data: bytes) -> ReadRecord | None:
    """Read as read_record does before it turns to the strict decoder."""
    record = record_module._RECORD.read(data)
    reader = READERS.get(record.family) if record else None
    body = reader.read(record.body) if record and reader else None
    return ReadRecord(record, body) if record and body is not None else None


def contents(read: ReadRecord) -> tuple[Any, ...]:
    names = Record.__struct_fields__
    values = [getattr(read.record, name) for name in names if name != "body"]
    body = str(read.body) if isinstance(read.body, FormatError) else read.body
    return (*values, bytes(read.record.body), type(read.body), body)


def check_agreement(data: bytes) -> str:
    """Hold the quick reader to the strict one; say what became of the bytes."""
    quick = read_quickly(data)
    try:
        strict = read_strictly(data)
    except FormatError as error:
        assert quick is None
        assert refusal_of(read_record, data, READERS) == error.code
        return error.code
    assert contents(read_record(data, READERS)) == contents(strict)
    assert bytes(strict.record.body) in data
    if quick is None:
        return "strict"
    assert contents(quick) == contents(strict)
    return "quick"


# Bodies of every family, from their types


def strategy_of(kind: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one type, one line
    """Make values of a type as `msgspec.inspect` describes it."""
    info = msgspec.inspect
    match kind:
        case info.Metadata(type=inner):
            return strategy_of(inner)
        case info.StructType(fields=parts):
            needed = {part.encode_name: strategy_of(part.type) for part in parts if part.required}
            more = {part.encode_name: strategy_of(part.type) for part in parts if not part.required}
            return st.fixed_dictionaries(needed, optional=more)
        case info.UnionType(types=types):
            return st.one_of(
                [strategy_of(one) for one in types if not isinstance(one, info.UnsetType)]
            )
        case info.LiteralType(values=values):
            return st.sampled_from(values)
        case info.EnumType(cls=enum):
            return st.sampled_from([member.value for member in enum])
        case info.IntType(ge=least, le=most):
            return st.integers(least, most)
        case info.BytesType(min_length=least, max_length=most):
            return st.binary(min_size=least or 0, max_size=most)
        case info.ListType(item_type=item, min_length=least, max_length=most):
            return st.lists(strategy_of(item), min_size=least or 0, max_size=min(most, 3))
        case info.DictType(key_type=key, value_type=item, min_length=least):
            return st.dictionaries(
                strategy_of(key), strategy_of(item), min_size=least or 0, max_size=3
            )
        case info.TupleType(item_types=items):
            return st.tuples(*map(strategy_of, items)).map(list)
        case info.StrType(pattern=pattern, min_length=least, max_length=most):
            if pattern == TEXT_PATTERN:
                letters = st.characters(codec="utf-8", exclude_characters=CONTROLS)
                return st.text(letters, min_size=least, max_size=min(most, 40))
            text = st.from_regex(pattern)
            return text if most is None else text.filter(lambda one: len(one) <= most)
    raise AssertionError(kind)


BODIES = {
    title: strategy_of(msgspec.inspect.type_info(FAMILIES[title.split("/")[0]].body))
    for title in READERS
}
ODD = st.sampled_from(
    [
        None, 1.5, -1, 0, 2**53, True, "", "x\x00", "x\n", "2024-01-01\n", b"", "d3d3d3d3d3d3dw==",
        [], {}, {"a": 1}, [[]], "AT", "at", bytes(32), "AA" * 16, "2024-02-30", [None],
    ]
)  # fmt: skip


def envelope(title: str, body: Any) -> dict[str, Any]:
    return MAKER["ENVELOPE"] | {"family": title, "body": body}


def pack(value: Any) -> bytes:
    """Write sorted keys, whatever else the value breaks."""
    return msgspec.msgpack.encode(value, order="sorted")


@pytest.mark.parametrize("title", BODIES)
@settings(max_examples=25)
@given(data=st.data())
def test_reads_every_body_of_a_family_quickly(title: str, data: Any) -> None:
    body = data.draw(BODIES[title])
    if check_agreement(encode(envelope(title, body))) != "quick":
        raise AssertionError(body)


@pytest.mark.parametrize("title", BODIES)
@settings(max_examples=60)
@given(data=st.data())
def test_quick_and_strict_readers_agree_on_altered_fields(title: str, data: Any) -> None:
    body = dict(data.draw(BODIES[title]))
    record = envelope(title, body)
    place = data.draw(st.sampled_from([body, record]))
    name = data.draw(st.sampled_from([*place, "zz", "a", "docs", "crit", "prev"]))
    if data.draw(st.booleans()):
        place[name] = data.draw(ODD)
    else:
        place.pop(name, None)
    check_agreement(pack(record))


@pytest.mark.parametrize("title", BODIES)
@settings(max_examples=60)
@given(data=st.data())
def test_quick_and_strict_readers_agree_on_altered_bytes(title: str, data: Any) -> None:
    whole = encode(envelope(title, data.draw(BODIES[title])))
    start = data.draw(st.integers(0, len(whole)))
    end = min(len(whole), start + data.draw(st.integers(0, 3)))
    check_agreement(whole[:start] + data.draw(st.binary(max_size=3)) + whole[end:])


@pytest.mark.parametrize("title", BODIES)
def test_quick_and_strict_readers_agree_on_every_flip_and_every_end(title: str) -> None:
    whole = encode(envelope(title, MAKER["BODIES"][title][1]))
    for place in range(len(whole)):
        for byte in {whole[place] ^ 1, whole[place] ^ 0x80, 0xC0, 0xC1, 0xA0, 0xDD}:
            check_agreement(whole[:place] + bytes((byte,)) + whole[place + 1 :])
        assert check_agreement(whole[:place]) == "enc.framing"


@pytest.mark.parametrize("title", BODIES)
@pytest.mark.parametrize(
    ("spoil", "verdict"),
    [
        (lambda body: body, "quick"),
        (lambda body: b"\xde\x00" + bytes((body[0] - 0x80,)) + body[1:], "enc.not-shortest"),
        (lambda body: bytes((body[0] + 1,)) + body[1:] + b"\xa2zz\x01", "strict"),
        (lambda body: bytes((body[0] + 1,)) + body[1:] + b"\xa2zz\xcc\x01", "enc.not-shortest"),
        (lambda body: bytes((body[0] + 1,)) + body[1:] + b"\xa2zz\xc0", "enc.type"),
        (lambda body: bytes((body[0] + 1,)) + body[1:] + b"\xa2zz\xa1\x00", "enc.text"),
        (lambda body: bytes((body[0] + 1,)) + b"\xa1a\x01" + body[1:], "strict"),
        (lambda body: bytes((body[0] + 1,)) + body[1:] + b"\xa1a\x01", "enc.key-order"),
        (lambda body: bytes((body[0] + 2,)) + b"\xa1a\x01" * 2 + body[1:], "enc.duplicate-key"),
        (lambda body: bytes((body[0] + 1,)) + body[1:] + b"\xa2zz" + b"\x91" * 999, "enc.limit"),
        (lambda _body: b"\x91" * 20_000, "enc.limit"),
        (lambda _body: b"\x80", "strict"),
        (lambda _body: b"\x90", "rec.form"),
        (lambda _body: b"\xdd\xff\xff\xff\xff", "enc.limit"),
    ],
)
def test_reads_a_spoilt_body_as_the_strict_decoder_does(
    title: str, spoil: Any, verdict: str
) -> None:
    body = encode(MAKER["BODIES"][title][1])
    whole = encode(envelope(title, {})).replace(b"body\x80", b"body" + spoil(body), 1)
    assert check_agreement(whole) == verdict


# Vectors


@pytest.mark.parametrize("case", FILES["record"]["cases"], ids=lambda case: case["name"])
def test_accepts_and_refuses_records_as_the_vectors_say(case: dict[str, Any]) -> None:
    accept = case["accept"]
    data = MAKER["bytes_of"](accept)
    assert not isinstance(read_record(data, READERS).body, FormatError)
    entry = sign_record(data, [MAKER["SIGNERS"][accept["signed_by"]]])
    assert leaf_hash(entry).hex() == accept["leaf_hash"]
    if "value" in accept:
        assert MAKER["show"](decode(data)) == accept["value"]
        assert entry.hex() == accept["entry"]
    for refused in case["reject"]:
        altered = MAKER["bytes_of"](refused)
        if refused["code"] == "rec.body":
            body = read_record(altered, READERS).body
            assert isinstance(body, FormatError), refused["delta"]
            assert body.code == "rec.body"
        else:
            code = refusal_of(read_record, altered, READERS)
            assert code == refused["code"], refused["delta"]
        check_agreement(altered)


@pytest.mark.parametrize("case", FILES["entry"]["cases"], ids=lambda case: case["name"])
def test_accepts_and_refuses_entries_as_the_vectors_say(case: dict[str, Any]) -> None:
    def check(data: bytes) -> Entry:
        entry = parse_entry(data)
        if case["checked"] == "form and signatures":
            check_signatures(entry, KEYS)
        return entry

    accept = case["accept"]
    data = MAKER["bytes_of"](accept)
    entry = check(data)
    assert entry.record.hex() == accept.get("record", entry.record.hex())
    assert [[key.hex(), made.hex()] for key, made in entry.signatures] == accept["signatures"]
    assert leaf_hash(data).hex() == accept["leaf_hash"]
    for refused in case["reject"]:
        assert refusal_of(check, MAKER["bytes_of"](refused)) == refused["code"], refused["delta"]


@pytest.mark.parametrize("name", FILES)
def test_frozen_vectors_are_what_the_generator_makes(name: str) -> None:
    text = (MAKER["FOLDER"] / f"{name}.json").read_text(encoding="utf-8")
    assert MAKER["render"](name) == text


def test_vectors_name_the_seeds_of_their_keys() -> None:
    for file in FILES.values():
        for key in file["keys"]:
            signer = Ed25519Signer(bytes.fromhex(key["seed"]))
            assert (signer.public_key.hex(), signer.key_id.hex()) == (key["public"], key["key_id"])
    assert {key["name"] for key in FILES["entry"]["keys"] if key["at_hand"]} <= set(Role)


def test_vectors_hold_a_record_of_every_family() -> None:
    assert set(MAKER["BODIES"]) == set(MAKER["BODY_DELTAS"]) == set(READERS)


# Types


def structs_of(kind: Any) -> Iterator[type[Struct]]:
    """Walk a type's description down to every struct in it."""
    if isinstance(kind, msgspec.inspect.StructType):
        yield kind.cls
    for name in getattr(kind, "__struct_fields__", ()):
        value = getattr(kind, name)
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, msgspec.inspect.Field):
                yield from structs_of(inner.type)
            elif isinstance(inner, msgspec.inspect.Type):
                yield from structs_of(inner)


WIRE = {
    struct
    for kind in (Record, Commitment, fields.Cut, *(family.body for family in FAMILIES.values()))
    for struct in structs_of(msgspec.inspect.type_info(kind))
}


def texts_of(kind: Any) -> Iterator[msgspec.inspect.StrType]:
    if isinstance(kind, msgspec.inspect.StrType):
        yield kind
    for name in getattr(kind, "__struct_fields__", ()):
        value = getattr(kind, name)
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, msgspec.inspect.Field):
                yield from texts_of(inner.type)
            elif isinstance(inner, msgspec.inspect.Type):
                yield from texts_of(inner)


RULES = [family.apply for family in FAMILIES.values()]


def test_finds_every_struct_of_the_wire() -> None:
    declared = {
        value
        for module in (record_module, fields, *(map(inspect.getmodule, RULES)))
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Struct) and value is not Struct
        if value.__module__ == module.__name__ and not value.__struct_config__.array_like
    }
    assert declared <= WIRE
    assert len(WIRE) >= len(FAMILIES) + 6


@pytest.mark.parametrize("struct", sorted(WIRE, key=lambda one: one.__module__ + one.__name__))
def test_declares_fields_in_the_order_of_their_utf8(struct: type[Struct]) -> None:
    names = [name.encode() for name in struct.__struct_encode_fields__]
    assert names == sorted(names)
    config = struct.__struct_config__
    assert config.frozen
    assert len(names) < 16 or struct in {family.body for family in FAMILIES.values()}
    assert not (config.array_like or config.tag or config.forbid_unknown_fields)
    assert config.omit_defaults or not any(
        field.default is not msgspec.NODEFAULT for field in msgspec.structs.fields(struct)
    )


@pytest.mark.parametrize("struct", sorted(WIRE, key=lambda one: one.__module__ + one.__name__))
def test_every_text_has_a_pattern_that_ends_at_the_end(struct: type[Struct]) -> None:
    for text in texts_of(msgspec.inspect.type_info(struct)):
        assert text.pattern is not None
        assert text.pattern.startswith("^")
        assert text.pattern.endswith(r"\Z")
        assert "$" not in text.pattern


def test_every_number_has_limits_within_the_profile() -> None:
    def numbers(kind: Any) -> Iterator[msgspec.inspect.IntType]:
        if isinstance(kind, msgspec.inspect.IntType):
            yield kind
        for name in getattr(kind, "__struct_fields__", ()):
            value = getattr(kind, name)
            for inner in value if isinstance(value, tuple) else (value,):
                if isinstance(inner, msgspec.inspect.Field):
                    yield from numbers(inner.type)
                elif isinstance(inner, msgspec.inspect.Type):
                    yield from numbers(inner)

    found = [one for struct in WIRE for one in numbers(msgspec.inspect.type_info(struct))]
    assert found
    assert all(one.ge is not None and -(2**53) < one.ge <= one.le < 2**53 for one in found)


# Writing


def make_record(**changes: Any) -> Record:
    given = {
        "body": Raw(encode(MAKER["BODIES"]["organisation/1"][1])),
        "entity": bytes(16),
        "family": "organisation/1",
        "log": "sopro.example/at/1",
        "salt": bytes(16),
        "time": 1,
        "v": 1,
    }
    return Record(**(given | changes))


@pytest.mark.parametrize("bodies", [{}, READERS])
def test_writes_a_record_it_reads_again(bodies: Any) -> None:
    record = make_record(prev=bytes(32), crit=["status"])
    read = read_record(format_record(record, bodies), READERS)
    assert read.record.prev == bytes(32)
    assert read.record.crit == ["status"]
    assert read.record.documents == ()


def test_lists_the_documents_of_a_record() -> None:
    commitment = msgspec.convert(MAKER["DOCUMENT"], Commitment, builtin_types=(bytes,))
    data = format_record(make_record(docs=[commitment]))
    assert read_record(data, READERS).record.documents == [commitment]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"body": Raw(b"\xcc\x01")}, "enc.not-shortest"),
        ({"body": Raw(b"\x01")}, "rec.form"),
        ({"body": Raw(b"\x81\xa1a\xc5\x90\x00" + bytes(0x9000))}, "enc.limit"),
        ({"entity": bytes(15)}, "rec.form"),
        ({"family": "Organisation"}, "rec.form"),
        ({"log": "a b"}, "rec.form"),
        ({"crit": []}, "rec.form"),
    ],
)
def test_writes_no_record_it_would_refuse(changes: dict[str, Any], code: str) -> None:
    assert refusal_of(format_record, make_record(**changes)) == code


def test_a_body_of_an_unknown_family_is_not_interpreted() -> None:
    data = format_record(make_record(family="x-test/1"))
    assert read_record(data, READERS).body is None
    assert read_record(data, {}).body is None


def test_accepts_a_record_of_32768_bytes_and_refuses_one_more() -> None:
    body = {"pad": "z" * 32_000}
    room = MAX_RECORD - len(format_record(make_record(family="x/1", body=Raw(encode(body)))))
    body["pad"] += "z" * room
    data = format_record(make_record(family="x/1", body=Raw(encode(body))))
    assert len(data) == MAX_RECORD
    body["pad"] += "z"
    longer = make_record(family="x/1", body=Raw(encode(body)))
    assert refusal_of(format_record, longer) == "enc.limit"


# Entries

RECORD = encode(envelope("organisation/1", MAKER["BODIES"]["organisation/1"][1]))
ENTRY = sign_record(RECORD, [SIGNER, MAKER["DECISION"]])


def test_signs_and_checks_with_every_key() -> None:
    entry = parse_entry(ENTRY)
    assert entry.record == RECORD
    assert [key for key, _ in entry.signatures] == sorted([SIGNER.key_id, MAKER["DECISION"].key_id])
    check_signatures(entry, KEYS)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 32_768, 65_428])
def test_takes_entries_with_records_of_every_size_apart(size: int) -> None:
    signature = Signature(bytes(32), bytes(64))
    data = format_entry(bytes(size), [signature])
    assert parse_entry(data) == Entry(bytes(size), (signature,))
    assert decode(data, limit=MAX_ENTRY) == [bytes(size), [[bytes(32), bytes(64)]]]


def test_accepts_an_entry_of_65535_bytes_and_refuses_one_more() -> None:
    signature = Signature(bytes(32), bytes(64))
    room = MAX_ENTRY - len(format_entry(bytes(60_000), [signature]))
    assert len(format_entry(bytes(60_000 + room), [signature])) == MAX_ENTRY
    assert refusal_of(format_entry, bytes(60_001 + room), [signature]) == "enc.limit"
    assert refusal_of(parse_entry, bytes(MAX_ENTRY + 1)) == "enc.limit"


@pytest.mark.parametrize("number", range(1, 9))
def test_writes_signatures_sorted_by_key_id(number: int) -> None:
    signatures = [Signature(bytes((9 - place,)) * 32, bytes(64)) for place in range(number)]
    assert list(parse_entry(format_entry(b"", signatures)).signatures) == sorted(signatures)


@pytest.mark.parametrize(
    "signatures",
    [
        [],
        [Signature(bytes((place,)) * 32, bytes(64)) for place in range(9)],
        [Signature(bytes(32), bytes(64))] * 2,
        [Signature(bytes(31), bytes(64))],
        [Signature(bytes(32), bytes(63))],
        [Signature(bytes(32), bytes(65))],
    ],
)
def test_writes_no_entry_with_signatures_it_would_refuse(signatures: list[Signature]) -> None:
    assert refusal_of(format_entry, RECORD, signatures) == "sig.missing"


def test_refuses_an_entry_cut_at_every_offset() -> None:
    codes = {refusal_of(parse_entry, ENTRY[:size]) for size in range(len(ENTRY))}
    assert codes == {"enc.framing"}


def parse_strictly(data: bytes) -> list[Any] | None:
    """Take an entry apart by the strict decoder and the words of the specification."""
    try:
        value: Any = decode(data, limit=MAX_ENTRY)
        record, pairs = value
        ids = [key for key, _ in pairs]
        sizes = {(len(key), len(made)) for key, made in pairs}
        kinds = {type(part) for pair in pairs for part in pair} | {type(record)}
    except (FormatError, ValueError, TypeError):
        return None
    fits = sizes == {(32, 64)} and kinds == {bytes} and len(ids) < 9 and type(pairs) is list
    return [record, pairs] if fits and ids == sorted(set(ids)) else None


@settings(max_examples=300)
@given(st.data())
def test_slices_only_what_the_strict_decoder_accepts(data: Any) -> None:
    whole = format_entry(data.draw(st.binary(max_size=300)), parse_entry(ENTRY).signatures)
    start = data.draw(st.integers(0, len(whole)))
    end = min(len(whole), start + data.draw(st.integers(0, 3)))
    altered = whole[:start] + data.draw(st.binary(max_size=3)) + whole[end:]
    strict = parse_strictly(altered)
    if strict is None:
        assert refusal_of(parse_entry, altered)[:4] in ("enc.", "rec.", "sig.")
    else:
        entry = parse_entry(altered)
        assert [entry.record, [list(pair) for pair in entry.signatures]] == strict


def test_every_altered_byte_of_an_entry_is_refused_or_read_as_written() -> None:
    for place in range(len(ENTRY)):
        for byte in {ENTRY[place] ^ 1, ENTRY[place] ^ 0x80, 0x90, 0xC4, 0xC5}:
            altered = ENTRY[:place] + bytes((byte,)) + ENTRY[place + 1 :]
            strict = parse_strictly(altered)
            if strict is None:
                refusal_of(parse_entry, altered)
            else:
                assert parse_entry(altered).record == strict[0]


def test_refuses_a_signature_by_a_key_that_is_not_at_hand() -> None:
    entry = parse_entry(ENTRY)
    assert refusal_of(check_signatures, entry, {}) == "sig.unknown-key"


def test_refuses_a_signature_under_another_context() -> None:
    made = SIGNER.sign(b"sopro-document/1\n" + RECORD)
    entry = parse_entry(format_entry(RECORD, [Signature(SIGNER.key_id, made)]))
    assert refusal_of(check_signatures, entry, KEYS) == "sig.invalid"
    assert RECORD_CONTEXT == b"sopro-record/1\n"
