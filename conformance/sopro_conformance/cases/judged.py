"""Whole logs handed over as bytes: what counts in them, and what is void."""

import random
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sopro_conformance.adapter import Answer
from sopro_conformance.case import Check, Verdict
from sopro_conformance.trial import Trial, with_request
from sopro_conformance.world.federation import World, void_of
from sopro_conformance.world.sitelog import SiteLog, Written

Act: TypeAlias = Callable[[World, bool], tuple[SiteLog, Written]]
"""Appends one record, right or (True) with the one difference; returns it and its log."""


def new_world(trial: Trial, name: str, sites: str = "at hu") -> World:
    """Return a federation that follows from the seed, the case and a name."""
    source = random.Random(f"{trial.seed}/{trial.case.id}/{name}")  # noqa: S311  # repeatable
    return World(source, sites)


async def judge(trial: Trial, world: World, day: str = "2026-03-15") -> Answer:
    """Ask for the verdict on all logs of a world."""
    return await trial.verify("logs", **world.question(day))


async def is_void(trial: Trial, code: str, act: Act, *, delta: str, sites: str = "at hu") -> None:
    """Check that one record is void for its one difference, and what follows it counts.

    Two worlds are made from one seed; they differ in that record only.
    """
    found: list[tuple[Answer, Any, Any]] = []
    for is_bad in (False, True):
        world = new_world(trial, delta, sites)
        log, written = act(world, is_bad)
        later = close(world, log)
        answer = await judge(trial, world)
        given = answer.ok
        origin = log.origin
        found.append((answer, void_of(given, written, origin), void_of(given, later, origin)))
    (twin, twin_void, twin_later), (answer, void, later_void) = found
    if twin_void != "" or twin_later != "" or answer.error:
        verdict = Verdict.NOT_MEASURED
    elif void not in code.split() or later_void != "":
        verdict = trial.failed
    else:
        verdict = Verdict.PASS
    expected = f"void {code}, and the next record counts"
    actual = f"entry {written.position} of {log.origin}: {_say(answer, void, later_void)}"
    check = Check(delta, verdict, expected, actual, _say(twin, twin_void, twin_later))
    trial.checks.append(with_request(check, answer))


def close(world: World, log: SiteLog) -> Written:
    """Append a record that counts wherever its site does, and end every log as it has to be."""
    if log is world.coordinator:
        later = world.publish_scheme(scheme="another", title={"en": "Another"})
    else:
        later = log.state(world.coordinator)
    world.coordinator.state()
    return later


def _say(answer: Answer, void: Any, later: Any) -> str:
    if answer.ok is None:
        return answer.words
    words = {None: "not told", "": "counts"}
    return f"{words.get(void, f'void {void}')}; the next record: {words.get(later, later)}"


async def stands(
    trial: Trial, world: World, wanted: Mapping[str, str], *, what: str, day: str = "2026-03-15"
) -> Answer:
    """Check how labels stand on a day, by certificate number."""
    answer = await judge(trial, world, day)
    labels = (answer.ok or {}).get("labels")
    found = {
        number: label.get("status") if isinstance(label, Mapping) else None
        for number, label in (labels if isinstance(labels, Mapping) else {}).items()
        if number in wanted
    }
    if answer.error:
        verdict = Verdict.NOT_MEASURED
    else:
        verdict = Verdict.PASS if found == dict(wanted) else trial.failed
    actual = str(found) if answer.ok is not None else answer.words
    check = Check(f"{what}, on {day}", verdict, str(dict(wanted)), actual)
    trial.checks.append(with_request(check, answer))
    return answer
