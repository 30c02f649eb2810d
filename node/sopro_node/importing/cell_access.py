"""The cells of a row by the names of their columns, and what becomes of those that do not fit."""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from sopro_node.importing.values import CellError, clean

T = TypeVar("T")


class CellAccess:
    """Reads cells of the rows of one file.

    Attributes:
        at: place of each column.
        is_lenient: what does not fit counts as empty.
        left_out: what did not fit in the row that is being read.
    """

    def __init__(self, header: Sequence[str], *, is_lenient: bool) -> None:
        self.at = {name: number for number, name in enumerate(header)}
        self.is_lenient = is_lenient
        self.left_out: list[str] = []

    def fits(self, read: Callable[[], T]) -> T | None:
        """Read something; what does not fit is an error, or counts as empty and is told."""
        try:
            return read()
        except CellError as error:
            if not self.is_lenient:
                raise
            self.left_out.append(str(error))
            return None

    def first(self, columns: Iterable[str], read: Callable[[str], T]) -> T | None:
        """Return the first value that one of the columns has."""
        found = (self.fits(partial(read, column)) for column in columns)
        return next((value for value in found if value), None)

    def text(self, cells: Sequence[str], column: str) -> str:
        """Return the text of a cell.

        Raises:
            CellError: it holds what no text may.
        """
        return checked(clean(cells[self.at[column]]).replace("\r\n", "\n"), column)

    def name(self, cells: Sequence[str], column: str) -> str:
        """Return what is only compared: of a lenient mapping, whatever the cell holds."""
        if not self.is_lenient:
            return self.text(cells, column)
        text = clean(cells[self.at[column]]).replace("\r\n", "\n")
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def checked(text: str, column: str) -> str:
    """Return a text unless it holds what no text may."""
    for letter in "" if text.isascii() and text.isprintable() else text:
        if unicodedata.category(letter) == "Cs":
            raise CellError(column, text, "not UTF-8; save the file as CSV UTF-8")
        if unicodedata.category(letter) == "Cc" and letter not in "\n\t":
            raise CellError(column, text, "holds a control character; remove it")
    return text
