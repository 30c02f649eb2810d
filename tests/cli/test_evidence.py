"""Evidence of two histories on the command line, verified away from any node."""

import asyncio
import json
from pathlib import Path

import pytest

from sopro_cli.evidence import tell_anchors
from sopro_node.keyring import load_keys
from sopro_node.node import Node
from sopro_protocol.checkpoint import Checkpoint, sign_checkpoint
from sopro_protocol.keys import Role
from sopro_protocol.merkle import Hash
from tests.cli.place import Place, sopro, told

ORIGIN = "sopro.example/at/1"


@pytest.fixture
def file(place: Place) -> Path:
    """Evidence against `at`, kept in its own directory and written to a file."""
    asyncio.run(accuse(place.at))
    path = place.folder / "evidence.sopro"
    [one] = json.loads(sopro("evidence", "list", place.at, "--json").stdout)
    written = sopro("evidence", "get", one["id"][:16], "--dir", place.at, "-o", path).stdout
    assert written.strip() == str(path)
    return path


async def accuse(folder: Path) -> None:
    node = await Node.open(folder)
    try:
        held = node.holdings.own
        signer = load_keys(folder, Role.LOG)[Role.LOG]
        other = Checkpoint(held.origin, held.signed_size, Hash(bytes(32)))
        assert await node.exchange.gossip.weigh(held.origin, sign_checkpoint(other, signer))
    finally:
        await node.close()


def root_of(folder: Path) -> str:
    return load_keys(folder, Role.ROOT)[Role.ROOT].public_key.hex()


def test_says_where_there_is_none(place: Place) -> None:
    assert sopro("evidence", "list", place.at).stdout.startswith("no evidence")
    assert json.loads(sopro("evidence", "list", place.at, "--json").stdout) == []


def test_is_verified_by_invite_by_root_key_and_by_directory(place: Place, file: Path) -> None:
    for trust in (
        ("--invite", place.invite),
        ("--root", root_of(place.at)),
        ("--dir", place.eeig),
    ):
        out = sopro("evidence", "verify", file, *trust).stdout
        assert out.startswith(f"{ORIGIN}: two histories are proven")
    found = json.loads(sopro("evidence", "verify", file, "--invite", place.invite, "--json").stdout)
    assert found["origin"] == ORIGIN
    assert len({head["root"] for head in found["heads"]}) == 2


def test_is_told_in_words(place: Place, file: Path) -> None:
    words = f"{ORIGIN}: two histories: signed heads at size"
    for arguments in (("evidence", "list", place.at), ("status", place.at)):
        assert words in sopro(*arguments).stdout
    for command in (("evidence", "show"), ("inspect",)):
        assert f"evidence that {ORIGIN} has two histories" in sopro(*command, file).stdout


def test_an_audit_finds_it(place: Place, file: Path) -> None:
    out = sopro("audit", place.at, code=76).stdout
    assert f"problem: {ORIGIN}: two histories: two heads at size" in out
    damaged = file.read_bytes().replace(b"sopro_evidence\x01", b"sopro_evidence\x02")
    with place.database() as database:
        database.execute("UPDATE evidence SET data = ?", (damaged,))
    out = sopro("audit", place.at, code=76).stdout
    assert "not an evidence file of this version" in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["verify", "FILE"], 2, "say whom to trust"),
        (["verify", "FILE", "--invite", "INVITE", "--root", "0" * 64], 2, "say whom to trust"),
        (["verify", "FILE", "--root", "0" * 63], 65, "--root: expected 64 hexadecimal digits"),
        (["verify", "FILE", "--root", "0" * 64], 76, "unknown key"),
        (["verify", "INVITE", "--invite", "INVITE"], 65, "no evidence file"),
        (["verify", "MISSING", "--invite", "INVITE"], 65, "cannot be read"),
        (["show", "INVITE"], 65, "no evidence file"),
        (["show", "MISSING"], 65, "cannot be read"),
        (["get", "0000", "--dir", "AT"], 1, "no single evidence '0000' is kept here; kept: "),
        (["get", "no-id", "--dir", "AT"], 2, "expected 4 to 64 hexadecimal digits"),
        (["get", "ID", "--dir", "AT", "-o", "MISSING/x"], 65, "name another with -o"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    place: Place, file: Path, arguments: list[str], code: int, words: str
) -> None:
    [one] = json.loads(sopro("evidence", "list", place.at, "--json").stdout)
    names = {
        "FILE": str(file),
        "INVITE": str(place.invite),
        "MISSING": str(place.folder / "missing"),
        "MISSING/x": str(place.folder / "missing" / "x"),
        "AT": str(place.at),
        "ID": one["id"],
    }
    result = sopro("evidence", *(names.get(name, name) for name in arguments), code=code)
    assert words in told(result.stderr)


def test_forged_evidence_is_refused(place: Place, file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data.replace(bytes(32), b"\1" * 32, 1))
    said = sopro("evidence", "verify", file, "--invite", place.invite, code=76).stderr
    assert said.startswith("error: ")


def test_release_takes_roots_only(place: Place) -> None:
    result = sopro("members", "release", place.eeig, "at", "--keep", "no-root", code=2)
    assert "expected 8 to 64 hexadecimal digits" in told(result.stderr)


def test_says_how_many_members_have_anchored_a_history(capsys: pytest.CaptureFixture[str]) -> None:
    one = {
        "origin": "sopro.example/eeig/1",
        "size": 12,
        "root": "ab" * 32,
        "by": ["at", "hu"],
        "needed": 3,
        "voters": 4,
        "settled": False,
    }
    tell_anchors([one, {**one, "by": [], "needed": 2}, {**one, "settled": True}])
    first, second, third = capsys.readouterr().out.split("is anchored by ")[1:]
    assert " ".join(first.split()).startswith("at, hu; 3 of 4 have to")
    assert " ".join(second.split()).startswith("nobody; 2 of 4 have to")
    assert " ".join(third.split()) == "at, hu; settled"
