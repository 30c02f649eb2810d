"""Looking for labels: what the form of the directory asks for, and a page of what is found."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sopro_node.conditions import (
    Condition,
    ask_holder,
    ask_region,
    ask_scale,
    ask_words,
)
from sopro_node.directory import Directory, ListedLabel, Wanted
from sopro_registry.certificate_number import fold_number
from sopro_registry.queries import Basis
from sopro_registry.terms import MOST_ASKED, count_words

PAGE: Final = 50
_LONGEST: Final = 100
_BEGINNING: Final = re.compile(r"SOPRO/[A-Z0-9/]*")


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for.

    Attributes:
        site: code of who decides on it, or empty.
        status: or empty.
        text: the beginning of a number or words of a name, or empty.
        category: a code as it was typed, or empty.
        asked: what that asks for.
        region: or empty.
        scale: or empty.
        holder: type of organisation, or empty.
        after: a number or a cursor; the list begins behind it.
    """

    site: str = ""
    status: str = ""
    text: str = ""
    category: str = ""
    asked: Condition | None = None
    region: str = ""
    scale: str = ""
    holder: str = ""
    after: str = ""

    @property
    def is_filtered(self) -> bool:
        """Whether labels have to be looked at one by one."""
        return bool(self.status or self.conditions or self.site)

    @property
    def beginning(self) -> str:
        """The beginning of a number that was typed, or nothing."""
        text = self.text.upper()
        return text if _BEGINNING.fullmatch(text) else ""

    @property
    def conditions(self) -> list[Condition]:
        """What has to be met besides status and site."""
        found = ask_words(self.text) if self.text and not self.beginning else []
        found += [one for one in (self.asked,) if one is not None]
        for word, ask in (
            (self.region, ask_region),
            (self.scale, ask_scale),
            (self.holder, ask_holder),
        ):
            found += [ask(word)] if word else []
        return found

    @property
    def query(self) -> Mapping[str, str]:
        """The same as parameters of an address, without the place in the list."""
        return {
            "q": self.text,
            "site": self.site,
            "status": self.status,
            "category": self.category,
            "region": self.region,
            "scale": self.scale,
            "holder": self.holder,
        }


@dataclass(frozen=True, slots=True)
class Results:
    """One page of a list.

    Attributes:
        labels: what was found.
        following: the cursor behind which the list goes on; empty at its end.
        looked_at: number of labels looked at.
        whole_words: words that only whole ones were looked for.
        computed_from: the log prefixes the list rests on.
        cut_to: how many words were looked for where more were typed; 0 where not.
    """

    labels: list[ListedLabel]
    following: str
    looked_at: int
    whole_words: list[str] = field(default_factory=list)
    computed_from: list[Basis] = field(default_factory=list)
    cut_to: int = 0


def read_text(text: str) -> str:
    """Return what a reader has typed, cut and without spaces at its ends."""
    return " ".join(text.split())[:_LONGEST]


def search(directory: Directory, wanted: Search) -> Results:
    """Look for labels.

    Raises:
        FormatError: `err.query`, no answer to this search has given the cursor.
    """
    conditions, beginning = wanted.conditions, wanted.beginning
    if wanted.text and not beginning and not ask_words(wanted.text):
        # Signs alone are nobody's name.
        return Results([], "", 0)
    is_behind = wanted.after != "" and fold_number(wanted.after) == wanted.after
    page = directory.labels(
        Wanted(
            conditions,
            status=wanted.status,
            site=wanted.site,
            after="" if is_behind else wanted.after,
            behind=wanted.after if is_behind else beginning,
            limit=PAGE,
        )
    )
    fitting = [one for one in page.labels if one.number.startswith(beginning)]
    is_beyond = len(fitting) < len(page.labels)
    following = "" if is_beyond else page.next or ""
    return Results(
        fitting,
        following,
        page.looked_at,
        page.whole_words,
        page.computed_from,
        cut_to=MOST_ASKED if not beginning and count_words(wanted.text) > MOST_ASKED else 0,
    )
