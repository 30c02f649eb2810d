"""What a file is by its bytes: a workbook, text that may be a table, or something to be refused.

What is refused is named, because who has the wrong file should look for the right one, and not for
a mistake in the mapping.
"""

import re
import zipfile
from pathlib import Path
from typing import Final

from sopro_protocol.errors import FormatError

_ADVICE: Final = "save it as CSV UTF-8 or as .xlsx"
_LOOKED_AT: Final = 4096
_SEARCHED: Final = 8 << 20
_OLE: Final = b"\xd0\xcf\x11\xe0"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_SIGNS: Final = (
    (b"%PDF", "a PDF; ask whoever made it for the table itself"),
    (b"\x89PNG", "a picture; ask for the table itself"),
    (b"\xff\xd8\xff", "a picture; ask for the table itself"),
    (b"GIF8", "a picture; ask for the table itself"),
    (b"{\\rtf", f"a text of a word processor; copy its table into a spreadsheet and {_ADVICE}"),
    (b"\x1f\x8b", "compressed; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "an archive; unpack it first"),
    (b"Rar!", "an archive; unpack it first"),
    (b"BZh", "compressed; unpack it first"),
    (b"\xfd7zXZ", "compressed; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed; unpack it first"),
    (b"SQLite format 3", "a database; export its table as CSV UTF-8"),
    (b"PAR1", "a Parquet file; export it as CSV UTF-8"),
)
_MARKUP: Final = re.compile(rb"\s*<(!doctype|html|head|body|table|meta|\?xml|[a-z]+:|!--)", re.I)
_JSON: Final = re.compile(rb'\s*(\{\s*("|\})|\[\s*(\{|\[|"|\]))')
_WIDE_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_CONTROLS: Final = bytes(set(range(32)) - set(b"\t\n\r\f\x1a"))
_MANY: Final = 3
_SHARE: Final = 0.02
_PARTS: Final = (
    ("xl/workbook.xml", ""),
    ("xl/workbook.bin", f"a binary workbook (.xlsb); {_ADVICE}"),
    ("word/", f"a document of a word processor; copy its table into a spreadsheet and {_ADVICE}"),
    ("ppt/", f"a presentation; copy its table into a spreadsheet and {_ADVICE}"),
    ("Index/", f"a Numbers or Pages file; export it, or {_ADVICE}"),
)


def is_workbook(path: Path) -> bool:
    """Say whether a file is an xlsx workbook; otherwise it is text that may be a table.

    Raises:
        FormatError: it cannot be read, or is neither.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(_LOOKED_AT)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from None
    if begin.startswith(_OLE):
        raise FormatError(f"{path}: {_of_compound(path)}")
    if begin.startswith(_ZIP):
        _check_archive(path, begin)
        return True
    for sign, what in _SIGNS:
        if begin.startswith(sign):
            raise FormatError(f"{path}: {what}")
    _check_text(path, begin)
    return False


def _of_compound(path: Path) -> str:
    """Say what a file of the old Office is: its parts have names of two bytes a letter."""
    with path.open("rb") as file:
        data = file.read(_SEARCHED)
    if _wide("EncryptedPackage") in data:
        return "a workbook with a password; open it, take the password away and save it"
    if _wide("WordDocument") in data:
        return f"an old Word document; copy its table into a spreadsheet and {_ADVICE}"
    return f"an old Excel file (.xls), or one with a password; {_ADVICE}"


def _wide(name: str) -> bytes:
    return name.encode("utf-16-le")


def _check_archive(path: Path, begin: bytes) -> None:
    """Refuse an archive that is known to be no workbook; a broken one is told by who reads it."""
    if b"opendocument.spreadsheet" in begin:
        raise FormatError(f"{path}: an OpenDocument spreadsheet; {_ADVICE}")
    if b"application/vnd.oasis.opendocument" in begin[:256]:
        raise FormatError(f"{path}: an OpenDocument file that is no spreadsheet; {_ADVICE}")
    try:
        with zipfile.ZipFile(path) as file:
            names = file.namelist()
    except Exception:  # whatever the library raises on bytes that are hostile
        return
    for start, what in _PARTS:
        if any(name.startswith(start) for name in names):
            if what:
                raise FormatError(f"{path}: {what}")
            return
    if "[Content_Types].xml" not in names:
        shown = ", ".join(repr(name[:40]) for name in names[:3]) or "nothing"
        raise FormatError(
            f"{path}: an archive and no workbook, it holds {shown}; unpack it, and import its files"
        )


def _check_text(path: Path, begin: bytes) -> None:
    """Refuse what is no text, or text that is no table.

    Raises:
        FormatError: what it is.
    """
    plain = begin.removeprefix(b"\xef\xbb\xbf")
    if _MARKUP.match(plain):
        raise FormatError(
            f"{path}: a page or data with markup (HTML or XML), whatever its name says; open it in "
            f"a spreadsheet program and {_ADVICE}"
        )
    if _JSON.match(plain):
        raise FormatError(f"{path}: JSON; expected a table: {_ADVICE}")
    if begin.startswith(_WIDE_MARKS) or _is_wide(begin):
        return
    found = len(begin) - len(begin.translate(None, _CONTROLS))
    if found >= _MANY and found > _SHARE * len(begin):
        raise FormatError(
            f"{path}: no text: {found} of its first {len(begin)} bytes are control characters; "
            f"expected a table: {_ADVICE}"
        )


def _is_wide(begin: bytes) -> bool:
    """Say whether every other byte is mostly zero, as in text of two bytes a letter."""
    halves = [half.count(0) / max(1, len(half)) for half in (begin[::2], begin[1::2])]
    return max(halves) > 0.5 and min(halves) < 0.1
