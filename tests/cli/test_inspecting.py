from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import zstandard

from sopro_node.holdings import Holdings
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.bundle import RidingDocument, format_documents, format_items
from sopro_protocol.encoding import decode
from sopro_protocol.keys import Ed25519Signer
from sopro_protocol.note import sign_note
from sopro_protocol.record import parse_entry
from sopro_protocol.tile import format_entry_bundle
from tests.cli.place import GRANTED, Place, sopro


def entries(place: Place) -> list[bytes]:
    store = SqliteStore.open(place.at, writing=False)
    try:
        return Holdings.read_bundle(store, 1, 0)
    finally:
        store.close()


def certificate(place: Place) -> bytes:
    path = place.folder / "file.sopro"
    sopro("certificate", "get", GRANTED, "--dir", place.at, "-o", path)
    return path.read_bytes()


def proof(place: Place) -> bytes:
    value = decode(certificate(place), limit=10**7)
    assert isinstance(value, dict)
    return bytes(value["decisions"][0][1])


def bundle(place: Place) -> bytes:
    documents = [RidingDocument(0, 0, bytes(32), b"content")]
    return format_items(list(entries(place)[:3])) + format_documents(documents)


def compressed(place: Place) -> bytes:
    compress = zstandard.ZstdCompressor().compress
    return compress(format_items(list(entries(place)[:3]))) + compress(format_documents([]))


FORMS: list[tuple[str, Callable[[Place], bytes], list[str]]] = [
    ("entry", lambda place: entries(place)[0], ["entry of ", "record site_keys/1", "signed with"]),
    (
        "key history",
        lambda place: msgspec.msgpack.encode([[0, entries(place)[0]]]),
        ["key history of 1 records", "position 0", "record site_keys/1 of sopro.example/at/1"],
    ),
    (
        "record",
        lambda place: parse_entry(entries(place)[3]).record,
        ["record organisation/1 of sopro.example/at/1", "actor_type enterprise", "document organ"],
    ),
    ("bundle", bundle, ["bundle of 3 entries and 1 documents", "0: site_keys/1", "7 bytes"]),
    ("compressed bundle", compressed, ["bundle of 3 entries and 0 documents", "1: log_state/1"]),
    (
        "entry bundle",
        lambda place: format_entry_bundle(entries(place)[:2]),
        ["entry bundle of 2 entries", "0: site_keys/1 of sopro.example/at/1"],
    ),
    ("tile", lambda _: bytes(32) + b"\x01" * 32, ["tile holds them: 2", "1: 0101"]),
    ("proof", proof, ["tlog-proof: entry ", "checkpoint of sopro.example/at/1", "signed by"]),
    (
        "note",
        lambda _: sign_note("hello\n", name="example.com", signer=Ed25519Signer(bytes(32))),
        ["signed note", "hello", "signed by example.com"],
    ),
    ("certificate", certificate, [f"certificate of {GRANTED}", "decision 0", "coordinator_keys"]),
    ("certificate's status", certificate, ["leaf 0 of the status tree, 1 hashes", "state active"]),
    ("invite", lambda place: place.invite.read_bytes(), ["invite to the federation sopro.example"]),
]


@pytest.mark.parametrize(
    ("make", "expected"), [(make, told) for _, make, told in FORMS], ids=[one[0] for one in FORMS]
)
def test_tells_what_a_file_holds(
    place: Place, make: Callable[[Place], bytes], expected: list[str]
) -> None:
    path = place.folder / "file"
    path.write_bytes(make(place))
    told = sopro("inspect", path).stdout
    assert [part for part in expected if part not in told] == []


@pytest.mark.parametrize("data", [b"", b"hello", b"\x28\xb5\x2f\xfd broken", b"\x1f\x8b", b"\xc1"])
def test_says_that_bytes_are_no_known_form(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    result = sopro("inspect", path, code=65)
    assert f"no form this version knows: {len(data)} bytes" in result.stderr


@pytest.mark.parametrize("position", [1, 3])
def test_entries_that_name_no_keys_are_no_key_history(place: Place, position: int) -> None:
    path = place.folder / "file"
    path.write_bytes(msgspec.msgpack.encode([[position, entries(place)[position]]]))
    assert "no form this version knows" in sopro("inspect", path, code=65).stderr


def test_missing_file_is_named() -> None:
    assert "none: cannot be read (No such file" in sopro("inspect", "none", code=65).stderr
