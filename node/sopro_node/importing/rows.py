"""Rows of a file with a header, one at a time, and the file of those that could not be taken in."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol, TextIO

from sopro_protocol.errors import FormatError


class Row(NamedTuple):
    """A row as it stands in the file.

    Attributes:
        line: on which it begins, the header's being 1 where nothing stands before it.
        cells: as many as the header has, unless `problem` says otherwise.
        problem: why it is no row; empty where it is one.
    """

    line: int
    cells: list[str]
    problem: str = ""


class Recognised(NamedTuple):
    """What a file was found to be, for the report.

    Attributes:
        form: `csv` or `xlsx`.
        encoding: of a CSV file.
        reason: by what the encoding was recognised.
        delimiter: between cells.
        sheet: of a workbook.
        sheets: all that the workbook has.
    """

    form: str
    encoding: str = ""
    reason: str = ""
    delimiter: str = ""
    sheet: str = ""
    sheets: tuple[str, ...] = ()


class Source(Protocol):
    """A file of rows.

    Attributes:
        path: of the file.
        header: names of its columns.
        delimiter: between cells, also in the file of bad rows.
        size: up to which `position` goes.
        recognised: what it was found to be.
        has_days: its days are days and not text that is written some way.
        is_utf8: the file of bad rows may repeat its bytes.
    """

    path: Path
    header: list[str]
    delimiter: str
    size: int
    recognised: Recognised
    has_days: bool
    is_utf8: bool

    def rows(self) -> Iterator[Row]:
        """Go through the rows; blank lines are none."""
        ...

    def position(self) -> int:
        """Return how far the file has been read."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def is_of_bad_rows(source: Source) -> bool:
    """Say whether a file begins with the errors of an import before."""
    return source.header[0] in _ERRORS


def join_names(lines: Sequence[Sequence[str]]) -> list[str]:
    """Make one name of what stands in several lines of a column.

    A name that stands above several columns, as in merged cells, stands in the first of them and is
    that of all up to the next one.
    """
    width = max(map(len, lines), default=0)
    padded = [[*line, *[""] * (width - len(line))] for line in lines]
    *above, last = padded
    for number, line in enumerate(above):
        for at in range(1, width):
            is_named_below = any(below[at] for below in padded[number + 1 :])
            if not line[at] and is_named_below:
                line[at] = line[at - 1]
    return [" ".join(filter(None, names)) for names in zip(*above, last, strict=True)]


def find_problem(cells: list[str], header: list[str]) -> str:
    """Say why cells are no row of a file with this header."""
    if len(cells) != len(header):
        return (
            f"{len(cells)} cells, the header has {len(header)}; is a separator or a quote missing?"
        )
    return ""


class BadRows:
    """The file of rows that could not be taken in: as they were, behind a column `error`.

    The error comes first, so that a row which has too few cells or too many still has. The file is
    made with the first of them, and never over another file.
    """

    def __init__(self, path: Path, source: Source) -> None:
        self.path = path
        self.count = 0
        self._source = source
        self._file: TextIO | None = None

    def add(self, cells: list[str], error: str) -> None:
        """Add a row.

        Raises:
            FormatError: the file is there already or cannot be written.
        """
        header = self._source.header
        # Of a file of bad rows that is imported again, the old errors go.
        skipped = int(is_of_bad_rows(self._source))
        if self._file is None:
            self._file = _create(self.path, has_mark=not self._source.is_utf8)
            self._writer = csv.writer(self._file, delimiter=self._source.delimiter)
            name = next(one for one in _ERRORS if one not in header[skipped:])
            self._writer.writerow([name, *header[skipped:]])
        self._writer.writerow([error, *cells[skipped:]])
        self.count += 1

    def close(self) -> None:
        """Close the file, where there is one."""
        if self._file is not None:
            self._file.close()


_ERRORS: Final = ("error", "import error", "error of the import")
"""What our column may be called; the second where the file has one of the first name."""


def _create(path: Path, *, has_mark: bool) -> TextIO:
    """Make the file; its mark says that it is UTF-8 also where the mapping names an encoding."""
    encoding = "utf-8-sig" if has_mark else "utf-8"
    try:
        path.touch(mode=0o600, exist_ok=False)
        return path.open("w", encoding=encoding, errors="surrogateescape", newline="")
    except FileExistsError:
        raise FormatError(
            f"{path}: is there already; name another file for bad rows with --bad"
        ) from None
    except OSError as error:
        raise FormatError(
            f"{path}: bad rows cannot be written ({error.strerror}); name another file with --bad"
        ) from None
