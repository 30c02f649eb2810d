"""`sopro keys` where no node serves: what it prints, and how it ends."""

import errno
import json
import os
import re
import shutil
import time
from pathlib import Path

import pytest

from sopro_node.keyring import KEYS, list_key_files, open_key
from sopro_node.passphrase import Passphrase
from tests.cli.place import Place, sopro, told

SECRET = "a long enough passphrase"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    return path


def names(folder: Path, kind: str) -> list[str]:
    return [path.name for found, path in list_key_files(folder) if found == kind]


def test_lists_every_key_with_where_it_counts(place: Place) -> None:
    lines = sopro("keys", "list", place.at).stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        "root", "log", "witness", "registrar", "decision", "access"
    ]  # fmt: skip
    assert lines[0].split("  ")[-3:] == ["in force", "from entry 0", "root.pem"]
    [first, *_] = json.loads(sopro("keys", "list", place.at, "--json").stdout)["keys"]
    assert (first["role"], first["since"], first["until"]) == ("root", 0, None)


def test_rotates_and_tells_what_was_made_and_ended(place: Place) -> None:
    size = json.loads(sopro("status", place.at, "--json").stdout)["size"]
    done = sopro("keys", "rotate", place.at, "decision")
    assert done.stdout == f"entry {size} names the keys of this site now\n"
    _, new = names(place.at, "decision")
    assert f"made {place.at / KEYS / new}; copy it away" in done.stderr
    assert "retired: decision " in done.stderr
    listed = sopro("keys", "list", place.at).stdout
    assert f"from entry 1 to {size}  decision.pem" in listed
    assert f"in force  from entry {size + 1}  {new}" in listed
    place.decide("correct", "SOPRO/AT0/001/00001")
    assert sopro("audit", place.at).stdout.endswith("clean\n")
    assert "judged again" in sopro("reindex", place.at).stdout


def test_says_until_when_a_key_is_to_be_used_and_warns(place: Place) -> None:
    sopro("keys", "rotate", place.at, "decision", "--renew-by", "2001-02-03")
    listed = sopro("keys", "list", place.at)
    assert re.search(
        r"  decision\.[0-9a-f]{16}\.pem  to be replaced by 2001-02-03\n", listed.stdout
    )
    assert "was to be replaced by 2001-02-03 (" in listed.stderr
    sopro("keys", "renew-by", place.at, "decision", "2999-01-01")
    assert "was to be replaced" not in sopro("status", place.at).stdout
    sopro("keys", "renew-by", place.at, "decision", "never")
    [found] = [
        one
        for one in json.loads(sopro("keys", "list", place.at, "--json").stdout)["keys"]
        if one["role"] == "decision" and one["in_force"]
    ]
    assert (found["renew_by"], found["days_left"]) == (None, None)


def test_status_shows_the_keys_in_force_and_what_to_do(place: Place) -> None:
    sopro("keys", "rotate", place.at, "log")
    status = sopro("status", place.at).stdout
    assert status.count("key: log ") == 2
    assert f"retire the older with: sopro keys rotate {place.at} log --finish" in status
    assert "warning: key files without a passphrase: " in status
    done = sopro("keys", "rotate", place.at, "log", "--finish")
    assert "retired: log " in done.stderr
    assert sopro("status", place.at).stdout.count("key: log ") == 1


def test_revoking_names_what_the_key_has_signed_since(place: Place) -> None:
    size = json.loads(sopro("status", place.at, "--json").stdout)["size"]
    done = sopro("keys", "revoke", place.at, "decision", "--at-size", 3)
    assert "entries from size 3 on are signed by it and count; look at each" in done.stderr
    listed = sopro("keys", "list", place.at).stdout
    assert f"to {size}, cut off at size 3  decision.pem" in listed


def test_says_who_may_approve_a_new_root_key(place: Place) -> None:
    listed = json.loads(sopro("keys", "list", place.at, "--json").stdout)
    # There is no other member who could be named.
    assert listed["approvers"] == []
    assert not [one for one in listed["warnings"] if "may approve" in one]
    for option in ("--all", "--nobody"):
        done = sopro("keys", "approvers", place.at, option)
        assert done.stdout.endswith("\nmay approve a new root key: nobody\n")


REFUSED = {
    "approvers who are no members": (["approvers", "hu"], 1, "another site that is admitted"),
    "itself as an approver": (["approvers", "at"], 1, "another site that is admitted"),
    "an approver that is no site": (["approvers", "H U"], 65, "a site's code"),
    "no approvers": (["approvers"], 2, "name SITES, or give --all, or --nobody"),
    "approvers and nobody": (["approvers", "hu", "--nobody"], 2, "name SITES"),
    "a role there is not": (["rotate", "king"], 2, "is not one of"),
    "finish of another role": (["rotate", "decision", "--finish"], 2, "for the log key only"),
    "nothing to finish": (["rotate", "log", "--finish"], 1, "there is nothing to finish"),
    "no size": (["revoke", "log"], 2, "--at-size"),
    "a day that is none": (["renew-by", "log", "2027-02-29"], 65, "2027-02-29"),
    "a day to rotate by that is none": (["rotate", "log", "--renew-by", "soon"], 65, "soon"),
    "a size the log has not had": (
        ["revoke", "log", "--at-size", "99999"],
        1,
        "a key is cut off at a size it has had; to replace a key in good order, rotate it",
    ),
    "the root": (["revoke", "root", "--at-size", "3"], 1, "sopro keys recover"),
    "the successor": (["revoke", "next-root", "--at-size", "3"], 1, "next-root has signed nothing"),
    "a key there is not": (
        ["revoke", "log", "--at-size", "3", "--key", "ffff"],
        1,
        "expected one log key 'ffff', found none",
    ),
    "a root key that cannot be read": (
        ["rotate", "log", "--root-key", "nowhere.pem"],
        65,
        "nowhere.pem: key file cannot be read (No such file or directory)",
    ),
    "a successor that cannot be read": (
        ["recover", "--successor", "nowhere.pem"],
        65,
        "nowhere.pem: key file cannot be read",
    ),
    "another root key": (
        ["rotate", "log", "--root-key", "EEIG/root.pem"],
        1,
        "not the key that has to sign, expected ",
    ),
    "another successor": (
        ["recover", "--successor", "EEIG/next-root.pem"],
        1,
        "this is not the key that the log has committed to as the root key's successor",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_is_said_and_changes_nothing(place: Place, name: str) -> None:
    [action, *rest], code, words = REFUSED[name]
    arguments = [one.replace("EEIG", str(place.eeig / KEYS)) for one in rest]
    before = sopro("keys", "list", place.at).stdout
    done = sopro("keys", action, place.at, *arguments, code=code)
    assert words in told(done.stderr)
    assert "Traceback" not in done.stderr
    assert sopro("keys", "list", place.at).stdout == before


def test_the_root_key_is_kept_elsewhere_under_its_own_passphrase(
    place: Place, secret: Path, tmp_path: Path
) -> None:
    vault = tmp_path / "vault"
    done = sopro(
        *("keys", "export", place.at, vault, "--kind", "root", "--kind", "next-root"),
        *("--passphrase-file", secret),
    )
    assert sorted(Path(line).name for line in done.stdout.splitlines()) == [
        "next-root.pem",
        "root.pem",
    ]
    for kind in ("root", "next-root"):
        (place.at / KEYS / f"{kind}.pem").unlink()
    sopro("keys", "rotate", place.at, "access", code=1)
    given = ("--root-key", vault / "root.pem")
    locked = sopro("keys", "rotate", place.at, "access", *given, code=65)
    assert "encrypted, and no passphrase is at hand" in locked.stderr
    sopro("keys", "rotate", place.at, "access", *given, "--passphrase-file", secret)
    given = ("--successor", vault / "next-root.pem", "--passphrase-file", secret)
    assert "sopro join" in sopro("keys", "recover", place.at, *given).stderr
    again = sopro("keys", "export", place.at, vault, "--passphrase-file", secret)
    assert "log.pem" in again.stdout


def test_the_successor_is_the_one_that_the_log_has_committed_to(place: Place) -> None:
    sopro("keys", "rotate", place.at, "next-root")
    [_, committed] = (place.at / KEYS / name for name in names(place.at, "next-root"))
    public = open_key(committed).signer.public_key.hex()
    # As after a restore: the times of the files say nothing.
    later = time.time_ns() + 10**9
    shutil.move(place.at / KEYS / "next-root.pem", place.at / KEYS / "next-root.ffffffff.pem")
    os.utime(place.at / KEYS / "next-root.ffffffff.pem", ns=(later, later))
    sopro("keys", "recover", place.at)
    [root] = [
        one
        for one in json.loads(sopro("keys", "list", place.at, "--json").stdout)["keys"]
        if one["role"] == "root" and one["in_force"]
    ]
    assert root["public"] == public


def test_nobody_approves_a_root_key_of_who_is_no_member(place: Place, tmp_path: Path) -> None:
    sopro(
        "site",
        "new",
        tmp_path / "hu",
        "--federation",
        "sopro.example",
        "--site",
        "hu",
        "--country",
        "HU",
    )
    for folder, words in (
        (place.eeig, "sopro federation take-over"),
        (tmp_path / "hu", "this site is no member yet"),
    ):
        before = sorted((folder / KEYS).iterdir())
        assert words in sopro("keys", "recover", folder, "--new-root", code=1).stderr
        assert sorted((folder / KEYS).iterdir()) == before


def test_export_overwrites_nothing(place: Place, secret: Path, tmp_path: Path) -> None:
    given = ("keys", "export", place.at, tmp_path / "copy", "--passphrase-file", secret)
    sopro(*given)
    assert "exists already; name another directory" in sopro(*given, code=65).stderr


def test_export_copies_all_or_nothing(place: Place, secret: Path, tmp_path: Path) -> None:
    given = ("keys", "export", place.at, tmp_path / "copy", "--passphrase-file", secret)
    last = place.at / KEYS / "next-root.pem"
    last.chmod(0o644)
    assert "chmod 600" in sopro(*given, code=65).stderr
    assert not (tmp_path / "copy").exists()
    last.chmod(0o600)
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "next-root.pem").touch()
    assert "exists already" in sopro(*given, code=65).stderr
    assert [one.name for one in (tmp_path / "copy").iterdir()] == ["next-root.pem"]


def test_export_to_a_full_disk_leaves_nothing(
    place: Place, secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = 0

    def sync(descriptor: int) -> None:
        nonlocal written
        written += 1
        if written == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("sopro_node.keyring.os.fsync", sync)
    given = ("keys", "export", place.at, tmp_path / "copy", "--passphrase-file", secret)
    assert "the disk is full; nothing was written" in sopro(*given, code=74).stderr
    assert written == 4
    assert not (tmp_path / "copy").exists()


def test_export_opens_encrypted_files_without_asking(
    place: Place, secret: Path, tmp_path: Path
) -> None:
    sopro("keys", "encrypt", place.at, "--passphrase-file", secret)
    other = tmp_path / "other"
    other.write_text("another passphrase, for the copies\n")
    other.chmod(0o600)
    given = ("keys", "export", place.at, tmp_path / "vault", "--kind", "root")
    refused = sopro(*given, "--passphrase-file", other, code=65)
    assert "--key-passphrase-file FILE does" in refused.stderr
    sopro(*given, "--passphrase-file", other, "--key-passphrase-file", secret)
    copy = tmp_path / "vault" / "root.pem"
    assert open_key(copy, Passphrase.of(b"another passphrase, for the copies")).encrypted
    help_of_export = told(sopro("keys", "export", "--help").stdout)
    assert "--key-passphrase-file" in help_of_export


def test_one_passphrase_opens_all_key_files(place: Place, secret: Path, tmp_path: Path) -> None:
    sopro("keys", "encrypt", place.at, "--passphrase-file", secret)
    other = tmp_path / "other"
    other.write_text("another passphrase than ours\n")
    other.chmod(0o600)
    refused = sopro("keys", "encrypt", place.at, "--passphrase-file", other, code=1)
    assert "encrypted with another passphrase already" in refused.stderr


def test_encrypted_keys_are_changed_without_asking(place: Place, secret: Path) -> None:
    sopro("keys", "encrypt", place.at, "--passphrase-file", secret)
    sopro("keys", "rotate", place.at, "decision", code=65)
    given = ("--key-passphrase-file", secret)
    sopro("keys", "rotate", place.at, "decision", *given)
    sopro("keys", "recover", place.at, *given)
    listed = sopro("keys", "list", place.at, *given)
    assert "without a passphrase" not in listed.stderr
    assert "not on this machine" not in listed.stdout


def test_commands_take_the_credential_of_systemd(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credential = tmp_path / "key-passphrase"
    credential.write_text(f"{SECRET}\n")
    credential.chmod(0o600)
    sopro("keys", "encrypt", place.at, "--passphrase-file", credential)
    sopro("keys", "rotate", place.at, "decision", code=65)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    sopro("keys", "rotate", place.at, "decision")
    sopro("keys", "export", place.at, tmp_path / "vault", "--passphrase-file", credential)
    assert "without a passphrase" not in sopro("status", place.at).stdout


def test_a_change_that_fails_leaves_no_key_behind(place: Place, tmp_path: Path) -> None:
    (place.at / KEYS / "root.pem").rename(tmp_path / "root.pem")
    before = sorted((place.at / KEYS).iterdir())
    for role in ("decision", "log", "next-root"):
        refused = sopro("keys", "rotate", place.at, role, code=1)
        assert "name its file with --root-key FILE" in refused.stderr
    assert sorted((place.at / KEYS).iterdir()) == before


def test_keys_are_put_under_a_passphrase_once(place: Place, secret: Path) -> None:
    done = sopro("keys", "encrypt", place.at, "--passphrase-file", secret)
    assert len(done.stdout.splitlines()) == len(list(list_key_files(place.at)))
    assert sopro("keys", "encrypt", place.at, "--passphrase-file", secret).stdout == ""
    assert open_key(place.at / KEYS / "log.pem", Passphrase.of(SECRET.encode())).encrypted
    refused = sopro("status", place.at, code=65)
    assert "name its file in the setting 'key_passphrase_file'" in refused.stderr
    with (place.at / "node.toml").open("a") as file:
        file.write(f'key_passphrase_file = "{secret}"\n')
    assert "without a passphrase" not in sopro("status", place.at).stdout


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        ("short\n", 0o600, "expected at least 16 characters, got 5"),
        (f"{SECRET}\n", 0o644, "others than its owner can open this passphrase file"),
        ("\n", 0o600, "expected 1 to 1024 bytes in the first line, got 0"),
    ],
)
def test_a_bad_passphrase_file_is_refused(
    place: Place, tmp_path: Path, content: str, mode: int, words: str
) -> None:
    path = tmp_path / "bad"
    path.write_text(content)
    path.chmod(mode)
    for command in (
        ("keys", "encrypt", place.at),
        ("site", "new", tmp_path / "hu", "--site", "hu", "--country", "HU"),
    ):
        assert words in sopro(*command, "--passphrase-file", path, code=65).stderr
    assert not (tmp_path / "hu").exists()
    assert open_key(place.at / KEYS / "log.pem")


def test_a_site_is_made_with_encrypted_keys_and_opens_by_itself(
    tmp_path: Path, secret: Path
) -> None:
    folder = tmp_path / "hu"
    made = ("--site", "hu", "--country", "HU", "--passphrase-file", secret)
    sopro("site", "new", folder, *made)
    assert "without a passphrase" not in sopro("status", folder).stdout
    sopro("keys", "rotate", folder, "registrar")
    [_, new] = names(folder, "registrar")
    assert open_key(folder / KEYS / new, Passphrase.of(SECRET.encode())).encrypted


def test_a_coordinator_is_made_with_encrypted_keys(tmp_path: Path, secret: Path) -> None:
    folder = tmp_path / "eeig"
    sopro("federation", "new", folder, "--name", "sopro.example", "--passphrase-file", secret)
    assert "coordinator" in sopro("status", folder).stdout


def test_nobody_is_asked_where_nobody_sits(tmp_path: Path) -> None:
    made = ("site", "new", tmp_path / "hu", "--site", "hu", "--country", "HU", "--ask-passphrase")
    assert "no terminal to ask for a passphrase at" in sopro(*made, code=65).stderr


def test_a_lost_key_is_replaced_with_the_root_key(place: Place) -> None:
    (place.at / KEYS / "log.pem").unlink()
    refused = sopro("status", place.at, code=65)
    assert "log.pem: key file cannot be read" in refused.stderr
    listed = json.loads(sopro("keys", "list", place.at, "--json").stdout)
    assert [one["file"] for one in listed["keys"] if one["role"] == "log"] == [None]
    size = json.loads(sopro("status", place.eeig, "--json").stdout)["mirrors"][0]["size"]
    done = sopro("keys", "revoke", place.at, "log", "--at-size", size)
    assert "made " in done.stderr
    assert sopro("audit", place.at).stdout.endswith("clean\n")


def test_keys_that_others_can_open_are_refused(place: Place) -> None:
    (place.at / KEYS / "registrar.pem").chmod(0o640)
    assert "chmod 600" in sopro("status", place.at, code=65).stderr
    shutil.copymode(place.at / KEYS / "log.pem", place.at / KEYS / "registrar.pem")
    sopro("status", place.at)
