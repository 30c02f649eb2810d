"""Which encoding the bytes of a file are in, where the file does not say so itself.

A byte order mark decides, and so does text that is valid UTF-8. Anything else is a single-byte
encoding: of Windows, ISO, DOS, KOI8 or a Mac, the one that `likelihood.py` finds the likeliest.
Where none makes words of the bytes, a person has to say which it is.
"""

import codecs
import re
from typing import Final, NamedTuple

from sopro_node.importing.likelihood import find_likely
from sopro_protocol.errors import FormatError

SAMPLE: Final = 1 << 20
NAMES: Final = "utf-8, utf-16, cp1252, cp1250, iso8859-2, cp850, cp852, koi8-r or mac-roman"
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


class Charset(NamedTuple):
    """An encoding.

    Attributes:
        name: as codecs are called.
        reason: by what it was recognised.
        is_marked: the file itself says so.
        doubt: words that it makes and that are none; a person has to say which encoding it is.
    """

    name: str
    reason: str
    is_marked: bool = False
    doubt: tuple[str, ...] = ()


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
    likely = find_likely(sample)
    shown = ", ".join(map(repr, likely.words))
    reason = f"its letters beyond ASCII, as in {shown}" if shown else "its letters beyond ASCII"
    return Charset(likely.name, reason, doubt=likely.words if likely.is_doubtful else ())


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
        raise FormatError(f"{where}: encoding: expected a name such as {NAMES}, got {name[:40]!r}")


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
