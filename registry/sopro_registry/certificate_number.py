r"""Certificate numbers as people write them, read as records have them.

Each part of `SOPRO/AT0/001/00001` but the last has a fixed length, so that a number is the same
whatever stands between its parts, or nothing does. Records are strict: `fields.CertificateNumber`.
"""

import re
from typing import Final

_SIGNS: Final = r"[\s/\\|.,:_\u00ad\u200b\u2010-\u2015\u2044\u2212\u2215\uff0f-]{0,3}"
_AROUND: Final = r"[\s\u200b\ufeff]{0,40}"
SPELLINGS: Final = (
    rf"{_AROUND}[Ss][Oo][Pp][Rr][Oo]{_SIGNS}([A-Za-z0-9]{{3}}){_SIGNS}([0-9]{{3}}){_SIGNS}"
    rf"([0-9]{{5,9}}){_AROUND}"
)
"""What is read as a number, as a regular expression of the whole text."""
_PARTS: Final = re.compile(SPELLINGS)
_LONGEST: Final = 120


def fold_number(text: str) -> str | None:
    """Return the certificate number that somebody has written; None where it is none.

    Small letters, blanks around it, and blanks, hyphens or other signs for its slashes, or none of
    them, make no other number of it.
    """
    found = _PARTS.fullmatch(text) if len(text) <= _LONGEST else None
    return "/".join(("SOPRO", *found.groups())).upper() if found else None
