import pytest

from sopro_cli.output import EXIT, fail, remark, show, show_lines
from sopro_node.web.problems import HTTP_STATUS
from sopro_protocol.errors import FormatError, SoproError


def descendants(kind: type[SoproError]) -> set[type[SoproError]]:
    """The root itself is never raised: each error says what a caller can do."""
    return set().union(*({one} | descendants(one) for one in kind.__subclasses__()))


def test_every_error_has_an_exit_code() -> None:
    assert set(EXIT) == descendants(SoproError)


def test_every_error_has_an_http_status() -> None:
    assert set(HTTP_STATUS) == descendants(SoproError)


def test_no_exit_code_says_success_or_is_taken_by_the_shell() -> None:
    assert all(code == 1 or 64 <= code <= 78 for code in EXIT.values())


def test_error_goes_to_stderr_as_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        fail(FormatError("size: expected a number, got 'x'"))
    printed = capsys.readouterr()
    assert ended.value.code == EXIT[FormatError]
    assert (printed.out, printed.err) == ("", "error: size: expected a number, got 'x'\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Muster\u202e\u2066 GmbH\u200b", r"Muster\u202e\u2066 GmbH\u200b"),
        ("a\x1b[2J\x07\x85\x9b", r"a\x1b[2J\x07\x85\x9b"),
        ("one\nerror: two\r\t\u2028", r"one\nerror: two\r\t\u2028"),
        ("\ud800\udcff", r"\ud800\udcff"),
        ("Szőtt szövet – 3\xa0%, καλημέρα 🧶", "Szőtt szövet – 3\xa0%, καλημέρα 🧶"),
    ],
)
def test_what_is_printed_is_one_line_as_it_reads(
    capsys: pytest.CaptureFixture[str], text: str, shown: str
) -> None:
    show(text)
    remark(text)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == (shown + "\n", shown + "\n")


def test_a_text_of_several_lines_keeps_them(capsys: pytest.CaptureFixture[str]) -> None:
    show_lines("one\ntwo \u202e\n")
    assert capsys.readouterr().out == "one\ntwo \\u202e\n"
