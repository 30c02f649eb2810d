"""Transfer of labels between sites: handing over, seeing what is offered, taking over (SPEC XFER).

The receiver writes the organisation and what it offers anew in its own log, from the public
records and documents of the log before, and then takes over each label on top of them.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final

import msgspec
from msgspec import UNSET

from sopro_node.documents import NewDocument
from sopro_node.holdings import HeldLog
from sopro_node.log import MAX_BATCH, Appended, Draft, Note
from sopro_node.node import Node
from sopro_protocol.errors import NotFoundError, RefusedError, SoproError
from sopro_protocol.record import Record, read_record
from sopro_registry.catalogue import READERS, decode_state
from sopro_registry.families import offering, organisation
from sopro_registry.fields import format_day, parse_day
from sopro_registry.label import Label, Status, status_at
from sopro_registry.transfer import Stage, places_after, stood

Answer = dict[str, Any]

_TRANSFERRED: Final = (int(Status.TRANSFERRED), int(Status.TRANSFERRED))
_STANDING: Final = (int(Status.ACTIVE), int(Status.SUSPENDED))
_LABELS: Final = "label_decision"
_GONE: Final = ("left", "expelled")


async def hand_over(node: Node, values: Mapping[str, Any], note: Note | None = None) -> Answer:
    """Hand labels over to another site, which then has to take them over.

    `to`: code of the site; `decider`; one of `number` and `organisation`: entity, for all of its
    labels that can be handed over; `effective`?: civil date. Answers `handed`: {number, index}.

    Raises:
        RefusedError: a rule forbids it.
        NotFoundError: there is nothing to hand over.
    """
    await _act_on_members(node)
    day = _day(node, values)
    stages = sorted(_to_hand_over(node, values, day), key=lambda stage: stage.label.number)
    drafts = [
        Draft(
            _LABELS,
            {
                "action": "transfer_out",
                "basis": "assessed",
                "decided_on": format_day(node.desk.today()),
                "decider": values["decider"],
                "effective_date": format_day(day),
                "receiver": values["to"],
                "receiver_entity": os.urandom(16),
            },
            entity=stage.entity,
            seen=_head(node, stage.entity),
        )
        for stage in stages
    ]
    if values.get("organisation"):
        drafts.append(_move(node, values["organisation"]))
    outcomes = _check_all(await node.log.append_all(drafts, note=note))
    pairs = zip(stages, outcomes, strict=False)
    return {"handed": [{"number": one.label.number, "index": done.index} for one, done in pairs]}


def _head(node: Node, entity: bytes) -> bytes | None:
    """Return the entry that speaks last on an entity of this site, be it void or not."""
    row = node.reader.entity(1, entity)
    return row.head if row else None


async def _act_on_members(node: Node) -> None:
    """Have this site's log say that it acts on what the coordinator has written by now.

    The records that follow are judged by it: who is a member, and who is whose successor.
    """
    acted_on, coordinator = node.holdings.own.cursor.acted_on, node.holdings.coordinator
    if acted_on is None or coordinator is None:
        return
    if acted_on.size < min(coordinator.signed_size, coordinator.cursor.projected):
        await node.log.append_state()


def _move(node: Node, entity: bytes) -> Draft:
    """Draft the record that says that an organisation has moved; its documents stay."""
    own = node.holdings.own
    state = _state(node, own, entity)
    assert isinstance(state, organisation.State), "its labels go"  # noqa: S101  # a bug if not
    record, fields = _read(node, own, state.index)
    moved = {"effective_date": format_day(node.desk.today()), "status": "moved_to_site"}
    documents = _documents(node, own, state.index, record)
    return Draft("organisation", fields | moved, entity=entity, documents=documents, is_copy=True)


def _day(node: Node, values: Mapping[str, Any]) -> int:
    text = values.get("effective")
    return parse_day(text, field="effective") if text else node.desk.today()


def _check_all(outcomes: Sequence[Appended | SoproError]) -> list[Appended]:
    """Return what was appended; of those that were not, the first says why."""
    for outcome in outcomes:
        if isinstance(outcome, SoproError):
            raise outcome
    return [outcome for outcome in outcomes if isinstance(outcome, Appended)]


def _to_hand_over(node: Node, values: Mapping[str, Any], day: int) -> Iterator[Stage]:
    """Go through the labels of this site that are meant.

    Raises:
        NotFoundError: there is none.
        RefusedError: another site has taken the label over.
    """
    if values.get("number"):
        stage = node.desk.course(values["number"]).competent
        if stage.origin != node.identity.origin:
            raise RefusedError(
                f"{values['number']}: {stage.site} decides on it, so this site cannot hand it over",
                code="lbl.competence",
            )
        yield stage
        return
    owner: bytes = values["organisation"]
    row = node.reader.entity(1, owner)
    if row is None or row.family != "organisation":
        raise NotFoundError(f"this site has no organisation {owner.hex()}")
    found = False
    for entity, undetermined, state in node.reader.entities(1, _LABELS):
        label = msgspec.msgpack.decode(state, type=Label)
        thing = _state(node, node.holdings.own, label.offering)
        is_owned = isinstance(thing, offering.State) and thing.organisation == owner
        can_go = status_at(label.decisions, day)[0] in (Status.ACTIVE, Status.SUSPENDED)
        if is_owned and can_go and label.number and not undetermined:
            found = True
            yield Stage(node.identity.origin, entity, label)
    if not found:
        raise NotFoundError(
            f"the organisation {owner.hex()} has no label that is active or suspended"
        )


async def offers(node: Node, _values: Mapping[str, Any]) -> Answer:
    """List the labels that this site may take over. Answers `offers`."""
    return {"offers": [_describe(node, stage) for stage in _offers(node)]}


def count_offers(node: Node) -> Mapping[str, int]:
    """Count the labels that this site may take over, by the site that they are of."""
    return Counter(stage.site for stage in _offers(node))


def _describe(node: Node, stage: Stage) -> Answer:
    label, last = stage.label, stood(stage.label)
    return {
        "number": label.number,
        "from": stage.site,
        "standing": last.status.word,
        "valid_until": format_day(last.until) if last.until else None,
        "is_succession": label.handed is None,
        "is_continued": stage.site == node.identity.site,
        "describes": msgspec.to_builtins(node.desk.describe(label.number)),
    }


def _offers(node: Node) -> Iterator[Stage]:
    """Go through the labels, where they are now, that this site may take over."""
    own = node.holdings.own
    gone = {
        origin
        for member in node.holdings.directory.members()
        if member.status in _GONE and member.successor == own.site
        for origin in node.holdings.directory.logs(member.site)
    } | set(_closed(node))
    numbers = set(node.reader.numbers_with(_TRANSFERRED)) | set(node.reader.taken_numbers())
    for origin in gone & node.holdings.logs.keys():
        log = node.holdings.logs[origin].number
        numbers |= set(node.reader.numbers_with(_STANDING, log=log))
    for number in sorted(numbers):
        course = node.desk.courses.of(number)
        if course is None or course.competent.undetermined:
            continue
        stage = course.competent
        is_meant = stage.label.handed is not None or stage.origin in gone
        if is_meant and _place(node, stage) is not None:
            yield stage


def _closed(node: Node) -> list[str]:
    """Return the logs of this site that this one continues, the newest first (SPEC EPOCH-5)."""
    logs = node.holdings.directory.logs(node.identity.site)
    own = node.identity.origin
    return list(reversed(logs[: logs.index(own)])) if own in logs else []


def _place(node: Node, stage: Stage) -> bytes | None:
    """Return the entity at which this site may take a label over; None where it may not."""
    for site, entity in places_after(stage, node.holdings.directory.successors):
        if site == node.identity.site and stage.origin != node.identity.origin:
            row = node.reader.entity(1, entity)
            return entity if row is None or row.state is None else None
    return None


async def take_over(node: Node, values: Mapping[str, Any], note: Note | None = None) -> Answer:
    """Take over labels that were handed over to this site, or left to it as a successor.

    `decider`; `numbers`?: all that are offered if not given; `from`?: code of one site;
    `effective`?: civil date. Where neither is given, all organisations and offerings of a log that
    this one continues come too. Answers `taken`: {number, from, index, status}; `brought`: how many
    of these.

    Raises:
        NotFoundError: one of the numbers is not offered to this site.
        RefusedError: a rule forbids it.
    """
    offered = {stage.label.number: stage for stage in _offers(node)}
    wanted = values.get("numbers") or list(offered)
    for number in wanted:
        if number not in offered:
            raise NotFoundError(f"{number[:64]!r} is not offered to this site")
    stages = [offered[number] for number in wanted]
    stages = [stage for stage in stages if values.get("from") in (None, stage.site)]
    if stages or _closed(node):
        await _act_on_members(node)
    taker = _Taker(node, values["decider"], _day(node, values))
    drafts = [] if values.get("numbers") or values.get("from") else taker.bring()
    drafts += [draft for stage in stages for draft in taker.draft(stage)]
    outcomes: list[Appended] = []
    for start in range(0, len(drafts), MAX_BATCH):
        window = drafts[start : start + MAX_BATCH]
        outcomes += _check_all(await node.log.append_all(window, note=note))
    pairs = zip(drafts, outcomes, strict=True)
    places = [done.index for draft, done in pairs if draft.family == _LABELS]
    return {
        "taken": [
            {
                "number": stage.label.number,
                "from": stage.site,
                "index": index,
                "status": node.desk.label(stage.label.number).status,
            }
            for stage, index in zip(stages, places, strict=True)
        ],
        "brought": len(drafts) - len(places),
    }


@dataclass(slots=True)
class _Taker:
    """Drafts what takes labels over; what two of them have in common it writes once.

    Attributes:
        node: this site's.
        decider: pseudonym of who decides.
        day: from which it decides on them, if the log before allows it.
        known: entities here, by origin and entity there.
    """

    node: Node
    decider: bytes
    day: int
    known: dict[tuple[str, bytes], bytes] = field(default_factory=dict)
    _brought: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Find what earlier takeovers have brought here."""
        for course, _, _ in self.node.desk.courses.moved():
            for before, after in zip(course.stages, course.stages[1:], strict=False):
                if after.origin == self.node.identity.origin:
                    self._learn(before, after)

    def _learn(self, before: Stage, after: Stage) -> None:
        self.known[before.origin, before.label.offering] = after.label.offering
        there = _state(self.node, self.node.holdings.logs[before.origin], before.label.offering)
        here = _state(self.node, self.node.holdings.own, after.label.offering)
        if isinstance(there, offering.State) and isinstance(here, offering.State):
            self.known[before.origin, there.organisation] = here.organisation

    def bring(self) -> list[Draft]:
        """Draft every organisation and offering of the logs that this one continues."""
        held = [self.node.holdings.logs.get(origin) for origin in _closed(self.node)]
        logs = [one for one in held if one is not None]
        drafts = []
        for family, log in product(("organisation", "offering"), logs):
            for entity, _, data in self.node.reader.entities(log.number, family):
                state = decode_state(family, data)
                assert isinstance(state, organisation.State | offering.State)  # noqa: S101  # asked for
                drafts += self._copy(log, entity, state.index, {})
        return drafts

    def draft(self, stage: Stage) -> list[Draft]:
        """Draft what takes one label over: its organisation and offering first, if they are new."""
        held, label = self.node.holdings.logs[stage.origin], stage.label
        entity = _place(self.node, stage)
        thing = _state(self.node, held, label.offering)
        if entity is None or not isinstance(thing, offering.State):
            raise NotFoundError(f"{label.number}: its offering is not in the log of {stage.site}")
        owner = _state(self.node, held, thing.organisation)
        if not isinstance(owner, organisation.State):
            raise NotFoundError(f"{label.number}: its holder is not in the log of {stage.site}")
        drafts = self._copy(held, thing.organisation, owner.index, {"status": "active"})
        here = self.known[held.origin, thing.organisation]
        drafts += self._copy(held, label.offering, thing.index, {"organisation": here})
        return [*drafts, self._take(stage, entity)]

    def _copy(
        self, held: HeldLog, entity: bytes, position: int, changes: Mapping[str, Any]
    ) -> list[Draft]:
        """Draft the same record for this log, with its public documents that are here."""
        if (held.origin, entity) in self.known:
            return []
        record, fields = _read(self.node, held, position)
        documents = _documents(self.node, held, position, record)
        family = record.family.split("/")[0]
        if held.site == self.node.identity.site:
            # In the log that continues another it is the same one (SPEC EPOCH-5).
            self.known[held.origin, entity] = entity
            is_here = entity in self._brought or _state(self.node, self.node.holdings.own, entity)
            self._brought.add(entity)
            same = Draft(family, fields, entity=entity, documents=documents, is_copy=True)
            return [] if is_here else [same]
        new = self.known[held.origin, entity] = os.urandom(16)
        today = {"effective_date": format_day(self.node.desk.today())}
        values = {**fields, **today, **changes}
        return [Draft(family, values, entity=new, documents=documents, is_copy=True)]

    def _take(self, stage: Stage, entity: bytes) -> Draft:
        label, last = stage.label, stage.label.decisions[-1]
        held = stood(label)
        day = max(self.day, *(decision.effective for decision in label.decisions))
        dates = {"valid_until": held.until, "suspended_until": held.suspended_until}
        values: dict[str, Any] = {
            "action": "transfer_in",
            "basis": "assessed",
            "certificate": label.number,
            "decided_on": format_day(self.node.desk.today()),
            "decider": self.decider,
            "effective_date": format_day(day),
            "offering": self.known[stage.origin, label.offering],
            "scheme": label.scheme,
            "standing": held.status.word,
            "takes": [stage.origin, last.index, label.last],
        }
        stated: dict[str, Any] = {name: format_day(date) for name, date in dates.items() if date}
        if label.scopes:
            codes = {"areas": label.scope.areas, "cpv": label.scope.cpv}
            stated["scope"] = {name: some for name, some in codes.items() if some}
        return Draft(
            _LABELS,
            values | stated,
            entity=entity,
        )


def _read(node: Node, held: HeldLog, position: int) -> tuple[Record, dict[str, Any]]:
    """Return a record that counts and the fields of its body."""
    data = node.holdings.record(node.reader, held, position)
    record, body = read_record(data, READERS)
    assert isinstance(body, msgspec.Struct), "it counts"  # noqa: S101  # a bug if not
    return record, msgspec.to_builtins(body, builtin_types=(bytes,))


def _documents(node: Node, held: HeldLog, position: int, record: Record) -> list[NewDocument]:
    rows = {row.number: row for row in node.reader.documents(held.number, position, position + 1)}
    return [
        NewDocument(
            one.name,
            rows[number].content,
            type=one.type,
            visibility=one.visibility,
            parties=() if one.parties is UNSET else tuple(one.parties),
        )
        for number, one in enumerate(record.documents)
        if number in rows and (one.visibility == "public" or held.site == node.identity.site)
    ]


def _state(node: Node, held: HeldLog, entity: bytes) -> msgspec.Struct | None:
    row = node.reader.entity(held.number, entity)
    if row is None or not isinstance(row.state, bytes):
        return None
    return decode_state(row.family, row.state)
