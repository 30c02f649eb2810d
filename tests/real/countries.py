"""Countries as the lists of trusted services write them: ISO code, zone, short name.

EL and UK are the European Commission's codes for Greece and the United Kingdom; ISO 3166-1 has GR
and GB. Dates are read in the zone of the authority, which sits in the capital. A country that has
not been on a list so far gets what the tables of languages and zones say of it.
"""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from babel import Locale, UnknownLocaleError


class Country(NamedTuple):
    """A country with an authority that keeps a list."""

    iso: str
    zone: str
    language: str
    name: str


_LISTED = {
    code: Country(*fields.split(" ", 3))
    for code, fields in {
        "AT": "AT Europe/Vienna de Österreich",
        "BE": "BE Europe/Brussels nl België",
        "BG": "BG Europe/Sofia bg България",
        "CH": "CH Europe/Zurich de Schweiz",
        "CY": "CY Asia/Nicosia el Κύπρος",
        "CZ": "CZ Europe/Prague cs Česko",
        "DE": "DE Europe/Berlin de Deutschland",
        "DK": "DK Europe/Copenhagen da Danmark",
        "EE": "EE Europe/Tallinn et Eesti",
        "EL": "GR Europe/Athens el Ελλάδα",
        "ES": "ES Europe/Madrid es España",
        "FI": "FI Europe/Helsinki fi Suomi",
        "FR": "FR Europe/Paris fr France",
        "GB": "GB Europe/London en United Kingdom",
        "GR": "GR Europe/Athens el Ελλάδα",
        "HR": "HR Europe/Zagreb hr Hrvatska",
        "HU": "HU Europe/Budapest hu Magyarország",
        "IE": "IE Europe/Dublin en Ireland",
        "IS": "IS Atlantic/Reykjavik is Ísland",
        "IT": "IT Europe/Rome it Italia",
        "LI": "LI Europe/Vaduz de Liechtenstein",
        "LT": "LT Europe/Vilnius lt Lietuva",
        "LU": "LU Europe/Luxembourg fr Luxembourg",
        "LV": "LV Europe/Riga lv Latvija",
        "MT": "MT Europe/Malta mt Malta",
        "NL": "NL Europe/Amsterdam nl Nederland",
        "NO": "NO Europe/Oslo nb Norge",
        "PL": "PL Europe/Warsaw pl Polska",
        "PT": "PT Europe/Lisbon pt Portugal",
        "RO": "RO Europe/Bucharest ro România",
        "SE": "SE Europe/Stockholm sv Sverige",
        "SI": "SI Europe/Ljubljana sl Slovenija",
        "SK": "SK Europe/Bratislava sk Slovensko",
        "UK": "GB Europe/London en United Kingdom",
    }.items()
}

# The zone of the capital where the table of zones begins with another one, or has none.
_CAPITALS = {
    "EU": "Europe/Brussels",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "XK": "Europe/Belgrade",
}
_ENGLISH = Locale("en").territories
# The mapping's spellings, so that it can read whatever country is found here.
_MAPPING = tomllib.loads(Path(__file__).with_name("organisations.toml").read_text("utf-8"))
_BY_NAME = {name: code for name, code in _MAPPING["values"]["country"].items() if len(name) > 2}


def code_of(spelling: str) -> str:
    """Return the code of a country from how a file spells it: a code, or a name of the mapping.

    Returns:
        Nothing where there is no such country.
    """
    code = spelling.upper()
    if code in _LISTED or (len(code) == 2 and code.isalpha() and code in _ENGLISH):
        return code
    return _BY_NAME.get(spelling, "")


def country_of(code: str) -> Country:
    """Describe the country of a code."""
    if code in _LISTED:
        return _LISTED[code]
    try:
        locale = Locale.parse(f"und_{code}")
        language, name = locale.language, locale.territories[code]
    except (UnknownLocaleError, KeyError):
        language, name = "en", str(_ENGLISH[code])
    return Country(code, _CAPITALS.get(code) or _first_zone(code), language, name)


def _first_zone(code: str) -> str:
    """Return the first zone that the zone database's own table has of a country; else UTC."""
    table = (files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return next((row[2] for row in rows if row[0] == code), "UTC")
