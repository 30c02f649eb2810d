"""The world as somebody has it running who builds a node."""

import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sopro_cli.candidate import Candidate

pytestmark = pytest.mark.slow

PATIENCE = 60.0


def wait_until(check: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < end, f"not within {PATIENCE:g} s: {what}"
        time.sleep(0.05)


def test_a_node_joins_and_follows_what_is_kept_running(tmp_path: Path) -> None:
    invite = tmp_path / "invite.json"
    command = [sys.executable, "-m", "sopro_conformance.main", "world", "--members", "1"]
    world = subprocess.Popen([*command, "--invite", str(invite)], stdout=subprocess.PIPE, text=True)
    node = Candidate()
    try:
        assert world.stdout is not None
        for line in world.stdout:
            if line.startswith("invite"):
                break
        said = json.loads(invite.read_text())
        root = base64.b64encode(bytes.fromhex(said["root"])).decode()
        coordinator = {"origin": said["origin"], "root": root, "url": said["urls"][0]}
        node.start({"site": "at", "coordinator": coordinator})
        wait_until(lambda: node.call("status")["membership"] == "admitted", "it is admitted")

        def is_followed() -> bool:
            mirrors = node.call("status")["mirrors"]
            return len(mirrors) == 2 and all(one["size"] > 2 for one in mirrors)

        wait_until(is_followed, "coordinator and member are mirrored")
    finally:
        node.close()
        world.terminate()
        world.communicate(timeout=PATIENCE)
