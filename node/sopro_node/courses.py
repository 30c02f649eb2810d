"""A label's way through the logs that this node holds (SPEC XFER)."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.store.base import Reader
from sopro_node.store.rows import LabelRow
from sopro_registry.fields import year_of
from sopro_registry.label import Label
from sopro_registry.transfer import Course, Stage, follow_label

Successors = Callable[[str], Sequence[str]]
_LABEL: Final = msgspec.msgpack.Decoder(Label)


class Courses:
    """Follows labels from the log that granted them; reads on its caller's thread."""

    def __init__(self, reader: Reader, holdings: Holdings) -> None:
        self._reader = reader
        self._holdings = holdings

    def held(self, log: int) -> HeldLog:
        """Return a log by its number in the database."""
        for held in self._holdings.logs.values():
            if held.number == log:
                return held
        raise LookupError(log)

    def of(self, number: str) -> Course | None:
        """Return a label's course; None where no log here has granted it."""
        row = self._reader.label(number)
        return self.follow(row) if row else None

    def follow(self, row: LabelRow, successors: Successors | None = None) -> Course:
        """Return the course of a label from the log that granted it.

        Args:
            row: of the label there.
            successors: names who may take over a log's labels, where the caller remembers it.
        """
        first = Stage(
            self.held(row.log).origin, row.entity, _LABEL.decode(row.state), row.undetermined
        )
        return follow_label(
            first, self._find, successors=successors or self._holdings.directory.successors
        )

    def claims(self, number: str) -> list[Stage]:
        """Return what logs say that took a label over, confirmed or not; one of each log."""
        found = [(self.held(log), entity) for log, entity in self._reader.takeovers(number)]
        found.sort(key=lambda one: one[0].origin)
        return [stage for held, entity in found for stage in self._stages(held, entity)]

    def moved(self) -> Iterator[tuple[Course, list[int], int]]:
        """Go through the labels that have changed sites: course, logs, year of the first grant."""
        for number in self._reader.taken_numbers():
            course = self.of(number)
            if course is not None and len(course.stages) > 1:
                day = course.stages[0].label.decisions[0].effective
                logs = [self._holdings.logs[stage.origin].number for stage in course.stages]
                yield course, logs, year_of(day) if day else 0

    def _find(self, site: str, entity: bytes) -> Iterator[Stage]:
        for held in self._holdings.logs.values():
            if held.site == site:
                yield from self._stages(held, entity)

    def _stages(self, held: HeldLog, entity: bytes) -> Iterator[Stage]:
        row = self._reader.entity(held.number, entity)
        if row is not None and row.family == "label_decision" and isinstance(row.state, bytes):
            yield Stage(held.origin, entity, _LABEL.decode(row.state), row.undetermined)
