"""Days as registers write them, in the cells of a file and in a guess."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from sopro_node.importing.days import DayReader
from sopro_node.importing.fields import Kind
from sopro_node.importing.guess import guess_mapping
from sopro_node.importing.mapping import load_mapping, parse_mapping
from sopro_node.importing.mapping_parts import DateForm
from sopro_protocol.errors import FormatError
from tests.node.importing.sources import FakeOffice, Told, counts

VIENNA = ZoneInfo("Europe/Vienna")
MAPPING: dict[str, Any] = {
    "columns": {"key": "nr", "order": "n", "status": "art", "valid_until": "bis"},
    "constants": {"scheme": "sopro"},
    "status": {"erteilt": "hold"},
}

READ = [
    ("", "2021-03-01", "2021-03-01"),
    ("", "2021-03-01 10:30:00", "2021-03-01"),
    ("", "2021-03-01T23:59:59.123", "2021-03-01"),
    ("serial", "43900", "2020-03-10"),
    ("serial", "43900.4375", "2020-03-10"),
    ("serial", "61", "1900-03-01"),
    ("%d.%m.%y", "1.2.68", "2068-02-01"),
    ("%d.%m.%y", "01.02.69", "1969-02-01"),
    ("%d. %B %Y", "5. März 2021", "2021-03-05"),
    ("%d. %B %Y", "5. Jänner 2021", "2021-01-05"),
    ("%Y. %B %d.", "2020. május 3.", "2020-05-03"),
    ("%B %d, %Y", "Sept. 3, 2020", "2020-09-03"),
    ("%d de %B de %Y", "7 de mayo de 2020", "2020-05-07"),
    ("%d %B %Y", "7 LIPCA 2020", "2020-07-07"),
    ("%d.%m.%Y %H:%M", "01.02.2020 7:05", "2020-02-01"),
    ("%d.%m.%Y %H:%M:%S", "01.02.2020 23:59:59", "2020-02-01"),
    (["%d.%m.%Y", "%Y-%m-%d", "serial"], "2020-02-29", "2020-02-29"),
    (["%d.%m.%Y", "%Y-%m-%d", "serial"], "29.02.2020", "2020-02-29"),
    (["%d.%m.%Y", "%Y-%m-%d", "serial"], "43890", "2020-02-29"),
    (["%d/%m/%Y", "%m/%d/%Y"], "03/04/2020", "2020-04-03"),
]


@pytest.mark.parametrize(("form", "text", "day"), READ)
def test_reads_a_day(form: str | list[str], text: str, day: str) -> None:
    reader = DayReader(DateForm(format=form), VIENNA, has_days=False)
    assert reader.read(text).isoformat() == day


REFUSED = [
    ("", "2021-03-01 25:30:00"),
    ("", "2021-02-29 10:30:00"),
    ("", "2021-03-01 10:30:00Z"),
    ("serial", "60"),
    ("serial", "9999999"),
    ("serial", "-5"),
    ("serial", "١٢٣"),
    ("%d.%m.%Y", "31.02.2020"),
    ("%d.%m.%Y", "01.02.20"),
    ("%d.%m.%Y", "01.02.2020 10:00"),
    ("%d. %B %Y", "5. Nebelung 2021"),
    ("%d.%m.%Y %H:%M", "01.02.2020 25:00"),
]


@pytest.mark.parametrize(("form", "text"), REFUSED)
def test_refuses_what_is_no_day(form: str, text: str) -> None:
    with pytest.raises(ValueError, match="expected a day of the calendar written"):
        DayReader(DateForm(format=form), VIENNA, has_days=False).read(text)


def test_a_name_of_two_months_needs_its_language() -> None:
    form = DateForm(format="%d %B %Y")
    with pytest.raises(ValueError, match=r"month 10 in hr; month 11 in cs, pl; say 'language'"):
        DayReader(form, VIENNA, has_days=False).read("7 listopad 2020")
    for language, day in (("hr", "2020-10-07"), ("pl", "2020-11-07")):
        form = DateForm(format="%d %B %Y", language=language)
        assert DayReader(form, VIENNA, has_days=False).read("7 listopad 2020").isoformat() == day


async def test_words_for_no_day_are_what_the_mapping_says(office: FakeOffice, told: Told) -> None:
    mapping = MAPPING | {"values": {"valid_until": {"unbefristet": "", "0000-00-00": ""}}}
    text = "nr;n;art;bis\n1;1;erteilt;unbefristet\n2;1;erteilt;2029-01-01\n3;1;erteilt;0000-00-00\n"
    text += "4;1;erteilt;irgendwann\n"
    assert counts(await told.run(office, Kind.DECISIONS, text, mapping)) == (3, 0, 0, 1)
    ends = [one["values"].get("valid_until") for one in office.drafts]
    assert ends == [None, "2029-01-01", None]
    with pytest.raises(FormatError, match=r"\[values.valid_until\] '\*': would be every day"):
        parse_mapping(MAPPING | {"values": {"valid_until": {"*": ""}}}, Kind.DECISIONS, where="m")


def guess_dates(tmp_path: Path, since: list[str], until: list[str]) -> dict[str, Any]:
    path = tmp_path / "in.csv"
    rows = [f"{n};{a};erteilt;{b}" for n, (a, b) in enumerate(zip(since, until, strict=True), 1)]
    path.write_text("\n".join(["Nummer;Erteilt;Status;Gültig bis", *rows, ""]))
    text = guess_mapping(path, Kind.DECISIONS).toml
    written = tmp_path / "m.toml"
    written.write_text(text)
    mapping = load_mapping(written, Kind.DECISIONS)
    return {
        "columns": [mapping.columns_of(one) for one in ("granted_on", "valid_until")],
        "forms": {name: form.format for name, form in mapping.dates.items()},
        "values": mapping.values,
    }


GUESSES: list[tuple[list[str], list[str], dict[str, Any], dict[str, Any]]] = [
    (["2021-03-01 10:30:00", "2021-04-02 00:00:00"], ["", "2029-01-01"], {}, {}),
    (["43900", "44000"], ["", ""], {"granted_on": "serial"}, {}),
    (
        ["5. März 2021", "17. April 2022"],
        ["unbefristet", "1. Mai 2029"],
        {"granted_on": "%d. %B %Y", "valid_until": "%d. %B %Y"},
        {"valid_until": {"unbefristet": ""}},
    ),
    (
        ["01.02.2020", "2021-05-06", "28.02.2022"],
        ["-", "0000-00-00", "2029-12-31"],
        {"granted_on": ["%d.%m.%Y", "%Y-%m-%d"]},
        {"valid_until": {"-": "", "0000-00-00": ""}},
    ),
    (["01.02.20", "28.03.21"], ["", ""], {"granted_on": "%d.%m.%y"}, {}),
]


@pytest.mark.parametrize(("since", "until", "forms", "values"), GUESSES)
def test_a_guess_says_how_days_are_written(
    tmp_path: Path,
    since: list[str],
    until: list[str],
    forms: dict[str, Any],
    values: dict[str, Any],
) -> None:
    found = guess_dates(tmp_path, since, until)
    assert found["columns"][0] == ("Erteilt",)
    assert (found["forms"], found["values"]) == (forms, values)


def test_a_guess_knows_decisions_by_any_days(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Nr", "Status", "Vergeben"], ["A", "aktiv", 43900], ["B", "aktiv", 43901]):
        book.active.append(row)
    book.save(tmp_path / "in.xlsx")
    text = guess_mapping(tmp_path / "in.xlsx").toml
    assert '[decisions.dates.granted_on]\nformat = "serial"' in text
