"""How known faults fail: what a report names as the likely cause, and when it names none.

A fault is named for a case only where every check that did not hold there is one that this very
fault was seen to fail in the same way: the same case, the same check, the same verdict, the same
code in place of the right one. What nobody has seen fail so has no name.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final, TypeAlias

from sopro_conformance.case import Check, Result, Verdict

MATRIX: Final = "matrix.json"
MOST: Final = 12
"""So many checks of a case say enough of how it fails."""
_SAID: Final = 3
_CHANCE: Final = re.compile(r"\b(?:[0-9]+|[0-9a-f]{16,})\b")
"""What may be another in every run: positions, sizes, ports, ids."""
_GOT: Final = re.compile(
    r"\b(?:accepted|counts|appended|no verdict|(?:refused|void) [a-z]+(?:[.-][a-z]+)*)\b"
    r"|^[1-5][0-9]{2}\b"
)

Matrix: TypeAlias = Mapping[str, Mapping[str, Any]]


@cache
def read_matrix() -> dict[str, Any]:
    """Return which faults are known, and how each fails, as the suite was released."""
    found: dict[str, Any] = json.loads((resources.files(__package__) / MATRIX).read_text("utf-8"))
    return found


def name_checks(results: Iterable[Result]) -> list[str]:
    """Name the first checks of every case that did not hold, with what came."""
    return [
        name_check(result.case.id, check)
        for result in results
        for check in [one for one in result.checks if one.verdict in (Verdict.FAIL, Verdict.WARN)][
            :MOST
        ]
    ]


def name_check(case: str, check: Check) -> str:
    """Name a check and how it failed, by what is the same in every run."""
    got = ", ".join(dict.fromkeys(_GOT.findall(check.actual)))
    return f"{case} {_CHANCE.sub('#', check.delta)} -> {check.verdict} {got}".rstrip()


def find_causes(of_case: Collection[str], whole: Collection[str], matrix: Matrix) -> list[str]:
    """Return the known faults that fail all these checks, those whose picture is nearest.

    Args:
        of_case: the checks of one case that did not hold, as `name_checks` names them; or of all.
        whole: all of the run, which tells faults apart that fail a case in the same way.
        matrix: the known faults.
    """
    known = {name: set(one.get("checks", ())) for name, one in matrix.items()}
    explain = [name for name, checks in known.items() if of_case and set(of_case) <= checks]
    near = {name: _likeness(set(whole), known[name]) for name in explain}
    return [name for name in explain if near[name] == max(near.values())]


def _likeness(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)


def say_causes(names: Sequence[str], matrix: Matrix) -> str:
    """Say in words which faults these are; empty for none."""
    words = [f"{matrix[name]['text']} (the picture of mutant {name})" for name in names[:_SAID]]
    return ", or ".join(words)


def say_likely(result: Result, results: Sequence[Result], matrix: Matrix) -> str:
    """Say what a case that failed is likely to come from, or that no known fault fails like it.

    Args:
        result: of the case.
        results: of the whole run.
        matrix: the known faults.
    """
    if result.found is not Verdict.FAIL:
        return ""
    causes = find_causes(name_checks([result]), name_checks(results), matrix)
    return say_causes(causes, matrix) or "no fault that this suite knows fails like this"
