"""Reading rows of a sheet of an xlsx workbook, one at a time; it may be hostile.

A workbook is a zip of XML. Before anything is read, the directory of the zip is held to bounds: a
member yields no more bytes than the directory says, whatever was compressed into it. Entities of
XML are refused, columns beyond the header's and rows beyond what a sheet may have are not read.
"""

import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any, Final

from openpyxl import load_workbook
from openpyxl.worksheet._read_only import ReadOnlyWorksheet

from sopro_node.importing.formulas import NO_RESULT, Formulas, has_formulas, mark_unresolved
from sopro_node.importing.rows import Recognised, Row, join_names
from sopro_protocol.errors import FormatError

MAX_BYTES: Final = 512 << 20
MAX_PART: Final = 64 << 20
MAX_PARTS: Final = 1000
MAX_ROWS: Final = 1 << 20
MAX_COLUMNS: Final = 1024
_SEARCHED: Final = 50
_ERRORS: Final = {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"}
_ADVICE: Final = "save it as CSV UTF-8 or as .xlsx"


class Workbook:
    """One sheet of a workbook: the first that is shown, unless another is named.

    Attributes:
        path: of the file.
        header: names of the columns of the first row that is not empty.
        delimiter: of the file of bad rows.
        size: rows of the sheet, as it says itself.
        recognised: what it was found to be.
    """

    delimiter = ","
    has_days = True
    is_utf8 = False

    def __init__(
        self, path: Path, *, sheet: str = "", header_line: int = 0, header_lines: int = 1
    ) -> None:
        self.path = path
        _check_bounds(path)
        self._line = 0
        with _quiet():
            self._open(sheet, header_line, header_lines)

    def _open(self, sheet: str, header_line: int, header_lines: int) -> None:
        # As an open file, because its bytes say what it is and not its name.
        self._formulas: Formulas | None = None
        self._file = self.path.open("rb")
        try:
            self._book = load_workbook(self._file, read_only=True, data_only=True, keep_links=False)
        except Exception as error:  # see _broken
            self._file.close()
            raise _broken(self.path, error) from None
        try:
            names = tuple(one.title for one in self._book.worksheets)
            self._sheet = self._choose(sheet, names)
            # The other half of cells that are computed: what they are computed by.
            self._formulas = self._open_formulas()
            self.size = min(self._sheet.max_row or 0, MAX_ROWS)
            self._begin, self.header = self._find_header(header_line, header_lines)
        except BaseException:
            self.close()
            raise
        self.recognised = Recognised("xlsx", sheet=self._sheet.title, sheets=names)

    def _open_formulas(self) -> Formulas | None:
        if not has_formulas(self.path):
            return None
        try:
            return Formulas(self.path)
        except Exception as error:  # see _broken
            raise _broken(self.path, error) from None

    def _choose(self, sheet: str, names: Sequence[str]) -> ReadOnlyWorksheet:
        sheets: list[Any] = list(self._book.worksheets)
        if sheet:
            sheets = [one for one in sheets if one.title == sheet]
        shown = [one for one in sheets if one.sheet_state == "visible"]
        for one in [*shown, *sheets]:
            assert isinstance(one, ReadOnlyWorksheet), "read only"  # noqa: S101  # a bug if not
            return one
        wanted = f"no sheet {sheet!r}" if sheet else "no sheet of cells"
        raise FormatError(f"{self.path}: has {wanted}; its sheets: {', '.join(names) or 'none'}")

    def _find_header(self, header_line: int, header_lines: int) -> tuple[int, list[str]]:
        """Find the names of the columns: in the rows that are named, or the first with any."""
        named: list[list[str]] = []
        most = (header_line or _SEARCHED) + header_lines - 1
        for line, cells in self._cells(MAX_COLUMNS, most=most):
            while cells and not cells[-1]:
                cells.pop()
            if line >= header_line and (cells or named):
                named.append(cells)
            if len(named) == header_lines:
                return line, join_names(named)
        where = f"row {header_line}" if header_line else f"the first {_SEARCHED} rows"
        raise FormatError(
            f"{self.path}: sheet {self._sheet.title!r}: expected the names of its columns in "
            f"{where}; name another 'sheet' or 'header_line' in the mapping"
        )

    def _cells(self, columns: int, *, most: int) -> Iterator[tuple[int, list[str]]]:
        sheet: Any = self._sheet  # the types are those of a sheet in memory
        rows = sheet.iter_rows(min_row=1, max_row=most, min_col=1, max_col=columns)
        lines = enumerate(islice(rows, most), 1)
        computed = self._formulas.rows(sheet.title, columns, most) if self._formulas else None
        while True:
            try:
                with _quiet():
                    line, row = next(lines)
                    # How a number is shown is looked up in the file only when it is asked for.
                    cells = [_text(cell) for cell in row]
                    if computed is not None:
                        mark_unresolved(cells, row, next(computed))
            except StopIteration:
                return
            except Exception as error:  # see _broken
                raise _broken(self.path, error) from None
            yield line, cells

    def first_rows(self, most: int) -> Iterator[tuple[int, list[str]]]:
        """Go through the first rows, whatever they are, with their numbers."""
        return self._cells(MAX_COLUMNS, most=most)

    def rows(self) -> Iterator[Row]:
        """Go through the rows; those without any cell are none."""
        width = len(self.header)
        for line, cells in self._cells(width + 1, most=MAX_ROWS):
            self._line = line
            if line <= self._begin or not any(cells):
                continue
            beyond = cells[width:]
            named = (cells + [""] * width)[:width]
            yield Row(line, named, _problem(named, beyond, self.header))

    def position(self) -> int:
        """Return how far the sheet has been read, in rows."""
        return min(self._line, self.size)

    def close(self) -> None:
        """Close the file."""
        self._book.close()
        self._file.close()
        if self._formulas is not None:
            self._formulas.close()


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what openpyxl remarks: print settings or colours it does not know, odd days."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def shown_sheets(path: Path) -> tuple[str, ...]:
    """Return the names of the sheets that are shown.

    Raises:
        FormatError: it cannot be read.
    """
    _check_bounds(path)
    try:
        with _quiet(), path.open("rb") as file:
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            shown = [one for one in book.worksheets if one.sheet_state == "visible"]
            book.close()
    except Exception as error:  # see _broken
        raise _broken(path, error) from None
    return tuple(one.title for one in shown)


def _broken(path: Path, error: Exception) -> FormatError:
    """Say that a file cannot be read, by whatever its parsers raise on bytes that are hostile."""
    said = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
    return FormatError(f"{path}: not a workbook that can be read ({said}); {_ADVICE}")


def _check_bounds(path: Path) -> None:
    """Hold a workbook to bounds before anything in it is unpacked."""
    try:
        with zipfile.ZipFile(path) as file:
            parts = file.infolist()
    except Exception as error:  # see _broken
        raise _broken(path, error) from None
    if len(parts) > MAX_PARTS:
        raise FormatError(f"{path}: {len(parts)} parts, at most {MAX_PARTS} are read; {_ADVICE}")
    whole = sum(part.file_size for part in parts)
    if whole > MAX_BYTES:
        raise FormatError(
            f"{path}: {whole >> 20} MiB unpacked, at most {MAX_BYTES >> 20} are read; {_ADVICE}"
        )
    for part in parts:
        # Sheets are read row by row; every other part is in memory as a whole.
        if part.file_size > MAX_PART and "/worksheets/" not in part.filename:
            raise FormatError(
                f"{path}: {part.filename[:60]!r} has {part.file_size >> 20} MiB, "
                f"at most {MAX_PART >> 20} are read; {_ADVICE}"
            )


def _problem(cells: Sequence[str], beyond: Sequence[str], header: Sequence[str]) -> str:
    if any(beyond):
        return f"a cell behind the last column that has a name: {beyond[0][:40]!r}"
    for name, cell in zip(header, cells, strict=True):
        if cell == NO_RESULT:
            return (
                f"column {name!r}: a formula without its result, which only a spreadsheet program "
                "works out; open the file in one and save it there"
            )
        if cell in _ERRORS:
            return f"column {name!r}: an error of the spreadsheet {cell}; correct its formula"
    return ""


def _text(cell: Any) -> str:
    """Write a cell as a CSV file would have it: days as days, whole numbers without a point."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    form = cell.number_format if isinstance(value, int) else ""
    # Postal codes and numbers of registers are shown with leading zeros that the value lacks.
    return str(value).zfill(len(form)) if form and not form.strip("0") else str(value)
