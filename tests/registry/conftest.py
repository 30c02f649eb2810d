import pytest

from tests.registry.world import World


@pytest.fixture
def world() -> World:
    return World()
