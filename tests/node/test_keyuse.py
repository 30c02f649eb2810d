"""One public key, one role, one site: no site is admitted with a key of another."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sopro_node import admission, found, memberships
from sopro_node.found import COORDINATOR
from sopro_node.inbox import list_acts
from sopro_node.keyoffice import keys
from sopro_node.keyring import KEYS, create_keys, open_key
from sopro_node.keyuse import check_keys, list_shared
from sopro_node.node import Node
from sopro_protocol.errors import RefusedError
from tests.node.conftest import Federation, Served, until
from tests.node.test_keys import change, follows


def with_keys(source: Path, *names: tuple[str, str]) -> Callable[..., None]:
    """Make keys as for a new site, some of which are those of another."""

    def make(folder: Path, passphrase: bytes | None = None) -> None:
        create_keys(folder, passphrase)
        for theirs, ours in names:
            shutil.copy(source / KEYS / f"{theirs}.pem", folder / KEYS / f"{ours}.pem")

    return make


@pytest.fixture
async def pair(federation: Federation) -> tuple[Served, Served]:
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    await until(lambda: follows(coordinator, at))
    return coordinator, at


async def copy_cat(
    federation: Federation,
    monkeypatch: pytest.MonkeyPatch,
    source: Node,
    *names: tuple[str, str],
) -> Served:
    monkeypatch.setattr(found, "create_keys", with_keys(source.folder, *names))
    return await federation.begin("xx", "HU")


@pytest.mark.parametrize(
    ("site", "role"),
    [("at", "root"), ("at", "witness"), (COORDINATOR, "root"), (COORDINATOR, "log")],
)
async def test_a_root_key_of_another_site_is_refused_when_it_asks(
    federation: Federation,
    pair: tuple[Served, Served],
    monkeypatch: pytest.MonkeyPatch,
    site: str,
    role: str,
) -> None:
    coordinator = pair[0].node
    cat = await copy_cat(federation, monkeypatch, federation.served[site].node, (role, "root"))
    with pytest.raises(RefusedError) as refused:
        await admission.receive_application(coordinator, admission.make_application(cat.node))
    assert refused.value.code == "mem.key"
    assert list(coordinator.reader.others.applications()) == []


@pytest.mark.parametrize("role", ["witness", "access"])
async def test_no_site_is_admitted_with_a_key_of_another(
    federation: Federation,
    pair: tuple[Served, Served],
    monkeypatch: pytest.MonkeyPatch,
    role: str,
) -> None:
    coordinator, at = pair[0].node, pair[1].node
    cat = await copy_cat(federation, monkeypatch, at, (role, "decision"))
    await admission.receive_application(coordinator, admission.make_application(cat.node))
    with pytest.raises(
        RefusedError, match=f"its decision key .* is the {role} key of at"
    ) as refused:
        await memberships.admit(coordinator, {"site": "xx"})
    assert refused.value.code == "mem.key"
    assert coordinator.holdings.directory.membership("xx") is None


async def test_a_root_key_that_a_site_has_given_up_stays_its_own(
    federation: Federation, pair: tuple[Served, Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinator, at = pair
    cat = await copy_cat(federation, monkeypatch, at.node, ("next-root", "root"))
    request = admission.make_application(cat.node)
    # Nobody can know it of a successor that the log has committed to by a digest only.
    await admission.receive_application(coordinator.node, request)
    successor = open_key(at.node.folder / KEYS / "next-root.pem").signer.public_key
    await change(at.node, "rotate", "root", successor=successor)
    await until(lambda: follows(coordinator, at))
    with pytest.raises(RefusedError, match="is the root key of at already"):
        await memberships.admit(coordinator.node, {"site": "xx"})


async def test_who_cannot_be_asked_is_admitted_and_everybody_is_told_later(
    federation: Federation, pair: tuple[Served, Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinator, at = pair
    cat = await copy_cat(federation, monkeypatch, at.node, ("witness", "witness"))
    request = admission.make_application(cat.node)
    port = cat.node.settings.address[1]
    await federation.served.pop("xx").close()
    await admission.receive_application(coordinator.node, request)
    answer = await memberships.admit(coordinator.node, {"site": "xx"})
    assert f"127.0.0.1:{port}" in answer["unchecked"]
    cat = await federation.open("xx", port)
    for one in (coordinator, at):
        await until(lambda one=one: bool(list_shared(one.node)))  # type: ignore[misc]
        [warning] = [
            said for said in (await keys(one.node, {}))["warnings"] if "both name the key" in said
        ]
        assert "xx" in warning
        assert "at" in warning
    assert ("keys", "xx") in [(item.kind, item.site) for item in list_acts(coordinator.node)]
    # The other one replaces it, and that is that.
    await change(at.node, "rotate", "witness")
    await until(lambda: follows(coordinator, at))
    assert list_shared(coordinator.node) == []


async def test_a_site_that_asks_again_with_its_own_keys_is_admitted(
    pair: tuple[Served, Served],
) -> None:
    coordinator, at = (one.node for one in pair)
    await memberships.change_membership(
        coordinator, {"site": "at", "changes": {"urls": ["http://127.0.0.1:9"]}}
    )
    await admission.receive_application(coordinator, admission.make_application(at))
    assert (await memberships.admit(coordinator, {"site": "at"}))["unchecked"] is None


async def test_who_serves_another_log_than_the_requests_is_not_admitted(
    federation: Federation, pair: tuple[Served, Served]
) -> None:
    coordinator = pair[0].node
    hu = await federation.begin("hu", "HU")
    request = admission.make_application(hu.node)
    port = hu.node.settings.address[1]
    await federation.served.pop("hu").close()
    shutil.rmtree(hu.node.folder)
    await admission.receive_application(coordinator, request)
    # Made anew at the same address, with other keys.
    plan = found.Plan(
        federation="sopro.example", site="hu", country="HU", listen=f"127.0.0.1:{port}"
    )
    found.create_node(hu.node.folder, plan, coordinator=False)
    await federation.open("hu", port)
    with pytest.raises(RefusedError, match=f"{port} serves another log") as refused:
        await memberships.admit(coordinator, {"site": "hu"})
    assert refused.value.code == "mem.untrusted"


async def test_an_address_that_is_no_node_is_said(
    pair: tuple[Served, Served],
) -> None:
    coordinator = pair[0].node
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n<html"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(page)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        request = {"site": "hu", "origin": "sopro.example/hu/1", "root": bytes(32), "urls": [url]}
        said = await check_keys(coordinator, request)
    assert said is not None
    assert said.startswith(f"{url}: keys: ")
