"""ENC: one value, one spelling."""

import struct
from collections.abc import Callable

from sopro_conformance.case import case
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import MAX_ENTRY, MAX_INTEGER, MAX_RECORD, Value, encode
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.records import entry_id, random_draft, write_entry


async def _refuse(trial: Trial, code: str, *inputs: tuple[str, bytes, bytes]) -> None:
    """Check that bytes are refused; each stands beside its twin and says what differs.

    Both are an item of the same array, of which all other items are right: so no two runs ask the
    same, and nobody can tell the one from the other by its length.
    """
    for delta, twin, bad in inputs:
        put = surround(trial)
        await trial.refuses("value", code, delta=delta, twin={"bytes": put(twin)}, bytes=put(bad))


def surround(trial: Trial) -> Callable[[bytes], bytes]:
    """Return what puts a value among others of this run."""
    before, behind = (
        [encode(_random_value(trial, 0)) for _ in range(trial.random.randint(1, 7))]
        for _ in range(2)
    )
    header = bytes((0x90 | (len(before) + 1 + len(behind)),))
    return lambda value: header + b"".join([*before, value, *behind])


def _map(*pairs: bytes) -> bytes:
    return bytes((0x80 | len(pairs) // 2,)) + b"".join(pairs)


@case(
    "ENC-01",
    "A canonical record is accepted, and its entry hashes to the same leaf everywhere.",
    clauses="ENC-1 REC-1 REC-2 REC-5",
)
async def canonical(trial: Trial) -> None:
    """Hand over records with bodies of every type, and one whose id is another's."""
    key = SigningKey(trial.random.randbytes(32))
    for number in range(40):
        body = {"n": number, "deep": _random_value(trial, 3), "text": "Gőz – Öl\n\t"}
        draft = random_draft(trial.random, trial.origin, "x-test/1", body)
        record = draft.encode()
        entry = write_entry(record, [key])
        await trial.accepts("record", {"family": "x-test/1"}, what=f"record {number}", bytes=record)
        await trial.accepts(
            "entry",
            {"id": entry_id(entry)},
            what=f"entry {number}",
            bytes=entry,
            keys=[key.public],
        )
    whole = surround(trial)(encode({"a": 1}))
    truncated = {"bytes": whole}
    await trial.refuses(
        "value", "enc.framing", delta="its last byte is missing", twin=truncated, bytes=whole[:-1]
    )


def _random_value(trial: Trial, depth: int) -> Value:
    source = trial.random
    kinds = ["int", "text", "bytes", "bool"] + (["map", "array"] if depth else [])
    match source.choice(kinds):
        case "int":
            return source.choice([0, 127, 128, 255, 256, 65_535, 65_536, 2**32, -32, -33, -129])
        case "text":
            return "".join(source.choices("aäőß€𝄞 ", k=source.choice([0, 5, 31, 32, 40])))
        case "bytes":
            return source.randbytes(source.choice([0, 1, 255, 256]))
        case "bool":
            return source.random() < 0.5
        case "map":
            count = source.choice([0, 1, 15, 16])
            return {f"k{one}": _random_value(trial, depth - 1) for one in range(count)}
    return [_random_value(trial, depth - 1) for _ in range(source.choice([0, 3, 16]))]


@case("ENC-02", "The keys of a map are unique at every level.", clauses="ENC-2")
async def unique_keys(trial: Trial) -> None:
    """Write a key twice."""
    good = _map(b"\xa1a", b"\x01", b"\xa1b", b"\x02")
    inside = _map(b"\xa1x", good)
    await _refuse(
        trial,
        "enc.duplicate-key",
        ("the second key is the first, other value", good, _map(*_split("a1 01 a1 02", "a", "a"))),
        ("the second key is the first, same value", good, _map(*_split("a1 01 a1 01", "a", "a"))),
        ("the same inside a map", inside, _map(b"\xa1x", _map(*_split("a1 01 a1 02", "a", "a")))),
        (
            "the same inside an array",
            b"\x91" + good,
            b"\x91" + _map(*_split("a1 01 a1 02", "a", "a")),
        ),
    )


def _split(values: str, *keys: str) -> list[bytes]:
    """Return key, value, key, value: the values are every second byte of the hex text."""
    numbers = [bytes.fromhex(one) for one in values.split()][1::2]
    parts: list[bytes] = []
    for key, number in zip(keys, numbers, strict=True):
        parts += [bytes((0xA0 | len(key.encode()),)) + key.encode(), number]
    return parts


@case("ENC-03", "The keys of a map stand in the order of their bytes.", clauses="ENC-3")
async def key_order(trial: Trial) -> None:
    """Swap neighbours, also such as only bytes tell apart."""
    beyond = ("\uffee", "\U00010000")
    for first, second in (("a", "b"), ("a", "aa"), ("Z", "a"), ("z", "ä"), beyond):
        good = _map(*_split("a1 01 a1 02", first, second))
        bad = _map(*_split("a1 02 a1 01", second, first))
        await _refuse(trial, "enc.key-order", (f"{second!r} before {first!r}", good, bad))


@case("ENC-04", "Integers have their shortest form.", clauses="ENC-4")
async def shortest_integers(trial: Trial) -> None:
    """Write small numbers long."""
    await _refuse(
        trial,
        "enc.not-shortest",
        *(
            (f"{number} as {bad.hex()}", encode(number), bad)
            for number, bad in (
                (1, b"\xcc\x01"),
                (1, b"\xcd\x00\x01"),
                (1, b"\xce\x00\x00\x00\x01"),
                (1, b"\xcf" + bytes(7) + b"\x01"),
                (1, b"\xd0\x01"),
                (1, b"\xd3" + bytes(7) + b"\x01"),
                (128, b"\xcd\x00\x80"),
                (128, b"\xd1\x00\x80"),
                (256, b"\xce\x00\x00\x01\x00"),
                (65_536, b"\xcf" + struct.pack(">Q", 65_536)),
                (-1, b"\xd0\xff"),
                (-1, b"\xd3" + b"\xff" * 8),
                (-33, b"\xd1\xff\xdf"),
                (-129, b"\xd2\xff\xff\xff\x7f"),
            )
        ),
    )


@case("ENC-05", "Headers of text, bytes, arrays and maps are the shortest.", clauses="ENC-5")
async def shortest_headers(trial: Trial) -> None:
    """Write short things behind long headers."""
    await _refuse(
        trial,
        "enc.not-shortest",
        *(
            (f"{value!r} behind {bad[0]:#x}", encode(value), bad)
            for value, bad in (
                ("a", b"\xd9\x01a"),
                ("a", b"\xda\x00\x01a"),
                ("a", b"\xdb\x00\x00\x00\x01a"),
                ("a" * 32, b"\xda\x00\x20" + b"a" * 32),
                (b"", b"\xc5\x00\x00"),
                (b"a", b"\xc6\x00\x00\x00\x01a"),
                ([], b"\xdc\x00\x00"),
                ([1], b"\xdd\x00\x00\x00\x01\x01"),
                ({}, b"\xde\x00\x00"),
                ({}, b"\xdf\x00\x00\x00\x00"),
            )
        ),
    )


@case("ENC-06", "There are no floating-point numbers.", clauses="ENC-6")
async def no_floats(trial: Trial) -> None:
    """Write numbers as floats."""
    numbers = (1.0, 0.5, -0.0, float("nan"), float("inf"), float("-inf"))
    inputs = [(one, b"\xca" + struct.pack(">f", one)) for one in numbers]
    inputs += [(one, b"\xcb" + struct.pack(">d", one)) for one in numbers]
    for number, bad in inputs:
        twin = _map(b"\xa1a", b"\x01")
        await _refuse(trial, "enc.type", (f"{number} as {bad.hex()}", twin, _map(b"\xa1a", bad)))


@case("ENC-07", "There is no nil and no ext type, and map keys are text.", clauses="ENC-7")
async def types(trial: Trial) -> None:
    """Write what the profile has no type for."""
    good = _map(b"\xa1a", b"\x01")
    foreign = {
        "nil": b"\xc0",
        "fixext 1": b"\xd4\x05\x00",
        "timestamp": b"\xd6\xff\x00\x00\x00\x00",
        "ext 8": b"\xc7\x00\x05",
        "ext 32": b"\xc9\x00\x00\x00\x01\x05\x00",
    }
    for name, bad in foreign.items():
        await _refuse(trial, "enc.type", (f"{name} for a value", good, _map(b"\xa1a", bad)))
    for name, bad in (("a number", b"\x01"), ("bytes", b"\xc4\x01a"), ("a boolean", b"\xc3")):
        await _refuse(trial, "enc.type", (f"{name} for a key", good, _map(bad, b"\x01")))


@case(
    "ENC-08",
    "Text is UTF-8 without control characters but newline and tab.",
    clauses="ENC-8 ENC-13",
)
async def text(trial: Trial) -> None:
    """Write what is no text; what is only not normalised is taken (ENC-13)."""
    value = surround(trial)(encode("e\u0301"))
    await trial.accepts("value", what="text in normal form D", bytes=value)
    broken = {
        "an overlong slash": b"\xc0\xaf",
        "a surrogate": b"\xed\xa0\x80",
        "a lone continuation": b"a\x80",
        "above U+10FFFF": b"\xf4\x90\x80\x80",
        "cut off inside a character": b"a\xc3",
        "NUL": b"a\x00",
        "carriage return": b"a\r\n",
        "DEL": b"\x7f",
        "U+0085": b"\xc2\x85",
        "U+001B": b"\x1b[2J",
    }
    for name, bad in broken.items():
        good = encode("a\n\t" + "x" * max(0, len(bad) - 3))
        await _refuse(trial, "enc.text", (name, good, bytes((0xA0 | len(bad),)) + bad))
        inside = _map(bytes((0xA0 | len(bad),)) + bad, b"\x01")
        await _refuse(trial, "enc.text", (f"{name}, in a key", _map(b"\xa1a", b"\x01"), inside))


@case("ENC-09", "The input is one value and nothing else.", clauses="ENC-9")
async def framing(trial: Trial) -> None:
    """Cut a value off at every byte, and add some."""
    inner = encode({"a": [1, 300, "text", b"bytes"], "b": {"c": True}})
    whole = surround(trial)(inner)
    first = whole.index(inner)
    for delta, bad in (
        ("nothing at all", b""),
        *((f"cut off after {end} bytes", whole[: first + end]) for end in range(len(inner))),
        ("a byte behind it", whole + b"\x00"),
        ("another value behind it", whole + whole),
    ):
        await trial.refuses("value", "enc.framing", delta=delta, twin={"bytes": whole}, bytes=bad)
    await _refuse(trial, "enc.framing", ("0xc1 where a value begins", b"\x01", b"\xc1"))


@case("ENC-10", "Depth, integers and lengths have limits.", clauses="ENC-10 ENC-12 REC-2")
async def limits(trial: Trial) -> None:
    """Write values at their limits, and one beyond."""
    deep = b"\x90"
    for _ in range(15):
        deep = b"\x92" + encode(_random_value(trial, 0)) + deep
    wide = {"limit": MAX_RECORD}
    await trial.refuses(
        "value",
        "enc.limit",
        delta="17 arrays inside one another",
        twin={"bytes": deep},
        bytes=b"\x91" + deep,
    )
    await _refuse(
        trial,
        "enc.limit",
        ("2^53", encode(MAX_INTEGER), b"\xcf" + struct.pack(">Q", 2**53)),
        ("-2^53", encode(-MAX_INTEGER), b"\xd3" + struct.pack(">q", -(2**53))),
        ("2^64 - 1", encode(MAX_INTEGER), b"\xcf" + b"\xff" * 8),
        ("an array of 2^32 - 1", encode([]), b"\xdd" + b"\xff" * 4),
        ("a map of 2^32 - 1", encode({}), b"\xdf" + b"\xff" * 4),
        ("bytes of 2^32 - 1", encode(b""), b"\xc6" + b"\xff" * 4),
        ("text of 2^32 - 1", encode(""), b"\xdb" + b"\xff" * 4),
    )
    full = encode(trial.random.randbytes(MAX_RECORD // 2).hex()[: MAX_RECORD - 3])
    await trial.refuses(
        "value", "enc.limit", delta="32,769 bytes", twin={"bytes": full}, bytes=full + b"a", **wide
    )
    key = SigningKey(trial.random.randbytes(32))
    record = _record_of(trial, MAX_RECORD)
    await trial.refuses(
        "record",
        "enc.limit",
        delta="a record of 32,769 bytes",
        twin={"bytes": record},
        bytes=_record_of(trial, MAX_RECORD + 1),
    )
    rim = write_entry(record, [key])
    await trial.refuses(
        "entry",
        "enc.limit",
        delta="65,536 bytes",
        twin={"bytes": rim},
        bytes=rim + bytes(MAX_ENTRY + 1 - len(rim)),
    )


def _record_of(trial: Trial, size: int) -> bytes:
    """Return a record of so many bytes."""
    draft = random_draft(trial.random, trial.origin, "x-test/1", {"filling": ""})
    missing = size - len(draft.encode())
    # The header of a long text has two bytes more than that of none.
    filling = trial.random.randbytes(missing).hex()[: missing - 2]
    return draft._replace(body={"filling": filling}).encode()


@case(
    "ENC-11",
    "Stored bytes are the received bytes: nothing is encoded again before it is hashed.",
    clauses="ENC-11 REC-5 REC-11",
)
async def same_bytes(trial: Trial) -> None:
    """Hash entries with fields nobody knows, and at the edges of every length."""
    key = SigningKey(trial.random.randbytes(32))
    edges: list[Value] = [0, 127, 128, 255, 256, 2**16, 2**32, MAX_INTEGER, -1, -32, -33, "x" * 255]
    for edge in edges:
        draft = random_draft(trial.random, trial.origin, "x-test/1", {"edge": edge})
        entry = write_entry(draft._replace(more={"zz_later": edge}).encode(), [key])
        await trial.accepts(
            "entry",
            {"id": entry_id(entry)},
            what=f"unknown field with {str(edge)[:20]}",
            bytes=entry,
            keys=[key.public],
        )
    entry = write_entry(random_draft(trial.random, trial.origin, "x-test/1", {}).encode(), [key])
    twin = {"bytes": entry}
    await trial.refuses(
        "entry",
        "enc.framing",
        delta="a byte behind it",
        twin=twin,
        bytes=entry + b"\x00",
        keys=[key.public],
    )
