"""Cursors: where a search goes on, readable by nobody but the search that has given them."""

import base64
import binascii
import hashlib
import hmac
from typing import Final

import msgspec

from sopro_protocol.errors import FormatError

MOST_LETTERS: Final = 400
_CONTEXT: Final = b"sopro-cursor/1\n"
_SEAL: Final = 8


class Place(msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    """Where a search goes on: the log, and what was found last in it."""

    origin: str = ""
    holder: bytes = b""
    thing: bytes = b""
    number: str = ""
    day: int = 0


class _Sealed(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    place: Place
    seal: bytes


NOWHERE: Final = Place()
_SEALED: Final = msgspec.msgpack.Decoder(_Sealed)


def write_cursor(asked: object, place: Place) -> str:
    """Write where a search goes on.

    Args:
        asked: all that is asked, in a fixed order; texts, numbers, bytes, and lists of them.
        place: where it stopped.
    """
    data = msgspec.msgpack.encode(_Sealed(place, _seal(asked, place)))
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def read_cursor(text: str, asked: object) -> Place:
    """Read where a search goes on; at its beginning where nothing is given (SPEC ASK-6).

    Raises:
        FormatError: `err.query`, no answer to this search has given it.
    """
    if not text:
        return NOWHERE
    try:
        if len(text) > MOST_LETTERS or not text.isascii():
            raise ValueError("no cursor")  # noqa: TRY301  # told in one place
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        sealed = _SEALED.decode(data)
        # Compared whole: the same bytes can be written in more than one way.
        if not hmac.compare_digest(text, write_cursor(asked, sealed.place)):
            raise ValueError("another's cursor")  # noqa: TRY301  # told in one place
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise FormatError(
            f"after: expected the 'next' of another page of the same search, got {text[:32]!r}",
            code="err.query",
        ) from None
    return sealed.place


def _seal(asked: object, place: Place) -> bytes:
    """Bind a place to what was asked.

    This keeps what was mistyped, cut off or given by another search apart from what was given; no
    secret is needed for it, since a place opens nothing that is not public.
    """
    return hashlib.sha256(_CONTEXT + msgspec.msgpack.encode([asked, place])).digest()[:_SEAL]
