"""What lies over a status, and what a label holds for, on its page and in the API."""

import pytest

from sopro_node import office
from sopro_node.documents import structured
from sopro_node.drafting import Draft
from tests.neighbours import let_append
from tests.node.web.conftest import Visit
from tests.node.web.page import check_page, read_page
from tests.node.web.register import HUNGARIAN, day, number

SAID = {
    "en": ("The suspension has lasted longer than it was meant to", "areas: AT130, AT31"),
    "de": ("Die Aussetzung dauert länger, als sie sollte", "Gebiete: AT130, AT31"),
    "hu": ("A felfüggesztés a tervezettnél tovább tart", "területek: AT130, AT31"),
}


@pytest.mark.parametrize("language", SAID)
async def test_a_page_says_what_lies_over_a_status(visit: Visit, language: str) -> None:
    at = await visit("at")
    path = f"/label/{number('suspended')}?lang={language}&at="
    overdue, _ = SAID[language]
    for later, is_said in ((0, False), (61, True)):
        text = await at.read(path + day(later))
        check_page(text)
        assert (overdue in read_page(text).text) is is_said


LATE = {
    "en": ("was recorded more than a month after", "has been on record only since"),
    "de": ("wurde mehr als einen Monat nach dem Tag eingetragen", "Eingetragen ist das erst seit"),
    "hu": ("több mint egy hónappal azután jegyezték be", "óta szerepel a nyilvántartásban"),
}


@pytest.mark.parametrize("language", LATE)
async def test_a_page_says_what_nobody_could_know_on_that_day(visit: Visit, language: str) -> None:
    at = await visit("at")
    for later, is_said in ((-60, True), (2, False)):
        text = await at.read(f"/label/{number('active')}?lang={language}&at={day(later)}")
        check_page(text)
        assert [one in read_page(text).text for one in LATE[language]] == [is_said, is_said]


FAILS = {
    "en": "An identifier of this organisation fails its check.",
    "de": "Eine Kennung dieser Organisation besteht ihre Prüfung nicht.",
    "hu": "A szervezet egyik azonosítója nem felel meg az ellenőrzésnek.",
}


async def test_a_page_says_which_identifiers_of_an_organisation_fail(visit: Visit) -> None:
    hu = await visit("hu")
    let_append(hu.node)
    values = {
        "actor_type": "enterprise",
        "country": "HU",
        "effective_date": day(0),
        "status": "active",
    }
    for identifier, is_said in (("ATU00000000", True), ("ATU37893801", False)):
        named = structured("organisation", {"identifiers": [["VAT", identifier]]})
        draft = Draft("organisation", values, documents=[named], is_copy=True)
        entity = (await hu.node.log.append(draft)).entity.hex()
        for language, text in FAILS.items():
            page = await hu.read(f"/organisation/hu/{entity}?lang={language}")
            check_page(page)
            assert (text in read_page(page).text) is is_said


async def test_a_page_says_what_a_label_holds_for(visit: Visit) -> None:
    hu = await visit("hu")
    let_append(hu.node)
    label = await office.label_entity(hu.node, {"number": HUNGARIAN})
    values = {
        "action": "correct",
        "basis": "assessed",
        "decided_on": day(0),
        "decider": bytes(16),
        "effective_date": day(0),
        "scope": {"areas": ["AT130", "AT31"]},
    }
    draft = {"family": "label_decision", "values": values, "entity": label["entity"]}
    [outcome] = (await office.append(hu.node, {"drafts": [draft]}))["outcomes"]
    assert "error" not in outcome
    for language, (_, scope) in SAID.items():
        page = read_page(await hu.read(f"/label/{HUNGARIAN}?lang={language}"))
        assert scope in page.text
    answer = await hu.read(f"/api/v1/labels/{HUNGARIAN}")
    assert '"scope":{"areas":["AT130","AT31"],"cpv":[]}' in answer
    assert '"overlays":[' in answer
