"""Whom a node calls: addresses in every spelling, and names that change their mind."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import aiohttp.connector
import pytest

from sopro_node.config import Settings
from sopro_node.fetch import Fetch
from sopro_node.reach import ANYWHERE, Reach, is_public
from sopro_protocol.errors import FormatError, PeerError
from tests.node.test_tls import serve, write_certificate

PUBLIC = ("93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822")
NOT_PUBLIC = (
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.9.9.9",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:0.0.0.0",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::5db8:d822",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "no address",
)
NOWHERE = (
    "ftp://sopro.example/",
    "file:///etc/passwd",
    "http:///log",
    "https://user@sopro.example/",
    "https://user:secret@sopro.example/",
    "https://sopro.example:0/",
    "https://sopro.example:65536/",
    "https://sopro.example:http/",
    "http://[::1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0177.0.0.1/",
    "http://93.184.216.034/",
    "http://93.184.216.34./",
)
# How an address can be written so that resolving it still gives this machine.
SPELLINGS = ("127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "localhost")


@pytest.mark.parametrize("address", PUBLIC)
def test_calls_public_addresses(address: str) -> None:
    assert is_public(address)
    Reach().check_address(address, of="peer")


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_refuses_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(PeerError, match="no public address") as caught:
        Reach().check_address(address, of="peer")
    assert caught.value.code == "hos.address"
    ANYWHERE.check_address(address, of="peer")


@pytest.mark.parametrize("url", NOWHERE)
def test_refuses_urls_no_node_has_even_where_private_ones_are_allowed(url: str) -> None:
    with pytest.raises(PeerError) as caught:
        ANYWHERE.check_url(url)
    assert caught.value.code == "hos.address"


@pytest.mark.parametrize("host", [*SPELLINGS, "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"])
@pytest.mark.parametrize("how", ["get", "post", "lines"])
async def test_nobody_is_connected_to_under_another_spelling(host: str, how: str) -> None:
    came = asyncio.Event()

    async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    url = f"http://{host}:{server.sockets[0].getsockname()[1]}/events"
    async with server, Fetch(2.0) as fetch:
        with pytest.raises(PeerError) as caught:
            await ask(fetch, how, url)
        assert caught.value.code == "hos.address"
        assert not came.is_set()
    if host in SPELLINGS:
        return
    # The accepted twin: allowed, it is called.
    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/events"
    async with server, Fetch(2.0, reach=ANYWHERE) as fetch:
        with pytest.raises(PeerError) as caught:
            await ask(fetch, how, url)
        assert caught.value.code != "hos.address"
        assert came.is_set()


async def ask(fetch: Fetch, how: str, url: str) -> None:
    if how == "get":
        await fetch.get(url, limit=100)
    elif how == "post":
        await fetch.post(url, b"", limit=100)
    else:
        async for _ in fetch.lines(url, limit=100):
            pass


class Names:
    """A resolver whose answers change from question to question."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int, *_args: Any, **_: Any) -> list[Any]:
        assert host == "peer.example"
        found = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))
            for address in found
        ]


async def connect_to(monkeypatch: pytest.MonkeyPatch, names: Names) -> tuple[list[str], str]:
    """Ask for something at a name; return where a connection was begun, and the reason."""
    begun: list[str] = []

    async def start(addr_infos: Any, **_: Any) -> socket.socket:
        begun.extend(info[4][0] for info in addr_infos)
        raise OSError("nobody there")

    monkeypatch.setattr(socket, "getaddrinfo", names)
    monkeypatch.setattr(aiohttp.connector.aiohappyeyeballs, "start_connection", start)
    async with Fetch(2.0) as fetch:
        with pytest.raises(PeerError) as caught:
            await fetch.get("https://peer.example/log", limit=100)
    return begun, caught.value.code


async def test_a_name_that_is_bound_anew_is_connected_to_as_it_was_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = Names(["93.184.216.34"], ["127.0.0.1"])
    begun, code = await connect_to(monkeypatch, names)
    assert (names.asked, set(begun), code) == (1, {"93.184.216.34"}, "hos.unreachable")


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["169.254.169.254"]]
)
async def test_a_name_with_one_address_that_is_not_public_is_not_called(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    begun, code = await connect_to(monkeypatch, Names(addresses))
    assert (begun, code) == ([], "hos.address")


@pytest.mark.parametrize(
    ("values", "allowed"),
    [
        ({}, True),
        ({"url": "http://localhost:8440"}, True),
        ({"url": "http://[::1]:8440"}, True),
        ({"url": "https://at.sopro.example"}, False),
        ({"url": "http://192.168.1.5"}, False),
        ({"url": "https://at.sopro.example:99999"}, False),
        ({"private_addresses": "refuse"}, False),
        ({"url": "https://at.sopro.example", "private_addresses": "allow"}, True),
    ],
)
def test_private_addresses_are_allowed_where_the_node_itself_is_on_the_loopback(
    values: dict[str, Any], allowed: bool
) -> None:
    assert Settings(**values).reach.allow_private == allowed


async def test_a_pinned_certificate_is_believed_and_no_other(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    served = await serve(tmp_path, tls_certificate=str(certificate), tls_key=str(key))
    reach = Settings(listen="127.0.0.1:1", peer_ca=str(certificate)).reach
    async with Fetch(reach=reach) as fetch:
        assert (await fetch.get(f"{served.url}/health", limit=1_000)).body
    await served.close()


async def test_says_which_file_of_certificates_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"peer_ca: .* cannot be used"):
        async with Fetch(reach=Reach(ca_file=str(tmp_path / "gone.pem"))):
            pass
