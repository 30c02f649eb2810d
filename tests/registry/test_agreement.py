"""Every node agrees with the model and with every other node, whatever comes in whatever order."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sopro_registry.label import Label, Scope, Status, status_at
from sopro_registry.overlays import Overlay
from sopro_registry.transfer import Stage, follow_label
from tests.registry import model
from tests.registry.lives import KINDS, PREFIXES, Life, ends_of, swarm
from tests.registry.model_overlays import overlays, recorded_since
from tests.registry.world import Node, World, ordinal, shift

STEP = st.integers(0, 2**20)
# Long lives are where things happen; short ones are what a failure shrinks to.
STEPS = st.lists(STEP, max_size=60) | st.lists(STEP, min_size=60, max_size=150)
ORDER = st.integers(0, 2**20)
# What all do at once hides what follows only where few things happen.
SOME = st.just(tuple(KINDS)) | st.randoms(use_true_random=False).map(swarm)
DAYS = ("2023-12-31", "2026-01-01", "2026-06-01", "2027-01-01", "2028-01-01", "2031-01-01")
QUARTERS = tuple(f"{year}-{month:02}-20" for year in range(2026, 2031) for month in (2, 5, 8, 11))
# What lives must have reached for their agreement to mean something.
REASONS = {
    "app.transition", "ass.authority", "ass.duties", "ass.findings", "ass.outcome", "ass.subject",
    "ass.transition", "cdl.document", "cdl.version", "cpl.subject", "cpl.transition", "era.again",
    "era.index", "lbl.imported", "lbl.scope", "rel.cycle", "rel.subject",
    "enc.framing", "hos.replay", "lbl.competence", "lbl.conflict", "lbl.criteria", "lbl.dates",
    "lbl.precondition", "lbl.reference", "lbl.transition", "mem.end", "mem.inactive", "mem.key",
    "mem.name", "mem.status", "rec.body", "rec.entry", "rec.family", "rec.form", "rec.time",
    "sig.invalid", "sig.key-retired", "sig.missing", "sig.role", "sig.unknown-key", "sig.weak-key",
    "sta.certificates", "sta.coordinator", "sta.keys", "sta.status",
}  # fmt: skip
WORDS = {
    "none", "active", "suspended", "revoked", "terminated", "transferred", "refused", "expired"
}  # fmt: skip


def live(steps: Iterable[int], kinds: Iterable[str] = KINDS) -> Life:
    life = Life(kinds)
    for step in steps:
        life.live(step)
    return life


def deliver(life: Life, node: Node, order: int, *, last: str | None = None) -> int:
    """Deliver every log in chunks, by chance; say how often a log had to wait."""
    rng, waited = Random(order), 0
    missing = {author.origin: list(author.entries) for author in life.authors.values()}
    while any(missing.values()):
        origins = [origin for origin in missing if missing[origin] and origin != last]
        origin = rng.choice(origins or [origin for origin in missing if missing[origin]])
        chunk = missing[origin][: rng.choice((1, 3, 20, 256))]
        taken = node.deliver(origin, chunk)
        missing[origin] = missing[origin][taken:]
        if taken < len(chunk):
            waited += 1
            last = None
    return waited


def days_of(label: dict[str, Any]) -> list[str]:
    named = {one[field] for one in label["history"] for field in ("from", "until")}
    around = [shift(day, days) for day in sorted(named - {""}) for days in (-1, 0, 1)]
    return [*DAYS, *around]


def by_model(log: model.Log) -> dict[str, Any]:
    states = {
        entity: held["state"]
        for entity, held in log["entities"].items()
        if held["family"] == "label_decision" and held["state"]
    }
    labels = {
        entity: [
            (day, model.status_on(label["history"], day), model.scope_on(label["history"], day))
            for day in days_of(label)
        ]
        for entity, label in states.items()
    }
    return {
        "labels": labels,
        "found": {
            entity: model.found_in(label)
            for entity, label in states.items()
            if label["number"] and not label["takes"]
        },
        "undetermined": {
            entity for entity, held in log["entities"].items() if held["undetermined"]
        },
        "voids": log["voids"],
        "counts": log["counts"],
        "reasons": log["reasons"],
        "cursor": (log["size"], log["grants"], len(log["voids"]), log["uninterpreted"]),
        "status": model.status_root(log) if log["knows_status"] else None,
    }


def by_node(node: Node, origin: str, days: dict[bytes, list[str]]) -> dict[str, Any]:
    ledger, tables, cursor = node.replicas[origin]
    states = {entity: node.state(origin, entity) for entity in tables.rows}
    labels = {
        entity: [
            (
                day,
                status_at(state.decisions, ordinal(day))[0].word,
                said_of(state.scope_at(ordinal(day))),
            )
            for day in days.get(entity, DAYS)
        ]
        for entity, state in states.items()
        if isinstance(state, Label)
    }
    return {
        "labels": labels,
        "found": {
            entity: (
                one.number,
                Status(one.status).word,
                *map(named, (one.settled, one.until)),
                one.year,
            )
            for entity, one in tables.labels.items()
        },
        "undetermined": {entity for entity in states if tables.rows[entity][3]},
        "voids": {index: void.code for index, void in tables.voids.items()},
        "counts": tables.counts,
        "reasons": Counter({tuple(one): number for one, number in tables.decided.items()}),
        "cursor": (cursor.projected, cursor.grants, cursor.voids, cursor.uninterpreted),
        "status": ledger.status_root(),
    }


def said_of(scope: Scope) -> dict[str, list[str]]:
    stated = {"areas": scope.areas, "cpv": scope.cpv}
    return {name: codes for name, codes in stated.items() if codes}


def named(day: int) -> str:
    """Return a day as it is written; "" for one that is not known."""
    return date.fromordinal(day).isoformat() if day else ""


def courses(life: Life, node: Node) -> tuple[list[Any], list[Any], int]:
    """Say whose every label is, by the model and by a node, and how many have changed sites."""
    expected, found, moved = [], [], 0

    def stages(site: str, entity: bytes) -> Iterator[Stage]:
        for origin, replica in node.replicas.items():
            state = node.state(origin, entity)
            if origin.split("/")[1] == site and isinstance(state, Label):
                yield Stage(origin, entity, state, replica.tables.rows[entity][3])

    for site, author in life.authors.items():
        for entity, held in life.logs[site]["entities"].items():
            label = held["state"] if held["family"] == "label_decision" else None
            if not label or label["takes"]:
                continue
            [first] = stages(site, entity)
            course = follow_label(first, stages, successors=node.directory.successors)
            moved += len(course.stages) > 1
            log = life.logs[site]
            ends = [day for end in ends_of(log) for day in (end, shift(end, 1))][:12]
            for day in (*DAYS, *QUARTERS, *ends):
                whose = model.whose(life.logs, log, entity, day)
                since = recorded_since(life.logs, log, entity, day)
                expected.append((*whose, since, overlays(life.logs, log, entity, day)))
                stage = course.at(ordinal(day))
                word = status_at(stage.label.decisions, ordinal(day))[0].word
                since = named(course.recorded_by(ordinal(day)))
                over = node.overlays(author.origin, entity, day)
                found.append((stage.site, word, since, over))
        assert author.site == site
    return expected, found, moved


def check_agreement(life: Life, nodes: list[Node]) -> None:
    for site, author in life.authors.items():
        expected = by_model(life.logs[site])
        days = {entity: [day for day, *_ in seen] for entity, seen in expected["labels"].items()}
        for node in nodes:
            assert by_node(node, author.origin, days) == expected
        everywhere = [node.replicas[author.origin].tables for node in nodes]
        assert all(vars(tables) | {"_roots": 0} == vars(everywhere[0]) | {"_roots": 0}
                   for tables in everywhere)  # fmt: skip
    for node in nodes:
        expected, found, _ = courses(life, node)
        assert found == expected


@settings(max_examples=80, print_blob=True)
@given(steps=STEPS, order=ORDER, kinds=SOME)
def test_every_node_agrees_with_the_model(
    steps: list[int], order: int, kinds: Iterable[str]
) -> None:
    life = live(steps, kinds)
    nodes = [World.new_node(PREFIXES) for _ in range(3)]
    for count, node in enumerate(nodes):
        deliver(life, node, order + count, last=life.coordinator.origin if count else None)
    check_agreement(life, nodes)


def test_lives_reach_every_reason_and_every_status() -> None:
    reasons: set[str] = set()
    words: set[str] = set()
    over: set[str] = set()
    waited = moved = decided = 0
    for start in range(32):
        kinds = swarm(Random(start)) if start % 2 else KINDS
        life = live(range(start * 1000, start * 1000 + 150), kinds)
        node = World.new_node(PREFIXES)
        waited += deliver(life, node, start)
        check_agreement(life, [node])
        _, found, count = courses(life, node)
        moved += count
        over |= {overlay for *_, overlays in found for overlay in overlays}
        for log in life.logs.values():
            decided += len(log["decided"])
            reasons |= set(log["voids"].values())
            words |= {word for seen in by_model(log)["labels"].values() for _, word, _ in seen}
    assert (REASONS - reasons, WORDS - words) == (set(), set())
    assert over == {overlay.value for overlay in Overlay}
    assert decided > 5
    assert waited > 25
    assert moved > 3
