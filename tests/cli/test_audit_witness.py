"""`sopro audit` holds what a node cosigned to its signatures and to what the node holds."""

import asyncio

import pytest

from sopro_node.keyring import load_keys
from sopro_node.node import Node
from sopro_protocol.checkpoint import Checkpoint, sign_checkpoint
from sopro_protocol.cosignature import AddCheckpoint, cosign, format_add_checkpoint
from sopro_protocol.keys import Role
from sopro_protocol.merkle import Hash
from sopro_protocol.note import add_signatures
from tests.cli.place import Place, sopro

TIME = 1_800_000_000
ORIGIN = "sopro.example/at/1"


@pytest.fixture
def witnessing(place: Place) -> Place:
    """A node that has cosigned its own log."""
    asyncio.run(cosign_own(place))
    return place


async def cosign_own(place: Place) -> None:
    node = await Node.open(place.at)
    request = AddCheckpoint(0, (), node.holdings.own.checkpoint)
    assert isinstance(await node.witness.add_checkpoint(format_add_checkpoint(request)), bytes)
    await node.close()


def execute(place: Place, statement: str, *values: object) -> None:
    with place.database() as database:
        assert database.execute(statement, values).rowcount == 1


def note_of(place: Place, *, size: int, root: bytes, name: str = f"{ORIGIN[:-1]}witness") -> bytes:
    keys = load_keys(place.at, Role.LOG, Role.WITNESS)
    head = Checkpoint(ORIGIN, size, Hash(root))
    line = cosign(head, name=name, signer=keys[Role.WITNESS], time=TIME)
    return add_signatures(sign_checkpoint(head, keys[Role.LOG]), [line])


def put(place: Place, note: bytes, *, size: int, root: bytes) -> None:
    statement = "UPDATE witness_head SET note = ?, size = ?, root = ?, time = ?"
    execute(place, statement, note, size, root, TIME)


def test_what_was_cosigned_is_sound(witnessing: Place) -> None:
    assert "cosigned" not in sopro("audit", witnessing.at).stdout


@pytest.mark.parametrize("column", ["size = size - 1", "time = time + 1", "root = zeroblob(32)"])
def test_finds_a_row_that_is_not_its_note(witnessing: Place, column: str) -> None:
    execute(witnessing, f"UPDATE witness_head SET {column}")
    result = sopro("audit", witnessing.at, code=76)
    assert "size, root or time are not those of its note" in result.stdout + result.stderr


def test_finds_signatures_that_are_spoilt(witnessing: Place) -> None:
    execute(
        witnessing, "UPDATE witness_head SET note = CAST(replace(note, 'at/1', 'hu/1') AS BLOB)"
    )
    result = sopro("audit", witnessing.at, code=76)
    assert "cosigned head: checkpoint: origin" in result.stdout + result.stderr
    other = note_of(witnessing, size=7, root=bytes(32), name="sopro.example/hu/witness")
    put(witnessing, other, size=7, root=bytes(32))
    result = sopro("audit", witnessing.at, code=76)
    assert "this node's own cosignature does not verify" in result.stdout + result.stderr


def test_finds_another_history_than_it_holds(witnessing: Place) -> None:
    """All is well signed; only the entries say that there are two histories."""
    put(witnessing, note_of(witnessing, size=7, root=bytes(32)), size=7, root=bytes(32))
    result = sopro("audit", witnessing.at, code=76)
    assert "another history than it mirrors" in result.stdout + result.stderr


def test_what_lies_beyond_the_entries_held_cannot_be_compared(witnessing: Place) -> None:
    note = note_of(witnessing, size=2**20, root=bytes(32))
    put(witnessing, note, size=2**20, root=bytes(32))
    sopro("audit", witnessing.at)
