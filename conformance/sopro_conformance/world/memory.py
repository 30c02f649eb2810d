"""What was seen at an address on other days: heads, and digests of tiles that never change.

`sopro-conformance run --url ... --memory FILE` reads it before a run and writes it after. A log
that has not only grown between two days is found that way.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sopro_conformance.world.client import Seen

FORMAT: Final = 1
_HEADS: Final = 128
_TILES: Final = 512


class WrongMemoryError(ValueError):
    """The file is none; the text says what to do."""


@dataclass
class Memory:
    """What is known of one log from before.

    Attributes:
        origin: of the log.
        heads: that it has shown, oldest first.
        tiles: SHA-256 in hex of its full tiles, by path below its prefix.
    """

    origin: str = ""
    heads: list[Seen] = field(default_factory=list)
    tiles: dict[str, str] = field(default_factory=dict)

    def heads_of(self, origin: str) -> list[Seen]:
        """Return the heads of a log, which are none where another log was seen before."""
        if self.origin != origin:
            self.origin, self.heads, self.tiles = origin, [], {}
        return list(self.heads)

    def keep(self, heads: list[Seen], tiles: Mapping[str, str]) -> None:
        """Keep what was seen now, the first and the latest where there is too much."""
        distinct = list({(one.size, one.root): one for one in heads}.values())
        half = _HEADS // 2
        self.heads = distinct if len(distinct) <= _HEADS else distinct[:half] + distinct[-half:]
        self.tiles = dict(list({**tiles, **self.tiles}.items())[-_TILES:])


def read_memory(file: Path) -> Memory:
    """Read what was kept; nothing where there is no file yet.

    Raises:
        WrongMemoryError: it is none.
    """
    try:
        said = json.loads(file.read_text("utf-8"))
        heads = {FORMAT: said["heads"]}[said["format"]]
        seen = [
            Seen(int(size), base64.b64decode(root), base64.b64decode(note))
            for size, root, note in heads
        ]
        tiles = {str(path): str(digest) for path, digest in said["tiles"].items()}
        return Memory(str(said["origin"]), seen, tiles)
    except FileNotFoundError:
        return Memory()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise WrongMemoryError(
            f"{file}: not a memory of an earlier run ({error}); remove it to begin anew"
        ) from None


def write_memory(memory: Memory, file: Path) -> None:
    """Keep it for the next run."""
    said: dict[str, Any] = {
        "format": FORMAT,
        "origin": memory.origin,
        "heads": [
            [one.size, base64.b64encode(one.root).decode(), base64.b64encode(one.note).decode()]
            for one in memory.heads
        ],
        "tiles": memory.tiles,
    }
    part = file.with_name(f".{file.name}.new")
    part.write_text(json.dumps(said, indent=1) + "\n", "utf-8")
    part.replace(file)
