"""What is odd about a label and makes nothing void: told on it, decided by nobody (SPEC LBL-25)."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from sopro_node.conditions import ask_item
from sopro_node.desk import Desk
from sopro_node.finding import BEGINNING, Finder
from sopro_node.holdings import Holdings
from sopro_node.store.base import Reader
from sopro_node.store.listing import place_of
from sopro_protocol.record import read_record
from sopro_registry.catalogue import READERS, decode_state
from sopro_registry.codelists import Finding
from sopro_registry.families import offering
from sopro_registry.label import Status, status_at
from sopro_registry.transfer import Stage

MOST: Final = 32
_LOOKED_AT: Final = 1_000


class LabelFindings:
    """Looks for findings in one reader's tables; used on one thread."""

    def __init__(self, reader: Reader, holdings: Holdings, desk: Desk) -> None:
        self._reader = reader
        self._holdings = holdings
        self._desk = desk

    def find(self, number: str, day: int | None = None) -> list[Finding]:
        """Say what is odd about a label on a day.

        Raises:
            NotFoundError: no log this node holds has that number.
        """
        stage = self._desk.course(number).at(day or self._desk.today())
        held = self._holdings.logs[stage.origin]
        row = self._reader.entity(held.number, stage.label.offering)
        if row is None or not isinstance(row.state, bytes):
            return []
        thing = decode_state(row.family, row.state)
        if not isinstance(thing, offering.State):
            return []
        found = self._desk.record_findings(held, thing.index)
        return found + self._find_twins(stage, thing, day or self._desk.today())

    def _find_twins(self, stage: Stage, thing: offering.State, day: int) -> list[Finding]:
        """Say which other labels hold for the same thing under the same scheme (I8)."""
        if status_at(stage.label.decisions, day)[0] is not Status.ACTIVE:
            return []
        numbers = dict.fromkeys(
            islice(
                (
                    one
                    for one in self._numbers(stage, thing)
                    if one != stage.label.number and self._is_active(one, stage, day)
                ),
                MOST,
            )
        )
        return [
            Finding(
                code="lbl.duplicate",
                message=f"{one} is active, too, for the same offering under the same scheme; the "
                "sites that decide on them have to settle which one stays",
                about=one,
            )
            for one in sorted(numbers)
        ]

    def _numbers(self, stage: Stage, thing: offering.State) -> Iterator[str]:
        """Go through labels that may be for the same: of one offering, or of one trade item."""
        log = self._holdings.logs[stage.origin].number
        holder, place = place_of(stage.label.offering, thing)
        listed = self._reader.directory.listed(log, holder, low=place, high=place, limit=_LOOKED_AT)
        for _, number in listed:
            if self._offering_of(number) == (stage.origin, stage.label.offering):
                yield number
        item = self._item(stage, thing)
        for held in self._holdings.logs.values() if item else ():
            hits = Finder(self._reader, held.number, [ask_item(item)]).labels(BEGINNING)
            yield from (one.number for one in islice(hits, _LOOKED_AT) if one.label is not None)

    def _offering_of(self, number: str) -> tuple[str, bytes] | None:
        course = self._desk.courses.of(number)
        return (course.stages[0].origin, course.stages[0].label.offering) if course else None

    def _item(self, stage: Stage, thing: offering.State) -> str:
        held = self._holdings.logs[stage.origin]
        data = self._holdings.record(self._reader, held, thing.index)
        _, body = read_record(data, READERS)
        return body.gtin if isinstance(body, offering.Body) and isinstance(body.gtin, str) else ""

    def _is_active(self, number: str, stage: Stage, day: int) -> bool:
        course = self._desk.courses.of(number)
        if course is None or course.stages[0].label.scheme != stage.label.scheme:
            return False
        other = course.at(day)
        is_known = not other.undetermined
        return is_known and status_at(other.label.decisions, day)[0] is Status.ACTIVE
