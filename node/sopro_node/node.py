"""A node put together: store, logs, exchange; opened for a command or for serving."""

import asyncio
import gc
import logging
from pathlib import Path

from sopro_node.config import Settings, load_settings
from sopro_node.desk import Desk
from sopro_node.exchange import Exchange
from sopro_node.holdings import HeldLog, Holdings
from sopro_node.hub import Hub
from sopro_node.identity import (
    Identity,
    Invite,
    check_projection,
    load_federation,
    load_identity,
    save_federation,
)
from sopro_node.keyring import load_ring
from sopro_node.lock import DirectoryLock
from sopro_node.log import OwnLog
from sopro_node.passphrase import Ask, Passphrase
from sopro_node.signatory import SIGNING, Signatory
from sopro_node.store.sqlite import SqliteStore
from sopro_node.writer import Writer
from sopro_protocol.errors import RefusedError
from sopro_registry.aggregate import Statistics

_logger = logging.getLogger("sopro.node")


class Node:
    """One node at work; `open` takes its directory, `close` gives it back.

    Attributes:
        folder: the data directory.
        settings: from its configuration file.
        identity: who it is.
        holdings: the logs it holds.
        log: its own log.
        exchange: keeps its mirrors current.
        desk: answers questions.
        passphrase: of its key files.
        signatory: signs with those that are at hand.
        hub: announces new heads.
        reader: a connection that sees the last commit.
    """

    def __init__(
        self, folder: Path, settings: Settings, passphrase: Passphrase, *, must_sign: bool
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.passphrase = passphrase
        self._lock = DirectoryLock(folder)
        self.writer = Writer()
        try:
            self.store = SqliteStore.open(folder, writing=True)
            self.identity: Identity = load_identity(self.store)
            check_projection(self.store, folder=folder)
            self.invite: Invite | None = load_federation(self.store)
            self.holdings = Holdings(
                self.store,
                own=self.identity.origin,
                coordinator=self.invite.origin if self.invite else None,
            )
            self.signatory = Signatory(
                load_ring(folder, *SIGNING, passphrase=passphrase, must_be=must_sign)
            )
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
            root_key=self.identity.root,
            published=self._published,
        )
        self.exchange = Exchange(
            settings=settings,
            identity=self.identity,
            invite=lambda: self.invite,
            holdings=self.holdings,
            store=self.store,
            writer=self.writer,
            hub=self.hub,
            joined=self.log.append_state,
        )
        self.desk = Desk(self.reader, self.holdings, self.exchange, self.identity)
        # Counting can take long, so it has a connection and a thread of its own.
        self._counting_reader = SqliteStore.open(folder, writing=False)
        self._counting = Desk(self._counting_reader, self.holdings, self.exchange, self.identity)
        self._counting_lock = asyncio.Lock()

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
        except BaseException:
            await node.close()
            raise
        return node

    async def close(self) -> None:
        """Finish what is under way and give the directory back."""
        self.hub.close()
        await self.log.stop()
        await asyncio.to_thread(self.writer.close)
        async with self._counting_lock:
            self._counting_reader.close()
        self.reader.close()
        self.store.close()
        self._lock.release()

    async def statistics(self, day: int | None = None) -> Statistics:
        """Count labels and decisions over every log held, as of a day."""
        async with self._counting_lock:
            return await asyncio.to_thread(self._counting.statistics, day)

    def _published(self, held: HeldLog) -> None:
        self.hub.announce(held)
        if self.identity.coordinator:
            self.exchange.refresh_soon()

    async def pin(self, invite: Invite) -> None:
        """Pin the federation named by an invite.

        Raises:
            RefusedError: this site was made for another federation, or is pinned to another.
        """
        if invite.federation != self.identity.federation:
            raise RefusedError(
                f"this site was made for the federation {self.identity.federation!r}, the invite "
                f"is for {invite.federation!r}; make the site anew with "
                f"--federation {invite.federation}"
            )
        held = self.invite
        if held is not None and (held.origin, held.root) != (invite.origin, invite.root):
            raise RefusedError(
                "this site is pinned to another coordinator already; only the federation's "
                "recovery can change that"
            )

        def save() -> None:
            with self.store.transaction():
                save_federation(self.store, invite)

        await self.writer.run(save)
        self.invite = invite
        self.holdings.coordinator_origin = invite.origin
        self.exchange.refresh_soon()


def _relax_collector() -> None:
    """Look for cycles seldom, and never among the modules.

    Judging makes many small values and hardly a cycle; looking for them so often as Python does
    by default takes a twentieth of a large sync.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
