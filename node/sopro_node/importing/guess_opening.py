"""How a file is opened for a guess: which sheet, which line, which encoding, and what was said."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from sopro_node.importing.charset import check_charset
from sopro_node.importing.guess_text import Lines, quote
from sopro_node.importing.header import Header, find_header, is_table
from sopro_node.importing.mapping_parts import SourceMapping
from sopro_node.importing.recognising import is_workbook
from sopro_node.importing.workbook import shown_sheets
from sopro_protocol.errors import FormatError

_MOST_SHEETS: Final = 20


class Way(NamedTuple):
    """How a file is to be read.

    Attributes:
        sheet: of a workbook; empty for the first that is shown.
        encoding: where a person named one.
        header: where the names of the columns stand.
        others: sheets that were not looked at.
    """

    sheet: str
    encoding: str
    header: Header
    others: tuple[str, ...] = ()

    def as_mapping(self) -> SourceMapping:
        """Return what a mapping would say."""
        return SourceMapping(
            sheet=self.sheet,
            encoding=self.encoding,
            header_line=self.header.line,
            header_lines=self.header.lines,
        )

    def write(self, kind: str, lines: Lines) -> None:
        """Write what an import has to know of it, where that is not found without a word."""
        if not (self.sheet or self.encoding or self.header.line or self.header.lines > 1):
            return
        lines.table(kind)
        if self.sheet:
            lines.pair("sheet", quote(self.sheet), self._shown("not"))
        if self.encoding:
            lines.pair("encoding", quote(self.encoding), "as it was named")
        if self.header.line:
            lines.pair(
                "header_line", str(self.header.line), "the line with the names of the columns"
            )
        if self.header.lines > 1:
            lines.pair("header_lines", str(self.header.lines), "each name is in so many lines")

    def remarks(self) -> Iterator[str]:
        """Say which sheets were not looked at."""
        if self.others:
            yield f"{self._shown('not looked at')}; name another sheet with --sheet"

    def _shown(self, what: str) -> str:
        return f"{what}: {', '.join(map(repr, self.others))}" if self.others else ""


def find_way(path: Path, *, header_line: int = 0, sheet: str = "", encoding: str = "") -> Way:
    """Find how to read a file; what a person has named counts.

    Of a workbook the first sheet with a table is looked at, which a title page is not.

    Raises:
        FormatError: the file cannot be read, or is none of which that can be said.
    """
    others: tuple[str, ...] = ()
    if is_workbook(path):
        if encoding:
            raise FormatError(f"{path}: a workbook, which has no encoding to be named")
        names = shown_sheets(path)
        if not sheet and len(names) > 1:
            sheet = next((one for one in names[:_MOST_SHEETS] if is_table(path, one)), names[0])
        others = tuple(one for one in names if one != sheet)[:_MOST_SHEETS] if sheet else ()
    elif sheet:
        raise FormatError(f"{path}: no workbook, so it has no sheet {sheet[:40]!r}")
    if encoding:
        check_charset(encoding, where=str(path))
    found = Header(header_line) if header_line else find_header(path, sheet, encoding)
    return Way(sheet, encoding, found, others)
