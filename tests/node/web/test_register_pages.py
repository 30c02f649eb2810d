"""The page of an organisation, the criteria on a label's page, and the pages of criteria."""

import pytest

from sopro_node.node import Node
from sopro_node.publishing import SetAnswer
from sopro_node.relating import relate
from sopro_node.web import pages_register_words as register_words
from sopro_node.web.i18n import LANGUAGES
from sopro_registry.assessed import (
    AssessmentAnswer,
    CriterionResult,
    EvaluationAnswer,
    FindingAnswer,
)
from sopro_registry.assessment import Result
from tests.node.web.conftest import Visit, Visitor
from tests.node.web.page import check_page
from tests.node.web.register import HOSTILE_NUMBER, IMPORTED, number


async def holder_of(at: Visitor, query: str) -> str:
    async with at.client.get(f"/api/v1/directory?{query}&limit=1") as answer:
        [found] = (await answer.json())["labels"]
        return f"/organisation/{found['site']}/{found['organisation']}"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_organisation_has_a_page_with_its_labels(visit: Visit, language: str) -> None:
    at = await visit("at")
    address = await holder_of(at, "q=altholz")
    page = check_page(await at.read(f"{address}?lang={language}"), language)
    assert page.one("h1").text == "Möbelwerkstatt Grünbach"
    linked = {link.partition("?")[0] for link in page.links}
    assert {f"/label/{number('active')}", f"/label/{IMPORTED}"} <= linked
    held = at.node.log.held
    assert held.tree.root().hex() in page.text
    # From the label, and from the list.
    for path in (f"/label/{number('active')}", "/labels?q=altholz"):
        assert address in check_page(await at.read(path)).links


async def test_what_others_wrote_is_shown_and_does_nothing(visit: Visit) -> None:
    at = await visit("at")
    address = await holder_of(at, "q=alert")
    page = check_page(await at.read(f"{address}?lang=de"))
    assert "<script>alert(1)</script>" in page.one("h1").text
    assert page.all("script") == []
    assert f"/label/{HOSTILE_NUMBER}?lang=de" in page.links


async def test_an_organisation_is_followed_across_sites(visit: Visit) -> None:
    hu = await visit("hu")
    own = await holder_of(hu, "q=rongyszonyeg")
    other = await holder_of(hu, "q=altholz")
    await relate_them(hu.node, own, other)
    page = check_page(await hu.read(f"{own}?lang=en"))
    assert other in [link.partition("?")[0] for link in page.links]
    assert "is the same organisation (only one of the two sites says so)" in page.text
    assert number("active") in page.text
    assert "SOPRO/HU0/001/00001" in check_page(await hu.read(f"{other}?lang=en")).text
    path = f"/api/v1{own.replace('organisation', 'organisations', 1)}/history"
    async with hu.client.get(path) as answer:
        found = await answer.json()
    assert {one["site"] for one in found["history"]} == {"at", "hu"}
    assert {one["origin"] for one in found["computed_from"]} >= {
        held.origin for held in hu.node.holdings.logs.values() if held.site in ("at", "hu")
    }
    assert {one["number"] for one in found["history"]} >= {number("active"), IMPORTED}
    assert not found["more"]


async def relate_them(node: Node, own: str, other: str) -> None:
    ours, theirs = own.rpartition("/")[2], other.rpartition("/")[2]
    node.log.admit = node.fence.settle = nothing
    node.log.open()
    values = {"organisation": bytes.fromhex(ours), "other": bytes.fromhex(theirs), "site": "at"}
    await relate(node, values | {"kind": "same_as"})


async def nothing() -> None:
    return


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_criterion_has_an_address_that_stays(visit: Visit, language: str) -> None:
    at = await visit("at")
    listed = check_page(await at.read(f"/criteria?lang={language}"))
    assert f"/criteria/sopro/S1?lang={language}" in listed.links
    latest = check_page(await at.read(f"/criteria/sopro/S1?lang={language}"), language)
    first = check_page(await at.read(f"/criteria/sopro/S1/1?lang={language}"), language)
    assert first.one("h1").text == latest.one("h1").text
    assert f"/criteria/sopro/S1/1?lang={language}" in latest.links


@pytest.mark.parametrize(
    ("language", "text", "ways"),
    [
        ("en", "by records of use over the last twelve months", "a visit on site"),
        ("de", "Verbrauch der letzten zwölf Monate", "einen Besuch vor Ort"),
        ("hu", "tizenkét hónap felhasználási nyilvántartása", "helyszíni látogatás"),
    ],
)
async def test_a_criterion_says_what_it_asks_for_and_how_that_is_found_out(
    visit: Visit, language: str, text: str, ways: str
) -> None:
    page = check_page(await (await visit("at")).read(f"/criteria/sopro/S1?lang={language}"))
    assert text in page.text
    assert ways in page.text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "no criteria yet: labels need no assessment"),
        ("de", "noch keine Kriterien: Gütezeichen brauchen keine Bewertung"),
        ("hu", "még nincsenek kritériumok"),
    ],
)
async def test_the_page_of_criteria_says_where_nothing_is_judged_by_them(
    visit: Visit, language: str, text: str
) -> None:
    page = check_page(await (await visit("at")).read(f"/criteria?lang={language}"))
    assert text in page.text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_of_criteria_says_by_which_labels_are_judged(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    at = await visit("at")
    held = SetAnswer("sopro", 3, "2026-09-27", 1250, ["S1", "S2"], ["S2"])
    monkeypatch.setattr("sopro_node.web.pages.latest_sets", lambda _node: [held])
    page = check_page(await at.read(f"/criteria?lang={language}"), language)
    words = {"en": "version 3 of the criteria", "de": "Version 3 der", "hu": "3. változata"}
    assert words[language] in page.text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_label_shows_what_was_found_about_each_criterion(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    at = await visit("at")
    results = [
        CriterionResult(f"S{place}", result, place, "2026-05-01", closed=place == 1)
        for place, result in enumerate(Result, 1)
    ]
    found = AssessmentAnswer(
        number("active"), "2026-06-01", "sopro", 1, 2, "third_party", [*results]
    )
    monkeypatch.setattr(at.node.desk, "assessment", lambda _number, _day: found)
    page = check_page(await at.read(f"/label/{number('active')}?lang={language}"), language)
    assert {f"/criteria/sopro/S{place}?lang={language}" for place in range(1, 6)} <= set(page.links)
    words = [register_words.RESULTS[result] for result in Result]
    if language == "en":
        assert all(word in page.text for word in words)
        assert "the last to assess was an independent third party" in page.text
        assert page.text.count("(a deviation was found before and has been corrected)") == 1


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_label_from_an_existing_register_shows_who_has_evaluated(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    at = await visit("at")
    found = [
        EvaluationAnswer(
            *("at", "00" * 16, kind, level, 1, f"2024-0{place}-01", "2026-11-20"),
            recorded_late=place == 1,
            reviewed=False,
            findings=[FindingAnswer("S2", Result.MAJOR_NC if place == 1 else Result.CONFORM, 0,
                                    closed=place == 3)],
        )
        for place, (kind, level) in enumerate(
            (("surveillance", "third_party"), ("special", "self"), ("initial", "second_party")), 1
        )
    ]  # fmt: skip
    answer = AssessmentAnswer(
        IMPORTED, "2026-12-01", "sopro", 0, 0, "", [], evaluated=found, more=True
    )
    monkeypatch.setattr(at.node.desk, "assessment", lambda _number, _day: answer)
    page = check_page(await at.read(f"/label/{IMPORTED}?lang={language}"), language)
    rows = [one.text for one in page.all("tr") if "S2:" in one.text]
    assert len(rows) == 3
    assert "2024" in rows[0]
    if language == "en":
        assert "first evaluation" in rows[0]
        assert "(a deviation was found before and has been corrected)" in rows[0]
        assert "special evaluation" in rows[1]
        assert "who offers it" in rows[1]
        assert "surveillance" in rows[2]
        assert "S2: major deviation" in rows[2]
        assert "written down here only on" in rows[2]
        assert "Only the latest evaluations are shown." in page.text
        assert "Assessed by version" not in page.text


async def test_a_label_without_an_assessment_shows_none(visit: Visit) -> None:
    at = await visit("at")
    page = check_page(await at.read(f"/label/{number('active')}?lang=en"))
    assert "What was found about each criterion" not in page.text
    async with at.client.get(f"/api/v1/assessments/{number('active')}") as answer:
        found = await answer.json()
    assert (found["criteria_version"], found["criteria"]) == (0, [])
