"""A site's own records hold no identifier that fails its check, unless a reason is recorded."""

from typing import Any

import pytest

from sopro_node.documents import NewDocument, structured
from sopro_node.drafting import Draft
from sopro_node.identifying import OVERRIDES, check_own
from sopro_protocol.errors import FormatError
from tests.node.conftest import Federation

WRONG = ["VATCZ", "CZ26439395"]
ORGANISATION = {
    "actor_type": "enterprise",
    "country": "CZ",
    "effective_date": "2026-01-01",
    "status": "active",
}


def document(**fields: Any) -> list[NewDocument]:
    return [structured("organisation", {"legal_name": "Firma", **fields})]


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        [[*WRONG, ""]],
        [[*WRONG, " "]],
        [["VATCZ", "26439395", "another one"]],
        [WRONG],
        "VATCZ",
    ],
)
def test_refuses_an_identifier_that_fails_its_check(overrides: Any) -> None:
    with pytest.raises(FormatError, match="did you mean 'VATCZ-26439395'") as refused:
        check_own("organisation", {}, document(identifiers=[WRONG], **{OVERRIDES: overrides}))
    assert refused.value.code == "doc.identifier"


def test_takes_it_with_a_reason_and_others_as_they_are() -> None:
    reason = {OVERRIDES: [[*WRONG, "so it stands in the register"]]}
    check_own("organisation", {}, document(identifiers=[WRONG], **reason))
    check_own("organisation", {}, document(identifiers=[["ZVR", "no rules"]]))
    check_own("organisation", {}, document(identifiers="no array"))
    check_own("organisation", {}, [NewDocument("photo", b"\xff", type="image/png")])
    check_own("label_decision", {"gtin": "1"}, [])


def test_holds_trade_item_numbers_to_their_check_digit() -> None:
    check_own("offering", {"gtin": "4006381333931"}, [])
    wrong = {"gtin": "4006381333932"}
    with pytest.raises(FormatError, match="did you mean '4006381333931'"):
        check_own("offering", wrong, [])
    reason = {OVERRIDES: [["GTIN", "4006381333932", "printed on the package"]]}
    check_own("offering", wrong, [structured("offering", reason)])


async def test_a_site_signs_none_and_keeps_what_others_signed(federation: Federation) -> None:
    await federation.coordinator()
    node = (await federation.join("cz", "CZ")).node
    size = node.log.held.size
    with pytest.raises(FormatError, match="repeats the country CZ"):
        await node.log.append(
            Draft("organisation", ORGANISATION, documents=document(identifiers=[WRONG]))
        )
    assert node.log.held.size == size
    reason = {OVERRIDES: [[*WRONG, "so it stands in the register"]]}
    await node.log.append(
        Draft("organisation", ORGANISATION, documents=document(identifiers=[WRONG], **reason))
    )
    assert node.log.held.size > size
