"""The identifiers of the providers of thirty countries: what the report lists, a recount finds."""

import csv
import re
from collections import defaultdict
from pathlib import Path

import pytest
from stdnum.eu import vat
from stdnum.exceptions import ValidationError

from sopro_node.importing.fields import Kind
from sopro_node.importing.job import Job
from sopro_node.importing.mapping import load_mapping
from sopro_node.importing.report import Report
from sopro_node.importing.report_text import format_report
from sopro_node.importing.run import run_import
from tests.node.importing.sources import FakeOffice

HERE = Path(__file__).resolve().parent
REAL = HERE.parents[2] / "shared" / "data" / "eu_trusted_lists_services.csv"

Provider = tuple[str, str]


def owners(path: Path) -> dict[str, set[Provider]]:
    """Find by whom each identifier is held, as it is written."""
    found = defaultdict(set)
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            for one in filter(None, row["tsp_registration_ids"].split("|")):
                found[one].add((row["country"], row["tsp_name"]))
    return found


def is_written_so(identifier: str) -> bool:
    """Say whether it has the form of EN 319 412-1: kind, country, hyphen, no space."""
    return re.fullmatch(r"[A-Z]{3}[A-Z]{2}-\S+", identifier) is not None


def adds_up(identifier: str) -> bool:
    """Say whether a VAT number is one of the Union; spaces are no matter of its digits."""
    try:
        vat.validate(identifier[3:].replace("-", "", 1))
    except ValidationError:
        return False
    return True


async def reported(folder: Path) -> Report:
    mapping = load_mapping(HERE / "organisations.toml", Kind.ORGANISATIONS)
    bad = folder / "bad.csv"
    job = Job(Kind.ORGANISATIONS, REAL, mapping, bad, lambda _: None, lambda *_: None)
    return await run_import(job, FakeOffice("UTC"), secret=bytes(32))


@pytest.mark.shared
async def test_the_report_lists_each_with_its_reason_as_a_recount_finds_them(
    tmp_path: Path,
) -> None:
    held = owners(REAL)
    report = await reported(tmp_path)
    assert sum(map(len, held.values())) == 347
    assert sum(len(who) for one, who in held.items() if one.startswith("VAT")) == 258

    wrong = {one for one in held if one.startswith("VAT") and not adds_up(one)}
    checked = [one for one in report.identifiers if one.fault == "check"]
    assert {one.identifier for one in checked} == wrong
    assert len(checked) == sum(len(held[one]) for one in wrong) == 5

    broken = {one for one in held if not is_written_so(one)}
    formed = [one for one in report.identifiers if one.fault == "form"]
    assert {one.identifier for one in formed} == broken
    assert len(formed) == sum(len(held[one]) for one in broken) == 14

    shared = {one: who for one, who in held.items() if len(who) > 1}
    hints = [one for one in report.duplicates if one.kind == "identifier"]
    assert len(shared) == 11
    by_identifier = {one.shared: {who.split(": ", 1)[1] for who in one.members} for one in hints}
    for one, who in shared.items():
        assert by_identifier.pop(one) == {name for _, name in who}
    # One more is shared by lists of two countries, once its doubled prefix is no matter.
    [(more, names)] = by_identifier.items()
    assert "CZ26439395" in more.replace("-", "")
    assert len(names) == 1

    pages = {suffix: format_report(report, suffix) for suffix in (".html", ".md")}
    for one in (*checked, *formed):
        assert one.problem
        assert one.problem in pages[".html"]
        assert one.identifier in pages[".html"]
        assert one.identifier in pages[".md"].replace("\\", "")


@pytest.mark.shared
async def test_what_fails_is_not_taken_and_costs_no_provider(tmp_path: Path) -> None:
    report = await reported(tmp_path)
    assert (report.summary.bad, report.summary.refused) == (0, 0)
    assert report.summary.appended + report.summary.unchanged == 2944
    assert report.summary.left_out >= 19
    assert not any(one.reason for one in report.identifiers)
