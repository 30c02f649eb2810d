from pathlib import Path

import pytest

from sopro_node.found import Plan, create_node
from sopro_node.keychest import open_keys, read_keys, seal_keys, write_keys
from sopro_node.keyring import KEYS
from sopro_protocol.errors import FormatError, SoproError, VerificationError

PASSPHRASE = "correct horse battery"
FILES = {"log.pem": b"-----BEGIN", "deciders.json": b"{}", "import.key": bytes(32)}


def test_opens_what_it_sealed() -> None:
    assert open_keys(seal_keys(FILES, PASSPHRASE), PASSPHRASE, where="keys") == FILES


def test_holds_every_file_of_the_key_directory_and_none_in_the_clear(tmp_path: Path) -> None:
    folder = tmp_path / "at"
    create_node(
        folder, Plan(federation="sopro.example", site="at", country="AT"), coordinator=False
    )
    files = read_keys(folder)
    assert set(files) == {path.name for path in (folder / KEYS).iterdir()}
    sealed = seal_keys(files, PASSPHRASE)
    for data in files.values():
        assert data[len(data) // 2 :] not in sealed
    other = tmp_path / "other"
    other.mkdir()
    write_keys(other, files)
    assert read_keys(other) == files
    assert {path.stat().st_mode & 0o777 for path in (other / KEYS).iterdir()} == {0o600}


def test_says_that_the_passphrase_is_another_one() -> None:
    with pytest.raises(VerificationError, match="passphrase is another one"):
        open_keys(seal_keys(FILES, PASSPHRASE), PASSPHRASE + "!", where="keys")


def test_refuses_a_short_passphrase() -> None:
    with pytest.raises(FormatError, match="5 characters, expected 12 or more"):
        seal_keys(FILES, "short")


@pytest.mark.parametrize("place", [0, 12, 15, 16, 40, -1])
def test_refuses_a_changed_byte(place: int) -> None:
    sealed = bytearray(seal_keys(FILES, PASSPHRASE))
    sealed[place] ^= 1
    with pytest.raises(SoproError):
        open_keys(bytes(sealed), PASSPHRASE, where="keys")


@pytest.mark.parametrize("data", [b"", b"sopro-keys/1\n", b"sopro-keys/2\n\x90", b"\x00" * 99])
def test_refuses_what_is_no_file_of_keys(data: bytes) -> None:
    with pytest.raises(FormatError):
        open_keys(data, PASSPHRASE, where="keys")


@pytest.mark.parametrize("name", ["../root.pem", "a/b", "..", "."])
def test_writes_nothing_outside_the_key_directory(name: str) -> None:
    sealed = seal_keys({name: b"x"}, PASSPHRASE)
    with pytest.raises(FormatError, match="which is no key file"):
        open_keys(sealed, PASSPHRASE, where="keys")
