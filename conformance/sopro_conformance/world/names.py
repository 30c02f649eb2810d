"""A DNS server on loopback for the names of the world: it answers as a case tells it (RFC 1035).

Of a message only the first question is read, and whatever stands behind it (EDNS) is passed over.
It speaks UDP; no answer is too long for that.
"""

import asyncio
import struct
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, ip_address
from typing import Final, NamedTuple, TypeAlias

A: Final = 1
AAAA: Final = 28
_IN: Final = 1
_ANSWER: Final = 0x8580
"""Flags: an answer, authoritative, recursion asked for and available."""
_NAME_ERROR: Final = 3
_HEADER: Final = struct.Struct("!6H")
_KEPT: Final = 20_000

Addresses: TypeAlias = Callable[[int], Sequence[str]]
"""From so many earlier questions of the kind to the addresses that a name has now."""


class Question(NamedTuple):
    """What was asked, and what was said.

    Attributes:
        name: in lower case, without a dot at its end.
        kind: `A`, `AAAA` or another number.
        told: the addresses in the answer.
    """

    name: str
    kind: int
    told: tuple[str, ...]


class Names(asyncio.DatagramProtocol):
    """A name server; names that nobody has entered do not exist.

    Attributes:
        port: where it listens on loopback.
        asked: every question, oldest first.
    """

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[Question] = []
        self._names: dict[str, Addresses] = {}
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def address(self) -> str:
        """Where it answers, as `start` is told."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        self.port = self._transport.get_extra_info("sockname")[1]

    def stop(self) -> None:
        """Listen no more."""
        if self._transport is not None:
            self._transport.close()

    def enter(self, name: str, *addresses: str) -> None:
        """Give a name addresses that stay."""
        self.vary(name, lambda _: addresses)

    def vary(self, name: str, addresses: Addresses) -> None:
        """Give a name addresses that change from question to question."""
        self._names[name.lower()] = addresses

    def told(self, name: str) -> list[tuple[str, ...]]:
        """Return what was answered to questions for a name, where it was any address."""
        return [one.told for one in self.asked if one.name == name.lower() and one.told]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a question."""
        if self._transport is not None and (answer := self.answer(data)):
            self._transport.sendto(answer, addr)

    def answer(self, data: bytes) -> bytes:
        """Return the answer to a message; nothing to what is no question."""
        try:
            number, flags, count, *_ = _HEADER.unpack_from(data)
            name, end = _read_name(data, _HEADER.size)
            kind, group = struct.unpack_from("!2H", data, end)
        except (struct.error, IndexError):
            return b""
        if flags & 0x8000 or count != 1 or group != _IN:
            return b""
        found = self._names.get(name)
        told = self._tell(name, kind, found) if found is not None else ()
        self.asked.append(Question(name, kind, told))
        del self.asked[:-_KEPT]
        result = _ANSWER | (flags & 0x0100) | (0 if found is not None else _NAME_ERROR)
        header = _HEADER.pack(number, result, 1, len(told), 0, 0)
        question = data[_HEADER.size : end + 4]
        return header + question + b"".join(_write_address(kind, one) for one in told)

    def _tell(self, name: str, kind: int, addresses: Addresses) -> tuple[str, ...]:
        before = sum(one.name == name and one.kind == kind for one in self.asked)
        return tuple(one for one in addresses(before) if _kind_of(one) == kind)


def _kind_of(address: str) -> int:
    return A if isinstance(ip_address(address), IPv4Address) else AAAA


def _read_name(data: bytes, at: int) -> tuple[str, int]:
    """Read the name of a question, which is never abbreviated; return where it ends, too."""
    labels = []
    while length := data[at]:
        label = data[at + 1 : at + 1 + length]
        if length > 63 or len(label) != length:
            raise IndexError("no label")
        labels.append(label.decode("ascii", "replace").lower())
        at += 1 + length
    return ".".join(labels), at + 1


def _write_address(kind: int, address: str) -> bytes:
    """Write a resource record about the name of the question, which nobody may keep."""
    packed = ip_address(address).packed
    return struct.pack("!3HIH", 0xC00C, kind, _IN, 0, len(packed)) + packed
