"""What a case is, what its checks found, and how the two become a verdict."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, TypeAlias


class Profile(StrEnum):
    """Which part of the protocol a candidate claims."""

    READER = "reader"
    PUBLISHER = "publisher"
    PEER = "peer"
    WITNESS = "witness"
    COORDINATOR = "coordinator"


INCLUDES: Final[dict[Profile, frozenset[Profile]]] = {
    Profile.READER: frozenset({Profile.READER}),
    Profile.PUBLISHER: frozenset({Profile.READER, Profile.PUBLISHER}),
    Profile.PEER: frozenset({Profile.READER, Profile.PUBLISHER, Profile.PEER}),
    Profile.WITNESS: frozenset({Profile.WITNESS}),
    Profile.COORDINATOR: frozenset(Profile),
}
"""Whose cases a profile has to pass."""


class Verdict(StrEnum):
    """What became of a case; `FAIL` and `NOT_MEASURED` are red."""

    PASS = "PASS"  # noqa: S105  # no password
    NOT_APPLICABLE = "N/A"
    WARN = "WARN"
    WAIVED = "WAIVED"
    NOT_MEASURED = "NOT-MEASURED"
    FAIL = "FAIL"


WORST: Final = tuple(Verdict)
"""From the best to the worst; a case is what its worst check is."""


class NotMeasured(Exception):  # noqa: N818  # it is a verdict, not an error
    """A prerequisite of a case is missing, so nothing can be said."""


class BrokenTextError(Exception):
    """A candidate said what is no text, which is its fault, whatever a case is about (EXCH-16)."""


@dataclass(frozen=True)
class Check:
    """One thing that was tried.

    Attributes:
        delta: in which one thing the input differs from its twin, or what was asked.
        verdict: of this check.
        expected: what the clause asks for.
        actual: what the candidate did.
        twin: what it did with the accepted twin; empty where there is none.
        request: what the adapter was asked, as JSON, for a replay.
        seconds: until it had answered.
        sent: the last request over HTTP before, and its answer.
        asked: which of all requests of the run it rests on, in their order, twins before.
    """

    delta: str
    verdict: Verdict
    expected: str
    actual: str
    twin: str = ""
    request: Mapping[str, Any] = field(default_factory=dict, repr=False)
    seconds: float = 0.0
    sent: str = ""
    asked: Sequence[int] = ()


Work: TypeAlias = Callable[[Any], Awaitable[None]]


@dataclass(frozen=True)
class Case:
    """A case of the catalogue.

    Attributes:
        id: for ever.
        text: the requirement in one sentence.
        clauses: of SPEC.md that it tests.
        profiles: the lowest that need it.
        is_must: whether a failure blocks.
        verbs: that the adapter needs.
        feature: it is about, where not every node has it.
        work: that tries it.
        by_url: whether it is tried with nothing but the candidate's address, too.
        outside: how, where that is another way.
        is_apart: whether it brings a candidate and a federation of its own, so that it may be
            tried beside others.
    """

    id: str
    text: str
    clauses: tuple[str, ...]
    profiles: frozenset[Profile]
    is_must: bool
    verbs: tuple[str, ...]
    feature: str
    work: Work
    by_url: bool = False
    outside: Work | None = None
    is_apart: bool = False

    @property
    def is_stateless(self) -> bool:
        """Whether it asks for verdicts on bytes alone, so that it rests on no other."""
        return self.verbs == ("verify",)

    @property
    def group(self) -> str:
        """The letters before the dash."""
        return self.id.split("-")[0]

    def is_required(self, asked: Sequence[Profile]) -> bool:
        """Say whether a run of these profiles has to pass it."""
        covered = frozenset[Profile]().union(*(INCLUDES[one] for one in asked))
        return bool(self.profiles & covered)


CASES: Final[dict[str, Case]] = {}


def case(  # noqa: PLR0913  # a line of the catalogue has so many columns
    name: str,
    text: str,
    *,
    clauses: str,
    profiles: str = "reader",
    must: bool = True,
    verbs: str = "verify",
    feature: str = "",
    by_url: bool = False,
    apart: bool = False,
) -> Callable[[Work], Work]:
    """Enter a function into the catalogue; words in `clauses`, `profiles`, `verbs` by spaces."""

    def enter(work: Work) -> Work:
        assert name not in CASES, name  # noqa: S101  # an id stands once
        lowest = frozenset(map(Profile, profiles.split()))
        CASES[name] = Case(
            name,
            text,
            tuple(clauses.split()),
            lowest,
            must,
            tuple(verbs.split()),
            feature,
            work,
            by_url,
            is_apart=apart,
        )
        return work

    return enter


def from_outside(name: str) -> Callable[[Work], Work]:
    """Enter a function as the way in which a case is tried with nothing but an address."""

    def enter(work: Work) -> Work:
        CASES[name] = replace(CASES[name], by_url=True, outside=work)
        return work

    return enter


@dataclass
class Result:
    """What a case found.

    Attributes:
        case: which.
        checks: one after the other.
        seconds: that it took.
        why: it could not be measured; empty where it was.
        waiver: the reason for which it is waived.
        wire: what went over HTTP in both directions, a line for each request, oldest first.
    """

    case: Case
    checks: list[Check]
    seconds: float
    why: str = ""
    waiver: str = ""
    wire: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """The worst of its checks; where there is none, nothing was measured."""
        if self.waiver:
            return Verdict.WAIVED
        return self.found

    @property
    def found(self) -> Verdict:
        """The verdict, whatever is waived."""
        if self.why or not self.checks:
            return max(
                (Verdict.NOT_MEASURED, *(one.verdict for one in self.checks)), key=WORST.index
            )
        return max((one.verdict for one in self.checks), key=WORST.index)

    @property
    def worst(self) -> Check | None:
        """The first check that is as bad as the case."""
        return next((one for one in self.checks if one.verdict is self.found), None)
