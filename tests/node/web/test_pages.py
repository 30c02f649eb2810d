"""Pages for people: every status in words, hostile names harmless, every link leads somewhere."""

import dataclasses
import re
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import msgspec
import pytest
from hatchling.builders.wheel import WheelBuilder
from yarl import URL

from sopro_node import clock
from sopro_node.found import Plan, create_node
from sopro_node.keyoffice import plan_keys, put_keys
from sopro_node.keyring import find_key, load_keys
from sopro_node.memberships import change_membership
from sopro_node.node import Node
from sopro_node.standing import describe_standing
from sopro_node.watching import CASES as WATCHED_CASES
from sopro_node.watching import Watched
from sopro_node.web import pages
from sopro_node.web.i18n import LANGUAGES
from sopro_node.web.pages_view import STATIC, isolate
from sopro_node.web.pages_words import STATUSES as WORDS
from sopro_protocol.checkpoint import Checkpoint, sign_checkpoint
from sopro_protocol.keys import Role
from sopro_protocol.merkle import Hash
from sopro_protocol.record import sign_record
from sopro_registry.fields import format_day
from sopro_registry.nominations import Nomination
from tests.neighbours import let_append
from tests.node.web.conftest import Visit
from tests.node.web.page import check_page, read_page
from tests.node.web.register import (
    HOSTILE,
    HOSTILE_NUMBER,
    HUNGARIAN,
    IMPORTED,
    IMPORTED_REVOKED,
    LONG,
    MANY,
    STATUSES,
    day,
    number,
)

ROOT = Path(__file__).resolve().parents[3]
KINDS = {".html", ".css", ".svg", ".po"}
PAGES = (
    "/",
    "/labels",
    "/statistics",
    "/members",
    "/criteria",
    "/conformance",
    "/verify",
    "/status",
)
SENTENCES = {
    "en": {
        "active": "This label is active and valid until",
        "suspended": "This label has been suspended since",
        "revoked": "This label was revoked on",
        "terminated": "at its holder’s request",
        "transferred": "was handed over to another site, which has not taken it over yet",
        "refused": "The application for this label was refused on",
        "expired": "This label has expired",
        "none": "the label is not granted yet; its grant takes effect on",
        "undetermined": "This node cannot tell how the label stands",
    },
    "de": {
        "active": "Dieses Gütezeichen ist gültig bis einschließlich",
        "suspended": "Dieses Gütezeichen ist seit",
        "revoked": "Dieses Gütezeichen wurde am",
        "terminated": "auf Antrag des Inhabers beendet",
        "transferred": "übergeben, die es noch nicht übernommen hat",
        "refused": "Der Antrag auf dieses Gütezeichen wurde am",
        "expired": "Dieses Gütezeichen ist abgelaufen",
        "none": "An diesem Tag ist das Gütezeichen noch nicht erteilt",
        "undetermined": "Dieser Knoten kann nicht feststellen",
    },
    "hu": {
        "active": "Ez a védjegy érvényes; az érvényesség utolsó napja:",
        "suspended": "óta fel van függesztve",
        "revoked": "Ezt a védjegyet visszavonták (",
        "terminated": "használójának kérelmére megszüntették (",
        "transferred": "egy másik nemzeti irodának adták át, amely még nem vette át",
        "refused": "A védjegy iránti kérelmet elutasították (",
        "expired": "Ez a védjegy lejárt",
        "none": "Ezen a napon a védjegy még nincs odaítélve",
        "undetermined": "Ez a csomópont nem tudja megállapítani a védjegy állapotát",
    },
}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_status_is_said_in_a_sentence_in_every_language(
    visit: Visit, language: str
) -> None:
    at = await visit("at")
    for status in STATUSES:
        page = check_page(await at.read(f"/label/{number(status)}?lang={language}"), language)
        assert SENTENCES[language][status] in page.text
        assert "%(" not in page.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("site", ["at", "eeig"])
async def test_every_page_is_well_formed_and_labelled(
    visit: Visit, site: str, language: str
) -> None:
    visitor = await visit(site)
    for path in (*PAGES, f"/label/{IMPORTED_REVOKED}", f"/label/{HOSTILE_NUMBER}", "/nowhere"):
        text = await visitor.read(
            f"{path}?lang={language}", status=404 if path == "/nowhere" else 200
        )
        check_page(text, language)


@pytest.mark.parametrize("site", ["at", "eeig", "hu"])
async def test_every_internal_link_leads_somewhere(visit: Visit, site: str) -> None:
    visitor = await visit(site)
    own = visitor.node.settings.public_url
    members = {url for one in visitor.node.holdings.directory.members() for url in one.urls}
    waiting, seen = ["/", "/?lang=hu", "/label/SOPRO/XX0/001/00001"], set()
    while waiting:
        address = waiting.pop()
        if address in seen or len(seen) > 1_000:
            continue
        seen.add(address)
        async with visitor.client.get(address, headers={"Accept": "text/html"}) as answer:
            assert answer.status == (404 if "XX0" in address else 200), address
            if answer.content_type != "text/html":
                continue
            links = read_page(await answer.text()).links
        for link in links:
            if link in members:
                continue
            target = link.removeprefix(own) or "/"
            assert target.startswith(("/", "#")), f"{address}: {link}"
            assert not target.startswith("//")
            if target.startswith("/"):
                assert "lang=" not in address or not is_page(target) or "lang=" in target
                waiting.append(target)
    assert len(seen) > 100


def is_page(address: str) -> bool:
    return not urlsplit(address).path.startswith(
        ("/api", "/log", "/static", "/.well-known", "/metrics", "/qr")
    )


async def test_pages_allow_nothing_but_their_own_style(visit: Visit) -> None:
    at = await visit("at")
    for path in (*PAGES, "/nowhere", f"/label/{number('active')}", "/labels?q=SOPRO/AT0/001/00001"):
        async with at.client.get(
            path, headers={"Accept": "text/html"}, allow_redirects=False
        ) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "style-src 'self'" in policy
            assert "script-src" not in policy
            assert "unsafe" not in policy
            assert "Set-Cookie" not in answer.headers
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_hostile_names_are_shown_as_text_of_their_own_direction(visit: Visit) -> None:
    at = await visit("at")
    shown = HOSTILE.replace("\u202e", "\ufffd").replace("\u2066", "\ufffd")
    for path in (f"/label/{HOSTILE_NUMBER}?lang=de", "/?lang=de", "/labels?lang=de&q=alert"):
        text = await at.read(path)
        page = check_page(text)
        assert "\u202e" not in text
        assert "\u2066" not in text
        assert shown in [one.text for one in page.all("bdi")]
        assert "49" not in [one.text for one in page.all("bdi")]
    assert LONG in await at.read(f"/label/{HOSTILE_NUMBER}?lang=en")


def test_a_name_is_isolated_and_its_language_is_a_tag_or_left_out() -> None:
    assert isolate("<b>", "hu") == '<bdi lang="hu">&lt;b&gt;</bdi>'
    assert isolate("{0}", 'x" onclick="') == "<bdi>{0}</bdi>"
    assert isolate("a\u202eb\u2069c\u200fd") == "<bdi>a\ufffdb\ufffdc\u200fd</bdi>"


async def test_a_label_as_of_a_day_in_the_past(visit: Visit) -> None:
    at = await visit("at")
    path = f"/label/{number('revoked')}?lang=en&at="
    assert "This label is active" in read_page(await at.read(path + day(-150))).text
    assert "not yet in effect" in read_page(await at.read(path + day(-150))).text
    assert "not granted yet" in read_page(await at.read(path + day(-300))).text
    assert "This label was revoked" in read_page(await at.read(path + day(0))).text


async def test_history_names_reason_appeal_and_proof(visit: Visit) -> None:
    at = await visit("at")
    page = read_page(await at.read(f"/label/{number('revoked')}?lang=en"))
    assert "revoked: the mark was misused" in page.text
    assert "(appeal possible until" in page.text
    proofs = [link for link in page.links if "/proof/" in link]
    assert len(proofs) == 2
    for link in proofs:
        assert (await at.read(link)).startswith("c2sp.org/tlog-proof@v1\n")
    held = at.node.log.held
    assert held.tree.root_at(held.cursor.projected).hex() in page.text
    assert f"/api/v1/certificates/{number('revoked')}" in page.links
    assert f"sopro certificate verify {number('revoked').replace('/', '-')}.sopro" in page.text


async def test_what_was_imported_says_so_and_which_dates_are_unknown(visit: Visit) -> None:
    at = await visit("at")
    page = read_page(await at.read(f"/label/{IMPORTED}?lang=en"))
    assert "taken from an existing register" in page.text
    assert "no end of its validity is stated" in page.text
    assert "date unknown" in page.text
    page = read_page(await at.read(f"/label/{IMPORTED_REVOKED}?lang=en"))
    assert "on which date is not known" in page.text
    dates = [one.text.strip() for one in page.all("th") if one.attributes["scope"] == "row"]
    assert dates == ["date unknown", "1 May 2019", "1 June 2020", "date unknown"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/label/SOPRO/AT0/009/00001", 404, "No label with this number"),
        ("/label/nonsense", 404, "No label with this number"),
        ("/label/%00%ff%ed%a0%80%E2%80%AE", 404, "No label with this number"),
        (f"/label/{number('active')}?at=22.11.2026", 400, "This date is not understood"),
        (f"/label/{number('active')}?at=2026-02-30", 400, "This date is not understood"),
        (f"/label/{number('active')}?at=0000-00-00", 400, "This date is not understood"),
        (f"/label/{number('active')}?at=٢٠٢٦-٠١-٠١", 400, "This date is not understood"),
        ("/labels?site=zz", 400, "No such site"),
        ("/labels?status=splendid", 400, "No such status"),
        ("/labels?holder=splendid", 400, "This choice does not exist"),
        ("/labels?scale=splendid", 400, "This choice does not exist"),
        ("/organisation/at/xyz", 404, "There is no such page"),
        ("/organisation/at/" + "00" * 16, 404, "There is no such page"),
        ("/organisation/zz/" + "00" * 16, 404, "There is no such page"),
        ("/criteria/sopro/nothing", 404, "There is no such page"),
        ("/criteria/sopro/S1/99", 404, "There is no such page"),
        ("/criteria/sopro/S1/x", 404, "There is no such page"),
        ("/labels?after=~", 400, "This place in the list is not understood"),
        ("/labels?after=%00%ff%ed%a0%80", 400, "This place in the list is not understood"),
        ("/labels?after=SOPRO/AT0", 400, "This place in the list is not understood"),
        ("/?after=sopro/at0/001/00001", 400, "This place in the list is not understood"),
        ("/labels?country=XX", 400, "This page cannot tell that"),
        ("/labels?at=2026-11-22", 400, "This page cannot tell that"),
        ("/?at=gestern", 400, "This page cannot tell that"),
        ("/statistics?at=2020-01-01", 400, "This page cannot tell that"),
        ("/members?country=AT&lang=en", 400, "This page cannot tell that"),
        (f"/label/{number('active')}?date=2026-11-22", 400, "This page cannot tell that"),
        ("/nowhere", 404, "There is no such page"),
    ],
)
async def test_errors_are_pages_for_people_and_documents_for_programs(
    visit: Visit, path: str, status: int, said: str
) -> None:
    at = await visit("at")
    page = check_page(await at.read(path, status=status, **{"Accept-Language": "en"}), "en")
    assert page.one("h1").text == said
    assert not [link for link in page.links if link.startswith("//")]
    async with at.client.get(path) as answer:
        assert answer.status == status
        assert answer.content_type == "application/problem+json"
        assert (await answer.json(content_type=None))["status"] == status


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ({"category": "39100000"}, "category", "cpv:39100000"),
        ({"region": "Vienna"}, "region", "AT13"),
        ({"region": "A", "category": "cpv:39"}, "region", "AT13"),
    ],
)
async def test_a_filter_that_is_wrong_keeps_the_form_and_says_so_beside_it(
    visit: Visit, asked: dict[str, str], field: str, said: str, language: str
) -> None:
    at = await visit("at")
    query = {"q": "tisch", "status": "active", "lang": language, **asked}
    page = check_page(await at.read(f"/labels?{urlencode(query)}", status=400), language)
    typed = {one.attributes["id"]: one for one in page.all("input") if "id" in one.attributes}
    assert typed["q"].attributes["value"] == "tisch"
    wrong = typed[field]
    assert wrong.attributes["value"].upper() == asked[field].upper()
    assert wrong.attributes["aria-invalid"] == "true"
    [sentence] = [one for one in page.all("p") if one.attributes.get("id") == f"{field}-wrong"]
    assert said in sentence.text
    assert f"{field}-wrong" in wrong.attributes["aria-describedby"].split()
    assert not listed(page.links)
    async with at.client.get("/labels", params=query) as answer:
        assert answer.content_type == "application/problem+json"
        assert f"{field}: expected" in (await answer.json(content_type=None))["detail"]


@pytest.mark.parametrize("query", ["region=at13", "region=+At+13", "category=CPV:39+10+00+00"])
async def test_a_filter_is_read_in_any_letters(visit: Visit, query: str) -> None:
    at = await visit("at")
    page = check_page(await at.read(f"/labels?lang=en&{query}"))
    assert "No label was found." in page.text
    assert "Leave out a word or a filter" in page.text
    assert "/labels?lang=en" in page.links


@pytest.mark.parametrize(
    "typed", ["sopro/at0/001/00001", "SOPRO-AT0-001-00001", "sopro%20AT0%2F001/00001"]
)
async def test_a_label_has_one_address(visit: Visit, typed: str) -> None:
    at = await visit("at")
    async with at.client.get(
        f"/label/{typed}?at=2026-11-01&lang=de", allow_redirects=False
    ) as answer:
        assert answer.status == 301
        assert answer.headers["Location"] == "/label/SOPRO/AT0/001/00001?at=2026-11-01&lang=de"
    async with at.client.get(f"/qr/{typed}.svg") as answer:
        assert answer.status == 200


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_page_names_what_it_does_not_know_in_every_language(
    visit: Visit, language: str
) -> None:
    at = await visit("at")
    page = check_page(await at.read(f"/criteria?at=2026-11-22&lang={language}", status=400))
    assert re.search("[“„]at[”“]", page.text)
    assert "unknown parameter 'at'; known: lang" in page.text


async def test_the_coordinators_front_page_is_no_list(visit: Visit) -> None:
    eeig = await visit("eeig")
    check_page(await eeig.read("/?after=SOPRO/AT0/001/00001", status=400))


async def test_an_address_with_two_slashes_leads_nowhere_else(visit: Visit) -> None:
    at = await visit("at")
    address = URL(f"http://127.0.0.1:{at.client.port}//evil.example/x", encoded=True)
    async with at.client.session.get(address, headers={"Accept": "text/html"}) as answer:
        assert answer.status == 404
        assert not [link for link in check_page(await answer.text()).links if link[:2] == "//"]


async def test_programs_paths_never_answer_with_pages(visit: Visit) -> None:
    at = await visit("at")
    for path in ("/api/v1/labels/SOPRO/XX0/001/00001", "/log/at/9/checkpoint", "/static/nothing"):
        async with at.client.get(path, headers={"Accept": "text/html"}) as answer:
            assert answer.status == 404
            assert answer.content_type == "application/problem+json"


async def test_a_bug_is_a_page_that_says_nothing_of_it(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = await visit("at")

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(at.node.desk, "label", fail)
    text = await at.read(f"/label/{number('active')}", status=500)
    check_page(text)
    assert "secret" not in text


async def test_other_methods_are_refused_in_words(visit: Visit) -> None:
    at = await visit("at")
    async with at.client.post("/labels", headers={"Accept": "text/html"}) as answer:
        assert answer.status == 405
        assert "GET" in answer.headers["Allow"]
        check_page(await answer.text())


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("SOPRO/AT0/001/00001", "/label/SOPRO/AT0/001/00001"),
        (" sopro/at0/001/00001 ", "/label/SOPRO/AT0/001/00001"),
        ("SOPRO / AT0 / 001 / 00001", "/label/SOPRO/AT0/001/00001"),
        ("SOPRO/ZZ9/001/00001", "/label/SOPRO/ZZ9/001/00001"),
    ],
)
async def test_a_number_leads_to_its_label(visit: Visit, typed: str, found: str) -> None:
    at = await visit("at")
    for language in ("", "hu"):
        query = {"q": typed} | ({"lang": language} if language else {})
        async with at.client.get("/labels", params=query, allow_redirects=False) as answer:
            assert answer.status == 303
            expected = found + (f"?lang={language}" if language else "")
            assert answer.headers["Location"] == expected


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("q=sopro/at0/002", [IMPORTED, IMPORTED_REVOKED]),
        ("q=ALERT", [HOSTILE_NUMBER]),
        ("status=suspended", [number("suspended")]),
        ("status=suspended&site=hu", []),
        ("site=at&status=revoked", [number("revoked"), IMPORTED_REVOKED]),
        ("q=%25&site=at", []),
        ("q=moebelwerkstatt&status=suspended", [number("suspended")]),
        ("q=m%C3%96BEL+gruenbach&site=at&status=expired", [number("expired")]),
        ("holder=network", []),
        ("holder=social_enterprise&status=suspended", [number("suspended")]),
        ("region=AT", []),
        ("category=nace:2.1:38&scale=local", []),
        ("q=" + "x" * 5_000, []),
        ("after=SOPRO/ZZ0/001/00001", []),
        ("after=&at=&utm_source=news", None),
    ],
)
async def test_labels_are_found_by_number_name_site_and_status(
    visit: Visit, query: str, numbers: list[str] | None
) -> None:
    at = await visit("at")
    page = check_page(await at.read("/labels?lang=en&" + query))
    if numbers is not None:
        assert listed(page.links) == numbers
        assert ("No label was found." in page.text) == (not numbers)


def listed(links: list[str]) -> list[str]:
    return [
        urlsplit(link).path.removeprefix("/label/") for link in links if link.startswith("/label/")
    ]


async def test_a_list_says_what_it_rests_on_and_what_was_taken_over(visit: Visit) -> None:
    at = await visit("at")
    held = at.node.log.held
    for path in ("/labels?lang=en&site=at", "/?lang=en", "/labels?lang=en&q=altholz"):
        page = read_page(await at.read(path))
        assert held.origin in page.text, path
        assert held.tree.root().hex() in page.text, path
        assert "(from an existing register)" in page.text, path
    words = "+".join(f"w{number}" for number in range(9))
    page = read_page(await at.read(f"/labels?lang=en&q={words}"))
    assert "Only the first 8 words were looked for." in page.text


@pytest.mark.parametrize("start", ["/", "/labels?site=hu", "/labels?q=sz%C5%91tt&lang=de"])
async def test_pages_of_a_list_show_every_label_once(visit: Visit, start: str) -> None:
    hu = await visit("hu")
    address: str | None = start
    found: list[str] = []
    while address:
        page = read_page(await hu.read(address))
        found += listed(page.links)
        address = next(
            (
                one.attributes["href"]
                for one in page.all("a")
                if one.attributes.get("rel") == "next"
            ),
            None,
        )
    assert found == [f"SOPRO/HU0/001/{one:05}" for one in range(1, MANY + 1)]


async def test_a_search_without_end_is_bounded_and_says_so(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    hu = await visit("hu")
    monkeypatch.setattr("sopro_node.directory.MOST_LOOKED_AT", 100)
    page = read_page(await hu.read("/labels?lang=en&status=revoked&site=hu"))
    assert "100 labels were looked at; the search can go on from there." in page.text
    assert "No label was found" not in page.text
    [more] = [
        one.attributes["href"] for one in page.all("a") if one.attributes.get("rel") == "next"
    ]
    assert "No label was found." in read_page(await hu.read(more)).text


async def test_says_where_only_whole_words_were_looked_for(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = await visit("at")
    monkeypatch.setattr("sopro_node.weighing.MOST_BEGUN", 0)
    page = check_page(await at.read("/labels?lang=en&q=altholz"))
    assert (
        "So many words begin with “altholz” that only the word itself was looked for" in page.text
    )
    assert number("active") in listed(page.links)


async def test_the_coordinator_counts_every_country_and_says_from_what(visit: Visit) -> None:
    eeig = await visit("eeig")
    page = check_page(await eeig.read("/?lang=en"))
    counted = await eeig.node.counting.statistics()
    [unheard] = [one for one in counted.sites if not one.computed_from.size]
    assert (unheard.country, unheard.entries, unheard.confirmed_at) == ("SI", 0, None)
    rows = [one.text.split() for one in page.all("tr")]
    assert any(row[0] == "Hungary" and str(MANY) in row for row in rows)
    assert re.search(r"as of [0-9:]{4,5}(?:[^,]*, [0-9]+ \w+ ago|, just now)", page.text)
    for site in counted.sites:
        if site is unheard:
            continue
        assert site.computed_from.origin in page.text
        assert site.computed_from.root[:16] in page.text
        assert f"/log/{site.site}/1/checkpoint" in page.links
    assert "/api/v1/statistics" in page.links


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("hos.fork", "two histories that exclude one another"),
        ("hos.rollback", "older state than the one it had signed before"),
        ("hos.unreachable", "cannot be reached"),
        ("hos.bundle", "not what it has signed"),
        ("sig.invalid", "not by a key the federation knows"),
        ("ckp.signature", "damaged or not its own"),
        ("mem.untrusted", "not those its membership names"),
        ("never.heard.of", "The exchange with it fails"),
    ],
)
async def test_trouble_with_a_site_is_said_in_words(visit: Visit, code: str, said: str) -> None:
    eeig = await visit("eeig")
    state = eeig.node.exchange.peers["sopro.example/hu/1"]
    state.code, state.message, state.failures = code, f"<b>{HOSTILE}", 3
    for path in ("/", "/status", "/members", f"/label/{HUNGARIAN}"):
        page = check_page(await eeig.read(path + "?lang=en"))
        assert said in page.text, path
    alarm = "Do not rely on this page" in page.text
    assert alarm == (code == "hos.fork")
    assert "Do not rely" not in await eeig.read(f"/label/{number('active')}?lang=en")


async def test_a_member_whose_log_never_came_is_listed_as_never_synced(visit: Visit) -> None:
    eeig = await visit("eeig")
    page = check_page(await eeig.read("/?lang=en"))
    [row] = [one.text for one in page.all("tr") if "Slovenia" in one.text]
    assert "never synced" in row
    assert "It cannot be reached" in row
    assert "–" in row
    assert "not every member is counted yet" in page.text


async def test_the_title_of_a_page_is_in_the_language_of_its_header(visit: Visit) -> None:
    at = await visit("at")
    at.node.identity.languages[:] = ["de"]
    at.node.identity.name.update({"de": "SoPro\u202e Österreich", "en": "SoPro Austria"})
    page = check_page(await at.read("/?lang=hu"), "hu")
    assert page.one("title").text == "SoPro\ufffd Österreich – SoPro"
    assert page.one("h1").text == "SoPro\ufffd Österreich"


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", "unterschrieben: 11:57, vor 3 Minuten"),
        ("en", "signed: 11:57, 3 minutes ago"),
        ("hu", "aláírta: 11:57, 3 perccel ezelőtt"),
    ],
)
async def test_when_a_witness_signed_is_written_like_every_other_time(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, language: str, said: str
) -> None:
    at = await visit("at")
    policy = {"witnesses": ["hu"], "faulty": 0, "quorum": 1, "keys_known": True, "gone": []}
    witness = {"site": "hu", "size": 1, "cosigned_at": "", "failures": 0, "problem": None}
    described = {**describe_standing(at.node), "witness_policy": policy, "witnesses": [witness]}
    monkeypatch.setattr(pages, "describe_standing", lambda _: described)
    now = 1_769_425_200_000  # noon in Vienna
    monkeypatch.setattr(clock, "now", lambda: now)
    monkeypatch.setattr(at.node.cosignatures, "sites", lambda _: {"hu": now // 1000 - 180})
    text = check_page(await at.read(f"/status?lang={language}"), language).text
    assert said in text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_site_that_has_not_joined_has_pages_too(
    visit: Visit, tmp_path: Path, language: str
) -> None:
    visitor = await visit("lone", folder=found_lone_site(tmp_path / "made"))
    for path in PAGES:
        check_page(await visitor.read(f"{path}?lang={language}"), language)
    text = await visitor.read("/status?lang=en")
    assert "belongs to no federation yet" in text
    assert "not been admitted" in await visitor.read("/?lang=en")


def found_lone_site(folder: Path) -> Path:
    plan = Plan(federation="sopro.example", site="at", country="AT", listen="127.0.0.1:1")
    create_node(folder / "lone", plan, coordinator=False)
    return folder


async def test_a_page_is_not_sent_again_while_it_is_the_same(visit: Visit) -> None:
    at = await visit("at")
    path = f"/label/{number('active')}"
    async with at.client.get(path) as first:
        tag = first.headers["ETag"]
        assert first.headers["Cache-Control"] == "public, max-age=2"
        assert first.headers["Vary"] == "Accept, Accept-Language"
        assert first.headers["Content-Language"] == "en"
    async with at.client.get(path, headers={"If-None-Match": f'W/"x", {tag}'}) as again:
        assert again.status == 304
        assert await again.read() == b""
    async with at.client.get(
        path, headers={"If-None-Match": tag, "Accept-Language": "hu"}
    ) as other:
        assert other.status == 200
        assert other.headers["Content-Language"] == "hu"


async def test_the_node_speaks_its_own_language_to_who_asks_for_none(visit: Visit) -> None:
    at = await visit("at")
    at.node.settings = dataclasses.replace(at.node.settings, language="hu")
    assert read_page(await at.read("/")).one("html").attributes["lang"] == "hu"


async def test_style_and_icon_have_addresses_that_never_change_their_content(visit: Visit) -> None:
    at = await visit("at")
    page = read_page(await at.read("/"))
    for link in (one for one in page.links if one.startswith("/static/")):
        async with at.client.get(link) as answer:
            assert "immutable" in answer.headers["Cache-Control"]
        async with at.client.get(link.split("?")[0] + "?v=0") as answer:
            assert "immutable" not in answer.headers["Cache-Control"]


async def test_a_very_long_history_shows_its_newest_part(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = await visit("at")
    monkeypatch.setattr("sopro_node.web.pages_label.MAX_ROWS", 2)
    page = check_page(await at.read(f"/label/{IMPORTED_REVOKED}?lang=en"))
    assert "2 older decisions are not shown." in page.text
    assert "1 June 2020" in page.text
    assert "1 May 2019" not in page.text


# Colours.

TEXT_PAIRS = [
    (ink, paper)
    for ink in ("ink", "soft", "link", "good", "warn", "bad")
    for paper in ("paper", "shade")
]


def schemes() -> list[dict[str, str]]:
    css = (STATIC / "sopro.css").read_text("utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    return [dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", block)) for block in blocks]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_the_contrast_of_wcag_aa(scheme: int) -> None:
    colours = schemes()[scheme]
    for ink, paper in TEXT_PAIRS:
        assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
    for line in ("line", "focus"):
        for paper in ("paper", "shade"):
            assert contrast(colours[line], colours[paper]) >= 3, (line, paper)


def test_the_style_sheet_loads_nothing_and_names_every_status() -> None:
    css = (STATIC / "sopro.css").read_text("utf-8")
    assert "url(" not in css
    assert "@import" not in css
    for status in WORDS:
        name = "other" if " " in status else status
        assert f".status.{name}" in css
        assert f".verdict.{name}" in css


def test_what_pages_are_made_of_rides_in_the_wheel() -> None:
    builder = WheelBuilder(str(ROOT))
    included = {Path(one.path) for one in builder.recurse_included_files()}
    made_of = {path for path in STATIC.parent.rglob("*.*") if path.suffix in KINDS}
    assert {path.suffix for path in made_of} == KINDS
    assert made_of <= included


def forge_head(node: Node, origin: str, folder: Path) -> bytes:
    """Sign a head that excludes the one held, with the key of the log's own site."""
    signer = load_keys(folder, Role.LOG)[Role.LOG]
    size = node.holdings.logs[origin].signed_size
    return sign_checkpoint(Checkpoint(origin, size, Hash(bytes(32))), signer)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_evidence_of_two_histories_is_said_and_linked_wherever_it_matters(
    visit: Visit, register: Path, language: str
) -> None:
    words = {
        "en": ("two signed heads that exclude one another", "not settled"),
        "de": ("zwei signierte Stände, die einander ausschließen", "nicht geklärt"),
        "hu": ("két, egymást kizáró aláírt állapota van", "nincs tisztázva"),
    }
    alarm = {"en": "has shown two histories", "de": "zwei Verläufe", "hu": "két, egymást kizáró"}
    visitor = await visit("eeig")
    origin = f"{visitor.node.identity.federation}/at/1"
    address = f"/label/{number('active')}?lang={language}"
    assert alarm[language] not in check_page(await visitor.read(address), language).text
    answered = f"/api/v1/labels/{number('active')}"
    assert "two_histories" not in await visitor.read(answered)

    note = forge_head(visitor.node, origin, register / "at")
    kept = await visitor.node.exchange.gossip.weigh(origin, note)
    assert kept is not None

    page = check_page(await visitor.read(f"/status?lang={language}"), language)
    assert all(one in page.text for one in words[language])
    for path in (address, f"/status?lang={language}"):
        text = await visitor.read(path)
        assert f'href="{kept.path}"' in text
        check_page(text, language)
    assert alarm[language] in check_page(await visitor.read(address), language).text
    assert '"two_histories":true' in await visitor.read(answered)
    assert '"two_histories":true' in await visitor.read("/api/v1/statistics")
    async with visitor.client.get(kept.path) as answer:
        assert (answer.status, answer.content_type) == (200, "application/octet-stream")
        assert await answer.read() == visitor.node.reader.others.evidence_file(kept.id)
    for path in ("/evidence/" + "0" * 64, "/evidence/no-id"):
        await visitor.read(path, status=404)


async def test_the_status_page_shows_the_keys_that_count(visit: Visit) -> None:
    hu = await visit("hu")
    held = hu.node.log.held
    page = check_page(await hu.read("/status?lang=en"), "en")
    in_force = [span for span in held.keys if span.counts_at(held.size)]
    assert len(in_force) == 6
    for span in in_force:
        assert span.key_id.hex() in page.text
    assert "decision key: signs decisions on labels" in page.text
    assert "has been replaced" not in page.text
    first = format_day(hu.node.desk.today() + hu.node.settings.key_days)
    assert page.text.count("no day set") == 1, "the root key's"
    assert str(int(first[:4])) in page.text
    plan = await plan_keys(hu.node, {"act": "rotate", "role": "access"})
    let_append(hu.node)
    root = find_key(hu.node.folder, plan["root"], passphrase=hu.node.passphrase).signer
    await put_keys(hu.node, {"entry": sign_record(plan["record"], [root])})
    page = check_page(await hu.read("/status?lang=de"), "de")
    assert "Ein früherer Schlüssel wurde ersetzt" in page.text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_pages_say_what_should_have_been_renewed(visit: Visit, language: str) -> None:
    words = {
        "en": ("3 February 2001, overdue", "out of date, last day 3 February 2001", "until 3 Feb"),
        "de": ("3. Februar 2001, überfällig", "abgelaufen, letzter Tag 3. Februar 2001", "bis 3."),
        "hu": ("2001. február 3., lejárt", "lejárt, utolsó nap: 2001. február 3.", "eddig: 2999."),
    }
    overdue, stale, until = words[language]
    eeig = await visit("eeig")
    let_append(eeig.node)
    plan = await plan_keys(eeig.node, {"act": "date", "role": "access", "renew_by": "2001-02-03"})
    root = find_key(eeig.node.folder, plan["root"], passphrase=eeig.node.passphrase).signer
    await put_keys(eeig.node, {"entry": sign_record(plan["record"], [root])})
    page = check_page(await eeig.read(f"/status?lang={language}"), language)
    assert overdue in page.text
    for last, said in (("2001-02-03", stale), ("2999-02-03", until)):
        changes = {"conformance": bytes(32), "conformance_until": last}
        await change_membership(eeig.node, {"site": "at", "changes": changes})
        page = check_page(await eeig.read(f"/members?lang={language}"), language)
        assert said in page.text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_status_page_says_who_goes_on_for_the_coordinator(
    visit: Visit, language: str
) -> None:
    words = {
        "en": ("Who goes on for the coordinator", "not settled", "is to take over after entry 7"),
        "de": ("für die Koordination", "nicht geklärt", "soll nach Eintrag 7 übernehmen"),
        "hu": ("Ki folytatja", "nincs tisztázva", "át kell vennie a(z) 7. bejegyzés után"),
    }
    heading, proposed, appointed = words[language]
    hu = await visit("hu")
    address = f"/status?lang={language}"
    assert heading not in check_page(await hu.read(address), language).text
    approvals = {"at": b"", "fr": b""}
    for said, more, voters in ((proposed, appointed, 5), (appointed, proposed, 3)):
        one = Nomination(7, bytes(32), bytes(32), ("https://new.example",), approvals, voters)
        hu.node.anchors.succession.nominations = (one,)
        text = check_page(await hu.read(address), language).text
        assert all(word in text for word in (heading, "https://new.example", "at, fr", said))
        assert more not in text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_page_shows_what_members_nodes_showed_day_by_day(
    visit: Visit, language: str
) -> None:
    words = {
        "en": ("Nothing has been tried", "not as it should be: LOG-07", "all as it should be"),
        "de": ("noch nichts geprüft", "nicht in Ordnung: LOG-07", "alles in Ordnung"),
        "hu": ("Még semmi sem volt", "nincs rendben: LOG-07", "minden rendben"),
    }
    more = {
        "en": ("to be looked at: SYN-08", "could not be tried", "not tried"),
        "de": ("anzusehen: SYN-08", "konnte nicht geprüft werden", "nicht geprüft"),
        "hu": ("megnézendő: SYN-08", "nem volt ellenőrizhető", "nem ellenőrizve"),
    }
    nothing, red, well = words[language]
    eeig = await visit("eeig")
    address = f"/conformance?lang={language}"
    assert nothing in check_page(await eeig.read(address), language).text
    good = dict.fromkeys(WATCHED_CASES, "PASS")
    found = {
        "at": [
            Watched("2026-03-01", "http://a", good),
            Watched("2026-03-02", "http://a", good | {"LOG-07": "FAIL", "SYN-08": "WARN"}),
        ],
        "hu": [
            Watched("2026-03-01", "http://a", good | {"SYN-08": "WARN"}),
            Watched("2026-03-03", "http://a", {}, "not called"),
        ],
    }
    with eeig.node.store.transaction():
        eeig.node.store.put_setting("watched", msgspec.msgpack.encode(found))
    page = check_page(await eeig.read(address), language)
    for said in (red, well, *more[language]):
        assert said in page.text, said
    assert nothing not in page.text
    at = await visit("at")
    elsewhere = check_page(await at.read(address), language).text
    assert {"en": "from here", "de": "Von hier", "hu": "Innen"}[language] in elsewhere
    assert nothing not in elsewhere
    assert 'href="/conformance' in await eeig.read(f"/members?lang={language}")
