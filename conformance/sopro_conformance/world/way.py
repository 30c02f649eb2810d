"""The way to a candidate: TLS, and the one address that its name had when it was first asked for.

Who tries nodes at addresses that others have written down must not be led into its own network. A
name is resolved once, judged, and connected to as judged, whatever it resolves to afterwards.
"""

import asyncio
import ssl
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from socket import AddressFamily, SocketKind, getaddrinfo
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

_UNICAST: Final = IPv6Network("2000::/3")
_WITHIN: Final = (IPv6Network("2001::/32"), IPv6Network("2002::/16"))
"""Teredo and 6to4: another address inside."""


class Way:
    """How a candidate is reached.

    Attributes:
        host: the name in its address.
        port: where it listens.
    """

    def __init__(
        self, url: str, *, ca: str = "", public_only: bool = False, connect_to: str = ""
    ) -> None:
        self.host = URL(url).host or ""
        self.port = URL(url).port or 80
        self._tls = (
            ssl.create_default_context(cafile=ca or None) if URL(url).scheme == "https" else None
        )
        self._public_only = public_only
        self._connect_to = connect_to
        self._found: tuple[AddressFamily, str] | None = None

    async def find(self) -> tuple[AddressFamily, str]:
        """Return the address, the same for as long as a run takes.

        Raises:
            OSError: the name has none, or one that may not be called.
        """
        if self._found is None:
            found = await asyncio.to_thread(
                getaddrinfo, self._connect_to or self.host, self.port, type=SocketKind.SOCK_STREAM
            )
            family, *_, place = found[0]
            address = str(place[0])
            if self._public_only and not is_public(address):
                raise OSError(f"{self.host} leads to {address}, which is no public address")
            self._found = family, address
        return self._found

    async def connect(
        self, *, source: str = ""
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection for bytes that no client of HTTP would send.

        Args:
            source: the address it comes from; the system's choice where it is empty.

        Raises:
            OSError: nobody is there, or this machine has no such address.
        """
        _, address = await self.find()
        name = self.host if self._tls else None
        return await asyncio.open_connection(
            address,
            self.port,
            ssl=self._tls,
            server_hostname=name,
            local_addr=(source, 0) if source else None,
        )

    def connector(self) -> aiohttp.TCPConnector:
        """Return what a client connects with."""
        return aiohttp.TCPConnector(
            force_close=True, resolver=_Found(self), ssl=self._tls or True, use_dns_cache=False
        )


class _Found(AbstractResolver):
    """Says the same address every time."""

    def __init__(self, way: Way) -> None:
        self._way = way

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_INET
    ) -> list[ResolveResult]:
        """Return the one address there is."""
        del family
        kind, address = await self._way.find()
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": kind,
                "proto": 0,
                "flags": 0,
            }
        ]

    async def close(self) -> None:
        """Hold nothing."""


def why_no_url(text: str) -> str:
    """Say why a text is no address of a node; empty where it is one."""
    try:
        found = URL(text)
        is_one = found.scheme in ("http", "https") and found.host and found.port
    except ValueError:
        is_one = False
    if is_one and text.isprintable() and not set(text) & set(" ?#@"):
        return ""
    return f"{text[:200]!r} is no address of a node, such as https://node.example"


def is_public(text: str) -> bool:
    """Say whether an address belongs to the internet at large."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast
    return _is_public_v6(address)


def _is_public_v6(address: IPv6Address) -> bool:
    return (
        address in _UNICAST
        and address.is_global
        and not any(address in network for network in _WITHIN)
    )
