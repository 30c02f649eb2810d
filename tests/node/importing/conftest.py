from pathlib import Path

import pytest

from tests.node.importing.sources import FakeOffice, Told


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


@pytest.fixture
def office() -> FakeOffice:
    return FakeOffice()
