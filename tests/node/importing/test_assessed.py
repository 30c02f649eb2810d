"""Applications, evaluations and complaints of an existing register, into a real site."""

from typing import Any

import pytest

from sopro_node.importing.fields import Kind
from sopro_node.importing.mapping import parse_mapping
from sopro_node.importing.planning import Call
from sopro_node.importing.report_text import format_report
from sopro_protocol.errors import FormatError
from tests.node.importing.sources import (
    DECISIONS,
    Told,
    counts,
)

EVALUATIONS: dict[str, Any] = {
    "columns": {"key": ["no", "cycle"], "label": "no", "assessor": "by", "performed_on": "day"},
    "constants": {"criteria_version": "1", "method": "on_site"},
    "findings": {
        "S1": {"column": "score", "kind": "points"},
        "S2": {"column": "share", "kind": "value", "scale": 2},
        "S3": {"column": "quality"},
    },
    "results": {"ja": "conform", ">= 50": "conform", "*": "minor_nc"},
}
CYCLES = (
    "no,cycle,by,day,score,share,quality\n"
    "a,1,Maria Huber,2026-03-01,20,62.5,ja\n"
    "a,2,Maria Huber,2026-09-01,,48,nein\n"
)
APPLICATIONS: dict[str, Any] = {
    "columns": {
        "key": "file", "organisation": "org", "offering": "no", "submitted_on": "in",
        "step": "state", "effective_date": "since",
    },
    "constants": {"scheme": "sopro", "criteria_version": "1"},
    "values": {"step": {"offen": "submitted", "geprüft": "accepted", "zurück": "withdrawn"}},
}  # fmt: skip
COMPLAINTS: dict[str, Any] = {
    "columns": {"key": "id", "label": "no", "certificate": "number", "kind": "about",
                "received_on": "day", "withdrawn_on": "gone", "text": "words"},
}  # fmt: skip


async def test_evaluations_come_in_with_their_scores_once(call: Call, told: Told) -> None:
    dry = await told.run(call, Kind.EVALUATIONS, CYCLES, EVALUATIONS, is_dry=True)
    assert counts(dry) == (2, 0, 0, 0), told.lines
    assert counts(await told.run(call, Kind.EVALUATIONS, CYCLES, EVALUATIONS)) == (2, 0, 0, 0)
    assert counts(await told.run(call, Kind.EVALUATIONS, CYCLES, EVALUATIONS)) == (0, 2, 0, 0)
    number = (await call("labels", {}))["labels"][0]["number"]
    assert (await call("label", {"number": number}))["overlays"] == []
    closed = CYCLES.replace(
        "a,2,Maria Huber,2026-09-01,,48,nein", "a,2,Maria Huber,2026-09-01,,52,ja"
    )
    assert counts(await told.run(call, Kind.EVALUATIONS, closed, EVALUATIONS)) == (1, 1, 0, 0)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("b,1,Maria Huber,2026-03-01,20,,", "label 'b' has not been imported"),
        ("a,1,Somebody,2026-03-01,20,,", "nobody of that name is authorised"),
        ("a,1,Maria Hubr,2026-03-01,20,,", "; did you mean 'Maria Huber'?"),
        ("a,1,Maria Huber,2025-03-01,20,,", "was not authorised"),
        ("a,1,Maria Huber,2026-03-01,,,", "found nothing"),
        ("a,1,Maria Huber,2026-03-01,many,,", "expected a number alone, such as 69.5"),
        ("a,1,Maria Huber,2026-03-01,99,,", "earns 25 at most"),
        ("a,1,Maria Huber,2026-03-01,,62.555,", "with at most 2 decimal places"),
        ("a,1,,2026-03-01,20,,", "expected assessor, found nothing"),
    ],
)
async def test_an_evaluation_that_lacks_something_says_what(
    call: Call, told: Told, row: str, words: str
) -> None:
    text = f"{CYCLES.splitlines()[0]}\n{row}\n"
    assert counts(await told.run(call, Kind.EVALUATIONS, text, EVALUATIONS))[3] == 1
    assert words in told.lines[0]


async def test_applications_come_in_with_where_they_are(call: Call, told: Told) -> None:
    head = "file,org,no,in,state,since\n"
    rows = "7,1,b,2026-10-01,geprüft,2026-10-03\n8,1,b,2026-10-02,offen,\n"
    text = f"{head}{rows}9,1,c,2026-10-02,offen,\n"
    assert counts(await told.run(call, Kind.APPLICATIONS, text, APPLICATIONS)) == (2, 0, 0, 1)
    assert "offering 'c' has not been imported" in told.lines[0]
    known = (await call("applications", {}))["applications"]
    assert [(one["stage"], one["submitted"]) for one in known] == [
        ("accepted", "2026-10-01"),
        ("submitted", "2026-10-02"),
    ]
    text = head + rows.replace("offen,", "zurück,2026-10-05")
    assert counts(await told.run(call, Kind.APPLICATIONS, text, APPLICATIONS)) == (1, 1, 0, 0)
    text = head + rows.replace("geprüft,2026-10-03", "geprüft,2026-10-04")
    assert counts(await told.run(call, Kind.APPLICATIONS, text, APPLICATIONS))[3] == 1


async def test_complaints_name_a_label_by_key_or_by_number(call: Call, told: Told) -> None:
    number = (await call("labels", {}))["labels"][0]["number"]
    head = "id,no,number,about,day,gone,words\n"
    text = (
        f"{head}1,a,,misuse,2026-05-01,,Auf anderen Sesseln\n"
        f"2,,{number},procedure,2026-05-02,2026-05-09,\n"
        "3,b,,misuse,2026-05-01,,\n"
        "4,,SOPRO/AT0/001/09999,misuse,2026-05-01,,\n"
    )
    assert counts(await told.run(call, Kind.COMPLAINTS, text, COMPLAINTS)) == (2, 0, 0, 2)
    assert any("label 'b' has not been imported" in line for line in told.lines)
    assert any("no log here has the label SOPRO/AT0/001/09999" in line for line in told.lines)
    known = (await call("complaints", {}))["complaints"]
    assert [(one["certificate"], one["kind"]) for one in known] == [
        (number, "misuse"),
        (number, "procedure"),
    ]
    assert counts(await told.run(call, Kind.COMPLAINTS, text, COMPLAINTS)) == (0, 2, 0, 2)
    later = text.replace("1,a,,misuse,2026-05-01,,", "1,a,,misuse,2026-05-01,2026-06-01,")
    assert counts(await told.run(call, Kind.COMPLAINTS, later, COMPLAINTS)) == (1, 1, 0, 2)


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        (Kind.EVALUATIONS, {"findings": {}}, r"\[findings\] says for evaluations"),
        (Kind.EVALUATIONS, {"results": {"ja": "good"}}, "expected one of conform"),
        (Kind.EVALUATIONS, {"findings": {"S1": {"column": "x", "kind": "score"}}}, "'points'"),
        (Kind.DECISIONS, {"findings": {"S1": {"column": "x"}}}, "these rows are decisions"),
        (Kind.COMPLAINTS, {"columns": {"key": "a", "kind": "b", "received_on": "c"}}, "'label'"),
    ],
)
def test_refuses_a_mapping_that_says_too_little(
    kind: Kind, changes: dict[str, Any], words: str
) -> None:
    whole = {Kind.EVALUATIONS: EVALUATIONS, Kind.DECISIONS: DECISIONS}.get(kind, COMPLAINTS)
    with pytest.raises(FormatError, match=words):
        parse_mapping(whole | changes, kind, where="mapping.toml")


async def test_an_import_says_whom_it_makes_known(call: Call, told: Told) -> None:
    """Who assessed their own is nobody's officer; a name that is nearly another may be the same."""
    mapping = {**EVALUATIONS, "constants": {**EVALUATIONS["constants"], "level": "self"}}
    text = CYCLES.replace("a,1,Maria Huber", "a,1,Maria Hubr").replace(
        "2,Maria Huber", "2,Ida Wolf"
    )
    for is_dry in (True, False):
        summary = await told.run(call, Kind.EVALUATIONS, text, mapping, is_dry=is_dry)
        assert counts(summary) == (2, 0, 0, 0), told.lines
        assert told.report is not None
        assert told.report.new_people == {"Ida Wolf": [], "Maria Hubr": ["Maria Huber"]}
        assert "People who are new at this site" in format_report(told.report, ".md")
    again = await told.run(call, Kind.EVALUATIONS, text, mapping)
    assert counts(again) == (0, 2, 0, 0)
    assert told.report is not None
    assert told.report.new_people == {}
