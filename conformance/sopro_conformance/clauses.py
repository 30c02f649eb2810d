"""The clauses of SPEC.md in their own words, for reports."""

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

_CLAUSE: Final = re.compile(r"(?m)^- \*\*([A-Z]+-[1-9][0-9]*)\*\* (.+)$")
_LONGEST: Final = 700


@cache
def clause_texts() -> Mapping[str, str]:
    """Return the text of every clause by its id; nothing where SPEC.md is not beside the suite."""
    packaged = Path(str(resources.files(__package__) / "SPEC.md"))
    checkout = Path(__file__).parents[2] / "protocol" / "SPEC.md"
    file = packaged if packaged.is_file() else checkout
    return dict(_CLAUSE.findall(file.read_text("utf-8"))) if file.is_file() else {}


def clause_text(name: str) -> str:
    """Return what a clause says, cut where it is long; empty for one that is not known."""
    text = clause_texts().get(name, "")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
