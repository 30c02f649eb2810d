"""Which clauses of the specification a code stands for, read from the specification itself."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import sopro_protocol

_HEADING: Final = "### Codes and their clauses"
_ROW: Final = re.compile(r"(?m)^\| `([a-z.-]+)` \| ([A-Z0-9, -]+) \|$")
# In an installed package the specification lies in it, in a checkout beside it.
_HERE: Final = Path(sopro_protocol.__file__).parent
PLACES: Final = (_HERE / "SPEC.md", _HERE.parent / "SPEC.md")


@cache
def clauses_by_code() -> Mapping[str, str]:
    """Return the clauses of every code, such as `ASS-13, ASS-16`; none where nothing is found."""
    for path in PLACES:
        if path.is_file():
            return dict(_ROW.findall(path.read_text("utf-8").partition(_HEADING)[2]))
    return {}
