"""What a site writes to take labels over: holder, offering and label, anew in its own log (XFER-7).

Holder and offering come from the public records and documents of the log before; what two labels
have in common is written once.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final

import msgspec
from msgspec import UNSET

from sopro_node.documents import NewDocument
from sopro_node.drafting import Draft
from sopro_node.heldlog import HeldLog
from sopro_node.node import Node
from sopro_protocol.errors import NotFoundError
from sopro_protocol.record import Record, read_record
from sopro_registry.catalogue import READERS, decode_state
from sopro_registry.families import offering, organisation
from sopro_registry.fields import format_day
from sopro_registry.transfer import Stage, places_after, stood

LABELS: Final = "label_decision"


def closed_logs(node: Node) -> list[str]:
    """Return the logs of this site that its own one continues, the newest first (SPEC EPOCH-5)."""
    logs = node.holdings.directory.logs(node.identity.site)
    own = node.identity.origin
    return list(reversed(logs[: logs.index(own)])) if own in logs else []


def place_of(node: Node, stage: Stage) -> bytes | None:
    """Return the entity at which this site may take a label over; None where it may not."""
    for site, entity in places_after(stage, node.holdings.directory.successors):
        if site == node.identity.site and stage.origin != node.identity.origin:
            row = node.reader.entity(1, entity)
            return entity if row is None or row.state is None else None
    return None


@dataclass(slots=True)
class Taker:
    """Drafts what takes labels over.

    Attributes:
        node: this site's.
        decider: pseudonym of who decides.
        day: from which it decides on them, if the log before allows it.
        known: entities here, by origin and entity there.
        earlier: the same of what this site has given away, and writes on again where it comes back.
    """

    node: Node
    decider: bytes | None
    day: int
    known: dict[tuple[str, bytes], bytes] = field(default_factory=dict)
    earlier: dict[tuple[str, bytes], bytes] = field(default_factory=dict)
    _brought: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Find what earlier takeovers have brought here."""
        for course, _, _ in self.node.desk.courses.moved():
            for before, after in zip(course.stages, course.stages[1:], strict=False):
                if after.origin == self.node.identity.origin:
                    self._learn(self.known, there=before, here=after)
                elif before.origin == self.node.identity.origin:
                    self._learn(self.earlier, there=after, here=before)

    def _learn(self, places: dict[tuple[str, bytes], bytes], *, there: Stage, here: Stage) -> None:
        """Keep where the offering of a label is in two logs, and where its holder is."""
        places[there.origin, there.label.offering] = here.label.offering
        log = self.node.holdings.logs[there.origin]
        theirs = state_of(self.node, log, there.label.offering)
        ours = state_of(self.node, self.node.holdings.own, here.label.offering)
        if isinstance(theirs, offering.State) and isinstance(ours, offering.State):
            places[there.origin, theirs.organisation] = ours.organisation

    def bring(self) -> list[Draft]:
        """Draft every organisation and offering of the logs that this one continues."""
        held = [self.node.holdings.logs.get(origin) for origin in closed_logs(self.node)]
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
        entity = place_of(self.node, stage)
        thing = state_of(self.node, held, label.offering)
        if entity is None or not isinstance(thing, offering.State):
            raise NotFoundError(f"{label.number}: its offering is not in the log of {stage.site}")
        owner = state_of(self.node, held, thing.organisation)
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
        record, fields = read_counting(self.node, held, position)
        documents = documents_of(self.node, held, position, record)
        family = record.family.split("/")[0]
        if held.site == self.node.identity.site:
            # In the log that continues another it is the same one (SPEC EPOCH-5).
            self.known[held.origin, entity] = entity
            is_here = entity in self._brought or state_of(self.node, self.node.holdings.own, entity)
            self._brought.add(entity)
            same = Draft(family, fields, entity=entity, documents=documents, is_copy=True)
            return [] if is_here else [same]
        new = self.earlier.get((held.origin, entity)) or os.urandom(16)
        self.known[held.origin, entity] = new
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
            LABELS,
            values | stated,
            entity=entity,
        )


def read_counting(node: Node, held: HeldLog, position: int) -> tuple[Record, dict[str, Any]]:
    """Return a record that counts and the fields of its body."""
    data = node.holdings.record(node.reader, held, position)
    record, body = read_record(data, READERS)
    assert isinstance(body, msgspec.Struct), "it counts"  # noqa: S101  # a bug if not
    return record, msgspec.to_builtins(body, builtin_types=(bytes,))


def documents_of(node: Node, held: HeldLog, position: int, record: Record) -> list[NewDocument]:
    """Return the documents of a record that go with what is written of it here."""
    rows = {
        row.number: row
        for row in node.reader.documents.between(held.number, position, position + 1)
    }
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


def state_of(node: Node, held: HeldLog, entity: bytes) -> msgspec.Struct | None:
    """Return what an entity is in a log; None where it is not in it, or nothing counts."""
    row = node.reader.entity(held.number, entity)
    if row is None or not isinstance(row.state, bytes):
        return None
    return decode_state(row.family, row.state)
