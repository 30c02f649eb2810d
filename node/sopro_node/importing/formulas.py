"""Cells of a workbook that are computed and lack their result.

A spreadsheet program writes beside each formula what came out of it. Programs that make workbooks
without working anything out write the formula alone, and such a cell looks like an empty one.
"""

import re
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from openpyxl import load_workbook

NO_RESULT: Final = "#FORMULA!"
_FORMULA: Final = re.compile(rb"<(?:\w{1,40}:)?f[\s/>]")
_CHUNK: Final = 1 << 20
_OVERLAP: Final = 64


def has_formulas(path: Path) -> bool:
    """Say whether any part of a workbook, whose bounds have been checked, holds a formula."""
    with zipfile.ZipFile(path) as file:
        return any(_has_formula(file, part) for part in file.infolist())


def _has_formula(file: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    rest = b""
    try:
        with file.open(part) as content:
            while chunk := content.read(_CHUNK):
                if _FORMULA.search(rest + chunk):
                    return True
                rest = chunk[-_OVERLAP:]
    except Exception:  # a part that is broken is told by who needs it
        return False
    return False


class Formulas:
    """The same workbook once more, with formulas instead of their results."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        try:
            self._book = load_workbook(self._file, read_only=True, keep_links=False)
        except BaseException:
            self._file.close()
            raise

    def rows(self, sheet: str, columns: int, most: int) -> Iterator[Sequence[Any]]:
        """Go through the rows of a sheet, as wide as those of results."""
        found: Any = self._book[sheet]
        rows = found.iter_rows(min_row=1, max_row=most, min_col=1, max_col=columns)
        return islice(rows, most)

    def close(self) -> None:
        """Close the file."""
        self._book.close()
        self._file.close()


def mark_unresolved(cells: list[str], results: Sequence[Any], formulas: Sequence[Any]) -> None:
    """Write down which cells are formulas without a result; an empty text is one."""
    for at, (result, formula) in enumerate(zip(results, formulas, strict=False)):
        if result.value is None and result.data_type != "str" and formula.data_type == "f":
            cells[at] = NO_RESULT
