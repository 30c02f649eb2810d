"""What a data directory knows of the federation, for judging a certificate (SPEC CERT-16)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sopro_node.courses import Courses
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.identity import Invite, check_projection, load_federation, load_identity
from sopro_node.keyrecords import list_key_records
from sopro_node.policy import read_policy
from sopro_node.store.base import Reader
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.errors import FormatError, UnavailableError
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.policy import Policy
from sopro_protocol.record import read_record
from sopro_registry.catalogue import READERS
from sopro_registry.knowledge import Gone, Knowledge, KnownLog, read_gone
from sopro_registry.tables import Void


def know(reader: Reader, holdings: Holdings) -> Knowledge:
    """Return what the logs that are held say; they are looked at when a file names them."""
    coordinator = holdings.coordinator
    size = coordinator.cursor.projected if coordinator is not None else 0
    courses = Courses(reader, holdings)
    return Knowledge(size, partial(_look, reader, holdings), courses.of)


def _look(reader: Reader, holdings: Holdings, origin: str) -> KnownLog | None:
    held = holdings.logs.get(origin)
    gone = _find_gone(reader, holdings, origin)
    beginning = holdings.directory.beginning(origin) or b""
    if held is None:
        if gone is None and not beginning:
            return None
        return KnownLog(0, lambda _: b"", {}, lambda _: None, beginning, gone)
    records = {
        one.position: leaf_hash(one.entry) for one in list_key_records(reader, holdings, held)
    }
    size = min(held.cursor.projected, held.signed_size)
    void = partial(_void, reader, held)
    time, witnessed = held.cursor.last_time, held.witnessed_size
    return KnownLog(size, held.tree.root_at, records, void, beginning, gone, time, witnessed)


def _void(reader: Reader, held: HeldLog, position: int) -> Void | None:
    found = reader.voids(held.number, start=position, limit=1)
    return found[0][1] if found and found[0][0] == position else None


def _find_gone(reader: Reader, holdings: Holdings, origin: str) -> Gone | None:
    """Return that a site takes no part any more with a log, by its latest membership."""
    coordinator = holdings.coordinator
    latest = holdings.directory.last_word(origin)
    if latest is None or coordinator is None or coordinator.origin == origin:
        return None
    position, body = latest
    record, _ = read_record(holdings.record(reader, coordinator, position), READERS)
    return read_gone(body, origin, time=record.time)


class Known(NamedTuple):
    """What a directory is pinned to, and what it knows.

    Attributes:
        invite: of its federation.
        knowledge: of its logs.
        policy: returns that of witnesses in force, with their keys; None where there is none.
    """

    invite: Invite
    knowledge: Knowledge
    policy: Callable[[], Policy | None]


@contextmanager
def open_knowledge(folder: Path) -> Iterator[Known]:
    """Read what a directory knows, beside the node that serves it or not.

    Raises:
        FormatError: it is pinned to no federation, or there is no node in it.
    """
    store = SqliteStore.open(folder, writing=False)
    try:
        with store.snapshot():
            identity, invite = load_identity(store), load_federation(store)
            check_projection(store, folder=folder)
            if invite is None:
                raise FormatError(f"{folder}: pinned to no federation yet; use --invite FILE")
            holdings = Holdings(store, own=identity.origin, coordinator=invite.origin)
        yield Known(invite, know(store, holdings), partial(_policy, holdings, folder))
    finally:
        store.close()


def _policy(holdings: Holdings, folder: Path) -> Policy | None:
    policy = read_policy(holdings, urls=lambda _: [])
    if policy is None and holdings.directory.witness_policy() is not None:
        raise UnavailableError(
            f"{folder}: the keys of too few witnesses that are members still are known here; try "
            "again after a sync, or name the policy with --policy"
        )
    return policy
