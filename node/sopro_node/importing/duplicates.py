"""Organisations that are perhaps one: of the same identifier, or of nearly a name in a place.

Hints, never decisions: two firms may share a number after a merger, and a name in a village. Names
are compared with their neighbours in three sorted lists only, so the work grows with the number of
rows and not with its square: as they are, from their last word on, and with their words sorted.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from rapidfuzz import fuzz

from sopro_node.importing.countries import fold
from sopro_registry.identifiers import fold_identifier

MAX_COMPARED: Final = 100_000
_NEIGHBOURS: Final = 8
_BEGINNING: Final = 8
_SAME_NAME: Final = 90.0
_SAME_PLACE: Final = 85.0
# One text, so that a person can read and extend it.
_LEGAL_FORMS: Final = frozenset(
    re.findall(
        r"\w+",
        """
        ab ag aps as asbl bv doo e eg eu ev gesmbh ggmbh gmbh kg mbh nv og ohg ood eood oy u v
        verein alapitvany bt egyesulet kft kht nonprofit nyrt szovetkezet zrt
        association inc limited llc ltd plc sa sarl sas scarl se sl sp spa srl sro stiftung
        """,
    )
)
# How ä, ö, ü, å, æ and ø are written where they are on no keyboard.
_SPELLED_OUT: Final = re.compile(r"([aou])(?:e|(?<=a)a)")


class Candidate(NamedTuple):
    """An organisation of the file or of the register.

    Attributes:
        where: for a person: its line, or that it is in the register.
        name: as it is written.
        country: code.
        locality: as it is written.
        postal_code: likewise.
        identifiers: scheme and value.
        is_known: it is in the register and not in the file; what those are to one another was told
            when they came in.
    """

    where: str
    name: str
    country: str = ""
    locality: str = ""
    postal_code: str = ""
    identifiers: tuple[tuple[str, str], ...] = ()
    is_known: bool = False


class Duplicate(NamedTuple):
    """Organisations that are perhaps one.

    Attributes:
        kind: `identifier` or `name`.
        shared: the identifier, or the place.
        members: where each is, and its name.
    """

    kind: str
    shared: str
    members: tuple[str, ...]


class _Folded(NamedTuple):
    name: str
    locality: str
    postal_code: str
    number: int


class Duplicates:
    """Collects organisations, and then says which are perhaps the same.

    Those of the file come first. Of a register that is larger than `MAX_COMPARED`, what is beyond
    is kept where it is near to one of the file by an identifier or by a part of its name.

    Attributes:
        not_compared: how many were too many.
    """

    def __init__(self) -> None:
        self._all: list[Candidate] = []
        self._marks: set[tuple[str, ...]] = set()
        self._kept = 0
        self.not_compared = 0

    def add(self, one: Candidate) -> None:
        """Take an organisation; each must come once only."""
        if len(self._all) < MAX_COMPARED or (one.is_known and self._is_perhaps_near(one)):
            self._all.append(one)
        elif not one.is_known:
            self.not_compared += 1

    def _is_perhaps_near(self, one: Candidate) -> bool:
        """Say whether an organisation of the register has a mark of one of the file."""
        if not self._marks:
            ours = (each for each in self._all if not each.is_known)
            self._marks = {mark for each in ours for mark in _marks_of(each)}
        if self._marks.isdisjoint(_marks_of(one)):
            return False
        if self._kept == MAX_COMPARED:
            self.not_compared += 1
            return False
        self._kept += 1
        return True

    def find(self) -> list[Duplicate]:
        """List the hints: by identifiers, then by names; each organisation once in those of names.

        Each has an organisation of the file: what only the register has is not told again.
        """
        known: set[frozenset[int]] = set()
        found = []
        for shared, numbers in self._by_identifier():
            if self._is_of_file(numbers):
                known |= {frozenset((a, b)) for a in numbers for b in numbers if a < b}
                found.append(self._hint("identifier", shared, numbers))
        pairs = [one for one in self._by_name() if frozenset(one) not in known]
        for numbers in _gather(one for one in pairs if self._is_of_file(one)):
            one = self._all[numbers[0]]
            place = one.locality or one.postal_code or one.country
            found.append(self._hint("name", place, numbers))
        return found

    def _is_of_file(self, numbers: Sequence[int]) -> bool:
        return not all(self._all[number].is_known for number in numbers)

    def _hint(self, kind: str, shared: str, numbers: Sequence[int]) -> Duplicate:
        members = (f"{one.where}: {one.name}" for one in map(self._all.__getitem__, numbers))
        return Duplicate(kind, shared, tuple(members))

    def _by_identifier(self) -> Iterator[tuple[str, list[int]]]:
        owners: dict[str, list[int]] = {}
        shown: dict[str, str] = {}
        for number, one in enumerate(self._all):
            for scheme, value in one.identifiers:
                folded = fold_identifier(scheme, value)
                shown.setdefault(folded, f"{scheme}-{value}")
                numbers = owners.setdefault(folded, [])
                if number not in numbers[-1:]:
                    numbers.append(number)
        return ((shown[one], numbers) for one, numbers in owners.items() if len(numbers) > 1)

    def _by_name(self) -> Iterator[tuple[int, int]]:
        by_country: dict[str, list[_Folded]] = {}
        for number, one in enumerate(self._all):
            name = _fold_name(one.name)
            if name:
                row = _Folded(name, _plain(one.locality), fold(one.postal_code), number)
                by_country.setdefault(one.country, []).append(row)
        for rows in by_country.values():
            for order in (None, _from_the_end, _by_words):
                yield from _neighbours(sorted(rows, key=order))


def _marks_of(one: Candidate) -> set[tuple[str, ...]]:
    """Return what an organisation has in common with those that are nearly it."""
    name = _fold_name(one.name)
    found: set[tuple[str, ...]] = {
        ("identifier", fold_identifier(scheme, value)) for scheme, value in one.identifiers
    }
    if name:
        words = name.split()
        found.add(("first", one.country, name.replace(" ", "")[:_BEGINNING]))
        found.add(("last", one.country, words[-1]))
        found.add(("all", one.country, "".join(sorted(words))))
    return found


def _gather(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Put pairs together that share an organisation, each such group in its order."""
    groups: dict[int, list[int]] = {}
    for pair in pairs:
        first, second = (groups.setdefault(number, [number]) for number in pair)
        if first is not second:
            larger, smaller = sorted((first, second), key=len, reverse=True)
            larger += smaller
            groups.update(dict.fromkeys(smaller, larger))
    once = {id(group): sorted(group) for group in groups.values()}
    return sorted(once.values())


def _neighbours(line: Sequence[_Folded]) -> Iterator[tuple[int, int]]:
    for at, one in enumerate(line):
        for other in line[at + 1 : at + 1 + _NEIGHBOURS]:
            if _is_place(one, other) and (
                fuzz.token_sort_ratio(one.name, other.name, score_cutoff=_SAME_NAME)
            ):
                yield min(one.number, other.number), max(one.number, other.number)


def _is_place(one: _Folded, other: _Folded) -> bool:
    """Say whether two are in one place; of an unknown place only the same name is the same."""
    if one.postal_code and one.postal_code == other.postal_code:
        return True
    if one.locality and other.locality:
        return fuzz.ratio(one.locality, other.locality, score_cutoff=_SAME_PLACE) > 0
    return one.name == other.name and not (one.postal_code and other.postal_code)


def _fold_name(name: str) -> str:
    """Return a name as it is compared, without its legal form."""
    words = fold(name).split()
    kept = [word for word in words if word not in _LEGAL_FORMS]
    return _plain(" ".join(kept or words))


def _plain(text: str) -> str:
    """Return a text as it is compared, `Køge` and `Koege` alike."""
    return _SPELLED_OUT.sub(r"\1", fold(text))


def _from_the_end(row: _Folded) -> tuple[list[str], str, str]:
    return row.name.split()[::-1], row.locality, row.postal_code


def _by_words(row: _Folded) -> tuple[list[str], str, str]:
    return sorted(row.name.split()), row.locality, row.postal_code
