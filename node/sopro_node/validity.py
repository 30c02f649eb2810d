"""Whether labels are valid on a day, by whatever one has of them; one question or many."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from sopro_node.conditions import Condition, ask_identifier, ask_item
from sopro_node.desk import Desk
from sopro_node.directory import Directory
from sopro_node.finding import BEGINNING, Finder
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.store.base import Reader
from sopro_node.store.directory_index import PLACE, LabelColumns
from sopro_node.store.rows import LabelRow
from sopro_node.validity_table import Asked, By, as_text
from sopro_protocol.errors import FormatError
from sopro_registry.certificate_number import fold_number
from sopro_registry.fields import format_day
from sopro_registry.label import Status, lapse
from sopro_registry.queries import Basis, Standing, stand

MOST_LABELS: Final = 100
"""Labels of one item number, identifier or offering that an answer names."""
MOST_LOOKED_AT: Final = 10_000
"""Labels of it that are looked at for a valid one."""
_REMEMBERED: Final = 256
_UNKNOWN: Final = "unknown"
_NOTHING: Final = ("",) * 7
_UNSAID: Final = ("",) * 4


class Validity(msgspec.Struct, frozen=True):
    """Whether something is labelled on a day.

    Attributes:
        by: what was asked by.
        value: what was asked.
        at: the civil date asked about.
        valid: whether one of the labels is valid on that day.
        labels: that were found, in the order of their numbers; those that are valid first.
        more: whether there are more than are named.
        computed_from: the log prefixes the answer rests on.
    """

    by: By
    value: str
    at: str
    valid: bool
    labels: list[Standing]
    more: bool
    computed_from: list[Basis]


class Registrar:
    """Answers whether labels are valid; on its desk's thread."""

    def __init__(
        self, reader: Reader, holdings: Holdings, desk: Desk, directory: Directory
    ) -> None:
        self._reader = reader
        self._holdings = holdings
        self._desk = desk
        self._directory = directory
        self._remember = lru_cache(maxsize=_REMEMBERED)(self._check_as_of)

    def _check_as_of(self, by: By, value: str, day: int, _published: int) -> Validity:
        return self._check(by, value, day)

    def check(self, by: By, value: str, day: int) -> Validity:
        """Say whether something is labelled on a day; nothing known of it is not valid."""
        return self._directory.settled(lambda: self._check(by, value, day))

    def _check(self, by: By, value: str, day: int) -> Validity:
        if by is By.NUMBER:
            return self._by_number(value, day)
        named, count = self._choose(by, value, day)
        found = [one for number in named if (one := self._stand(number, day))]
        found.sort(key=lambda one: not one.valid)
        return Validity(
            by,
            value,
            format_day(day),
            any(one.valid for one in found),
            found,
            count > len(named),
            self._bases(),
        )

    def _choose(self, by: By, value: str, day: int) -> tuple[list[str], int]:
        """Return the numbers an answer names, valid ones before others, and how many there are.

        Raises:
            FormatError: `err.query`, none of as many as are looked at is valid.
        """
        moved = set(self._reader.taken_numbers())
        valid: set[str] = set()
        others: set[str] = set()
        for held in self._logs():
            for label in self._offered(held, by, value):
                number = label.number
                if number in valid or number in others:
                    continue
                is_valid = self._is_valid(label, day, is_moved=number in moved)
                (valid if is_valid else others).add(number)
                if len(valid) > MOST_LABELS:
                    return sorted(valid)[:MOST_LABELS], len(valid)
                if len(others) > MOST_LOOKED_AT and not valid:
                    raise FormatError(
                        f"{by}: {value[:80]!r} has more than {MOST_LOOKED_AT} labels and none of "
                        "those that were looked at is valid; ask by number, or look in the "
                        "directory for those that are active",
                        code="err.query",
                    )
        named = [*sorted(valid), *sorted(others)][:MOST_LABELS]
        return named, len(valid) + len(others)

    def _is_valid(self, label: LabelColumns, day: int, *, is_moved: bool) -> bool:
        """Say whether a label is valid, by its decisions only where its columns do not tell."""
        if not is_moved and label.settled <= day:
            return lapse(Status(label.status), label.until, day) is Status.ACTIVE
        standing = self._stand(label.number, day)
        return standing is not None and standing.valid

    def _by_number(self, value: str, day: int) -> Validity:
        number = fold_number(value) or value
        row = self._reader.label(number)
        if row is None:
            return _answer(number, day, [], self._bases())
        course = self._desk.courses.follow(row)
        found = stand(course, day)
        bases = [self._desk.basis_of(stage) for stage in course.stages]
        return _answer(number, day, [found], bases)

    def _stand(self, number: str, day: int) -> Standing | None:
        course = self._desk.courses.of(number)
        return stand(course, day) if course else None

    def _logs(self) -> Iterable[HeldLog]:
        return self._holdings.logs.values()

    def _bases(self) -> list[Basis]:
        return [self._desk.basis(held) for held in self._logs()]

    def _offered(self, held: HeldLog, by: By, value: str) -> Iterator[LabelColumns]:
        """Go through the labels of what is asked for in one log."""
        if by is By.OFFERING:
            yield from self._of_offering(held, bytes.fromhex(value))
            return
        condition: Condition = (ask_item if by is By.ITEM else ask_identifier)(value)
        hits = Finder(self._reader, held.number, [condition]).labels(BEGINNING)
        yield from (hit.label for hit in hits if hit.label is not None)

    def _of_offering(self, held: HeldLog, entity: bytes) -> Iterator[LabelColumns]:
        holder = self._desk.holder_of(held, entity)
        thing, after = entity[:PLACE], ""
        while holder:
            rows = self._reader.directory.labels_at(
                held.number,
                holder[:PLACE],
                between=(thing, thing),
                after=(thing if after else b"", after),
                limit=MOST_LABELS,
            )
            yield from (row.label for row in rows)
            if len(rows) < MOST_LABELS:
                return
            after = rows[-1].label.number

    def lines(self, questions: Sequence[Asked]) -> list[Sequence[str]]:
        """Answer some of many questions, each as the cells of a line, see `COLUMNS`."""
        return self._directory.settled(lambda: self._lines(questions))

    def _lines(self, questions: Sequence[Asked]) -> list[Sequence[str]]:
        # Nearly every line of a long table asks by number, so these are read together.
        numbers = {
            one.value: fold_number(one.value) or one.value
            for one in questions
            if one.by is By.NUMBER and not one.problem
        }
        rows = self._reader.labels_numbered(list(numbers.values()))
        return [self._line(one, rows.get(numbers.get(one.value, ""))) for one in questions]

    def _line(self, asked: Asked, row: LabelRow | None) -> Sequence[str]:
        if asked.problem:
            return (asked.by, as_text(asked.value), *_NOTHING, asked.problem, *_UNSAID)
        if asked.by is By.NUMBER:
            return self._number_line(asked.value, asked.day, row)
        try:
            found = self._remember(asked.by, asked.value, asked.day, self._holdings.published)
        except FormatError as error:
            return (asked.by, as_text(asked.value), *_NOTHING, str(error), *_UNSAID)
        count = f"{len(found.labels)}{'+' if found.more else ''}"
        first = found.labels[0] if found.labels else None
        value = as_text(asked.value)
        return _write(asked.by, value, asked.day, first, count, found.computed_from)

    def _number_line(self, number: str, day: int, row: LabelRow | None) -> Sequence[str]:
        if row is None:
            return _write(By.NUMBER, number, day, None, "0", self._bases())
        course = self._desk.courses.follow(row, self._directory.successors)
        bases = [self._desk.basis_of(stage) for stage in course.stages]
        return _write(By.NUMBER, number, day, stand(course, day), "1", bases)


def _write(  # the columns
    by: By, value: str, day: int, first: Standing | None, count: str, bases: Sequence[Basis]
) -> Sequence[str]:
    rests_on = " ".join(map(_write_basis, bases))
    if first is None:
        return (
            by,
            value,
            format_day(day),
            "no",
            _UNKNOWN,
            "",
            "",
            "",
            count,
            "",
            rests_on,
            *_UNSAID[1:],
        )
    return (
        by,
        value,
        format_day(day),
        "yes" if first.valid else "no",
        first.status,
        first.number,
        first.site,
        first.valid_until or "",
        count,
        "",
        rests_on,
        "yes" if first.imported else "no",
        first.on_record_since or "",
        "yes" if first.recorded_late else "no",
    )


@lru_cache(maxsize=256)
def _write_basis(basis: Basis) -> str:
    return f"{basis.origin}@{basis.size}:{basis.root}"


def _answer(number: str, day: int, found: list[Standing], bases: list[Basis]) -> Validity:
    is_valid = any(one.valid for one in found)
    return Validity(
        By.NUMBER, number, format_day(day), is_valid, found, more=False, computed_from=bases
    )
