"""Sources to import from, and an office that keeps what it is handed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from sopro_node.importing.fields import Kind
from sopro_node.importing.job import Job
from sopro_node.importing.mapping import parse_mapping
from sopro_node.importing.mapping_parts import SourceMapping
from sopro_node.importing.planning import Call
from sopro_node.importing.report import Report, Summary
from sopro_node.importing.run import run_import
from sopro_node.node import Node
from sopro_node.office import OPERATIONS

SECRET = bytes(32)

ORGANISATIONS: dict[str, Any] = {
    "columns": {
        "key": "no",
        "legal_name": "name",
        "locality": "place",
        "country": "land",
        "effective_date": "since",
    },
    "constants": {"actor_type": "enterprise"},
    "values": {"country": {"EL": "GR"}},
    "dates": {"effective_date": {"format": "%d.%m.%Y"}},
}
OFFERINGS: dict[str, Any] = {
    "columns": {"key": "no", "organisation": "org"},
    "constants": {"kind": "product"},
    "texts": {"name": {"column": "name", "language": "de"}},
}
DECISIONS: dict[str, Any] = {
    "columns": {"key": "no", "order": "n", "status": "status", "effective_date": "at"},
    "constants": {"scheme": "sopro"},
    "dates": {"effective_date": {"kind": "instant"}},
    "status": {"granted": "hold", "accredited": "hold", "suspended": "suspend", "*": "end"},
}


class FakeOffice:
    """Answers like a site that has everything that is referred to, and remembers the rest."""

    def __init__(self, zone: str = "Europe/Vienna") -> None:
        self.zone = zone
        self.drafts: list[dict[str, Any]] = []
        self.count = 0
        self.keeps = True

    async def __call__(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        if name == "identity":
            return {"zone": self.zone, "coordinator": False}
        if name == "own_organisations":
            return {"rows": []}
        if name in ("import_rows", "rehearse"):
            self.count += len(values["drafts"])
            if self.keeps:
                self.drafts += values["drafts"]
            return {"outcomes": [{"index": 0} for _ in values["drafts"]], "line": {}}
        there = {"head": b"", "state": {}, "body": {}, "fields": {}, "decisions": []}
        is_lookup = values["with_body"]
        return {"rows": [None if is_lookup else there for _ in values["entities"]]}


def over_msgpack(node: Node) -> Call:
    """Call a node as the control socket does: plain values only."""

    async def call(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        plain = msgspec.msgpack.decode(msgspec.msgpack.encode(values))
        answer = await OPERATIONS[name](node, plain)
        decoded: dict[str, Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(answer))
        return decoded

    return call


class Told:
    """An import and what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self.number = 0
        self.report: Report | None = None

    async def run(
        self,
        call: Call,
        kind: Kind,
        text: str | bytes,
        mapping: Mapping[str, Any] | SourceMapping | None = None,
        *,
        is_dry: bool = False,
    ) -> Summary:
        self.number += 1
        path = self.folder / f"source{self.number}.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        if isinstance(mapping, Mapping):
            mapping = parse_mapping(mapping, kind, where="mapping.toml")
        self.lines.clear()
        job = Job(kind, path, mapping, self.bad, self.lines.append, lambda *_: None, is_dry)
        self.report = await run_import(job, call, secret=SECRET)
        return self.report.summary

    @property
    def bad(self) -> Path:
        return self.folder / f"bad{self.number}.csv"


def counts(summary: Summary) -> tuple[int, int, int, int]:
    """Appended, unchanged, refused, bad; their sum is what was read."""
    four = (summary.appended, summary.unchanged, summary.refused, summary.bad)
    assert sum(four) == summary.read
    return four
