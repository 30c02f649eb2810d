from collections.abc import Iterator
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
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
