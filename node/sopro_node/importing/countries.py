"""Countries and languages as people write them, in any of some thirty languages, as codes.

The names are those of Unicode's locale data. What a register means beyond them, its mapping says.
"""

import re
from functools import lru_cache
from typing import Final

from babel import Locale
from babel.core import get_global
from rapidfuzz import fuzz, process

from sopro_node.countries import is_country
from sopro_node.importing.country_names import more_names
from sopro_registry.terms import fold as fold_letters

NAMED_IN: Final = (
    *(
        "en",
        "de",
        "hu",
        "bg",
        "cs",
        "da",
        "el",
        "es",
        "et",
        "fi",
        "fr",
        "ga",
        "hr",
        "is",
        "it",
        "lt",
    ),
    *(
        "lv",
        "mk",
        "mt",
        "nb",
        "nl",
        "pl",
        "pt",
        "ro",
        "ru",
        "sk",
        "sl",
        "sq",
        "sr",
        "sv",
        "tr",
        "uk",
    ),
)
_LETTERS: Final = re.compile(r"[^\w]+|_")
_NEAR: Final = 80
_MOST: Final = 80


def fold(text: str) -> str:
    """Return a name as it is compared: letters and digits only, without marks and case.

    Letters are made plain as in the search of the directory: `Łódź` is `lodz`.
    """
    return _LETTERS.sub(" ", fold_letters(text)[0]).strip()


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    """Collect the names of countries; the language that stands first keeps a name."""
    found: dict[str, str] = {}
    for alias, codes in get_global("territory_aliases").items():
        if len(alias) == 3 and alias.isalpha() and len(codes) == 1:
            found[alias.casefold()] = codes[0]
    codes = [code for code in map(str, Locale("en").territories) if is_country(code)]
    found |= {code.casefold(): code for code in codes}
    found |= {one: code for name, code in more_names() for one in _foldings(name)}
    for language in NAMED_IN:
        territories = Locale(language).territories
        for code in codes:
            for one in _foldings(territories.get(code, "")):
                found.setdefault(one, code)
    found.pop("", None)
    return found


def _foldings(name: str) -> list[str]:
    """Return a name as it is compared, also with its umlauts spelled out."""
    return [_LETTERS.sub(" ", one).strip() for one in fold_letters(name)]


@lru_cache(maxsize=1)
def _languages() -> dict[str, str]:
    found: dict[str, str] = {}
    for language in NAMED_IN:
        for code, name in Locale(language).languages.items():
            if len(code) in (2, 3):
                found.setdefault(fold(name), code)
    found.pop("", None)
    return found


@lru_cache(maxsize=4096)
def country_code(spelling: str) -> str:
    """Return the ISO 3166-1 code of a country however it is spelled; empty where it is none."""
    return _countries().get(fold(spelling), "") if len(spelling) <= _MOST else ""


@lru_cache(maxsize=4096)
def language_code(spelling: str) -> str:
    """Return the code of a language from its name; empty where it is none."""
    return _languages().get(fold(spelling), "") if len(spelling) <= _MOST else ""


@lru_cache(maxsize=4096)
def nearest_country(spelling: str) -> str:
    """Return the code of the country whose name is nearly that, empty where none is."""
    folded = fold(spelling[:_MOST])
    if len(folded) < 4:
        return ""
    found = process.extractOne(folded, _countries().keys(), scorer=fuzz.ratio, score_cutoff=_NEAR)
    return _countries()[found[0]] if found else ""
