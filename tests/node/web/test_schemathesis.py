"""The API asked whatever its own description allows, and what it does not, over a real socket.

Another's program (schemathesis) reads the description and thinks of the requests. What it holds a
node to: no 500, whatever is sent; statuses, types and answers as described; what does not fit is
refused; a method that is none is refused with those that are.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.conftest import free_port

pytestmark = pytest.mark.slow
HERE = Path(sys.executable).parent
EACH = 12
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


def test_holds_whatever_is_asked(url: str, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(SETTINGS)
    command = [
        *(HERE / "schemathesis", "run", f"{url}/api/v1/openapi.json"),
        *("--phases", "examples,coverage,fuzzing"),
        *("--max-examples", str(EACH), "--seed", "7", "--generation-database", "none"),
        *("--workers", "2", "--no-color"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:]
    assert "bug" not in (tmp_path / "log").read_text()
