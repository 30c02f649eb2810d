import asyncio
import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from sopro_cli.demo import REGISTERS
from sopro_node import certificate_desk, clock
from sopro_node.drafting import Draft
from sopro_node.node import Node
from sopro_node.qr import draw_qr
from sopro_protocol.checkpoint import parse_checkpoint_text
from sopro_protocol.cosignature import cosign
from sopro_protocol.encoding import decode, encode
from sopro_protocol.keys import COSIGNATURE, Ed25519Signer, format_vkey, make_vkey
from sopro_protocol.note import add_signatures, parse_note
from sopro_protocol.proof import format_proof, parse_proof
from sopro_registry.certificate import open_certificate
from sopro_registry.fields import day_of, format_day
from sopro_registry.verdict import EXIT
from tests.cli.place import GRANTED, REVOKED, Place, sopro, told


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


def test_what_is_no_certificate_is_to_be_got_anew(place: Place) -> None:
    path = place.folder / "garbage.sopro"
    path.write_bytes(b"garbage!")
    result = sopro("certificate", "verify", path, "--invite", place.invite, code=65)
    assert result.stderr.strip().endswith(
        "7 bytes after the value, expected none; it is no certificate file, or one that was "
        "damaged: get it anew with 'sopro certificate get NUMBER'"
    )
    answer = sopro("certificate", "verify", path, "--invite", place.invite, "--json", code=65)
    assert json.loads(answer.stdout)["at"] == format_day(clock.today("UTC"))


def test_without_a_day_it_is_that_of_the_zone_in_the_file(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def today(zone: str) -> int:
        asked.append(zone)
        return day_of("2028-01-02", field="day")

    path = get(place, GRANTED)
    monkeypatch.setattr(clock, "today", today)
    result = sopro("certificate", "verify", path, "--invite", place.invite, "--json", code=13)
    assert json.loads(result.stdout)["at"] == "2028-01-02"
    assert asked == ["Europe/Vienna"]


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
                assert opened.on_record_since == answer.on_record_since
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
    then = ("--dir", place.at, "--at", "2018-06-01")
    not_known = f"on record only since {answer['on_record_since']}: nobody could know it on 2018"
    assert not_known in sopro("certificate", "verify", path, *then).stdout
    assert not_known in sopro("check", number, *then).stdout
    assert not_known in sopro("label", "show", number, *then).stdout
    assert not_known not in sopro("check", number, "--dir", place.at).stdout


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


# How fresh, and who vouches for it.


def verify(path: Path, place: Place, *options: object, code: int) -> dict[str, Any]:
    result = sopro(
        "certificate", "verify", path, "--invite", place.invite, "--json", *options, code=code
    )
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def age(path: Path, place: Place, hours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    claimed = verify(path, place, code=0)["claimed_at"]
    monkeypatch.setattr("sopro_node.clock.now", lambda: claimed + hours * 3_600_000)


def test_a_certificate_beyond_its_maximum_age_is_stale(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = get(place, GRANTED)
    age(path, place, 30, monkeypatch)
    assert verify(path, place, "--max-age", "2d", code=0)["verdict"] == "valid"
    assert verify(path, place, "--max-age", "30h", code=0)["verdict"] == "valid"
    assert verify(path, place, "--max-age", "29h", code=3)["verdict"] == "stale"
    seconds = 30 * 3600
    assert verify(path, place, "--max-age", f"{seconds}s", code=0)["verdict"] == "valid"
    assert verify(path, place, "--max-age", f"{seconds - 1}s", code=3)["verdict"] == "stale"
    told = sopro("certificate", "verify", path, "--dir", place.at, "--max-age", "10m", code=3)
    assert "too long ago, or not yet; get a newer file" in told.stdout


@pytest.mark.parametrize("text", ["0h", "0s", "2", "1h30m", "2 d", "-1d", "1w", "٣d", "9999999d"])
def test_refuses_an_age_that_is_none(place: Place, text: str) -> None:
    options = ("--dir", place.at, "--max-age", text)
    result = sopro("certificate", "verify", get(place, GRANTED), *options, code=65)
    assert "in seconds, minutes, hours or days, such as 90s, 30m, 36h or 7d" in result.stderr


def test_time_is_the_witness_own_where_one_is_trusted(place: Place) -> None:
    path = get(place, GRANTED)
    witness = Ed25519Signer(b"\x05" * 32)
    key = make_vkey("sopro.example/hu/witness", witness.public_key, key_type=COSIGNATURE)
    value = decode(path.read_bytes(), limit=10**7)
    assert isinstance(value, dict)
    entry, proof = value["state"]
    parsed = parse_proof(proof)
    head = parse_checkpoint_text(parse_note(parsed.checkpoint_note).text)
    line = cosign(head, name=key.name, signer=witness, time=1_800_000_000)
    note = add_signatures(parsed.checkpoint_note, [line])
    value["state"] = [entry, format_proof(replace(parsed, checkpoint_note=note))]
    path.write_bytes(encode(value))
    options = ("--witness", format_vkey(key))
    witnessed = verify(path, place, *options, code=0)
    assert (witnessed["as_of"], witnessed["is_witnessed"]) == ("2027-01-15T08:00:00Z", True)
    assert verify(path, place, code=0)["is_witnessed"] is False
    told = sopro("certificate", "verify", path, "--dir", place.at, *options)
    assert "as of 2027-01-15T08:00:00Z, a witness saw the log then" in told.stdout


def test_a_policy_asks_for_its_quorum(place: Place, tmp_path: Path) -> None:
    path = get(place, GRANTED)
    witness = Ed25519Signer(b"\x05" * 32)
    key = make_vkey("sopro.example/hu/witness", witness.public_key, key_type=COSIGNATURE)
    policy = tmp_path / "policy.txt"
    policy.write_text(f"witness hu {format_vkey(key)}\nquorum hu\n")
    refused = verify(path, place, "--policy", str(policy), code=4)
    assert (refused["verdict"], refused["code"]) == ("unproven", "ckp.quorum")
    told = sopro("certificate", "verify", path, "--dir", place.at, "--policy", policy, code=4)
    assert "expected a quorum of 'hu', got cosignatures of nobody" in told.stdout
    policy.write_text("quorum none\n")
    assert verify(path, place, "--policy", str(policy), code=0)["verdict"] == "valid"
    policy.write_text("quorum\n")
    told = sopro("certificate", "verify", path, "--dir", place.at, "--policy", policy, code=65)
    assert "policy" in told.stderr


def test_refuses_a_witness_whose_key_is_of_another_type(place: Place) -> None:
    key = format_vkey(make_vkey("log", Ed25519Signer(b"\x05" * 32).public_key))
    options = ("--dir", place.at, "--witness", key)
    result = sopro("certificate", "verify", get(place, GRANTED), *options, code=65)
    assert "is not a witness's key: its type is 1, not 4" in result.stderr


def test_file_without_status_says_that_it_does_not_prove_enough(place: Place) -> None:
    path = get(place, REVOKED)
    value = decode(path.read_bytes(), limit=10**7)
    assert isinstance(value, dict)
    value["decisions"] = value["decisions"][:1]
    path.write_bytes(encode(value))
    result = sopro("certificate", "verify", path, "--dir", place.at, code=76)
    assert "says otherwise than the decisions in the file" in result.stderr
    old = {name: value[name] for name in value if name not in ("state", "status")}
    path.write_bytes(encode(old))
    result = sopro("certificate", "verify", path, "--invite", place.invite, code=4)
    assert result.stdout.startswith(f"{REVOKED}: unproven on ")
    assert "whether it decided anything else, this file does not prove" in result.stdout
    result = sopro("certificate", "verify", path, "--dir", place.at, code=11)
    assert "revoke, not in the file but in this directory" in result.stdout


def test_every_verdict_is_in_the_table_of_exit_codes() -> None:
    readme = (Path(__file__).parents[2] / "node" / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"(?m)^\| `([a-z]+)` \| ([0-9]+) \| ", readme))
    assert rows == {verdict.value: str(code) for verdict, code in EXIT.items()}


# Many at once.


def check(place: Place, text: str, *options: object, code: int) -> list[dict[str, str]]:
    path = place.folder / "numbers.csv"
    path.write_text(text, encoding="utf-8")
    result = sopro("certificate", "check", path, *(options or ("--dir", place.at)), code=code)
    return list(csv.DictReader(result.stdout.splitlines()))


def test_a_list_of_numbers_becomes_a_list_of_verdicts(place: Place) -> None:
    rows = check(place, f"{GRANTED}\n{REVOKED}\nSOPRO/AT0/001/09999\n\nnonsense\n", code=1)
    assert [(row["number"], row["verdict"]) for row in rows] == [
        (GRANTED, "valid"),
        (REVOKED, "revoked"),
        ("SOPRO/AT0/001/09999", "unknown"),
        ("nonsense", "unknown"),
    ]
    assert (rows[0]["site"], rows[0]["valid_until"], rows[0]["is_witnessed"]) == (
        "at",
        "2028-01-01",
        "no",
    )
    assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}Z", rows[0]["as_of"])
    assert rows[2]["code"] == "not-found"


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeffnumber\n{GRANTED}\n",
        f"holder;Number\nMuster;{GRANTED}\n",
        f"{GRANTED};Muster\n",
        f'holder,number\n"Muster, Linz",{GRANTED}\n',
        f"number\tholder\n {GRANTED} \tx\n",
    ],
)
def test_finds_the_numbers_however_the_list_was_saved(place: Place, text: str) -> None:
    [row] = check(place, text, code=0)
    assert (row["number"], row["verdict"]) == (GRANTED, "valid")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no number in it"),
        (b"\n \n"[:1], "no number in it"),
        (b"\xff\xfe", "not UTF-8 text at byte 0"),
        (b'"' + b"x" * 200_000, "field larger than field limit"),
        (b"x\n" * 100_001, "at most 100000 are checked at once"),
    ],
    ids=["empty", "blank", "latin", "field", "rows"],
)
def test_refuses_a_list_that_is_none(place: Place, data: bytes, said: str) -> None:
    path = place.folder / "numbers.csv"
    path.write_bytes(data)
    assert said in sopro("certificate", "check", path, "--dir", place.at, code=65).stderr


def test_what_looks_like_a_formula_stays_text(place: Place) -> None:
    [row] = check(place, "number\n=1+1\n", code=1)
    assert row["number"] == "'=1+1"


def test_asks_where_certificates_come_from(place: Place) -> None:
    path = place.folder / "numbers.csv"
    result = sopro("certificate", "check", path, "--invite", place.invite, code=2)
    assert "where certificates come from" in told(result.stderr)


def test_node_that_cannot_be_reached_leaves_verdicts_open(place: Place) -> None:
    options = ("--url", "http://127.0.0.1:9", "--invite", place.invite)
    [row] = check(place, f"{GRANTED}\n", *options, code=1)
    assert (row["verdict"], row["code"]) == ("unavailable", "hos.unreachable")


# QR codes.


def test_qr_code_holds_the_address_of_the_labels_page(place: Place) -> None:
    path = place.folder / "code.svg"
    options = ("--url", "https://at.sopro.example/", "-o", path)
    result = sopro("certificate", "qr", GRANTED, *options)
    assert result.stdout == f"{path}  https://at.sopro.example/label/{GRANTED}\n"
    assert path.read_bytes() == draw_qr(f"https://at.sopro.example/label/{GRANTED}")
    here = sopro("certificate", "qr", GRANTED, "--dir", place.at, "-o", path)
    assert re.search(rf"http://127\.0\.0\.1:[0-9]+/label/{GRANTED}\n$", here.stdout)


def test_refuses_a_qr_code_of_what_is_no_number_or_not_known(place: Place) -> None:
    sopro("certificate", "qr", "SOPRO/AT0", "--dir", place.at, code=65)
    sopro("certificate", "qr", "SOPRO/AT0/001/09999", "--dir", place.at, code=1)
