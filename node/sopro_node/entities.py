"""What this node's own log holds on an entity: its head, its state, its last record's body."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from sopro_node.heldlog import OWN
from sopro_node.node import Node
from sopro_protocol.bundle import Item
from sopro_protocol.encoding import Value, decode
from sopro_protocol.errors import FormatError, NotFoundError, RefusedError
from sopro_protocol.record import parse_entry
from sopro_protocol.tile import WIDTH
from sopro_registry.application import decided_name
from sopro_registry.catalogue import decode_state
from sopro_registry.label import Label

Answer = dict[str, Any]

_PAGE: Final = 500


async def entities(node: Node, values: Mapping[str, Any]) -> Answer:
    """Return what this node's own log holds on some entities.

    `entities`: list of 16 bytes; `with_body`?: whether body and document are wanted, too;
    `with_decisions`?: of a label, those of each decision, as it has no others. Answers `rows`:
    {family, head, state, body, fields, decisions} or None; `decisions` are {index, body, fields}.
    """
    rows: list[Answer | None] = []
    bodies = _Bodies(node)
    has_body, is_asked = values.get("with_body", True), values.get("with_decisions", False)
    for entity in values["entities"]:
        row = node.reader.entity(1, entity)
        if row is None or not isinstance(row.state, bytes):
            rows.append(None)
            continue
        state = decode_state(row.family, row.state)
        position = None if isinstance(state, Label) else position_of(state)
        body: Answer = {}
        fields: Mapping[str, Value] = {}
        if has_body and position is not None:
            body, fields = bodies.read(position), node.desk.document_fields(1, position)
        rows.append(
            {
                "family": row.family,
                "head": row.head,
                "state": msgspec.to_builtins(_as_map(state), builtin_types=(bytes,)),
                "body": body,
                "fields": dict(fields),
                "decisions": _decisions(node, state, bodies) if is_asked else [],
            }
        )
    return {"rows": rows}


def _decisions(node: Node, state: object, bodies: "_Bodies") -> list[Answer]:
    """Return what each decision on a label says."""
    return [
        {
            "index": one.index,
            "body": bodies.read(one.index),
            "fields": dict(node.desk.document_fields(OWN, one.index)),
        }
        for one in (state.decisions if isinstance(state, Label) else ())
    ]


async def own_organisations(node: Node, values: Mapping[str, Any]) -> Answer:
    """List the organisations of this node's own register, page by page. `after`: entity or empty.

    Answers `rows`: {entity, country, fields}, none behind the last one.
    """
    found = node.desk.organisations(node.log.held, after=values["after"], limit=_PAGE)
    return {
        "rows": [
            {
                "entity": bytes.fromhex(one.entity),
                "country": one.country,
                "fields": dict(one.described),
            }
            for one in found
        ]
    }


async def label_entity(node: Node, values: Mapping[str, Any]) -> Answer:
    """Find one of this site's own labels. `number`. Answers `entity` and `head`."""
    number, own = values["number"], node.identity.origin
    course = node.desk.courses.of(number)
    if course is None or node.identity.site not in {stage.site for stage in course.stages}:
        raise NotFoundError(f"this site has no label {number[:64]!r}")
    stage = course.competent
    if stage.origin != own and stage.site == node.identity.site:
        raise RefusedError(
            f"{number} stands in the log that this one continues; take it over first: "
            "sopro transfer in DIRECTORY",
            code="lbl.competence",
        )
    if stage.origin != own:
        raise RefusedError(
            f"{number} has been taken over by {stage.site}, which decides on it now",
            code="lbl.competence",
        )
    entity = node.reader.entity(1, stage.entity)
    return {"entity": stage.entity, "head": entity.head if entity else None}


async def refusal(node: Node, values: Mapping[str, Any]) -> Answer:
    """Find what this site has refused. `application`: its entity, or that of the refusal.

    Answers `entity` and `head`; `refused`: entry of the refusal; `decisions`: entries of all
    decisions on it that were taken here, oldest first.

    Raises:
        NotFoundError: this site has refused no such application.
        FormatError: it was granted, so its label has a number.
    """
    application: bytes = values["application"]
    name = decided_name(application)
    entity = node.reader.named(OWN, "label_application", name) or application
    row = node.reader.entity(OWN, entity)
    state = decode_state(row.family, row.state) if row and isinstance(row.state, bytes) else None
    if row is None or not isinstance(state, Label):
        raise NotFoundError(f"this site has refused no application {application.hex()}")
    if state.number:
        raise FormatError(
            f"{application.hex()}: its label is {state.number}; name it by that",
            code="ofc.body",
        )
    return {
        "entity": entity,
        "head": row.head,
        "refused": state.decisions[0].index,
        "decisions": [one.index for one in state.decisions if not one.imported],
    }


class _Bodies:
    """Bodies of entries of this node's own log; a bundle is unpacked once for many."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._bundle: tuple[int, Sequence[Item]] = (-1, [])

    def read(self, position: int) -> Answer:
        """Return a record's body."""
        record = decode(self._record(position))
        body = record.get("body") if isinstance(record, dict) else None
        return dict(body) if isinstance(body, dict) else {}

    def _record(self, position: int) -> bytes:
        holdings, reader = self._node.holdings, self._node.reader
        number, offset = divmod(position, WIDTH)
        if number != self._bundle[0]:
            self._bundle = (number, holdings.bundle_of(reader, holdings.own, number))
        item = self._bundle[1][offset]
        if isinstance(item, bytes):
            return parse_entry(item).record
        return holdings.record(reader, holdings.own, position)


def _as_map(state: msgspec.Struct) -> Answer:
    return {name: getattr(state, name) for name in state.__struct_fields__}


def position_of(state: object) -> int | None:
    """Return where an entity's last record is, from its state; None where it does not say."""
    if isinstance(state, Label):
        return state.decisions[-1].index
    if steps := getattr(state, "steps", None):
        return int(steps[-1][0])
    versions = getattr(state, "versions", None)
    if versions and isinstance(versions[-1], tuple):
        return int(versions[-1][0])
    found: int | None = getattr(state, "index", None)
    return found


def positions_of(state: object) -> list[int]:
    """Return where the records on an entity are that its state knows, in order."""
    if isinstance(state, Label):
        return [one.index for one in state.decisions]
    stages: list[tuple[int, object]] = getattr(state, "steps", None) or []
    found = {int(step[0]) for step in stages}
    versions = getattr(state, "versions", None) or []
    found |= {int(one[0]) if isinstance(one, tuple) else int(one.index) for one in versions}
    found |= {int(getattr(state, name)) for name in ("first", "index") if hasattr(state, name)}
    return sorted(found)


def last_record(node: Node, entity: bytes) -> tuple[bytes, int | None, Answer] | None:
    """Return the head of an entity of the own log, where its last record is, and that's body."""
    row = node.reader.entity(OWN, entity)
    if row is None:
        return None
    state = decode_state(row.family, row.state) if isinstance(row.state, bytes) else None
    position = position_of(state)
    return row.head, position, _Bodies(node).read(position) if position is not None else {}
