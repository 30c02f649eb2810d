"""What is odd about a label and makes nothing void: twins, codes and numbers that are none."""

import pytest

from sopro_node.desk import Desk
from sopro_node.documents import structured
from sopro_node.drafting import Draft
from sopro_node.node import Node
from tests.node.conftest import Federation, decide, until

GTIN = "9120012345676"
DAY = "2026-10-01"


async def register(node: Node, **changes: object) -> bytes:
    """Register an organisation and an offering; what they name is held to no rule."""
    country = node.identity.country
    values = {"actor_type": "enterprise", "country": country, "effective_date": DAY}
    named = structured("organisation", {"identifiers": [["VAT", "ATU00000000"]]})
    holder = await node.log.append(
        Draft("organisation", {**values, "status": "active"}, documents=[named], is_copy=True)
    )
    thing = {
        "effective_date": DAY,
        "kind": "product",
        "organisation": holder.entity,
        "status": "published",
    }
    return (await node.log.append(Draft("offering", thing | changes, is_copy=True))).entity


async def grant(node: Node, offering: bytes) -> tuple[str, bytes]:
    return await decide(
        node,
        None,
        action="grant",
        offering=offering,
        scheme="sopro",
        valid_from=DAY,
        valid_until="2028-01-01",
    )


def twins(node: Node, number: str) -> list[str]:
    found = node.findings.find(number)
    return [one.about for one in found if one.code == "lbl.duplicate"]


async def test_two_active_labels_for_one_thing_are_told_on_both(federation: Federation) -> None:
    await federation.coordinator()
    at = (await federation.join("at", "AT")).node
    hu = (await federation.join("hu", "HU")).node
    first = await register(at, gtin=GTIN)
    one, entity = await grant(at, first)
    assert twins(at, one) == []
    two, _ = await grant(at, first)
    other, _ = await grant(at, await register(at))
    abroad, _ = await grant(hu, await register(hu, gtin=GTIN.rjust(14, "0")))
    nodes = [at, hu]
    await until(lambda: all(
        node.holdings.logs[site.identity.origin].cursor.projected == site.log.held.size
        for node in nodes for site in nodes
    ))  # fmt: skip
    for node in nodes:
        assert twins(node, one) == sorted([two, abroad])
        assert twins(node, two) == sorted([one, abroad])
        assert twins(node, abroad) == sorted([one, two])
        assert twins(node, other) == []
    # Nothing of it is void, and it ends with the label.
    assert all(held.cursor.voids == 0 for held in at.holdings.logs.values())
    await decide(at, entity, action="terminate_on_request", reason_code="holder_request")
    assert twins(at, two) == [abroad]
    assert twins(at, one) == []


async def test_identifiers_that_fail_are_told_of_records_that_count(federation: Federation) -> None:
    await federation.coordinator()
    at = (await federation.join("at", "AT")).node
    offering = await register(at, gtin="9120012345670")
    number, _ = await grant(at, offering)
    [finding] = at.findings.find(number)
    assert (finding.code, finding.message.split(":")[0]) == (
        "doc.identifier",
        "GTIN '9120012345670'",
    )
    held = at.holdings.own
    [(entity, *_)] = at.reader.entities(held.number, "organisation")
    desk: Desk = at.desk
    [finding] = desk.organisation(held, entity).findings
    assert finding.code == "doc.identifier"
    assert "VAT 'ATU00000000'" in finding.message


@pytest.mark.parametrize("gtin", [None, GTIN])
async def test_a_label_alone_has_no_twin(federation: Federation, gtin: str | None) -> None:
    await federation.coordinator()
    at = (await federation.join("at", "AT")).node
    number, _ = await grant(at, await register(at, **({"gtin": gtin} if gtin else {})))
    assert at.findings.find(number) == []
