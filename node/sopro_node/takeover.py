"""Taking over the coordinator's log on another machine: its keys are gone, members have appointed.

First new keys are made, for members to name their root key in anchors. When enough have, the log is
fetched from whoever mirrors it, and goes on from exactly the head they have named: the first record
under the new root key carries their anchors (SPEC SUCC-3).
"""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from sopro_node import clock
from sopro_node.asking import Question, ask_everybody, known_peers
from sopro_node.config import CONFIG, check_url, load_settings, parse_address, write_settings
from sopro_node.evidence import EvidenceKeeper
from sopro_node.fetch import Fetch
from sopro_node.found import INVITE, make_folder
from sopro_node.holdings import HeldLog, Holdings
from sopro_node.identity import (
    Identity,
    Invite,
    format_invite,
    load_identity,
    save_federation,
    save_identity,
    save_projection,
)
from sopro_node.keyring import KEYS, KINDS, NEXT_ROOT, KeyFile, create_keys, load_ring
from sopro_node.lock import DirectoryLock
from sopro_node.log import OwnLog
from sopro_node.losses import Recovery, find_lost, save_recovery
from sopro_node.mirror import Mirror
from sopro_node.passphrase import Passphrase, check_new_passphrase
from sopro_node.reach import ANYWHERE
from sopro_node.signatory import Signatory
from sopro_node.store.sqlite import DATABASE, SqliteStore, create_database
from sopro_node.succession import Succession
from sopro_node.target import Target
from sopro_node.worker import start_pool
from sopro_node.writer import Writer
from sopro_protocol.encoding import encode_struct
from sopro_protocol.errors import (
    FormatError,
    NotFoundError,
    RefusedError,
    SoproError,
    SplitViewError,
)
from sopro_protocol.keys import Role, make_vkey
from sopro_protocol.merkle import prove_inclusion
from sopro_protocol.record import Record, parse_entry, read_record, sign_record
from sopro_registry.appointment import Appointment, list_voters
from sopro_registry.catalogue import READERS
from sopro_registry.families import site_keys
from sopro_registry.keyhistory import log_keys_at
from sopro_registry.nominations import Nomination

_MARK: Final = "successor"
"""A file that says that a directory is being made into a coordinator's."""
_MOST_APPROVALS: Final = 20_000
"""Bytes of approvals that fit into the record beside the rest."""


@dataclass(frozen=True, slots=True)
class SuccessionPlan:
    """What a successor of the coordinator is to be.

    Attributes:
        invite: of the federation, as it was before.
        url: under which others will reach it.
        listen: HOST:PORT.
        peers: addresses of nodes to ask.
        country: of the coordinator's seat.
        zone: likewise.
        passphrase: of its new key files; None leaves them unencrypted.
        passphrase_file: from which it reads the passphrase when it starts; empty for none.
    """

    invite: Invite
    url: str
    listen: str = "127.0.0.1:8440"
    peers: Sequence[str] = field(default_factory=tuple)
    country: str = "BE"
    zone: str = "Europe/Brussels"
    passphrase: bytes | None = None
    passphrase_file: str = ""


def prepare(folder: Path, plan: SuccessionPlan) -> bytes:
    """Make a successor's keys and settings, once; return its public root key.

    Raises:
        FormatError: something else is in the directory, or a value does not fit.
    """
    parse_address(plan.listen)
    check_url(plan.url)
    if not (folder / _MARK).exists():
        if plan.passphrase is not None:
            check_new_passphrase(plan.passphrase)
        make_folder(folder)
        if any(folder.iterdir()):
            raise FormatError(
                f"{folder}: is not empty; who takes over needs a new directory, with new keys"
            )
        try:
            write_settings(
                folder,
                listen=plan.listen,
                url=plan.url,
                key_passphrase_file=plan.passphrase_file,
            )
            create_keys(folder, plan.passphrase)
            (folder / _MARK).write_text(
                "its coordinator is appointed, and has not taken over yet\n"
            )
        except BaseException:
            for name in (KEYS, CONFIG):
                _remove(folder / name)
            raise
    return _ring(folder, plan)[Role.ROOT].signer.public_key


async def take_over(folder: Path, plan: SuccessionPlan) -> Nomination:
    """Make a prepared directory that of the coordinator; return what members have said.

    Raises:
        RefusedError: too few members have appointed it, or not at the head that is served.
        UnavailableError, PeerError: nobody who holds the log could be reached.
        VerificationError: what is served is not what was signed, or has two histories.
    """
    lock = DirectoryLock(folder)
    try:
        _check_unfinished(folder)
        _remove_database(folder)
        try:
            create_database(folder)
            with ExitStack() as stack:
                store = SqliteStore.open(folder, writing=True)
                stack.callback(store.close)
                writer = Writer()
                stack.callback(writer.close)
                async with Fetch(reach=ANYWHERE) as fetch:
                    nomination = await _Takeover(folder, plan, store, writer, fetch).run()
        except BaseException:
            _remove_database(folder)
            raise
        _remove(folder / _MARK)
    finally:
        lock.release()
    return nomination


class _Takeover:
    def __init__(
        self, folder: Path, plan: SuccessionPlan, store: SqliteStore, writer: Writer, fetch: Fetch
    ) -> None:
        self._folder = folder
        self._plan = plan
        self._store = store
        self._writer = writer
        self._fetch = fetch
        self._ring = _ring(folder, plan)
        self._origin = plan.invite.origin
        self._holdings = Holdings(store, own=self._origin, coordinator=self._origin)
        self._failed: list[str] = []

    async def run(self) -> Nomination:
        with ExitStack() as stack:
            evidence = EvidenceKeeper(
                self._holdings,
                self._store,
                self._writer,
                reader=self._store,
                identity=None,
                invite=lambda: self._plan.invite,
            )

            def workers() -> Executor:
                pool: Executor = start_pool(os.cpu_count() or 1)
                stack.callback(pool.shutdown)
                return pool

            self._mirror = Mirror(
                self._holdings, self._store, self._writer, workers=workers, evidence=evidence
            )
            await self._fetch_log()
            await self._fetch_members()
            nomination = self._find_nomination()
            held = await self._reach(nomination)
        entry = self._write_record(held, nomination)
        await self._go_on(entry)
        await self._writer.run(lambda: self._keep(nomination))
        return nomination

    # What is there.

    async def _fetch_log(self) -> None:
        """Fetch the coordinator's log as far as the named nodes hold it.

        Not from everybody: who comes back under the old keys may have made it longer since.
        """
        invite, problem = self._plan.invite, None
        path = "/log/" + self._origin.split("/", 1)[1]
        for url in dict.fromkeys([*self._plan.peers, *invite.urls]):
            base = url.rstrip("/") + path
            target = Target(self._origin, invite.root_key, (base,), own_bases=0)
            try:
                await self._mirror.pull(target, self._fetch)
            except SplitViewError:
                raise
            except SoproError as error:
                problem = problem or error
        if self._origin not in self._holdings.logs:
            raise problem or NotFoundError("nobody is known who could be asked; name one: --peer")

    async def _reach(self, nomination: Nomination) -> HeldLog:
        """Fetch what lacks of the log as it was left, from whoever holds just that."""
        held = self._holdings.own
        keys = held.keys
        if held.size < nomination.size:
            question = Question(
                self._origin,
                lambda size: [make_vkey(self._origin, one) for one in log_keys_at(keys, size)],
            )
            peers = known_peers(self._holdings.directory, None, own_origin=self._origin)
            for one in await ask_everybody(question, peers, self._fetch):
                head = one.head
                if head and (head.size, head.root) == (nomination.size, nomination.root):
                    root_key = self._plan.invite.root_key
                    target = Target(self._origin, root_key, (one.base,), own_bases=0)
                    await self._mirror.heal(target, self._fetch, note=head.note)
                    break
        held = self._holdings.own
        if (held.size, held.tree.root()) != (nomination.size, nomination.root):
            raise RefusedError(
                f"{', '.join(nomination.by)} have appointed this root key at size "
                f"{nomination.size}, and the nodes that were asked hold {held.size} entries; name "
                "with --peer members that hold just that, as 'sopro status' says there"
            )
        return held

    async def _fetch_members(self) -> None:
        """Fetch the logs of the members, who say in them who goes on."""
        directory = self._holdings.directory
        for member in list(directory.members()):
            # One that was closed comes before the one that continues it.
            for origin in directory.logs(member.site) if member.status == "admitted" else ():
                path = "/log/" + origin.split("/", 1)[1]
                bases = [url.rstrip("/") + path for url in (*member.urls, *self._plan.peers)]
                target = Target(
                    origin,
                    directory.founding_root(origin) or member.root,
                    tuple(dict.fromkeys(bases)),
                    own_bases=len(member.urls),
                    latest_root=directory.latest_root(origin) or member.root,
                )
                try:
                    await self._mirror.pull(target, self._fetch)
                except SoproError as error:
                    self._failed.append(f"{origin} ({error})")

    def _find_nomination(self) -> Nomination:
        """Return what enough members have said of this root key."""
        succession = Succession(self._holdings, self._store)
        succession.look()
        root = self._ring[Role.ROOT].signer.public_key
        own = [one for one in succession.awaited if one.successor == root]
        for one in own:
            if one.is_settled:
                return one
        said = [
            f"{', '.join(one.by) or 'nobody that counts'} of {one.voters} members at size "
            f"{one.size}, {one.needed} are needed"
            for one in own
        ]
        others = [one.successor.hex()[:16] for one in succession.awaited if one not in own]
        raise RefusedError(
            f"too few members have appointed this root key, {root.hex()}; appointed by: "
            f"{'; '.join(said) or 'nobody yet'}"
            + (f"; others are appointed: {', '.join(others)}" if others else "")
            + (f"; not reached: {', '.join(self._failed)}" if self._failed else "")
        )

    # Going on.

    def _write_record(self, held: HeldLog, nomination: Nomination) -> bytes:
        """Write and sign the first record under the new root key."""
        first, _ = read_record(
            parse_entry(self._holdings.entry(self._store, held, 0)).record, READERS
        )
        row = self._store.entity(held.number, first.entity)
        body = site_keys.Body(
            appointed=self._prove(held, nomination),
            keys=[
                msgspec.convert(
                    {"public": self._ring[role].signer.public_key, "role": role.value},
                    site_keys.SiteKey,
                    builtin_types=(bytes,),
                )
                for role in Role
                if role is not Role.ROOT
            ],
            next_root=hashlib.sha256(self._ring[NEXT_ROOT].signer.public_key).digest(),
            root=self._ring[Role.ROOT].signer.public_key,
        )
        record = Record(
            body=msgspec.Raw(encode_struct(body)),
            entity=first.entity,
            family=site_keys.FAMILY.title,
            log=self._origin,
            prev=row.head if row else msgspec.UNSET,
            salt=os.urandom(16),
            time=max(clock.now(), held.cursor.last_time),
            v=1,
        )
        return sign_record(encode_struct(record), [self._ring[Role.ROOT].signer])

    def _prove(self, held: HeldLog, nomination: Nomination) -> Appointment:
        approvals = [nomination.approvals[site] for site in nomination.by]
        while len(approvals) > nomination.needed and sum(map(len, approvals)) > _MOST_APPROVALS:
            approvals.pop()
        last = held.size - 1
        return Appointment(
            approvals=approvals,
            head=held.checkpoint,
            members=list_voters(self._holdings.directory.members()),
            path=list(prove_inclusion(held.tree.read, index=last, size=held.size)),
            state=self._holdings.entry(self._store, held, last),
        )

    async def _go_on(self, entry: bytes) -> None:
        """Append the record, and sign the head above it."""
        log = OwnLog(
            self._holdings,
            self._store,
            self._writer,
            signatory=Signatory(self._ring.values()),
            root_key=self._plan.invite.root_key,
            published=lambda _: None,
        )
        try:
            await self._writer.run(lambda: log.go_on(entry))
        finally:
            await log.stop()

    def _keep(self, nomination: Nomination) -> None:
        """Write who this node is, and what could not be fetched."""
        plan, invite = self._plan, self._plan.invite
        held = self._holdings.own
        known = msgspec.structs.replace(invite, urls=list(nomination.urls))
        identity = Identity(
            origin=invite.origin,
            country=plan.country,
            zone=plan.zone,
            languages=["en", "de", "hu"],
            name={"en": "SoPro coordination"},
            root=invite.root_key,
            coordinator=True,
        )
        (self._folder / INVITE).write_bytes(format_invite(known))
        with self._store.transaction():
            recovery = Recovery(
                time=clock.format_time(clock.now()),
                start=0,
                end=nomination.size,
                lost=find_lost(self._store, held, start=0),
            )
            save_recovery(self._store, recovery)
            save_projection(self._store)
            save_federation(self._store, known)
            save_identity(self._store, identity)


def _ring(folder: Path, plan: SuccessionPlan) -> dict[str, KeyFile]:
    passphrase = (
        Passphrase.of(plan.passphrase) if plan.passphrase else Passphrase(load_settings(folder))
    )
    return {one.kind: one for one in load_ring(folder, *KINDS, passphrase=passphrase)}


def _check_unfinished(folder: Path) -> None:
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
        load_identity(store)
    except (FormatError, sqlite3.Error):
        return
    finally:
        store.close()
    _remove(folder / _MARK)
    raise RefusedError(f"{folder}: has taken over already; start it with: sopro serve {folder}")


def _remove_database(folder: Path) -> None:
    """Remove what an attempt has left that came to nothing; nobody has seen any of it."""
    for path in folder.glob(f"{DATABASE}*"):
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
