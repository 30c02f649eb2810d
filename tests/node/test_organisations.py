"""What is told of one organisation."""

import pytest
from aiohttp import ClientSession

from sopro_node.node import Node
from sopro_node.organisation_answers import LabelledPage
from sopro_node.organisations import describe_organisation, list_labelled
from sopro_node.relating import relate
from sopro_protocol.errors import FormatError, NotFoundError
from tests.node.conftest import Federation, Served, decide
from tests.node.test_directory import grant, offering, organisation


@pytest.fixture
async def at(federation: Federation) -> Served:
    await federation.coordinator()
    return await federation.join("at", "AT")


async def say(node: Node, one: bytes, kind: str, other: bytes, since: str) -> None:
    await relate(node, {"organisation": one, "kind": kind, "other": other, "since": since})


async def test_what_both_say_of_one_another_stands_there_once(at: Served) -> None:
    one, other = [await organisation(at.node, name) for name in ("Eins", "Zwei")]
    await say(at.node, one, "same_as", other, "2021-05-01")
    await say(at.node, other, "same_as", one, "2020-05-01")
    for first, second in ((one, other), (other, one)):
        [found] = (await describe_organisation(at.node, "at", first)).related
        told = (found.entity, found.kind, found.since, found.is_confirmed)
        assert told == (second.hex(), "same_as", "2020-05-01", True)


async def test_a_merger_and_who_goes_on_with_it_are_two_statements(at: Served) -> None:
    one, other = [await organisation(at.node, name) for name in ("Alt", "Neu")]
    await say(at.node, one, "merged_into", other, "2021-05-01")
    await say(at.node, other, "successor_of", one, "2021-05-01")
    found = (await describe_organisation(at.node, "at", one)).related
    assert {(about.kind, about.is_first) for about in found} == {
        ("merged_into", False),
        ("successor_of", True),
    }


async def test_goes_through_all_that_an_organisation_has(at: Served) -> None:
    node = at.node
    holder, other = [await organisation(node, name) for name in ("Eins", "Zwei")]
    things = [await offering(node, holder, {"de": f"Tisch {number}"}) for number in range(3)]
    given = [await grant(node, thing) for thing in (things[0], *[things[1]] * 3)]
    row = node.reader.label(given[1])
    assert row
    await decide(node, row.entity, action="revoke", reason_code="other", appeal_until="2026-12-01")
    foreign = await grant(node, await offering(node, other, {"de": "Stuhl"}))
    whole = await describe_organisation(node, "at", holder)
    for limit in (1, 2, 3, 100):
        pages = walk(node, holder, limit)
        offered = {one.entity for page in pages for one in page.offerings}
        assert offered == {thing.hex() for thing in things}
        stands = [label for page in pages for one in page.offerings for label in one.labels]
        assert sorted(one.number for one in stands) == sorted(given)
        told = [event for page in pages for event in page.history]
        assert sorted(map(str, told)) == sorted(map(str, whole.history))
        assert foreign not in {event.number for event in told}
        assert all(len(page.computed_from) == 1 for page in pages)
        # The rows of the list are its labels, and offerings that have none.
        assert len(pages) <= len(given) + len(things) + 1
    assert len(walk(node, holder, 1)) > 4


def walk(node: Node, holder: bytes, limit: int) -> list[LabelledPage]:
    pages = [list_labelled(node, "at", holder, limit=limit)]
    while after := pages[-1].next:
        pages.append(list_labelled(node, "at", holder, after=after, limit=limit))
    return pages


async def test_goes_on_in_nobody_elses_list(at: Served) -> None:
    node = at.node
    one, other = [await organisation(node, name) for name in ("Eins", "Zwei")]
    for holder in (one, other):
        await offering(node, holder, {"de": "Tisch"})
    after = list_labelled(node, "at", one, limit=1).next
    assert after
    with pytest.raises(FormatError, match="after: expected the 'next'"):
        list_labelled(node, "at", other, after=after, limit=1)
    with pytest.raises(NotFoundError, match="no organisation"):
        list_labelled(node, "at", b"x" * 16, limit=1)
    path = f"{at.url}/api/v1/organisations/at/{one.hex()}/labels"
    async with ClientSession() as session:
        async with session.get(path) as answer:
            found = await answer.json()
        assert [one["name"] for one in found["offerings"]] == [{"de": "Tisch"}]
        assert (found["next"], found["history"]) == (None, [])
        async with session.get(f"{path}?after=zz") as answer:
            assert (answer.status, (await answer.json())["code"]) == (400, "err.query")


async def test_what_others_are_to_one_another_is_not_said_of_this_one(at: Served) -> None:
    old, new, last = [await organisation(at.node, name) for name in ("Alt", "Neu", "Letzt")]
    await say(at.node, old, "merged_into", new, "2021-05-01")
    await say(at.node, new, "merged_into", last, "2023-05-01")
    for whose, expected in (
        (old, {(new, False)}),
        (new, {(old, True), (last, False)}),
        (last, {(new, True)}),
    ):
        found = (await describe_organisation(at.node, "at", whose)).related
        assert {(bytes.fromhex(one.entity), one.is_first) for one in found} == expected
