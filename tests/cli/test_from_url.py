"""Commands that ask a node over the network, and what they say where it has no answer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.place import GRANTED, sopro
from tests.node.conftest import Federation, Served, grant


@pytest.fixture
async def federation(tmp_path: Path) -> AsyncIterator[Federation]:
    federation = Federation(tmp_path)
    try:
        await federation.coordinator()
        yield federation
    finally:
        with contextlib.suppress(TimeoutError):
            await federation.close()


@pytest.fixture
async def at(federation: Federation) -> Served:
    one = await federation.join("at", "AT")
    await grant(one.node)
    return one


async def ask(*arguments: object, code: int) -> Result:
    """Run a command beside the nodes that serve here."""
    return await asyncio.to_thread(sopro, *arguments, code=code)


async def test_gets_the_certificate_of_a_label(at: Served, tmp_path: Path) -> None:
    file = tmp_path / "x.sopro"
    await ask("certificate", "get", GRANTED, "--url", f"{at.url}/", "-o", file, code=0)
    await ask("certificate", "verify", file, "--dir", tmp_path / "at", code=0)


async def test_label_that_is_not_known_there_ends_as_one_not_known_here(at: Served) -> None:
    result = await ask("certificate", "get", "SOPRO/AT0/001/99999", "--url", at.url, code=1)
    assert result.stderr == f"error: no label 'SOPRO/AT0/001/99999' is known at {at.url}\n"


@pytest.mark.parametrize("command", [("certificate", "get", GRANTED, "--url"), ("audit",)])
async def test_address_without_a_node_is_told_apart(
    federation: Federation, command: tuple[str, ...]
) -> None:
    address = f"{federation.served['eeig'].url}/verify"
    result = await ask(*command, address, code=65)
    assert result.stderr.startswith(f"error: {address}: something answers there, but no node; ")


@pytest.mark.parametrize("command", [("certificate", "get", GRANTED, "--url"), ("audit",)])
def test_address_that_cannot_be_reached_may_be_tried_again(command: tuple[str, ...]) -> None:
    result = sopro(*command, "http://127.0.0.1:9", code=75)
    assert "http://127.0.0.1:9/" in result.stderr


async def test_node_that_cannot_answer_now_is_heard(
    at: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at.node.holdings, "coordinator_origin", None)
    result = await ask(
        *("certificate", "get", GRANTED, "--url", at.url, "-o", tmp_path / "x"), code=75
    )
    assert "the coordinator's log is not here yet; try again after a sync" in result.stderr
