"""New keys that no record names yet: never in clear beside encrypted ones, and never left over."""

from pathlib import Path
from typing import Any

import pytest

from sopro_node.fence_state import State
from sopro_node.found import COORDINATOR, Plan, create_node
from sopro_node.keyoffice import drop_plan, keys, plan_keys, put_keys, unlock
from sopro_node.keyring import (
    FRESH,
    KEYS,
    PLANNED,
    encrypt_key,
    find_key,
    is_encrypted,
    keep_file,
    list_key_files,
    list_planned,
    open_key,
)
from sopro_node.node import Node
from sopro_node.passphrase import Passphrase
from sopro_protocol.errors import ConflictError, FormatError, RefusedError
from sopro_protocol.record import sign_record

SECRET = b"a passphrase drawn by a machine"


def names(folder: Path) -> set[str]:
    """Every file in `keys/`."""
    return {path.name for path in (folder / KEYS).iterdir()}


def sign(node: Node, plan: dict[str, Any]) -> bytes:
    signer = find_key(node.folder, plan["root"], passphrase=node.passphrase).signer
    return sign_record(plan["record"], [signer])


def encrypt_all(folder: Path, secret: bytes = SECRET) -> None:
    """Put the key files under a passphrase while the node has them open, as the command does."""
    for _, path in [*list_key_files(folder), *list_planned(folder)]:
        encrypt_key(path, secret)


async def make_leftover(folder: Path, role: str = "decision") -> Path:
    """Plan a change in a process that then ends as if killed; return the file of the new key."""
    create_node(
        folder, Plan(federation="sopro.example", site=COORDINATOR, country="BE"), coordinator=True
    )
    node = await Node.open(folder)
    await plan_keys(node, {"act": "rotate", "role": role})
    await node.close()
    [(_, path)] = list_planned(folder)
    return path


async def test_a_new_key_has_its_name_once_the_log_names_it(lone_node: Node) -> None:
    before = names(lone_node.folder)
    plan = await plan_keys(lone_node, {"act": "rotate", "role": "decision"})
    [made] = plan["made"]
    assert names(lone_node.folder) - before == {Path(made).name + PLANNED}
    await put_keys(lone_node, {"entry": sign(lone_node, plan)})
    assert names(lone_node.folder) - before == {Path(made).name}
    file = lone_node.signatory.file(open_key(Path(made)).signer.public_key)
    assert file is not None
    assert file.path == Path(made)


@pytest.mark.parametrize("role", ["decision", "next-root"])
async def test_a_plan_that_is_given_up_leaves_nothing(lone_node: Node, role: str) -> None:
    before = names(lone_node.folder)
    plan = await plan_keys(lone_node, {"act": "rotate", "role": role})
    entry = sign(lone_node, plan)
    await drop_plan(lone_node, {"made": plan["made"]})
    assert names(lone_node.folder) == before
    size = lone_node.log.held.size
    with pytest.raises(ConflictError, match="not in keys/ any more"):
        await put_keys(lone_node, {"entry": entry})
    assert lone_node.log.held.size == size


async def test_a_key_that_the_log_names_is_never_given_up(lone_node: Node) -> None:
    plan = await plan_keys(lone_node, {"act": "rotate", "role": "access"})
    await put_keys(lone_node, {"entry": sign(lone_node, plan)})
    after = names(lone_node.folder)
    await drop_plan(lone_node, {"made": plan["made"]})
    assert names(lone_node.folder) == after
    # Nor a file of another name that somebody names.
    await drop_plan(lone_node, {"made": [str(lone_node.folder / KEYS / "log.pem")]})
    assert names(lone_node.folder) == after


async def test_a_plan_that_fails_leaves_nothing(
    lone_node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise FormatError("no record can be written")

    before = names(lone_node.folder)
    monkeypatch.setattr("sopro_node.keyplan.write_record", fail)
    with pytest.raises(FormatError, match="no record can be written"):
        await plan_keys(lone_node, {"act": "rotate", "role": "log"})
    assert names(lone_node.folder) == before


# After kill -9.


@pytest.mark.parametrize("role", ["log", "next-root"])
async def test_what_a_killed_process_left_behind_is_removed(tmp_path: Path, role: str) -> None:
    left = await make_leftover(tmp_path / "node", role)
    (tmp_path / "node" / KEYS / f"log.pem{FRESH}").write_bytes(b"half")
    node = await Node.open(tmp_path / "node")
    await node.close()
    assert not left.exists()
    assert not [name for name in names(tmp_path / "node") if name.endswith((PLANNED, FRESH))]


async def test_a_key_file_that_was_being_written_does_not_keep_the_node_from_starting(
    tmp_path: Path,
) -> None:
    left = await make_leftover(tmp_path / "node")
    left.write_bytes(b"")
    node = await Node.open(tmp_path / "node")
    await node.close()
    assert not left.exists()


async def test_nothing_is_removed_before_the_fence_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = await make_leftover(tmp_path / "node")
    begin = "sopro_node.fence.Fence.begin"
    monkeypatch.setattr(begin, lambda fence: setattr(fence, "state", State.ASKING))
    node = await Node.open(tmp_path / "node")
    try:
        assert left.exists()
        node.fence.state = State.OPEN
        node.settle_planned()
        assert not left.exists()
    finally:
        await node.close()


async def test_a_key_that_was_named_in_the_last_moment_is_kept(tmp_path: Path) -> None:
    for number, role in enumerate(("registrar", "log", "next-root", "witness")):
        folder = tmp_path / str(number)
        await make_leftover(folder, role)
        node = await Node.open(folder)
        plan = await plan_keys(node, {"act": "rotate", "role": role})
        await put_keys(node, {"entry": sign(node, plan)})
        await node.close()
        # As if killed between the append and the new name.
        [made] = map(Path, plan["made"])
        made.rename(made.with_name(made.name + PLANNED))
        node = await Node.open(folder)
        await node.log.append_state()
        await node.close()
        assert made.exists()
        assert list_planned(folder) == []


async def test_an_encrypted_successor_that_cannot_be_opened_is_kept(lone_node: Node) -> None:
    plan = await plan_keys(lone_node, {"act": "rotate", "role": "next-root"})
    [path] = [path for _, path in list_planned(lone_node.folder)]
    encrypt_key(path, b"another passphrase than ours")
    await drop_plan(lone_node, {"made": plan["made"]})
    assert path.exists()
    assert keep_file(path) == Path(plan["made"][0])


# Under a passphrase.


@pytest.mark.parametrize("role", ["decision", "next-root"])
async def test_no_key_is_written_in_clear_beside_encrypted_ones(lone_node: Node, role: str) -> None:
    encrypt_all(lone_node.folder)
    before = names(lone_node.folder)
    with pytest.raises(RefusedError, match="a new key is not written in clear beside them"):
        await plan_keys(lone_node, {"act": "rotate", "role": role})
    assert names(lone_node.folder) == before
    assert await unlock(lone_node, {}) == {"is_open": False}
    with pytest.raises(FormatError, match="the passphrase does not open this key file"):
        await unlock(lone_node, {"passphrase": b"another passphrase than ours"})
    assert await unlock(lone_node, {"passphrase": SECRET}) == {"is_open": True}
    plan = await plan_keys(lone_node, {"act": "rotate", "role": role})
    await put_keys(lone_node, {"entry": sign(lone_node, plan)})
    assert all(is_encrypted(path) for _, path in list_key_files(lone_node.folder))
    [made] = plan["made"]
    assert open_key(Path(made), Passphrase.of(SECRET)).encrypted


async def test_a_key_left_in_clear_is_not_taken_once_the_others_are_encrypted(
    lone_node: Node,
) -> None:
    first = await plan_keys(lone_node, {"act": "rotate", "role": "decision"})
    for _, path in list_key_files(lone_node.folder):
        encrypt_key(path, SECRET)
    await unlock(lone_node, {"passphrase": SECRET})
    second = await plan_keys(lone_node, {"act": "rotate", "role": "decision"})
    assert first["made"] != second["made"]
    assert is_encrypted(Path(second["made"][0] + PLANNED))


async def test_where_a_key_is_stays_known_when_its_file_is_encrypted(lone_node: Node) -> None:
    encrypt_all(lone_node.folder)
    listed = (await keys(lone_node, {}))["keys"]
    signing = [one for one in listed if one["role"] != "root"]
    assert {(one["file"], one["encrypted"]) for one in signing} == {
        (f"{one['role']}.pem", True) for one in signing
    }


async def test_a_root_key_with_its_own_passphrase_locks_nothing_else(lone_node: Node) -> None:
    encrypt_key(lone_node.folder / KEYS / "root.pem", SECRET)
    assert await unlock(lone_node, {}) == {"is_open": True}
    plan = await plan_keys(lone_node, {"act": "rotate", "role": "decision"})
    assert not is_encrypted(Path(plan["made"][0] + PLANNED))
