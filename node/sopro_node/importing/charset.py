"""Which encoding the bytes of a file are in, where the file does not say so itself.

A byte order mark decides, and so does text that is valid UTF-8. Anything else is a single-byte
encoding, and every one of them gives nearly every byte some letter; it is the alphabets that tell
them apart. The encoding wins in which some language's own letters explain the most of those beyond
ASCII: `F5` and `FB` are ő and ű of Hungarian in Windows-1250, and in Windows-1252 õ and û, which no
language has together.
"""

import codecs
import re
from collections import Counter
from typing import Final, NamedTuple

from sopro_protocol.errors import FormatError

SAMPLE: Final = 1 << 20
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_VALID: Final = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_TEXT: Final = re.compile(r"ascii|(utf-(8|16|32)|cp|iso8859-|koi8-|mac-)[a-z0-9-]*")
_HIGH: Final = re.compile(rb"[\x80-\xff]+")
# What is met most stands first; the order decides between those that explain as much.
_ALPHABETS: Final = (
    ("cp1252", "äöüß"),
    ("cp1250", "áéíóöőúüű"),
    ("cp1252", "àâæçéèêëîïôœùûüÿ"),
    ("cp1252", "àèéìíîòóùú"),
    ("cp1252", "áéíñóúü"),
    ("cp1252", "àáâãçéêíóôõú"),
    ("cp1252", "åäöæøéáðíóúýþ"),
    ("cp1252", "áàçéèíïóòúüñ"),
    ("cp1250", "ąćęłńóśźż"),
    ("cp1250", "áčďéěíňóřšťúůýž"),
    ("cp1250", "áäčďéíĺľňóôŕšťúýž"),
    ("cp1250", "čćđšž"),
    ("cp1250", "ăâîşţ"),
    ("cp1257", "āčēģīķļņšūž"),
    ("cp1257", "ąčęėįšųūž"),
    ("cp1257", "äöõüšž"),
    ("cp1254", "çğıöşüi\u0307"),
    ("cp1253", "αάβγδεέζηήθιίϊκλμνξοόπρσςτυύφχψωώ"),
    ("cp1251", "абвгдежзийклмнопрстуфхцчшщъыьэюяіїєґ"),
)
# Encodings that differ in few places: where text holds for one what no alphabet has, the other.
_SIBLINGS: Final = {
    "cp1250": "iso8859-2",
    "cp1251": "iso8859-5",
    "cp1252": "iso8859-15",
    "cp1253": "iso8859-7",
    "cp1257": "iso8859-13",
}
_NEUTRAL: Final = "–—‘’‚‛“”„«»‹›…•·°§€£©®™ªº²³½¼¾¡¿\u00a0\u00ad"
_SCRIPTS: Final = {"cp1251", "cp1253"}
_OF_A_SCRIPT: Final = 2.5
_STRANGE: Final = 2


class Charset(NamedTuple):
    """An encoding, by what it was recognised, and whether the file itself says so."""

    name: str
    reason: str
    is_marked: bool = False


def recognise(sample: bytes, *, is_whole: bool = True) -> Charset:
    """Say which encoding a file is in.

    Args:
        sample: its beginning.
        is_whole: there is nothing behind it; otherwise a letter may be cut in two at its end.
    """
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return Charset(name, "its byte order mark", is_marked=True)
    if wide := _without_mark(sample):
        return Charset(wide, "its zero bytes")
    if sample.isascii():
        return Charset("utf-8", "nothing but ASCII in it")
    letters = len(_VALID.findall(sample))
    strays = sum(map(len, _HIGH.findall(_VALID.sub(b"", sample[: None if is_whole else -4]))))
    # A stray byte or two among letters of UTF-8 is damage; a page of them is another encoding.
    if letters > strays or not strays:
        return Charset("utf-8", "its letters beyond ASCII")
    return Charset(_single_byte(sample), "its letters beyond ASCII")


def check_charset(name: str, *, where: str) -> None:
    """Check that an encoding somebody has named is one of text.

    Raises:
        FormatError: it is none.
    """
    try:
        is_known = bool(_TEXT.fullmatch(codecs.lookup(name).name))
    except (LookupError, ValueError):
        is_known = False
    if not is_known:
        raise FormatError(
            f"{where}: encoding: expected a name such as utf-8, utf-16, cp1252, cp1250 or "
            f"iso8859-2, got {name[:40]!r}"
        )


def _without_mark(sample: bytes) -> str:
    """Recognise UTF-16 that lacks its mark: of plain text every other byte is zero."""
    even, odd = sample[:4096:2], sample[1:4096:2]
    if len(odd) < 2:
        return ""
    if odd.count(0) > len(odd) * 0.7 and even.count(0) < len(even) * 0.1:
        return "utf-16-le"
    if even.count(0) > len(even) * 0.7 and odd.count(0) < len(odd) * 0.1:
        return "utf-16-be"
    return ""


def _single_byte(sample: bytes) -> str:
    """Find the single-byte encoding in which a language explains the letters best."""
    runs = _HIGH.findall(sample)
    high = Counter(byte for run in runs for byte in run)
    # Words of Greek and Cyrillic are such letters throughout; elsewhere they stand one by one.
    has_script = high.total() > _OF_A_SCRIPT * len(runs)
    best, name = -1.0, "cp1252"
    for encoding, alphabet in _ALPHABETS:
        if (encoding in _SCRIPTS) != has_script:
            continue
        for one in filter(None, (encoding, _SIBLINGS.get(encoding))):
            score = _explained(high, one, set(alphabet + alphabet.upper()))
            if score > best + 1e-9:
                best, name = score, one
    return name


def _explained(high: Counter[int], encoding: str, alphabet: set[str]) -> float:
    """Count the letters that an alphabet explains, less those that no text would hold."""
    explained = 0.0
    for byte, count in high.items():
        letter = bytes([byte]).decode(encoding, "replace")
        if letter in alphabet:
            explained += count
        elif letter == "\ufffd" or "\x80" <= letter <= "\x9f":
            explained -= _STRANGE * count
        elif not letter.isalpha() and letter not in _NEUTRAL:
            explained -= count
    return explained
