"""One organisation: what it offers, how that is labelled, and its history across sites."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sopro_node.cursors import Place, read_cursor, write_cursor
from sopro_node.heldlog import HeldLog
from sopro_node.node import Node
from sopro_node.organisation_answers import (
    EventAnswer,
    HistoryAnswer,
    LabelledPage,
    OfferingAnswer,
    RelatedAnswer,
)
from sopro_node.relating import lineage
from sopro_node.store.directory_index import PLACE
from sopro_protocol.errors import NotFoundError
from sopro_registry.catalogue import decode_state
from sopro_registry.families import offering
from sopro_registry.fields import epoch_of, format_day
from sopro_registry.queries import Standing, stand
from sopro_registry.relations import Kind

MOST_OFFERINGS: Final = 200
MOST_LABELS: Final = 200
MOST_EVENTS: Final = 500
MOST_RELATED: Final = 50
_LAST: Final = b"\xff" * PLACE

_Events = dict[tuple[int, str, int, str], EventAnswer]


def list_labelled(
    node: Node, site: str, entity: bytes, day: int | None = None, *, after: str = "", limit: int
) -> LabelledPage:
    """Go through all that an organisation offers, its labels and their decisions, page by page.

    Raises:
        FormatError: `err.query`, the cursor is none of this organisation's.
        NotFoundError: no log here of that site has it.
    """
    held = find_log(node, site, entity)
    place = read_cursor(after, ["labelled", site, entity, day or 0])
    behind = place.thing, place.number

    def ask() -> LabelledPage:
        rows = node.reader.directory.listed_behind(
            held.number, entity[:PLACE], after=behind, limit=limit
        )
        following = None
        if len(rows) == limit:
            stopped = Place(thing=rows[-1][0], number=rows[-1][1])
            following = write_cursor(["labelled", site, entity, day or 0], stopped)
        describing = _Describing(node, held, entity, day or node.desk.today())
        return describing.page(rows, following)

    return node.directory.settled(ask)


async def describe_organisation(
    node: Node, site: str, entity: bytes, day: int | None = None
) -> HistoryAnswer:
    """Describe an organisation with everything that hangs on it, within bounds.

    Raises:
        NotFoundError: no log here of that site has it.
    """
    held = find_log(node, site, entity)
    tied = await lineage(node, {"organisation": entity, "site": site})
    return node.directory.settled(
        lambda: _Describing(node, held, entity, day or node.desk.today()).answer(tied)
    )


def find_log(node: Node, site: str, entity: bytes) -> HeldLog:
    """Return the newest log of a site that has an organisation.

    Raises:
        NotFoundError: there is none here.
    """
    logs = [held for held in node.holdings.logs.values() if held.site == site]
    for held in sorted(logs, key=lambda one: epoch_of(one.origin), reverse=True):
        row = node.reader.entity(held.number, entity)
        if row is not None and row.family == "organisation" and row.state is not None:
            return held
    raise NotFoundError(f"no organisation {entity.hex()} of the site {site[:32]!r} is known here")


class _Describing:
    """One description; reads on its caller's thread."""

    def __init__(self, node: Node, held: HeldLog, entity: bytes, day: int) -> None:
        self._node = node
        self._held = held
        self._entity = entity
        self._day = day
        self._more = False
        self._logs: dict[int, HeldLog] = {held.number: held}

    def answer(self, tied: dict[str, Any]) -> HistoryAnswer:
        desk, logs = self._node.desk, self._node.holdings.logs
        row = self._node.reader.entity(self._held.number, self._entity)
        codes = row.state if row else b""
        state = decode_state("organisation", codes) if isinstance(codes, bytes) else None
        offerings = list(self._offerings())
        events = self._history(tied)
        related = list(self._related(tied))
        return HistoryAnswer(
            format_day(self._day),
            desk.organisation(self._held, self._entity),
            list(getattr(state, "codes", [])),
            offerings,
            related,
            events,
            self._more or bool(tied["is_cut"]),
            # Any log may state that the organisation is tied to another, so that all are read.
            [desk.basis(logs[origin]) for origin in sorted(logs)],
        )

    def page(self, rows: Sequence[tuple[bytes, str]], following: str | None) -> LabelledPage:
        """Describe some of what is listed of it."""
        offerings = [
            one
            for thing, numbers in _by_offering(rows).items()
            for one in self._offering(thing, numbers)
        ]
        events: _Events = {}
        for _, number in rows:
            events |= self._decided(number, self._entity)
        return LabelledPage(
            format_day(self._day),
            offerings,
            [events[key] for key in sorted(events)],
            following,
            [self._node.desk.basis(one) for one in self._logs.values()],
        )

    def _offerings(self) -> Iterator[OfferingAnswer]:
        labels = _by_offering(self._listed(self._held, self._entity))
        if len(labels) > MOST_OFFERINGS:
            self._more = True
        for thing in list(labels)[:MOST_OFFERINGS]:
            yield from self._offering(thing, labels[thing])

    def _listed(self, held: HeldLog, entity: bytes) -> list[tuple[bytes, str]]:
        limit = MOST_OFFERINGS + MOST_LABELS + 1
        rows = self._node.reader.directory.listed(
            held.number, entity[:PLACE], low=b"", high=_LAST, limit=limit
        )
        self._more = self._more or len(rows) == limit
        return rows

    def _offering(self, thing: bytes, numbers: list[str]) -> Iterator[OfferingAnswer]:
        for entity, row in self._node.reader.entities_at(self._held.number, thing):
            if row.family != "offering" or not isinstance(row.state, bytes):
                continue
            state = decode_state(row.family, row.state)
            if isinstance(state, offering.State) and state.organisation == self._entity:
                fields = self._node.desk.document_fields(self._held.number, state.index)
                names = fields.get("name")
                yield OfferingAnswer(
                    entity.hex(),
                    {str(tag): str(text) for tag, text in names.items()}
                    if isinstance(names, dict)
                    else {},
                    state.kind,
                    state.status,
                    [one for number in numbers if (one := self._stand(number))],
                )

    def _stand(self, number: str) -> Standing | None:
        course = self._node.desk.courses.of(number)
        for stage in course.stages if course else ():
            held = self._node.holdings.logs[stage.origin]
            self._logs[held.number] = held
        return stand(course, self._day) if course else None

    def _related(self, tied: dict[str, Any]) -> Iterator[RelatedAnswer]:
        names = {(one["site"], one["entity"]): one["name"] for one in tied["members"]}
        own = (self._held.site, self._entity)
        # What others are to one another stands on their pages; here it would be said of this one.
        statements = [
            one
            for one in _stated_once(tied["statements"])
            if own in ((one["site"], one["entity"]), (one["other_site"], one["other"]))
        ]
        self._more = self._more or len(statements) > MOST_RELATED
        for one in statements[:MOST_RELATED]:
            subject, other = (one["site"], one["entity"]), (one["other_site"], one["other"])
            site, entity = other if subject == own else subject
            yield RelatedAnswer(
                site,
                entity.hex(),
                names.get((site, entity), ""),
                one["kind"],
                subject != own,
                one["since"],
                one["is_confirmed"],
            )

    def _history(self, tied: dict[str, Any]) -> list[EventAnswer]:
        """Return what was decided on labels of everybody who hangs together, oldest first."""
        events: _Events = {}
        members = [one for one in tied["members"] if one["is_known"]]
        self._more = self._more or len(members) > MOST_RELATED
        for member in members[:MOST_RELATED]:
            held = find_log(self._node, member["site"], member["entity"])
            self._logs[held.number] = held
            for _, number in self._listed(held, member["entity"]):
                events |= self._decided(number, member["entity"])
        found = sorted(events.items(), key=lambda one: one[0])
        self._more = self._more or len(found) > MOST_EVENTS
        return [event for _, event in found[-MOST_EVENTS:]]

    def _decided(self, number: str, holder: bytes) -> "_Events":
        """Return what was decided on a label; nothing where there is none."""
        course = self._node.desk.courses.of(number) if number else None
        return {
            # One without a date of its own stands behind the one before it.
            (decision.effective, stage.origin, decision.index, number): EventAnswer(
                None if decision.undated else format_day(decision.effective),
                stage.site,
                number,
                decision.action.value,
                decision.status.word,
                decision.imported,
                holder.hex(),
            )
            for stage in (course.stages if course else ())
            for decision in stage.label.decisions
        }


def _by_offering(rows: Iterable[tuple[bytes, str]]) -> dict[bytes, list[str]]:
    """Return the labels of each offering; of one that has none, no number."""
    labels: dict[bytes, list[str]] = {}
    for thing, number in rows:
        labels.setdefault(thing, [])
        if number:
            labels[thing].append(number)
    return labels


def _stated_once(statements: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out what says again, from the other side, that two are the same organisation.

    It holds from the earlier of the two days.
    """
    kept: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for one in statements:
        ends = [(one["site"], one["entity"]), (one["other_site"], one["other"])]
        key = (one["kind"], *(sorted(ends) if one["kind"] == Kind.SAME_AS else ends))
        before = kept.setdefault(key, one)
        if one["since"] < before["since"]:
            kept[key] = {**before, "since": one["since"]}
    return list(kept.values())
