"""A backup of a site whose key files are encrypted comes back with them."""

from pathlib import Path

import pytest

from tests.cli.place import sopro


@pytest.fixture
def backed_up(tmp_path: Path) -> Path:
    for name in ("keys.txt", "chest.txt"):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(f"the long passphrase of {name}\n")
    sopro(
        *("site", "new", tmp_path / "cz", "--site", "cz", "--country", "CZ"),
        *("--passphrase-file", tmp_path / "keys.txt"),
    )
    chest = ("--keys", tmp_path / "chest", "--passphrase-file", tmp_path / "chest.txt")
    sopro("backup", tmp_path / "cz", tmp_path / "copy", *chest)
    return tmp_path


def test_the_settings_of_the_backup_say_where_the_passphrase_is(backed_up: Path) -> None:
    chest = ("--keys", backed_up / "chest", "--passphrase-file", backed_up / "chest.txt")
    sopro("restore", backed_up / "copy", backed_up / "again", *chest)
    assert sopro("keys", "list", backed_up / "again").stdout


def test_a_passphrase_that_is_elsewhere_now_is_named(backed_up: Path) -> None:
    (backed_up / "keys.txt").rename(backed_up / "moved.txt")
    chest = ("--keys", backed_up / "chest", "--passphrase-file", backed_up / "chest.txt")
    result = sopro("restore", backed_up / "copy", backed_up / "again", *chest, code=65)
    assert "passphrase file cannot be read" in result.stderr
    assert not (backed_up / "again").exists()
    named = ("--key-passphrase-file", backed_up / "moved.txt")
    sopro("restore", backed_up / "copy", backed_up / "again", *chest, *named)
    assert (backed_up / "again" / "keys" / "log.pem").exists()
