"""Asking the name servers of the settings for the addresses of other nodes' names.

Where an operator names none, the system's resolver is asked. What comes back is judged in `reach`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from socket import AddressFamily
from typing import TYPE_CHECKING, Final, NamedTuple

from aiohttp.abc import AbstractResolver, ResolveResult

from sopro_protocol.errors import FormatError

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

PORT: Final = 53
_LIFETIME: Final = 5.0
_EACH: Final = 2.0
_MOST: Final = 64
"""Addresses of one name; who has more has none."""
_KINDS: Final[Mapping[str, AddressFamily]] = {
    "A": AddressFamily.AF_INET,
    "AAAA": AddressFamily.AF_INET6,
}


class NameServer(NamedTuple):
    """Where a name server answers.

    Attributes:
        address: an IP address.
        port: over UDP, and TCP where an answer is long.
    """

    address: str
    port: int


def parse_name_server(text: str) -> NameServer:
    """Read `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`.

    Raises:
        FormatError: it is not that.
    """
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not (host.startswith("[") and host.endswith("]"))):
        host, port = text, str(PORT)
    host = host.removeprefix("[").removesuffix("]")
    try:
        is_address = str(ip_address(host)) == host
    except ValueError:
        is_address = False
    if not is_address or not (port.isascii() and port.isdecimal() and 0 < int(port) < 65_536):
        raise FormatError(
            f"expected a name server such as '192.0.2.53' or '[2001:db8::53]:53', got {text!r}"
        )
    return NameServer(host, int(port))


class NamedServers(AbstractResolver):
    """Resolves names by asking certain name servers, one after the other until one answers."""

    def __init__(self, servers: Sequence[str]) -> None:
        self._servers = [parse_name_server(one) for one in servers]
        self._resolver: Resolver | None = None

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return all addresses of a name.

        Raises:
            OSError: it has none, or more than anybody needs, or nobody answers.
        """
        from dns.exception import DNSException  # noqa: PLC0415  # as below

        kinds = [kind for kind in _KINDS if family in (AddressFamily.AF_UNSPEC, _KINDS[kind])]
        try:
            answers = await asyncio.gather(*(self._ask(host, kind) for kind in kinds))
        except DNSException as error:
            raise OSError(f"{host}: no address ({type(error).__name__}: {error})"[:300]) from None
        found = [
            (address, _KINDS[kind])
            for kind, told in zip(kinds, answers, strict=True)
            for address in told
        ]
        if not found:
            raise OSError(f"{host}: no address")
        if len(found) > _MOST:
            raise OSError(f"{host}: {len(found)} addresses, more than {_MOST}")
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": kind,
                "proto": 0,
                "flags": 0,
            }
            for address, kind in found
        ]

    async def _ask(self, host: str, kind: str) -> list[str]:
        """Return the addresses of one kind."""
        name = f"{host.rstrip('.')}."
        answer = await self._ready().resolve(name, kind, raise_on_no_answer=False)
        return [one.address for one in answer.rrset or ()]

    def _ready(self) -> "Resolver":
        """Return what asks; the library is loaded only where a node has name servers of its own."""
        if self._resolver is None:
            from dns.asyncresolver import Resolver  # noqa: PLC0415
            from dns.nameserver import Do53Nameserver  # noqa: PLC0415

            self._resolver = Resolver(configure=False)
            self._resolver.nameservers = [Do53Nameserver(*one) for one in self._servers]
            self._resolver.lifetime, self._resolver.timeout = _LIFETIME, _EACH
        return self._resolver

    async def close(self) -> None:
        """Hold nothing: each question has a socket of its own."""
