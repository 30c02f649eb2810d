"""Reading rows of a CSV file (RFC 4180), one at a time, each with the line it begins on."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from sopro_protocol.errors import FormatError

DELIMITERS: Final = (",", ";", "\t")


class Row(NamedTuple):
    """A row as it stands in the file.

    Attributes:
        line: on which it begins, the header's being 1.
        cells: as many as the header has, unless `problem` says otherwise.
        problem: why it is no row; empty where it is one.
    """

    line: int
    cells: list[str]
    problem: str = ""


class Source:
    """A CSV file: UTF-8 with or without a byte order mark; its delimiter is found in its header.

    Attributes:
        path: of the file.
        header: names of its columns.
        delimiter: between cells.
        size: in bytes.
    """

    def __init__(self, path: Path, *, delimiter: str = "") -> None:
        self.path = path
        self._file = _open(path)
        self.size = path.stat().st_size
        self._taken: list[str] = []
        try:
            self.delimiter = delimiter or self._find_delimiter()
            self._reader = csv.reader(self._lines(), delimiter=self.delimiter, strict=True)
            self.header = self._read_header()
        except BaseException:
            self._file.close()
            raise

    def _find_delimiter(self) -> str:
        line = self._file.readline()
        self._file.seek(0)
        counts = {one: "".join(line.split('"')[::2]).count(one) for one in DELIMITERS}
        return max(DELIMITERS, key=lambda one: counts[one])

    def _lines(self) -> Iterator[str]:
        for line in self._file:
            self._taken.append(line)
            yield line

    def _read_header(self) -> list[str]:
        try:
            header = [name.strip() for name in next(self._reader)]
        except (StopIteration, csv.Error):
            header = []
        if not any(header) or any(_is_broken(name) for name in header):
            raise FormatError(
                f"{self.path}: expected a header line of column names; save it as CSV UTF-8"
            )
        self._taken.clear()
        return header

    @property
    def is_of_bad_rows(self) -> bool:
        """Whether it begins with the errors of an import before."""
        return self.header[0] in _ERRORS

    def rows(self) -> Iterator[Row]:
        """Go through the rows; blank lines are none."""
        while True:
            line = self._reader.line_num + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                # The reader begins anew behind what it could not read.
                yield Row(line, ["".join(self._taken)], f"not CSV: {error}")
            else:
                if cells:
                    yield Row(line, cells, self._problem_of(cells))
            self._taken.clear()

    def _problem_of(self, cells: list[str]) -> str:
        if len(cells) != len(self.header):
            return (
                f"{len(cells)} cells, the header has {len(self.header)}; "
                "is a separator or a quote missing?"
            )
        return ""

    def position(self) -> int:
        """Return how far the file has been read, in bytes."""
        return self._file.buffer.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _open(path: Path) -> TextIO:
    try:
        return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from None


def _is_broken(text: str) -> bool:
    """Say whether bytes that are not UTF-8 were carried through in a text."""
    return any("\udc80" <= letter <= "\udcff" for letter in text) if not text.isascii() else False


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
        skipped = int(self._source.is_of_bad_rows)
        if self._file is None:
            self._file = _create(self.path)
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


def _create(path: Path) -> TextIO:
    try:
        path.touch(mode=0o600, exist_ok=False)
        return path.open("w", encoding="utf-8", errors="surrogateescape", newline="")
    except FileExistsError:
        raise FormatError(
            f"{path}: is there already; name another file for bad rows with --bad"
        ) from None
    except OSError as error:
        raise FormatError(
            f"{path}: bad rows cannot be written ({error.strerror}); name another file with --bad"
        ) from None
