"""Counts of labels and decisions over sites, and the log prefixes they rest on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from sopro_registry.fields import format_day
from sopro_registry.label import Label, Status, status_at
from sopro_registry.queries import Basis
from sopro_registry.transfer import Course

UNKNOWN_YEAR = "unknown"


class SiteCounts(Struct, frozen=True):
    """What one site's log adds up to on a day.

    Attributes:
        site: code.
        country: ISO 3166-1 alpha-2.
        labels: number of labels by status.
        labels_by_year: by year of the first grant, then by status.
        decisions: number of decisions by action.
        decisions_by_year: by year of their effect, then by action.
        entries: in the log.
        void: entries that count for nothing.
        confirmed_at: when the log's head was last found to be the newest; None for the own log.
        computed_from: the log prefix.
    """

    site: str
    country: str
    labels: dict[str, int]
    labels_by_year: dict[str, dict[str, int]]
    decisions: dict[str, int]
    decisions_by_year: dict[str, dict[str, int]]
    entries: int
    void: int
    confirmed_at: str | None
    computed_from: Basis


class Statistics(Struct, frozen=True):
    """Counts over every site whose log is here.

    Attributes:
        at: the civil date they hold for.
        total: number of labels by status.
        sites: one for each log.
    """

    at: str
    total: dict[str, int]
    sites: list[SiteCounts]


Counts = Mapping[tuple[int, str], int]


def count_labels(
    settled: Iterable[tuple[int, int, int, int]],
    unsettled: Iterable[tuple[int, int, Label]],
    undetermined: Iterable[tuple[int, int, Label]] = (),
    *,
    day: int,
) -> dict[int, dict[str, dict[str, int]]]:
    """Count labels by log, year of first grant and status.

    Args:
        settled: log, status, year and number of labels all of whose decisions are effective.
        unsettled: log, year and state of the others.
        undetermined: those among both that this version cannot judge any more.
        day: asked about.
    """
    counts: dict[int, dict[str, dict[str, int]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(int))
    )
    for log, status, year, number in settled:
        counts[log][_year(year)][Status(status).word] += number
    for log, year, label in unsettled:
        status, _ = status_at(label.decisions, day)
        if status is not Status.NONE:
            counts[log][_year(year)][status.word] += 1
    for log, year, label in undetermined:
        status, _ = status_at(label.decisions, day)
        if status is not Status.NONE:
            counts[log][_year(year)][status.word] -= 1
            counts[log][_year(year)]["undetermined"] += 1
    return counts


def move_labels(
    counts: dict[int, dict[str, dict[str, int]]],
    moved: Iterable[tuple[Course, Sequence[int], int]],
    *,
    day: int,
) -> None:
    """Count labels that another site has taken over there, and not where they were granted.

    Args:
        counts: by log, year of first grant and status, in which each counts where it was granted.
        moved: the course of each, its logs in the same order, the year of its first grant.
        day: asked about.
    """
    for course, logs, year in moved:
        stage = course.at(day)
        if stage is course.stages[0]:
            continue
        word = status_at(course.stages[0].label.decisions, day)[0].word
        counts[logs[0]][_year(year)][word] -= 1
        status = status_at(stage.label.decisions, day)[0].word
        log = logs[course.stages.index(stage)]
        counts[log][_year(year)]["undetermined" if stage.undetermined else status] += 1


def count_decisions(
    rows: Iterable[tuple[int, str, int, int]],
) -> dict[int, dict[str, dict[str, int]]]:
    """Sort the numbers of decisions by log, year and action."""
    counts: dict[int, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for log, action, year, number in rows:
        counts[log][_year(year)][action] = number
    return counts


def add_up(by_year: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Sum over years."""
    total: dict[str, int] = defaultdict(int)
    for counts in by_year.values():
        for key, number in counts.items():
            total[key] += number
    return {key: number for key, number in sorted(total.items()) if number}


def plain(by_year: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Sort for an answer."""
    sorted_years = {
        year: {key: number for key, number in sorted(by_year[year].items()) if number}
        for year in sorted(by_year)
    }
    return {year: counts for year, counts in sorted_years.items() if counts}


def total_of(sites: Iterable[SiteCounts], *, day: int) -> Statistics:
    """Add up over sites."""
    listed = sorted(sites, key=lambda one: (one.site, one.computed_from.origin))
    total = add_up({one.computed_from.origin: one.labels for one in listed})
    return Statistics(format_day(day), total, listed)


def _year(year: int) -> str:
    return str(year) if year else UNKNOWN_YEAR
