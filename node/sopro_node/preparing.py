"""The directory of who is to go on for the coordinator: new keys, and where it will answer.

It is made once and complete, before members appoint its root key. Until it has taken over, running
the command again only changes where it will answer; afterwards nothing changes it (SPEC SUCC-9).
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from sopro_node.config import (
    change_settings,
    check_url,
    load_settings,
    parse_address,
    write_settings,
)
from sopro_node.found import INVITE
from sopro_node.fresh import new_directory
from sopro_node.identity import Invite, load_identity
from sopro_node.keyring import KINDS, KeyFile, create_keys, load_ring
from sopro_node.lock import DirectoryLock
from sopro_node.passphrase import Passphrase, check_new_passphrase
from sopro_node.store.connection import DATABASE
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.errors import FormatError, RefusedError
from sopro_protocol.keys import Role

MARK: Final = "successor"
"""A file that says that a directory is being made into a coordinator's."""
_LISTEN: Final = "127.0.0.1:8440"


@dataclass(frozen=True, slots=True)
class SuccessionPlan:
    """What a successor of the coordinator is to be.

    Attributes:
        invite: of the federation, as it was before.
        url: under which others will reach it.
        listen: HOST:PORT; empty for what it was prepared with.
        peers: addresses of nodes to ask.
        country: of the coordinator's seat.
        zone: likewise.
        passphrase: of its new key files; None leaves them unencrypted.
        passphrase_file: from which it reads the passphrase when it starts; empty for none.
    """

    invite: Invite
    url: str
    listen: str = ""
    peers: Sequence[str] = field(default_factory=tuple)
    country: str = "BE"
    zone: str = "Europe/Brussels"
    passphrase: bytes | None = None
    passphrase_file: str = ""


class Prepared(NamedTuple):
    """A directory that is to be the coordinator's.

    Attributes:
        root: its public root key, for members to appoint.
        is_new: whether it was made just now, so that members have to be told.
    """

    root: bytes
    is_new: bool


def prepare(folder: Path, plan: SuccessionPlan) -> Prepared:
    """Make a successor's keys and settings, once; afterwards take in where it will answer.

    Raises:
        FormatError: something else is in the directory, or a value does not fit.
        RefusedError: it has taken over already.
    """
    parse_address(plan.listen or _LISTEN)
    check_url(plan.url)
    check_unfinished(folder)
    is_new = not (folder / MARK).exists()
    (_make if is_new else _take_in)(folder, plan)
    return Prepared(load_keys_of(folder, plan)[Role.ROOT].signer.public_key, is_new)


def _make(folder: Path, plan: SuccessionPlan) -> None:
    if plan.passphrase is not None:
        check_new_passphrase(plan.passphrase)
    with new_directory(folder) as part:
        write_settings(
            part,
            listen=plan.listen or _LISTEN,
            url=plan.url,
            key_passphrase_file=plan.passphrase_file,
        )
        create_keys(part, plan.passphrase)
        (part / MARK).write_text("its coordinator is appointed, and has not taken over yet\n")


def _take_in(folder: Path, plan: SuccessionPlan) -> None:
    """Change where a prepared directory will answer."""
    before = load_settings(folder)
    changes = {}
    if plan.url.rstrip("/") != before.public_url:
        changes["url"] = plan.url
    if plan.listen and plan.listen != before.listen:
        changes["listen"] = plan.listen
    if not changes:
        return
    lock = DirectoryLock(folder)
    try:
        change_settings(folder, changes)
    finally:
        lock.release()


def load_keys_of(folder: Path, plan: SuccessionPlan) -> dict[str, KeyFile]:
    """Open the keys of a prepared directory, by kind.

    Raises:
        FormatError: one cannot be opened.
    """
    passphrase = (
        Passphrase.of(plan.passphrase) if plan.passphrase else Passphrase(load_settings(folder))
    )
    return {one.kind: one for one in load_ring(folder, *KINDS, passphrase=passphrase)}


def check_unfinished(folder: Path) -> None:
    """Refuse to begin again where the log was taken over already, whatever was left beside it.

    Raises:
        RefusedError: it was.
    """
    if not (folder / DATABASE).exists():
        return
    try:
        store = SqliteStore.open(folder, writing=False)
    except (FormatError, sqlite3.Error):
        return
    try:
        identity = load_identity(store)
    except (FormatError, sqlite3.Error):
        return
    finally:
        store.close()
    if not identity.coordinator:
        return
    (folder / MARK).unlink(missing_ok=True)
    raise RefusedError(
        f"{folder}: is the coordinator's directory and has taken over already, so there is nothing "
        "more to do and no member has to appoint anybody again; start it with: sopro serve "
        f"{folder}; new members get {folder / INVITE}"
    )
