"""The frozen vectors of key records, read as another implementation would read them."""

import json
from typing import Any, NamedTuple

import pytest

from sopro_protocol.checkpoint import open_checkpoint, parse_checkpoint_text
from sopro_protocol.errors import SoproError
from sopro_protocol.keys import make_vkey
from sopro_protocol.note import parse_note
from sopro_registry.family import KeySpan
from sopro_registry.keyhistory import KeyRecord, log_keys_at, open_key_history
from sopro_registry.recovery import check_approvals, read_mandate
from sopro_registry.succession import check_succession
from tests.registry.make_key_vectors import FILE, render

VECTORS = json.loads(FILE.read_text(encoding="utf-8"))
ORIGIN = VECTORS["origin"]


def named(cases: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case["name"].replace(" ", "-"))


def follow(one: dict[str, Any], root: str | None = None) -> tuple[KeySpan, ...]:
    history = [KeyRecord(position, bytes.fromhex(entry)) for position, entry in one["history"]]
    return open_key_history(history, origin=ORIGIN, root=bytes.fromhex(root or one["root"]))


def open_head(note: str, keys: tuple[KeySpan, ...]) -> int:
    size = parse_checkpoint_text(parse_note(note.encode()).text).size
    vkeys = [make_vkey(ORIGIN, public) for public in log_keys_at(keys, size)]
    return open_checkpoint(note.encode(), origin=ORIGIN, keys=vkeys).size


def succeed(one: dict[str, Any], before: str) -> None:
    check_succession(
        [bytes.fromhex(entry) for entry in one["succession"]],
        origin=ORIGIN,
        root=bytes.fromhex(before),
        successor=bytes.fromhex(one["root"]),
    )


def test_frozen_vectors_are_what_the_generator_makes() -> None:
    assert FILE.read_text(encoding="utf-8") == render()


@named(VECTORS["histories"])
def test_histories(case: dict[str, Any]) -> None:
    found = [
        {
            "role": span.role,
            "public": span.public.hex(),
            "since": span.since,
            "until": span.until,
            "cut": span.cut,
        }
        for span in follow(case)
    ]
    assert found == case["keys"]
    for hostile in case["reject"]:
        with pytest.raises(SoproError) as refused:
            follow(hostile)
        assert refused.value.code == hostile["code"], hostile["delta"]


@named(VECTORS["heads"])
def test_heads(case: dict[str, Any]) -> None:
    keys = follow(case, VECTORS["keys"]["root"])
    assert all(open_head(note, keys) for note in case["accept"])
    for hostile in case["reject"]:
        with pytest.raises(SoproError) as refused:
            open_head(hostile["note"], keys)
        assert refused.value.code == hostile["code"], hostile["delta"]


@named(VECTORS["successions"])
def test_successions(case: dict[str, Any]) -> None:
    succeed(case, case["before"])
    for hostile in case["reject"]:
        with pytest.raises(SoproError) as refused:
            succeed(hostile, case["before"])
        assert refused.value.code == hostile["code"], hostile["delta"]


class Member(NamedTuple):
    """A member as the coordinator's log names it."""

    origin: str
    root: bytes

    @property
    def prefix(self) -> str:
        return "XX1"

    @property
    def site(self) -> str:
        return self.origin.split("/")[1]

    @property
    def status(self) -> str:
        return "admitted"


def approve(one: dict[str, Any], case: dict[str, Any]) -> None:
    check_approvals(
        [bytes.fromhex(entry) for entry in one["approvals"]],
        [Member(member["origin"], bytes.fromhex(member["root"])) for member in one["members"]],
        origin=ORIGIN,
        before=bytes.fromhex(case["before"]),
        root=bytes.fromhex(case["root"]),
    )


@named(VECTORS["approvals"])
def test_approvals(case: dict[str, Any]) -> None:
    approve(case, case)
    for hostile in case["reject"]:
        with pytest.raises(SoproError) as refused:
            approve(hostile, case)
        assert refused.value.code == hostile["code"], hostile["delta"]


@named(VECTORS["mandates"])
def test_mandates(case: dict[str, Any]) -> None:
    def read(one: dict[str, Any]) -> list[str]:
        entry, root = bytes.fromhex(one["mandate"]), bytes.fromhex(case["before"])
        return read_mandate(entry, origin=ORIGIN, root=root)

    assert read(case) == case["approvers"]
    for hostile in case["reject"]:
        with pytest.raises(SoproError) as refused:
            read(hostile)
        assert refused.value.code == hostile["code"], hostile["delta"]
