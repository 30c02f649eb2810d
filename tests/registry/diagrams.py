"""Draw the state diagrams of registry/README.md from the tables the rules read.

`python -m tests.registry.diagrams` writes them into the page; a test says whether they are current.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sopro_registry import application, authorisation, complaints
from sopro_registry.families import site_membership
from sopro_registry.label import IMPORTED_TRANSITIONS, STANDS_AGAIN, TRANSITIONS, Status

README = Path(__file__).parents[2] / "registry" / "README.md"

Step = tuple[str, str, str]


def draw(steps: Iterable[Step]) -> str:
    """Draw (before, after, label) as a mermaid state diagram, one arrow for each pair."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for before, after, label in steps:
        arrows.setdefault((before, after), []).append(label)
    lines = [
        f"    {before} --> {after}" + (f": {', '.join(labels)}" if any(labels) else "")
        for (before, after), labels in arrows.items()
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def draw_label() -> str:
    """Draw the life of a label."""
    table = [*TRANSITIONS.items(), *STANDS_AGAIN.items()]
    steps = [_step(before, after, action.value) for (before, action), after in table]
    expiry = [
        (status.word, Status.EXPIRED.word, "(computed)")
        for status in (Status.ACTIVE, Status.SUSPENDED)
    ]
    return draw(steps + expiry)


def draw_imported() -> str:
    """Draw what the decisions of an existing register may do besides."""
    more = IMPORTED_TRANSITIONS.items() - TRANSITIONS.items()
    added = [item for item in IMPORTED_TRANSITIONS.items() if item in more]
    return draw(_step(before, after, action.value) for (before, action), after in added)


def draw_membership() -> str:
    """Draw the life of a membership."""
    ordered = sorted(site_membership.TRANSITIONS, key=lambda step: (step[0] or "", step[1]))
    return draw((before or "[*]", after, "") for before, after in ordered)


def draw_application() -> str:
    """Draw the way of an application to its assessment, and on to a decision."""
    steps = _steps(application.TRANSITIONS)
    return draw([*steps, (application.Step.ACCEPTED, "decided", "a decision")])


def _steps(table: Mapping[Any, Iterable[str]]) -> list[Step]:
    return [
        (before or "[*]", after, "")
        for before, possible in table.items()
        for after in sorted(possible)
    ]


def draw_authorisation() -> str:
    """Draw the life of an assessor's authorisation."""
    return draw((before or "[*]", after, "") for before, after in authorisation.TRANSITIONS)


def _step(before: Status, after: Status, label: str) -> Step:
    return ("[*]" if before is Status.NONE else before.word, after.word, label)


DIAGRAMS: Mapping[str, str] = {
    "label": draw_label(),
    "imported": draw_imported(),
    "membership": draw_membership(),
    "application": draw_application(),
    "authorisation": draw_authorisation(),
    "complaint": draw(_steps(complaints.COMPLAINT)),
    "appeal": draw(_steps(complaints.APPEAL)),
}


def insert(page: str) -> str:
    """Return the page with every diagram between its two marks."""
    for name, diagram in DIAGRAMS.items():
        marks = re.compile(f"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        page, count = marks.subn(lambda found, text=diagram: f"{found[1]}{text}\n{found[2]}", page)
        if count != 1:
            raise ValueError(f"{README.name}: expected one place for {name}, found {count}")
    return page


if __name__ == "__main__":
    README.write_text(insert(README.read_text(encoding="utf-8")), encoding="utf-8")
