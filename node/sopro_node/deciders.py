"""Pseudonyms of the people who decide: who is behind one is written in this site's keys only."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sopro_node.keyring import KEYS
from sopro_protocol.errors import FormatError

DECIDERS: Final = "deciders.json"


def find_decider(folder: Path, name: str) -> bytes:
    """Return a person's pseudonym at this site: random, made at the first decision, then kept.

    Raises:
        FormatError: the file of pseudonyms cannot be read or written.
    """
    path = folder / KEYS / DECIDERS
    try:
        with _locked(path.parent):
            known = _read(path)
            if name not in known:
                known[name] = os.urandom(16).hex()
                _write(path, known)
    except OSError as error:
        raise FormatError(
            f"{path}: the pseudonyms of this site cannot be kept ({error.strerror}); "
            "run the command as the owner of the directory"
        ) from None
    return bytes.fromhex(known[name])


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
