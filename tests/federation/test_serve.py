"""What `sopro serve` says where it cannot: one sentence, an exit code, no traceback."""

import itertools
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.federation.federation import SOPRO, Federation, Nursery, Site, is_alive, wait_until

pytestmark = pytest.mark.slow


class Ended(NamedTuple):
    code: int
    said: str


Serve = Callable[..., Ended]


def serve_as_people_do(folder: Path, *arguments: str) -> Ended:
    done = subprocess.run(
        [str(SOPRO), "serve", str(folder), *arguments],
        check=False, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.stdout == ""
    return Ended(done.returncode, done.stderr)


@pytest.fixture
def serve(tmp_path: Path, nursery: Nursery) -> Serve:
    """The same, without the second that Python needs to load everything."""
    count = itertools.count()

    def run(folder: Path, *arguments: str) -> Ended:
        log = tmp_path / f"run-{next(count)}.log"
        number = nursery.start(log, "serve", str(folder), *arguments)
        wait_until(lambda: not is_alive(number), "the command has ended")
        return Ended(int(Path(f"{log}.code").read_text()), log.read_text())

    return run


def check_sentence(ended: Ended, code: int, *words: str) -> None:
    assert ended.code == code, ended
    lines = [line for line in ended.said.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, ended.said
    for word in words:
        assert word in lines[0]
    assert "Traceback" not in ended.said


@pytest.fixture
def at(land: Federation) -> Site:
    return land.new("at")


def test_a_second_process_on_a_directory_refuses(land: Federation, at: Site) -> None:
    at.start()
    done = serve_as_people_do(at.folder, "--listen", f"127.0.0.1:{land.ports.take()}")
    check_sentence(done, 75, "another sopro process", str(at.process), "stop it first")
    assert at.get("/health").status == 200


def test_a_port_in_use_is_said(land: Federation, at: Site) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        check_sentence(serve_as_people_do(at.folder, "--listen", address), 75, address, "listen")
    at.start()
    assert at.get("/health").status == 200


def test_a_directory_without_a_node_is_said(tmp_path: Path, serve: Serve) -> None:
    check_sentence(serve(tmp_path / "nothing"), 65, "sopro site new")


def test_a_broken_configuration_is_said(at: Site, serve: Serve) -> None:
    (at.folder / "node.toml").write_text("listen = ")
    check_sentence(serve(at.folder), 65, "node.toml", "TOML")
    (at.folder / "node.toml").write_text("fetch_second = 3\n")
    check_sentence(serve(at.folder), 65, "fetch_second", "fetch_seconds")
    (at.folder / "node.toml").write_text("fetch_seconds = 0\n")
    check_sentence(serve(at.folder), 65, "fetch_seconds", "1 to 600")


@pytest.mark.parametrize("name", ["log.pem", "registrar.pem"])
def test_a_lost_key_is_said(at: Site, serve: Serve, name: str) -> None:
    (at.folder / "keys" / name).unlink()
    check_sentence(serve(at.folder), 65, name, "backup")


def test_a_lost_database_does_not_begin_a_new_log(at: Site, serve: Serve) -> None:
    (at.folder / "node.db").unlink()
    check_sentence(serve(at.folder), 65, "node.db")
    assert not (at.folder / "node.db").exists()


def test_a_damaged_database_is_said(at: Site, serve: Serve) -> None:
    (at.folder / "node.db").write_bytes(b"not a database at all" * 1000)
    check_sentence(serve(at.folder), 65, "node.db")
