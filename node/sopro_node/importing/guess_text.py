"""Writing a mapping for a person: TOML with a remark beside each line."""

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from sopro_node.importing.countries import fold

_SHOWN: Final = 30
_SAMPLES: Final = 3
_REMARK_AT: Final = 40


class Lines:
    """Lines of a TOML file; a table's head is written with its first line.

    Attributes:
        missing: what a person must fill in.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self.missing: list[str] = []

    def comment(self, text: str) -> None:
        """Add a remark of its own."""
        self._lines.append(f"# {one_line(text)}")

    def blank(self) -> None:
        """Add an empty line."""
        self._lines.append("")

    def table(self, name: str) -> None:
        """Begin a table."""
        self._lines += ["", f"[{name}]"]

    def array(self, name: str) -> None:
        """Begin another table of several."""
        self._lines += ["", f"[[{name}]]"]

    def pair(self, name: str, value: str, remark: str) -> None:
        """Add a value and what speaks for it."""
        said = f"{name} = {value}"
        note = f"  # {one_line(remark)}" if remark else ""
        self._lines.append(f"{said:<{_REMARK_AT}}{note}" if note else said)

    def wanted(self, what: str, example: str, remark: str) -> None:
        """Add what nobody can guess, as a remark to be made a line."""
        self.missing.append(what)
        self._lines.append(f"# {one_line(example)}  # FILL IN: {one_line(remark)}")

    def text(self) -> str:
        """Return the file."""
        return "\n".join([*self._lines, ""])


def translate(
    counted: Iterable[tuple[str, int]], words: Mapping[str, str], what: str, lines: Lines
) -> None:
    """Say what the words of a column mean, by those that are known for each meaning."""
    for text, count in counted:
        folded = "_".join(fold(text).split())
        meanings = (one for one, known in words.items() if folded in (one, *known.split()))
        meaning = next(meanings, "")
        if meaning:
            lines.pair(quote(text), quote(meaning), f"{count} rows")
        else:
            options = ", ".join(words)
            lines.wanted(
                f"{what} {text[:40]!r}", f'{quote(text)} = "..."', f"{count} rows: {options}?"
            )


def quote(text: str) -> str:
    """Write a text as TOML does; a JSON string is one, too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def samples(values: Iterable[str]) -> str:
    """Show a few of the values of a column."""
    found = islice(dict.fromkeys(values), _SAMPLES)
    return ", ".join(repr(one[:_SHOWN]) + ("..." if len(one) > _SHOWN else "") for one in found)


def one_line(text: str) -> str:
    """Write a text so that it ends no comment."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
