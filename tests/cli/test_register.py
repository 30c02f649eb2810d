import asyncio

import pytest

from sopro_node import office
from sopro_node.node import Node
from tests.cli.place import Place, sopro, told


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


HOLDER = (
    *("--legal-name", "Muster GmbH", "--country", "AT", "--street", "Hauptplatz 1"),
    *("--identifier", "at.fn=123456a", "--nuts", "AT130", "--website", "https://muster.example"),
    *("--description", "de=Möbel", "--activity", "2.1:31.00"),
)


def test_a_change_leaves_what_it_does_not_name(place: Place) -> None:
    entity = sopro("organisation", "add", place.at, *HOLDER).stdout.strip()
    [before] = asyncio.run(rows(place, bytes.fromhex(entity)))
    moved = ("--street", "Ring 2", "--nuts", "AT312", "--drop", "website")
    changed = sopro("organisation", "change", place.at, entity, *moved)
    assert changed.stdout.strip() == entity
    [after] = asyncio.run(rows(place, bytes.fromhex(entity)))
    assert after["body"] == before["body"] | {
        "nuts": "AT312",
        "effective_date": after["body"]["effective_date"],
    }
    fields = before["fields"] | {"street": "Ring 2"}
    del fields["website"]
    assert after["fields"] == fields


def test_an_offering_is_changed_and_withdrawn(place: Place) -> None:
    holder = sopro("organisation", "add", place.at, *HOLDER).stdout.strip()
    wrong = ("--gtin", "4006381333932", "--gtin-reason", "printed so", "--cpv", "39112000")
    added = sopro(
        *("offering", "add", place.at, "--organisation", holder, "--name", "de=Sessel", *wrong)
    )
    entity = added.stdout.strip()
    sopro("offering", "change", place.at, entity, "--name", "en=Chair", "--status", "withdrawn")
    [row] = asyncio.run(rows(place, bytes.fromhex(entity)))
    assert row["fields"]["name"] == {"en": "Chair"}
    assert row["fields"]["identifier_overrides"] == [["GTIN", "4006381333932", "printed so"]]
    assert (row["body"]["status"], row["body"]["cpv"]) == ("withdrawn", ["39112000"])
    assert row["body"]["organisation"] == bytes.fromhex(holder)


def test_a_change_says_what_and_of_what(place: Place) -> None:
    entity = sopro("organisation", "add", place.at, *HOLDER).stdout.strip()
    change = ("organisation", "change", place.at)
    assert "say what has changed" in told(sopro(*change, entity, code=2).stderr)
    both = ("--nuts", "AT312", "--drop", "nuts")
    assert "nuts is given and dropped" in told(sopro(*change, entity, *both, code=2).stderr)
    result = sopro(*change, "0" * 32, "--status", "dissolved", code=1)
    assert "this site has no organisation" in result.stderr
    result = sopro("offering", "change", place.at, entity, "--status", "withdrawn", code=1)
    assert f"this site has no offering {entity}" in result.stderr
    assert "no country has the code" in sopro(*change, entity, "--country", "XX", code=2).stderr
