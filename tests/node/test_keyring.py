"""Key files: readable by their owner only, under a passphrase where asked."""

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sopro_node.config import Settings
from sopro_node.found import Plan, create_node
from sopro_node.keyring import (
    KEYS,
    KINDS,
    copy_keys,
    create_key,
    create_keys,
    encrypt_key,
    find_key,
    is_encrypted,
    list_key_files,
    load_keys,
    open_key,
)
from sopro_node.node import Node
from sopro_node.passphrase import CREDENTIAL, Passphrase, check_new_passphrase, read_passphrase
from sopro_protocol.errors import FormatError, RefusedError
from sopro_protocol.keys import Role

SECRET = b"a long enough passphrase"
ROOT = Path(__file__).parents[2]
PLAN = Plan(federation="sopro.example", site="at", country="AT", passphrase=SECRET)


def secret_file(path: Path, content: bytes = SECRET + b"\n") -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def test_every_key_file_is_encrypted_and_its_owners_only(tmp_path: Path) -> None:
    create_keys(tmp_path, SECRET)
    assert (tmp_path / KEYS).stat().st_mode & 0o777 == 0o700
    files = list(list_key_files(tmp_path))
    assert sorted(kind for kind, _ in files) == sorted(KINDS)
    for _, path in files:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
        assert open_key(path, Passphrase.of(SECRET)).encrypted


def test_other_programs_read_the_files(tmp_path: Path) -> None:
    create_keys(tmp_path, SECRET)
    path = tmp_path / KEYS / "log.pem"
    command = ["openssl", "pkey", "-in", str(path), "-passin", f"pass:{SECRET.decode()}", "-pubout"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"BEGIN PUBLIC KEY" in done.stdout


@pytest.mark.parametrize(
    ("passphrase", "words"),
    [
        (Passphrase(Settings()), "encrypted, and no passphrase is at hand"),
        (Passphrase.of(b"another passphrase"), "the passphrase does not open this key file"),
    ],
)
def test_a_key_does_not_open_without_its_passphrase(
    tmp_path: Path, passphrase: Passphrase, words: str
) -> None:
    create_keys(tmp_path, SECRET)
    with pytest.raises(FormatError, match=words):
        open_key(tmp_path / KEYS / "log.pem", passphrase)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    create_keys(tmp_path)
    path = tmp_path / KEYS / "log.pem"
    path.chmod(mode)
    with pytest.raises(FormatError, match=rf"mode {mode:04o}, expected 0600\); .*chmod 600"):
        load_keys(tmp_path, Role.LOG)
    path.chmod(0o400)
    assert load_keys(tmp_path, Role.LOG)


def test_what_is_no_ed25519_key_is_refused(tmp_path: Path) -> None:
    create_keys(tmp_path)
    path = tmp_path / KEYS / "log.pem"
    other = X25519PrivateKey.generate()
    for content in (
        b"no key at all",
        other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=r"log\.pem: expected an Ed25519 key in PKCS#8 PEM"):
            load_keys(tmp_path, Role.LOG)


def test_encrypting_keeps_the_key(tmp_path: Path) -> None:
    create_keys(tmp_path)
    path = tmp_path / KEYS / "decision.pem"
    before = open_key(path).signer.public_key
    encrypt_key(path, SECRET)
    assert is_encrypted(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert open_key(path, Passphrase.of(SECRET)).signer.public_key == before
    assert [one.name for one in path.parent.glob("decision*")] == ["decision.pem"]


def test_a_copy_has_its_own_passphrase_and_overwrites_nothing(tmp_path: Path) -> None:
    create_keys(tmp_path, SECRET)
    path, target = tmp_path / KEYS / "root.pem", tmp_path / "copy"
    known = Passphrase.of(SECRET)
    [copy] = copy_keys([path], target, passphrase=known, secret=b"of the copy alone")
    copied = open_key(copy, Passphrase.of(b"of the copy alone"))
    assert copied.signer.public_key == open_key(path, Passphrase.of(SECRET)).signer.public_key
    with pytest.raises(FormatError, match="exists already"):
        copy_keys([path], target, passphrase=known, secret=SECRET)


def test_finds_a_root_key_whatever_its_file_is_named(tmp_path: Path) -> None:
    create_keys(tmp_path)
    later = create_key(tmp_path, "next-root", None)
    public = later.signer.public_key
    assert find_key(tmp_path, public, passphrase=Passphrase(Settings())).path == later.path
    later.path.unlink()
    with pytest.raises(RefusedError, match="--root-key FILE"):
        find_key(tmp_path, public, passphrase=Passphrase(Settings()))


# Passphrases.


def test_the_passphrase_comes_from_the_file_that_the_setting_names(tmp_path: Path) -> None:
    path = secret_file(tmp_path / "secret")
    assert Passphrase(Settings(key_passphrase_file=str(path))).find() == SECRET
    path.chmod(0o640)
    with pytest.raises(FormatError, match="others than its owner can open this passphrase file"):
        Passphrase(Settings(key_passphrase_file=str(path))).find()


def test_the_passphrase_comes_from_a_credential_of_systemd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret_file(tmp_path / CREDENTIAL).chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert Passphrase(Settings()).find() == SECRET
    (tmp_path / CREDENTIAL).unlink()
    assert Passphrase(Settings()).find() is None


def test_a_person_is_asked_once_and_only_where_nothing_else_knows_it(tmp_path: Path) -> None:
    asked: list[str] = []

    def ask(what: str) -> str:
        asked.append(what)
        return SECRET.decode()

    known = Settings(key_passphrase_file=str(secret_file(tmp_path / "secret")))
    assert Passphrase(known, ask=ask).find() == SECRET
    assert asked == []
    one = Passphrase(Settings(), ask=ask)
    assert one.find() == one.find() == SECRET
    assert asked == ["passphrase of the key files"]


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * 1025])
def test_an_empty_or_endless_passphrase_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FormatError, match="expected 1 to 1024 bytes in the first line"):
        read_passphrase(secret_file(tmp_path / "secret", content))


def test_a_missing_passphrase_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="secret: passphrase file cannot be read"):
        read_passphrase(tmp_path / "secret")


def test_a_new_passphrase_has_to_be_long() -> None:
    check_new_passphrase(b"x" * 16)
    with pytest.raises(FormatError, match="at least 16 characters, got 15"):
        check_new_passphrase(b"x" * 15)


# Nodes.


async def test_a_node_with_encrypted_keys_opens_by_itself(tmp_path: Path) -> None:
    create_node(tmp_path / "at", PLAN, coordinator=False)
    secret = secret_file(tmp_path / "secret")
    node = await Node.open(tmp_path / "at", settings=Settings(key_passphrase_file=str(secret)))
    assert node.log.held.checkpoint
    await node.close()


async def test_a_node_with_encrypted_keys_stays_closed_without_their_passphrase(
    tmp_path: Path,
) -> None:
    create_node(tmp_path / "at", PLAN, coordinator=False)
    with pytest.raises(FormatError, match="key_passphrase_file"):
        await Node.open(tmp_path / "at", settings=Settings())
    node = await Node.open(tmp_path / "at", settings=Settings(), ask=lambda _: SECRET.decode())
    await node.close()


async def test_a_node_serves_without_its_root_keys(tmp_path: Path) -> None:
    folder = tmp_path / "at"
    create_node(folder, Plan("sopro.example", "at", "AT"), coordinator=False)
    for name in ("root.pem", "next-root.pem"):
        (folder / KEYS / name).unlink()
    node = await Node.open(folder)
    await node.log.append_state()
    await node.close()


async def test_a_key_that_is_not_in_force_does_not_sign(tmp_path: Path) -> None:
    folder = tmp_path / "at"
    create_node(folder, Plan("sopro.example", "at", "AT"), coordinator=False)
    (folder / KEYS / "log.pem").unlink()
    create_key(folder, "log", None)
    with pytest.raises(FormatError, match=r"no log key that counts at size 2 is here \(in force: "):
        await Node.open(folder)


def test_the_unit_hands_the_passphrase_over_by_the_name_that_is_looked_for() -> None:
    unit = (ROOT / "node/deploy/sopro.service").read_text()
    lines = [line for line in unit.splitlines() if line.startswith("#LoadCredential")]
    assert [line.split("=")[0] for line in lines] == [
        "#LoadCredentialEncrypted",
        "#LoadCredential",
    ]
    assert {line.split("=")[1].split(":")[0] for line in lines} == {CREDENTIAL}
    assert lines[0].removeprefix("#") in (ROOT / "node/README.md").read_text()
