import asyncio
import json
from pathlib import Path

import pytest

from sopro_cli.demo import REGISTERS
from sopro_node import certificate_desk
from sopro_node.log import Draft
from sopro_node.node import Node
from sopro_protocol.encoding import decode, encode
from sopro_registry.certificate import open_certificate
from sopro_registry.fields import day_of
from tests.cli.place import GRANTED, REVOKED, Place, sopro


def get(place: Place, number: str) -> Path:
    path = place.folder / "certificate.sopro"
    sopro("certificate", "get", number, "--dir", place.at, "-o", path)
    return path


@pytest.mark.parametrize(
    ("number", "at", "verdict", "code"),
    [
        (GRANTED, None, "valid", 0),
        (GRANTED, "2028-01-01", "valid", 0),
        (GRANTED, "2028-01-02", "expired", 13),
        (GRANTED, "2020-01-01", "none", 16),
        (REVOKED, None, "revoked", 11),
    ],
)
def test_exit_code_says_whether_the_label_holds(
    place: Place, number: str, at: str | None, verdict: str, code: int
) -> None:
    when = ["--at", at] if at else []
    result = sopro(
        *("certificate", "verify", get(place, number), "--invite", place.invite, "--json", *when),
        code=code,
    )
    assert json.loads(result.stdout)["verdict"] == verdict


def test_says_what_is_proven_and_what_is_not(place: Place) -> None:
    result = sopro("certificate", "verify", get(place, GRANTED), "--dir", place.at)
    assert "are in the log sopro.example/at/1 as of its size " in result.stdout
    assert (
        "whether it decided anything since, only a newer file or a node can tell" in result.stdout
    )


def test_file_is_named_after_the_number_if_not_given(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    result = sopro("certificate", "get", GRANTED, "--dir", place.at)
    assert result.stdout == "SOPRO-AT0-001-00001.sopro\n"
    assert (place.folder / "SOPRO-AT0-001-00001.sopro").exists()


def test_malformed_file_ends_with_65(place: Place) -> None:
    path = get(place, GRANTED)
    path.write_bytes(path.read_bytes()[:-1])
    result = sopro("certificate", "verify", path, "--invite", place.invite, code=65)
    assert result.stderr.startswith("error: ")


@pytest.mark.parametrize("part", ["keys", "membership", "coordinator_keys", "decisions"])
def test_forged_file_ends_with_76(place: Place, part: str) -> None:
    path = get(place, GRANTED)
    value = decode(path.read_bytes(), limit=10**7)
    assert isinstance(value, dict)
    pair = value[part][0] if part == "decisions" else value[part]
    pair[0] = pair[0][:-1] + bytes([pair[0][-1] ^ 1])
    path.write_bytes(encode(value))
    sopro("certificate", "verify", path, "--invite", place.invite, code=76)


def test_certificate_of_another_federation_ends_with_76(place: Place) -> None:
    other = place.folder / "other"
    sopro("federation", "new", other, "--name", "sopro.example", "--listen", "127.0.0.1:21990")
    sopro("certificate", "verify", get(place, GRANTED), "--invite", other / "invite.json", code=76)


def test_missing_file_is_named(place: Place) -> None:
    result = sopro("certificate", "verify", "none.sopro", "--dir", place.at, code=65)
    assert "none.sopro: cannot be read (No such file or directory)" in result.stderr


def test_asks_whom_to_trust(place: Place) -> None:
    assert "whom to trust" in sopro("certificate", "verify", "x", code=2).stderr


def test_decision_left_out_between_ends_with_76(place: Place) -> None:
    until = ("--suspended-until", "2027-01-01")
    place.decide("suspend", GRANTED, "--reason", "fees_unpaid", *until)
    place.decide("correct", GRANTED)
    path = get(place, GRANTED)
    value = decode(path.read_bytes(), limit=10**7)
    assert isinstance(value, dict)
    value["decisions"] = [value["decisions"][0], value["decisions"][2]]
    path.write_bytes(encode(value))
    result = sopro("certificate", "verify", path, "--invite", place.invite, code=76)
    assert "a decision is missing before that at " in result.stderr


def test_certificate_says_what_the_node_says_of_every_imported_label(place: Place) -> None:
    for kind in ("organisations", "offerings", "decisions"):
        mapping = REGISTERS / "at" / "mapping.toml"
        file = REGISTERS / "at" / f"{kind}.csv"
        sopro("import", place.at, file, "--as", kind, "--mapping", mapping)
    statuses = asyncio.run(compare_statuses(place))
    assert len(statuses) > 20
    assert {one for _, one in statuses} >= {"active", "suspended", "revoked", "expired"}


async def compare_statuses(place: Place) -> set[tuple[str, str]]:
    node = await Node.open(place.at)
    found = set()
    try:
        assert node.invite is not None
        for row in node.desk.labels(limit=500):
            content = (await certificate_desk.certificate(node, {"number": row.number}))["content"]
            for day in [day_of(f"{year}-07-01", field="") for year in range(2015, 2033)]:
                opened = open_certificate(
                    content,
                    coordinator=node.invite.origin,
                    coordinator_root=node.invite.root_key,
                    day=day,
                )
                answer = node.desk.label(row.number, day)
                assert (opened.status, opened.valid_until) == (answer.status, answer.valid_until)
                found.add((row.number, opened.status))
    finally:
        await node.close()
    return found


def test_label_brought_back_after_its_end_is_active_in_its_certificate(place: Place) -> None:
    offering = bytes.fromhex(place.offering())
    number = "SOPRO/AT0/001/00500"
    asyncio.run(import_return(place, offering, number))
    answer = json.loads(sopro("label", "show", number, "--dir", place.at, "--json").stdout)
    path = get(place, number)
    result = sopro("certificate", "verify", path, "--dir", place.at, "--json")
    assert json.loads(result.stdout)["status"] == answer["status"] == "active"


async def import_return(place: Place, offering: bytes, number: str) -> None:
    """Take over a label that had expired in its register and was reinstated without an end."""
    always = {"basis": "imported", "certificate": number}
    granted = {"action": "grant", "offering": offering, "scheme": "sopro"}
    dates = {"effective_date": "2018-01-01", "valid_until": "2020-01-01"}
    returned = {"action": "reinstate", "effective_date": "2022-01-01"}
    node = await Node.open(place.at)
    try:
        first = await node.log.append(Draft("label_decision", {**always, **granted, **dates}))
        await node.log.append(Draft("label_decision", {**always, **returned}, entity=first.entity))
    finally:
        await node.close()
