"""Key records verify by themselves (SPEC KEY-10)."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from sopro_protocol.encoding import MAX_ENTRY
from sopro_protocol.errors import SoproError, VerificationError
from sopro_registry.keyhistory import MAX_HISTORY, KeyRecord, open_key_history
from tests.registry.world import Author, World, bytes16, keys_body, organisation_body, signer

ROOT, NEXT = signer("at root"), signer("at next root")
LAST = signer("at last root")
THIEF = signer("thief")


@pytest.fixture
def history(world: World) -> list[KeyRecord]:
    """Entry 0, a rotation, and the succession of the root."""
    at = world.at
    rotated = keys_body(at)
    rotated["keys"] = [one for one in rotated["keys"] if one["role"] != "witness"]
    at.write("site_keys/1", rotated, entity=bytes16("keys"), role="root")
    succession = rotated | {
        "root": NEXT.public_key,
        "next_root": hashlib.sha256(LAST.public_key).digest(),
    }
    at.write("site_keys/1", succession, entity=bytes16("keys"), signers=[NEXT])
    end = len(at.entries)
    return [KeyRecord(position, at.entries[position]) for position in (0, end - 2, end - 1)]


def open_it(history: list[KeyRecord], root: bytes = ROOT.public_key) -> tuple[Any, ...]:
    return open_key_history(history, origin="sopro.example/at/1", root=root)


def test_says_what_a_node_that_judged_the_log_says(world: World, history: list[KeyRecord]) -> None:
    assert open_it(history) == tuple(world.at.cursor.keys)


def test_leads_to_the_founding_root_and_to_its_successor(history: list[KeyRecord]) -> None:
    assert open_it(history, ROOT.public_key) == open_it(history, NEXT.public_key)
    assert open_it(history[:2])[0].public == ROOT.public_key


def test_a_root_that_no_record_names_is_not_reached(history: list[KeyRecord]) -> None:
    for root, records in ((LAST, history), (NEXT, history[:2]), (THIEF, history)):
        with pytest.raises(VerificationError) as refused:
            open_it(records, root.public_key)
        assert refused.value.code == "mem.untrusted"


def forged_beginning(next_root: bytes) -> bytes:
    """Write an entry 0 of somebody who has no key of the site, and commits to its next root."""
    other = Author("at", World.new_node(), prefix="AT1")
    other.keys["root"] = THIEF
    body = keys_body(other) | {"next_root": hashlib.sha256(next_root).digest()}
    body["keys"] = [{"public": signer("thief log").public_key, "role": "log"}]
    return other.draft("site_keys/1", body, entity=bytes16("keys"), signers=[THIEF])


def test_another_beginning_before_the_successors_record_is_refused(
    history: list[KeyRecord],
) -> None:
    forged = [KeyRecord(0, forged_beginning(NEXT.public_key)), history[2]]
    with pytest.raises(VerificationError) as refused:
        open_it(forged, NEXT.public_key)
    assert refused.value.code == "mem.untrusted"
    assert open_it([history[0], *history[1:]], NEXT.public_key)


def test_a_record_left_out_is_found_where_the_beginning_is_not_trusted_by_itself(
    history: list[KeyRecord],
) -> None:
    shortened = [history[0], history[2]]
    assert open_it(shortened, ROOT.public_key)
    with pytest.raises(VerificationError):
        open_it(shortened, NEXT.public_key)


def no_keys(author: Author) -> bytes:
    return author.draft("organisation/1", organisation_body(), entity=bytes16("o"), role="root")


CASES: dict[str, tuple[Callable[[list[KeyRecord], World], list[KeyRecord]], str]] = {
    "nothing": (lambda _h, _w: [], "mem.untrusted"),
    "no entry 0": (lambda h, _w: h[1:], "mem.untrusted"),
    "out of order": (lambda h, _w: [h[0], h[2], h[1]], "hos.keys"),
    "twice at a place": (lambda h, _w: [h[0], h[0]], "hos.keys"),
    "too many": (lambda h, _w: [h[0]] * (MAX_HISTORY + 1), "hos.keys"),
    "by a stranger": (
        lambda h, w: [h[0], KeyRecord(9, by(w, root=THIEF.public_key, signer=THIEF))],
        "mem.untrusted",
    ),
    "not by the root it names": (
        lambda h, w: [h[0], KeyRecord(9, by(w, root=ROOT.public_key, signer=THIEF))],
        "sig.unknown-key",
    ),
    "the old root after its successor": (
        lambda h, w: [*h, KeyRecord(99, by(w, root=ROOT.public_key, signer=ROOT))],
        "mem.untrusted",
    ),
    "of another log": (lambda _h, w: [KeyRecord(0, w.hu.entries[0])], "mem.untrusted"),
    "another family": (lambda _h, w: [KeyRecord(0, no_keys(w.at))], "mem.untrusted"),
    "no entry": (lambda h, _w: [h[0], KeyRecord(9, b"\x92")], "enc.framing"),
    "an entry too long": (lambda h, _w: [h[0], KeyRecord(9, bytes(MAX_ENTRY + 1))], "enc.limit"),
    "a body that does not fit": (
        lambda h, w: [h[0], KeyRecord(9, by(w, root=b"", signer=ROOT))],
        "rec.body",
    ),
    "on another entity": (
        lambda h, w: [
            h[0],
            KeyRecord(9, by(w, root=ROOT.public_key, signer=ROOT, entity=bytes16("others"))),
        ],
        "mem.key",
    ),
    "a rule broken": (
        lambda h, w: [h[0], KeyRecord(9, by(w, root=ROOT.public_key, signer=ROOT, twice=True))],
        "mem.key",
    ),
}


def by(
    world: World,
    *,
    root: bytes,
    signer: Any,
    twice: bool = False,
    entity: bytes | None = None,
) -> bytes:
    body = keys_body(world.at) | {"root": root}
    if twice:
        body["keys"] = body["keys"] * 2
    return world.at.draft("site_keys/1", body, entity=entity or bytes16("keys"), signers=[signer])


@pytest.mark.parametrize("name", CASES)
def test_refuses(world: World, history: list[KeyRecord], name: str) -> None:
    make, code = CASES[name]
    with pytest.raises(SoproError) as refused:
        open_it(make(history, world))
    assert refused.value.code == code
