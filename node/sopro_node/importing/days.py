"""Days as registers write them: by forms, as numbers of a spreadsheet, as instants.

A form says where year, month and day stand: `%Y` or `%y` (69 to 99 are of the last century), `%m`
or `%B` (the name of a month, whole or shortened, in any language of Europe), `%d`; `%H`, `%M` and
`%S` may follow, of which nothing is kept. `serial` counts days as spreadsheets do: 43900 is
2020-03-10.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale

from sopro_node.importing.countries import NAMED_IN, fold
from sopro_node.importing.mapping_parts import SERIAL, DateForm

ISO: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?"
LOCAL: Final = re.compile(rf"({ISO.pattern})[T ]({_TIME})")
INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"(Z|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])"
)
_SERIAL: Final = re.compile(r"([0-9]{1,7})(?:[.,][0-9]{1,15})?")
_PARTS: Final = {
    "Y": r"(?P<year>[0-9]{4})",
    "y": r"(?P<short>[0-9]{2})",
    "m": r"(?P<month>1[0-2]|0?[1-9])",
    "B": r"(?P<name>[^\W\d_]{1,20}\.?)",
    "b": r"(?P<name>[^\W\d_]{1,20}\.?)",
    "d": r"(?P<day>3[01]|[12][0-9]|0?[1-9])",
    "H": r"(?:[01]?[0-9]|2[0-4])",
    "M": r"[0-5][0-9]",
    "S": r"(?:[0-5][0-9]|60)(?:[.,][0-9]{1,9})?",
}
_FORM: Final = re.compile(r"%(.?)|(\s+)|([^%\s]+)", re.DOTALL)
_LAST_CENTURY: Final = 69
_EPOCH: Final = date(1899, 12, 30)
# Before it, spreadsheets count a day that never was.
_FIRST_SERIAL: Final = 61
_SERIALS_GUESSED: Final = range(20_000, 80_000)
_LONGEST: Final = 80
_CLOCKS: Final = ("", " %H:%M:%S", " %H:%M")
_NUMBERS: Final = (
    *("%d.%m.%Y", "%d. %m. %Y", "%Y.%m.%d", "%Y. %m. %d.", "%Y.%m.%d.", "%Y/%m/%d"),
    *("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y%m%d"),
)
_SHORT: Final = ("%d.%m.%y", "%d. %m. %y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%y")
_NAMED: Final = (
    *("%d. %B %Y", "%d %B %Y", "%d-%B-%Y", "%B %d, %Y", "%B %d %Y", "%Y. %B %d.", "%Y %B %d"),
    *("%d.%B.%Y", "%d de %B de %Y", "%d-%B-%y", "%d %B %y", "%d. %B %Y."),
)
DATE_FORMATS: Final = (
    *(form + clock for clock in _CLOCKS for form in _NUMBERS),
    *(form + clock for clock in _CLOCKS for form in _SHORT),
    *_NAMED,
    SERIAL,
)
_REGIONAL: Final = ("de_AT", "en_GB")
_SOME_DAY: Final = date(2016, 7, 31)
_INSTANT_FORM: Final = "an instant such as 2016-06-30T22:00:00Z"


class DayReader:
    """Reads the days of one field.

    Args:
        form: how they are written.
        zone: of the site, for instants.
        has_days: its days may be days of a workbook, which are written in one way only.
    """

    def __init__(self, form: DateForm, zone: ZoneInfo, *, has_days: bool) -> None:
        self._form = form
        self._zone = zone
        self._has_days = has_days

    def read(self, text: str) -> date:
        """Return the day.

        Raises:
            ValueError: it is none; the message says what is expected.
        """
        try:
            return self._read(text)
        except _UnclearMonthError:
            raise
        except _NoInstantError:
            raise ValueError(f"expected {_INSTANT_FORM}") from None
        except (ValueError, OverflowError):
            raise ValueError(_expected(self._form)) from None

    def _read(self, text: str) -> date:
        is_plain = self._form.kind == "date" and not self._form.formats
        if self._has_days or is_plain:
            if ISO.fullmatch(text):
                return date.fromisoformat(text)
            if (match := LOCAL.fullmatch(text)) and self._form.kind == "date":
                # A time without a zone is one of where it was written down: the day is that.
                time.fromisoformat(match[2][:8])
                return date.fromisoformat(match[1])
        if self._form.kind == "instant":
            if not INSTANT.fullmatch(text):
                raise _NoInstantError
            return datetime.fromisoformat(text).astimezone(UTC).astimezone(self._zone).date()
        for form in self._form.formats:
            day = read_by(form, text, self._form.language)
            if day is not None:
                return day
        raise ValueError


class _NoInstantError(ValueError):
    """A text does not look like an instant."""


class _UnclearMonthError(ValueError):
    """A name is that of several months."""


def read_by(form: str, text: str, language: str = "") -> date | None:
    """Return the day that a text is by a form, if it is one.

    Raises:
        ValueError: its month has a name that is of several months in several languages.
    """
    if form == SERIAL:
        return _from_serial(text)
    match = _pattern(form).fullmatch(text[:_LONGEST])
    if match is None:
        return None
    found = match.groupdict()
    year = int(found.get("year") or found["short"])
    if "short" in found:
        year += 1900 if year >= _LAST_CENTURY else 2000
    month = int(found["month"]) if "month" in found else _month(found["name"], language)
    try:
        return date(year, month, int(found["day"]))
    except ValueError:
        return None


def _from_serial(text: str) -> date | None:
    match = _SERIAL.fullmatch(text)
    if match is None or int(match[1]) < _FIRST_SERIAL:
        return None
    try:
        return _EPOCH + timedelta(days=int(match[1]))
    except OverflowError:
        return None


@cache
def _pattern(form: str) -> re.Pattern[str]:
    parts = [
        _PARTS.get(directive, re.escape(directive))
        if directive
        else r"\s+"
        if space
        else re.escape(rest)
        for directive, space, rest in _FORM.findall(form)
    ]
    return re.compile("".join(parts))


def _month(name: str, language: str) -> int:
    """Return the month that has a name; 0 where none has."""
    by_language = _months().get(fold(name), {})
    if language:
        return by_language.get(language.partition("-")[0], 0)
    numbers = sorted(set(by_language.values()))
    if len(numbers) > 1:
        raise _UnclearMonthError(
            f"{name!r} is {'; '.join(_said(by_language, number) for number in numbers)}; say "
            "'language' in [dates] of the mapping"
        )
    return numbers[0] if numbers else 0


def _said(by_language: Mapping[str, int], number: int) -> str:
    languages = sorted(one for one, month in by_language.items() if month == number)
    return f"month {number} in {', '.join(languages)}"


@cache
def _months() -> dict[str, dict[str, int]]:
    """Return the months by name and language, whole and shortened, alone and in a date."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for locale in (*NAMED_IN, *_REGIONAL):
        language = locale.partition("_")[0]
        for by_width in Locale.parse(locale).months.values():
            for width in ("wide", "abbreviated"):
                for number, name in by_width.get(width, {}).items():
                    found[fold(name)].setdefault(language, number)
    found.pop("", None)
    return {name: by_language for name, by_language in found.items() if not name.isdecimal()}


def formats_of(text: str) -> list[str]:
    """List the forms by which a text is a day."""
    return [one for one in DATE_FORMATS if _is_by(one, text[:_LONGEST])]


def _is_by(form: str, text: str) -> bool:
    try:
        day = read_by(form, text)
    except ValueError:
        return True
    return day is not None and (form != SERIAL or (day - _EPOCH).days in _SERIALS_GUESSED)


def _expected(form: DateForm) -> str:
    """Say how a source writes a date, with one written so."""
    if form.kind == "instant":
        return f"expected a day of the calendar, in {_INSTANT_FORM}"
    if form.formats:
        written = " or ".join(f"{one!r} such as {_written(one)}" for one in form.formats)
    else:
        written = (
            f"year-month-day such as {_SOME_DAY}; for another form set it in [dates] of the mapping"
        )
    return f"expected a day of the calendar written {written}"


def _written(form: str) -> str:
    return str((_SOME_DAY - _EPOCH).days) if form == SERIAL else f"{_SOME_DAY:{form}}"
