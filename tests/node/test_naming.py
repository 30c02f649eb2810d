"""Names that are asked of the name servers of the settings, and judged like all others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sopro_conformance.world.canary import Canary
from sopro_conformance.world.names import Names
from sopro_node.fetch import Fetch
from sopro_node.naming import NamedServers, NameServer, parse_name_server
from sopro_node.reach import Reach
from sopro_protocol.errors import FormatError, PeerError

HERE = ("127.0.0.1/32",)


@asynccontextmanager
async def name_server() -> AsyncIterator[Names]:
    names = Names()
    await names.start()
    try:
        yield names
    finally:
        names.stop()


@asynccontextmanager
async def fetching(names: Names) -> AsyncIterator[Fetch]:
    reach = Reach(networks=HERE, name_servers=(names.address,))
    async with Fetch(10.0, reach=reach) as fetch:
        yield fetch


async def call(fetch: Fetch, name: str, port: int) -> str:
    with pytest.raises(PeerError) as caught:
        await fetch.get(f"http://{name}:{port}/log", limit=100)
    return caught.value.code


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.53", NameServer("192.0.2.53", 53)),
        ("192.0.2.53:5353", NameServer("192.0.2.53", 5353)),
        ("2001:db8::53", NameServer("2001:db8::53", 53)),
        ("[2001:db8::53]", NameServer("2001:db8::53", 53)),
        ("[::1]:5353", NameServer("::1", 5353)),
    ],
)
def test_reads_name_servers(text: str, server: NameServer) -> None:
    assert parse_name_server(text) == server


@pytest.mark.parametrize(
    "text",
    ["", "dns.example", "127.1", "192.0.2.53:", "192.0.2.53:0", "192.0.2.53:65536", "[::1]:x"],
)
def test_refuses_what_is_no_name_server(text: str) -> None:
    with pytest.raises(FormatError, match=r"expected a name server such as '192\.0\.2\.53'"):
        parse_name_server(text)


async def test_all_addresses_of_a_name_are_found() -> None:
    async with name_server() as names:
        names.enter("peer.example", "192.0.2.1", "2001:db8::1", "192.0.2.2")
        found = await NamedServers([names.address]).resolve("peer.example", 80)
        assert {one["host"] for one in found} == {"192.0.2.1", "2001:db8::1", "192.0.2.2"}
        with pytest.raises(OSError, match=r"nobody\.example: no address"):
            await NamedServers([names.address]).resolve("nobody.example", 80)


async def test_a_name_of_too_many_addresses_has_none() -> None:
    async with name_server() as names:
        names.enter("peer.example", *(f"192.0.2.{number}" for number in range(1, 80)))
        with pytest.raises(OSError, match="79 addresses, more than 64"):
            await NamedServers([names.address]).resolve("peer.example", 80)


async def test_the_next_name_server_is_asked_where_one_is_silent() -> None:
    loop = asyncio.get_running_loop()
    silent, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
    )
    port = silent.get_extra_info("sockname")[1]
    async with name_server() as names:
        names.enter("peer.example", "192.0.2.1")
        found = await NamedServers([f"127.0.0.1:{port}", names.address]).resolve("peer.example")
        assert [one["host"] for one in found] == ["192.0.2.1"]
    silent.close()


async def test_only_addresses_of_the_allowed_networks_are_called() -> None:
    async with (
        name_server() as names,
        fetching(names) as fetch,
        Canary("127.0.0.1") as allowed,
        Canary("127.0.0.2", allowed.port) as forbidden,
    ):
        names.enter("good.example", "127.0.0.1")
        names.enter("mapped.example", "::ffff:127.0.0.2")
        names.enter("bad.example", "127.0.0.2")
        names.enter("both.example", "127.0.0.1", "127.0.0.2")
        for name in ("mapped.example", "bad.example", "both.example"):
            assert await call(fetch, name, allowed.port) == "hos.address", name
        assert (allowed.calls, forbidden.calls) == (0, 0)
        assert await call(fetch, "good.example", allowed.port) == "hos.unreachable"
        assert (allowed.calls > 0, forbidden.calls) == (True, 0)


async def test_a_name_is_asked_for_once_for_a_connection() -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with (
        server,
        name_server() as names,
        fetching(names) as fetch,
        Canary("127.0.0.2", port) as forbidden,
    ):
        names.vary("peer.example", lambda before: ["127.0.0.2" if before % 2 else "127.0.0.1"])
        codes = [await call(fetch, "peer.example", port) for _ in range(4)]
        assert codes == ["hos.status", "hos.address"] * 2
        assert names.told("peer.example") == [("127.0.0.1",), ("127.0.0.2",)] * 2
        assert forbidden.calls == 0


async def test_the_names_of_this_machine_are_asked_of_nobody() -> None:
    async with name_server() as names:
        reach = Reach(allow_private=True, name_servers=(names.address,))
        names.enter("localhost", "192.0.2.1")
        found = await reach.find("http://localhost:8440")
        assert found in ("127.0.0.1", "::1")
        assert names.asked == []


async def test_says_where_a_url_leads() -> None:
    async with name_server() as names:
        names.enter("peer.example", "127.0.0.1")
        names.enter("bad.example", "127.0.0.2")
        reach = Reach(networks=HERE, name_servers=(names.address,))
        assert await reach.find("https://peer.example") == "127.0.0.1"
        assert await reach.find("http://127.0.0.1:9") == "127.0.0.1"
        for url, code in (
            ("https://bad.example", "hos.address"),
            ("http://127.0.0.2", "hos.address"),
            ("https://nobody.example", "hos.unreachable"),
        ):
            with pytest.raises(PeerError) as caught:
                await reach.find(url)
            assert caught.value.code == code
