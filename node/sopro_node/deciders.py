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
from sopro_protocol.errors import FormatError

DECIDERS: Final = "deciders.json"


def find_decider(folder: Path, name: str) -> bytes:
    """Return a person's pseudonym at this site: random, made when first named, then kept.

    A name is the same in capitals, with other spaces, and however its letters are composed:
    otherwise somebody would be another person by a slip of the hand, and decide what they assessed.

    Raises:
        FormatError: the name is empty, or the file of pseudonyms cannot be read or written.
    """
    path = folder / KEYS / DECIDERS
    if not _plain(name):
        raise FormatError("expected the name of a person, got an empty one")
    try:
        with _locked(path.parent):
            known = _read(path)
            held = same_name(name, known)
            if held is None:
                held = " ".join(unicodedata.normalize("NFC", name).split())
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


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


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
