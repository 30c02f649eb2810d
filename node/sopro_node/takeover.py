"""Taking over the coordinator's log on another machine: its keys are gone, members have appointed.

When enough members have named the root key of a directory that was prepared, the log is fetched
from whoever mirrors it, and goes on from exactly the head they have named: the first record under
the new root key carries their anchors (SPEC SUCC-3). These keys do it once (SPEC SUCC-9).
"""

import hashlib
import os
from concurrent.futures import Executor
from contextlib import ExitStack
from pathlib import Path

import msgspec

from sopro_node import clock
from sopro_node.asking import Question, ask_everybody, known_peers
from sopro_node.evidence import EvidenceKeeper
from sopro_node.fetch import Fetch
from sopro_node.found import INVITE
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.identity import (
    Identity,
    format_invite,
    save_federation,
    save_identity,
    save_projection,
)
from sopro_node.keyring import NEXT_ROOT
from sopro_node.lock import DirectoryLock
from sopro_node.log import OwnLog
from sopro_node.losses import note_recovery
from sopro_node.mirror import Mirror
from sopro_node.preparing import MARK, SuccessionPlan, check_unfinished, load_keys_of
from sopro_node.reach import ANYWHERE
from sopro_node.signatory import Signatory
from sopro_node.store.connection import DATABASE, create_database
from sopro_node.store.sqlite import SqliteStore
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
from sopro_registry.votes import shorten_all


async def take_over(folder: Path, plan: SuccessionPlan) -> Nomination:
    """Make a prepared directory that of the coordinator; return what members have said.

    Raises:
        FormatError: the directory was not prepared.
        RefusedError: too few members have appointed it, or not at the head that is served or
            where it will answer, or its keys have taken over already.
        UnavailableError, PeerError: nobody who holds the log could be reached.
        VerificationError: what is served is not what was signed, or has two histories.
    """
    lock = DirectoryLock(folder)
    try:
        check_unfinished(folder)
        if not (folder / MARK).exists():
            raise FormatError(f"{folder}: was not prepared for taking over; name another directory")
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
        (folder / MARK).unlink(missing_ok=True)
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
        self._ring = load_keys_of(folder, plan)
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
            await self._check_unused(nomination)
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
                    roots=directory.leading_roots(origin),
                    beginning=directory.beginning(origin) or b"",
                )
                try:
                    await self._mirror.pull(target, self._fetch)
                except SoproError as error:
                    self._failed.append(f"{origin} ({error})")

    def _find_nomination(self) -> Nomination:
        """Return what enough members have said of this root key."""
        succession = Succession(self._holdings, self._store)
        succession.look()
        root, url = self._ring[Role.ROOT].signer.public_key, self._plan.url.rstrip("/")
        self._check_not_taken(succession, root)
        own = [one for one in succession.awaited if one.successor == root]
        settled = [one for one in own if one.is_settled]
        if settled and url not in settled[0].urls:
            urls = settled[0].urls
            raise RefusedError(
                f"{', '.join(settled[0].by)} have appointed this root key at {', '.join(urls)}, "
                f"and --url says {url}; members look for the coordinator nowhere else, so run this "
                f"command with --url {urls[0]}, and have that address lead to this machine"
            )
        if settled:
            return settled[0]
        said = [
            f"{', '.join(one.by) or 'nobody that counts'} of {one.voters} members at size "
            f"{one.size} with {', '.join(one.urls)}, {one.needed} are needed"
            for one in own
        ]
        others = [one.successor.hex()[:16] for one in succession.awaited if one not in own]
        raise RefusedError(
            f"too few members have appointed this root key, {root.hex()}; appointed by: "
            f"{'; '.join(said) or 'nobody yet'}"
            + (f"; others are appointed: {', '.join(others)}" if others else "")
            + (f"; not reached: {', '.join(self._failed)}" if self._failed else "")
            + f"; members run: sopro anchor DIRECTORY --successor {root.hex()} --url {url}; run "
            "this command again when enough have"
        )

    def _check_not_taken(self, succession: Succession, root: bytes) -> None:
        """Refuse where the log goes on already: who appointed once more would make it fork."""
        if any(span.public == root for span in self._holdings.own.keys):
            raise _used(self._folder, self._origin)
        is_awaited = any(one.successor == root for one in succession.awaited)
        for taken in succession.taken[-1:] if not is_awaited else ():
            raise RefusedError(
                f"another successor has taken over {self._origin} after {taken.position} entries "
                f"and answers at {', '.join(taken.appointed.urls)}; this root key is not needed, "
                "and members appoint it only where that one is gone for ever, too"
            )

    async def _check_unused(self, nomination: Nomination) -> None:
        """Refuse where anybody has seen a head that these keys have signed (SPEC SUCC-9)."""
        key = make_vkey(self._origin, self._ring[Role.LOG].signer.public_key)
        question = Question(self._origin, lambda _size: [key], with_witness=True)
        peers = known_peers(self._holdings.directory, None, own_origin=self._origin)
        named = [*self._plan.peers, *nomination.urls]
        peers |= {url: [url] for url in named}
        heard = await ask_everybody(question, peers, self._fetch)
        if any(one.head is not None for one in heard):
            raise _used(self._folder, self._origin)

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
        members = list_voters(self._holdings.directory.members())
        said = [nomination.approvals[site] for site in nomination.by]
        approvals, votes = shorten_all(said, members, needed=nomination.needed)
        last = held.size - 1
        return Appointment(
            approvals=approvals,
            head=held.checkpoint,
            members=members,
            path=list(prove_inclusion(held.tree.read, index=last, size=held.size)),
            state=self._holdings.entry(self._store, held, last),
            votes=votes or msgspec.UNSET,
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
            note_recovery(self._store, held, start=0, end=nomination.size)
            save_projection(self._store)
            save_federation(self._store, known)
            save_identity(self._store, identity)


def _used(folder: Path, origin: str) -> RefusedError:
    return RefusedError(
        f"{folder}: with these keys {origin} was taken over already, from another directory, and a "
        "second one would fork it; start that directory, or where it is lost make it anew from "
        "these keys: sopro recover NEW-DIRECTORY --from-peers; no member has to appoint anybody"
    )


def _remove_database(folder: Path) -> None:
    """Remove what an attempt has left that came to nothing; nobody has seen any of it."""
    for path in folder.glob(f"{DATABASE}*"):
        path.unlink()
