"""`sopro officer`: accounts with tokens that are shown once."""

import getpass
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.place import sopro


@pytest.fixture
def at(tmp_path: Path) -> Path:
    sopro("site", "new", str(tmp_path / "at"), "--site", "at", "--country", "AT")
    return tmp_path / "at"


def add(at: Path, name: str, *more: str, code: int = 0) -> Result:
    """Add an officer whom the site does not know yet."""
    return sopro("officer", "add", str(at), name, "--new-person", name, *more, code=code)


def test_a_token_is_shown_once_and_nowhere_kept(at: Path) -> None:
    added = add(at, "Maria", "--role", "assessor")
    token = added.stdout.strip()
    assert token.startswith("sopro_")
    assert len(token) == 49
    assert "Maria is assessor" in added.stderr
    listed = sopro("officer", "list", str(at)).stdout
    assert listed.startswith("Maria  ")
    assert listed.strip().endswith("assessor")
    said = listed + sopro("officer", "trail", str(at), "--json").stdout
    assert token not in said
    kept = b"".join(path.read_bytes() for path in at.rglob("*") if path.is_file())
    assert token.encode() not in kept


def test_a_person_keeps_one_pseudonym_under_several_names(at: Path) -> None:
    people = {
        name: json.loads(add(at, name, *more, "--json").stdout)["person"]
        for name, *more in (
            ("Maria", "--role", "assessor"),
            ("maria.admin", "--role", "administrator", "--person", "Maria"),
            ("Anna", "--role", "decider"),
        )
    }
    assert people["Maria"] == people["maria.admin"] != people["Anna"]


def test_roles_change_and_what_is_revoked_can_be_added_again(
    at: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    first = json.loads(add(at, "M", "--role", "assessor", "--json").stdout)
    assert "'sopro officer renew'" in sopro(
        "officer", "add", str(at), "M", "--role", "decider", code=1
    ).stderr  # fmt: skip
    changed = sopro("officer", "change", str(at), "M", "--role", "decider", "--role", "registrar")
    assert changed.stdout.strip().endswith("registrar, decider")
    renewed = sopro("officer", "renew", str(at), "M").stdout.strip()
    assert renewed != first["token"]
    assert "revoked" in sopro("officer", "revoke", str(at), "M").stdout
    for name in ("revoke", "renew"):
        assert "was revoked" in sopro("officer", name, str(at), "M", code=1).stderr
    with closing(sqlite3.connect(at / "node.db")) as database:
        assert database.execute("SELECT token FROM officer").fetchall() == [(None,)]
    again = json.loads(sopro("officer", "add", str(at), "M", "--role", "decider", "--json").stdout)
    assert again["person"] == first["person"]
    trail = sopro("officer", "trail", str(at)).stdout.splitlines()
    done = [line.split("  ")[3] for line in trail]
    assert done == [f"officer.{one} M" for one in ("add", "revoke", "renew", "change", "add")]
    assert all(f"  {getpass.getuser()}  " in line for line in trail)
    assert len(sopro("officer", "trail", str(at), "--before", "3").stdout.splitlines()) == 2


@pytest.mark.parametrize("name", ["", " M", "M\n", "M" * 65, "\u202eM"])
def test_refuses_what_is_no_name(at: Path, name: str) -> None:
    done = add(at, name, "--role", "assessor", code=65)
    assert "expected a name of 1 to 64 printable characters" in done.stderr


def test_refuses_a_role_that_there_is_not_and_an_officer_nobody_knows(at: Path) -> None:
    assert "administrator" in sopro("officer", "add", str(at), "M", "--role", "x", code=2).stderr
    assert "no officer 'M'; known: none" in sopro("officer", "show", str(at), "M", code=1).stderr
