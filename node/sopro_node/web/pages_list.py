"""Looking for labels: pages of a list in the order of numbers, each found in a bounded search."""

import asyncio
import re
from dataclasses import dataclass
from typing import Final

from sopro_node.desk import Described, Desk
from sopro_registry.queries import LabelAnswer

PAGE: Final = 50
MOST_LOOKED_AT: Final = 1000
_CHUNK: Final = 100
_LONGEST: Final = 100
_BEGINNING: Final = re.compile(r"SOPRO/[A-Z0-9/]*")
_NUMBER: Final = re.compile(r"SOPRO/[A-Z0-9]{3}/[0-9]{3}/[0-9]{5,9}")


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for.

    Attributes:
        site: code of who decides on it, or empty.
        status: or empty.
        text: part of a number or of a name, or empty.
        after: a number; the list begins behind it.
    """

    site: str = ""
    status: str = ""
    text: str = ""
    after: str = ""

    @property
    def is_filtered(self) -> bool:
        """Whether labels have to be looked at one by one."""
        return bool(self.status or self.text)


@dataclass(frozen=True, slots=True)
class Results:
    """One page of a list.

    Attributes:
        labels: what was found, with whose and of what each is.
        following: the number behind which the list goes on; empty at its end.
        looked_at: number of labels looked at.
    """

    labels: list[tuple[LabelAnswer, Described]]
    following: str
    looked_at: int


def read_text(text: str) -> str:
    """Return what a reader has typed, cut and without spaces at its ends."""
    return " ".join(text.split())[:_LONGEST]


def read_number(text: str) -> str | None:
    """Return the certificate number that a reader has typed, however it was typed; or None."""
    number = "".join(text.split()).upper()
    return number if is_number(number) else None


def is_number(text: str) -> bool:
    """Say whether a text is a certificate number, letter by letter."""
    return _NUMBER.fullmatch(text) is not None


async def search(desk: Desk, wanted: Search) -> Results:
    """Look for labels; others are served in between."""
    found: list[tuple[LabelAnswer, Described]] = []
    after, looked_at = wanted.after, 0
    beginning = wanted.text.upper() if _BEGINNING.fullmatch(wanted.text.upper()) else ""
    after = max(after, beginning)
    while looked_at < MOST_LOOKED_AT:
        rows = desk.labels(site=wanted.site, after=after, limit=_CHUNK)
        for position, answer in enumerate(rows):
            if not answer.number.startswith(beginning):
                return Results(found, "", looked_at + position)
            if len(found) == PAGE:
                return Results(found, after, looked_at + position)
            after = answer.number
            if wanted.status in ("", answer.status):
                described = desk.describe(answer.number)
                if _has_text(answer, described, wanted.text.casefold()):
                    found.append((answer, described))
        looked_at += len(rows)
        if len(rows) < _CHUNK:
            return Results(found, "", looked_at)
        await asyncio.sleep(0)
    return Results(found, after, looked_at)


def _has_text(answer: LabelAnswer, described: Described, text: str) -> bool:
    if not text:
        return True
    texts = (answer.number, described.holder, described.place, *described.name.values())
    return any(text in one.casefold() for one in texts)
