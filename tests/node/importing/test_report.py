"""A report says everything once, in a form nobody can slip markup into."""

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sopro_node.importing import report as report_module
from sopro_node.importing.fields import Kind
from sopro_node.importing.report import Fate, Report
from sopro_node.importing.report_text import check_report_path, format_report
from sopro_protocol.errors import FormatError
from tests.node.importing.sources import ORGANISATIONS, FakeOffice, Told

EVIL = "<script>alert(1)</script>|`*x*`[a](b)\u202e"
ROWS = (
    "no,name,place,land,since,ids,note\n"
    "1,Erste,Graz,Österreich,,VATAT-U38473200,\n"
    "2,Erste GmbH,Graz,AT,,VATAT-U38473200,\n"
    "3,Dritte,Wien,Ausria,,,\n"
    f"4,{EVIL},Wien,AT,x,VATCZ-CZ26439395,\n"
    "5,Fünfte,Wien,HU,,,\n"
)
MAPPING = ORGANISATIONS | {
    "identifiers": [{"column": "ids", "scheme_until": "-"}],
    "unusable_cells": "empty",
    "skip": {"land": {"HU": "not here"}},
}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


async def full(office: FakeOffice, told: Told) -> Report:
    await told.run(office, Kind.ORGANISATIONS, ROWS, MAPPING)
    assert told.report is not None
    return told.report


SAYS = [
    "Import of source1.csv as organisations",
    "line 2: Erste; line 3: Erste GmbH",
    "VATCZ-CZ26439395",
    "VATCZ-26439395",
    "did you mean 'AT'?",
    "not here",
    "Österreich",
    "column note",
    "utf-8",
    "expected country, found nothing",
]


async def test_html_says_everything_and_takes_nothing_for_markup(
    office: FakeOffice, told: Told
) -> None:
    page = format_report(await full(office, told), ".html")
    parsed = Tags()
    parsed.feed(page)
    assert "script" not in parsed.tags
    for words in SAYS:
        assert words in parsed.text


async def test_markdown_says_everything_in_tables_that_stay_whole(
    office: FakeOffice, told: Told
) -> None:
    page = format_report(await full(office, told), ".md")
    plain = html.unescape(re.sub(r"\\(.)", r"\1", page))
    for words in SAYS:
        assert words in plain
    assert "<script" not in page
    width = 0
    for line in page.splitlines():
        bars = len(re.findall(r"(?<!\\)\|", line))
        assert bars in (0, width) or not width
        width = bars if line.startswith("|") else 0


async def test_json_says_everything(office: FakeOffice, told: Told) -> None:
    said = json.loads(json.dumps((await full(office, told)).as_json()))
    assert said["identifiers"]["check"] == 1
    assert said["identifiers"]["found"][0]["suggestion"] == "VATCZ-26439395"
    assert said["duplicates"]["identifier"] == 1
    assert {one["fate"] for one in said["problems"]} == {"bad", "left out"}
    assert said["skipped_because"] == [
        {"reason": "column 'land', value 'HU': not here", "count": 1}
    ]
    assert said["columns"]["unused"] == ["note"]
    assert said["recognised"]["encoding"] == "utf-8"


def test_only_words_that_no_language_has_are_broken_on_the_page() -> None:
    """Cells that break anywhere let narrow columns shrink to a letter: `refu sed`."""
    report = Report(Kind.ORGANISATIONS, "a.csv")
    report.tell(12345, Fate.REFUSED, "rule after rule " * 20)
    report.tell(2, Fate.BAD, f"column {'x' * 300}")
    page = format_report(report, ".html")
    assert "<td>12345</td><td>refused</td><td>rule after" in page
    assert '<td>bad</td><td class="long">column xxx' in page
    rules = re.findall(r"([^{}>]+)\{([^}]*)\}", page)
    assert [names for names, rule in rules if "overflow-wrap" in rule] == ["td.long"]


def test_reasons_are_counted_without_the_values_they_are_said_of() -> None:
    report = Report(Kind.ORGANISATIONS, "a.csv")
    for value in ("x", "it's", 'say "y\'z"'):
        report.tell(1, Fate.BAD, f"column 'land', value {value!r}: no; did you mean {value!r}?")
    assert list(report.reasons.items()) == [((Fate.BAD, "column 'land': no"), 3)]


def test_lists_are_bounded_and_counts_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_module, "MAX_LISTED", 3)
    report = Report(Kind.ORGANISATIONS, "a.csv")
    for number in range(10):
        report.tell(number, Fate.BAD, "same")
        report.skip(f"reason {number}")
    assert (len(report.troubles), len(report.skipped), report.summary.skipped) == (3, 3, 10)
    assert report.reasons[Fate.BAD, "same"] == 10


@pytest.mark.parametrize("name", ["a.txt", "a", "there.md"])
def test_a_report_is_written_to_a_new_page(tmp_path: Path, name: str) -> None:
    (tmp_path / "there.md").touch()
    with pytest.raises(FormatError, match=r"named \.html or \.md|is there already"):
        check_report_path(tmp_path / name)
    check_report_path(tmp_path / "new.html")
