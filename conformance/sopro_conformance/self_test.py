"""The suite tried on itself: a node that is right has to be green, every fault has to be found."""

import asyncio
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sopro_conformance.case import CASES, Profile, Verdict
from sopro_conformance.picture import name_checks
from sopro_conformance.runner import Run, run

FILE: Final = "candidates.toml"
SEED: Final = "self-test"
_PATIENCE_WITH_NONE: Final = 0.05
"""Who answers nothing is not waited for as long as a node that works."""
_KEYS: Final = frozenset(
    {"name", "text", "adapter", "profile", "killed_by", "all_red", "only_named"}
)


class CandidatesError(ValueError):
    """The file of candidates is not one; the text says what to change."""


@dataclass(frozen=True)
class Candidate:
    """Whom the suite is tried on.

    Attributes:
        name: in the matrix.
        text: what is wrong with it.
        adapter: its command.
        profiles: that it is held to.
        killed_by: cases that have to find its fault; none for a node that has to be green.
        all_red: nothing may be green, because it knows nothing.
        only_named: a whole self-test tries only the cases that have to find it, too.
    """

    name: str
    text: str
    adapter: str
    profiles: tuple[Profile, ...]
    killed_by: tuple[str, ...] = ()
    all_red: bool = False
    only_named: bool = False


@dataclass(frozen=True)
class Trial:
    """What the suite said of a candidate.

    Attributes:
        candidate: of whom.
        red: cases that were not green.
        failed: of these, those that failed; the others were not measured.
        checks: that failed, as `name_checks` names them.
        problems: why the suite is not right about it; empty where it is.
    """

    candidate: Candidate
    red: tuple[str, ...]
    failed: tuple[str, ...]
    problems: tuple[str, ...]
    checks: tuple[str, ...] = ()


def read_candidates(folder: Path, only: Sequence[str] = ()) -> list[Candidate]:
    """Read the candidates of a folder, or those named.

    Raises:
        CandidatesError: there is no such file, it is none, or nobody there has such a name.
    """
    file = folder / FILE
    try:
        rows = tomllib.loads(file.read_text("utf-8"))["candidate"]
        found = [_read(row, folder) for row in rows]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise CandidatesError(f"{file}: {error}; expected [[candidate]] tables") from None
    names = [one.name for one in found]
    if len(set(names)) != len(names):
        raise CandidatesError(f"{file}: two candidates of one name")
    if unknown := sorted(set(only) - set(names)):
        raise CandidatesError(f"{file}: no candidate {unknown[0]!r}; there are {', '.join(names)}")
    return [one for one in found if one.name in only or not only]


def _read(row: Mapping[str, Any], folder: Path) -> Candidate:
    if unknown := row.keys() - _KEYS:
        raise CandidatesError(f"unknown {sorted(unknown)}; known are {sorted(_KEYS)}")
    killed_by = tuple(row.get("killed_by", ()))
    if missing := [one for one in killed_by if one not in CASES]:
        raise CandidatesError(f"{row['name']}: no case {missing[0]!r}")
    adapter = row["adapter"].replace("{python}", sys.executable)
    profiles = tuple(map(Profile, row.get("profile", "reader").split("+")))
    return Candidate(
        row["name"],
        row["text"],
        adapter.replace("{here}", str(folder.resolve())),
        profiles,
        killed_by,
        bool(row.get("all_red", False)),
        bool(row.get("only_named", False)),
    )


def try_all(
    candidates: Iterable[Candidate],
    *,
    whole: bool,
    tell: Callable[[Trial], None] = lambda _: None,
) -> list[Trial]:
    """Run the suite against every candidate.

    Args:
        candidates: whom.
        whole: all cases of the profile; otherwise of a mutant only those that have to find it.
        tell: called after each.
    """
    found = []
    for one in candidates:
        is_whole = not one.killed_by or (whole and not one.only_named)
        names = () if is_whole else one.killed_by
        patience = _PATIENCE_WITH_NONE if one.all_red else 1.0
        done = asyncio.run(
            run(one.adapter, one.profiles, seed=SEED, names=names, deadline=patience)
        )
        trial = _judge(one, done)
        tell(trial)
        found.append(trial)
    return found


def _judge(one: Candidate, done: Run) -> Trial:
    red = tuple(
        result.case.id
        for result in done.results
        if result.verdict in (Verdict.FAIL, Verdict.NOT_MEASURED, Verdict.WARN)
    )
    # A SHOULD that is found not to hold only warns.
    failed = tuple(
        result.case.id for result in done.results if result.verdict in (Verdict.FAIL, Verdict.WARN)
    )
    problems = [] if done.results else ["no case ran"]
    if one.all_red:
        green = [result.case.id for result in done.results if result.case.id not in red]
        problems += [f"green: {', '.join(green)}"] if green else []
    elif one.killed_by:
        missed = [name for name in one.killed_by if name not in red]
        problems += [f"not found by {', '.join(missed)}"] if missed else []
        if done.candidate == {}:
            problems.append("it does not start, so nothing is said of the suite")
        elif not failed:
            problems.append("nothing failed, it was only not measured")
    elif red:
        problems.append(f"it has to be green and is not: {', '.join(red)}")
    return Trial(one, red, failed, tuple(problems), tuple(name_checks(done.results)))


def write_matrix(trials: Sequence[Trial]) -> str:
    """Write who was found by which cases, a line each."""
    width = max((len(one.candidate.name) for one in trials), default=0)
    lines = []
    for one in trials:
        count = f"{len(one.failed)} failed" + (
            f", {len(one.red) - len(one.failed)} not measured" if one.red != one.failed else ""
        )
        verdict = "wrong" if one.problems else "right"
        shown = " ".join(one.failed[:12]) + (" ..." if len(one.failed) > 12 else "")
        line = f"{one.candidate.name:{width}}  {verdict}  {count or 'green'}  {shown}"
        lines.append(line.rstrip())
        lines += [f"{'':{width}}  {problem}" for problem in one.problems]
    return "\n".join(lines)


def build_matrix(trials: Sequence[Trial]) -> dict[str, Any]:
    """Return the matrix of a whole self-test: which cases found a fault, and by which checks."""
    return {
        one.candidate.name: {
            "text": one.candidate.text,
            "failed": list(one.failed),
            "checks": list(one.checks),
        }
        for one in trials
        if one.candidate.killed_by
    }


def unproven(trials: Sequence[Trial]) -> list[str]:
    """Return the cases that found no fault of any mutant: nobody has seen them fail rightly."""
    found = {name for one in trials if not one.candidate.all_red for name in one.failed}
    return [name for name in CASES if name not in found]
