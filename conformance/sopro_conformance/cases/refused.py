"""Whole logs that are not taken: the rule holds for the log, not for one of its records."""

from collections.abc import Callable
from typing import Any, TypeAlias

from sopro_conformance.adapter import Answer
from sopro_conformance.case import Check, Verdict
from sopro_conformance.cases.judged import close, new_world, question
from sopro_conformance.questions import Question
from sopro_conformance.trial import Trial, with_request
from sopro_conformance.world.federation import World
from sopro_conformance.world.sitelog import SiteLog

Build: TypeAlias = Callable[[World, bool], SiteLog]
"""Builds a log, right or (True) with the one difference, and returns it."""


async def is_refused(
    trial: Trial, code: str, build: Build, *, delta: str, sites: str = "at hu"
) -> None:
    """Check that a log is refused for its one difference, and that the others are judged.

    Two worlds are made from one seed; they differ in that log only.
    """
    put: list[tuple[Question, str, set[str]]] = []
    for is_bad in (False, True):
        world = new_world(trial, delta, sites)
        log = build(world, is_bad)
        close(world, log)
        others = {one.origin for one in (world.coordinator, *world.sites.values())}
        put.append((question(trial, world), log.origin, others - {log.origin}))

    def judge(twin: Answer, answer: Answer) -> None:
        of_twin, (got, others_too) = (
            _read(one, origin, others)
            for one, (_, origin, others) in zip((twin, answer), put, strict=True)
        )
        if twin.ok is None or of_twin != (None, True) or answer.error:
            verdict = Verdict.NOT_MEASURED
        elif got not in code.split() or not others_too:
            verdict = trial.failed
        else:
            verdict = Verdict.PASS
        expected = f"the log is refused {code}, and the others are judged"
        actual, other = _say(answer, got, others_too), _say(twin, *of_twin)
        trial.checks.append(with_request(Check(delta, verdict, expected, actual, other), answer))

    trial.ask(judge, *(one for one, *_ in put))


def _read(answer: Answer, origin: str, others: set[str]) -> tuple[Any, bool]:
    """Return the code by which a log is refused, and whether the others were judged."""
    given = answer.ok or {}
    refused, logs = given.get("refused", {}), given.get("logs", {})
    return refused.get(origin), others <= set(logs)


def _say(answer: Answer, code: Any, others: bool) -> str:
    if answer.ok is None:
        return answer.words
    said = f"refused {code}" if code else "taken"
    return said if others else f"{said}, and others are not judged"
