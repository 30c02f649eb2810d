"""A node put together: store, logs, exchange; opened for a command or for serving."""

import asyncio
import gc
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import msgspec

from sopro_node.access import Gate
from sopro_node.anchors import Anchors
from sopro_node.codelists import CodeLists
from sopro_node.config import Settings, load_settings
from sopro_node.cosignatures import Cosignatures
from sopro_node.cosigners import Cosigners
from sopro_node.counting import Counting
from sopro_node.current import Current
from sopro_node.desk import Desk
from sopro_node.directory import Directory
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
)
from sopro_node.imports.jobs import Imports
from sopro_node.keyrecords import read_keys
from sopro_node.keyring import load_ring
from sopro_node.label_findings import LabelFindings
from sopro_node.lock import DirectoryLock
from sopro_node.log import OwnLog
from sopro_node.losses import load_recovery
from sopro_node.passphrase import Ask, Passphrase
from sopro_node.planned import PlannedKeys
from sopro_node.receipts import Receipts
from sopro_node.settling import Settling
from sopro_node.signatory import SIGNING, Signatory
from sopro_node.status import describe_exchange
from sopro_node.store.sqlite import SqliteStore
from sopro_node.takers import Takers
from sopro_node.validity import Registrar
from sopro_node.witness import Witness
from sopro_node.writer import Writer
from sopro_protocol.keys import Ed25519Signer, Role
from sopro_protocol.witness import witness_name
from sopro_registry.families import site_membership
from sopro_registry.fields import site_of


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
        settling: acts on what members have settled about the coordinator's log.
        codelists: lists of codes that the coordinator has published.
        desk: answers questions.
        findings: says what is odd about a label.
        counting: counts them.
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
            count_anchors=self._act_on_settled,
            heard=self._heard,
            evidence=self.evidence,
        )
        self.eraser = Eraser(self.holdings, self.store, self.reader, self.writer, self.log)
        self.takers = Takers(self.store, self.reader, self.writer)
        self.receipts = Receipts(self.holdings, self.reader, self.takers)
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
        self.settling = Settling(
            is_coordinator=self._made.coordinator,
            holdings=self.holdings,
            reader=self.reader,
            log=self.log,
            evidence=self.evidence,
            anchors=self.anchors,
            exchange=self.exchange,
            witness=self.witness,
            cosignatures=self.cosignatures,
            fence=self.fence,
        )
        current = Current(self.holdings, self.exchange, self.fence)
        self.held_back = HeldBack(
            self.holdings, self.store, self.writer, is_confirmed=current.is_confirmed
        )
        self.codelists = CodeLists(self.reader, self.holdings)
        self.log.admit = self.settling.admit
        self.log.object_to = self.codelists.object_to
        self.exchange.listener.on_own_head = self.fence.hear
        self.desk = Desk(self.reader, self.holdings, self.exchange, lambda: self.identity)
        self.findings = LabelFindings(self.reader, self.holdings, self.desk)
        self.directory = Directory(self.reader, self.holdings, self.desk)
        self.registrar = Registrar(self.reader, self.holdings, self.desk, self.directory)
        self.counting = Counting(folder, self.holdings, self.exchange, lambda: self.identity)

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
        await self.counting.close()
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

    def _published(self, held: HeldLog) -> None:
        if self.holdings.is_shown(held):
            self.hub.announce(held)
        self._review()
        self.cosignatures.follow(held.origin)
        self.cosigners.wake()
        if self.identity.coordinator:
            self.exchange.refresh_soon()

    async def _carry_out_erasures(self) -> None:
        await self.eraser.carry_out()

    def _forget_other_history(self) -> None:
        self.settling.forget_other_history()

    async def _act_on_settled(self) -> None:
        await self.settling.act()

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
        return describe_exchange(self.holdings, self.exchange, self.identity) | {
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


def _relax_collector() -> None:
    """Look for cycles seldom, and never among the modules.

    Judging makes many small values and hardly a cycle; looking for them so often as Python does
    by default takes a twentieth of a large sync.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
