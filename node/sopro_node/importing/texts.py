"""Texts of several languages that stand in one cell as a JSON object."""

import json
from collections.abc import Iterator

from sopro_node.importing.values import CellError

_MOST_LANGUAGES = 40
_MOST_LETTERS = 200_000


def read_json_texts(cell: str, column: str) -> Iterator[tuple[str, str]]:
    """Go through the texts of a cell such as `{"de": "...", "hu": "..."}`: language and text.

    Raises:
        CellError: it is no such object, or a large one.
    """
    if not cell:
        return
    try:
        found = json.loads(cell) if len(cell) <= _MOST_LETTERS else None
    except (ValueError, RecursionError):
        found = None
    if (
        not isinstance(found, dict)
        or len(found) > _MOST_LANGUAGES
        or not all(isinstance(text, str) for text in found.values())
    ):
        expected = f"expected a JSON object of at most {_MOST_LANGUAGES} texts by language"
        raise CellError(column, cell, expected)
    yield from found.items()
