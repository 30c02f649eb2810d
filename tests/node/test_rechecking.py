"""Who goes through a held log again hears of every signature what it is worth, whoever looks."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import cast

import pytest

from sopro_node import rechecking, worker
from sopro_node.bundles import pack_entries
from sopro_node.rechecking import Rechecker
from sopro_node.store.base import Reader
from sopro_node.store.rows import LogRow
from sopro_node.verify import CheckedBundle
from sopro_protocol.bundle import Item, Withheld, leaf_of
from sopro_protocol.errors import FormatError, UnavailableError
from sopro_protocol.keys import Ed25519Signer
from sopro_protocol.merkle import root_of
from sopro_protocol.record import Signature, format_entry, sign_record
from sopro_protocol.tile import WIDTH

KNOWN, STRANGER = (Ed25519Signer(bytes([number]) * 32) for number in (1, 2))
KEYS = {KNOWN.key_id: KNOWN.public_key}
FULL = 7
GOOD = [sign_record(b"record %d" % number, [KNOWN]) for number in range(FULL * WIDTH + 9)]


def forge(entry: bytes) -> bytes:
    """Sign as somebody who is not the known key."""
    return format_entry(entry, [Signature(KNOWN.key_id, bytes(64))])


class Held:
    """The parts of a store that are read; some entries of it are not what they should be."""

    def __init__(self) -> None:
        self.items: list[Item] = list(GOOD)
        self.bad = {300, 1500, FULL * WIDTH + 3}
        for index in self.bad:
            self.items[index] = forge(b"record")
        self.items[700] = sign_record(b"record", [STRANGER])
        self.items[900] = Withheld(bytes(32), 1000)
        self.items[901] = b"\xc1"
        self.bad |= {700, 900, 901}
        self.damaged = -1

    @property
    def row(self) -> LogRow:
        return LogRow(1, "sopro.example/at/1", len(self.items), b"", b"", b"")

    def bundle(self, _log: int, number: int) -> bytes | None:
        items = self.items[number * WIDTH : (number + 1) * WIDTH]
        return b"no frame" if number == self.damaged else pack_entries(items)

    def entries(self, _log: int, start: int) -> list[Item]:
        return self.items[start:]


def check_all(held: Held) -> list[CheckedBundle]:
    """Go through it as somebody who knows the key once the first bundle is judged."""
    known: dict[bytes, bytes] = {}

    def keys() -> Mapping[bytes, bytes]:
        return dict(known)

    with ExitStack() as stack:
        found = []
        for bundle in Rechecker(cast("Reader", held), stack).bundles(held.row, keys):
            found.append(bundle)
            known |= KEYS
        return found


def assert_told(held: Held, found: Sequence[CheckedBundle]) -> None:
    assert [bundle.number for bundle in found] == list(range(FULL + 1))
    assert [item for bundle in found for item in bundle.entries] == held.items
    assert [leaf for bundle in found for leaf in bundle.leaves] == [*map(leaf_of, held.items)]
    assert all(bundle.root == root_of(bundle.leaves) for bundle in found)
    verified = [is_verified for bundle in found for is_verified in bundle.verified]
    # Nobody knew a key when the first bundle was looked at.
    assert [not one for one in verified[WIDTH:]] == [
        index in held.bad for index in range(WIDTH, len(held.items))
    ]
    assert not any(verified[:WIDTH])


def test_a_short_log_is_looked_at_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rechecking, "start_pool", lambda _: pytest.fail("started workers"))
    held = Held()
    assert_told(held, check_all(held))


@pytest.mark.slow
def test_workers_find_what_is_found_here(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(rechecking, "_FEW", 2)
    monkeypatch.setattr(
        rechecking, "run_task", lambda *a: asked.extend(a[0].numbers) or worker.run_task(*a)
    )
    held = Held()
    assert_told(held, check_all(held))
    assert sorted(asked) == list(range(1, FULL))


@pytest.mark.slow
def test_what_workers_cannot_do_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rechecking, "_FEW", 2)
    monkeypatch.setattr(rechecking, "run_task", lambda *_: UnavailableError("a worker has died"))
    held = Held()
    assert_told(held, check_all(held))


@pytest.mark.slow
def test_a_damaged_bundle_is_told_by_whoever_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rechecking, "_FEW", 2)
    held = Held()
    held.damaged = 5
    with pytest.raises(FormatError, match="not a zstd frame"):
        check_all(held)
