"""Whole logs handed over as bytes: what counts in them, and what is void."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from sopro_conformance.adapter import Answer
from sopro_conformance.case import Check, Verdict
from sopro_conformance.questions import Question
from sopro_conformance.trial import Trial, with_request
from sopro_conformance.world.federation import World, void_of
from sopro_conformance.world.sitelog import SiteLog, Written

Act: TypeAlias = Callable[[World, bool], tuple[SiteLog, Written]]
"""Appends one record, right or (True) with the one difference; returns it and its log."""


def new_world(trial: Trial, name: str, sites: str = "at hu") -> World:
    """Return a federation that follows from the seed, the case and a name."""
    own = f"{trial.seed}/{trial.case.id}/{name}"
    source, padding = (random.Random(f"{own}{one}") for one in ("", "/padding"))  # noqa: S311  # repeatable
    return World(source, sites, padding)


def question(trial: Trial, world: World, day: str = "2026-03-15") -> Question:
    """Put the question about all logs of a world, as they are now."""
    return trial.question("logs", **world.question(day))


async def is_void(trial: Trial, code: str, act: Act, *, delta: str, sites: str = "at hu") -> None:
    """Check that one record is void for its one difference, and what follows it counts.

    Two worlds are made from one seed; they differ in that record only.
    """
    put: list[tuple[Question, Written, Written, str]] = []
    for is_bad in (False, True):
        world = new_world(trial, delta, sites)
        log, written = act(world, is_bad)
        later = close(world, log)
        put.append((question(trial, world), written, later, log.origin))

    def judge(*answers: Answer) -> None:
        found = [
            (void_of(answer.ok, written, origin), void_of(answer.ok, later, origin))
            for answer, (_, written, later, origin) in zip(answers, put, strict=True)
        ]
        (twin, answer), (of_twin, (void, later)) = answers, found
        if of_twin != ("", "") or answer.error:
            verdict = Verdict.NOT_MEASURED
        elif void not in code.split() or later != "":
            verdict = trial.failed
        else:
            verdict = Verdict.PASS
        _, written, _, origin = put[-1]
        expected = f"void {code}, and the next record counts"
        actual = f"entry {written.position} of {origin}: {_say(answer, void, later)}"
        check = Check(delta, verdict, expected, actual, _say(twin, *of_twin))
        trial.checks.append(with_request(check, answer))

    trial.ask(judge, *(one for one, *_ in put))


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


async def stands(  # what is asked, of what, and who else judges it
    trial: Trial,
    world: World,
    wanted: Mapping[str, str],
    *,
    what: str,
    day: str = "2026-03-15",
    then: Callable[[Answer], None] = lambda _: None,
) -> None:
    """Have it checked how labels stand on a day, by certificate number.

    Args:
        trial: the case.
        world: with the labels.
        wanted: the status of each, by its number.
        what: is looked at.
        day: on which.
        then: is given the answer, too.
    """

    def judge(answer: Answer) -> None:
        check = _compare(answer, wanted, trial.failed)
        said = replace(check, delta=f"{what}, on {day}")
        trial.checks.append(with_request(said, answer))
        then(answer)

    trial.ask(judge, question(trial, world, day))


async def lists(trial: Trial, world: World, wanted: Mapping[str, str], *, what: str) -> None:
    """Have it checked what every member's status is."""

    def judge(answer: Answer) -> None:
        trial.check(
            what,
            holds=(answer.ok or {}).get("members") == wanted,
            expected=str(dict(wanted)),
            answer=answer,
        )

    trial.ask(judge, question(trial, world))


def _compare(answer: Answer, wanted: Mapping[str, str], failed: Verdict) -> Check:
    labels = (answer.ok or {}).get("labels")
    found = {
        number: label.get("status") if isinstance(label, Mapping) else None
        for number, label in (labels if isinstance(labels, Mapping) else {}).items()
        if number in wanted
    }
    if answer.error:
        verdict = Verdict.NOT_MEASURED
    else:
        verdict = Verdict.PASS if found == dict(wanted) else failed
    actual = str(found) if answer.ok is not None else answer.words
    return Check("", verdict, str(dict(wanted)), actual)
