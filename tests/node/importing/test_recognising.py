"""Files of other kinds than a table: each is named, and none is read as a table of one column."""

import gzip
import io
import random
import zipfile
from pathlib import Path

import openpyxl
import pytest

from sopro_node.importing.guess import guess_mapping
from sopro_node.importing.opening import open_source
from sopro_protocol.errors import FormatError

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def archive(*names: str, first: bytes = b"") -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        if first:
            file.writestr(zipfile.ZipInfo("mimetype"), first)
        for name in names:
            file.writestr(name, "<x/>")
    return held.getvalue()


WORD = archive("[Content_Types].xml", "word/document.xml")
SLIDES = archive("[Content_Types].xml", "ppt/presentation.xml")
BINARY = archive("[Content_Types].xml", "xl/workbook.bin")
ODS = archive("content.xml", first=b"application/vnd.oasis.opendocument.spreadsheet")
ODT = archive("content.xml", first=b"application/vnd.oasis.opendocument.text")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "a PDF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(90), "a picture"),
        (b"{\\rtf1\\ansi Liste}", "a text of a word processor"),
        (gzip.compress(b"no,name\n1,Eine\n", mtime=0), "compressed; unpack it"),
        (OLE, "an old Excel file (.xls), or one with a password; save it as"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "a workbook with a password; open it"),
        (OLE + "WordDocument".encode("utf-16-le"), "an old Word document"),
        (WORD, "a document of a word processor"),
        (SLIDES, "a presentation"),
        (BINARY, "a binary workbook (.xlsb)"),
        (ODS, "an OpenDocument spreadsheet; save it as"),
        (ODT, "an OpenDocument file that is no spreadsheet"),
        (archive("firms.csv", "readme.txt"), "holds 'firms.csv', 'readme.txt'; unpack it"),
        (b"<html><table><tr><td>1</td></tr></table>", "a page or data with markup"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<Workbook/>', "a page or data with markup"),
        (b'[{"no": 1}]', "JSON; expected a table"),
        (b'{"rows": []}', "JSON; expected a table"),
        (b"SQLite format 3\0" + bytes(90), "a database"),
        (bytes(range(256)) * 4, "control characters; expected a table"),
        (b"no\x01,na\x02me\n1,a\n", "expected a header line of column names"),
        (b"Hello", "one line and one column, which is no table"),
    ],
)
def test_names_what_is_no_table(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "list.xlsx"
    path.write_bytes(content)
    with pytest.raises(FormatError) as refused:
        guess_mapping(path)
    assert says in str(refused.value)
    assert str(refused.value).startswith(f"{path}: ")


@pytest.mark.parametrize("size", [60, 100, 300, 1000, 5000, 100_000])
def test_random_bytes_are_no_table(tmp_path: Path, size: int) -> None:
    path = tmp_path / "list.csv"
    for seed in range(20):
        path.write_bytes(random.Random(seed).randbytes(size))
        with pytest.raises(FormatError, match=r"list\.csv"):
            guess_mapping(path)


@pytest.mark.parametrize(
    "text",
    [
        "no,name\n1,Eine\n",
        "name\nEine\nZweite\n",
        "no,json\n1,\"{\"\"de\"\": \"\"Eine\"\"}\"\n",
        "<no>,name\n1,Eine\n",
        "[no],name\n1,Eine\n",
        "no;name\n1;ein\0e\n2;zwei\n",
    ],
)  # fmt: skip
def test_takes_what_only_looks_a_little_like_something_else(tmp_path: Path, text: str) -> None:
    path = tmp_path / "list.csv"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le"):
        path.write_bytes(text.encode(encoding))
        source = open_source(path)
        try:
            assert next(len(row.cells) for row in source.rows()) == len(source.header)
        finally:
            source.close()


def test_a_workbook_is_one_whatever_it_is_called(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["no", "name"])
    path = tmp_path / "list.csv"
    book.save(path)
    source = open_source(path)
    source.close()
    assert source.header == ["no", "name"]
