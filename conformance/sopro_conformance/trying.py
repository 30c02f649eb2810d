"""Tries cases: those that ask for verdicts on bytes alone together, every other by itself."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sopro_conformance.case import BrokenTextError, Case, Check, NotMeasured, Result, Verdict
from sopro_conformance.questions import ask_all
from sopro_conformance.trial import Trial

TOGETHER: Final = 12
"""So many cases have their questions mixed, if bytes are all they ask about."""


def mix(chosen: Sequence[Case], seed: str) -> list[list[Case]]:
    """Return which cases are tried together, one batch after the other.

    Those about bytes rest on no other and come first, in an order that follows from the seed.
    """
    mixed = [one for one in chosen if one.is_stateless]
    random.Random(f"{seed}/cases").shuffle(mixed)  # noqa: S311  # repeatable
    batches = [mixed[at : at + TOGETHER] for at in range(0, len(mixed), TOGETHER)]
    return batches + [[one] for one in chosen if not one.is_stateless]


async def try_cases(
    trials: Sequence[Trial], candidate: Mapping[str, Any], most: float
) -> list[Result]:
    """Have cases put their questions, ask all of them, and have the answers judged.

    Args:
        trials: of cases that know nothing of one another.
        candidate: what it said of itself.
        most: seconds that each may take.
    """
    told = [_why_not_tried(one.case, candidate) for one in trials]
    tried = [one for one, result in zip(trials, told, strict=True) if result is None]
    found = [await _put(one, most) for one in tried]
    try:
        async with asyncio.timeout(most * max(1, len(tried))):
            await ask_all(trials[0].candidate, [one.questions for one in tried])
    except TimeoutError:
        pass  # what was not answered says so
    for trial, result in zip(tried, found, strict=True):
        _judge(trial, result)
    left = iter(found)
    return [result or next(left) for result in told]


def _why_not_tried(one: Case, candidate: Mapping[str, Any]) -> Result | None:
    """Return what there is to say of a case about a feature that is not declared."""
    features = candidate.get("features")
    if one.feature and not isinstance(features, list):
        return Result(one, [], 0.0, "hello names no features, so none is known to be absent")
    if one.feature and one.feature not in (features or ()):
        declared = f"features: {features}"
        check = Check("feature", Verdict.NOT_APPLICABLE, f"{one.feature} declared", declared)
        return Result(one, [check], 0.0)
    return None


async def _put(trial: Trial, most: float) -> Result:
    """Have a case do all it does by itself, and put its questions."""
    one, stage = trial.case, trial.stage
    began = time.perf_counter()
    why = ""
    marks = {name: server.mark() for name, server in stage.servers().items()} if stage else {}
    if stage and stage.client is not None:
        stage.client.wire.clear()
    try:
        async with asyncio.timeout(most):
            await (one.outside if stage and stage.url and one.outside else one.work)(trial)
    except NotMeasured as missing:
        why = str(missing)
    except BrokenTextError as broken:
        expected = "text of Unicode characters in whatever a node says in JSON (EXCH-16)"
        trial.checks.append(Check("text in JSON", Verdict.FAIL, expected, str(broken)))
    except TimeoutError:
        why = f"the case took more than {most:.0f} seconds"
    except Exception as error:  # a run goes on, and the case is red
        why = _say_bug(error)
    result = Result(one, trial.checks, time.perf_counter() - began, why, wire=trial.wire)
    if stage:
        result.wire += [*(stage.client.wire if stage.client else []), *stage.asked_since(marks)]
    return result


def _judge(trial: Trial, result: Result) -> None:
    """Have a case judge the answers; that nothing is said of some does not hide the others."""
    try:
        trial.judge()
    except NotMeasured as missing:
        result.why = result.why or str(missing)
    except Exception as error:  # a run goes on, and the case is red
        result.why = result.why or _say_bug(error)
    result.checks = trial.checks
    answers = [answer for one in trial.questions.all for answer in one.answers]
    result.seconds += sum(one.seconds for one in answers)


def _say_bug(error: Exception) -> str:
    """Say of a bug of the suite itself, which is red, that it is one."""
    return f"the suite failed, which is a bug of the suite: {type(error).__name__}: {error}"
