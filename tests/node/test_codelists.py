"""Lists of codes at other nodes: read from the mirror, held to at intake, told as findings."""

import pytest

from sopro_node import office
from sopro_node.log import Draft
from sopro_protocol.errors import RefusedError
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
