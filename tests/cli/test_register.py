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
