"""Make the frozen vectors of records: `python tests/protocol/make_record_vectors.py`.

Nothing is random: keys come from the seeds in `SEEDS`, ids and salts are repeated bytes. Each
hostile case differs from its accepted twin in the one thing that `delta` states.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sopro_protocol.commitment import DOCUMENT_CONTEXT, commit_document
from sopro_protocol.encoding import MAX_ENTRY, MAX_RECORD, Value, decode, encode
from sopro_protocol.keys import Ed25519Signer, Role
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.record import MAX_DOCUMENT_SIZE, RECORD_CONTEXT, parse_entry, sign_record

Case = dict[str, Any]
Fields = dict[str, Any]
Reject = tuple[str, str, bytes | str]

FOLDER = Path(__file__).parents[2] / "protocol" / "vectors"
COMMENT = (
    "Bytes are lower-case hex; long ones are `parts`, a list of [hex, repetitions]. In a decoded"
    " `value` bytes are written hex:00ff. Each `accept` must be accepted and give what stands"
    " beside its bytes; each `reject` must be refused with its code, and differs from the accept"
    " of its case only as `delta` says. Clauses are of SPEC.md."
    " An entry case says what is `checked`: its form alone, or also its signatures with the keys"
    " at hand."
)
SEEDS = {
    "root": "05" * 32,
    "registrar": "03" * 32,
    "decision": "04" * 32,
    "another site's registrar": "06" * 32,
}
SIGNERS = {name: Ed25519Signer(bytes.fromhex(seed)) for name, seed in SEEDS.items()}
REGISTRAR, DECISION = SIGNERS["registrar"], SIGNERS["decision"]
ORDER = 2**252 + 27742317777372353535851937790883648493
ABSENT = object()


def show(value: Value) -> Any:
    """Write a decoded value in JSON."""
    if isinstance(value, bytes):
        return f"hex:{value.hex()}"
    if isinstance(value, Mapping):
        return {key: show(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [show(inner) for inner in value]
    return value


def bytes_of(case: Case, name: str = "bytes") -> bytes:
    """Read the bytes of a case back; long ones stand under `parts`."""
    if name in case:
        return bytes.fromhex(case[name])
    return b"".join(bytes.fromhex(piece) * times for piece, times in case["parts"])


def written(data: bytes, parts: list[tuple[str, int]] | None = None) -> Case:
    if parts is None:
        return {"bytes": data.hex()}
    case: Case = {"parts": [list(part) for part in parts]}
    assert bytes_of(case) == data
    return case


def shorten(data: bytes) -> Case:
    """Write bytes, a long run of one byte in them as a part."""
    run = next((byte for byte in b"xz\x00\xc0" if bytes((byte,)) * 1000 in data), None)
    if run is None:
        return written(data)
    start = data.index(bytes((run,)) * 1000)
    end = len(data) - len(data[start:].lstrip(bytes((run,))))
    parts = [(data[:start].hex(), 1), (f"{run:02x}", end - start), (data[end:].hex(), 1)]
    return written(data, [part for part in parts if part[0]])


def rejects(table: list[Reject]) -> list[Case]:
    return [
        {"delta": delta, "code": code}
        | shorten(data if isinstance(data, bytes) else bytes.fromhex(data))
        for delta, code, data in table
    ]


# encoding.json


def encoding_case(name: str, clause: str, good: bytes | str, bad: list[Reject]) -> Case:
    data = good if isinstance(good, bytes) else bytes.fromhex(good)
    value = show(decode(data))
    accept = shorten(data)
    if "parts" not in accept:
        accept["value"] = value
    return {"name": name, "clause": clause, "accept": accept, "reject": rejects(bad)}


def encoding_cases() -> Iterator[Case]:
    yield encoding_case(
        "each type, nested",
        "ENC-1",
        encode({"a": 1, "b": [True, False, -1], "c": b"\x00\xff", "d": "\u00e9", "e": {"f": []}}),
        [],
    )
    yield encoding_case(
        "map with two keys",
        "ENC-2",
        "82a16101a16202",
        [
            ("second key is the first, other value", "enc.duplicate-key", "82a16101a16102"),
            ("second key is the first, same value", "enc.duplicate-key", "82a16101a16101"),
        ],
    )
    yield encoding_case(
        "map inside a map",
        "ENC-2",
        "81a16182a16201a16302",
        [("inner key repeated", "enc.duplicate-key", "81a16182a16201a16202")],
    )
    yield encoding_case(
        "three keys, the first and third of which are repeated in the reject",
        "ENC-2",
        "83a16101a16202a16303",
        [("first key again, after another", "enc.duplicate-key", "83a16101a16202a16103")],
    )
    yield encoding_case(
        "keys in the order of their bytes: a shorter one first, then by byte",
        "ENC-3",
        "84a16101a2616102a16203a2c3a904",
        [
            ("first two swapped", "enc.key-order", "84a2616102a16101a16203a2c3a904"),
            ("last two swapped", "enc.key-order", "84a16101a2616102a2c3a904a16203"),
        ],
    )
    yield encoding_case(
        "keys beyond the basic plane sort by UTF-8, not by UTF-16",
        "ENC-3",
        encode({"\uff5e": 1, "\U0001f600": 2}),
        [("ordered by UTF-16 units", "enc.key-order", "82a4f09f988002a3efbd9e01")],
    )
    yield encoding_case(
        "the number 1",
        "ENC-4",
        "01",
        [
            ("as uint8", "enc.not-shortest", "cc01"),
            ("as uint16", "enc.not-shortest", "cd0001"),
            ("as uint32", "enc.not-shortest", "ce00000001"),
            ("as uint64", "enc.not-shortest", "cf0000000000000001"),
            ("as int8", "enc.not-shortest", "d001"),
            ("as int16", "enc.not-shortest", "d10001"),
            ("as int32", "enc.not-shortest", "d200000001"),
            ("as int64", "enc.not-shortest", "d30000000000000001"),
        ],
    )
    yield encoding_case(
        "the number -1",
        "ENC-4",
        "ff",
        [
            ("as int8", "enc.not-shortest", "d0ff"),
            ("as int64", "enc.not-shortest", "d3ffffffffffffffff"),
        ],
    )
    shortest = (
        ("127", "7f", "cc7f"),
        ("128", "cc80", "d10080"),
        ("255", "ccff", "cd00ff"),
        ("256", "cd0100", "d10100"),
        ("65535", "cdffff", "ce0000ffff"),
        ("65536", "ce00010000", "d200010000"),
        ("4294967295", "ceffffffff", "cf00000000ffffffff"),
        ("4294967296", "cf0000000100000000", "d30000000100000000"),
        ("-32", "e0", "d0e0"),
        ("-33", "d0df", "d1ffdf"),
        ("-128", "d080", "d1ff80"),
        ("-129", "d1ff7f", "d2ffffff7f"),
        ("-32768", "d18000", "d2ffff8000"),
        ("-32769", "d2ffff7fff", "d3ffffffffffff7fff"),
        ("-2147483648", "d280000000", "d3ffffffff80000000"),
    )
    for number, good, bad in shortest:
        yield encoding_case(
            f"the number {number}", "ENC-4", good, [("a longer form", "enc.not-shortest", bad)]
        )
    headers = (
        ("text of 1 byte", "a178", "d90178"),
        ("text of 31 bytes", b"\xbf" + b"y" * 31, b"\xd9\x1f" + b"y" * 31),
        ("text of 32 bytes", b"\xd9\x20" + b"y" * 32, b"\xda\x00\x20" + b"y" * 32),
        ("text of 255 bytes", b"\xd9\xff" + b"y" * 255, b"\xda\x00\xff" + b"y" * 255),
        ("text of 256 bytes", b"\xda\x01\x00" + b"y" * 256, b"\xdb\0\0\x01\x00" + b"y" * 256),
        ("bytes, none", "c400", "c50000"),
        ("bytes, 255", b"\xc4\xff" + b"y" * 255, b"\xc5\x00\xff" + b"y" * 255),
        ("bytes, 256", b"\xc5\x01\x00" + b"y" * 256, b"\xc6\0\0\x01\x00" + b"y" * 256),
        ("array of one", "9101", "dd0000000101"),
        ("array of 15", b"\x9f" + bytes(15), b"\xdc\x00\x0f" + bytes(15)),
        ("array of 16", b"\xdc\x00\x10" + bytes(16), b"\xdd\0\0\0\x10" + bytes(16)),
        ("empty map", "80", "df00000000"),
        ("map of one", "81a16101", "de0001a16101"),
    )
    for name, good_header, bad_header in headers:
        yield encoding_case(
            name, "ENC-5", good_header, [("a longer header", "enc.not-shortest", bad_header)]
        )
    yield encoding_case(
        "the number 1 where a float would be",
        "ENC-6",
        "9101",
        [
            ("1.0 as float32", "enc.type", "91ca3f800000"),
            ("1.0 as float64", "enc.type", "91cb3ff0000000000000"),
            ("not a number", "enc.type", "91cb7ff8000000000000"),
            ("-0.0", "enc.type", "91cb8000000000000000"),
            ("infinity", "enc.type", "91cb7ff0000000000000"),
        ],
    )
    yield encoding_case(
        "a field with a value",
        "ENC-7",
        "81a161a162",
        [
            ("nil for the absent value", "enc.type", "81a161c0"),
            ("fixext1 for the value", "enc.type", "81a161d40500"),
            ("timestamp for the value", "enc.type", "81a161d6ff00000000"),
            ("ext8 for the value", "enc.type", "81a161c7000a"),
            ("integer for the key", "enc.type", "8101a162"),
            ("bytes for the key", "enc.type", "81c40161a162"),
            ("array for the key", "enc.type", "8190a162"),
            ("boolean for the key", "enc.type", "81c2a162"),
        ],
    )
    yield encoding_case(
        "text of four bytes with newline and tab",
        "ENC-8",
        "a4610a097a",
        [
            ("NUL for the newline", "enc.text", "a46100097a"),
            ("carriage return for the newline", "enc.text", "a4610d097a"),
            ("DEL for the newline", "enc.text", "a4617f097a"),
            ("U+0085 for newline and tab", "enc.text", "a461c2857a"),
            ("overlong slash for newline and tab", "enc.text", "a461c0af7a"),
            ("lone continuation for the newline", "enc.text", "a46180097a"),
            ("cut sequence for the last letter", "enc.text", "a4610a09c3"),
            ("surrogate for the last three", "enc.text", "a461eda080"),
            ("above U+10FFFF", "enc.text", "a4f4908080"),
        ],
    )
    yield encoding_case(
        "text that is not in normal form C is a finding, never a refusal", "ENC-13", "a365cc81", []
    )
    yield encoding_case(
        "a key is text too", "ENC-8", "81a16101", [("NUL in the key", "enc.text", "81a10001")]
    )
    whole = bytes.fromhex("82a16101a162c40200ff")
    yield encoding_case(
        "one value that fills the input",
        "ENC-9",
        whole,
        [
            ("one byte more", "enc.framing", whole + b"\x00"),
            ("the value twice", "enc.framing", whole * 2),
            ("0xc1 for the last value", "enc.framing", "82a16101a162c1"),
            *(
                (f"cut after {size} bytes", "enc.framing", whole[:size])
                for size in range(len(whole))
            ),
        ],
    )
    yield from limit_cases()


def limit_cases() -> Iterator[Case]:
    yield encoding_case(
        "16 arrays inside one another",
        "ENC-10",
        b"\x91" * 15 + b"\x90",
        [
            ("17", "enc.limit", b"\x91" * 16 + b"\x90"),
            ("the innermost a map, one deeper", "enc.limit", b"\x91" * 16 + b"\x80"),
        ],
    )
    yield encoding_case(
        "2^53 - 1",
        "ENC-10",
        "cf001fffffffffffff",
        [
            ("2^53", "enc.limit", "cf0020000000000000"),
            ("2^64 - 1", "enc.limit", "cfffffffffffffffff"),
        ],
    )
    yield encoding_case(
        "-(2^53 - 1)",
        "ENC-10",
        "d3ffe0000000000001",
        [
            ("-2^53", "enc.limit", "d3ffe0000000000000"),
            ("-2^63", "enc.limit", "d38000000000000000"),
        ],
    )
    yield encoding_case(
        "32,768 bytes",
        "ENC-10",
        b"\xc5\x7f\xfd" + bytes(32_765),
        [("32,769 bytes", "enc.limit", b"\xc5\x7f\xfe" + bytes(32_766))],
    )
    yield encoding_case(
        "an array header that tells the truth",
        "ENC-10",
        "9100",
        [
            ("it claims 2^32 - 1 values", "enc.limit", "ddffffffff00"),
            ("a map header claims 2^32 - 1 pairs", "enc.limit", "dfffffffff00"),
            ("a text header claims 2^32 - 1 bytes", "enc.limit", "dbffffffff00"),
            ("a bytes header claims 2^32 - 1 bytes", "enc.limit", "c6ffffffff00"),
        ],
    )


# record.json

ENVELOPE: Fields = {
    "v": 1,
    "log": "sopro.example/at/1",
    "entity": b"\x11" * 16,
    "time": 1_700_000_000_000,
    "salt": b"\x22" * 16,
}
DOCUMENT: Fields = {
    "commitment": b"\x33" * 32,
    "name": "organisation",
    "size": 1234,
    "type": "application/vnd.sopro.document+msgpack",
    "visibility": "members",
}
KEYS: Fields = {
    "keys": [
        {"public": REGISTRAR.public_key, "role": "registrar"},
        {"public": DECISION.public_key, "role": "decision"},
    ],
    "next_root": b"\x44" * 32,
    "root": SIGNERS["root"].public_key,
}
# family -> (role that signs, body)
BODIES: dict[str, tuple[str, Fields]] = {
    "site_keys/1": ("root", KEYS),
    "log_state/1": (
        "registrar",
        {"certificates": 0, "coordinator": {"root": b"\x55" * 32, "size": 7}, "keys": b"\x66" * 32},
    ),
    "site_membership/1": (
        "registrar",
        {
            "country": "AT",
            "effective_date": "2024-01-01",
            "languages": ["de"],
            "name": {"de": "SoPro \u00d6sterreich", "en": "SoPro Austria"},
            "origin": "sopro.example/at/1",
            "prefix": "AT1",
            "root": SIGNERS["root"].public_key,
            "site": "at",
            "status": "admitted",
            "urls": ["https://at.sopro.example"],
            "zone": "Europe/Vienna",
        },
    ),
    "key_recovery/1": (
        "root",
        {
            "before": b"\x77" * 32,
            "origin": "sopro.example/hu/1",
            "root": SIGNERS["another site's registrar"].public_key,
        },
    ),
    "scheme/1": (
        "registrar",
        {
            "effective_date": "2024-01-01",
            "grace_days": 90,
            "kind": "product+service",
            "max_validity_months": 36,
            "scheme": "sopro",
            "status": "active",
            "surveillance_interval_months": 12,
            "title": {"en": "SoPro"},
        },
    ),
    "criterion/1": (
        "registrar",
        {
            "applies_from": "2024-01-01",
            "code": "S1",
            "dimension": "social",
            "kind": "threshold",
            "obligation": "mandatory",
            "principle": "social_participation",
            "scheme": "sopro",
            "status": "active",
            "threshold": 305,
            "threshold_scale": 1,
            "title": {"en": "Share of disadvantaged workers"},
            "unit": "P1",
            "version": 1,
        },
    ),
    "organisation/1": (
        "registrar",
        {
            "activities": ["2.1:38.21"],
            "actor_type": "social_enterprise",
            "country": "AT",
            "effective_date": "2024-01-01",
            "nuts": "AT130",
            "status": "active",
        },
    ),
    "offering/1": (
        "registrar",
        {
            "cpv": ["03000000"],
            "effective_date": "2024-01-01",
            "kind": "product",
            "organisation": b"\x77" * 16,
            "status": "published",
        },
    ),
    "label_decision/1": (
        "decision",
        {
            "action": "grant",
            "basis": "assessed",
            "certificate": "SOPRO/AT1/001/00001",
            "decided_on": "2024-01-01",
            "decider": b"\x88" * 16,
            "effective_date": "2024-01-02",
            "offering": b"\x99" * 16,
            "rests_on": [["sopro.example/at/1", 4, b"\xaa" * 32]],
            "scheme": "sopro",
            "status_index": 0,
            "valid_from": "2024-01-02",
            "valid_until": "2027-01-01",
        },
    ),
    "erasure/1": (
        "registrar",
        {"deadline": "2024-02-01", "document": 0, "index": 3, "reason": "request"},
    ),
    "orphan_erasure/1": (
        "registrar",
        {
            "deadline": "2024-02-01",
            "document": 0,
            "index": 3,
            "origin": "sopro.example/hu/1",
            "reason": "request",
        },
    ),
    "erasure_receipt/1": (
        "registrar",
        {"erasure": b"\xcc" * 32, "index": 9, "origin": "sopro.example/hu/1"},
    ),
    "witness_policy/1": (
        "registrar",
        {"faulty": 1, "quorum": 3, "witnesses": ["at", "hu", "si", "eeig"]},
    ),
    "serve_alone/1": (
        "registrar",
        {"peers": 7, "reason": "the line to all other countries has been cut since Monday"},
    ),
    "withhold/1": (
        "root",
        {"index": 3, "instead": b"\x80", "leaf": b"\xdd" * 32, "reason": "personal_data"},
    ),
    "anchor/1": (
        "root",
        {
            "evidence": b"what would be verified beside it",
            "leaves": [b"\xdd" * 32, b"\xee" * 32],
            "origin": "sopro.example/eeig/1",
            "root": b"\x77" * 32,
            "size": 12,
        },
    ),
    "criteria_set/1": (
        "registrar",
        {
            "applies_from": "2024-01-01",
            "criteria": [{"code": "S1", "version": 1}, {"code": "S2", "version": 3}],
            "min_points": 40,
            "published_on": "2023-10-01",
            "scheme": "sopro",
            "version": 1,
        },
    ),
    "codelist/1": (
        "registrar",
        {
            "digest": b"\x13" * 32,
            "licence": "CC BY 4.0",
            "list": "cpv",
            "size": 9454,
            "title": {"en": "Common Procurement Vocabulary"},
            "uri": "https://lists.example/cpv",
            "valid_from": "2008-09-17",
            "version": "2008",
        },
    ),
    "organisation_relation/1": (
        "registrar",
        {
            "organisation": b"\x14" * 16,
            "relations": [
                {"kind": "successor_of", "organisation": b"\x15" * 16, "since": "2024-01-01"},
                {
                    "kind": "same_as",
                    "organisation": b"\x16" * 16,
                    "since": "2024-02-01",
                    "site": "hu",
                },
            ],
        },
    ),
    "assessor_authorisation/1": (
        "registrar",
        {
            "basis": "iso17065",
            "criteria": ["S1", "S2"],
            "effective_date": "2024-01-01",
            "level": "third_party",
            "person": b"\x12" * 16,
            "scheme": "sopro",
            "status": "active",
            "valid_from": "2024-01-01",
            "valid_until": "2026-12-31",
        },
    ),
    "label_application/1": (
        "registrar",
        {
            "applicant": b"\x13" * 16,
            "criteria_version": 1,
            "effective_date": "2024-02-01",
            "kind": "initial",
            "offering": b"\x14" * 16,
            "scheme": "sopro",
            "step": "submitted",
        },
    ),
    "evaluation/1": (
        "registrar",
        {
            "application": b"\x15" * 16,
            "assessors": [{"authorisation": b"\x16" * 16, "person": b"\x12" * 16}],
            "criteria_version": 1,
            "findings": [
                {"code": "S1", "result": "conform", "value": 30},
                {"code": "S2", "due": "2024-05-01", "points": 4, "result": "minor_nc"},
            ],
            "kind": "initial",
            "level": "third_party",
            "method": "on_site",
            "performed_on": "2024-03-01",
            "recommendation": "conditional",
        },
    ),
    "review/1": (
        "registrar",
        {
            "application": b"\x15" * 16,
            "evaluations": [b"\x17" * 16],
            "outcome": "recommend_grant",
            "reviewed_on": "2024-03-15",
            "reviewer": b"\x18" * 16,
        },
    ),
    "import_closed/1": ("registrar", {"effective_date": "2024-06-01"}),
    "complaint/1": (
        "registrar",
        {
            "certificate": "SOPRO/AT1/001/00001",
            "kind": "non_conformity",
            "received_on": "2024-07-01",
            "withdrawn_on": "2024-08-01",
        },
    ),
    "complaint_answer/1": (
        "registrar",
        {
            "complaint": b"\x19" * 32,
            "effective_date": "2024-07-05",
            "index": 9,
            "label": b"\x1a" * 16,
            "origin": "sopro.example/hu/1",
            "step": "acknowledged",
        },
    ),
    "appeal/1": (
        "registrar",
        {
            "decision": 12,
            "effective_date": "2024-07-10",
            "label": b"\x1a" * 16,
            "panel": [b"\x1b" * 16, b"\x1c" * 16],
            "step": "panel",
        },
    ),
    "conformance_statement/1": (
        "registrar",
        {
            "began": 1_704_103_200_000,
            "counts": {"not_applicable": 1, "passed": 88, "waived": 0, "warned": 0},
            "ended": 1_704_103_500_000,
            "nonce": b"\x1c" * 32,
            "profiles": ["peer", "witness"],
            "report": b"\x1d" * 32,
            "requirements": b"\x1e" * 32,
            "results": b"\x1f" * 32,
            "runner": "self",
            "software": "my-node",
            "suite": b"\x20" * 32,
            "valid_until": "2024-12-31",
            "version": "0.3",
        },
    ),
}
# family -> deltas of its body, each refused with rec.body
BODY_DELTAS: dict[str, list[tuple[str, str, object]]] = {
    "site_keys/1": [
        ("no key", "keys", []),
        ("a root among the keys", "keys", [{"public": b"\x01" * 32, "role": "root"}]),
        ("31 bytes of root", "root", b"\x01" * 31),
        ("next_root absent", "next_root", ABSENT),
    ],
    "log_state/1": [
        ("certificates below 0", "certificates", -1),
        ("keys absent", "keys", ABSENT),
        ("head without root", "coordinator", {"size": 7}),
    ],
    "site_membership/1": [
        ("country in lower case", "country", "at"),
        ("prefix of four", "prefix", "AT12"),
        ("status that is none", "status", "member"),
        ("no name", "name", {}),
        ("language with underscore", "name", {"de_AT": "SoPro"}),
        ("url with a newline at its end", "urls", ["https://at.sopro.example/\n"]),
        ("ftp", "urls", ["ftp://at.sopro.example"]),
    ],
    "key_recovery/1": [
        ("before of 31 bytes", "before", b"\x77" * 31),
        ("origin with a plus sign", "origin", "sopro.example/hu+1"),
        ("root absent", "root", ABSENT),
    ],
    "scheme/1": [
        ("months 0", "max_validity_months", 0),
        ("months 1201", "max_validity_months", 1201),
        ("kind that is none", "kind", "process"),
        ("code with a space", "scheme", "so pro"),
    ],
    "criterion/1": [
        ("version 0", "version", 0),
        ("scale 10", "threshold_scale", 10),
        ("dimension that is none", "dimension", "political"),
        ("date with a newline at its end", "applies_from", "2024-01-01\n"),
    ],
    "organisation/1": [
        ("no activity", "activities", []),
        ("country absent", "country", ABSENT),
        ("date in words", "effective_date", "1 January 2024"),
        ("status as number", "status", 1),
    ],
    "offering/1": [
        ("organisation of 17 bytes", "organisation", b"\x77" * 17),
        ("organisation as base64 text", "organisation", "d3d3d3d3d3d3d3d3d3d3dw=="),
        ("procurement code as number", "cpv", [3000000]),
    ],
    "label_decision/1": [
        ("action that is none", "action", "expire"),
        ("number without slashes", "certificate", "SOPRO-AT1-001-00001"),
        ("number of four digits", "certificate", "SOPRO/AT1/001/0001"),
        ("reference of two", "rests_on", [["sopro.example/at/1", 4]]),
        ("reason that is none", "reason_code", "bad"),
        ("scope as a list", "scope", ["AT130"]),
        ("scope with no area", "scope", {"areas": []}),
        ("scope with an area that is no code", "scope", {"areas": ["A T"]}),
        ("position below 0", "corrects", -1),
    ],
    "erasure/1": [
        ("document 256", "document", 256),
        ("reason in free words", "reason", "Maria has asked us"),
        ("deadline absent", "deadline", ABSENT),
    ],
    "orphan_erasure/1": [
        ("origin absent", "origin", ABSENT),
        ("origin with a space", "origin", "sopro example/hu/1"),
        ("position below 0", "index", -1),
        ("document 256", "document", 256),
        ("reason in free words", "reason", "Maria has asked us"),
    ],
    "erasure_receipt/1": [
        ("entry id of 31 bytes", "erasure", b"\xcc" * 31),
        ("position below 0", "index", -1),
        ("origin with a space", "origin", "sopro example/hu/1"),
    ],
    "witness_policy/1": [
        ("no witness", "witnesses", []),
        ("65 witnesses", "witnesses", [f"s{number}" for number in range(65)]),
        ("site in capitals", "witnesses", ["AT"]),
        ("keys instead of sites", "witnesses", [b"\x01" * 32]),
        ("quorum of 0", "quorum", 0),
        ("fewer than none faulty", "faulty", -1),
        ("faulty absent", "faulty", ABSENT),
    ],
    "serve_alone/1": [
        ("reason absent", "reason", ABSENT),
        ("reason of nothing", "reason", ""),
        ("reason of 501", "reason", "a" * 501),
        ("peers below 0", "peers", -1),
    ],
    "withhold/1": [
        ("leaf hash of 31 bytes", "leaf", b"\xdd" * 31),
        ("leaf hash absent", "leaf", ABSENT),
        ("position below 0", "index", -1),
        ("reason in free words", "reason", "Maria has asked us"),
        ("nothing instead", "instead", b""),
        ("a map instead of a record's bytes", "instead", {}),
    ],
    "anchor/1": [
        ("no evidence", "evidence", b""),
        ("one leaf", "leaves", [b"\xdd" * 32]),
        ("three leaves", "leaves", [b"\xdd" * 32] * 3),
        ("leaf of 31 bytes", "leaves", [b"\xdd" * 32, b"\xee" * 31]),
        ("root absent", "root", ABSENT),
        ("size below 0", "size", -1),
    ],
    "criteria_set/1": [
        ("no criteria", "criteria", []),
        ("criteria as codes", "criteria", ["S1"]),
        ("a criterion without its version", "criteria", [{"code": "S1"}]),
        ("version 0", "version", 0),
        ("points below 0", "min_points", -1),
        ("published_on absent", "published_on", ABSENT),
    ],
    "codelist/1": [
        ("digest of 31 bytes", "digest", b"\x13" * 31),
        ("size 0", "size", 0),
        ("size above 100,000", "size", 100_001),
        ("version as a number", "version", 2008),
        ("list with a space", "list", "c pv"),
        ("valid_from absent", "valid_from", ABSENT),
    ],
    "organisation_relation/1": [
        ("relations absent", "relations", ABSENT),
        ("a relation of no kind", "relations", [{"organisation": b"\x15" * 16}]),
        (
            "a kind that is none",
            "relations",
            [{"kind": "knows", "organisation": b"\x15" * 16, "since": "2024-01-01"}],
        ),
        (
            "33 relations",
            "relations",
            [
                {"kind": "part_of", "organisation": bytes([one] * 16), "since": "2024-01-01"}
                for one in range(33)
            ],
        ),
        ("organisation of 15 bytes", "organisation", b"\x14" * 15),
    ],
    "assessor_authorisation/1": [
        ("level self", "level", "self"),
        ("basis that is none", "basis", "iso9001"),
        ("person by name", "person", "Maria"),
        ("person of 15 bytes", "person", b"\x12" * 15),
        ("criteria of nothing", "criteria", []),
        ("valid_until absent", "valid_until", ABSENT),
    ],
    "label_application/1": [
        ("step that is none", "step", "decided"),
        ("kind that is none", "kind", "gift"),
        ("applicant of 17 bytes", "applicant", b"\x13" * 17),
        ("criteria version 0", "criteria_version", 0),
        ("offering absent", "offering", ABSENT),
    ],
    "evaluation/1": [
        ("no assessor", "assessors", []),
        ("assessor by name", "assessors", [{"person": "Maria"}]),
        ("no finding", "findings", []),
        ("finding without a result", "findings", [{"code": "S1"}]),
        ("result that is none", "findings", [{"code": "S1", "result": "good"}]),
        ("value below 0", "findings", [{"code": "S1", "result": "conform", "value": -1}]),
        ("level that is none", "level", "fourth_party"),
        ("method absent", "method", ABSENT),
    ],
    "review/1": [
        ("no evaluation", "evaluations", []),
        ("evaluation of 15 bytes", "evaluations", [b"\x17" * 15]),
        ("outcome that is none", "outcome", "grant"),
        ("reviewer by name", "reviewer", "Maria"),
        ("reviewed_on absent", "reviewed_on", ABSENT),
    ],
    "import_closed/1": [("effective_date absent", "effective_date", ABSENT)],
    "complaint/1": [
        ("number without slashes", "certificate", "SOPRO-AT1-001-00001"),
        ("kind that is none", "kind", "other"),
        ("received_on absent", "received_on", ABSENT),
    ],
    "complaint_answer/1": [
        ("entry id of 31 bytes", "complaint", b"\x19" * 31),
        ("position below 0", "index", -1),
        ("step that is none", "step", "ignored"),
        ("label absent", "label", ABSENT),
    ],
    "appeal/1": [
        ("position below 0", "decision", -1),
        ("panel of nobody", "panel", []),
        ("panel by name", "panel", ["Maria"]),
        ("step that is none", "step", "closed"),
    ],
    "conformance_statement/1": [
        ("no profile", "profiles", []),
        ("artefact of 31 bytes", "artefact", b"\x1b" * 31),
        ("no feature", "features", []),
        ("profile that is none", "profiles", ["mirror"]),
        ("nonce of 31 bytes", "nonce", b"\x1c" * 31),
        ("counts without the waived", "counts", {"not_applicable": 1, "passed": 8, "warned": 0}),
        ("runner by name", "runner", "Maria"),
        ("a waiver without a reason", "waivers", [{"case": "SYN-07"}]),
        ("valid_until absent", "valid_until", ABSENT),
    ],
}


def change(fields: Fields, name: str, value: object) -> Fields:
    changed = {key: inner for key, inner in fields.items() if key != name}
    return changed if value is ABSENT else changed | {name: value}


def record_fields(family: str, **fields: object) -> Fields:
    return ENVELOPE | {"family": family, "body": BODIES[family][1]} | fields


def record_case(name: str, clause: str, fields: Fields, bad: list[Reject]) -> Case:
    data = encode(fields)
    role = BODIES.get(fields["family"], ("registrar",))[0]
    entry = sign_record(data, [SIGNERS[role]])
    accept = shorten(data)
    if "parts" not in accept:
        accept |= {"value": show(fields), "entry": entry.hex()}
    accept |= {"signed_by": role, "leaf_hash": leaf_hash(entry).hex()}
    return {"name": name, "clause": clause, "accept": accept, "reject": rejects(bad)}


def record_cases() -> Iterator[Case]:
    for family in BODIES:
        good = record_fields(family)
        deltas = [
            (delta, "rec.body", encode(good | {"body": change(good["body"], name, value)}))
            for delta, name, value in BODY_DELTAS[family]
        ]
        yield record_case(family, "REC-7", good, deltas)
    yield from envelope_cases()
    good = record_fields("organisation/1")
    unknown = good | {"body": good["body"] | {"zz_new": {"a": [1]}}}
    yield record_case("a body field this version does not know", "REC-11", unknown, [])
    yield record_case("an envelope field nobody knows", "REC-11", good | {"zz": b"\x01"}, [])
    foreign = {**good, "family": "x-test/1", "body": {"anything": [b"\x00", -5]}}
    yield record_case("a family nobody knows", "REC-12", foreign, [])
    newer = {**good, "family": "organisation/2", "body": {"anything": True}}
    yield record_case("a newer major of a known family", "REC-13", newer, [])
    critical = {**unknown, "crit": ["zz_new"]}
    yield record_case("a field that must be understood", "REC-13", critical, [])
    for family, clause in (("complaint_answer/1", "COMPL-7"), ("appeal/1", "COMPL-8")):
        good = record_fields(family)
        if family == "appeal/1":
            good = good | {"body": good["body"] | {"step": "upheld"}}
        named = good | {"body": {**good["body"], "person": b"\x1d" * 16}}
        deltas = [
            (delta, "rec.body", encode(good | {"body": {**good["body"], "person": value}}))
            for delta, value in (
                ("person by name", "Maria"),
                ("person of 15 bytes", b"\x1d" * 15),
                ("person of no bytes", b""),
            )
        ]
        yield record_case(f"{family} that names who does it", clause, named, deltas)
    yield limit_record_case()


def limit_record_case() -> Case:
    fields = {**record_fields("organisation/1"), "family": "x-test/1", "body": {"pad": ""}}
    room = MAX_RECORD - len(encode(fields)) - 2  # the header grows from 1 to 3 bytes
    full, over = (fields | {"body": {"pad": "z" * size}} for size in (room, room + 1))
    assert len(encode(full)) == MAX_RECORD
    return record_case(
        "a record of 32,768 bytes", "ENC-10", full, [("32,769", "enc.limit", encode(over))]
    )


def envelope_cases() -> Iterator[Case]:
    good = record_fields("organisation/1", prev=b"\xbb" * 32, docs=[DOCUMENT], crit=["status"])

    def form(deltas: list[tuple[str, str, object]], *, code: str = "rec.form") -> list[Reject]:
        return [(delta, code, encode(change(good, name, value))) for delta, name, value in deltas]

    def docs(deltas: list[tuple[str, str, object]]) -> list[Reject]:
        return form([(d, "docs", [change(DOCUMENT, name, value)]) for d, name, value in deltas])

    required = ("body", "entity", "family", "log", "salt", "time", "v")
    yield record_case(
        "every envelope field",
        "REC-1",
        good,
        [
            *form([(f"{name} absent", name, ABSENT) for name in required]),
            *form(
                [
                    ("version 2", "v", 2),
                    ("version true", "v", True),
                    ("entity of 15 bytes", "entity", b"\x11" * 15),
                    ("entity of 17 bytes", "entity", b"\x11" * 17),
                    ("entity as base64 text", "entity", "EREREREREREREREREREREQ=="),
                    ("salt of 15 bytes", "salt", b"\x22" * 15),
                    ("prev of 31 bytes", "prev", b"\xbb" * 31),
                    ("prev empty", "prev", b""),
                    ("time below 0", "time", -1),
                    ("time as text", "time", "1700000000000"),
                    ("log empty", "log", ""),
                    ("log with a plus sign", "log", "sopro.example/at+/1"),
                    ("log with a space", "log", "sopro.example/at /1"),
                    ("log with a newline at its end", "log", "sopro.example/at/1\n"),
                    ("log with a letter outside ASCII", "log", "sopro.example/\u00f6/1"),
                    ("log of 256 characters", "log", "a" * 256),
                    ("family without major", "family", "organisation"),
                    ("family of major 0", "family", "organisation/0"),
                    ("family of major 01", "family", "organisation/01"),
                    ("family of major 1000", "family", "organisation/1000"),
                    ("family in upper case", "family", "Organisation/1"),
                    ("family with a newline at its end", "family", "organisation/1\n"),
                    ("body as array", "body", []),
                    ("body as bytes", "body", b"\x80"),
                    ("crit empty", "crit", []),
                    ("crit of 17", "crit", [f"a{number}" for number in range(17)]),
                    ("crit with an empty name", "crit", [""]),
                    ("docs empty", "docs", []),
                    ("docs of 17", "docs", [DOCUMENT] * 17),
                ]
            ),
            (
                "nil for prev",
                "enc.type",
                encode(good | {"prev": 0}).replace(b"prev\0", b"prev\xc0"),
            ),
            (
                "time as float64",
                "enc.type",
                encode(good | {"time": 0}).replace(b"time\0", b"time\xcb" + bytes(8)),
            ),
            ("an array of the map's values", "rec.form", encode(list(good.values()))),
        ],
    )
    yield record_case(
        "a commitment that names who may read",
        "DOC-1",
        good | {"docs": [DOCUMENT | {"visibility": "parties", "parties": ["at", "hu"]}]},
        [],
    )
    yield record_case(
        "a commitment",
        "DOC-1",
        good,
        docs(
            [
                ("commitment of 31 bytes", "commitment", b"\x33" * 31),
                ("commitment as hex text", "commitment", "33" * 32),
                ("name absent", "name", ABSENT),
                ("name empty", "name", ""),
                ("name of 129 characters", "name", "a" * 129),
                ("size below 0", "size", -1),
                ("size above 25 MiB", "size", MAX_DOCUMENT_SIZE + 1),
                ("type absent", "type", ABSENT),
                ("visibility that is none", "visibility", "private"),
                ("parties empty", "parties", []),
                ("a party in upper case", "parties", ["AT"]),
            ]
        ),
    )


# entry.json


def entry_case(
    name: str, clause: str, data: bytes, bad: list[Reject], *, checked: str = "form"
) -> Case:
    entry = parse_entry(data)
    accept = shorten(data)
    if "parts" not in accept:
        accept["record"] = entry.record.hex()
    accept["signatures"] = [[one.key_id.hex(), one.signature.hex()] for one in entry.signatures]
    accept["leaf_hash"] = leaf_hash(data).hex()
    case = {"name": name, "clause": clause, "checked": checked}
    return case | {"accept": accept, "reject": rejects(bad)}


def flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]


def entry_of(record: bytes, *signatures: tuple[bytes, bytes]) -> bytes:
    return encode([record, [list(pair) for pair in signatures]])


def entry_cases() -> Iterator[Case]:
    record = encode(record_fields("organisation/1"))
    by_registrar = (REGISTRAR.key_id, REGISTRAR.sign(RECORD_CONTEXT + record))
    by_decision = (DECISION.key_id, DECISION.sign(RECORD_CONTEXT + record))
    first, second = sorted((by_registrar, by_decision))
    key, signature = by_registrar
    yield entry_case(
        "one signature",
        "REC-3",
        entry_of(record, by_registrar),
        [
            ("no signature", "sig.missing", entry_of(record)),
            ("empty signature", "sig.missing", entry_of(record, (key, b""))),
            ("signature of 63 bytes", "sig.missing", entry_of(record, (key, signature[:-1]))),
            ("signature of 65 bytes", "sig.missing", entry_of(record, (key, signature + b"\0"))),
            ("key id of 31 bytes", "sig.missing", entry_of(record, (key[:-1], signature))),
            ("key id of 4 bytes", "sig.missing", entry_of(record, (key[:4], signature))),
            ("signature as hex text", "sig.missing", encode([record, [[key, signature.hex()]]])),
            ("a third thing", "sig.missing", encode([record, [[key, signature, "none"]]])),
            ("the signature alone", "sig.missing", encode([record, [signature]])),
            ("a third element", "rec.entry", encode([record, [list(by_registrar)], 1])),
            ("signatures absent", "rec.entry", encode([record])),
            ("signatures as map", "rec.entry", encode([record, {"a": 1}])),
            ("record as map", "rec.entry", encode([decode(record), [list(by_registrar)]])),
            ("a map", "rec.entry", encode({"record": record})),
            ("one byte more", "enc.framing", entry_of(record, by_registrar) + b"\0"),
            (
                "length of the signature in 16 bits",
                "enc.not-shortest",
                entry_of(record, by_registrar).replace(b"\xc4\x40", b"\xc5\x00\x40"),
            ),
        ],
    )
    yield entry_case(
        "two signatures",
        "REC-3",
        entry_of(record, first, second),
        [
            ("not sorted by key id", "sig.missing", entry_of(record, second, first)),
            ("one key twice", "sig.missing", entry_of(record, first, first)),
        ],
    )
    crowd = [Ed25519Signer(bytes((0x40 + number,)) * 32) for number in range(9)]
    signed = sorted((one.key_id, one.sign(RECORD_CONTEXT + record)) for one in crowd)
    yield entry_case(
        "eight signatures, of seeds 40 40 .. to 48 48 .., none of them of this site",
        "REC-3",
        entry_of(record, *signed[:8]),
        [("nine signatures", "sig.missing", entry_of(record, *signed))],
    )
    size = MAX_ENTRY - len(entry_of(b"", by_registrar)) - 1  # its header grows by one
    yield entry_case(
        "65,535 bytes (its record is too long: the entry's form is judged first)",
        "REC-2",
        entry_of(bytes(size), by_registrar),
        [("65,536 bytes", "enc.limit", entry_of(bytes(size + 1), by_registrar))],
    )
    yield from signature_cases(record)


def signature_cases(record: bytes) -> Iterator[Case]:
    key, signature = REGISTRAR.key_id, REGISTRAR.sign(RECORD_CONTEXT + record)
    scalar = int.from_bytes(signature[32:], "little")
    other = SIGNERS["another site's registrar"]

    def signed(message: bytes) -> bytes:
        return entry_of(record, (key, REGISTRAR.sign(message)))

    def invalid(table: list[tuple[str, bytes]]) -> list[Reject]:
        return [(delta, "sig.invalid", data) for delta, data in table]

    good = entry_of(record, (key, signature))
    place = good.index(record)
    yield entry_case(
        "a signature by the registrar, among the keys at hand",
        "REC-4",
        good,
        [
            *invalid(
                [
                    ("signed without the context line", signed(record)),
                    ("signed under a document's context", signed(DOCUMENT_CONTEXT + record)),
                    ("signed under a key id's context", signed(b"sopro-key/1\n" + record)),
                    ("signed under a cosignature's context", signed(b"cosignature/v1\n" + record)),
                    ("signed under another version", signed(b"sopro-record/2\n" + record)),
                    ("signed without the newline", signed(b"sopro-record/1" + record)),
                    ("one bit of the record", flip(good, place + len(record) - 1)),
                    ("one bit of R", flip(good, len(good) - 64)),
                    ("one bit of S", flip(good, len(good) - 1)),
                    (
                        "S + L for S",
                        entry_of(
                            record, (key, signature[:32] + (scalar + ORDER).to_bytes(32, "little"))
                        ),
                    ),
                    ("S = 0, R the identity", entry_of(record, (key, b"\x01" + bytes(63)))),
                    (
                        "the key id of another key at hand",
                        entry_of(record, (DECISION.key_id, signature)),
                    ),
                ]
            ),
            (
                "one bit of the key id",
                "sig.unknown-key",
                entry_of(record, (flip(key, 0), signature)),
            ),
            (
                "by a key that is not at hand",
                "sig.unknown-key",
                entry_of(record, (other.key_id, other.sign(RECORD_CONTEXT + record))),
            ),
        ],
        checked="form and signatures",
    )


# document.json


def document_cases() -> Iterator[Case]:
    key, content = bytes(range(32)), encode({"name": "Muster GmbH"})
    for name, text in (
        ("a structured document", content),
        ("an empty document", b""),
        ("bytes of any kind", bytes(range(256))),
    ):
        accept = {
            "key": key.hex(),
            "bytes": text.hex(),
            "size": len(text),
            "commitment": commit_document(text, key=key).hex(),
        }
        yield {"name": name, "clause": "DOC-2", "accept": accept, "reject": []}
    accept = {
        "key": key.hex(),
        "bytes": content.hex(),
        "size": len(content),
        "commitment": commit_document(content, key=key).hex(),
    }
    plain = {
        "SHA-256 of the content": hashlib.sha256(content),
        "SHA-256 of key and content": hashlib.sha256(key + content),
        "HMAC without the context line": hmac.new(key, content, "sha256"),
        "HMAC under another context": hmac.new(key, b"sopro-record/1\n" + content, "sha256"),
        "HMAC-SHA-512, cut": hmac.new(key, DOCUMENT_CONTEXT + content, "sha512"),
    }
    deltas: list[tuple[str, Case]] = [
        ("key absent", {"key": ""}),
        ("key of 31 bytes", {"key": key[:31].hex()}),
        ("key of 33 bytes", {"key": (key + b"\0").hex()}),
        ("one bit of the key", {"key": flip(key, 0).hex()}),
        ("one bit of the content", {"bytes": flip(content, 0).hex()}),
        ("size by one more", {"size": len(content) + 1}),
        (
            "one bit of the commitment",
            {"commitment": flip(bytes.fromhex(accept["commitment"]), 31).hex()},
        ),
        *((name, {"commitment": digest.digest()[:32].hex()}) for name, digest in plain.items()),
    ]
    yield {
        "name": "a document and its twins",
        "clause": "DOC-2",
        "accept": accept,
        "reject": [
            {"delta": delta, "code": "acc.commitment"} | accept | changed
            for delta, changed in deltas
        ],
    }


MAKERS: dict[str, Callable[[], Iterator[Case]]] = {
    "encoding": encoding_cases,
    "record": record_cases,
    "entry": entry_cases,
    "document": document_cases,
}


def render(name: str) -> str:
    """Make one file's text."""
    cases = list(MAKERS[name]())
    value: Case = {"comment": COMMENT, "clauses": sorted({case["clause"] for case in cases})}
    if name in ("record", "entry"):
        value["context"] = RECORD_CONTEXT.hex()
        value["keys"] = [
            {
                "name": role,
                "seed": SEEDS[role],
                "public": signer.public_key.hex(),
                "key_id": signer.key_id.hex(),
                "at_hand": role in set(Role),
            }
            for role, signer in SIGNERS.items()
        ]
    if name == "document":
        value["context"] = DOCUMENT_CONTEXT.hex()
    return json.dumps(value | {"cases": cases}, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for file_name in MAKERS:
        (FOLDER / f"{file_name}.json").write_text(render(file_name), encoding="utf-8")
