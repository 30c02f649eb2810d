from pathlib import Path

import pytest

from sopro_node.importing.csvfile import MAX_LINE, CsvFile
from sopro_node.importing.rows import BadRows, Row
from sopro_protocol.errors import FormatError


def source(tmp_path: Path, content: bytes, encoding: str = "") -> CsvFile:
    path = tmp_path / "in.csv"
    path.write_bytes(content)
    return CsvFile(path, encoding=encoding)


def rows(tmp_path: Path, content: bytes) -> list[Row]:
    one = source(tmp_path, content)
    try:
        return list(one.rows())
    finally:
        one.close()


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,x;y\n",
        b'\xef\xbb\xbfa;b\r\n1;"x;y"\r\n',
        b"a\tb\n1\tx;y\n",
        b"a|b\n1|x;y\n",
        b"sep=,\na,b\n1,x;y\n",
        b'\xef\xbb\xbf"sep=;"\r\na;b\r\n1;"x;y"\r\n',
        'a;b\n1;"x;y"\n'.encode("utf-16"),
        'a;b\r\n1;"x;y"\r\n'.encode("utf-16-be"),
        b'"a","b"\r\n"1","x;y"',
        b"a,b\n\n1,x;y\n\n",
    ],
)
def test_reads_every_spelling_of_csv(tmp_path: Path, content: bytes) -> None:
    [row] = rows(tmp_path, content)
    assert (row.cells, row.problem) == (["1", "x;y"], "")


def test_a_row_is_named_by_the_line_it_begins_on(tmp_path: Path) -> None:
    found = rows(tmp_path, b'a,b\n1,"two\nlines"\n\n2,"say ""hi"""\n')
    assert [(row.line, row.cells) for row in found] == [
        (2, ["1", "two\nlines"]),
        (5, ["2", 'say "hi"']),
    ]


def test_rows_that_are_none_do_not_end_the_reading(tmp_path: Path) -> None:
    found = rows(tmp_path, b'a,b\n1\n1,2,3\n1,"x"y\n4,5\n')
    problems = [(row.line, row.problem.split(";")[0]) for row in found]
    assert problems[0] == (2, "1 cells, the header has 2")
    assert problems[1] == (3, "3 cells, the header has 2")
    assert problems[2][1].startswith("not CSV")
    assert problems[3] == (5, "")


def test_an_open_quote_is_bad_and_keeps_what_it_swallowed(tmp_path: Path) -> None:
    [row] = rows(tmp_path, b'a,b\n1,"open\n2,x\n')
    assert row.problem.startswith("not CSV")
    assert row.cells == ['1,"open\n2,x\n']


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe,b\n1,2\n", b"\xff\xfe"])
def test_a_file_without_a_header_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FormatError, match="expected a header line"):
        source(tmp_path, content)


def test_a_file_that_is_missing_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be read"):
        CsvFile(tmp_path / "none.csv")


def test_a_row_of_the_wrong_length_stays_wrong_in_the_file_of_bad_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b,c\n1,2\n1,2,3,4\n")
    for number in range(3):
        one = CsvFile(path)
        rows = list(one.rows())
        assert [bool(row.problem) for row in rows] == [True, True]
        bad = BadRows(tmp_path / f"bad{number}.csv", one)
        for row in rows:
            bad.add(row.cells, row.problem)
        bad.close()
        one.close()
        path = bad.path
    lines = path.read_text().splitlines()
    assert lines[0] == "error,a,b,c"
    assert [line.rsplit('"', 1)[1] for line in lines[1:]] == [",1,2", ",1,2,3,4"]


def test_bad_rows_keep_their_bytes_and_their_file_is_never_overwritten(tmp_path: Path) -> None:
    one = source(tmp_path, b"a;b;error\n\xff;x;old\n", "utf-8")
    bad = BadRows(tmp_path / "bad.csv", one)
    for row in one.rows():
        bad.add(row.cells, "line 2: what is wrong")
    bad.close()
    assert (
        bad.path.read_bytes() == b"import error;a;b;error\r\nline 2: what is wrong;\xff;x;old\r\n"
    )
    with pytest.raises(FormatError, match="is there already"):
        BadRows(bad.path, one).add(["1", "2", ""], "why")
    one.close()


def test_rows_of_another_encoding_come_back_as_utf_8_whatever_the_mapping_says(
    tmp_path: Path,
) -> None:
    one = source(tmp_path, "név;város\nTűzkő;Győr\n".encode("cp1250"))
    assert (one.recognised.encoding, one.header) == ("cp1250", ["név", "város"])
    bad = BadRows(tmp_path / "bad.csv", one)
    for row in one.rows():
        bad.add(row.cells, "why")
    bad.close()
    again = CsvFile(bad.path, encoding="cp1250")
    assert again.recognised.reason == "its byte order mark"
    assert [row.cells[1:] for row in again.rows()] == [["Tűzkő", "Győr"]]
    again.close()
    one.close()


def test_an_encoding_that_is_named_counts(tmp_path: Path) -> None:
    one = source(tmp_path, b"a;b\n\xf5;\xfb\n", "latin-1")
    assert [row.cells for row in one.rows()] == [["õ", "û"]]
    assert one.recognised.reason == "the mapping"
    one.close()


def test_lines_are_counted_from_the_first_also_behind_a_named_separator(tmp_path: Path) -> None:
    assert [row.line for row in rows(tmp_path, b"sep=;\na;b\n1;2\n3;4\n")] == [3, 4]


def test_the_header_may_stand_further_down(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("Register of firms\n\na;b\n1;2\n")
    one = CsvFile(path, header_line=3)
    assert one.header == ["a", "b"]
    assert [(row.line, row.cells) for row in one.rows()] == [(4, ["1", "2"])]
    one.close()


def test_a_line_without_end_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="a line of more than"):
        rows(tmp_path, b"a,b\n" + b"x" * (MAX_LINE + 1))
