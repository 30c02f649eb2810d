import asyncio

import pytest

from sopro_node import office
from sopro_node.node import Node
from tests.cli.place import Place, sopro


@pytest.mark.parametrize("nuts", ["AT", "AT1", "HU11", "AT130", "ELZZZ"])
@pytest.mark.parametrize("activity", ["2:C", "2.1:38", "2.1:38.2", "2.1:38.21", "1.1:01.11"])
def test_codes_of_an_organisation_are_in_its_record(place: Place, nuts: str, activity: str) -> None:
    added = sopro(
        *("organisation", "add", place.at, "--legal-name", "Muster GmbH", "--country", "AT"),
        *("--nuts", nuts, "--activity", activity, "--activity", "2.1:31.00"),
    )
    [row] = asyncio.run(rows(place, bytes.fromhex(added.stdout.strip())))
    assert (row["body"]["nuts"], row["body"]["activities"]) == (nuts, [activity, "2.1:31.00"])


async def rows(place: Place, entity: bytes) -> list[dict[str, dict[str, object]]]:
    node = await Node.open(place.at)
    try:
        found: list[dict[str, dict[str, object]]] = (
            await office.entities(node, {"entities": [entity]})
        )["rows"]
    finally:
        await node.close()
    return found


def test_an_identifier_that_fails_its_check_needs_a_reason_that_is_recorded(place: Place) -> None:
    added = ("organisation", "add", place.at, "--legal-name", "Muster GmbH", "--country", "AT")
    wrong = ("--identifier", "VATAT=U38473201")
    refused = sopro(*added, *wrong, code=65)
    assert "identifier VATAT 'U38473201': the check digits of a VAT number of AT" in refused.stderr
    assert "SCHEME=VALUE=REASON" in sopro(*added, "--identifier-reason", "VATAT=U1", code=2).stderr
    done = sopro(*added, *wrong, "--identifier-reason", "VATAT=U38473201=so it was given out")
    [row] = asyncio.run(rows(place, bytes.fromhex(done.stdout.strip())))
    assert row["fields"]["identifier_overrides"] == [["VATAT", "U38473201", "so it was given out"]]
    wrong = ("--name", "de=Brot", "--gtin", "4006381333932", "--organisation", done.stdout.strip())
    refused = sopro("offering", "add", place.at, *wrong, code=65)
    assert "did you mean '4006381333931'?" in refused.stderr
    sopro("offering", "add", place.at, *wrong, "--gtin-reason", "printed so")
