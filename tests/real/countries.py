"""Countries as the lists of trusted services write them: ISO code, zone, short name.

EL and UK are the European Commission's codes for Greece and the United Kingdom; ISO 3166-1 has GR
and GB. Dates are read in the zone of the authority, which sits in the capital.
"""

from typing import NamedTuple


class Country(NamedTuple):
    """A country with an authority that keeps a list."""

    iso: str
    zone: str
    language: str
    name: str


COUNTRIES = {
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
