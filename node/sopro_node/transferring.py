"""Transfer of labels between sites: handing over, seeing what is offered, taking over (SPEC XFER).

One label is handed over or taken over by an act; here is what acts and bulk operations share.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from sopro_node.drafting import Appended, Draft, Note
from sopro_node.log import MAX_BATCH
from sopro_node.node import Node
from sopro_node.taking import (
    LABELS,
    Taker,
    closed_logs,
    documents_of,
    place_of,
    read_counting,
    state_of,
)
from sopro_protocol.errors import NotFoundError, RefusedError, SoproError
from sopro_registry.families import offering, organisation
from sopro_registry.fields import format_day, parse_day
from sopro_registry.label import Label, Status, status_at
from sopro_registry.transfer import Stage, stood

Answer = dict[str, Any]

_TRANSFERRED: Final = (int(Status.TRANSFERRED), int(Status.TRANSFERRED))
_STANDING: Final = (int(Status.ACTIVE), int(Status.SUSPENDED))
_GONE: Final = ("left", "expelled")


async def hand_over(node: Node, values: Mapping[str, Any], note: Note | None = None) -> Answer:
    """Hand all labels of an organisation over to another site, which then has to take them over.

    `to`: code of the site; `decider`; `organisation`: entity; `effective`?: civil date. Answers
    `handed`: {number, index}.

    Raises:
        RefusedError: a rule forbids it.
        NotFoundError: there is nothing to hand over.
    """
    await act_on_members(node)
    day, owner = _day(node, values), values["organisation"]
    stages = sorted(_labels_of(node, owner, day), key=lambda stage: stage.label.number)
    drafts = [
        Draft(
            LABELS,
            handover(node, to=values["to"], day=format_day(day), decider=values["decider"]),
            entity=stage.entity,
            seen=head_of(node, stage.entity),
        )
        for stage in stages
    ]
    drafts.append(_move(node, owner))
    outcomes = _check_all(await node.log.append_all(drafts, note=note))
    pairs = zip(stages, outcomes, strict=False)
    return {"handed": [{"number": one.label.number, "index": done.index} for one, done in pairs]}


def handover(node: Node, *, to: str, day: str, decider: bytes | None) -> dict[str, Any]:
    """Return what a record says that hands a label over (SPEC XFER-1)."""
    return {
        "action": "transfer_out",
        "basis": "assessed",
        "decided_on": format_day(node.desk.today()),
        "decider": decider,
        "effective_date": day,
        "receiver": to,
        "receiver_entity": os.urandom(16),
    }


def own_label(node: Node, number: str) -> Stage:
    """Find a label that this site may hand over.

    Raises:
        NotFoundError: no log here has it.
        RefusedError: another site decides on it.
    """
    stage = node.desk.course(number).competent
    if stage.origin != node.identity.origin:
        raise RefusedError(
            f"{number}: {stage.site} decides on it, so this site cannot hand it over",
            code="lbl.competence",
        )
    return stage


def head_of(node: Node, entity: bytes) -> bytes | None:
    """Return the entry that speaks last on an entity of this site, be it void or not."""
    row = node.reader.entity(1, entity)
    return row.head if row else None


async def act_on_members(node: Node) -> None:
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
    state = state_of(node, own, entity)
    assert isinstance(state, organisation.State), "its labels go"  # noqa: S101  # a bug if not
    record, fields = read_counting(node, own, state.index)
    moved = {"effective_date": format_day(node.desk.today()), "status": "moved_to_site"}
    documents = documents_of(node, own, state.index, record)
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


def _labels_of(node: Node, owner: bytes, day: int) -> Iterator[Stage]:
    """Go through the labels of an organisation of this site that can be handed over.

    Raises:
        NotFoundError: there is none.
    """
    row = node.reader.entity(1, owner)
    if row is None or row.family != "organisation":
        raise NotFoundError(f"this site has no organisation {owner.hex()}")
    found = False
    for entity, undetermined, state in node.reader.entities(1, LABELS):
        label = msgspec.msgpack.decode(state, type=Label)
        thing = state_of(node, node.holdings.own, label.offering)
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


def offered_label(node: Node, number: str) -> Stage:
    """Find a label, where it is now, that this site may take over.

    Raises:
        NotFoundError: it is not offered to this site.
    """
    course = node.desk.courses.of(number)
    stage = course.competent if course is not None else None
    if stage is None or stage.undetermined or not _is_offered(node, stage, _left_logs(node)):
        raise NotFoundError(f"{number[:64]!r} is not offered to this site")
    return stage


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
    gone = _left_logs(node)
    numbers = set(node.reader.numbers_with(_TRANSFERRED)) | set(node.reader.taken_numbers())
    for origin in gone & node.holdings.logs.keys():
        log = node.holdings.logs[origin].number
        numbers |= set(node.reader.numbers_with(_STANDING, log=log))
    for number in sorted(numbers):
        course = node.desk.courses.of(number)
        if course is None or course.competent.undetermined:
            continue
        if _is_offered(node, course.competent, gone):
            yield course.competent


def _left_logs(node: Node) -> set[str]:
    """Return the logs whose labels are left to this site, as a successor or by another epoch."""
    return {
        origin
        for member in node.holdings.directory.members()
        if member.status in _GONE and member.successor == node.identity.site
        for origin in node.holdings.directory.logs(member.site)
    } | set(closed_logs(node))


def _is_offered(node: Node, stage: Stage, gone: set[str]) -> bool:
    is_meant = stage.label.handed is not None or stage.origin in gone
    return is_meant and place_of(node, stage) is not None


async def take_over(node: Node, values: Mapping[str, Any], note: Note | None = None) -> Answer:
    """Take over all labels that were handed over to this site, or left to it as a successor.

    `decider`; `from`?: code of the only site that is meant; `effective`?: civil date. Where no site
    is named, all organisations and offerings of a log that this one continues come too. Answers
    `taken`: {number, from, index, status}; `brought`: how many of these.

    Raises:
        RefusedError: a rule forbids it.
    """
    async with node.taking:
        return await _take_over(node, values, note)


async def _take_over(node: Node, values: Mapping[str, Any], note: Note | None) -> Answer:
    stages = [one for one in _offers(node) if values.get("from") in (None, one.site)]
    if stages or closed_logs(node):
        await act_on_members(node)
    taker = Taker(node, values["decider"], _day(node, values))
    drafts = [] if values.get("from") else taker.bring()
    drafts += [draft for stage in stages for draft in taker.draft(stage)]
    outcomes: list[Appended] = []
    for start in range(0, len(drafts), MAX_BATCH):
        window = drafts[start : start + MAX_BATCH]
        outcomes += _check_all(await node.log.append_all(window, note=note))
    pairs = zip(drafts, outcomes, strict=True)
    places = [done.index for draft, done in pairs if draft.family == LABELS]
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
