"""add-checkpoint over HTTP, against a bare handler that takes the same body and answers as much."""

import asyncio
import functools
import urllib.request
from collections.abc import Sequence
from urllib.parse import urlsplit

import machine
from bench_reads import Generator
from figures import Figure, at_least, only
from machine import serving, span_of
from workload import Site, World

from sopro_node.keyring import load_keys
from sopro_node.node import Node
from sopro_protocol.checkpoint import Checkpoint, sign_checkpoint
from sopro_protocol.cosignature import AddCheckpoint, format_add_checkpoint
from sopro_protocol.keys import Role
from sopro_protocol.merkle import Hash, leaf_hash, prove_consistency, root_at, subtree_reader

_PATH = "/witness/add-checkpoint"
_ENTRIES = 4096
_PER_RUN = 400
_BOUND = 0.10
_RATE = 300


def measure(world: World, log: Site, witness: Site, *, runs: int, seconds: float) -> list[Figure]:
    """Have one site's witness cosign another's log: the same head again, then one that grows."""
    # The witness must know the log's keys; the entries behind its head nobody has.
    copy = world.copy(witness, "witness")
    with serving(log.folder):
        asyncio.run(_pull(copy))
    requests = _requests(log, count=1 + runs * _PER_RUN)
    port = urlsplit(copy.url).port or 0
    generator = Generator()
    again, grown, limits, ratios = [], [], [], []
    try:
        with serving(copy.folder):
            first = _cosign(copy, requests.first)
            bodies = [requests.again]
            bare = _Bare(len(first))
            try:
                for _ in range(runs):
                    before = bare.rate(generator, bodies, seconds=seconds / 2)
                    again.append(
                        generator.post_rate(port, _PATH, bodies, connections=16, seconds=seconds)
                    )
                    limits.append((before + bare.rate(generator, bodies, seconds=seconds / 2)) / 2)
                    ratios.append(again[-1] / limits[-1])
                # Only now, because it moves the head that was cosigned again and again.
                for number in range(runs):
                    chain = requests.chain[number * _PER_RUN : (number + 1) * _PER_RUN]
                    grown.append(generator.post_rate(port, _PATH, chain, connections=1, seconds=0))
            finally:
                bare.close()
    finally:
        generator.close()
    beside = f"{span_of(limits).median:,.0f}/s of {len(requests.again):,} bytes, bare POST"
    return [
        Figure("witness", "same head / limit", **at_least(_BOUND, span_of(ratios)), limit=beside),
        Figure(
            "witness",
            "same head again, 16 at once",
            **at_least(_RATE, span_of(again)),
            unit="requests/s",
        ),
        Figure(
            "witness", "a log that grows, one at a time", **only(span_of(grown)), unit="requests/s"
        ),
    ]


async def _pull(site: Site) -> None:
    node = await Node.open(site.folder)
    await node.exchange.sync_once()
    await node.close()


class _Requests:
    """Requests to cosign one log: its first head, that head again, and each that follows."""

    def __init__(self, first: str, again: str, chain: Sequence[str]) -> None:
        self.first = first
        self.again = again
        self.chain = chain


def _requests(log: Site, *, count: int) -> _Requests:
    node_leaves = asyncio.run(_leaves(log))
    leaves = [*node_leaves, *(leaf_hash(b"%d" % number) for number in range(_ENTRIES + count))]
    read = functools.lru_cache(maxsize=None)(subtree_reader(leaves))
    signer = load_keys(log.folder, Role.LOG)[Role.LOG]
    held = len(node_leaves)

    def request(old: int, new: int) -> str:
        note = sign_checkpoint(Checkpoint(log.origin, new, Hash(root_at(read, new))), signer)
        proof = prove_consistency(read, old_size=old, new_size=new)
        return format_add_checkpoint(AddCheckpoint(old, tuple(proof), note)).decode()

    size = held + _ENTRIES
    chain = [request(size + number, size + number + 1) for number in range(count - 1)]
    return _Requests(request(held, size), request(size, size), chain)


async def _leaves(log: Site) -> list[bytes]:
    node = await Node.open(log.folder)
    own = node.holdings.own
    leaves = [own.tree.read(0, index) for index in range(own.size)]
    await node.close()
    return leaves


def _cosign(site: Site, body: str) -> bytes:
    with urllib.request.urlopen(site.url + _PATH, body.encode()) as answer:
        found: bytes = answer.read()
        return found


class _Bare:
    """The bare server, answering as many bytes as a cosignature has."""

    def __init__(self, size: int) -> None:
        self._port = machine.free_port()
        self._process = machine.start("bare.py", self._port, size, size)
        machine.wait_for(f"http://127.0.0.1:{self._port}/json")

    def rate(self, generator: Generator, bodies: Sequence[str], *, seconds: float) -> float:
        return generator.post_rate(self._port, "/octets", bodies, connections=16, seconds=seconds)

    def close(self) -> None:
        machine.stop(self._process)
