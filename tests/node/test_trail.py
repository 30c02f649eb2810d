"""What is done on the command line and is no act is on the trail with its entries."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from sopro_node.drafting import Note, Signed
from sopro_node.node import Node
from sopro_node.office import FOR_ALL, JUDGED, OPERATIONS
from sopro_node.officer_roles import OfficerRole
from sopro_node.officers import officer_add
from sopro_node.trail import on_trail
from sopro_protocol.errors import RefusedError
from tests.node.test_log import SCHEME, scheme

BY = {"done_by": {"user": "eva", "officer": ""}}


def lines(node: Node) -> list[tuple[str, str, int]]:
    rows = node.reader.accounts.trail(before=2**53, limit=100)
    return [(row.officer, row.action, row.position) for row in rows]


async def fail_behind(node: Node, values: Mapping[str, Any], note: Note | None) -> dict[str, Any]:
    """Append, and fail at what has to be done then."""
    await node.log.append_all([scheme(one) for one in values["codes"]], note=note)
    raise RefusedError("the site does not answer")


async def test_what_fails_behind_its_entries_is_on_the_trail(lone_node: Node) -> None:
    size = lone_node.log.held.size
    with pytest.raises(RefusedError):
        await on_trail(fail_behind)(lone_node, {"codes": ["one", "two"], **BY})
    assert lines(lone_node) == [("eva", "fail_behind 2 records", size)]


async def test_what_is_refused_is_not(lone_node: Node) -> None:
    wrong = {"family": "scheme", "values": {"scheme": "NO SCHEME"}}
    await OPERATIONS["append"](lone_node, {"drafts": [wrong], **BY})
    assert lines(lone_node) == []


async def test_what_makes_no_entry_is_there_when_it_is_done(lone_node: Node) -> None:
    async def ask(_node: Node, _values: Mapping[str, Any], _note: Note | None) -> dict[str, Any]:
        return {"asked": "somebody"}

    await on_trail(ask)(lone_node, {"site": "at", **BY})
    assert lines(lone_node) == [("eva", "ask at", -1)]


async def test_records_say_of_which_family_they_are(lone_node: Node) -> None:
    right = {"family": "scheme", "values": SCHEME}
    [outcome] = (await OPERATIONS["append"](lone_node, {"drafts": [right], **BY}))["outcomes"]
    assert lines(lone_node) == [("eva", "append scheme", outcome["index"])]


async def test_each_caller_has_the_note_of_its_own(lone_node: Node) -> None:
    """Callers share a transaction, and one of them may have nothing appended."""
    told: dict[str, list[int]] = {}

    def noting(name: str) -> Note:
        return lambda entries: told.update({name: [one.index for one in entries]})

    good, bad = [scheme("one"), scheme("two")], [Signed(b"\x80")]
    size = lone_node.log.held.size
    log = lone_node.log
    await asyncio.gather(
        log.append_first(bad, note=noting("bad")),
        log.append_first(good, note=noting("good")),
        log.append_first([scheme("three")], note=noting("other")),
    )
    assert told == {"good": [size, size + 1], "other": [size + 2]}
    assert log.held.size == size + 4, "one batch, which ends with one state"


async def test_nobody_is_told_more_than_the_public_as_an_officer_who_is_none(
    lone_node: Node,
) -> None:
    others = {one.__name__ for one in (*FOR_ALL, *JUDGED)}
    for name in OPERATIONS.keys() - others:
        with pytest.raises(RefusedError, match="no officer 'Nobody' at this site"):
            await OPERATIONS[name](lone_node, {"done_by": {"user": "eva", "officer": "Nobody"}})
    assert OPERATIONS.keys() >= {"status", "inbox", "pseudonyms", "officer_trail", *others}


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("officer_list", {"registrar", "administrator"}),
        ("officer_show", {"registrar", "administrator"}),
        ("officer_trail", {"administrator"}),
        ("plan_keys", {"administrator"}),
        ("rehearse", {"registrar"}),
    ],
)
async def test_some_is_told_in_some_roles_only(lone_node: Node, name: str, roles: set[str]) -> None:
    for role in OfficerRole:
        told = {"name": role.value, "roles": [role.value], "new_person": True}
        await officer_add(lone_node, told)
        values = {"name": role.value, "drafts": [], "act": "rotate", "role": "access"}
        asked = OPERATIONS[name](lone_node, {**values, "done_by": {"officer": role.value}})
        if role.value in roles:
            assert await asked
        else:
            with pytest.raises(RefusedError, match=f"{role.value} is {role.value}"):
                await asked
