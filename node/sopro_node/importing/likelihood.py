"""Which single-byte encoding makes words of the bytes of a file.

Each of them gives nearly every byte some letter. What tells them apart are the alphabets: `F5` and
`FB` are ő and ű of Hungarian in Windows-1250, and in Windows-1252 õ and û, which no language has
together; and how words are written: read as Windows-1252, `Möbel Übel` of a DOS program is
`M”bel šbel`, with a mark inside a word, and `Grün` of a Mac is `GrŸn`, with a capital.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final, NamedTuple

# Languages: their letters beyond ASCII and the encodings they are written in, those of Windows
# first. What is met most stands first; the order decides between those that explain as much.
_WEST: Final = ("cp1252", "iso8859-15", "cp850", "mac-roman")
_MIDDLE: Final = ("cp1250", "iso8859-2", "cp852", "mac-latin2")
_BALTIC: Final = ("cp1257", "iso8859-13", "cp775")
_LANGUAGES: Final = (
    ("äöüß", _WEST),
    ("áéíóöőúüű", _MIDDLE),
    ("àâæçéèêëîïôœùûüÿ", _WEST),
    ("àèéìíîòóùú", _WEST),
    ("áéíñóúü", _WEST),
    ("àáâãçéêíóôõú", _WEST),
    ("åäöæøéáðíóúýþ", _WEST),
    ("áàçéèíïóòúüñ", _WEST),
    ("ąćęłńóśźż", _MIDDLE),
    ("áčďéěíňóřšťúůýž", _MIDDLE),
    ("áäčďéíĺľňóôŕšťúýž", _MIDDLE),
    ("čćđšž", _MIDDLE),
    ("ăâîşţ", _MIDDLE),
    ("āčēģīķļņšūž", _BALTIC),
    ("ąčęėįšųūž", _BALTIC),
    ("äöõüšž", _BALTIC),
    ("çğıöşüi\u0307", ("cp1254", "cp857", "mac-turkish")),
    (
        "αάβγδεέζηήθιίϊκλμνξοόπρσςτυύφχψωώ",
        ("cp1253", "iso8859-7", "cp737", "cp869", "mac-greek"),
    ),
    (
        "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґ",
        ("cp1251", "iso8859-5", "cp866", "koi8-u", "mac-cyrillic"),
    ),
)
# The commonest of scripts of their own: KOI8 has other letters where Windows-1251 has letters.
_COMMON: Final = frozenset("оеаинтсрλαοιετσν")
_IS_COMMON: Final = 0.25
_SCRIPTS: Final = {name for letters, names in _LANGUAGES[-2:] for name in names}
_OF_A_SCRIPT: Final = 2.5
# Today's files are of Windows: an older kind has to explain clearly more.
_OLD: Final = {
    *("cp850", "mac-roman", "cp852", "mac-latin2", "cp775", "cp857", "mac-turkish"),
    *("cp737", "cp869", "mac-greek", "cp866", "koi8-u", "mac-cyrillic"),
}
_CLEARLY: Final = 0.1
_STRANGE: Final = 2
_MOST_WORDS: Final = 1500
_DOUBTFUL: Final = 0.15
_SHOWN: Final = 3
_HIGH: Final = re.compile(rb"[\x80-\xff]+")
_WORD: Final = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_WITHIN_WORDS: Final = "’‘´`·\u00ad\u00a0–—®™°"


class Likely(NamedTuple):
    """The encoding that explains a text best.

    Attributes:
        name: of the encoding.
        words: a few words as they are read.
        is_doubtful: too many of the letters stand where no language has such.
    """

    name: str
    words: tuple[str, ...]
    is_doubtful: bool


class _Reading(NamedTuple):
    """How well an encoding explains words, and how often it has what no word has."""

    name: str
    score: float
    strange: int


class _Letters(NamedTuple):
    """What words hold beyond ASCII: how often each letter, and how often what no word has."""

    counts: Counter[str]
    strange: int


def find_likely(sample: bytes) -> Likely:
    """Find the encoding in which a language explains best what is beyond ASCII."""
    words = list(islice(dict.fromkeys(one[0] for one in _WORD.finditer(sample)), _MOST_WORDS))
    runs = [run for word in words for run in _HIGH.findall(word)]
    total = sum(map(len, runs))
    # Words of Greek and Cyrillic are such letters throughout; elsewhere they stand one by one.
    has_script = total > _OF_A_SCRIPT * len(runs)
    languages = [one for one in _LANGUAGES if (one[1][0] in _SCRIPTS) == has_script]
    found = _best(words, languages, is_old=False)
    if found.strange:
        # Windows has something where no word has it: an older kind may explain it, clearly.
        old = _best(words, languages, is_old=True)
        if old.score > found.score + max(_STRANGE, _CLEARLY * total):
            found = old
    name = found.name
    shown = tuple(word.decode(name, "replace")[:40] for word in words if len(word) > _SHOWN)
    return Likely(name, shown[:_SHOWN], found.strange > max(1, _DOUBTFUL * total))


def _best(
    words: Sequence[bytes], languages: Iterable[tuple[str, Sequence[str]]], *, is_old: bool
) -> _Reading:
    """Find which of today's encodings, or of the older ones, explains words best."""
    best = _Reading("cp1252", float("-inf"), 0)
    read: dict[str, _Letters] = {}
    for alphabet, names in languages:
        for name in names:
            if (name in _OLD) != is_old:
                continue
            found = read.get(name) or _letters_of(words, name)
            read[name] = found
            score = _score(found, frozenset(alphabet + alphabet.upper()))
            if score > best.score + 1e-9:
                best = _Reading(name, score, found.strange)
    return best


def _score(found: _Letters, alphabet: frozenset[str]) -> float:
    """Count the letters that an alphabet explains, less what no text would hold."""
    explained = sum(
        count * (1 + _IS_COMMON * (letter.lower() in _COMMON))
        for letter, count in found.counts.items()
        if letter in alphabet
    )
    return explained - _STRANGE * found.strange


def _letters_of(words: Iterable[bytes], encoding: str) -> _Letters:
    counts: Counter[str] = Counter()
    strange = 0
    for word in words:
        text = word.decode(encoding, "replace")
        for at, letter in enumerate(text):
            if letter.isascii():
                continue
            if _is_strange(text, at):
                strange += 1
            else:
                counts[letter] += 1
    return _Letters(counts, strange)


def _is_strange(text: str, at: int) -> bool:
    """Say whether a character stands where no language has such."""
    letter, before, behind = text[at], text[:at], text[at + 1 :]
    if letter == "\ufffd" or "\x80" <= letter <= "\x9f" or "\u2500" <= letter <= "\u25ff":
        return True
    if not letter.isalpha():
        is_within = before[-1:].isalpha() and behind[:1].isalpha()
        return is_within and letter not in _WITHIN_WORDS
    if letter.isupper():
        # No capital behind a small letter: `GrŸn`; but `McÉ` and `BioÖl` are rare enough.
        return _last_part(before)[-1:].islower()
    # No small letter among capitals; of ß there was no other.
    within = f"{_last_part(before)}{_first_part(behind)}"
    return letter.islower() and letter != "ß" and len(within) > 1 and within.isupper()


def _last_part(text: str) -> str:
    """Return the letters that a text ends with."""
    begin = len(text)
    while begin and text[begin - 1].isalpha():
        begin -= 1
    return text[begin:]


def _first_part(text: str) -> str:
    """Return the letters that a text begins with."""
    end = 0
    while end < len(text) and text[end].isalpha():
        end += 1
    return text[:end]
