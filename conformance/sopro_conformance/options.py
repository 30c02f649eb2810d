"""What the options of `sopro-conformance` may be: each is looked at before anything is started.

A mistake ends as one sentence that says which option, what it holds, and what is expected there.
"""

import argparse
import difflib
import math
import os
import re
import shlex
import ssl
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from sopro_conformance.case import Profile
from sopro_conformance.catalogue import CASES, GROUPS
from sopro_conformance.world.way import why_no_url

_MOST_PATIENT: Final = 1000.0
_CODE: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
_OF_ADDRESS: Final = ("ca", "public_only", "connect_to", "memory")
_OF_CHALLENGE: Final = ("site", "artefact", "deployment", "runner")


class WrongOptionError(ValueError):
    """Options that do not go together, or name what is not there; the text says what to do."""


def profiles(text: str) -> list[Profile]:
    """Read profiles joined by +."""
    try:
        return [Profile(one) for one in text.split("+")]
    except ValueError:
        known = ", ".join(Profile)
        raise argparse.ArgumentTypeError(
            f"{text!r} is none; known are {known}, joined by +{_meant(text.split('+'), Profile)}"
        ) from None


def case_or_group(text: str) -> str:
    """Read the id of a case, or of a group of them."""
    if text in CASES or text in GROUPS:
        return text
    raise argparse.ArgumentTypeError(
        f"no case or group {text!r}; 'sopro-conformance cases --profile coordinator+witness' "
        f"lists them{_meant([text.upper(), text], [*CASES, *GROUPS])}"
    )


def _meant(words: Iterable[str], known: Iterable[str]) -> str:
    names = list(map(str, known))
    near = [one for word in words for one in difflib.get_close_matches(word, names, 1)]
    near = [one for one in near if one not in words or one.isupper()]
    return f"; did you mean {near[0]}?" if near else ""


def waiver(text: str) -> tuple[str, str]:
    """Read the id of a case and a reason."""
    name, _, reason = text.partition("=")
    if name not in CASES or not reason.strip():
        raise argparse.ArgumentTypeError(f"{text!r}: expected the id of a case, '=' and a reason")
    return name, reason.strip()


def nonce(text: str) -> str:
    """Read a challenge."""
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise argparse.ArgumentTypeError(f"{text[:80]!r}: expected 64 hexadecimal digits")
    return text


def site(text: str) -> str:
    """Read the code of a site."""
    if not _CODE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r}: expected the code of a site, such as 'at'")
    return text


def patience(text: str) -> float:
    """Read by how much deadlines are multiplied."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= _MOST_PATIENT:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected a number above 0 and up to {_MOST_PATIENT:.0f}, such as 3"
        )
    return number


def command(text: str) -> str:
    """Read the command of an adapter."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None
    if not words:
        raise argparse.ArgumentTypeError("expected a command, such as './my-adapter --quiet'")
    return text


def url(text: str) -> str:
    """Read the address of a node."""
    if why := why_no_url(text):
        raise argparse.ArgumentTypeError(why)
    return text


def address(text: str) -> str:
    """Read an IP address."""
    try:
        ip_address(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected an IP address, such as 10.0.0.1, which is called in place of "
            "that of the name in --url"
        ) from None
    return text


def members(text: str) -> int:
    """Read how many members a world has."""
    if text.isascii() and text.isdecimal() and len(text) < 4 and int(text) <= _MOST_MEMBERS:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 0 to {_MOST_MEMBERS}")


_MOST_MEMBERS: Final = 100


def check_run(chosen: argparse.Namespace) -> None:
    """Look at the options of a run together.

    Raises:
        WrongOptionError: they do not go with one another, or name what is not there.
    """
    _belongs(chosen, _OF_ADDRESS, is_there=bool(chosen.url), with_what="--url")
    _belongs(chosen, _OF_CHALLENGE, is_there=bool(chosen.nonce), with_what="--nonce")
    if chosen.nonce and not chosen.site:
        raise WrongOptionError(
            "--nonce goes with --site, the code of the site the challenge was given to"
        )
    if chosen.nonce and (chosen.url or chosen.case or chosen.seed):
        raise WrongOptionError(
            "a run that answers a challenge is whole: no --url, --case or --seed beside --nonce"
        )
    _check_files(chosen)


def _belongs(
    chosen: argparse.Namespace, names: Iterable[str], *, is_there: bool, with_what: str
) -> None:
    for name in names:
        if getattr(chosen, name) and not is_there:
            raise WrongOptionError(f"--{name.replace('_', '-')} goes with {with_what}")


def _check_files(chosen: argparse.Namespace) -> None:
    if chosen.artefact and not chosen.artefact.is_file():
        raise WrongOptionError(f"--artefact {chosen.artefact}: there is no such file")
    if chosen.ca:
        try:
            ssl.create_default_context(cafile=chosen.ca)
        except (OSError, ValueError) as error:
            raise WrongOptionError(
                f"--ca {chosen.ca}: no PEM file of certificates: {error}"
            ) from None
    if chosen.memory:
        check_place("--memory", chosen.memory)
    try:
        chosen.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongOptionError(
            f"--out {chosen.out}: no folder can be made there: {error}"
        ) from None
    if not os.access(chosen.out, os.W_OK):
        raise WrongOptionError(f"--out {chosen.out}: nothing can be written there")


def check_place(name: str, file: Path) -> None:
    """Look at where a file is to be written.

    Raises:
        WrongOptionError: there is no folder for it.
    """
    if not file.parent.is_dir() or file.is_dir():
        raise WrongOptionError(f"{name} {file}: expected a file in a folder that is there")
