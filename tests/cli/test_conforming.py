"""`sopro conformance`: a statement is read, held to its report, and put into the log."""

from pathlib import Path

from sopro_conformance.report import write_report
from sopro_conformance.statement import FILE, write_statement
from tests.cli.place import Place, sopro
from tests.conformance.test_statement import PASSED, SAID, finished


def test_a_statement_that_is_none_is_said(place: Place, tmp_path: Path) -> None:
    assert "cannot be read" in sopro("conformance", "state", place.at, tmp_path, code=65).stderr
    (tmp_path / FILE).write_text('{"format": 7}')
    assert "expected format 1" in sopro("conformance", "state", place.at, tmp_path, code=65).stderr
    (tmp_path / FILE).write_text('{"format": 1}')
    assert "not a statement" in sopro("conformance", "state", place.at, tmp_path, code=65).stderr
    run = finished(PASSED)
    write_report(run, tmp_path)
    write_statement(run, tmp_path, SAID | {"site": "hu"})
    told = sopro("conformance", "state", place.at, tmp_path, code=65).stderr
    assert "answers a challenge of 'hu', this is at" in told
    write_statement(run, tmp_path, SAID)
    report = tmp_path / "report.json"
    report.write_text(report.read_text() + "\n")
    told = sopro("conformance", "state", place.at, tmp_path, code=65).stderr
    assert "not the report that the statement names" in told
    write_statement(run, tmp_path, SAID)
    shown = sopro("conformance", "state", place.at, tmp_path)
    assert "states reader, in force until" in shown.stdout
    assert "sopro members admit DIRECTORY at --statement" in shown.stderr
    again = sopro("conformance", "state", place.at, tmp_path, code=1).stderr
    assert "a challenge is answered once" in again
