"""Which case tests which clause of SPEC.md, and which clause has none, and why."""

import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from fnmatch import fnmatchcase
from importlib import resources
from typing import Final, NamedTuple

from sopro_conformance.catalogue import CASES

EXCLUDED: Final = "excluded.toml"
HEADING: Final = "### Clauses and their cases"
_CLAUSE: Final = re.compile(r"(?m)^- \*\*([A-Z]+-[1-9][0-9]*)\*\* (.+)$")
_BINDING: Final = re.compile(r"\bMUST\b")


class Exclusion(NamedTuple):
    """Clauses that no case tests, and why."""

    clauses: tuple[str, ...]
    reason: str


def read_clauses(spec: str) -> dict[str, str]:
    """Return the clauses of SPEC.md, by id."""
    return dict(_CLAUSE.findall(spec))


def read_exclusions() -> list[Exclusion]:
    """Return which clauses are tested by no case; a pattern may end with a star."""
    text = (resources.files(__package__) / EXCLUDED).read_text("utf-8")
    rows = tomllib.loads(text)["excluded"]
    return [Exclusion(tuple(row["clauses"].split()), row["reason"]) for row in rows]


def cases_of_clauses() -> Mapping[str, list[str]]:
    """Return the ids of the cases that cite a clause, by clause."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in CASES.values():
        for clause in one.clauses:
            found[clause].append(one.id)
    return found


def explain(clause: str) -> str:
    """Return why no case tests a clause; empty where nobody says."""
    for one in read_exclusions():
        if any(fnmatchcase(clause, pattern) for pattern in one.clauses):
            return one.reason
    return ""


def find_gaps(spec: str) -> list[str]:
    """Return the clauses with MUST that have neither a case nor a reason for having none."""
    cited = cases_of_clauses()
    return [
        name
        for name, text in read_clauses(spec).items()
        if _BINDING.search(text) and name not in cited and not explain(name)
    ]


def write_table(spec: str) -> str:
    """Write the part of SPEC.md that names the cases of each clause."""
    cited = cases_of_clauses()
    rows = [
        f"| {name} | {', '.join(sorted(cited[name]))} |"
        for name in read_clauses(spec)
        if name in cited
    ]
    reasons = [f"- {' '.join(one.clauses)}: {one.reason}" for one in read_exclusions()]
    return "\n".join(
        [
            HEADING,
            "",
            "The cases of the conformance suite that test a clause. Those that have none here:",
            "",
            *reasons,
            "",
            "| clause | cases |",
            "|---|---|",
            *rows,
            "",
        ]
    )


def put_table(spec: str) -> str:
    """Return SPEC.md with the table of today at its end."""
    before = spec.partition(HEADING)[0].rstrip("\n")
    return f"{before}\n\n{write_table(spec)}"
