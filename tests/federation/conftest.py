from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.federation.federation import Federation, Nursery, Site, federation


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    one = Nursery()
    yield one
    one.close()


@pytest.fixture
def land(tmp_path: Path, nursery: Nursery) -> Iterator[Federation]:
    """An empty federation."""
    with federation(tmp_path, nursery) as one:
        yield one


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Look last at the clients that are slow, so that nobody waits for them."""
    items.sort(key=lambda item: item.name == "test_slow_clients_are_cut")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the nodes said beside a failure."""
    report = yield
    if report.when == "call" and report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            for site in sites_of(value):
                report.sections.append((f"{name}: {site.code}", site.read_log()))
    return report


def sites_of(value: object) -> list[Site]:
    if isinstance(value, Site):
        return [value]
    sites = getattr(value, "sites", None) or getattr(getattr(value, "land", None), "sites", None)
    return list(sites.values()) if isinstance(sites, dict) else []
