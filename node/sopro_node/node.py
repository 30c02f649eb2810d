"""A node put together: store, logs, exchange; opened for a command or for serving."""

import asyncio
import gc
import logging
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

import msgspec

from sopro_node import clock
from sopro_node.access import Gate
from sopro_node.anchors import Anchors
from sopro_node.codelists import CodeLists
from sopro_node.config import Settings, load_settings
from sopro_node.cosignatures import Cosignatures
from sopro_node.cosigners import Cosigners
from sopro_node.desk import Desk
from sopro_node.directory import Directory, Wanted
from sopro_node.erasing import Eraser
from sopro_node.evidence import EvidenceKeeper
from sopro_node.exchange import Exchange
from sopro_node.fence import Fence
from sopro_node.fence_state import State
from sopro_node.gathering import Gatherer
from sopro_node.heldback import HeldBack
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.hub import Hub
from sopro_node.identity import (
    Identity,
    Invite,
    check_projection,
    load_federation,
    load_identity,
    name_anew,
    save_federation,
)
from sopro_node.imports.jobs import Imports
from sopro_node.keyrecords import read_keys
from sopro_node.keyring import load_ring
from sopro_node.label_findings import LabelFindings
from sopro_node.lock import DirectoryLock
from sopro_node.log import MAX_BATCH, Note, OwnLog
from sopro_node.losses import load_recovery
from sopro_node.passphrase import Ask, Passphrase
from sopro_node.planned import PlannedKeys
from sopro_node.receipts import Receipts
from sopro_node.reckoning import DecisionStatistics, ExpiringPage, Reckoner
from sopro_node.signatory import SIGNING, Signatory
from sopro_node.store.sqlite import SqliteStore
from sopro_node.takers import Takers
from sopro_node.validity import Registrar
from sopro_node.witness import Witness
from sopro_node.writer import Writer
from sopro_protocol.checkpoint import open_checkpoint
from sopro_protocol.errors import RefusedError, UnavailableError, VerificationError
from sopro_protocol.keys import Ed25519Signer, Role, make_vkey
from sopro_protocol.record import parse_entry, read_record
from sopro_protocol.witness import witness_name
from sopro_registry.aggregate import Statistics
from sopro_registry.catalogue import READERS
from sopro_registry.directory import GONE
from sopro_registry.families import log_state, site_membership
from sopro_registry.fields import Head, site_of
from sopro_registry.keyhistory import log_keys_at

_MOST_BEYOND: Final = 4096
"""Entries beyond the largest head in evidence that a member may have acted on."""

_logger = logging.getLogger("sopro.node")


class Node:
    """One node at work; `open` takes its directory, `close` gives it back.

    Attributes:
        folder: the data directory.
        settings: from its configuration file.
        identity: who it is; its name, country, languages and zone may change.
        holdings: the logs it holds.
        log: its own log.
        evidence: of two histories, and against whom it stands.
        anchors: what members have decided about two histories of the coordinator's log.
        exchange: keeps its mirrors current.
        witness: cosigns heads of the logs it knows.
        cosignatures: those it knows, and what is witnessed.
        cosigners: collects cosignatures on its own heads.
        fence: stands before its own log after a start.
        codelists: lists of codes that the coordinator has published.
        desk: answers questions.
        findings: says what is odd about a label.
        directory: finds labels and organisations.
        registrar: says whether labels are valid.
        eraser: erases documents.
        receipts: says who has confirmed that.
        gate: tells whose a request is.
        held_back: documents of a restored directory that are not served yet.
        gatherer: gets documents that did not come with their bundle.
        passphrase: of its key files.
        pinned: the invite this node was given.
        signatory: signs with those that are at hand.
        planned: new keys that no record names yet.
        hub: announces new heads.
        reader: a connection that sees the last commit.
    """

    def __init__(
        self, folder: Path, settings: Settings, passphrase: Passphrase, *, must_sign: bool
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.passphrase = passphrase
        self._is_closed = False
        self._named: tuple[site_membership.Body | None, Identity | None] = (None, None)
        self._lock = DirectoryLock(folder)
        self.writer = Writer()
        try:
            self.store = SqliteStore.open(folder, writing=True)
            self._made: Identity = load_identity(self.store)
            check_projection(self.store, folder=folder)
            self.pinned: Invite | None = load_federation(self.store)
            self.holdings = Holdings(
                self.store,
                own=self._made.origin,
                coordinator=self.pinned.origin if self.pinned else None,
            )
            self.signatory = Signatory(
                load_ring(folder, *SIGNING, passphrase=passphrase, must_be=must_sign)
            )
            self.planned = PlannedKeys(folder, passphrase, self.signatory)
            self.reader = SqliteStore.open(folder, writing=False)
        except BaseException:
            self._lock.release()
            raise
        self.hub = Hub()
        self.log = OwnLog(
            self.holdings,
            self.store,
            self.writer,
            signatory=self.signatory,
            root_key=self._made.root,
            published=self._published,
        )
        self.evidence = EvidenceKeeper(
            self.holdings,
            self.store,
            self.writer,
            reader=self.reader,
            identity=self._made,
            invite=lambda: self.invite,
        )
        self.evidence.tell(self.hub.announce_evidence)
        self.anchors = Anchors(
            self.holdings,
            self.store,
            self.writer,
            reader=self.reader,
            evidence=self.evidence,
            invite=lambda: self.pinned,
        )
        self.anchors.look()
        self.exchange = Exchange(
            settings=settings,
            identity=self._made,
            invite=lambda: self.invite,
            former_urls=self._former_urls,
            holdings=self.holdings,
            store=self.store,
            writer=self.writer,
            hub=self.hub,
            joined=self.log.append_state,
            erased=self._carry_out_erasures,
            restarted=self._forget_other_history,
            count_anchors=self._count_anchors,
            heard=self._heard,
            evidence=self.evidence,
        )
        self.eraser = Eraser(self.holdings, self.store, self.reader, self.writer, self.log)
        self.takers = Takers(self.store, self.reader, self.writer)
        self.receipts = Receipts(self.holdings, self.reader, self.takers)
        self._opened = clock.now()
        self.held_back = HeldBack(
            self.holdings, self.store, self.writer, is_confirmed=self._is_confirmed
        )
        self.gate = Gate(self.holdings, urls=self._own_urls)
        self.gatherer = Gatherer(
            self.holdings,
            self.store,
            self.writer,
            targets=self.exchange.targets,
            signer=partial(self._signer, Role.ACCESS),
        )
        self.witness = Witness(
            name=witness_name(self._made.federation, self._made.site),
            signer=partial(self._signer, Role.WITNESS),
            holdings=self.holdings,
            store=self.store,
            writer=self.writer,
            weigh=self.exchange.gossip.weigh,
            check_keys=self.evidence.check_keys,
        )
        self.cosignatures = Cosignatures(
            holdings=self.holdings, store=self.store, writer=self.writer, urls=self.urls_of
        )
        self.cosigners = Cosigners(
            settings=settings,
            holdings=self.holdings,
            witness=self.witness,
            cosignatures=self.cosignatures,
            urls=self.urls_of,
            gathered=lambda note: self.hub.announce_note(self.log.held, note),
        )
        self.fence = Fence(
            identity=self._made,
            invite=lambda: self.invite,
            settings=settings,
            holdings=self.holdings,
            store=self.store,
            writer=self.writer,
            exchange=self.exchange,
            log=self.log,
            log_keys=self.signatory.publics(Role.LOG),
        )
        self.codelists = CodeLists(self.reader, self.holdings)
        self.log.admit = self._admit
        self.log.object_to = self.codelists.object_to
        self.exchange.listener.on_own_head = self.fence.hear
        self.desk = Desk(self.reader, self.holdings, self.exchange, lambda: self.identity)
        self.findings = LabelFindings(self.reader, self.holdings, self.desk)
        self.directory = Directory(self.reader, self.holdings, self.desk)
        self.registrar = Registrar(self.reader, self.holdings, self.desk, self.directory)
        # Counting can take long, so it has a connection and a thread of its own.
        self._counting_reader = SqliteStore.open(folder, writing=False)
        self._counting = Desk(
            self._counting_reader, self.holdings, self.exchange, lambda: self.identity
        )
        counted = Directory(self._counting_reader, self.holdings, self._counting)
        self._reckoner = Reckoner(self._counting_reader, self.holdings, self._counting, counted)
        self._counting_lock = asyncio.Lock()

    @cached_property
    def imports(self) -> Imports:
        """Return the registers that officers take over."""
        return Imports(self.folder)

    @cached_property
    def taking(self) -> asyncio.Lock:
        """Return what is held while labels are taken over: a holder of several is written once."""
        return asyncio.Lock()

    @classmethod
    async def open(
        cls,
        folder: Path,
        *,
        settings: Settings | None = None,
        ask: Ask | None = None,
        must_sign: bool = True,
    ) -> "Node":
        """Take a data directory and start its log.

        Args:
            folder: the data directory.
            settings: instead of its configuration file.
            ask: asks a person for the passphrase of the key files, where nothing else has it.
            must_sign: whether the keys it signs with have to be there; a lost one is replaced
                without.

        Raises:
            UnavailableError: another process works on it.
            FormatError: it holds no node, or a damaged one.
        """
        settings = settings or load_settings(folder)
        node = cls(folder, settings, Passphrase(settings, ask=ask), must_sign=must_sign)
        _relax_collector()
        try:
            node.log.start(must_sign=must_sign)
            node.cosignatures.restore()
            node.fence.begin()
            node.settle_planned()
        except BaseException:
            await node.close()
            raise
        return node

    def settle_planned(self) -> None:
        """Keep or remove the planned keys that an earlier process has left behind."""
        state = read_keys(self.reader, self.holdings, self.log.held)
        if state is not None:
            self.planned.settle(state, is_whole=self.fence.state is State.OPEN)

    async def close(self) -> None:
        """Finish what is under way and give the directory back; a second time it does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self.hub.close()
        await self.imports.close()
        await self.witness.stop()
        await self.cosignatures.stop()
        await self.takers.stop()
        await self.log.stop()
        await asyncio.to_thread(self.writer.close)
        async with self._counting_lock:
            self._counting_reader.close()
        self.reader.close()
        self.store.close()
        self._lock.release()

    @property
    def identity(self) -> Identity:
        """Who this node is: as it was made, and as its membership has named it since."""
        member = self.holdings.directory.membership(self._made.site)
        known, identity = self._named
        if identity is None or member is not known:
            identity = name_anew(self._made, member)
            self._named = (member, identity)
        return identity

    @property
    def invite(self) -> Invite | None:
        """The invite this node is pinned to, with where the coordinator answers by now."""
        urls = self.anchors.succession.urls
        if self.pinned is None or not urls:
            return self.pinned
        return msgspec.structs.replace(self.pinned, urls=list(urls))

    def _former_urls(self) -> list[str]:
        """Return where a coordinator has answered that was succeeded."""
        current = self.invite
        return [
            url
            for url in (self.pinned.urls if self.pinned else ())
            if current is not None and url not in current.urls
        ]

    async def statistics(self, day: int | None = None) -> Statistics:
        """Count labels and decisions over every log held, as of a day."""
        async with self._counting_lock:
            return await asyncio.to_thread(self._counting.statistics, day)

    async def expiring(self, wanted: Wanted, *, days: int) -> ExpiringPage:
        """List labels whose validity ends within some days."""
        async with self._counting_lock:
            return await asyncio.to_thread(self._reckoner.expiring, wanted, days=days)

    async def decisions(self, site: str = "") -> DecisionStatistics:
        """Count decisions by action and reason, and say how long applications took."""
        async with self._counting_lock:
            return await asyncio.to_thread(self._reckoner.decisions, site)

    def urls_of(self, site: str) -> list[str]:
        """Return where a site's node answers."""
        member = self.holdings.directory.membership(site)
        if member is not None:
            return list(member.urls)
        is_coordinator = self.invite is not None and self.invite.origin.split("/")[1] == site
        return list(self.invite.urls) if self.invite and is_coordinator else []

    def _heard(self, teller: str, origin: str, note: bytes) -> None:
        """Take what another node's note says of a head: who cosigned it, who holds it."""
        self._review()
        if origin in self.holdings.logs:
            self.cosignatures.follow(origin)
            self.cosignatures.hear(teller, origin, note)
            if teller in self.cosignatures.mirrored:
                self.takers.add(site_of(teller))

    def _review(self) -> None:
        if self.cosignatures.review():
            self.cosigners.refresh()

    def _is_confirmed(self, held: HeldLog) -> bool:
        """Say whether it is known since the start how a log stands now."""
        coordinator = self.holdings.coordinator
        if coordinator is not None and not self._is_current(coordinator):
            return False  # it says who has gone, and who looks after them
        logs = self.holdings.logs
        return all(
            origin in logs and self._is_current(logs[origin])
            for origin in self._that_erase_in(held)
        )

    def _is_current(self, held: HeldLog) -> bool:
        if held is self.log.held:
            return self.fence.is_informed()
        state = self.exchange.peers.get(held.origin)
        if state is None:
            return False
        member = self.holdings.directory.membership(held.site)
        has_gone = member is not None and member.status in GONE
        if has_gone or held.site == self.identity.site or held is self.holdings.coordinator:
            # It need not be there any more; a mirror can say.
            return state.served >= self._opened
        return state.confirmed >= self._opened

    def _that_erase_in(self, held: HeldLog) -> list[str]:
        """Return a log, and those in which a document of its records may have been erased.

        Those are the ones that continue it (SPEC EPOCH-8), and where its site has gone, be it for
        a time, those of who may have looked after it (SPEC ERASE-7).
        """
        directory = self.holdings.directory
        known = directory.logs(held.site)
        later = known[known.index(held.origin) + 1 :] if held.origin in known else ()
        caretakers = directory.caretakers(held.site) if directory.has_gone(held.site) else ()
        logs = [origin for site in caretakers for origin in directory.logs(site)]
        return list(dict.fromkeys([held.origin, *later, *logs]))

    def _published(self, held: HeldLog) -> None:
        if self.holdings.is_shown(held):
            self.hub.announce(held)
        self._review()
        self.cosignatures.follow(held.origin)
        self.cosigners.wake()
        if self.identity.coordinator:
            self.exchange.refresh_soon()

    def _signer(self, role: Role) -> Ed25519Signer:
        """Return the newest key of a role that counts now; it changes when the site rotates it."""
        held = self.log.held
        return self.signatory.signer(role, held.keys, position=held.size)

    def _own_urls(self) -> list[str]:
        """Return where others reach this node."""
        member = self.holdings.directory.membership(self.identity.site)
        return [self.settings.public_url, *(member.urls if member else [])]

    def status(self) -> dict[str, Any]:
        """Describe this node: its log, its mirrors, what went wrong, what is outstanding."""
        today = self.desk.today()
        erasures = [one.plain(today=today) for one in self.receipts.outstanding(today=today)]
        recovery = load_recovery(self.reader)
        return self.desk.status() | {
            "erasures": erasures,
            "anchors": self.anchors.describe(),
            "succession": self.anchors.succession.describe(),
            "fence": self.fence.describe(),
            "hidden_documents": sorted(
                held.origin
                for held in self.holdings.logs.values()
                if held.number in self.held_back.logs
            ),
            "residue": bool(self.reader.residue()),
            "recovery": msgspec.to_builtins(recovery) if recovery else None,
        }

    async def _carry_out_erasures(self) -> None:
        await self.eraser.carry_out()

    def _forget_other_history(self) -> None:
        origin = self.holdings.coordinator_origin or ""
        self.witness.forget(origin)
        self.cosignatures.forget(origin)

    async def _count_anchors(self) -> None:
        """Act on what members have settled about the coordinator's log."""
        if await self.anchors.count():
            self.exchange.refresh_soon()
            self.exchange.wake_coordinator()
        self._release_witness()
        if self.identity.coordinator:
            await self.outgrow_abandoned()

    async def _admit(self) -> None:
        """Let an append pass, unless members have put another in the coordinator's place."""
        self.check_in_place()
        await self.fence.admit()

    async def open_alone(self, reason: str, *, note: Note | None = None) -> int | None:
        """Open the log although no peer has answered (`Fence.open_alone`).

        A coordinator looks first whether its members have put another in its place: their nodes
        do not hold what its old keys sign, and so do not answer its fence.

        Raises:
            UnavailableError: they have.
        """
        if self.identity.coordinator and self.fence.state is not State.OPEN:
            await self.exchange.sync_once()
        self.check_in_place()
        return await self.fence.open_alone(reason, note=note)

    def check_in_place(self) -> None:
        """Refuse where members have put another in this coordinator's place.

        Raises:
            UnavailableError: they have.
        """
        roots = {one.public for one in self.log.held.keys}
        awaited = self.anchors.succession.awaited if self.identity.coordinator else ()
        for one in awaited:
            if one.is_settled and one.successor not in roots:
                raise UnavailableError(
                    f"{', '.join(one.by)} have appointed who goes on with this log after "
                    f"{one.size} entries, at {', '.join(one.urls)}; what is signed here counts no "
                    "more, so stop this node",
                    code="fence.forked",
                )

    def _release_witness(self) -> None:
        """Let go of a head by old keys that was cosigned before it was known who goes on.

        It would keep this witness from cosigning what does (SPEC SUCC-7).
        """
        held, taken = self.holdings.coordinator, self.anchors.succession.taken
        if held is None or not taken:
            return
        for row in self.witness.heads:
            if row.origin == held.origin and row.size > taken[-1].position:
                keys = [make_vkey(held.origin, one) for one in log_keys_at(held.keys, row.size)]
                try:
                    open_checkpoint(row.note, origin=held.origin, keys=keys)
                except VerificationError:
                    self.witness.forget(held.origin)

    async def outgrow_abandoned(self) -> None:
        """Make the coordinator's log as long as the abandoned one that members acted on.

        Their records name heads of it, and can be judged only where this log is as long.
        """
        own = self.holdings.own
        heads = [head for one in self.evidence if one.origin == own.origin for head in one.heads]
        if not self.evidence.anchored(own.origin) or self.fence.state is not State.OPEN:
            return
        most = max((size for size, _ in heads), default=0) + _MOST_BEYOND
        wanted = [size for size in self._sizes_waited_for() if own.size < size <= most]
        while wanted and own.size < max(wanted):
            await self.log.append_state(min(MAX_BATCH, max(wanted) - own.size))

    def _sizes_waited_for(self) -> list[int]:
        """Return the sizes of the coordinator's log at which other logs can be judged on."""
        sizes = []
        for held in self.holdings.logs.values():
            if held is not self.holdings.own and held.cursor.projected < held.size:
                entry = self.holdings.entry(self.reader, held, held.cursor.projected)
                _, body = read_record(parse_entry(entry).record, READERS)
                if isinstance(body, log_state.Body) and isinstance(body.coordinator, Head):
                    sizes.append(body.coordinator.size)
        return sizes

    def check_invite(self, invite: Invite) -> None:
        """See that this site can join the federation named by an invite.

        Raises:
            RefusedError: this site was made for another federation, or is pinned to another.
        """
        if invite.federation != self.identity.federation:
            raise RefusedError(
                f"this site was made for the federation {self.identity.federation!r}, the invite "
                f"is for {invite.federation!r}; make the site anew with "
                f"--federation {invite.federation}, in a directory of its own, because that name "
                "is in every signed head of its log"
            )
        held = self.pinned
        is_other = held is not None and (held.origin, held.root) != (invite.origin, invite.root)
        # As long as nothing of the coordinator's log is held, nothing rests on the pin.
        if is_other and self.holdings.coordinator is not None:
            raise RefusedError(
                "this site is pinned to another coordinator already; only the federation's "
                "recovery can change that"
            )

    async def pin(self, invite: Invite) -> None:
        """Pin the federation named by an invite.

        Raises:
            RefusedError: as `check_invite`.
        """
        self.check_invite(invite)

        def save() -> None:
            with self.store.transaction():
                save_federation(self.store, invite)

        await self.writer.run(save)
        self.pinned = invite
        self.holdings.coordinator_origin = invite.origin
        self.exchange.refresh_soon()


def _relax_collector() -> None:
    """Look for cycles seldom, and never among the modules.

    Judging makes many small values and hardly a cycle; looking for them so often as Python does
    by default takes a twentieth of a large sync.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
