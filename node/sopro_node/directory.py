"""The directory: which labels and organisations a reader looks for, page by page."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple, TypeVar

import msgspec

from sopro_node.conditions import Condition
from sopro_node.cursors import Place, read_cursor, write_cursor
from sopro_node.desk import Desk, OrganisationAnswer
from sopro_node.finding import BEGINNING, Finder, Hit
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.store.base import Reader
from sopro_node.store.directory_index import PLACE, Found, LabelColumns
from sopro_node.store.rows import LabelRow
from sopro_protocol.encoding import MAX_INTEGER
from sopro_protocol.errors import NotFoundError
from sopro_registry.families import organisation
from sopro_registry.fields import format_day, site_of
from sopro_registry.label import Status, lapse, status_at
from sopro_registry.queries import UNDETERMINED, Basis

MOST_LOOKED_AT: Final = 1000
"""Labels, and steps between them, that one page of a search looks at."""
_CHUNK: Final = 200
_ENTITY: Final = 16

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for.

    Attributes:
        conditions: each of which has to be met.
        status: or empty.
        site: code of who decides on it on the day, or empty.
        scheme: or empty.
        overlay: what lies over the status (SPEC OVL), or empty.
        day: asked about; 0 for today.
        after: cursor of the page before, or empty.
        behind: a number; a list of every label begins behind it where no cursor is given.
        limit: how many at most.
    """

    conditions: Sequence[Condition] = ()
    status: str = ""
    site: str = ""
    scheme: str = ""
    overlay: str = ""
    day: int = 0
    after: str = ""
    behind: str = ""
    limit: int = 20

    def asked(self, question: str, *more: int) -> list[object]:
        """Return all that is asked but for the place, as a cursor is bound to it."""
        conditions = [(one.terms, one.is_open) for one in self.conditions]
        texts = (self.status, self.site, self.scheme, self.overlay)
        return [question, conditions, *texts, self.day, *more]


class ListedLabel(msgspec.Struct, frozen=True):
    """A label in the directory; names only where their documents are here.

    Attributes:
        number: certificate number.
        site: code of the site that decides on it on that day.
        status: in one word.
        valid_until: last civil date of validity, where one is stated.
        imported: whether it was taken from an existing register.
        scheme: its code.
        organisation: entity of the holder, in the site's log; hex.
        offering: entity of what is labelled, in the site's log; hex.
        holder: its name.
        place: its locality.
        country: of its seat.
        name: of the offering, by language.
        kind: of the offering.
    """

    number: str
    site: str
    status: str
    valid_until: str | None
    imported: bool
    scheme: str
    organisation: str
    offering: str
    holder: str
    place: str
    country: str
    name: dict[str, str]
    kind: str


class Page(msgspec.Struct, frozen=True):
    """One page of a search for labels.

    Attributes:
        at: the civil date that the statuses hold for.
        labels: what was found.
        next: for `after`; null at the end. A page may be short and not the last.
        looked_at: how many were looked at for this page.
        whole_words: words so many begin with that only the whole word was looked for.
        computed_from: the log prefixes the answer rests on.
    """

    at: str
    labels: list[ListedLabel]
    next: str | None
    looked_at: int
    whole_words: list[str]
    computed_from: list[Basis]


class OrganisationPage(msgspec.Struct, frozen=True):
    """One page of a search for organisations.

    Attributes:
        organisations: what was found.
        next: for `after`; null at the end. A page may be short and not the last.
        looked_at: how many were looked at for this page.
        whole_words: words so many begin with that only the whole word was looked for.
        computed_from: the log prefixes the answer rests on.
    """

    organisations: list[OrganisationAnswer]
    next: str | None
    looked_at: int
    whole_words: list[str]
    computed_from: list[Basis]


class _Chosen(NamedTuple):
    """A label that is what is looked for.

    Attributes:
        number: certificate number.
        status: on the day, in one word.
        until: last civil date of validity.
        imported: whether it was taken from an existing register.
        scheme: its code.
        origin: of the log it is in on the day.
        offering: its entity there.
        holder: place of the organisation there; empty where that is not known.
    """

    number: str
    status: str
    until: str | None
    imported: bool
    scheme: str
    origin: str
    offering: bytes
    holder: bytes = b""


class Directory:
    """Searches over every log this node holds; on its desk's thread."""

    def __init__(self, reader: Reader, holdings: Holdings, desk: Desk) -> None:
        self._reader = reader
        self._holdings = holdings
        self._desk = desk
        self._known: tuple[object, dict[str, Sequence[str]]] = (None, {})
        self._taken: tuple[int, Set[str]] = (-1, frozenset())

    def successors(self, origin: str) -> Sequence[str]:
        """Name who may take over the labels of a log; remembered as long as the members stay."""
        directory = self._holdings.directory
        if self._known[0] is not directory:
            self._known = (directory, {})
        known = self._known[1]
        if origin not in known:
            known[origin] = directory.successors(origin)
        return known[origin]

    def settled(self, ask: Callable[[], T]) -> T:
        """Answer from one commit: what another has changed meanwhile is asked for again."""
        while True:
            before = self._holdings.published
            answer = ask()
            if self._holdings.published == before:
                return answer

    def labels(self, wanted: Wanted) -> Page:
        """Look for labels.

        Raises:
            FormatError: `err.query`, the cursor is none.
            NotFoundError: no member has the site's code.
        """
        asked = wanted.asked("labels")
        place = read_cursor(wanted.after, asked) if wanted.after else Place(number=wanted.behind)
        return self.settled(lambda: self._labels(wanted, place))

    def _labels(self, wanted: Wanted, place: Place) -> Page:
        day = wanted.day or self._desk.today()
        logs = self.logs(wanted.site)
        found: list[_Chosen] = []
        narrowed: dict[str, None] = {}
        looked_at, following = 0, None
        # What lies over a label takes more looks than its status.
        most = MOST_LOOKED_AT // 5 if wanted.overlay else MOST_LOOKED_AT
        hits = (
            self._found(logs, wanted, place, narrowed)
            if wanted.conditions
            else self._numbered(place.number, wanted.site)
        )
        moved = self._moved()
        for held, hit in hits:
            looked_at += hit.steps
            chosen = self._choose_hit(held, hit, wanted, day, moved)
            found += [chosen] if chosen is not None else []
            if len(found) == wanted.limit or looked_at >= most:
                stopped = Place(held.origin if held else "", hit.holder, hit.thing, hit.number)
                following = write_cursor(wanted.asked("labels"), stopped)
                break
        bases = [self._desk.basis(held) for held in logs]
        return Page(
            format_day(day), self._describe(found), following, looked_at, list(narrowed), bases
        )

    def _moved(self) -> Set[str]:
        """Return the numbers of labels that another log says it took over; read once a commit."""
        published = self._holdings.published
        if self._taken[0] != published:
            self._taken = (published, frozenset(self._reader.taken_numbers()))
        return self._taken[1]

    def logs(self, site: str) -> list[HeldLog]:
        """Return the logs that are searched, the node's own first.

        Raises:
            NotFoundError: no member has the site's code.
        """
        if site and self._holdings.directory.membership(site) is None:
            raise NotFoundError(f"no member {site[:32]!r} is known here")
        held = sorted(self._holdings.logs.values(), key=attrgetter("number"))
        return [one for one in held if site in ("", one.site)]

    def _found(
        self, logs: Sequence[HeldLog], wanted: Wanted, place: Place, narrowed: dict[str, None]
    ) -> Iterator[tuple[HeldLog | None, Hit]]:
        """Go through what each log has, from the place on where the search stopped."""
        # What the columns of a label do not tell is read at once with them.
        with_states = bool(wanted.overlay) or bool(wanted.day and wanted.day < self._desk.today())
        for held in _from(logs, place.origin):
            finder = Finder(
                self._reader,
                held.number,
                wanted.conditions,
                few=wanted.limit,
                with_states=with_states,
            )
            narrowed |= dict.fromkeys(finder.narrowed)
            after = (
                Hit(place.holder, place.thing, place.number)
                if held.origin == place.origin
                else BEGINNING
            )
            for hit in finder.labels(after):
                yield held, hit

    def _numbered(self, after: str, site: str) -> Iterator[tuple[HeldLog | None, Hit]]:
        """Go through every label by its number, or those a site may have."""
        if site:
            for one in self._desk.labels_of(site, after):
                # Whose status its columns tell only where nobody has taken it over.
                columns = LabelColumns(one.number, Status.NONE, MAX_INTEGER, 0)
                yield None, Hit(b"", b"", one.number, columns, one)
            return
        while rows := self._reader.directory.label_columns(after=after, limit=_CHUNK):
            for row in rows:
                yield None, Hit(b"", b"", row.number, row)
            after = rows[-1].number

    def describe(self, row: LabelRow, wanted: Wanted, day: int) -> ListedLabel | None:
        """Describe a label, unless it is not what is looked for."""
        chosen = self._choose(row, None, wanted, day)
        return self._describe([chosen])[0] if chosen is not None else None

    def _choose_hit(
        self, held: HeldLog | None, hit: Hit, wanted: Wanted, day: int, moved: Set[str]
    ) -> _Chosen | None:
        """Choose a label that was found, unless it is not what is looked for."""
        label, found = hit.label, hit.found
        if label is None:
            return None
        is_moved = label.number in moved
        if not is_moved and not _may_be(label, wanted, day):
            return None
        if held is not None and found is not None and not is_moved and not wanted.overlay:
            # What was granted in this log and decided by the day stands in columns.
            is_told = found.log == held.number and held.cursor.knows_status
            if is_told and label.settled <= day:
                return _choose_found(held, found, wanted, day)
        row = hit.row or self._reader.label(label.number)
        chosen = self._choose(row, held, wanted, day) if row else None
        return chosen._replace(holder=hit.holder) if chosen is not None else None

    def _choose(
        self, row: LabelRow, held: HeldLog | None, wanted: Wanted, day: int
    ) -> _Chosen | None:
        """Choose a label by its decisions, unless it is not what is looked for."""
        course = self._desk.courses.follow(row, self.successors)
        stage = course.at(day)
        status, last = status_at(stage.label.decisions, day)
        word = UNDETERMINED if stage.undetermined else status.word
        label = course.stages[0].label
        is_here = held is None or held.origin == stage.origin
        if not is_here or wanted.status not in ("", word) or wanted.site not in ("", stage.site):
            return None
        if wanted.scheme not in ("", label.scheme):
            return None
        if wanted.overlay and wanted.overlay not in self._desk.overlays(course, day):
            return None
        return _Chosen(
            row.number,
            word,
            format_day(last.until) if last and last.until else None,
            label.decisions[0].imported,
            label.scheme,
            stage.origin,
            stage.label.offering,
        )

    def _describe(self, chosen: Sequence[_Chosen]) -> list[ListedLabel]:
        """Describe labels, all of them with a few looks into the database."""
        asked = [(one.origin, one.offering, one.holder) for one in chosen]
        return [
            ListedLabel(
                one.number,
                site_of(one.origin),
                one.status,
                one.until,
                one.imported,
                one.scheme,
                about.organisation.hex(),
                one.offering.hex(),
                about.holder,
                about.place,
                about.country,
                about.name,
                about.kind,
            )
            for one, about in zip(chosen, self._desk.describe_all(asked), strict=True)
        ]

    def organisations(self, wanted: Wanted) -> OrganisationPage:
        """Look for organisations: each, or one of its offerings, meets every condition.

        Raises:
            FormatError: `err.query`, the cursor is none.
            NotFoundError: no member has the site's code.
        """
        place = read_cursor(wanted.after, wanted.asked("organisations"))
        return self.settled(lambda: self._organisations(wanted, place))

    def _organisations(self, wanted: Wanted, place: Place) -> OrganisationPage:
        logs = self.logs(wanted.site)
        found: list[OrganisationAnswer] = []
        narrowed: dict[str, None] = {}
        looked_at, following = 0, None
        for held, holder, is_met in self._holders(logs, wanted, place, narrowed):
            looked_at += 1
            if is_met:
                found += self._described(held, holder)
            if len(found) >= wanted.limit or looked_at == MOST_LOOKED_AT:
                stopped = Place(held.origin, holder)
                following = write_cursor(wanted.asked("organisations"), stopped)
                break
        bases = [self._desk.basis(held) for held in logs]
        return OrganisationPage(found, following, looked_at, list(narrowed), bases)

    def _holders(
        self, logs: Sequence[HeldLog], wanted: Wanted, place: Place, narrowed: dict[str, None]
    ) -> Iterator[tuple[HeldLog, bytes, bool]]:
        for held in _from(logs, place.origin):
            after = place.holder if held.origin == place.origin else b""
            if not wanted.conditions:
                last = after.ljust(_ENTITY, b"\xff") if after else b""
                for holder in _once(entity[:PLACE] for entity in self._every(held, last)):
                    yield held, holder, True
                continue
            finder = Finder(self._reader, held.number, wanted.conditions)
            narrowed |= dict.fromkeys(finder.narrowed)
            for holder, is_met in finder.holders(after):
                yield held, holder, is_met

    def _every(self, held: HeldLog, after: bytes) -> Iterator[bytes]:
        """Go through every organisation of a log."""
        family = organisation.FAMILY.name
        while rows := self._reader.entity_page(held.number, family, after=after, limit=_CHUNK):
            after = rows[-1][0]
            yield from (entity for entity, _ in rows)

    def _described(self, held: HeldLog, holder: bytes) -> list[OrganisationAnswer]:
        return [
            self._desk.organisation(held, entity)
            for entity, row in self._reader.entities_at(held.number, holder)
            if row.family == organisation.FAMILY.name and row.state is not None
        ]


def _once(places: Iterable[bytes]) -> Iterator[bytes]:
    """Go through places in order, each once: several organisations may share theirs."""
    yield from (place for place, _ in groupby(places))


def _from(logs: Sequence[HeldLog], origin: str) -> Sequence[HeldLog]:
    """Return the logs from one on; all of them where it is not among them."""
    at = next((place for place, held in enumerate(logs) if held.origin == origin), 0)
    return logs[at:]


def _choose_found(held: HeldLog, found: Found, wanted: Wanted, day: int) -> _Chosen | None:
    """Choose a label of a log by its columns, unless it is not what is looked for."""
    listed, label = found.listed, found.label
    status = lapse(Status(label.status), label.until, day).word
    if wanted.status not in ("", status) or wanted.scheme not in ("", listed.scheme):
        return None
    return _Chosen(
        label.number,
        status,
        format_day(label.until) if label.until else None,
        listed.imported,
        listed.scheme,
        held.origin,
        listed.thing + listed.rest,
        listed.holder,
    )


def _may_be(label: LabelColumns, wanted: Wanted, day: int) -> bool:
    """Say whether a label may be what is looked for, before its decisions are read."""
    if not wanted.status or label.settled > day:
        return True
    status = lapse(Status(label.status), label.until, day)
    return wanted.status in (status.word, UNDETERMINED) or status is Status.TRANSFERRED
