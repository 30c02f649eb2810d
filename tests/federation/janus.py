"""A site that shows one history of its log to some of its peers and another one to the others."""

import contextlib
import shutil
import socket
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

from aiohttp import web

from sopro_node.store.connection import DATABASE
from tests.federation.federation import Federation, Nursery, Site, wait_until
from tests.federation.liar import Liar

_SOCK_DIAG, _BY_FAMILY, _REQUEST = 4, 20, 1
_ANY_STATE, _ANY_COOKIE = 0xFFFFFFFF, (0xFFFFFFFF, 0xFFFFFFFF)
_LOOPBACK = socket.inet_aton("127.0.0.1")


def make_fork(land: Federation, nursery: Nursery, site: Site) -> Site:
    """Copy a site as it is now and start the copy: what both append from here on parts."""
    folder = site.folder.parent / f"fork-{len(land.sites)}"
    shutil.copytree(
        site.folder, folder, ignore=shutil.ignore_patterns(f"{DATABASE}*", "*.sock", "lock")
    )
    with (
        closing(sqlite3.connect(site.folder / DATABASE)) as source,
        closing(sqlite3.connect(folder / DATABASE)) as copy,
    ):
        source.backup(copy)
    fork = Site(nursery, folder, site.code, land.ports.take())
    land.sites[folder.name] = fork
    fork.start()
    # One that asks its peers later hears of the other history, and follows that one instead.
    wait_until(lambda: fork.status()["fence"]["state"] == "open", "the fork may sign")
    return fork


class Janus(Liar):
    """Stands before a site and shows its fork to whoever is in `deceived`.

    Attributes:
        deceived: sites that are shown the other history.
        other: URL of the fork; empty while there is none.
    """

    def __init__(self, port: int, *, upstream: str, code: str = "at") -> None:
        super().__init__(port, upstream=upstream)
        self.deceived: list[Site] = []
        self.other = ""
        self._prefix = f"/log/{code}/"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.raw_path
        if self.other and path.startswith(self._prefix) and self._is_deceived(request):
            headers = {"Accept-Encoding": "identity"}
            async with self._session.get(self.other + path, headers=headers) as answer:
                kind = answer.headers.get("Content-Type", "")
                return web.Response(
                    body=await answer.read(), status=answer.status, headers={"Content-Type": kind}
                )
        return await super()._answer(request)

    def _is_deceived(self, request: web.Request) -> bool:
        assert request.transport is not None
        port = request.transport.get_extra_info("peername")[1]
        theirs = f"socket:[{socket_between(port, self.port)}]"
        return any(theirs in sockets_of(one.process) for one in self.deceived)


def socket_between(port: int, other: int) -> str:
    """Return the kernel's number of the socket at a port of 127.0.0.1 that is connected to another.

    Asked of the kernel by `sock_diag(7)`: reading /proc/net/tcp takes long where tests before have
    left thousands of sockets behind. Empty where there is none any more.
    """
    ends = struct.pack(">HH4s12x4s12x", port, other, _LOOPBACK, _LOOPBACK)
    ends += struct.pack("=III", 0, *_ANY_COOKIE)
    question = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, _ANY_STATE) + ends
    head = struct.pack("=IHHII", 16 + len(question), _BY_FAMILY, _REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
        kernel.send(head + question)
        answer = kernel.recv(4096)
    _, kind = struct.unpack_from("=IH", answer)
    return str(struct.unpack_from("=I", answer, 84)[0]) if kind == _BY_FAMILY else ""


def sockets_of(process: int | None) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):  # it has ended
        for link in Path(f"/proc/{process}/fd").iterdir() if process else ():
            with contextlib.suppress(OSError):
                found.add(str(link.readlink()))
    return found
