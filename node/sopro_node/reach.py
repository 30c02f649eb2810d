"""Whom this node may call: an address is resolved once, judged, and connected to as judged.

The addresses of other nodes come from records, so whoever writes records could lead this node to
what only it can reach: itself, its neighbours, the machine's metadata service. A name is therefore
judged by what it resolves to, and the connection goes to the very addresses that were judged
(SPEC section REACH).
"""

import ssl
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from socket import AddressFamily
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from sopro_node.naming import NamedServers
from sopro_protocol.errors import FormatError, PeerError

_NAT64: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")
_REFUSED: Final = (
    IPv6Network("64:ff9b:1::/48"),  # NAT64 of a local network: whatever it is translated to
    IPv6Network("2001::/32"),  # Teredo: somebody else's address inside
    IPv6Network("fec0::/10"),  # site-local, as it was once
)


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom to call, and whose certificates to believe.

    Attributes:
        allow_private: whether addresses that are not public may be called too.
        ca_file: PEM file that certificates are verified against; empty for the system's.
        networks: whose addresses may be called although they are not public, in CIDR notation.
        name_servers: who is asked for the addresses of a name, each `ADDRESS` or `ADDRESS:PORT`;
            none for whomever the system asks.
    """

    allow_private: bool = False
    ca_file: str = ""
    networks: tuple[str, ...] = ()
    name_servers: tuple[str, ...] = ()

    def check_url(self, url: str) -> None:
        """Refuse a URL that no node may have (SPEC REACH-1); a name is judged when it is resolved.

        Raises:
            PeerError: `hos.address`.
        """
        try:
            parsed = URL(url)
            port = parsed.port
        except ValueError as error:
            raise _refused(url, f"not a URL ({error})") from None
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise _refused(url, "expected http://HOST or https://HOST")
        if parsed.user is not None or parsed.password is not None:
            raise _refused(url, "it holds credentials, which no address of a node does")
        if not port:
            raise _refused(url, "expected a port from 1 to 65535")
        if is_literal(parsed.host):
            self.check_address(parsed.host, of=url)
        elif parsed.host.replace(".", "").isdigit():
            # Some resolvers read 127.1 or 2130706433 as an address, past everybody who judges.
            raise _refused(url, "an IPv4 address is written as four decimal numbers")

    def check_address(self, address: str, *, of: str) -> None:
        """Refuse an address that is not public, where those are not allowed (SPEC REACH-3).

        Args:
            address: as it would be connected to.
            of: the name or URL it belongs to.

        Raises:
            PeerError: `hos.address`.
        """
        if not (self.allow_private or is_public(address) or is_in(address, self.networks)):
            raise _refused(
                of,
                f"it leads to {address}, which is no public address; private_networks with its "
                'network, or private_addresses = "allow", lets this node call it',
            )

    async def find(self, url: str) -> str:
        """Return the address that a URL leads to, judged like those this node connects to.

        Raises:
            PeerError: `hos.address`, this node may not call there; `hos.unreachable`, the name has
                no address.
        """
        self.check_url(url)
        host = URL(url).raw_host or ""
        if is_literal(host):
            return host
        resolver = GuardedResolver(self)
        try:
            found = await resolver.resolve(host, family=AddressFamily.AF_UNSPEC)
        except OSError as error:
            raise PeerError(f"{url}: {error}", code="hos.unreachable") from None
        finally:
            await resolver.close()
        return found[0]["host"]

    def tls(self) -> ssl.SSLContext:
        """Return what verifies the certificates of other nodes.

        Raises:
            FormatError: the file of trusted certificates cannot be used.
        """
        try:
            return ssl.create_default_context(cafile=self.ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise FormatError(f"peer_ca: {self.ca_file!r} cannot be used: {error}") from None


ANYWHERE: Final = Reach(allow_private=True)
"""For an address that the operator has written on the command line."""


def is_literal(host: str) -> bool:
    """Say whether a host is an IP address and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_public(text: str) -> bool:
    """Say whether an address belongs to the internet at large, also inside another address."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return _is_public(address)
    if any(address in network for network in _REFUSED):
        return False
    inner = _inner(address)
    return _is_public(inner) if inner is not None else _is_public(address)


def _inner(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for, if any."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64 or address in _COMPATIBLE:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and not address.is_loopback
        and not address.is_link_local
    )


def is_in(text: str, networks: tuple[str, ...]) -> bool:
    """Say whether an address lies in one of these networks; a mapped one is what it stands for."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in _network(one) for one in networks)


@lru_cache(maxsize=256)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)


def is_loopback_url(url: str) -> bool:
    """Say whether a URL leads to the machine it is used on."""
    try:
        host = URL(url).host or ""
    except ValueError:
        return False
    if is_literal(host):
        return ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


class GuardedResolver(AbstractResolver):
    """Resolves a name once for a connection; every address it has must be allowed."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._system = ThreadedResolver()
        self._inner: AbstractResolver = (
            NamedServers(reach.name_servers) if reach.name_servers else self._system
        )

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a name; the connection goes to one of these and no other.

        Raises:
            PeerError: `hos.address`, one of them is not allowed.
            OSError: the name has none.
        """
        inner = self._system if _is_this_machine(host) else self._inner
        found = await inner.resolve(host, port, family)
        for one in found:
            self._reach.check_address(one["host"], of=host)
        return found

    async def close(self) -> None:
        """Give back what resolving needed."""
        await self._inner.close()
        await self._system.close()


def _is_this_machine(host: str) -> bool:
    """Say whether a name means this machine everywhere, whatever a name server says (RFC 6761)."""
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost")


def _refused(of: str, why: str) -> PeerError:
    return PeerError(f"{of[:200]}: not called: {why}", code="hos.address")
