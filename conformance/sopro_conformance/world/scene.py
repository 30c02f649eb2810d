"""The surrounding federation while it runs: coordinator, peers and the candidate among them.

It is started with the first case that needs it and goes on to the last; a case that spoils a peer
takes a new one, which the coordinator admits then.
"""

import asyncio
import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from sopro_conformance.adapter import Adapter, Answer, unpack
from sopro_conformance.case import BrokenTextError, NotMeasured
from sopro_conformance.plain import read_json
from sopro_conformance.wire.codec import WireError
from sopro_conformance.wire.note import Checkpoint, read_checkpoint
from sopro_conformance.world.certified import Authority
from sopro_conformance.world.client import Client, wait_until, words
from sopro_conformance.world.federation import World
from sopro_conformance.world.memory import Memory
from sopro_conformance.world.names import Names
from sopro_conformance.world.served import prefix_of
from sopro_conformance.world.server import Server
from sopro_conformance.world.sitelog import SiteLog
from sopro_conformance.world.way import why_no_url
from sopro_conformance.world.witness import Witness

CANDIDATE: Final = "at"
ADMITTED_WITHIN: Final = 60.0
"""Seconds in which a candidate acts on what the coordinator has decided."""
POLL_SECONDS: Final = 1
_LINES: Final = 100
CAUGHT_UP_WITHIN: Final = 10.0
"""Seconds in which it takes what is right, once that is what it is told."""


@dataclass
class Peer:
    """A member of the world: its log, the node that serves it, and its witness."""

    code: str
    log: SiteLog
    server: Server
    witness: Witness

    @property
    def origin(self) -> str:
        """Of its log."""
        return self.log.origin

    @property
    def path(self) -> str:
        """Prefix of its log, as a pattern."""
        return prefix_of(self.origin)


@dataclass
class Scene:
    """A federation on loopback with the candidate in it.

    Attributes:
        adapter: of the candidate.
        source: of all randomness.
        patience: by which deadlines are multiplied.
        world: the logs.
        coordinator: the node that serves the coordinator's log.
        peers: the members, but the candidate.
        client: reads the candidate; None until it was started.
        vkey: of the candidate's witness.
        is_long: whether cases may take minutes.
        is_member: whether the candidate acts as a member.
        honest: a peer that never lies.
        admitted: codes of sites that asked by themselves.
        url: of a candidate that serves already and has no adapter; empty for one that has.
        ca: PEM file that the certificate at this address is verified against.
        public_only: whether the address has to be a public one.
        connect_to: address to connect to, whatever the name in `url` leads to.
        memory: what was seen at this address on other days.
        authority: whose certificates the candidate is told to believe.
        names: the name server that the candidate is told to ask.
    """

    adapter: Adapter
    source: random.Random
    patience: float = 1.0
    url: str = ""
    is_long: bool = False
    ca: str = ""
    public_only: bool = False
    connect_to: str = ""
    memory: Memory = field(default_factory=Memory)
    authority: Authority = field(default_factory=Authority)
    names: Names = field(default_factory=Names)
    world: World = field(init=False)
    coordinator: Server = field(default_factory=Server)
    peers: dict[str, Peer] = field(default_factory=dict)
    client: Client | None = None
    vkey: str = ""
    is_member: bool = False
    admitted: set[str] = field(default_factory=set)
    honest: Peer | None = None
    _codes: Iterator[str] = field(init=False)
    _why_not: str = ""

    def __post_init__(self) -> None:
        """Begin the coordinator's log."""
        self.world = World(self.source, "")
        self._codes = name_sites()

    # Life.

    async def open(self) -> None:
        """Start the coordinator's node."""
        self.coordinator.serve(self.world.coordinator)
        self.coordinator.posts["/api/v1/applications"] = _take_application
        await self.coordinator.start()
        await self.names.start()

    async def close(self) -> None:
        """End all nodes of the world; the candidate ends with its adapter."""
        if self.client is not None:
            await self.client.close()
        await asyncio.gather(*(one.server.stop() for one in self.peers.values()))
        await self.coordinator.stop()
        self.names.stop()

    async def start(self) -> Client:
        """Have the candidate serve, if it does not yet, without admitting it.

        Raises:
            NotMeasured: it does not start.
        """
        if self._why_not:
            raise NotMeasured(self._why_not)
        if self.url:
            return await self._visit()
        if not self.coordinator.port:
            await self.open()
        if self.client is None:
            return await self._start_first()
        if not await self.client.is_up():
            await self.ask("start")
        return self.client

    async def _visit(self) -> Client:
        """Find out which log a candidate without an adapter serves (EXCH-13)."""
        if self.client is None:
            client = Client(
                self.url.rstrip("/"),
                ca=self.ca,
                public_only=self.public_only,
                connect_to=self.connect_to,
            )
            reply = await client.ask("/.well-known/sopro")
            try:
                client.origin = read_json(reply.body, "/.well-known/sopro")["origin"]
                prefix_of(client.origin)
            except BrokenTextError:
                await client.close()
                raise
            except (ValueError, TypeError, LookupError, AttributeError):
                await client.close()
                self._why_not = f"no node answers at {self.url}: {words(reply)}"
                raise NotMeasured(self._why_not) from None
            client.seen += self.memory.heads_of(client.origin)
            self.client = client
        return self.client

    async def _start_first(self) -> Client:
        answer = await self.adapter.ask(
            "start",
            site=CANDIDATE,
            country=CANDIDATE.upper(),
            zone="Europe/Vienna",
            coordinator={
                "origin": self.world.coordinator.origin,
                "root": self.world.root,
                "url": self.coordinator.url,
            },
            url_allowed=["127.0.0.1/32"],
            name_server=self.names.address,
            poll_seconds=POLL_SECONDS,
            trusted_ca=self.authority.certificate.decode(),
        )
        given = answer.ok or {}
        origin, root = given.get("origin"), unpack(given.get("root"))
        if not given.get("url") or "/" not in str(origin) or root is None:
            self._why_not = f"the candidate does not start: {answer.words}"
            raise NotMeasured(self._why_not)
        self.vkey = str(given.get("vkey", ""))
        self.client = Client(_url_of(answer), str(origin))
        self._root = root
        # Before it signs its first head it may have to ask others (FENCE-1).
        await wait_until(self.client.is_up, within=ADMITTED_WITHIN * self.patience)
        return self.client

    async def join(self) -> Client:
        """Have the candidate serve as a member that acts on its admission.

        Raises:
            NotMeasured: it does not.
        """
        client = await self.start()
        if self.is_member:
            return client
        written = self.world.enroll(
            CANDIDATE, origin=client.origin, root=self._root, urls=[client.url]
        )
        await self.publish()

        async def acts() -> bool:
            return await client.acts_on() > written.position

        if not await wait_until(acts, within=ADMITTED_WITHIN * self.patience):
            self._why_not = "the candidate does not act on its admission (STATE-8)"
            raise NotMeasured(self._why_not)
        self.is_member = True
        return client

    async def publish(self) -> None:
        """End the coordinator's batch and tell whoever listens."""
        self.world.coordinator.state()
        await self.coordinator.announce(self.world.coordinator)

    # What went over the wire.

    def servers(self) -> dict[str, Server]:
        """Return the nodes of the world by name."""
        others = {code: one.server for code, one in self.peers.items()}
        return {"coordinator": self.coordinator} | others

    def asked_since(self, marks: Mapping[str, int]) -> list[str]:
        """Say what the candidate has asked of the world since then, a line for each request."""
        return [
            f"the candidate asks {name}: {one.method} {one.path[:200]}"
            for name, server in self.servers().items()
            for one in server.since(marks.get(name, 0))[-_LINES:]
        ]

    # The others.

    async def new_peer(
        self, entries: int = 0, *, prepare: Callable[[Peer], None] = lambda _: None
    ) -> Peer:
        """Admit another site, whose node serves from now on.

        Args:
            entries: so many records that count.
            prepare: has its node behave otherwise, before anybody hears of it.
        """
        code = next(self._codes)
        server = Server()
        await server.start()
        log = self.world.found(code)
        server.serve(log)
        witness = Witness(f"{log.origin.rsplit('/', 1)[0]}/witness", log.keys["witness"])
        server.posts["/witness/add-checkpoint"] = witness.answer
        peer = self.peers[code] = Peer(code, log, server, witness)
        prepare(peer)
        self.world.change_membership(code, urls=[server.url])
        await self.publish()
        log.state(self.world.coordinator)
        self.grow(peer, entries)
        return peer

    def grow(self, peer: Peer, entries: int = 1) -> None:
        """Append records that count to a peer's log, and nothing for none."""
        for number in range(entries):
            peer.log.append("organisation/1", organisation(peer.code))
            if number % 250 == 249:
                peer.log.state(self.world.coordinator)
        if entries:
            peer.log.state(self.world.coordinator)

    # Asking the candidate.

    async def ask(self, verb: str, **fields: Any) -> Answer:
        """Have the candidate do something that it must be able to do.

        Raises:
            NotMeasured: it cannot, or refuses.
        """
        answer = await self.adapter.ask(verb, **fields)
        if answer.ok is None:
            raise NotMeasured(f"{verb}: {answer.words}")
        # It may listen elsewhere after each start.
        url = _url_of(answer) if verb == "start" and self.client else ""
        if url and self.client and url != self.client.url:
            await self.client.move(url)
        return answer

    async def sync(self, origin: str) -> str:
        """Have the candidate pull a log now; return the code it was refused with, or nothing.

        Raises:
            NotMeasured: its adapter cannot.
        """
        answer = await self.ask("sync", origin=origin)
        peers = (answer.ok or {}).get("peers")
        one = peers.get(origin) if isinstance(peers, dict) else None
        if not isinstance(one, dict):
            raise NotMeasured(f"sync says nothing of {origin}: {answer.words}")
        return str(one.get("code", ""))

    async def catches_up(self, peer: Peer) -> str:
        """Have the candidate pull a peer's log until it holds it; return why it does not."""
        code = ""

        async def holds() -> bool:
            nonlocal code
            code = await self.sync(peer.origin)
            return await self.holds(peer)

        if await wait_until(holds, within=CAUGHT_UP_WITHIN * self.patience):
            return ""
        return code or "no reason told"

    async def mirrored(self, origin: str) -> Checkpoint | None:
        """Return the head that the candidate serves of another's log; None for none.

        Raises:
            NotMeasured: it does not answer, or with what is no checkpoint.
        """
        client = await self.start()
        reply = await client.ask(f"{prefix_of(origin)}/checkpoint")
        if reply.status == 404:
            return None
        try:
            return read_checkpoint(reply.body)
        except WireError as error:
            raise NotMeasured(f"the candidate's mirror of {origin}: {error}") from None

    async def holds(self, peer: Peer) -> bool:
        """Say whether the candidate serves a peer's log as it is."""
        head = await self.mirrored(peer.origin)
        return head is not None and (head.size, head.root) == (peer.log.size, peer.log.tree.root())


def _url_of(answer: Answer) -> str:
    """Return where the candidate listens, as `start` says; empty where it says nothing of it.

    Raises:
        NotMeasured: what it says is no address.
    """
    url = (answer.ok or {}).get("url")
    if url is None:
        return ""
    if why := why_no_url(str(url)):
        raise NotMeasured(f"start: its url: {why}")
    return str(url).rstrip("/")


def organisation(code: str) -> dict[str, Any]:
    """Return the body of an organisation record (REG-ORG)."""
    return {
        "actor_type": "enterprise",
        "country": code.upper(),
        "effective_date": "2026-02-01",
        "status": "active",
    }


async def _take_application(_body: bytes) -> web.StreamResponse:
    return web.json_response({})


def name_sites() -> Iterator[str]:
    """Give codes to sites, each once."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    for first, second in itertools.product("pqrvwz", letters):
        yield first + second
