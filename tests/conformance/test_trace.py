from pathlib import Path

from sopro_conformance.catalogue import CASES
from sopro_conformance.trace import find_gaps, put_table, read_clauses, read_exclusions

SPEC = (Path(__file__).parents[2] / "protocol" / "SPEC.md").read_text()


def test_every_must_has_a_case_or_a_reason_for_having_none() -> None:
    assert find_gaps(SPEC) == []


def test_a_new_must_without_either_is_found() -> None:
    assert find_gaps(SPEC + "\n- **NEW-1** It MUST be tested.\n") == ["NEW-1"]
    assert find_gaps(SPEC + "\n- **NEW-1** It SHOULD be tested.\n") == []


def test_the_table_in_the_specification_is_current() -> None:
    assert put_table(SPEC) == SPEC, "run: sopro-conformance trace --spec protocol/SPEC.md"


def test_cases_cite_clauses_that_are_there() -> None:
    known = read_clauses(SPEC)
    for one in CASES.values():
        assert set(one.clauses) <= set(known), one.id


def test_every_exclusion_has_a_reason() -> None:
    for one in read_exclusions():
        assert one.clauses
        assert one.reason.endswith(".")
