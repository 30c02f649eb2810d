"""The API asked whatever its own description allows, and what it does not, over a real socket.

Another's program (schemathesis) reads the description and thinks of the requests. What it holds a
node to: no 500, whatever is sent; statuses, types and answers as described; what does not fit is
refused; a method that is none is refused with those that are.
"""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sopro_node.officer_roles import OfficerRole
from sopro_node.officers import officer_add
from sopro_node.web.limits import Allowance
from tests.node.conftest import Federation, free_port

pytestmark = pytest.mark.slow
HERE = Path(sys.executable).parent
EACH = 12
OFFICE = "^/api/v1/office"
# A description cannot say that a cursor is one of this node's, that exactly one parameter is named,
# or what stands in a table.
SETTINGS = """
[[operations]]
include-path-regex = "^/api/v1/(directory|check|expiring)"
checks.positive_data_acceptance.enabled = false

[[operations]]
include-path = "/api/v1/check"
include-method = "POST"
checks.positive_data_acceptance.enabled = false
checks.negative_data_rejection.enabled = false
"""


@pytest.fixture
def url(register: Path, tmp_path: Path) -> Iterator[str]:
    """Serve a copy of a register in a process of its own."""
    folder = tmp_path / "at"
    shutil.copytree(register / "at", folder)
    port = free_port()
    toml = folder / "node.toml"
    lines = [one for one in toml.read_text().splitlines() if not one.startswith(("listen", "url"))]
    toml.write_text("\n".join([f'listen = "127.0.0.1:{port}"', *lines]))
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [HERE / "sopro", "serve", folder], stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("serving")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def command_for(url: str, *more: str) -> list[str]:
    return [
        *(str(HERE / "schemathesis"), "run", f"{url}/api/v1/openapi.json", "--seed", "7"),
        *("--generation-database", "none", "--workers", "2", "--no-color", *more),
    ]


def test_holds_whatever_is_asked(url: str, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(SETTINGS)
    command = command_for(
        url,
        *("--phases", "examples,coverage,fuzzing", "--max-examples", str(EACH)),
        *("--exclude-path-regex", OFFICE),
    )
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:]
    assert "bug" not in (tmp_path / "log").read_text()


async def test_an_office_holds_whatever_an_officer_asks(
    federation: Federation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Allowance, "take", lambda _self, _who: 0.0)
    await federation.coordinator()
    at = await federation.join("at", "AT")
    roles = [role.value for role in OfficerRole]
    token = (await officer_add(at.node, {"name": "Maria", "roles": roles, "new_person": True}))[
        "token"
    ]
    size = at.node.log.held.size
    command = command_for(
        at.url,
        *("--phases", "fuzzing", "--max-examples", "4", "--include-path-regex", OFFICE),
        *("--header", f"Authorization: Bearer {token}"),
        *("--exclude-checks", "positive_data_acceptance"),
    )
    work = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await work.communicate()
    assert work.returncode == 0, said.decode()[-8000:]
    assert at.node.log.held.size > size, "nothing that was sent was any good"
