"""What is kept of a case: every check, what went over HTTP, and a script that asks once more."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sopro_conformance.case import Check, Result, Verdict
from sopro_conformance.plain import plain, spell
from sopro_conformance.room import CUT
from sopro_conformance.runner import Run

SHOWN: Final = frozenset({Verdict.FAIL, Verdict.WARN, Verdict.NOT_MEASURED, Verdict.NOT_APPLICABLE})
"""What somebody may want to look at more closely."""
AS_IN_LINE: Final = "as_in_line"
"""Stands for a request that an earlier line has."""
MOST_SHOWN: Final = 20
"""So many checks of a case say enough of it."""


def write_evidence(run: Run, result: Result, folder: Path) -> None:
    """Write what a case leaves into a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "checks.jsonl").open("w", encoding="utf-8") as file:
        for row in _rows(result.checks):
            file.write(spell(json.dumps(row, ensure_ascii=False)) + "\n")
    if result.wire:
        write(folder / "wire.txt", "\n".join(result.wire) + "\n")
    asked = [one for one in result.checks if _is_to_ask(one)][:MOST_SHOWN]
    if asked:
        write(folder / "repro.sh", write_script(run, result, asked))


def _is_to_ask(one: Check) -> bool:
    """Say whether somebody may want to ask again what a check rests on, and can."""
    is_whole = one.request.get("verb") == "verify" and CUT not in one.request
    return is_whole and one.verdict in SHOWN


def write(file: Path, text: str) -> None:
    """Write a file, whatever a candidate said."""
    file.write_text(spell(text), "utf-8")


def _rows(checks: Sequence[Check]) -> Iterator[dict[str, Any]]:
    """Go through the lines; what several checks were asked with stands in the first of them."""
    lines: dict[int, int] = {}
    for number, one in enumerate(checks, 1):
        first = lines.setdefault(id(one.request), number)
        yield _row(one, one.request if first == number else {AS_IN_LINE: first})


def _row(one: Check, request: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "verdict": one.verdict.value,
        "delta": one.delta,
        "expected": one.expected,
        "actual": one.actual,
        "twin": one.twin,
        "seconds": round(one.seconds, 4),
        "asked": list(one.asked),
        "request": request,
    }


def write_script(run: Run, result: Result, asked: Sequence[Check]) -> str:
    """Return a script for any shell that asks the adapter again, without the suite.

    What was expected goes to its stderr, the answers to its stdout, one a line.
    """
    distinct = {id(one.request): one.request for one in asked}
    numbers = {key: number for number, key in enumerate(distinct, 1)}
    expected = [
        f"{numbers[id(one.request)]}. {_in_a_line(one.delta)}: expected {_in_a_line(one.expected)}"
        for one in asked
    ]
    requests = [json.dumps({"id": numbers[key], **one}) for key, one in distinct.items()]
    return "\n".join(
        [
            "#!/bin/sh",
            f"# {result.case.id}: {result.case.text}",
            "# Asks the adapter again what it answered otherwise than expected; one answer a line.",
            f"cd {shlex.quote(run.setting.folder)} || exit 2",
            "cat >&2 <<'END'",
            *expected,
            "END",
            # As the suite starts it: no shell makes anything of its words.
            f"exec {shlex.join(shlex.split(run.command))} <<'END'",
            *requests,
            "END",
            "",
        ]
    )


def _in_a_line(text: str) -> str:
    return plain(" ".join(text.split()))
