import calendar
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopro_protocol.errors import FormatError, RefusedError
from sopro_registry.fields import add_months, day_of, format_day, latest_day, parse_day

DAYS = st.dates().map(date.toordinal)


@pytest.mark.parametrize(("text", "day"), [("0001-01-01", 1), ("9999-12-31", 3_652_059)])
def test_day_is_the_proleptic_ordinal(text: str, day: int) -> None:
    assert (day_of(text, field="x"), format_day(day)) == (day, text)


@pytest.mark.parametrize("text", ["2026-02-29", "1900-02-29", "0000-01-01", "2026-04-31"])
def test_refuses_days_the_calendar_does_not_have(text: str) -> None:
    with pytest.raises(RefusedError, match=f"^valid_until: '{text}' is not a day") as caught:
        day_of(text, field="valid_until")
    assert caught.value.code == "rec.body"


@pytest.mark.parametrize(
    "text", ["2026-02-29", "2026-2-28", "20260228", "2026-W09-6", "2026-02-28\n", "٢٠٢٦-٠١-٠١", ""]
)
def test_refuses_a_written_day_in_another_form(text: str) -> None:
    assert parse_day("2026-02-28", field="at") == day_of("2026-02-28", field="at")
    with pytest.raises(
        FormatError, match=r"^at: expected a civil date like 2026-11-22, got "
    ) as one:
        parse_day(text, field="at", code="err.query")
    assert one.value.code == "err.query"


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2026-10-31", 3, "2027-01-31"),
        ("2026-12-31", 0, "2026-12-31"),
        ("9998-12-31", 1, "9999-01-31"),
        ("9998-12-31", 2, "9999-02-28"),
        ("9999-11-30", 1, "9999-12-30"),
        ("9999-12-31", 1, "9999-12-31"),
        ("9000-01-01", 1200 * 12, "9999-12-31"),
    ],
)
def test_adds_months(start: str, months: int, expected: str) -> None:
    assert format_day(add_months(day_of(start, field="x"), months)) == expected


@given(DAYS, st.integers(0, 1200))
def test_months_end_on_the_same_day_or_the_months_last(day: int, months: int) -> None:
    start, end = date.fromordinal(day), date.fromordinal(add_months(day, months))
    total = start.year * 12 + start.month - 1 + months
    if total >= 10_000 * 12:
        assert end == date.max
        return
    assert (end.year, end.month - 1) == divmod(total, 12)
    assert end.day == min(start.day, calendar.monthrange(end.year, end.month)[1])


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("1970-01-01T00:00:00.000+00:00", "1970-01-01"),
        ("2026-12-31T09:59:59.999+00:00", "2026-12-31"),
        ("2026-12-31T10:00:00.000+00:00", "2027-01-01"),
        ("9999-12-31T23:59:59.000+00:00", "9999-12-31"),
    ],
)
def test_latest_day_is_14_hours_ahead(instant: str, expected: str) -> None:
    assert (
        format_day(latest_day(round(datetime.fromisoformat(instant).timestamp() * 1000)))
        == expected
    )


def test_latest_day_of_a_time_beyond_the_calendar_is_its_last() -> None:
    assert format_day(latest_day(2**53 - 1)) == "9999-12-31"
