"""Whole logs that are not taken: the rule holds for the log, not for one of its records."""

from collections.abc import Callable
from typing import Any, TypeAlias

from sopro_conformance.adapter import Answer
from sopro_conformance.case import Check, Verdict
from sopro_conformance.cases.judged import close, judge, new_world
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
    found: list[tuple[Answer, Any, bool]] = []
    for is_bad in (False, True):
        world = new_world(trial, delta, sites)
        log = build(world, is_bad)
        close(world, log)
        answer = await judge(trial, world)
        given = answer.ok or {}
        refused, logs = given.get("refused", {}), given.get("logs", {})
        others = {one["origin"] for one in world.question()["logs"]} - {log.origin}
        found.append((answer, refused.get(log.origin), others <= set(logs)))
    (twin, twin_code, twin_others), (answer, got, others_too) = found
    if twin.ok is None or twin_code or not twin_others or answer.error:
        verdict = Verdict.NOT_MEASURED
    elif got not in code.split() or not others_too:
        verdict = trial.failed
    else:
        verdict = Verdict.PASS
    expected = f"the log is refused {code}, and the others are judged"
    actual, other = _say(answer, got, others_too), _say(twin, twin_code, twin_others)
    trial.checks.append(with_request(Check(delta, verdict, expected, actual, other), answer))


def _say(answer: Answer, code: Any, others: bool) -> str:
    if answer.ok is None:
        return answer.words
    said = f"refused {code}" if code else "taken"
    return said if others else f"{said}, and others are not judged"
