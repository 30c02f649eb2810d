"""Languages of the pages: catalogues read once at start, dates and numbers by locale.

The text in templates and code is English; `locale/<language>/pages.po` translates it. The language
is the one an address asks for with `?lang=`, else what the browser prefers, else the setting's.
"""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.languages import get_official_languages
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from babel.support import Translations

LANGUAGES: Final = ("de", "en", "hu")
CATALOGUES: Final = Path(__file__).parent / "locale"
_LOCALES: Final = {"en": "en_GB"}
_MOST_ASKED: Final = 32


def mark(text: str) -> str:
    """Mark a text of a table for translation; it is translated where it is shown."""
    return text


class Language:
    """One language as pages speak it.

    Attributes:
        tag: BCP 47.
        locale: how dates and numbers are written, as in the node's country where the language is
            one of its own; readers of another language expect what they are used to.
        translations: of the catalogue.
        write_day: writes a civil date.
    """

    def __init__(self, tag: str, *, country: str) -> None:
        self.tag = tag
        self.locale = _find_locale(tag, country)
        self.translations = _read_catalogue(tag)
        self.write_day = lru_cache(maxsize=4096)(self._write_day)

    @cached_property
    def title(self) -> str:
        """The language's name in itself."""
        return (self.locale.languages.get(self.tag) or self.tag).capitalize()

    def say(self, text: str, **values: object) -> str:
        """Translate a marked text and put values into it."""
        return self.translations.gettext(text) % values

    def _write_day(self, day: date) -> str:
        return format_date(day, "long", locale=self.locale)

    def write_moment(self, moment: datetime, *, now: datetime) -> str:
        """Write an instant: its time of day, with the date unless it is today's."""
        if moment.date() == now.date():
            return format_time(moment, "short", locale=self.locale, tzinfo=moment.tzinfo)
        return format_datetime(moment, "medium", locale=self.locale, tzinfo=moment.tzinfo)

    def write_age(self, age: timedelta) -> str:
        """Write how long ago something was."""
        return format_timedelta(-age, add_direction=True, locale=self.locale)

    def write_number(self, number: float) -> str:
        """Write a number."""
        return format_decimal(number, locale=self.locale)

    def write_share(self, share: float) -> str:
        """Write a share as a percentage."""
        return format_percent(share, format=None, locale=self.locale)

    def country(self, code: str) -> str:
        """Return a country's name, or its code where none is known."""
        return str(self.locale.territories.get(code, code))

    def language(self, tag: str) -> str:
        """Return a language's name, or its tag where none is known."""
        return str(self.locale.languages.get(tag.split("-", maxsplit=1)[0].lower(), tag))

    def choose(self, texts: Mapping[str, str], *, others: Sequence[str] = ()) -> tuple[str, str]:
        """Choose from a text in several languages; returns its tag and the text."""
        for wanted in (self.tag, *others, "en", *sorted(texts)):
            for tag in sorted(texts):
                if tag.split("-")[0].lower() == wanted.split("-")[0].lower():
                    return tag, texts[tag]
        return "", ""


def load_languages(country: str) -> dict[str, Language]:
    """Read every catalogue."""
    return {tag: Language(tag, country=country) for tag in LANGUAGES}


def choose_language(*, asked: str | None, accepted: str, default: str) -> str:
    """Choose a language: the one asked for, else the most accepted, else the default.

    Args:
        asked: tag in the address, where there is one.
        accepted: the request's Accept-Language.
        default: of this node.
    """
    if asked in LANGUAGES:
        return str(asked)
    weighed = []
    for part in accepted.split(",")[:_MOST_ASKED]:
        tag, _, weight = part.partition(";")
        language = tag.strip().split("-")[0].lower()
        if language in LANGUAGES:
            weighed.append((_read_weight(weight), language))
    best = max((weight for weight, _ in weighed), default=0.0)
    return next((tag for weight, tag in weighed if weight == best > 0), default)


def zoned(time_ms: int, zone: str) -> datetime:
    """Return an instant in a zone."""
    return datetime.fromtimestamp(time_ms / 1000, tz=ZoneInfo(zone))


def _read_weight(text: str) -> float:
    """Read `q=0.8`; what is none weighs nothing, and nothing said is 1."""
    if not text.strip():
        return 1.0
    name, _, value = text.strip().partition("=")
    whole, _, rest = value.strip().partition(".")
    is_number = whole in ("0", "1") and (not rest or (rest.isascii() and rest.isdecimal()))
    return min(1.0, float(value)) if name.strip() == "q" and is_number else 0.0


def _find_locale(tag: str, country: str) -> Locale:
    if tag in get_official_languages(country, regional=True, de_facto=True):
        with contextlib.suppress(UnknownLocaleError):
            return Locale.parse(f"{tag}_{country}")
    return Locale.parse(_LOCALES.get(tag, tag))


def _read_catalogue(tag: str) -> Translations:
    path = CATALOGUES / tag / "pages.po"
    with path.open("rb") as file:
        catalogue = read_po(file, locale=tag, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)
