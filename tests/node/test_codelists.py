"""Lists of codes at other nodes: read from the mirror, held to at intake, told as findings."""

import hashlib

import pytest

from sopro_node import office
from sopro_node.documents import NewDocument
from sopro_node.drafting import Draft
from sopro_protocol.commitment import STRUCTURED
from sopro_protocol.errors import RefusedError
from sopro_registry.codelists import format_list
from tests.node.conftest import Federation, until

ORGANISATION = {
    "actor_type": "enterprise",
    "country": "AT",
    "effective_date": "2026-01-01",
    "nuts": "AT999",
    "status": "active",
}


async def test_a_code_that_is_in_no_list_is_refused_here_and_told_elsewhere(
    federation: Federation,
) -> None:
    eeig, at = await federation.coordinator(), await federation.join("at", "AT")
    before = await at.node.log.append(Draft("organisation", ORGANISATION))
    await office.OPERATIONS["publish_codelist"](
        eeig.node,
        {
            "list": "nuts",
            "version": "2024",
            "valid_from": "2026-01-01",
            "codes": {"AT130": {"de": "Wien"}},
        },
    )
    await until(lambda: (found := at.node.codelists.find("nuts")) and found.codes)
    with pytest.raises(RefusedError, match="'AT999' is no code of the list nuts") as caught:
        await at.node.log.append(Draft("organisation", ORGANISATION))
    assert caught.value.code == "cdl.unknown-code"
    drafts = [Draft("organisation", ORGANISATION | {"nuts": code}) for code in ("AT130", "AT9")]
    right, wrong = await at.node.log.append_all(drafts)
    assert isinstance(wrong, RefusedError)
    assert not isinstance(right, Exception)

    held = eeig.node.holdings.logs
    origin = at.node.identity.origin
    await until(lambda: held[origin].cursor.projected > right.index)
    # What was appended before the list was there counts, and everybody is told.
    told = eeig.node.desk.organisation(held[origin], before.entity)
    assert [one.code for one in told.findings] == ["cdl.unknown-code"]
    assert eeig.node.desk.organisation(held[origin], right.entity).findings == []
    assert held[origin].cursor.voids == 0


async def test_a_list_is_its_own_document_whatever_was_read_before(federation: Federation) -> None:
    """CDL-2: digest and number of codes are those of the record, for each record."""
    eeig = await federation.coordinator()
    content = format_list({"AT130": {"de": "Wien"}})
    digest = hashlib.sha256(content).digest()
    fields = {"digest": digest, "valid_from": "2026-01-01", "version": "1"}
    for name, size, held in (("right", 1, content), ("counted", 2, content), ("other", 1, b"\x80")):
        draft = Draft(
            "codelist",
            {**fields, "list": name, "size": size},
            documents=[NewDocument("codelist", held, type=STRUCTURED)],
        )
        await eeig.node.log.append(draft)
    read = {name: eeig.node.codelists.find(name) for name in ("right", "counted", "other")}
    assert {name: one and one.codes for name, one in read.items()} == {
        "right": {"AT130": {"de": "Wien"}},
        "counted": None,
        "other": None,
    }


async def test_a_large_list_reaches_the_mirrors_by_itself(
    federation: Federation,
) -> None:
    """More than rides in a bundle: it is fetched by itself."""
    eeig, at = await federation.coordinator(), await federation.join("at", "AT")
    codes = {f"{number:08}": {"en": f"Thing number {number}"} for number in range(4_000)}
    values = {"list": "cpv", "version": "2008", "valid_from": "2026-01-01", "codes": codes}
    published = await office.OPERATIONS["publish_codelist"](eeig.node, values)
    await until(lambda: at.node.codelists.find("cpv"))
    thing = {"effective_date": "2026-01-01", "kind": "product", "status": "published"}
    holder = await at.node.log.append(
        Draft("organisation", {k: v for k, v in ORGANISATION.items() if k != "nuts"})
    )
    draft = Draft("offering", {**thing, "organisation": holder.entity, "cpv": ["00004000"]})
    assert published["size"] == 4_000
    await until(lambda: (found := at.node.codelists.find("cpv")) and found.codes)
    with pytest.raises(RefusedError, match="'00004000' is no code of the list cpv"):
        await at.node.log.append(draft)
