"""Building a site again whose disk is gone: from its keys, the invite, and what others hold.

The coordinator's log says who the site is and who its peers are; they say which is the largest head
that the site's own key has signed; the log comes from whoever has it, verified like any mirror
(SPEC FENCE-4). Two histories are refused.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec import structs

from sopro_node.asking import Heard, Question, ask_everybody, known_peers
from sopro_node.config import check_url, parse_address, write_settings
from sopro_node.epochs import choose_keys, found_epoch
from sopro_node.evidence import EvidenceKeeper
from sopro_node.fetch import Fetch
from sopro_node.found import INVITE
from sopro_node.fresh import check_free, new_directory
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.identity import (
    Identity,
    Invite,
    format_invite,
    save_federation,
    save_identity,
    save_projection,
)
from sopro_node.keychest import write_keys
from sopro_node.keyring import KeyFile, find_key, load_ring
from sopro_node.losses import Recovery, note_recovery
from sopro_node.mirror import Mirror
from sopro_node.passphrase import NO_PASSPHRASE, Passphrase
from sopro_node.reach import ANYWHERE
from sopro_node.restore import check_keys
from sopro_node.store.connection import create_database
from sopro_node.store.sqlite import SqliteStore
from sopro_node.succession import Succession
from sopro_node.target import Target
from sopro_node.worker import start_pool
from sopro_node.writer import Writer
from sopro_protocol.errors import (
    NotFoundError,
    RefusedError,
    SoproError,
    SplitViewError,
    UnavailableError,
    VerificationError,
)
from sopro_protocol.keys import Role, make_vkey
from sopro_registry.families import site_membership
from sopro_registry.fields import origin_after

_NAMED: Final = "named on the command line"


@dataclass(frozen=True, slots=True)
class RecoveryPlan:
    """What is known of a site whose disk is gone.

    Attributes:
        site: its code.
        invite: of its federation.
        keys: its key files.
        peers: addresses of nodes to ask besides those the coordinator's log names.
        listen: HOST:PORT of the new node.
        url: under which others reach it; empty for what its membership says.
        country: of a coordinator, which no membership names.
        zone: likewise.
        new_epoch: whether its log is to go on in another, because entries of it are lost.
        root_key: of the site, where it is not among `keys`; needed for a new epoch only.
        passphrase: of key files that are encrypted.
        passphrase_file: that the new directory's settings name for it; empty for none.
    """

    site: str
    invite: Invite
    keys: Mapping[str, bytes]
    peers: Sequence[str] = ()
    listen: str = "127.0.0.1:8440"
    url: str = ""
    country: str = ""
    zone: str = ""
    new_epoch: bool = False
    root_key: KeyFile | None = None
    passphrase: Passphrase = NO_PASSPHRASE
    passphrase_file: str = ""

    @property
    def is_coordinator(self) -> bool:
        """Whether the site is the coordinator itself."""
        return self.site == self.invite.origin.split("/")[1]


async def recover(folder: Path, plan: RecoveryPlan) -> Recovery:
    """Make a data directory from what other nodes hold.

    Raises:
        FormatError: the place is taken, or a value does not fit.
        RefusedError: the coordinator's log knows no such site.
        UnavailableError: nobody who holds the log, or the coordinator's, could be reached.
        VerificationError: the keys are not the site's, or its log has two histories.
        PeerError: nobody served what was signed.
    """
    parse_address(plan.listen)
    check_url(plan.url)
    check_free(folder)
    if plan.new_epoch and plan.is_coordinator:
        raise RefusedError("the coordinator's log goes on in no other")
    with new_directory(folder) as part:
        write_keys(part, plan.keys)
        create_database(part)
        with ExitStack() as stack:
            store = SqliteStore.open(part, writing=True)
            stack.callback(store.close)
            writer = Writer()
            stack.callback(writer.close)
            workers = _Workers(stack)
            async with Fetch(reach=ANYWHERE) as fetch:
                return await _Recovery(part, plan, store, writer, workers, fetch).run()


class _Workers:
    """Worker processes, started where a log is long enough."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._pool: Executor | None = None

    def __call__(self) -> Executor:
        if self._pool is None:
            pool: Executor = start_pool(os.cpu_count() or 1)
            self._stack.callback(pool.shutdown)
            self._pool = pool
        return self._pool


class _Recovery:
    def __init__(  # the parts it joins, made in `recover` in this order
        self,
        folder: Path,
        plan: RecoveryPlan,
        store: SqliteStore,
        writer: Writer,
        workers: _Workers,
        fetch: Fetch,
    ) -> None:
        self._folder = folder
        self._plan = plan
        self._store = store
        self._writer = writer
        self._fetch = fetch
        self._invite = plan.invite
        own = plan.invite.origin if plan.is_coordinator else ""
        self._holdings = Holdings(store, own=own, coordinator=plan.invite.origin)
        # Who the node is follows from what is fetched first.
        evidence = EvidenceKeeper(
            self._holdings,
            store,
            writer,
            reader=store,
            identity=None,
            invite=lambda: plan.invite,
        )
        self._mirror = Mirror(self._holdings, store, writer, workers=workers, evidence=evidence)

    async def run(self) -> Recovery:
        plan = self._plan
        if plan.is_coordinator:
            return await self._recover_coordinator()
        member = await self._find_membership()
        if plan.new_epoch:
            return await self._begin_epoch(member)
        self._holdings.own_origin = member.origin
        root = self._holdings.directory.founding_root(member.origin) or member.root
        identity = _identify(member, root=root)
        held = await self._fetch_log(identity)
        return await self._finish(identity, held, plan.url or member.urls[0])

    async def _recover_coordinator(self) -> Recovery:
        """Make the coordinator's directory, with where it answers since it may have taken over."""
        plan, identity = self._plan, self._identify_coordinator()
        held = await self._fetch_log(identity)
        succession = Succession(self._holdings, self._store)
        succession.look()
        known = list(succession.urls or plan.invite.urls)
        urls = list(dict.fromkeys([plan.url or known[0], *known]))
        self._invite = structs.replace(plan.invite, urls=urls)
        recovery = await self._finish(identity, held, urls[0])
        (self._folder / INVITE).write_bytes(format_invite(self._invite))
        return recovery

    async def _finish(self, identity: Identity, held: HeldLog, url: str) -> Recovery:
        check_keys(self._folder, held.cursor, passphrase=self._plan.passphrase)
        recovery = await self._writer.run(lambda: self._keep(identity, held))
        self._write_settings(url)
        return recovery

    async def _begin_epoch(self, member: site_membership.Body) -> Recovery:
        """Take the log as far as anybody has it, and begin another one that continues it."""
        plan = self._plan
        held = await self._fetch_all(member)
        origin = self._holdings.own_origin = origin_after(member.origin)
        identity = structs.replace(_identify(member, root=member.root), origin=origin)
        passphrase = plan.passphrase
        root_key = plan.root_key or find_key(self._folder, member.root, passphrase=passphrase)
        beginning = choose_keys(
            self._folder, self._store, self._holdings, held, root_key, passphrase=passphrase
        )

        def found() -> Recovery:
            found_epoch(self._store, self._holdings, identity, beginning)
            return self._keep(identity, held)

        recovery = await self._writer.run(found)
        self._write_settings(plan.url or member.urls[0])
        return recovery

    def _write_settings(self, url: str) -> None:
        plan = self._plan
        write_settings(
            self._folder,
            listen=plan.listen,
            url=url,
            key_passphrase_file=plan.passphrase_file,
        )

    async def _fetch_all(self, member: site_membership.Body) -> HeldLog:
        """Take a site's log from everybody who has it, whoever may have signed its last entries."""
        directory, origin = self._holdings.directory, member.origin
        root = directory.founding_root(origin) or member.root
        problem: SoproError | None = None
        for urls in self._peers().values():
            bases = _bases(urls, "/log/" + origin.split("/", 1)[1])
            target = Target(
                origin,
                root,
                bases,
                own_bases=0,
                roots=directory.leading_roots(origin),
                is_cut=True,
                beginning=directory.beginning(origin) or b"",
            )
            try:
                await self._mirror.pull(target, self._fetch)
            except SplitViewError:
                raise
            except SoproError as error:
                problem = problem or error
        held = self._holdings.logs.get(origin)
        if held is None:
            raise problem or UnavailableError(f"{origin}: nobody who was asked holds this log")
        if held.cursor.projected < held.size:
            raise _unjudged(origin)
        return held

    # Who the site is.

    async def _find_membership(self) -> site_membership.Body:
        """Mirror the coordinator's log and find the site in it."""
        invite = self._plan.invite
        path = "/log/" + invite.origin.split("/", 1)[1]
        bases = _bases([*invite.urls, *self._plan.peers], path)
        target = Target(invite.origin, invite.root_key, bases, own_bases=len(invite.urls))
        await self._mirror.pull(target, self._fetch)
        member = self._holdings.directory.membership(self._plan.site)
        if member is None:
            known = ", ".join(sorted(one.site for one in self._holdings.directory.members()))
            raise RefusedError(
                f"the coordinator's log names no site {self._plan.site!r}; it names: "
                f"{known or 'nobody'}"
            )
        return member

    def _identify_coordinator(self) -> Identity:
        plan = self._plan
        return Identity(
            origin=plan.invite.origin,
            country=plan.country,
            zone=plan.zone,
            languages=["en", "de", "hu"],
            name={"en": "SoPro coordination"},
            root=plan.invite.root_key,
            coordinator=True,
        )

    # Its log.

    async def _fetch_log(self, identity: Identity) -> HeldLog:
        heard = await self._ask(identity.origin)
        shown = [one for one in heard if one.head is not None]
        if not shown:
            raise UnavailableError(
                f"none of {len(self._peers())} other nodes has shown a head of {identity.origin} "
                "that the log key among these keys has signed; try again when more of them can be "
                "reached, or name some with --peer"
            )
        largest = max(shown, key=lambda one: one.head.size if one.head else 0)
        assert largest.head is not None, "only heads were kept"  # noqa: S101  # a bug if not
        bases = tuple(dict.fromkeys([largest.base, *(one.base for one in shown)]))
        directory = self._holdings.directory
        target = Target(
            identity.origin,
            identity.root,
            bases,
            own_bases=0,
            roots=directory.leading_roots(identity.origin),
            beginning=directory.beginning(identity.origin) or b"",
        )
        await self._mirror.heal(target, self._fetch, note=largest.head.note)
        held = self._holdings.logs[identity.origin]
        for one in shown:
            if one.head is not None and held.tree.root_at(one.head.size) != one.head.root:
                raise VerificationError(
                    f"{identity.origin}: {largest.peer} and {one.peer} show two histories, both "
                    "signed by this site; nothing is recovered, tell the coordinator",
                    code="hos.fork",
                )
        if held.cursor.projected < held.size:
            raise _unjudged(identity.origin)
        return held

    async def _ask(self, origin: str) -> list[Heard]:
        files = load_ring(self._folder, Role.LOG, passphrase=self._plan.passphrase)
        keys = [make_vkey(origin, one.signer.public_key) for one in files]
        question = Question(origin, lambda _size: keys)
        return await ask_everybody(question, self._peers(), self._fetch)

    def _peers(self) -> dict[str, list[str]]:
        """Return whom to ask: the coordinator, the members, and who was named."""
        peers = {f"{_NAMED}: {url}": [url] for url in self._plan.peers}
        own = self._holdings.own_origin or f"{self._plan.invite.federation}/{self._plan.site}/0"
        peers |= known_peers(self._holdings.directory, self._plan.invite, own_origin=own)
        if not peers:
            raise NotFoundError("nobody is known who could be asked; name a member with --peer URL")
        return peers

    def _keep(self, identity: Identity, held: HeldLog) -> Recovery:
        """Write who this node is, and what could not be fetched."""
        with self._store.transaction():
            save_identity(self._store, identity)
            save_projection(self._store)
            save_federation(self._store, self._invite)
            return note_recovery(self._store, held, start=0, end=held.size)


def _unjudged(origin: str) -> UnavailableError:
    return UnavailableError(
        f"{origin} acts on more of the coordinator's log than anybody serves; "
        "try again when the coordinator can be reached"
    )


def _identify(member: site_membership.Body, *, root: bytes) -> Identity:
    """Say who a site is, by its membership and the root key that signed entry 0 of its log."""
    return Identity(
        origin=member.origin,
        country=member.country,
        zone=member.zone,
        languages=list(member.languages),
        name=dict(member.name),
        root=root,
        coordinator=False,
    )


def _bases(urls: Iterable[str], path: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(url.rstrip("/") + path for url in urls))
