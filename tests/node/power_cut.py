"""What a disk holds after the power was cut: a trace of writes, replayed up to any of them.

A file system may keep, of what was written and not yet synced, nothing, everything, or any part in
sectors of 512 bytes. A sync of a file makes durable what was written to it before.
"""

import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

SECTOR = 512
CALLS = "pwrite64,write,fdatasync,fsync,ftruncate,unlink,unlinkat"
_WRITE = re.compile(r'pwrite64\([0-9]+<([^>]+)>, "((?:\\x[0-9a-f]{2})*)", [0-9]+, ([0-9]+)\) = ')
_SAID = re.compile(r'write\(1<[^>]*>, "((?:\\x[0-9a-f]{2})*)", [0-9]+\) = ')
_SYNC = re.compile(r"(?:fdatasync|fsync)\([0-9]+<([^>]+)>\) = 0")
_CUT = re.compile(r"ftruncate\([0-9]+<([^>]+)>, ([0-9]+)\) = 0")
_GONE = re.compile(r'unlink(?:at)?\([^"]*"((?:\\x[0-9a-f]{2})*)"')
_PARTS = re.compile(r"^([0-9]+) +(.*?)( <unfinished \.\.\.>)?$")
_RESUMED = re.compile(r"^<\.\.\. [a-z0-9]+ resumed>(.*)$")


class Step(NamedTuple):
    """One thing that happened: `write`, `cut`, `sync`, `gone` to a file, or `said`."""

    what: str
    name: str
    data: bytes = b""
    at: int = 0


def record(
    command: Sequence[str], folder: Path, log: Path, *, environment: Mapping[str, str]
) -> list[Step]:
    """Run a command under strace; return what it did to the files of a folder and said."""
    options = ["-f", "-y", "-xx", "-s", str(2**24), "-o", str(log), "-e", f"trace={CALLS}"]
    subprocess.run(
        ["strace", *options, *command], check=True, stdout=subprocess.DEVNULL, env=environment
    )
    return [one for line in _lines(log) if (one := _read(line, folder)) is not None]


def _lines(log: Path) -> Iterator[str]:
    """Join what strace has split because another thread came between; a call counts at its end."""
    begun: dict[str, str] = {}
    for line in log.read_text().splitlines():
        match = _PARTS.match(line)
        if match is None:
            continue
        thread, text, is_unfinished = match.groups()
        if is_unfinished:
            begun[thread] = text
            continue
        resumed = _RESUMED.match(text)
        yield begun.pop(thread) + resumed[1] if resumed else text


def _read(line: str, folder: Path) -> Step | None:
    step = None
    if match := _WRITE.match(line):
        step = Step("write", match[1], _bytes(match[2]), int(match[3]))
    elif match := _SAID.match(line):
        return Step("said", "", _bytes(match[1]))
    elif match := _SYNC.match(line):
        step = Step("sync", match[1])
    elif match := _CUT.match(line):
        step = Step("cut", match[1], at=int(match[2]))
    elif match := _GONE.match(line):
        step = Step("gone", _bytes(match[1]).decode())
    if step is None or Path(_plain(step.name)).parent != folder:
        return None
    return step._replace(name=Path(_plain(step.name)).name)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _plain(name: str) -> str:
    return _bytes(name).decode() if name.startswith("\\x") else name


@dataclass
class Disk:
    """The files of a folder: what is durable, and what was done since, in order."""

    files: dict[str, bytearray]
    pending: dict[str, list[Step]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> "Disk":
        """Take over the files of a folder that nobody uses."""
        return cls({path.name: bytearray(path.read_bytes()) for path in folder.glob("node.db*")})

    def do(self, step: Step) -> None:
        """Let something happen."""
        if step.what == "sync":
            for one in self.pending.pop(step.name, []):
                apply(self.files, one)
        elif step.what != "said":
            self.pending.setdefault(step.name, []).append(step)

    def cut(self, chance: random.Random | None, *, all_of_it: bool) -> dict[str, bytearray]:
        """Return the files after a power cut.

        Args:
            chance: what survives of each write; None to be told.
            all_of_it: without chance, whether everything survives, or nothing.
        """
        files = {name: bytearray(data) for name, data in self.files.items()}
        for steps in self.pending.values():
            for step in steps:
                for piece in _pieces(step):
                    if chance.random() < 0.5 if chance else all_of_it:
                        apply(files, piece)
        return files


def _pieces(step: Step) -> Iterator[Step]:
    if step.what != "write":
        yield step
        return
    for start in range(0, len(step.data), SECTOR):
        yield step._replace(data=step.data[start : start + SECTOR], at=step.at + start)


def apply(files: dict[str, bytearray], step: Step) -> None:
    """Do something to files."""
    if step.what == "gone":
        files.pop(step.name, None)
        return
    data = files.setdefault(step.name, bytearray())
    if step.what == "cut":
        del data[step.at :]
        data.extend(bytes(step.at - len(data)))
        return
    end = step.at + len(step.data)
    data.extend(bytes(max(0, end - len(data))))
    data[step.at : end] = step.data


def lay_out(files: dict[str, bytearray], folder: Path) -> None:
    """Write files into a folder, in place of the database there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in files.items():
        # What is in shared memory does not survive.
        if not name.endswith("-shm"):
            (folder / name).write_bytes(data)
