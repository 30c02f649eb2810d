"""What a file is called in the log, where everybody reads it for ever, and here (SPEC OFC-10).

People stand in the names of files. A record shows what sort of thing a file is, in a word of a
list; what somebody has called it stays in a document of the record that nobody else may see.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sopro_node.documents import NewDocument, structured
from sopro_node.structured import read_structured

OTHER: Final = "document"
SORTS: Final = (
    "agreement",
    "annex",
    "appeal",
    "application",
    "certificate",
    "codes",
    "complaint",
    "contract",
    "decision",
    "declaration",
    OTHER,
    "evidence",
    "grounds",
    "invoice",
    "letter",
    "list",
    "minutes",
    "notes",
    "opinion",
    "photo",
    "plan",
    "receipt",
    "report",
    "statement",
    "summary",
    "test",
    "transcript",
)
"""What a file may be called in a record; a hyphen and a number may follow."""
KEPT: Final = "files"
"""The document of the names that files were given."""
_PUBLISHED: Final = re.compile(f"({'|'.join(SORTS)})(-[1-9][0-9]?)?")


def publish_names(files: Sequence[NewDocument], *, behind: int = 0) -> list[NewDocument]:
    """Return files under the names that are published, and what they were called where not so.

    Args:
        files: of a record, as somebody has called them.
        behind: so many documents of the record are before them.
    """
    called = {
        str(number): file.name
        for number, file in enumerate(files, behind)
        if not _PUBLISHED.fullmatch(file.name)
    }
    published = [
        replace(file, name=OTHER) if str(number) in called else file
        for number, file in enumerate(files, behind)
    ]
    return [*published, structured(KEPT, called, visibility="site")] if called else published


def given_name(number: int, published: str, kept: bytes | None) -> str:
    """Return what a document was called by whoever has brought it.

    Args:
        number: of the document in its record.
        published: its name there.
        kept: the document of names of the record, where it is here.
    """
    name = read_structured(kept).get(str(number)) if kept else None
    return name if isinstance(name, str) else published
