"""The command that tries one case again as it was tried, from whatever folder it is typed in."""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sopro_conformance.case import Case, Profile

DEFAULT_PROFILE: Final = {False: Profile.READER, True: Profile.PUBLISHER}
"""What a run holds a candidate to that names no profile, by whether it has an address alone."""
_COMMAND: Final = "sopro-conformance"


@dataclass(frozen=True)
class Setting:
    """With what a run was started, beside what a report shows anyway.

    Attributes:
        folder: in which the adapter was started.
        out: where the report goes.
        patience: by which deadlines are multiplied.
        is_long: whether cases may take minutes.
        waivers: reasons by case.
        ca: PEM file that certifies the node at an address.
        public_only: whether that has to be a public one.
        connect_to: address that is called in its place.
        memory: file of what was seen there on other days.
    """

    folder: str = field(default_factory=os.getcwd)
    out: str = "conformance-out"
    patience: float = 1.0
    is_long: bool = False
    waivers: Mapping[str, str] = field(default_factory=dict)
    ca: str = ""
    public_only: bool = False
    connect_to: str = ""
    memory: str = ""

    def path(self, name: str | Path) -> str:
        """Return a path as it is from everywhere."""
        return os.path.normpath(Path(self.folder) / name)


def say_replay(
    case: Case, setting: Setting, *, seed: str, profiles: Sequence[Profile], adapter: str, url: str
) -> str:
    """Return the command, for a shell, with every option that is not as it is by itself.

    Its report goes into a folder of its own, so that the one that names it stays. Of a challenge
    the seed is what counts; it is not answered again.
    """
    said = {"--case": case.id, "--seed": seed}
    if list(profiles) != [DEFAULT_PROFILE[bool(url)]]:
        said["--profile"] = "+".join(profiles)
    if case.id in setting.waivers:
        said["--waive"] = f"{case.id}={setting.waivers[case.id]}"
    if setting.patience != 1.0:
        said["--patience"] = repr(setting.patience)
    said |= _of_address(setting, url) if url else {"--adapter": adapter}
    said["--out"] = setting.path(Path(setting.out) / "replay" / case.id)
    flags = {"--long": setting.is_long, "--public-only": bool(url) and setting.public_only}
    words = [*_program(), "run", *(name for name, is_set in flags.items() if is_set)]
    for name, value in said.items():
        words += [f"{name}={value}"] if value.startswith("-") else [name, value]
    # An adapter, and whatever it reads, may be named from where it was started.
    return ("" if url else f"cd {shlex.quote(setting.folder)} && ") + shlex.join(words)


def _of_address(setting: Setting, url: str) -> dict[str, str]:
    files = {"--ca": setting.ca, "--memory": setting.memory}
    said = {name: setting.path(one) for name, one in files.items() if one}
    if setting.connect_to:
        said["--connect-to"] = setting.connect_to
    return {"--url": url} | said


def _program() -> list[str]:
    """Return what starts this suite, and no other that a shell may find first."""
    own = Path(sys.executable).with_name(_COMMAND)
    if not own.is_file():
        return [sys.executable, "-m", "sopro_conformance.main"]
    found = shutil.which(_COMMAND)
    return [_COMMAND if found and Path(found).samefile(own) else str(own)]
