"""Which two letters are a country (ISO 3166-1 alpha-2)."""

from typing import Final

from babel import Locale

# Unicode's locale data has names for these, too; nobody has a seat there.
_NO_COUNTRY: Final = frozenset({"EZ", "QO", "UN", "XA", "XB", "ZZ"})


def is_country(code: str) -> bool:
    """Say whether a country has this code."""
    is_known = len(code) == 2 and code.isalpha() and code in Locale("en").territories
    return is_known and code not in _NO_COUNTRY
