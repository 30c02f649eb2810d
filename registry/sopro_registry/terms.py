"""What a directory is searched by: words in plain letters, codes with all that is above them.

A term is a short text that begins with its sort: `w:muller` a word, `n:AT13` a region. Two
spellings of a word meet in a term that both fold to: `Müller` is kept as `muller` and, as German
writes it without the letter, as `mueller`; both are looked for. `Győr` is found by `gyor`, `Straße`
by `strasse`, `Łódź` by `lodz`.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from sopro_protocol.encoding import Value

MOST_WORDS: Final = 400
"""Words of one document that are kept; what it has beyond is not found."""
LONGEST_WORD: Final = 40
LONGEST_IDENTIFIER: Final = 80
MOST_ASKED: Final = 8
"""Words of one question; what it has beyond is not looked for."""

WORD: Final = "w:"
IDENTIFIER: Final = "i:"
REGION: Final = "n:"
ACTIVITY: Final = "e:"
HOLDER: Final = "a:"
PROCUREMENT: Final = "v:"
ITEM: Final = "g:"
SCALE: Final = "s:"
LISTED: Final = "c:"
OF_DOCUMENTS: Final = (WORD, IDENTIFIER)
"""The sorts that come from documents; the others come from records."""

_TEXTS: Final = (
    "legal_name",
    "trading_names",
    "locality",
    "postal_code",
    "name",
    "keywords",
    "description",
)
_SCHEME: Final = 5
# A letter may have its marks behind it.
_PIECES: Final = re.compile("(?:[^\\W_]|[\u0300-\u036f])+")
_NO_SIGN: Final = re.compile(r"[\W_]+")
_VAT_NUMBER: Final = re.compile(r"VAT([A-Z]{2})(.+)|(EL|GR|GB|UK)(.*[0-9].*)")
_OTHER_COUNTRY: Final = {"EL": "GR", "GR": "EL", "GB": "UK", "UK": "GB"}
_GERMAN: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
# Letters that no decomposition takes apart.
_PLAIN: Final = str.maketrans(
    {"ł": "l", "đ": "d", "ð": "d", "ø": "o", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h", "ı": "i",
     "ŋ": "n", "ŧ": "t", "ĸ": "k"}
)  # fmt: skip


def fold(text: str) -> tuple[str, ...]:
    """Return a text in plain lower-case letters: without its marks, and as German spells them out.

    The two are the same for most texts, and then stand there once.
    """
    if text.isascii():
        return (text.lower(),)
    lower = unicodedata.normalize("NFC", text.casefold())
    return tuple(dict.fromkeys(_strip(one) for one in (lower, lower.translate(_GERMAN))))


def _strip(text: str) -> str:
    # Folded once more: letters that stand for others in mathematics decompose to capitals.
    apart = unicodedata.normalize("NFKD", text.translate(_PLAIN)).casefold()
    return "".join(one for one in apart if not unicodedata.combining(one)).translate(_PLAIN)


@lru_cache(maxsize=8192)
def _fold_word(word: str) -> tuple[str, ...]:
    # A sign may decompose to several words.
    pieces = (piece for folded in fold(word) for piece in _PIECES.findall(folded))
    return tuple(dict.fromkeys(piece[:LONGEST_WORD] for piece in pieces))


def words_asked(text: str) -> list[tuple[str, ...]]:
    """Return what each word of a question is looked for as; the first of them is its plain form.

    No more than `MOST_ASKED` of them: whoever asks is told where there are more.
    """
    return _words(text)[:MOST_ASKED]


def count_words(text: str) -> int:
    """Count the different words of a question."""
    return len(_words(text))


def _words(text: str) -> list[tuple[str, ...]]:
    asked = [_fold_word(word) for word in _PIECES.findall(text)]
    return list(dict.fromkeys(one for one in asked if one))


def words_of(fields: Mapping[str, Value]) -> list[str]:
    """Return the terms by which a public document is found: its words and its identifiers."""
    found = dict.fromkeys(_identifiers(fields.get("identifiers")))
    for name in _TEXTS:
        for text in _texts(fields.get(name)):
            for piece in _PIECES.findall(text):
                found |= dict.fromkeys(WORD + word for word in _fold_word(piece))
            if len(found) >= MOST_WORDS:
                return list(found)[:MOST_WORDS]
    return list(found)


def _identifiers(values: "Value | None") -> Iterator[str]:
    """Go through the terms of identifiers, each a scheme and a value."""
    for pair in values if isinstance(values, list) else ():
        match pair:
            case [str(scheme), str(value)]:
                yield IDENTIFIER + fold_identifier(value)
                yield IDENTIFIER + fold_identifier(scheme + value)
                if len(scheme) == _SCHEME:
                    # `VATAT` and `U12345675`: people write the country with the number.
                    yield IDENTIFIER + fold_identifier(scheme[-2:] + value)
            case _:
                pass


def _texts(value: "Value | None") -> Iterator[str]:
    """Go through a text, the texts of a list, or one text in several languages."""
    match value:
        case str():
            yield value
        case list():
            yield from (one for one in value if isinstance(one, str))
        case Mapping():
            yield from (one for one in value.values() if isinstance(one, str))
        case _:
            pass


def fold_identifier(text: str) -> str:
    """Return an identifier without what people put between its letters and digits."""
    return _NO_SIGN.sub("", text).upper()[:LONGEST_IDENTIFIER]


def spell_identifier(text: str) -> tuple[str, ...]:
    """Return what an identifier that is asked for may stand under.

    A VAT number names its country behind `VAT` or alone, Greece as EL or GR, Britain as GB or UK.
    """
    folded = fold_identifier(text)
    parts = _VAT_NUMBER.fullmatch(folded)
    if parts is None:
        return (folded,)
    country, number = (one for one in parts.groups() if one)
    number = number.removeprefix(country) or number
    countries = dict.fromkeys((country, _OTHER_COUNTRY.get(country, country)))
    spelled = [scheme + one + number for one in countries for scheme in ("VAT", "")]
    return tuple(dict.fromkeys((folded, *spelled)))


def fold_item(text: str) -> str:
    """Return a trade item number as the fourteen digits that all its lengths are written in."""
    digits = _NO_SIGN.sub("", text)
    return digits.zfill(14) if digits.isascii() and digits.isdecimal() else text


def cut_procurement(code: str) -> str:
    """Return a procurement code without the zeros at its end, which stand for everything below."""
    digits = code.partition("-")[0]
    return (digits.rstrip("0") if len(digits) == 8 else digits).ljust(2, "0")


def widen(code: str) -> Iterator[str]:
    """Go through a code of a record and all that is above it, from the widest."""
    if code.startswith(REGION):
        yield from (code[:end] for end in range(4, len(code) + 1))
    elif code.startswith(PROCUREMENT):
        digits = cut_procurement(code[len(PROCUREMENT) :])
        yield from (PROCUREMENT + digits[:end] for end in range(2, len(digits) + 1))
    elif code.startswith(ACTIVITY):
        # `e:2.1:38.21`: the revision, the division, the group, the class.
        start = code.rfind(":") + 1
        yield from (code[:end] for end in (start + 2, start + 4, start + 5) if end < len(code))
        yield code
    else:
        yield code
