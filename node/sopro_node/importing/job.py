"""What is to be imported, and who hears of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sopro_node.importing.fields import Kind
from sopro_node.importing.mapping_parts import SourceMapping
from sopro_protocol.errors import FormatError


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be imported, and who hears of it.

    Attributes:
        kind: what the rows are.
        path: of the file.
        mapping: None where the columns are named like the fields.
        bad: where bad rows go.
        tell: hears of rows that did not go in.
        progress: hears of the phase, what is done of it and how much there is.
        is_dry: change nothing, and say what would become of every row.
        most_rows: the file may have; 0 for any number.
    """

    kind: Kind
    path: Path
    mapping: SourceMapping | None
    bad: Path
    tell: Callable[[str], None]
    progress: Callable[[str, int, int], None]
    is_dry: bool = False
    most_rows: int = 0


def free_bad_path(path: Path, folder: Path) -> Path:
    """Name a file for bad rows in a folder that overwrites none.

    Raises:
        FormatError: the folder is full of them.
    """
    for number in range(1, 1000):
        name = f"{path.stem}.bad{'' if number == 1 else f'.{number}'}.csv"
        if not (folder / name).exists():
            return folder / name
    raise FormatError(f"{folder}: holds 999 files of bad rows of {path.name}; clear it up")
