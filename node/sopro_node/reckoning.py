"""What is due and what was decided: labels that expire, decisions by reason, how long they took."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final

import msgspec

from sopro_node.cursors import Place, read_cursor, write_cursor
from sopro_node.desk import Desk
from sopro_node.directory import Directory, ListedLabel, Wanted
from sopro_node.holdings import Holdings
from sopro_node.store.base import Reader
from sopro_registry.family import Decided
from sopro_registry.fields import format_day
from sopro_registry.label import Status
from sopro_registry.queries import Basis

MOST_DAYS: Final = 3660
_CHUNK: Final = 200
_STANDING: Final = (Status.ACTIVE.word, Status.SUSPENDED.word)


class ExpiringPage(msgspec.Struct, frozen=True):
    """Labels whose validity ends, by the day on which it does.

    Attributes:
        at: the first of the days asked about.
        until: the last of them.
        labels: active or suspended on the first day.
        next: for `after`; null at the end. A page may be short and not the last.
        computed_from: the log prefixes the answer rests on.
    """

    at: str
    until: str
    labels: list[ListedLabel]
    next: str | None
    computed_from: list[Basis]


class DecisionCount(msgspec.Struct, frozen=True):
    """Decisions that are alike.

    Attributes:
        action: what was decided.
        reason: its code; empty where none was given.
        year: of their effect; null where the date is unknown.
        count: how many.
    """

    action: str
    reason: str
    year: int | None
    count: int


class Duration(msgspec.Struct, frozen=True):
    """How long applications of a site took, from the first submission to the decision.

    Attributes:
        decided: how many were decided.
        median_days: half of them took no longer; null where there are none.
        p90_days: nine tenths of them took no longer.
    """

    decided: int
    median_days: int | None
    p90_days: int | None


class SiteDecisions(msgspec.Struct, frozen=True):
    """What one site has decided.

    Attributes:
        site: code.
        decisions: by action, reason and year.
        applications: how long they took.
        computed_from: the log prefix.
    """

    site: str
    decisions: list[DecisionCount]
    applications: Duration
    computed_from: Basis


class DecisionStatistics(msgspec.Struct, frozen=True):
    """What every site has decided, and all of them together.

    Attributes:
        total: by action, reason and year.
        applications: how long they took.
        sites: one for each log.
    """

    total: list[DecisionCount]
    applications: Duration
    sites: list[SiteDecisions]


class Reckoner:
    """Answers such questions, on its desk's thread."""

    def __init__(
        self, reader: Reader, holdings: Holdings, desk: Desk, directory: Directory
    ) -> None:
        self._reader = reader
        self._holdings = holdings
        self._desk = desk
        self._directory = directory

    def expiring(self, wanted: Wanted, *, days: int) -> ExpiringPage:
        """List labels whose validity ends within some days.

        Raises:
            FormatError: `err.query`, the cursor is none.
            NotFoundError: no member has the site's code.
        """
        return self._directory.settled(lambda: self._expiring(wanted, days))

    def _expiring(self, wanted: Wanted, days: int) -> ExpiringPage:
        first = wanted.day or self._desk.today()
        asked = wanted.asked("expiring", days)
        place = read_cursor(wanted.after, asked)
        after = (place.day, place.number)
        logs = self._directory.logs(wanted.site)
        found: list[ListedLabel] = []
        following = None
        rows = self._reader.directory.expiring((first, first + days), after=after, limit=_CHUNK)
        for row in rows:
            held = self._reader.label(row.number)
            listed = self._directory.describe(held, wanted, first) if held else None
            is_due = listed is not None and listed.status in _STANDING
            if listed is not None and is_due and listed.valid_until == format_day(row.until):
                found.append(listed)
            if len(found) == wanted.limit:
                break
        is_full = len(found) == wanted.limit or len(rows) == _CHUNK
        if rows and is_full:
            following = write_cursor(asked, Place(number=row.number, day=row.until))
        bases = [self._desk.basis(one) for one in logs]
        return ExpiringPage(format_day(first), format_day(first + days), found, following, bases)

    def decisions(self, site: str = "") -> DecisionStatistics:
        """Count decisions by action, reason and year, and say how long applications took.

        Raises:
            NotFoundError: no member has the site's code.
        """
        return self._directory.settled(lambda: self._decisions(site))

    def _decisions(self, site: str) -> DecisionStatistics:
        sites, every = [], Counter[Decided]()
        for held in self._directory.logs(site):
            counts = dict(self._reader.directory.decided(held.number))
            every.update(counts)
            if counts:
                basis = self._desk.basis(held)
                sites.append(SiteDecisions(held.site, _count(counts), _take(counts), basis))
        return DecisionStatistics(_count(every), _take(every), sites)


def _count(counts: Mapping[Decided, int]) -> list[DecisionCount]:
    found: dict[tuple[str, str, int], int] = defaultdict(int)
    for one, count in counts.items():
        found[one.action, one.reason, one.year] += count
    return [
        DecisionCount(action, reason, year or None, count)
        for (action, reason, year), count in sorted(found.items())
    ]


def _take(counts: Mapping[Decided, int]) -> Duration:
    days: Counter[int] = Counter()
    for one, count in counts.items():
        if one.days >= 0:
            days[one.days] += count
    decided = days.total()
    if not decided:
        return Duration(0, None, None)
    return Duration(decided, _quantile(days, decided, 50), _quantile(days, decided, 90))


def _quantile(days: Mapping[int, int], total: int, percent: int) -> int:
    """Return the fewest days within which that share of them was decided."""
    wanted = -(-total * percent // 100)
    so_far = 0
    for one in sorted(days):
        so_far += days[one]
        if so_far >= wanted:
            return one
    return max(days)


__all__ = ["DecisionStatistics", "ExpiringPage", "Reckoner"]
