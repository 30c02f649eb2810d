"""What people and programs are told of a withheld entry."""

import pytest

from sopro_node.drafting import Draft
from tests.neighbours import let_append
from tests.node.test_withholding import withhold
from tests.node.web.conftest import Visit
from tests.node.web.page import check_page

SAID = {
    "en": ("its entry is withheld: a court has ordered it", "is withheld by entry", "no new"),
    "de": (
        "der Eintrag wird zurückgehalten: ein Gericht hat es angeordnet",
        "zurückgehalten: ein Gericht",
        "keine neue",
    ),
    "hu": (
        "a bejegyzés visszatartva: bíróság rendelte el",
        "visszatartja: bíróság rendelte el",
        "új tanúsítványfájl nem",
    ),
}


@pytest.mark.parametrize("language", SAID)
async def test_says_what_is_withheld_and_why(visit: Visit, language: str) -> None:
    hu = await visit("hu")
    let_append(hu.node)
    await hu.node.log.append(Draft("serve_alone", {"peers": 1, "reason": "a batch of its own"}))
    label = "SOPRO/HU0/001/00001"
    [decision] = hu.node.desk.label(label).history
    before = await hu.read(f"/label/{label}?lang={language}")
    assert SAID[language][0] not in before
    record = await withhold(hu.node, decision.index, reason="court_order")
    page = check_page(await hu.read(f"/label/{label}?lang={language}"), language)
    assert SAID[language][0] in page.text
    assert SAID[language][2] in page.text
    assert hu.node.desk.label(label).status == "active"
    status = check_page(await hu.read(f"/status?lang={language}"), language)
    assert SAID[language][1] in status.text
    path = f"/log/hu/1/tile/entries/{decision.index // 256:03}.p/{decision.index % 256 + 1}"
    for refused in (path, f"/api/v1/certificates/{label}"):
        async with hu.client.get(refused) as answer:
            assert answer.status == 410, refused
            assert (await answer.json(content_type=None))["code"] == "entry.withheld"
    async with hu.client.get("/api/v1/voids/hu/1") as answer:
        voids = (await answer.json())["voids"]
    assert {
        "index": decision.index,
        "code": "entry.withheld",
        "message": f"withheld by entry {record}: court_order",
    } in voids
