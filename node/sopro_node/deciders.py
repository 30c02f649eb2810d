"""Pseudonyms of the people who decide: who is behind one is written in this site's keys only."""

import fcntl
import json
import os
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sopro_node.keyring import KEYS
from sopro_protocol.errors import FormatError, RefusedError

DECIDERS: Final = "deciders.json"
_NEAR: Final = 75
_MOST_NEAR: Final = 3
_SHOWN: Final = 80
_BLANK: Final = (
    ("\u034f", "\u034f"),  # the grapheme joiner
    ("\u115f", "\u1160"),  # fillers of Hangul, and those below
    ("\u17b4", "\u17b5"),  # inherent vowels of Khmer
    ("\u180b", "\u180f"),  # variation selectors of Mongolian
    ("\u2800", "\u2800"),
    ("\u3164", "\u3164"),
    ("\ufe00", "\ufe0f"),  # variation selectors, and those below
    ("\uffa0", "\uffa0"),
    ("\U000e0000", "\U000e0fff"),
)


def find_decider(folder: Path, name: str, *, is_new: bool = False) -> bytes:
    """Return a person's pseudonym at this site: random, made when first named, then kept.

    A name is the same in capitals, with other spaces, with characters that nobody sees, and however
    its letters are composed: otherwise somebody would be another person by a slip of the hand, and
    decide what they assessed.

    Args:
        folder: the node's directory.
        name: of the person.
        is_new: whoever has that name may be named for the first time (SPEC OFC-8).

    Raises:
        FormatError: the name is empty, or the file of pseudonyms cannot be read or written.
        RefusedError: this site has never named anybody so, and nobody says that it is a new person.
    """
    path = folder / KEYS / DECIDERS
    if not _plain(name):
        raise FormatError("expected the name of a person, got an empty one")
    try:
        with _locked(path.parent):
            known = _read(path)
            held = same_name(name, known)
            if held is None and not is_new:
                raise RefusedError(
                    f"{describe_stranger(name, known)}; where it is somebody new, 'new_person' "
                    "says so",
                    code="ofc.stranger",
                )
            if held is None:
                held = " ".join(unicodedata.normalize("NFC", show_only(name)).split())
                known[held] = os.urandom(16).hex()
                _write(path, known)
    except OSError as error:
        raise FormatError(
            f"{path}: the pseudonyms of this site cannot be kept ({error.strerror}); "
            "run the command as the owner of the directory"
        ) from None
    return bytes.fromhex(known[held])


def same_name(name: str, known: Iterable[str]) -> str | None:
    """Return how a name is written among known ones; None for a new one.

    Where a file holds two spellings of one name, each stays with the person it was given to.
    """
    spelled = list(known)
    if name in spelled:
        return name
    plain = _plain(name)
    return next((one for one in spelled if _plain(one) == plain), None)


def describe_stranger(name: str, known: Iterable[str]) -> str:
    """Say that nobody is known by a name, and by which names that are near it people are."""
    near = nearest_names(name, known)
    meant = f"; nearest: {', '.join(map(repr, near))}" if near else ""
    return f"nobody named {name[:_SHOWN]!r} is known at this site{meant}"


def nearest_names(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names that one is nearly, the nearest first."""
    # Loaded where somebody is not known: most commands of an officer are to begin at once.
    from rapidfuzz import fuzz, process  # noqa: PLC0415

    plain = {one: _plain(one) for one in known}
    wanted = _plain(name[:_SHOWN])
    found = process.extract(wanted, plain, scorer=fuzz.WRatio, score_cutoff=_NEAR, limit=_MOST_NEAR)
    return [one for _, _, one in found if plain[one] != wanted]


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", show_only(name)).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def show_only(name: str) -> str:
    """Return a name without the characters of it that nobody sees.

    They are those that format and that fill (`Default_Ignorable_Code_Point` of Unicode, and the
    empty pattern of Braille): with one more of them a name looks the same to every reader.
    """
    return "".join(one for one in name if unicodedata.category(one) != "Cf" and not _is_blank(one))


def _is_blank(letter: str) -> bool:
    return any(first <= letter <= last for first, last in _BLANK)


def known_people(folder: Path) -> dict[str, bytes]:
    """Return the pseudonyms that this site has given, by name.

    Raises:
        FormatError: the file of pseudonyms cannot be read.
    """
    try:
        known = _read(folder / KEYS / DECIDERS)
    except OSError as error:
        raise FormatError(
            f"{folder / KEYS / DECIDERS}: cannot be read ({error.strerror}); run the command as "
            "the owner of the directory"
        ) from None
    return {name: bytes.fromhex(one) for name, one in known.items()}


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(path: Path) -> dict[str, str]:
    try:
        known = json.loads(path.read_text("utf-8"))
        if {len(bytes.fromhex(one)) for one in known.values()} <= {16}:
            return dict(known)
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError):
        pass
    raise FormatError(f"{path}: damaged; put it back from your backup")


def _write(path: Path, known: dict[str, str]) -> None:
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(known, file, indent=2, sort_keys=True, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
