"""Reading rows of a CSV file (RFC 4180), one at a time, each with the line it begins on."""

import csv
import re
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from sopro_node.importing.charset import NAMES, SAMPLE, Charset, check_charset, recognise
from sopro_node.importing.rows import Recognised, Row, find_problem, join_names
from sopro_protocol.errors import FormatError

DELIMITERS: Final = (",", ";", "\t", "|")
MAX_LINE: Final = 1 << 20
_NAMED: Final = re.compile(r'"?sep=([,;\t|])"?\r?\n')
_WIDE: Final = ("utf-16", "utf-32")


class CsvFile:
    """A CSV file; its encoding is found in its bytes, its delimiter in its header.

    Attributes:
        path: of the file.
        header: names of its columns.
        delimiter: between cells.
        size: in bytes.
        recognised: what it was found to be.
    """

    has_days = False

    def __init__(
        self,
        path: Path,
        *,
        delimiter: str = "",
        encoding: str = "",
        header_line: int = 1,
        header_lines: int = 1,
    ) -> None:
        self.path = path
        charset = _charset_of(path, encoding)
        self.is_utf8 = charset.name == "utf-8"
        is_wide = charset.name.startswith(_WIDE)
        # Bytes that are no letters go through the file of bad rows as they are.
        errors = "replace" if is_wide else "surrogateescape"
        name = "utf-8-sig" if self.is_utf8 else charset.name
        self._bytes = path.open("rb")
        self._file = TextIOWrapper(self._bytes, encoding=name, errors=errors, newline="")
        self.size = path.stat().st_size
        self._taken: list[str] = []
        self._begin = header_line - 1
        try:
            for _ in range(self._begin):
                self._file.readline(MAX_LINE)
            self.delimiter = self._find_named() or delimiter or self._find_delimiter()
            self._reader = csv.reader(self._lines(), delimiter=self.delimiter, strict=True)
            self.header = self._read_header(header_lines)
        except BaseException:
            self._file.close()
            raise
        self.recognised = Recognised("csv", charset.name, charset.reason, self.delimiter)

    def _find_named(self) -> str:
        """Take the line `sep=;` that a spreadsheet program may write before the header."""
        place = self._file.tell()
        named = _NAMED.fullmatch(self._file.readline(MAX_LINE))
        if named is None:
            self._file.seek(place)
            return ""
        self._begin += 1
        return named[1]

    def _find_delimiter(self) -> str:
        """Find what stands most often between the names of the columns."""
        place = self._file.tell()
        line = self._file.readline(MAX_LINE)
        self._file.seek(place)
        counts = {one: "".join(line.split('"')[::2]).count(one) for one in DELIMITERS}
        return max(DELIMITERS, key=lambda one: counts[one])

    def _lines(self) -> Iterator[str]:
        while line := self._file.readline(MAX_LINE):
            if len(line) == MAX_LINE:
                raise FormatError(
                    f"{self.path}: a line of more than {MAX_LINE} characters; "
                    "expected CSV or xlsx with a row on each line"
                )
            self._taken.append(line)
            yield line

    def _read_header(self, lines: int) -> list[str]:
        try:
            named = [[name.strip() for name in next(self._reader)] for _ in range(lines)]
            header = join_names(named)
        except (StopIteration, csv.Error):
            header = []
        if not any(header) or any(_is_broken(name) for name in header):
            raise FormatError(
                f"{self.path}: expected a header line of column names; save it as CSV UTF-8, "
                "or name its 'encoding' and 'header_line' in the mapping"
            )
        self._taken.clear()
        return header

    def rows(self) -> Iterator[Row]:
        """Go through the rows; blank lines are none."""
        while True:
            line = self._begin + self._reader.line_num + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                # The reader begins anew behind what it could not read.
                yield Row(line, ["".join(self._taken)], f"not CSV: {error}")
            else:
                cells = [_plain(cell) for cell in cells[: self._width(cells)]]
                if "".join(cells).strip():
                    yield Row(line, cells, find_problem(cells, self.header))
            self._taken.clear()

    def _width(self, cells: Sequence[str]) -> int:
        """Return how many cells a row has: empty ones behind the last column are none."""
        width = len(cells)
        while width > len(self.header) and not cells[width - 1]:
            width -= 1
        return width

    def position(self) -> int:
        """Return how far the file has been read, in bytes."""
        return self._bytes.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_lines(path: Path, most: int, encoding: str = "") -> list[str]:
    """Read the first lines of a file as text, whatever they are.

    Raises:
        FormatError: it cannot be read.
    """
    charset = _charset_of(path, encoding)
    name = "utf-8-sig" if charset.name == "utf-8" else charset.name
    with path.open(encoding=name, errors="replace", newline="") as file:
        return [line for _ in range(most) if (line := file.readline(MAX_LINE))]


def _charset_of(path: Path, named: str) -> Charset:
    """Find a file's encoding; what its mapping names holds unless a byte order mark says else."""
    if named:
        check_charset(named, where=str(path))
    try:
        with path.open("rb") as file:
            sample = file.read(SAMPLE)
            is_whole = not file.read(1)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from None
    found = recognise(sample, is_whole=is_whole)
    if named and not found.is_marked:
        return Charset(named.lower(), "the mapping")
    if found.doubt:
        shown = ", ".join(map(repr, found.doubt))
        raise FormatError(
            f"{path}: its encoding cannot be told; read as {found.name} it has {shown}; name the "
            f"right one with --guess --encoding, or 'encoding' in the mapping, such as {NAMES}"
        )
    return found


def _plain(cell: str) -> str:
    """Return a cell without what keeps a spreadsheet program from reading it as a number."""
    return cell[2:-1] if cell.startswith('="') and cell.endswith('"') and len(cell) > 2 else cell


def _is_broken(text: str) -> bool:
    """Say whether a name holds what bytes that are no letters become, or control characters."""
    if text.isprintable():
        return "\ufffd" in text
    return any(
        (letter < " " and letter not in "\n\r\t") or "\udc80" <= letter <= "\udcff"
        for letter in text
    )
