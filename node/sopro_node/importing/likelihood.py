"""Which single-byte encoding makes words of the bytes of a file.

Each of them gives nearly every byte some letter. What tells them apart are the alphabets: `F5` and
`FB` are ő and ű of Hungarian in Windows-1250, and in Windows-1252 õ and û, which no language has
together; how often a language has a letter: Polish has ź much more rarely than ł; pieces of words
that registers are full of; and how words are written: read as Windows-1252, `Möbel Übel` of a DOS
program is `M”bel šbel`, with a mark inside a word, and `Grün` of a Mac is `GrŸn`, with a capital.
All of it is added up as logarithms of how likely it is.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from sopro_node.importing.familiar import FAMILIAR


class _Language(NamedTuple):
    """A language, or some that are written alike.

    Attributes:
        letters: beyond ASCII, the commonest first.
        encodings: it is written in, those of Windows first.
        name: of its familiar pieces of words; empty where none are kept.
    """

    letters: str
    encodings: tuple[str, ...]
    name: str = ""


_WEST: Final = ("cp1252", "iso8859-15", "cp850", "mac-roman")
_MIDDLE: Final = ("cp1250", "iso8859-2", "cp852", "mac-latin2")
_BALTIC: Final = ("cp1257", "iso8859-13", "cp775")
# The order decides only between what is equally likely.
_LANGUAGES: Final = (
    _Language("üäöß", _WEST, "de"),
    _Language("éáőóöíüúű", _MIDDLE, "hu"),
    _Language("éèàêçôâîùûïëœæüÿ", _WEST, "fr"),
    _Language("àèùòìéîíóú", _WEST, "it"),
    _Language("óáíéñúü", _WEST, "es"),
    _Language("ãáçéíóêõâúàô", _WEST, "pt"),
    _Language("åäöøæéáðíóúýþ", _WEST, "nordic"),
    _Language("éàóèíçòúïñüá", _WEST),
    _Language("łóęążśćńź", _MIDDLE, "pl"),
    _Language("íáéěřýžčšůúťňóď", _MIDDLE, "cs"),
    _Language("áíčéšýžťúľôäóňŕĺ", _MIDDLE, "sk"),
    _Language("čšžćđ", _MIDDLE, "sl"),
    _Language("ăîţşâ", _MIDDLE),
    _Language("āīšēūņļžčģķ", _BALTIC),
    _Language("ėšųįžūčęą", _BALTIC),
    _Language("äõüöšž", _BALTIC),
    _Language("ıüşöçğİâî", ("cp1254", "cp857", "mac-turkish")),
    _Language(
        "αοιετσνηρπκμλυςόίάγέδώήφχύθβωξψζϊϋ",
        ("cp1253", "iso8859-7", "cp737", "cp869", "mac-greek"),
    ),
    _Language(
        "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъіїєёґ",
        ("cp1251", "iso8859-5", "cp866", "koi8-u", "mac-cyrillic"),
    ),
)
_SCRIPTS: Final = {name for one in _LANGUAGES[-2:] for name in one.encodings}
_OF_A_SCRIPT: Final = 2.5
# Today's files are of Windows: an older kind has to be clearly likelier.
_OLD: Final = {
    *("cp850", "mac-roman", "cp852", "mac-latin2", "cp775", "cp857", "mac-turkish"),
    *("cp737", "cp869", "mac-greek", "cp866", "koi8-u", "mac-cyrillic"),
}
# How likely a file is in an encoding before anything is read of it; 1 where none is said.
_BEFORE: Final = {
    **dict.fromkeys(_MIDDLE, 0.5),
    **dict.fromkeys((*_BALTIC, "cp1254"), 0.1),
    **dict.fromkeys(_OLD, 0.02),
    **dict.fromkeys((one for one in _OLD if one.startswith("mac-")), 0.01),
}
_FALLS: Final = 1.2
_CAPITAL: Final = math.log(0.3)
_FAMILIAR: Final = math.log(1000)
_FOREIGN: Final = math.log(0.0005)
_MARK: Final = math.log(0.05)
_STRANGE: Final = math.log(0.00001)
_MOST_WORDS: Final = 1500
_DOUBTFUL: Final = 0.15
_SHOWN: Final = 3
_HIGH: Final = re.compile(rb"[\x80-\xff]+")
_WORD: Final = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_WITHIN_WORDS: Final = "’‘´`·\u00ad\u00a0–—®™°"
_NEVER_BEHIND: Final = "‚„†‡•¿¡"
_NEVER_BESIDE: Final = "¢¤¦¨¬¯¶¸¹¥ƒ†‡‰"
_APOSTROPHES: Final = "´`"


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


class _Letters(NamedTuple):
    """What words hold beyond ASCII.

    Attributes:
        letters: how often each.
        marks: signs that stand where such may.
        strange: what no word has there.
        text: the words in small letters.
    """

    letters: Counter[str]
    marks: int
    strange: int
    text: str


def find_likely(sample: bytes) -> Likely:
    """Find the encoding in which a language explains best what is beyond ASCII."""
    words = list(islice(dict.fromkeys(one[0] for one in _WORD.finditer(sample)), _MOST_WORDS))
    runs = [run for word in words for run in _HIGH.findall(word)]
    total = sum(map(len, runs))
    # Words of Greek and Cyrillic are such letters throughout; elsewhere they stand one by one.
    has_script = total > _OF_A_SCRIPT * len(runs)
    languages = [one for one in _LANGUAGES if (one.encodings[0] in _SCRIPTS) == has_script]
    name, found = _best(words, languages)
    shown = tuple(word.decode(name, "replace")[:40] for word in words if len(word) > _SHOWN)
    return Likely(name, shown[:_SHOWN], found.strange > max(1, _DOUBTFUL * total))


def _best(words: Sequence[bytes], languages: Iterable[_Language]) -> tuple[str, _Letters]:
    """Find which encoding, with which language, is the likeliest."""
    best, likeliest = ("cp1252", _Letters(Counter(), 0, 0, "")), float("-inf")
    read: dict[str, _Letters] = {}
    for language in languages:
        weights = _weigh(language.letters)
        for name in language.encodings:
            found = read.get(name) or _letters_of(words, name)
            read[name] = found
            likely = _likelihood(found, weights) + math.log(_BEFORE.get(name, 1.0))
            if language.name:
                likely += _FAMILIAR * len(set(FAMILIAR[language.name].findall(found.text)))
            if likely > likeliest + 1e-9:
                best, likeliest = (name, found), likely
    return best


def _weigh(letters: str) -> dict[str, float]:
    """Say how likely each letter of a language is among those beyond ASCII, capitals too."""
    shares = [1 / (place + 1) ** _FALLS for place in range(len(letters))]
    small = {one: math.log(share / sum(shares)) for one, share in zip(letters, shares, strict=True)}
    return {one.upper(): weight + _CAPITAL for one, weight in small.items()} | small


def _likelihood(found: _Letters, weights: Mapping[str, float]) -> float:
    """Say how likely such letters are in a language, as a logarithm."""
    letters = sum(count * weights.get(one, _FOREIGN) for one, count in found.letters.items())
    return letters + found.marks * _MARK + found.strange * _STRANGE


def _letters_of(words: Iterable[bytes], encoding: str) -> _Letters:
    letters: Counter[str] = Counter()
    marks = strange = 0
    texts = [word.decode(encoding, "replace") for word in words]
    for text in texts:
        for at, letter in enumerate(text):
            if letter.isascii():
                continue
            if _is_strange(text, at):
                strange += 1
            elif letter.isalpha():
                letters[letter] += 1
            else:
                marks += 1
    return _Letters(letters, marks, strange, " ".join(texts).lower())


def _is_strange(text: str, at: int) -> bool:
    """Say whether a character stands where no language has such."""
    letter, before, behind = text[at], text[:at], text[at + 1 :]
    if letter == "\ufffd" or "\x80" <= letter <= "\x9f" or "\u2500" <= letter <= "\u25ff":
        return True
    has_before, has_behind = before[-1:].isalpha(), behind[:1].isalpha()
    if unicodedata.category(letter) in ("Lm", "Sk") and letter not in _APOSTROPHES:
        # A sign that stands above letters, by itself.
        return has_before or has_behind
    if not letter.isalpha():
        is_beside = letter in _NEVER_BESIDE and len(text) > 1
        is_behind = letter in _NEVER_BEHIND and has_before
        is_within = letter not in _WITHIN_WORDS and has_before and has_behind
        return is_beside or is_behind or is_within
    if letter.isupper():
        # No capital behind a small letter, nor a capital and before a small one: `GrŸn`, `MŸller`;
        # but `McÉ` and `BioÖl` are rare enough.
        last = _last_part(before)[-1:]
        return last.islower() or (last.isupper() and behind[:1].islower())
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
