"""The demo register is imported as it is shipped, and shows a label in every status."""

import tomllib
from pathlib import Path

import pytest

import sopro_cli
from sopro_node.importing.fields import REGISTERED
from sopro_node.importing.mapping import load_mapping
from sopro_registry.label import Status
from tests.node.conftest import Federation
from tests.node.importing.sources import Told, counts, over_msgpack

REGISTER = Path(sopro_cli.__file__).parent / "demo_register"
DAY = "2026-11-22"


@pytest.mark.parametrize("site", ["at", "hu"])
async def test_imports_without_an_error_and_has_every_status(
    federation: Federation, told: Told, site: str
) -> None:
    await federation.coordinator()
    node = (await federation.join(site, site.upper())).node
    call = over_msgpack(node)
    for again in (False, True):
        for kind in REGISTERED:
            text = (REGISTER / site / f"{kind}.csv").read_bytes()
            mapping = load_mapping(REGISTER / site / "mapping.toml", kind)
            appended, unchanged, refused, bad = counts(await told.run(call, kind, text, mapping))
            assert (refused, bad) == (0, 0), told.lines
            assert (appended == 0, unchanged == 0) == (again, not again)
    [counted] = (await node.counting.statistics()).sites
    assert counted.void == 0
    words = {status.word for status in Status} - {"none", "refused"}
    assert set(counted.labels) == words
    assert counted.decisions["refuse"] > 0
    assert "unknown" in counted.decisions_by_year
    coming = [label for label in node.desk.labels(limit=200) if label.status == "none"]
    assert len(coming) == 1


def test_every_translation_is_used() -> None:
    for site in ("at", "hu"):
        mapping = tomllib.loads((REGISTER / site / "mapping.toml").read_text())
        for kind in REGISTERED:
            text = (REGISTER / site / f"{kind}.csv").read_text()
            tables = [mapping[kind].get("status", {}), *mapping[kind].get("values", {}).values()]
            for word in (word for table in tables for word in table):
                assert word in text, f"{site}: {kind}: {word}"
