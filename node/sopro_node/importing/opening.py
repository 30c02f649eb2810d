"""Opening a file of rows, whatever it is."""

import hashlib
from pathlib import Path

from sopro_node.importing.csvfile import CsvFile
from sopro_node.importing.mapping_parts import SourceMapping
from sopro_node.importing.recognising import is_workbook
from sopro_node.importing.rows import Source, is_of_bad_rows
from sopro_node.importing.workbook import Workbook
from sopro_protocol.errors import FormatError


def open_source(path: Path, mapping: SourceMapping | None = None) -> Source:
    """Open a CSV file or a sheet of a workbook: its bytes tell which, not its name.

    Raises:
        FormatError: it cannot be read, or has no header.
    """
    said = mapping or SourceMapping()
    if is_workbook(path):
        return Workbook(
            path,
            sheet=said.sheet,
            header_line=said.header_line,
            header_lines=said.header_lines,
        )
    if (said.header_line, said.header_lines) > (1, 1):
        # Of a file of bad rows the names stand in the first line, whatever its source has above.
        first = CsvFile(path, delimiter=said.delimiter, encoding=said.encoding)
        if is_of_bad_rows(first):
            return first
        first.close()
    return CsvFile(
        path,
        delimiter=said.delimiter,
        encoding=said.encoding,
        header_line=max(1, said.header_line),
        header_lines=said.header_lines,
    )


def hash_source(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex.

    Raises:
        FormatError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from None
