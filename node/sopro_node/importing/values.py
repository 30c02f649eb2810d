"""From the text of one cell to the value of its field, or to what is wrong with it."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from sopro_node.identifying import describe_flaw
from sopro_node.importing.countries import country_code, language_code, nearest_country
from sopro_node.importing.days import INSTANT, LOCAL, DayReader, formats_of
from sopro_node.importing.fields import Field, Form
from sopro_node.importing.mapping_parts import OTHERS, DateForm, SourceMapping
from sopro_node.importing.suggest import did_you_mean, nearest
from sopro_protocol.encoding import CONTROL
from sopro_registry.fields import LanguageTag
from sopro_registry.identifiers import Flaw, check_gtin

MOST_KEY: Final = 500
_SHOWN: Final = 60
_MOST_SPELLINGS: Final = 1000
_SHORT_CPV: Final = re.compile(r"[0-9]{7}")
_TAG_EXPECTED: Final = "expected a language tag such as de or pt-BR"
OVERRIDE: Final = "give a reason in [identifier_reasons] of the mapping"


class CellError(Exception):
    """A cell does not hold what its field needs: column, value, what is wrong."""

    def __init__(self, column: str, value: str, problem: str) -> None:
        shown = f"{value[:_SHOWN]!r}{'...' if len(value) > _SHOWN else ''}"
        super().__init__(f"column {column!r}, value {shown}: {problem}")


def clean(cell: str) -> str:
    """Return a cell's text in normal form C, without space around it (SPEC ENC-13)."""
    return unicodedata.normalize("NFC", cell.strip())


class ValueReader:
    """Reads values as a mapping says.

    Attributes:
        spellings: what was read as a code: field, spelling, code; how often.
        is_trying: what is read is only asked for, and counts in no list.
    """

    def __init__(self, mapping: SourceMapping, zone: ZoneInfo, *, has_days: bool) -> None:
        self._mapping = mapping
        self._zone = zone
        self._has_days = has_days
        self._days: dict[str, DayReader] = {}
        self.is_trying = False
        self.spellings: Counter[tuple[str, str, str]] = Counter()

    def translate(self, name: str, text: str) -> str:
        """Return what a text means by the mapping's own table."""
        table = self._mapping.values.get(name)
        if not table:
            return text
        if name == "country" and len(text) == 2 and text not in table:
            text = text.upper()
        # What has a meaning of its own has it; an empty cell is no "other" value.
        return table.get(text, table.get(OTHERS, text) if text else text)

    def read(self, one: Field, text: str, column: str) -> Any:
        """Read a text that is translated already, but for those of a list.

        Raises:
            CellError: it is no value of the field.
        """
        if not text:
            return None
        if one.form is Form.DATE:
            return self.day(one.name, text, column)
        if one.form is Form.STATUS:
            return text
        value: Any = text
        if one.name == "country":
            value = self._country(text, column)
        elif one.form is Form.CODES:
            mark = self._mapping.separators.get(one.name, "")
            parts = [part.strip() for part in (text.split(mark) if mark else [text])]
            value = [code for part in parts if part and (code := self.translate(one.name, part))]
            if not value:
                return None
        check_type(value, one, column, words=self._mapping.values.get(one.name, ()))
        if one.name == "cpv":
            _check_cpv(value, column)
        elif one.name == "gtin":
            self.check_flaw("GTIN", text, check_gtin(text), column)
        return value

    def _country(self, text: str, column: str) -> str:
        code = country_code(text)
        if not code:
            meant = did_you_mean(nearest_country(text))
            problem = f"expected a country: its name, or a code such as AT{meant}"
            raise CellError(column, text, problem)
        if code != text:
            self.note("country", text, code)
        return code

    def note(self, name: str, text: str, code: str) -> None:
        """Remember that a spelling was read as a code."""
        place = (name, text[:_SHOWN], code)
        if self.is_trying:
            return
        if place in self.spellings or len(self.spellings) < _MOST_SPELLINGS:
            self.spellings[place] += 1

    def reason_for(self, scheme: str, value: str) -> str:
        """Return why the mapping takes an identifier that fails its check; empty if it does not."""
        reasons = self._mapping.identifier_reasons
        return reasons.get(f"{scheme}-{value}") or reasons.get(OTHERS, "")

    def check_flaw(self, scheme: str, value: str, flaw: Flaw | None, column: str) -> None:
        """Refuse an identifier that fails its check and has no reason.

        Raises:
            CellError: it does.
        """
        if flaw is not None and not self.reason_for(scheme, value):
            raise CellError(column, value, describe_flaw(flaw, is_overridable=OVERRIDE))

    def language(self, text: str, column: str) -> str:
        """Read a language: its tag, also written like a locale (de_AT), or its name.

        Raises:
            CellError: it is none.
        """
        tag = text.replace("_", "-")
        if not tag:
            return ""
        try:
            msgspec.convert(tag, LanguageTag)
        except msgspec.ValidationError:
            code = language_code(text)
            if not code:
                raise CellError(column, text, _TAG_EXPECTED) from None
            self.note("language", text, code)
            return code
        return tag

    def day(self, name: str, text: str, column: str) -> str:
        """Read a civil date in the site's zone.

        Raises:
            CellError: it is none, or not written as the mapping says.
        """
        try:
            return self._reader(name).read(text).isoformat()
        except ValueError as error:
            raise CellError(column, text, f"{error}{_other_form(name, text)}") from None

    def _reader(self, name: str) -> DayReader:
        reader = self._days.get(name)
        if reader is None:
            form = self._mapping.dates.get(name, DateForm())
            reader = self._days[name] = DayReader(form, self._zone, has_days=self._has_days)
        return reader

    def moment(self, name: str, text: str, column: str) -> str:
        """Return what days are in order by: the day; of an instant, itself in UTC.

        Raises:
            CellError: it is none, or not written as the mapping says.
        """
        day = self.day(name, text, column)
        if not INSTANT.fullmatch(text):
            return day
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()


def check_type(value: Any, one: Field, column: str, *, words: Iterable[str] = ()) -> bool:
    """Hold a value to its field's type, and say what is perhaps meant.

    Args:
        value: as read.
        one: its field.
        column: where it stands.
        words: that the mapping translates.

    Raises:
        CellError: it is no such value.
    """
    try:
        msgspec.convert(value, one.type)
    except msgspec.ValidationError:
        expected = one.expected or "another value"
        meant = did_you_mean(nearest(str(value), [*one.words, *words])) if one.words else ""
        raise CellError(column, str(value), f"expected {expected}{meant}") from None
    return True


def check_word(column: str, text: str, known: Mapping[str, Any] | tuple[str, ...]) -> CellError:
    """Say that a status is none of those known."""
    words = [one for one in known if one != OTHERS]
    meant = did_you_mean(nearest(text, words))
    return CellError(
        column, text, f"no such status; known: {', '.join(words)}{meant}; add it to [status]"
    )


def _check_cpv(codes: list[str], column: str) -> None:
    """Find procurement codes that a spreadsheet took for numbers."""
    for code in codes:
        if _SHORT_CPV.fullmatch(code):
            problem = "a procurement code has 8 digits; did it lose its first zero?"
            raise CellError(column, code, f"{problem}{did_you_mean('0' + code)}")


def _other_form(name: str, text: str) -> str:
    """Name the forms in which the text would be a day."""
    if INSTANT.fullmatch(text):
        return f'; it is an instant: [dates.{name}] kind = "instant"'
    if LOCAL.fullmatch(text):
        return f'; it has no zone: [dates.{name}] kind = "date" takes its day'
    forms = " or ".join(f'"{form}"' for form in formats_of(text))
    return f"; it would be one by [dates.{name}] format = {forms}" if forms else ""


def shown_key(key: Sequence[str]) -> str:
    """Write a key as text; it may be of any length and hold anything."""
    shown = CONTROL.sub(" ", " / ".join(key))
    return shown if sum(map(len, key)) <= MOST_KEY else f"{shown[:MOST_KEY]}..."
