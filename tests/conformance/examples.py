"""The second implementation, in JavaScript, that lies beside the suite."""

import os
import shutil
from pathlib import Path

import pytest

JAVASCRIPT = Path(__file__).parents[2] / "conformance" / "examples" / "javascript"


def require_node() -> str:
    """Return the program, or say loudly that it is not there; CI has it."""
    node = shutil.which("node")
    if node is None:
        if os.environ.get("CI"):
            pytest.fail("Node.js is not installed; CI needs it (Debian: apt-get install nodejs)")
        pytest.skip("Node.js is not installed (Debian: apt-get install nodejs)")
    return node
