"""What is kept of a case: every check, what went over HTTP, and a script that asks once more."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from sopro_conformance.case import Check, Result, Verdict
from sopro_conformance.plain import plain, spell
from sopro_conformance.runner import Run

SHOWN: Final = frozenset({Verdict.FAIL, Verdict.WARN, Verdict.NOT_MEASURED, Verdict.NOT_APPLICABLE})
"""What somebody may want to look at more closely."""
MOST_SHOWN: Final = 20
"""So many checks of a case say enough of it."""


def write_evidence(run: Run, result: Result, folder: Path) -> None:
    """Write what a case leaves into a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(_row(one), ensure_ascii=False) + "\n" for one in result.checks)
    write(folder / "checks.jsonl", text)
    if result.wire:
        write(folder / "wire.txt", "\n".join(result.wire) + "\n")
    asked = [
        one for one in result.checks if one.request.get("verb") == "verify" and one.verdict in SHOWN
    ]
    if asked:
        write(folder / "repro.sh", write_script(run, result, asked[:MOST_SHOWN]))


def write(file: Path, text: str) -> None:
    """Write a file, whatever a candidate said."""
    file.write_text(spell(text), "utf-8")


def _row(one: Check) -> dict[str, Any]:
    return {
        "verdict": one.verdict.value,
        "delta": one.delta,
        "expected": one.expected,
        "actual": one.actual,
        "twin": one.twin,
        "seconds": round(one.seconds, 4),
        "asked": list(one.asked),
        "request": one.request,
    }


def write_script(run: Run, result: Result, asked: Sequence[Check]) -> str:
    """Return a script for any shell that asks the adapter again, without the suite.

    What was expected goes to its stderr, the answers to its stdout, one a line.
    """
    expected = [
        f"{number}. {_in_a_line(one.delta)}: expected {_in_a_line(one.expected)}"
        for number, one in enumerate(asked, 1)
    ]
    requests = [json.dumps({"id": number, **one.request}) for number, one in enumerate(asked, 1)]
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
