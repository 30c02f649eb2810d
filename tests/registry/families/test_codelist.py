from typing import Any

import pytest

from tests.registry.world import World, bytes16, codelist_body, commitment


def write(world: World, entity: str, **changes: Any) -> str | None:
    docs = changes.pop("docs", [commitment("codelist")])
    body = codelist_body() | changes
    written = world.coordinator.write("codelist/1", body, entity=bytes16(entity), docs=docs or None)
    return written.code


def test_adds_a_version_and_keeps_those_before(world: World) -> None:
    assert write(world, "cpv") is None
    assert write(world, "cpv", version="2026", size=9) is None
    directory = world.node.directory
    assert [one.version for one in directory.codelists()] == ["2008", "2026"]
    latest, first = directory.codelist("cpv"), directory.codelist("cpv", version="2008")
    assert latest is not None
    assert first is not None
    assert (latest[1].size, first[1].size) == (9, 2)
    assert directory.codelist("cpv", version="2007") is None
    assert directory.codelist("nuts") is None


@pytest.mark.parametrize(
    ("entity", "changes", "code"),
    [
        ("cpv", {"version": "2026"}, None),
        ("cpv", {}, "cdl.version"),
        ("cpv", {"digest": bytes(32)}, "cdl.version"),
        ("cpv", {"version": "2026", "list": "nuts"}, "mem.name"),
        ("second", {"version": "2026"}, "mem.name"),
        ("second", {"list": "nuts"}, None),
        ("cpv", {"version": "2026", "docs": []}, "cdl.document"),
        ("cpv", {"version": "2026", "docs": [commitment("list")]}, "cdl.document"),
        (
            "cpv",
            {"version": "2026", "docs": [commitment("codelist", visibility="members")]},
            "cdl.document",
        ),
        ("cpv", {"version": "2026", "valid_from": "2026-02-29"}, "rec.body"),
        ("cpv", {"version": "2 026"}, "rec.body"),
        ("cpv", {"version": "2026", "size": 0}, "rec.body"),
        ("cpv", {"version": "2026", "size": 100_001}, "rec.body"),
        ("cpv", {"version": "2026", "digest": b"short"}, "rec.body"),
    ],
)
def test_refuses(world: World, entity: str, changes: dict[str, Any], code: str | None) -> None:
    assert write(world, "cpv") is None
    assert write(world, entity, **changes) == code


def test_counts_only_in_the_coordinators_log(world: World) -> None:
    written = world.at.write(
        "codelist/1", codelist_body(), entity=bytes16("own"), docs=[commitment("codelist")]
    )
    assert written.code == "lbl.competence"
    assert world.node.directory.codelist("cpv") is None
