"""The order of a label's rows, where it is a day, and rows whose days contradict it."""

from typing import Any

import pytest

from sopro_node.importing.fields import Kind
from sopro_node.importing.plan import source_of
from tests.node.importing.sources import SECRET, FakeOffice, Told, counts

SINCE: dict[str, Any] = {
    "columns": {"key": "nr", "order": "seit", "status": "art", "effective_date": "seit"},
    "constants": {"scheme": "sopro"},
    "dates": {"effective_date": {"format": "%d.%m.%Y"}},
    "status": {"verliehen": "hold", "entzogen": "end"},
}
LIFE = "nr;art;seit\nT1;verliehen;28.11.2017\nT1;entzogen;03.02.2022\n"


def actions(office: FakeOffice) -> list[tuple[str, str]]:
    found = [one["values"] for one in office.drafts]
    return [(one["action"], one["effective_date"]) for one in found]


async def test_an_order_that_is_the_effective_date_goes_by_its_days(
    office: FakeOffice, told: Told
) -> None:
    assert counts(await told.run(office, Kind.DECISIONS, LIFE, SINCE)) == (2, 0, 0, 0)
    assert actions(office) == [("grant", "2017-11-28"), ("revoke", "2022-02-03")]
    assert told.report is not None
    assert told.report.used["seit"] == "order, effective_date"
    # What the source calls a decision stays what it was before days were understood.
    source = source_of(SECRET, ["T1"], ["28.11.2017"])
    assert office.drafts[0]["values"]["source"] == source


async def test_an_order_of_days_may_be_no_other_field(office: FakeOffice, told: Told) -> None:
    mapping = SINCE | {"dates": {"order": {"format": "%d.%m.%Y"}}}
    mapping["columns"] = {"key": "nr", "order": "seit", "status": "art"}
    assert counts(await told.run(office, Kind.DECISIONS, LIFE, mapping)) == (2, 0, 0, 0)
    assert [one["values"]["action"] for one in office.drafts] == ["grant", "revoke"]


async def test_days_are_never_compared_as_text(office: FakeOffice, told: Told) -> None:
    mapping = SINCE | {"columns": {"key": "nr", "order": "seit", "status": "art"}, "dates": {}}
    assert counts(await told.run(office, Kind.DECISIONS, LIFE, mapping)) == (0, 0, 0, 2)
    assert told.lines[0].endswith(
        "column 'seit', value '28.11.2017': a day that would be compared as text; "
        'say [dates.order] format = "%d.%m.%Y"'
    )


@pytest.mark.parametrize("unusable", ["error", "empty"])
async def test_a_place_that_is_no_day_holds_the_label_back(
    office: FakeOffice, told: Told, unusable: str
) -> None:
    text = LIFE.replace("03.02.2022", "im Februar")
    mapping = SINCE | {"unusable_cells": unusable}
    assert counts(await told.run(office, Kind.DECISIONS, text, mapping)) == (0, 0, 0, 2)


async def test_instants_of_several_zones_are_in_order(office: FakeOffice, told: Told) -> None:
    mapping = SINCE | {"dates": {"effective_date": {"kind": "instant"}}}
    late, early = "2020-05-01T10:00:00Z", "2020-05-01T11:00:00+02:00"
    text = f"nr;art;seit\nT1;entzogen;{late}\nT1;verliehen;{early}\n"
    assert counts(await told.run(office, Kind.DECISIONS, text, mapping)) == (2, 0, 0, 0)
    assert [one["values"]["action"] for one in office.drafts] == ["grant", "revoke"]


async def test_days_that_contradict_the_order_are_told(office: FakeOffice, told: Told) -> None:
    mapping = SINCE | {"columns": SINCE["columns"] | {"order": "n"}}
    text = (
        "nr;n;art;seit\nT1;2;verliehen;28.11.2017\nT1;1;entzogen;03.02.2022\n"
        "T2;1;verliehen;01.01.2020\nT2;2;verliehen;01.01.2020\n"
    )
    summary = await told.run(office, Kind.DECISIONS, text, mapping)
    assert counts(summary) == (3, 0, 1, 0)
    # The end was there, whatever the column says: what is left out is no matter of course.
    assert summary.forbidden == 1
    assert told.report is not None
    [remark] = told.report.remarks
    assert remark.line == 2
    assert remark.text == (
        "is effective on 2017-11-28, and stands behind line 3 of the same key, which is so only on "
        "2022-02-03; is 'order' the right column?"
    )


async def test_a_label_of_which_nothing_comes_in_is_no_matter_of_course(
    office: FakeOffice, told: Told
) -> None:
    text = LIFE.replace("verliehen;28", "entzogen;28").replace("entzogen;03", "verliehen;03")
    text += "T2;entzogen;01.01.2021\n"
    summary = await told.run(office, Kind.DECISIONS, text, SINCE)
    # T1 begins later, so that its end before says nothing; T2 would not be in the register at all.
    assert (counts(summary), summary.forbidden) == ((1, 0, 2, 0), 1)
