"""Time zones of countries, from the zone database's own table."""

from importlib.resources import files
from zoneinfo import ZoneInfo

from sopro_protocol.errors import FormatError


def check_zone(name: str) -> str:
    """Return an IANA zone's name.

    Raises:
        FormatError: there is no such zone.
    """
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        raise FormatError(
            f"zone: {name!r} is no IANA time zone; for example Europe/Vienna"
        ) from None
    return name


def only_zone(country: str) -> str:
    """Return the time zone of a country that has one.

    Raises:
        FormatError: the country is unknown or has several zones.
    """
    zones = [
        fields[2]
        for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8").splitlines()
        if not line.startswith("#") and (fields := line.split("\t"))[0] == country
    ]
    if not zones:
        raise FormatError(
            f"country: expected an ISO 3166-1 code such as 'AT', got {country!r}, of which no time "
            "zone is known; if the code is right, name its zone with --zone"
        )
    if len(zones) > 1:
        raise FormatError(
            f"country {country!r}: name its time zone with --zone; it has {', '.join(zones[:4])}"
        )
    return zones[0]
