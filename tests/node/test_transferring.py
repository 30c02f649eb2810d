"""Labels that change sites, and what every node makes of the two halves."""

import io
import re
from html import unescape
from typing import Any

import msgspec
import pytest
from aiohttp import ClientResponse, ClientSession, FormData

from sopro_node import acting, memberships, office
from sopro_node.certificate_desk import certificate, judge
from sopro_node.certificates import _make_file
from sopro_node.deciders import find_decider
from sopro_node.documents import structured
from sopro_node.drafting import Draft
from sopro_protocol.errors import NotFoundError, RefusedError
from sopro_registry.certificate_file import format_certificate, parse_certificate
from sopro_registry.fields import format_day
from tests.node.conftest import Federation, Served, decide, until

pytestmark = pytest.mark.slow

DAY = "2026-10-01"
DECIDER = bytes(16)


async def register(served: Served) -> tuple[bytes, list[str]]:
    """Register an organisation with two labels, the second suspended."""
    append = served.node.log.append
    values = {
        "actor_type": "enterprise",
        "country": "AT",
        "effective_date": DAY,
        "status": "active",
    }
    named = structured("organisation", {"legal_name": "Grenzwerk", "locality": "Bruck"})
    owner = await append(Draft("organisation", values, documents=[named]))
    numbers = []
    for name in ("Brot", "Käse"):
        values = {
            "effective_date": DAY,
            "kind": "product",
            "organisation": owner.entity,
            "status": "published",
        }
        document = structured("offering", {"name": {"de": name}})
        offering = await append(Draft("offering", values, documents=[document]))
        number, entity = await decide(
            served.node,
            None,
            action="grant",
            offering=offering.entity,
            scheme="sopro",
            valid_from=DAY,
            valid_until="2028-06-30",
        )
        numbers.append(number)
    await decide(
        served.node,
        entity,
        action="suspend",
        certificate=numbers[1],
        reason_code="other",
        suspended_until="2027-03-31",
    )
    return owner.entity, numbers


async def three(federation: Federation) -> tuple[Served, Served, Served]:
    coordinator = await federation.coordinator()
    return coordinator, await federation.join("at", "AT"), await federation.join("hu", "HU")


async def settle(*served: Served) -> None:
    """Wait until everybody has judged what everybody wrote."""
    sizes = {one.node.identity.origin: one.node.log.held.size for one in served}

    def is_there(one: Served) -> bool:
        logs = one.node.holdings.logs
        return all(
            origin in logs and logs[origin].cursor.projected >= size
            for origin, size in sizes.items()
        )

    await until(lambda: all(map(is_there, served)))


def answer(served: Served, number: str) -> dict[str, Any]:
    """What a node says of a label, but for how far others have come."""
    told: dict[str, Any] = msgspec.to_builtins(served.node.desk.label(number))
    for basis in (told.pop("publication"), *told["computed_from"]):
        basis.pop("root", None)
    return told


async def hand_over(served: Served, number: str = "", **values: object) -> list[str]:
    if number:
        told = {"label": number, "to": "hu"}
        person = find_decider(served.node.folder, "Ida Wolf", is_new=True)
        done = await acting.act(
            served.node, {"act": "transfer.out", "told": told, "person": person}
        )
        return [done["values"]["certificate"]]
    done = await office.hand_over(served.node, {"to": "hu", "decider": DECIDER, **values})
    return [one["number"] for one in done["handed"]]


async def take_over(served: Served, **values: object) -> dict[str, str]:
    done = await office.take_over(served.node, {"decider": DECIDER, **values})
    return {one["number"]: one["status"] for one in done["taken"]}


async def test_an_organisation_moves_with_its_labels(federation: Federation) -> None:
    everybody = eeig, at, hu = await three(federation)
    owner, numbers = await register(at)
    assert await hand_over(at, organisation=owner) == numbers
    await settle(*everybody)
    offered = (await office.offers(hu.node, {}))["offers"]
    assert [(one["number"], one["standing"]) for one in offered] == [
        (numbers[0], "active"),
        (numbers[1], "suspended"),
    ]
    assert await take_over(hu) == {numbers[0]: "active", numbers[1]: "suspended"}
    seen = await office.label_entity(hu.node, {"number": numbers[0]})
    revoked = {
        "action": "revoke",
        "appeal_until": "2027-12-01",
        "certificate": numbers[0],
        "effective_date": format_day(hu.node.desk.today()),
        "reason_code": "other",
    }
    await decide(hu.node, seen["entity"], **revoked)
    await settle(*everybody)

    for number in numbers:
        told = [answer(one, number) for one in everybody]
        assert told[0] == told[1] == told[2]
        assert told[0]["site"] == "hu"
        assert told[0]["transfers"] == [
            {
                "from_site": "at",
                "to_site": "hu",
                "state": "completed",
                "effective_date": told[0]["at"],
                "is_succession": False,
                "problem": "",
            }
        ]
    assert answer(eeig, numbers[0])["status"] == "revoked"
    history = [(one["site"], one["action"]) for one in answer(eeig, numbers[0])["history"]]
    assert history == [
        ("at", "grant"), ("at", "transfer_out"), ("hu", "transfer_in"), ("hu", "revoke"),
    ]  # fmt: skip
    assert answer(eeig, numbers[1])["status"] == "suspended"
    described = eeig.node.desk.describe(numbers[1])
    assert (described.holder, described.name) == ("Grenzwerk", {"de": "Käse"})

    with pytest.raises(RefusedError, match="hu, which decides on it now"):
        await office.label_entity(at.node, {"number": numbers[0]})
    with pytest.raises(RefusedError, match="hu decides on it"):
        await hand_over(at, number=numbers[0])
    assert (await office.offers(hu.node, {}))["offers"] == []
    assert at.node.desk.organisation(at.node.log.held, owner).status == "moved_to_site"


async def test_what_has_moved_is_counted_once_and_on_its_day(federation: Federation) -> None:
    everybody = _, at, hu = await three(federation)
    _, numbers = await register(at)
    await hand_over(at, number=numbers[0])
    await settle(*everybody)
    for one in everybody:
        assert (await one.node.counting.statistics()).total == {"suspended": 1, "transferred": 1}
    await take_over(hu)
    await settle(*everybody)
    for one in everybody:
        counts = await one.node.counting.statistics()
        assert counts.total == {"active": 1, "suspended": 1}
        assert {site.site: site.labels for site in counts.sites} == {
            "at": {"suspended": 1},
            "hu": {"active": 1},
        }
        before = await one.node.counting.statistics(one.node.desk.today() - 1)
        assert {site.site: site.labels for site in before.sites}["hu"] == {}
        assert before.total == {"active": 1, "suspended": 1}
        earlier = one.node.desk.label(numbers[0], one.node.desk.today() - 1)
        assert (earlier.site, earlier.status) == ("at", "active")


async def test_a_certificate_tells_where_the_label_went(federation: Federation) -> None:
    everybody = eeig, at, hu = await three(federation)
    _, numbers = await register(at)
    number, day = numbers[0], at.node.desk.today()
    await hand_over(at, number=number)
    await settle(*everybody)
    file = (await certificate(eeig.node, {"number": number}))["content"]
    judged = await judge(eeig.node, file, day=day)
    assert judged.opened is not None
    assert (judged.verdict, judged.opened.handed_to) == ("transferred", "hu")
    await take_over(hu)
    await settle(*everybody)
    for one in everybody:
        file = (await certificate(one.node, {"number": number}))["content"]
        judged = await judge(eeig.node, file, day=day)
        assert (judged.verdict, judged.why) == ("valid", "")
        assert judged.opened is not None
        assert (judged.opened.site, judged.opened.sites) == ("hu", ["at", "hu"])
        assert judged.opened.holder == "Grenzwerk, Bruck"


async def test_a_certificate_needs_the_log_the_label_came_from(federation: Federation) -> None:
    everybody = eeig, at, hu = await three(federation)
    owner, numbers = await register(at)
    await settle(*everybody)
    day = at.node.desk.today()
    # One without `before`, and one whose `before` is of before the label was handed over.
    early = (await certificate(eeig.node, {"number": numbers[0]}))["content"]
    await hand_over(at, organisation=owner)
    await settle(*everybody)
    await take_over(hu)
    await settle(*everybody)
    file = parse_certificate((await certificate(eeig.node, {"number": numbers[0]}))["content"])
    other = (await certificate(eeig.node, {"number": numbers[1]}))["content"]

    async def judged(**changes: Any) -> tuple[str, str]:
        data = format_certificate(file._replace(**changes))
        found = await judge(eeig.node, data, day=day)
        return found.verdict.value, found.code

    before = parse_certificate(file.before)
    silent = format_certificate(before._replace(state=None, status=None))
    assert await judged() == ("valid", "")
    assert await judged(before=b"") == ("unproven", "")
    assert await judged(before=silent) == ("unproven", "")
    assert await judged(before=early) == ("forged", "lbl.reference")
    assert await judged(before=other) == ("forged", "lbl.reference")
    assert await judged(before=parse_certificate(other).before) == ("forged", "lbl.reference")
    assert await judged(before=format_certificate(file)) == ("forged", "lbl.reference")
    assert await judged(before=file.before[:-1]) == ("malformed", "enc.framing")
    nested = b""
    for _ in range(9):
        nested = format_certificate(file._replace(before=nested))
    assert await judged(before=nested) == ("malformed", "cert.form")


async def test_nobody_certifies_a_label_that_is_not_handed_over(federation: Federation) -> None:
    everybody = eeig, at, hu = await three(federation)
    _, numbers = await register(at)
    await settle(*everybody)
    granted = eeig.node.desk.course(numbers[0]).competent
    _, offering = await copy(hu)
    claimed = {
        "action": "transfer_in",
        "certificate": numbers[0],
        "offering": offering,
        "scheme": "sopro",
        "standing": "active",
        "takes": [granted.origin, granted.label.decisions[-1].index, granted.label.last],
        "valid_until": "2028-06-30",
    }
    await decide(hu.node, None, **claimed)
    await settle(*everybody)
    [claim] = eeig.node.desk.courses.claims(numbers[0])
    before = (await certificate(eeig.node, {"number": numbers[0]}))["content"]
    reader, holdings = eeig.node.reader, eeig.node.holdings
    file = _make_file(reader, holdings, claim, before=before, is_last=True)
    found = await judge(eeig.node, file, day=at.node.desk.today())
    assert (found.verdict, found.code) == ("forged", "lbl.reference")
    assert "hu did not take the label over from at" in found.why


async def test_one_half_moves_nothing(federation: Federation) -> None:
    everybody = eeig, at, hu = await three(federation)
    owner, numbers = await register(at)
    at_log = at.node.log.held.origin
    await settle(*everybody)
    # A receiver that takes what nobody hands over: it repeats the grant as if it were its due.
    course = eeig.node.desk.course(numbers[0])
    grant = course.competent.label
    _, offering = await copy(hu)
    values = {
        "action": "transfer_in",
        "certificate": numbers[0],
        "offering": offering,
        "scheme": "sopro",
        "standing": "active",
        "takes": [at_log, grant.decisions[-1].index, grant.last],
        "valid_until": "2028-06-30",
    }
    await decide(hu.node, None, **values)
    await settle(*everybody)
    for one in everybody:
        told = answer(one, numbers[0])
        assert (told["site"], told["status"]) == ("at", "active")
        assert [
            (step["to_site"], step["state"], step["problem"]) for step in told["transfers"]
        ] == [("hu", "unconfirmed", "not handed over to this site and entity")]
        assert (await one.node.counting.statistics()).total == {"active": 1, "suspended": 1}
    with pytest.raises(NotFoundError, match="this site has no label"):
        await office.label_entity(hu.node, {"number": numbers[0]})
    # A label that is handed over and not taken over yet.
    await hand_over(at, organisation=owner)
    await settle(*everybody)
    for one in everybody:
        told = answer(one, numbers[1])
        assert (told["site"], told["status"]) == ("at", "transferred")
        assert [(step["to_site"], step["state"]) for step in told["transfers"]] == [
            ("hu", "offered")
        ]


async def copy(served: Served) -> tuple[bytes, bytes]:
    append = served.node.log.append
    values = {
        "actor_type": "enterprise",
        "country": "AT",
        "effective_date": DAY,
        "status": "active",
    }
    owner = await append(Draft("organisation", values))
    values = {
        "effective_date": DAY,
        "kind": "product",
        "organisation": owner.entity,
        "status": "published",
    }
    return owner.entity, (await append(Draft("offering", values))).entity


async def test_a_successor_takes_over_what_a_site_that_has_gone_left(
    federation: Federation,
) -> None:
    everybody = eeig, at, hu = await three(federation)
    _, numbers = await register(at)
    await settle(*everybody)
    early = parse_certificate((await certificate(eeig.node, {"number": numbers[0]}))["content"])
    await copy(at)
    await settle(*everybody)
    gone = {"site": "at", "status": "expelled", "successor": "hu"}
    await memberships.set_membership(eeig.node, gone)
    await until(lambda: at.node.holdings.directory.membership("at").status == "expelled")
    await settle(eeig, hu)
    for one in everybody:
        told = answer(one, numbers[0])
        assert (told["site"], told["membership"], told["successor"]) == ("at", "expelled", "hu")
    with pytest.raises(RefusedError, match="this site is expelled"):
        await hand_over(at, number=numbers[0])
    await until(lambda: hu.node.holdings.directory.membership("at").status == "expelled")
    assert await take_over(hu) == {numbers[0]: "active", numbers[1]: "suspended"}
    await settle(eeig, hu)
    await until(lambda: answer(at, numbers[1])["site"] == "hu")
    for one in everybody:
        told = answer(one, numbers[1])
        assert (told["site"], told["status"], told["membership"]) == ("hu", "suspended", "admitted")
        assert [(step["state"], step["is_succession"]) for step in told["transfers"]] == [
            ("completed", True)
        ]
    file = (await certificate(eeig.node, {"number": numbers[0]}))["content"]
    day = eeig.node.desk.today()
    judged = await judge(eeig.node, file, day=day)
    assert (judged.verdict, judged.why) == ("valid", "")
    # A part of the old log from which a later decision could be missing does not do.
    late = parse_certificate(file)
    gone_for_good = parse_certificate(late.before).membership
    cut = format_certificate(early._replace(membership=gone_for_good))
    judged = await judge(eeig.node, format_certificate(late._replace(before=cut)), day=day)
    assert (judged.verdict, judged.why) == ("unproven", "")
    member = format_certificate(early)
    judged = await judge(eeig.node, format_certificate(late._replace(before=member)), day=day)
    assert (judged.verdict, judged.code) == ("forged", "lbl.reference")


async def read_page(served: Served, number: str, language: str) -> str:
    address = f"{served.url}/label/{number}?lang={language}"
    async with ClientSession() as session, session.get(address) as response:
        return await read_text(response)


async def bring_file(served: Served, content: bytes, language: str) -> str:
    form = FormData()
    form.add_field("file", io.BytesIO(content), filename="x.sopro")
    address = f"{served.url}/verify?lang={language}"
    async with ClientSession() as session, session.post(address, data=form) as response:
        return await read_text(response)


async def read_text(response: ClientResponse) -> str:
    assert response.status == 200
    inline = re.sub(r"</?(bdi|span)\b[^>]*>", "", await response.text())
    text = unescape(re.sub(r"<[^>]*>", " ", inline))
    return " ".join(text.replace("\u2068", "").replace("\u2069", "").split())


PAGES = {
    "en": (
        "SoPro AT has handed this label over to SoPro HU, which has not taken it over yet.",
        "SoPro AT has handed this label over to SoPro HU, which has decided on it since",
        "SoPro HU says that it has taken this label over. The register of SoPro AT does not",
    ),
    "de": (
        "SoPro AT hat dieses Gütezeichen an SoPro HU übergeben; dort wurde es noch nicht",
        "SoPro AT hat dieses Gütezeichen an SoPro HU übergeben; seit",
        "SoPro HU gibt an, dieses Gütezeichen übernommen zu haben.",
    ),
    "hu": (
        "SoPro AT átadta ezt a védjegyet, de az átvevő (SoPro HU) még nem vette át.",
        "SoPro AT átadta ezt a védjegyet, azóta az átvevő (SoPro HU) dönt róla",
        "SoPro HU azt állítja, hogy átvette ezt a védjegyet.",
    ),
}


async def test_pages_tell_a_transfer_in_three_languages(federation: Federation) -> None:
    everybody = eeig, at, hu = await three(federation)
    _, numbers = await register(at)
    await settle(*everybody)
    _, offering = await copy(hu)
    granted = eeig.node.desk.course(numbers[1]).competent.label
    claimed = {
        "action": "transfer_in",
        "certificate": numbers[1],
        "offering": offering,
        "scheme": "sopro",
        "standing": "active",
        "takes": [at.node.log.held.origin, granted.decisions[-1].index, granted.last],
    }
    await decide(hu.node, None, **claimed)
    await hand_over(at, number=numbers[0])
    await settle(*everybody)
    for language, (offered, _, unconfirmed) in PAGES.items():
        page = await read_page(eeig, numbers[0], language)
        assert offered in page
        assert unconfirmed in await read_page(eeig, numbers[1], language)
    await take_over(hu)
    await settle(*everybody)
    for language, (offered, completed, _) in PAGES.items():
        page = await read_page(eeig, numbers[0], language)
        assert completed in page
        assert offered not in page


FILES = {
    "en": ("Handed over to hu", "Sites that have decided on it at, hu", "Said to come from at"),
    "de": (
        "Übergeben an hu",
        "Stellen, die darüber entschieden haben at, hu",
        "Soll stammen von at",
    ),
    "hu": (
        "Átadva a következőnek hu",
        "A védjegyről döntő irodák at, hu",
        "Állítólagos korábbi iroda at",
    ),
}


async def test_the_page_that_checks_files_tells_a_transfer(federation: Federation) -> None:
    everybody = eeig, at, hu = await three(federation)
    _, [number, _] = await register(at)
    await hand_over(at, number=number)
    await settle(*everybody)
    left = (await certificate(eeig.node, {"number": number}))["content"]
    await take_over(hu)
    await settle(*everybody)
    taken = (await certificate(eeig.node, {"number": number}))["content"]
    alone = format_certificate(parse_certificate(taken)._replace(before=b""))
    for language, (handed, sites, unproven) in FILES.items():
        assert handed in await bring_file(eeig, left, language)
        assert sites in await bring_file(eeig, taken, language)
        assert unproven in await bring_file(eeig, alone, language)


async def test_a_claim_without_the_log_it_is_about_is_no_label(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = eeig, at, hu = await three(federation)
    _, [number, _] = await register(at)
    await hand_over(at, number=number)
    await settle(*everybody)
    await take_over(hu)
    await settle(*everybody)
    # As at a node that has the receiver's log and not the other.
    monkeypatch.setattr(eeig.node.reader, "label", lambda _number: None)
    said = "hu says that it took it over from sopro.example/at/1, which is not confirmed"
    with pytest.raises(NotFoundError, match=said):
        eeig.node.desk.label(number)
    assert list(eeig.node.desk.courses.moved()) == []


async def test_a_label_with_a_void_decision_can_be_handed_over(federation: Federation) -> None:
    everybody = eeig, at, hu = await three(federation)
    _, [number, _] = await register(at)
    await settle(*everybody)
    # What it decides without hearing that it is suspended becomes void, and stays in its log.
    await at.node.exchange.stop()
    size = at.node.log.held.size
    await memberships.set_membership(eeig.node, {"site": "at", "status": "suspended", "size": size})
    seen = await office.label_entity(at.node, {"number": number})
    await decide(at.node, seen["entity"], action="extend_scope", certificate=number)
    await memberships.set_membership(eeig.node, {"site": "at", "status": "admitted"})
    await at.node.exchange.start()
    back = eeig.node.log.held.size
    await until(lambda: at.node.log.held.cursor.acted_on.size >= back)
    await until(lambda: at.node.log.held.cursor.voids > 0)
    label = at.node.desk.course(number).competent.label
    assert (await office.label_entity(at.node, {"number": number}))["head"] != label.last
    assert await hand_over(at, number=number) == [number]
    await settle(*everybody)
    assert await take_over(hu) == {number: "active"}
    await settle(*everybody)
    assert [answer(one, number)["site"] for one in everybody] == ["hu"] * 3
