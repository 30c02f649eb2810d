"""The directory: what is found by words and codes, page by page, and what is found no more."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from sopro_node import reindex
from sopro_node.conditions import (
    Condition,
    ask_activity,
    ask_holder,
    ask_identifier,
    ask_item,
    ask_procurement,
    ask_region,
    ask_scale,
    ask_words,
)
from sopro_node.directory import MOST_LOOKED_AT, Wanted
from sopro_node.documents import structured
from sopro_node.drafting import Draft
from sopro_node.finding import MOST_AT_ONCE
from sopro_node.node import Node
from sopro_protocol.errors import FormatError, NotFoundError, SoproError
from sopro_registry.overlays import Overlay
from tests.node.conftest import Federation, Served, decide, until

DAY = "2026-10-01"


async def organisation(node: Node, name: str, entity: bytes | None = None, /, **more: Any) -> bytes:
    named = {
        key: more.pop(key) for key in ("locality", "identifiers", "trading_names") if key in more
    }
    appended = await node.log.append(
        Draft(
            "organisation",
            {
                "actor_type": "enterprise",
                "country": "AT",
                "effective_date": DAY,
                "status": "active",
                **more,
            },
            entity=entity,
            documents=[structured("organisation", {"legal_name": name, **named})],
        )
    )
    return appended.entity


async def offering(
    node: Node,
    holder: bytes,
    name: Mapping[str, str],
    entity: bytes | None = None,
    /,
    **more: Any,
) -> bytes:
    appended = await node.log.append(
        Draft(
            "offering",
            {
                "effective_date": DAY,
                "kind": "product",
                "organisation": holder,
                "status": "published",
                **more,
            },
            entity=entity,
            documents=[structured("offering", {"name": dict(name)})],
        )
    )
    return appended.entity


async def grant(node: Node, thing: bytes) -> str:
    number, _ = await decide(
        node,
        None,
        action="grant",
        offering=thing,
        scheme="sopro",
        valid_from=DAY,
        valid_until="2029-01-01",
    )
    return number


def numbers(node: Node, *conditions: Condition, **more: Any) -> list[str]:
    """Return everything that is found, page by page, and nothing twice."""
    found: list[str] = []
    after = ""
    while True:
        page = node.directory.labels(Wanted(conditions, after=after, **more))
        found += [one.number for one in page.labels]
        if page.next is None:
            assert len(found) == len(set(found))
            return found
        after = page.next


def holders(node: Node, *conditions: Condition, **more: Any) -> list[str]:
    found: list[str] = []
    after = ""
    while True:
        page = node.directory.organisations(Wanted(conditions, after=after, **more))
        found += [str(one.described["legal_name"]) for one in page.organisations]
        if page.next is None:
            return found
        after = page.next


@pytest.fixture
async def at(federation: Federation) -> Served:
    await federation.coordinator()
    return await federation.join("at", "AT")


async def test_finds_labels_by_words_of_holder_and_offering_and_by_codes(at: Served) -> None:
    node = at.node
    muller = await organisation(
        node,
        "Tischlerei Müller",
        activities=["2.1:31.00", "2:38.21"],
        nuts="AT130",
        locality="Győr",
        actor_type="social_enterprise",
        identifiers=[["VATAT", "U12345675"]],
    )
    lodz = await organisation(node, "Stolarnia Łódź", activities=["2.1:38.21"], nuts="AT225")
    table = await offering(
        node,
        muller,
        {"de": "Tisch aus der Straße", "hu": "Asztal"},
        cpv=["39121200"],
        gtin="4006381333931",
        effect_scale="regional",
    )
    chair = await offering(node, muller, {"de": "Stuhl"}, cpv=["39112000", "39110000"])
    shelf = await offering(node, lodz, {"pl": "Regał"}, cpv=["03221000"])
    first, second, third = [await grant(node, one) for one in (table, chair, shelf)]
    for conditions, found in (
        (ask_words("mueller"), {first, second}),
        (ask_words("muller"), {first, second}),
        (ask_words("MÜLL"), {first, second}),
        (ask_words("gyor"), {first, second}),
        (ask_words("lodz"), {third}),
        (ask_words("strasse müller"), {first}),
        (ask_words("stuhl asztal"), set()),
        (ask_words("regal"), {third}),
        (ask_words("ti"), set()),
        (ask_words("nothing"), set()),
        ([ask_procurement("39000000")], {first, second}),
        ([ask_procurement("3911")], {second}),
        ([ask_procurement("39121200-1")], {first}),
        ([ask_procurement("03000000")], {third}),
        ([ask_activity("2.1:38")], {third}),
        ([ask_activity("2:38")], {first, second}),
        ([ask_activity("2.1:C")], {first, second}),
        ([ask_activity("2.1:E")], {third}),
        ([ask_activity("2:E")], {first, second}),
        ([ask_activity("2:C")], set()),
        ([ask_activity("2.1:D")], set()),
        ([ask_activity("2.1:C"), *ask_words("stuhl")], {second}),
        ([ask_region("AT")], {first, second, third}),
        ([ask_region("AT2")], {third}),
        ([ask_scale("regional")], {first}),
        ([ask_holder("social_enterprise")], {first, second}),
        ([ask_item("04006381333931")], {first}),
        ([ask_identifier("ATU 1234 5675")], {first, second}),
        ([ask_region("AT13"), ask_procurement("39"), *ask_words("asztal")], {first}),
        ([], {first, second, third}),
    ):
        assert set(numbers(node, *conditions)) == found, conditions
        assert set(numbers(node, *conditions, limit=1)) == found, conditions
    assert set(holders(node, *ask_words("tisch"))) == {"Tischlerei Müller"}
    assert set(holders(node, *ask_words("stuhl asztal"))) == {"Tischlerei Müller"}
    assert len(holders(node)) == len(holders(node, limit=1)) == 2
    [basis] = [
        one
        for one in node.directory.labels(Wanted(ask_words("lodz"))).computed_from
        if one.origin == node.identity.origin
    ]
    assert (basis.size, basis.root) == (node.log.held.size, node.log.held.tree.root().hex())


async def test_follows_status_site_scheme_and_day(at: Served) -> None:
    node = at.node
    holder = await organisation(node, "Werkstatt")
    things = [await offering(node, holder, {"de": f"Ding {number}"}) for number in range(3)]
    kept, revoked, _ = granted = [await grant(node, one) for one in things]
    entity = node.reader.label(revoked)
    assert entity is not None
    await decide(
        node, entity.entity, action="revoke", reason_code="other", appeal_until="2026-12-01"
    )
    words = ask_words("werkstatt")
    assert revoked not in numbers(node, *words, status="active")
    assert numbers(node, *words, status="revoked") == numbers(node, status="revoked") == [revoked]
    assert set(numbers(node, *words, scheme="sopro")) == set(granted)
    assert numbers(node, *words, scheme="other") == []
    assert set(numbers(node, *words, site="at")) == set(granted)
    late = node.desk.today() + 5000
    assert kept in numbers(node, *words, status="expired", day=late)
    with pytest.raises(NotFoundError):
        numbers(node, site="xx")


@pytest.mark.parametrize("asked", ["15811000", "15811", "15800000", "15000000-8"])
async def test_a_code_that_many_have_is_found_however_many_they_are(
    at: Served, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = await organisation(at.node, "Hof")
    for number in range(4):
        thing = await offering(at.node, holder, {"de": f"Brot {number}"}, cpv=["15811000"])
    granted = await grant(at.node, thing)
    monkeypatch.setattr("sopro_node.weighing.MOST_BEGUN", 2)
    assert numbers(at.node, ask_procurement(asked)) == [granted]


async def test_what_has_changed_is_found_as_it_is_now(at: Served) -> None:
    node = at.node
    old = await organisation(node, "Alt Werkstatt", nuts="AT130", identifiers=[["GISA", "77"]])
    new = await organisation(node, "Andere", nuts="AT225")
    thing = await offering(node, old, {"de": "Lampe"}, cpv=["31500000"])
    bare = await offering(node, old, {"de": "Schirm"})
    number = await grant(node, thing)
    await organisation(node, "Neu Werkstatt", old, nuts="AT211")
    await offering(node, old, {"de": "Leuchte"}, thing, cpv=["31600000"])
    for gone in ("alt", "lampe"):
        assert numbers(node, *ask_words(gone)) == []
    assert numbers(node, ask_region("AT13")) == numbers(node, ask_procurement("315")) == []
    assert numbers(node, ask_identifier("77")) == []
    assert numbers(node, *ask_words("neu leuchte")) == [number]
    assert numbers(node, ask_region("AT21"), ask_procurement("316")) == [number]
    # To another organisation, its label with it.
    await offering(node, new, {"de": "Leuchte"}, thing)
    assert numbers(node, *ask_words("andere leuchte")) == [number]
    assert numbers(node, *ask_words("neu leuchte")) == []
    assert holders(node, *ask_words("schirm")) == ["Neu Werkstatt"]
    await offering(node, new, {"de": "Schirm"}, bare)
    assert holders(node, *ask_words("schirm")) == ["Andere"]
    assert await grant(node, bare) in numbers(node, *ask_words("andere"))


async def test_what_is_erased_is_found_no_more(at: Served) -> None:
    node = at.node
    holder = await organisation(node, "Zaunkönig", nuts="AT130", identifiers=[["GISA", "77"]])
    number = await grant(node, await offering(node, holder, {"de": "Nest"}))
    assert numbers(node, *ask_words("zaunkoenig nest")) == [number]
    await node.eraser.erase([holder], reason="request", deadline="2099-12-31")
    assert numbers(node, *ask_words("zaunkoenig")) == numbers(node, ask_identifier("77")) == []
    assert numbers(node, *ask_words("nest"), ask_region("AT1")) == [number]


async def test_a_mirror_finds_the_same_and_reindex_makes_it_anew(federation: Federation) -> None:
    await federation.coordinator()
    at = await federation.join("at", "AT")
    hu = await federation.join("hu", "HU")
    holder = await organisation(at.node, "Zaunkönig", nuts="AT130")
    number = await grant(at.node, await offering(at.node, holder, {"de": "Nest"}, cpv=["39000000"]))
    own = await organisation(hu.node, "Őrségi Szövő")
    other = await grant(hu.node, await offering(hu.node, own, {"hu": "Szőnyeg"}))
    asked = [ask_words("zaunkonig nest"), ask_words("szonyeg"), [ask_procurement("39")], []]

    def answers(node: Node) -> list[list[str]]:
        return [numbers(node, *one) for one in asked]

    await until(lambda: set(numbers(hu.node)) == {number, other})
    await until(lambda: set(numbers(at.node)) == {number, other})
    expected = [[number], [other], [number]]
    assert answers(at.node)[:3] == answers(hu.node)[:3] == expected
    assert set(numbers(hu.node, *ask_words("szonyeg"), site="hu")) == {other}
    assert numbers(hu.node, *ask_words("szonyeg"), site="at") == []
    tables = "SELECT * FROM term", "SELECT * FROM listed", "SELECT * FROM described"
    before = [sorted(at.node.reader._db.execute(one)) for one in tables]
    await federation.served.pop("at").close()
    reindex.reindex(at.node.folder, lambda *_: None)
    again = await federation.open("at", int(at.url.rpartition(":")[2]))
    assert [sorted(again.node.reader._db.execute(one)) for one in tables] == before
    assert all(before)
    assert answers(again.node)[:3] == expected


async def test_a_search_is_bounded_and_says_where_it_narrowed(
    at: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = at.node
    holder = await organisation(node, "Hof")
    drafts = [
        Draft(
            "offering",
            {
                "effective_date": DAY,
                "kind": "product",
                "organisation": holder,
                "status": "published",
            },
            documents=[structured("offering", {"name": {"de": f"Ding Dingsda{number % 7}"}})],
        )
        for number in range(150)
    ]
    things = [one.entity for one in appended(await node.log.append_all(drafts))]
    granted = [await grant(node, one) for one in things[:120]]
    monkeypatch.setattr("sopro_node.weighing.MOST_BEGUN", 40)
    page = node.directory.labels(Wanted(ask_words("ding")))
    assert page.whole_words == ["ding"]
    assert set(numbers(node, *ask_words("ding"))) == set(granted)
    assert numbers(node, *ask_words("dings")) == []
    monkeypatch.setattr("sopro_node.directory.MOST_LOOKED_AT", 50)
    page = node.directory.labels(Wanted(ask_words("hof"), status="revoked"))
    assert page.labels == []
    assert 50 <= page.looked_at < 50 + MOST_AT_ONCE
    assert page.next is not None
    assert numbers(node, *ask_words("hof"), status="revoked") == []
    assert MOST_LOOKED_AT == 1000


def appended(outcomes: Sequence[Any]) -> list[Any]:
    assert not [one for one in outcomes if isinstance(one, SoproError)]
    return list(outcomes)


@pytest.mark.parametrize("after", ["x", "é", "A" * 500, "gA", "kaA", "5AA="])
async def test_refuses_a_cursor_that_is_none(at: Served, after: str) -> None:
    with pytest.raises(FormatError, match="after: expected the 'next'") as refused:
        at.node.directory.labels(Wanted(ask_words("a"), after=after))
    assert refused.value.code == "err.query"


@pytest.fixture
async def two(at: Served) -> Served:
    for name in ("Hof Eins", "Hof Zwei"):
        held = await organisation(at.node, name, activities=["2.1:38.21"])
        await grant(at.node, await offering(at.node, held, {"de": "Tisch"}))
    return at


async def test_refuses_the_cursor_of_another_search(two: Served) -> None:
    node = two.node
    asked = Wanted(ask_words("hof"), limit=1)
    after = node.directory.labels(asked).next
    assert after
    assert node.directory.labels(replace(asked, after=after)).labels
    for other in (
        Wanted(ask_words("tisch"), after=after),
        Wanted([*ask_words("hof"), ask_activity("2.1:38")], after=after),
        Wanted(after=after),
        Wanted(ask_words("hof"), site="at", after=after),
        Wanted(ask_words("hof"), status="active", after=after),
        Wanted(ask_words("hof"), overlay=Overlay.SURVEILLANCE_OVERDUE.value, after=after),
        Wanted(ask_words("hof"), scheme="sopro", after=after),
        Wanted(ask_words("hof"), day=739_000, after=after),
    ):
        with pytest.raises(FormatError, match="after: expected the 'next'"):
            node.directory.labels(other)
    with pytest.raises(FormatError, match="of the same search"):
        node.directory.organisations(replace(asked, after=after))


async def test_refuses_a_cursor_that_was_changed(two: Served) -> None:
    asked = Wanted(limit=1)
    after = two.node.directory.labels(asked).next
    assert after
    letters = "ABab019-_"
    changed = {
        after[:at] + letter + after[at + 1 :]
        for at in range(len(after))
        for letter in letters
        if letter != after[at]
    }
    for one in sorted(changed | {after[:-4], after + "AAAA"}):
        with pytest.raises(FormatError, match="after: expected the 'next'"):
            two.node.directory.labels(replace(asked, after=one))


async def test_refuses_a_place_that_nobody_has_given(two: Served) -> None:
    place = ["", b"", b"", "SOPRO/AT0/001/00001", 0]
    for made in (place, [place, b""], [place, b"\0" * 8], [["", b"\xff", b"", "", 0], b"x" * 8]):
        after = base64.urlsafe_b64encode(msgspec.msgpack.encode(made)).decode().rstrip("=")
        with pytest.raises(FormatError, match="after: expected the 'next'"):
            two.node.directory.labels(Wanted(after=after))
        with pytest.raises(FormatError, match="after: expected the 'next'"):
            await two.node.counting.expiring(Wanted(after=after), days=9)
