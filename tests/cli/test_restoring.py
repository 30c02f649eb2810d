"""A backup of a site whose key files are encrypted comes back with them."""

import shutil
import sqlite3
from pathlib import Path

import msgspec
import pytest

from sopro_node.manifest import digest_file, format_manifest, read_manifest
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
    said = sopro("status", backed_up / "again").stdout
    assert "sopro.example/cz/1: its documents are shown to nobody, because" in said
    assert "shown to nobody" not in sopro("status", backed_up / "cz").stdout


def test_a_passphrase_that_is_elsewhere_now_is_named(backed_up: Path) -> None:
    (backed_up / "keys.txt").rename(backed_up / "moved.txt")
    chest = ("--keys", backed_up / "chest", "--passphrase-file", backed_up / "chest.txt")
    result = sopro("restore", backed_up / "copy", backed_up / "again", *chest, code=65)
    assert "passphrase file cannot be read" in result.stderr
    assert not (backed_up / "again").exists()
    named = ("--key-passphrase-file", backed_up / "moved.txt")
    sopro("restore", backed_up / "copy", backed_up / "again", *chest, *named)
    assert (backed_up / "again" / "keys" / "log.pem").exists()


def test_a_passphrase_that_is_another_one_is_told_of_the_file_it_is_for(backed_up: Path) -> None:
    (backed_up / "keys.txt").write_text("yet another passphrase\n")
    chest = ("--keys", backed_up / "chest", "--passphrase-file", backed_up / "chest.txt")
    result = sopro("restore", backed_up / "copy", backed_up / "again", *chest, code=65)
    assert "error: keys/" in result.stderr
    assert "does not open this key file; where it is lost," in result.stderr
    assert ".again.new" not in result.stderr
    assert sorted(one.name for one in backed_up.iterdir()) == [
        *("chest", "chest.txt", "copy", "cz", "keys.txt")
    ]


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_nobody_is_asked_for_a_passphrase_where_nobody_sits(backed_up: Path, command: str) -> None:
    source = backed_up / ("cz" if command == "backup" else "copy")
    chest = backed_up / ("other" if command == "backup" else "chest")
    result = sopro(command, source, backed_up / "again", "--keys", chest, code=65)
    assert "no terminal to ask for a passphrase at; use --passphrase-file FILE" in result.stderr
    assert not (backed_up / "again").exists()


def test_a_backup_that_fails_leaves_no_keys_behind(
    backed_up: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(backed_up)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=0))
    chest = ("--keys", backed_up / "new", "--passphrase-file", backed_up / "chest.txt")
    result = sopro("backup", backed_up / "cz", backed_up / "full", *chest, code=74)
    assert "0 MiB are free" in result.stderr
    assert not (backed_up / "new").exists()


def test_an_older_backup_is_told_what_it_needs(backed_up: Path) -> None:
    database = sqlite3.connect(backed_up / "copy" / "node.db")
    database.execute("UPDATE setting SET value = x'31' WHERE name = 'projection'")
    database.commit()
    database.close()
    manifest = read_manifest(backed_up / "copy")
    digest = digest_file(backed_up / "copy" / "node.db")
    changed = msgspec.structs.replace(manifest, files=manifest.files | {"node.db": digest})
    (backed_up / "copy" / "manifest.json").write_bytes(format_manifest(changed))
    chest = ("--keys", backed_up / "chest", "--passphrase-file", backed_up / "chest.txt")
    result = sopro("restore", backed_up / "copy", backed_up / "again", *chest)
    assert f"sopro reindex {backed_up / 'again'}" in result.stderr
    sopro("reindex", backed_up / "again")
    assert sopro("keys", "list", backed_up / "again").stdout
