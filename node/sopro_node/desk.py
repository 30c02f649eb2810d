"""Questions to this node's registers, answered from the last commit."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec

from sopro_node import clock
from sopro_node.codelists import CodeLists
from sopro_node.courses import Courses
from sopro_node.describing import Described, Descriptions
from sopro_node.exchange import Exchange
from sopro_node.heldlog import HeldLog, decode_cursor
from sopro_node.holdings import Holdings
from sopro_node.identifying import find_flaws
from sopro_node.identity import Identity
from sopro_node.store.base import Reader
from sopro_node.store.rows import LabelRow, LogRow
from sopro_node.structured import read_structured
from sopro_protocol.encoding import Value
from sopro_protocol.errors import NotFoundError
from sopro_protocol.record import read_record
from sopro_registry.assessed import AssessmentAnswer, answer_assessment
from sopro_registry.catalogue import READERS, decode_state
from sopro_registry.codelists import Finding
from sopro_registry.families import label_decision, offering, organisation
from sopro_registry.fields import recorded_day, site_of
from sopro_registry.label import Label
from sopro_registry.overlays import Lookup, Overlay, find_overlays
from sopro_registry.queries import Basis, LabelAnswer, answer_label
from sopro_registry.tables import EntityRow
from sopro_registry.transfer import Course, Stage

_LABEL = msgspec.msgpack.Decoder(Label)
_END = "~"
_ALL = "SOPRO/~"
_PAGE = 100
Sizes: TypeAlias = tuple[tuple[int, ...], ...]


class OrganisationAnswer(msgspec.Struct, frozen=True):
    """An organisation: codes from its record, names from its public document.

    Attributes:
        entity: within the site's log, hex.
        site: code of the site that registered it.
        country: of its seat.
        actor_type: its part in the economy of social and ecological value.
        status: whether it is still there.
        index: position of its latest record.
        described: fields of its public document; empty where that is not here.
        computed_from: the log prefix the answer rests on.
        findings: codes and identifiers that are none (SPEC CDL-3, DOC-9).
    """

    entity: str
    site: str
    country: str
    actor_type: str
    status: str
    index: int
    described: dict[str, Any]
    computed_from: list[Basis]
    findings: list[Finding] = []


class Desk:
    """Answers from one reading connection; used on one thread."""

    def __init__(
        self,
        reader: Reader,
        holdings: Holdings,
        exchange: Exchange,
        identity: Callable[[], Identity],
    ) -> None:
        self._reader = reader
        self._holdings = holdings
        self._exchange = exchange
        self.courses = Courses(reader, holdings)
        self._codelists = CodeLists(reader, holdings)
        self._identity = identity
        self._logs: dict[int, HeldLog] = {}
        self._descriptions = Descriptions(reader)
        self._decision = lru_cache(maxsize=4096)(self._read_decision)
        self._moved = lru_cache(maxsize=2)(self._follow_moved)
        self._basis_of: dict[int, Basis] = {}

    def today(self) -> int:
        """Return the civil date in this node's zone."""
        return clock.today(self._identity().zone)

    def held(self, log: int) -> HeldLog:
        """Return a log by its number in the database."""
        if log not in self._logs:
            self._logs = {held.number: held for held in self._holdings.logs.values()}
        return self._logs[log]

    def basis(self, held: HeldLog) -> Basis:
        """Return the prefix of a log that is judged."""
        size, is_forked = held.cursor.projected, held.origin in self._exchange.evidence.forked()
        known = self._basis_of.get(held.number)
        if known is None or (known.size, known.two_histories) != (size, is_forked):
            root = held.tree.root_at(size).hex()
            known = self._basis_of[held.number] = Basis(held.origin, size, root, is_forked)
        return known

    def label(self, number: str, day: int | None = None) -> LabelAnswer:
        """Say how a label stands on a day.

        Raises:
            NotFoundError: no log this node holds has that number.
        """
        while True:
            before = self._holdings.published
            row = self._reader.label(number)
            if row is None:
                raise self._unknown(number)
            answer = self._answer(row, day or self.today())
            # A commit in between would have an old row answered for the log as it is now.
            if self._holdings.published == before:
                return answer

    def _unknown(self, number: str) -> NotFoundError:
        """Say that no label is known here, and who only says that it took it over."""
        claims = [one for one in self.courses.claims(number) if one.label.taken is not None]
        said = "".join(
            f"; {one.site} says that it took it over from {one.label.taken.origin}, which is not "
            "confirmed without that log and counts for nothing here"
            for one in claims[:1]
            if one.label.taken is not None
        )
        return NotFoundError(f"no label {number[:64]!r} is known here{said}")

    def course(self, number: str) -> Course:
        """Return a label's way through the logs.

        Raises:
            NotFoundError: no log this node holds has that number.
        """
        course = self.courses.of(number)
        if course is None:
            raise self._unknown(number)
        return course

    def _answer(self, row: LabelRow, day: int) -> LabelAnswer:
        course = self.courses.follow(row)
        site = course.at(day).site
        answer = answer_label(
            course,
            bases=[self.basis_of(stage) for stage in course.stages],
            day=day,
            lookup=self._lookup(),
            member=self._holdings.directory.membership(site),
            claims=self.courses.claims(row.number),
        )
        last = course.competent
        held = self._holdings.logs[last.origin]
        publication = held.publication(last.label.decisions[-1].index)
        return msgspec.structs.replace(answer, publication=publication)

    def _lookup(self) -> Lookup:
        holdings = self._holdings
        coordinator = site_of(holdings.coordinator_origin) if holdings.coordinator_origin else ""
        return Lookup(
            self._row,
            self._about,
            self._acted_on,
            self._closed_on,
            holdings.directory,
            coordinator,
        )

    def overlays(self, course: Course, day: int) -> Sequence[Overlay]:
        """Say what lies over a label's status on a day."""
        return find_overlays(course, day, self._lookup())

    def assessment(self, number: str, day: int | None = None) -> AssessmentAnswer:
        """Say what a label rests on, on a day: what was found about each criterion.

        Raises:
            NotFoundError: no log this node holds has that number.
        """
        course = self.course(number)
        return answer_assessment(
            course,
            day or self.today(),
            self._lookup(),
            recorded=self._recorded,
            bases=[self.basis_of(stage) for stage in course.stages],
        )

    def _recorded(self, origin: str, position: int) -> int:
        """Return the day of a record."""
        data = self._holdings.record(self._reader, self._holdings.logs[origin], position)
        return recorded_day(read_record(data, READERS).record.time)

    def _row(self, origin: str, entity: bytes) -> EntityRow | None:
        return self._reader.entity(self._holdings.logs[origin].number, entity)

    def _about(self, origin: str, family: str, label: bytes) -> list[bytes]:
        return self._reader.named_after(self._holdings.logs[origin].number, family, label.hex())

    def _closed_on(self, origin: str) -> int:
        return self._holdings.logs[origin].cursor.import_closed_on

    def _acted_on(self, origin: str) -> int | None:
        head = self._holdings.logs[origin].cursor.acted_on
        return head.size if head else None

    def basis_of(self, stage: Stage) -> Basis:
        """Return the prefix that a label's state in a log rests on."""
        held = self._holdings.logs[stage.origin]
        basis = self.basis(held)
        if stage.label.decisions[-1].index >= basis.size:
            # The row was committed a moment before its head was published.
            return self._committed_basis(held.number)
        return basis

    def _committed_basis(self, log: int) -> Basis:
        row = next(one for one in self._reader.logs() if one.log == log)
        return self.basis_of_row(row)

    def basis_of_row(self, row: LogRow) -> Basis:
        """Return the prefix of a log that is judged, as its row says."""
        judged = decode_cursor(row.cursor).projected
        root = (
            row.root if judged == row.size else self._holdings.logs[row.origin].tree.root_at(judged)
        )
        is_forked = row.origin in self._exchange.evidence.forked()
        return Basis(row.origin, judged, root.hex(), is_forked)

    def labels(
        self, *, site: str = "", after: str = "", limit: int = 50, day: int | None = None
    ) -> list[LabelAnswer]:
        """List labels by number, from one on.

        Args:
            site: code of who decides on them, or empty for all.
            after: a number; the list begins behind it.
            limit: how many at most.
            day: asked about.

        Raises:
            NotFoundError: no member has that code.
        """
        day = day or self.today()
        if not site:
            rows = self._reader.labels(after=max("SOPRO/", after), before=_ALL, limit=limit)
            return [self._answer(row, day) for row in rows]
        answers = (self._answer(row, day) for row in self.labels_of(site, after))
        return list(islice((one for one in answers if one.site == site), limit))

    def labels_of(self, site: str, after: str) -> Iterator[LabelRow]:
        """Go through the labels that a site may have: its own numbers, and what it has taken over.

        Raises:
            NotFoundError: no member has that code.
        """
        member = self._holdings.directory.membership(site)
        if member is None:
            raise NotFoundError(f"no member {site[:32]!r} is known here")
        low = f"SOPRO/{member.prefix}/"
        taken = {
            course.stages[0].label.number
            for course, _, _ in self._moved(self.sizes())
            if site in {stage.site for stage in course.stages[1:]}
        }
        others = sorted(one for one in taken if one > after and not one.startswith(low))
        rows = filter(None, map(self._reader.label, others))
        return merge(self._numbered(low, after), rows, key=attrgetter("number"))

    def _numbered(self, low: str, after: str) -> Iterator[LabelRow]:
        """Go through the labels whose numbers begin so, page by page."""
        after = max(low, after)
        while rows := self._reader.labels(after=after, before=low + _END, limit=_PAGE):
            yield from rows
            after = rows[-1].number

    def sizes(self) -> Sizes:
        """Say what every count and every way from log to log rests on."""
        return (
            self._holdings.era,
            *((one.number, one.cursor.projected) for one in self._holdings.logs.values()),
        )

    def _follow_moved(self, _sizes: Sizes) -> list[tuple[Course, list[int], int]]:
        return list(self.courses.moved())

    def describe(self, number: str) -> Described:
        """Say whose label it is and of what, as far as public documents are here.

        Raises:
            NotFoundError: no log this node holds has that number.
        """
        return self.describe_stage(self.course(number).competent)

    def describe_stage(self, stage: Stage) -> Described:
        """Say whose a label is and of what, as the log that it is in has it."""
        return self.describe_all([(stage.origin, stage.label.offering, b"")])[0]

    def describe_all(self, asked: Sequence[tuple[str, bytes, bytes]]) -> list[Described]:
        """Say so of several: origin of the log, offering, and place of its holder if known."""
        placed: dict[str, dict[bytes, bytes]] = {}
        for origin, thing, holder in asked:
            if holder:
                placed.setdefault(origin, {})[thing] = holder
        found: dict[tuple[str, bytes], Described] = {}
        for origin, places in placed.items():
            number = self._holdings.logs[origin].number
            shown = self._descriptions.shown(number, places)
            found |= {(origin, thing): about for thing, about in shown.items()}
        missing: dict[str, list[bytes]] = {}
        for origin, thing, _ in asked:
            if (origin, thing) not in found:
                missing.setdefault(origin, []).append(thing)
        for origin, things in missing.items():
            held = self._holdings.logs[origin]
            version = held.cursor.projected, self._holdings.changed_documents
            read = self._descriptions.of(held.number, things, version=version)
            found |= {(origin, thing): about for thing, about in read.items()}
        return [found[origin, thing] for origin, thing, _ in asked]

    def decision(self, held: HeldLog, position: int) -> label_decision.Body | None:
        """Return a decision as it was recorded, with the fields that no state depends on.

        Raises:
            NotFoundError: the log is not that long.
        """
        return self._decision(held.number, position, self._holdings.changed_documents)

    def _read_decision(self, log: int, position: int, _changed: int) -> label_decision.Body | None:
        data = self._holdings.record(self._reader, self.held(log), position)
        _, body = read_record(data, READERS)
        return body if isinstance(body, label_decision.Body) else None

    def _state(self, log: int, entity: bytes) -> msgspec.Struct | None:
        row = self._reader.entity(log, entity)
        if row is None or not isinstance(row.state, bytes):
            return None
        return decode_state(row.family, row.state)

    def holder_of(self, held: HeldLog, entity: bytes) -> bytes:
        """Return the organisation of an offering in a log; nothing where there is no such."""
        thing = self._state(held.number, entity)
        return thing.organisation if isinstance(thing, offering.State) else b""

    def document_fields(self, log: int, position: int) -> Mapping[str, Value]:
        """Return the fields of a record's first public document; none where it is not here."""
        row = self._reader.documents.get(log, position, 0)
        return read_structured(row.content) if row and row.visibility == 0 else {}

    def organisations(self, held: HeldLog, *, after: bytes, limit: int) -> list[OrganisationAnswer]:
        """List the organisations of one log, by entity."""
        rows = self._reader.entity_page(held.number, "organisation", after=after, limit=limit)
        return [
            self._organisation(held, entity, decode_state("organisation", state))
            for entity, state in rows
        ]

    def organisation(self, held: HeldLog, entity: bytes) -> OrganisationAnswer:
        """Describe one organisation.

        Raises:
            NotFoundError: the log holds no such organisation.
        """
        state = self._state(held.number, entity)
        if not isinstance(state, organisation.State):
            raise NotFoundError(f"{held.origin}: no organisation {entity.hex()}")
        return self._organisation(held, entity, state)

    def _organisation(
        self, held: HeldLog, entity: bytes, state: msgspec.Struct
    ) -> OrganisationAnswer:
        assert isinstance(state, organisation.State), "asked for"  # noqa: S101  # a bug if not
        return OrganisationAnswer(
            entity.hex(),
            held.site,
            state.country,
            state.actor_type,
            state.status,
            state.index,
            dict(self.document_fields(held.number, state.index)),
            [self.basis(held)],
            self.record_findings(held, state.index),
        )

    def record_findings(self, held: HeldLog, position: int) -> list[Finding]:
        """Say which codes and identifiers of a record are none, though it counts (SPEC CDL-3)."""
        _, body = read_record(self._holdings.record(self._reader, held, position), READERS)
        if not isinstance(body, offering.Body | organisation.Body):
            return []
        gtin = body.gtin if isinstance(body, offering.Body) and isinstance(body.gtin, str) else ""
        flaws = find_flaws(self.document_fields(held.number, position), gtin=gtin)
        return self._codelists.findings(body) + flaws
