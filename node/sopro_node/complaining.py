"""What commands ask about complaints and appeals: which there are, and where each of them is."""

from collections.abc import Iterator, Mapping
from typing import Any

from sopro_node.heldlog import OWN, HeldLog
from sopro_node.node import Node
from sopro_node.reading import Asker, find_asker, places_of, read_records
from sopro_protocol.errors import NotFoundError
from sopro_protocol.tile import WIDTH
from sopro_registry.catalogue import decode_state
from sopro_registry.complaints import Answered, Appeal
from sopro_registry.families import complaint
from sopro_registry.families.complaint_answer import answer_name
from sopro_registry.fields import format_day

Answer = dict[str, Any]


async def complaints(node: Node, _values: Mapping[str, Any]) -> Answer:
    """List complaints about labels of this site, in any log, and those in its own log.

    Answers `complaints`: origin, index, entry_id, certificate, kind, received, withdrawn, step;
    `answered_by`: pseudonym of who took the last step of the answer, None where it names nobody;
    `entity` and `head` of one in this site's log, None of others: whoever withdraws it names them;
    `answer` and `answer_head`: the same of what this site has answered.
    """
    found = []
    for held in node.holdings.logs.values():
        for entity, state in _states(node, held, "complaint"):
            if not isinstance(state, complaint.State):
                continue
            home = _home(node, state.certificate)
            if held.number == OWN or (home is not None and home[1].number == OWN):
                answer = _answer(node, held.origin, state.first, home)
                own = entity if held.number == OWN else None
                is_ours = home is not None and home[1].number == OWN
                found.append(
                    _describe(node, held, state, home)
                    | {
                        "entity": own,
                        "head": _head(node, own),
                        "answer": answer if is_ours else None,
                        "answer_head": _head(node, answer if is_ours else None),
                    }
                )
    return {"complaints": sorted(found, key=lambda one: (one["received"], one["origin"]))}


async def complaint_at(node: Node, values: Mapping[str, Any]) -> Answer:
    """Find a complaint by where its first record is. `origin`, `index`. Answers as `complaints`.

    Raises:
        NotFoundError: this node holds no such complaint.
    """
    origin, index = values["origin"], values["index"]
    held = node.holdings.logs.get(origin)
    for _, state in _states(node, held, "complaint") if held else ():
        if isinstance(state, complaint.State) and held and state.first == index:
            home = _home(node, state.certificate)
            answer = _answer(node, origin, index, home)
            return _describe(node, held, state, home) | {
                "label": home[0] if home else None,
                "answer": answer,
            }
    raise _no_complaint(origin, index)


def _no_complaint(origin: str, index: int) -> NotFoundError:
    return NotFoundError(f"no complaint is known at entry {index} of {origin[:128]!r}")


async def complaint_show(node: Node, values: Mapping[str, Any]) -> Answer:
    """Describe a complaint in words. `origin`, `index`. Answers as `read_complaint`.

    Raises:
        NotFoundError: this node holds no such complaint.
    """
    asker, held = find_asker(node, values), node.holdings.logs.get(values["origin"])
    if held is None:
        raise _no_complaint(values["origin"], values["index"])
    return await read_complaint(node, asker, held, values["index"])


async def read_complaint(node: Node, asker: Asker, held: HeldLog, index: int) -> Answer:
    """Describe a complaint with what was filed with it, and with this site's answer to it.

    Answers as `complaint_at`, and `records`: of the complaint, and of the answer that is in this
    site's log, as `reading.read_records`.

    Raises:
        NotFoundError: this node holds no such complaint.
    """
    found = await complaint_at(node, {"origin": held.origin, "index": index})
    own = [found["answer"]] if found["answer"] and found["site"] == node.identity.site else []
    places = [(held, index), *places_of(node, own)]
    return found | {"records": await read_records(node, asker, places)}


async def appeals(node: Node, _values: Mapping[str, Any]) -> Answer:
    """List the appeals against decisions of this site. Answers `appeals`."""
    found = [
        {
            "entity": entity,
            "certificate": _number_of(node, state.label),
            "decision": state.decision,
            "label": state.label,
            "panel": state.panel,
            "received": format_day(state.steps[0][2]),
            "step": state.steps[-1][1],
        }
        for entity, state in _states(node, node.holdings.own, "appeal")
        if isinstance(state, Appeal)
    ]
    return {"appeals": sorted(found, key=lambda one: str(one["received"]))}


def _head(node: Node, entity: bytes | None) -> bytes | None:
    row = node.reader.entity(OWN, entity) if entity is not None else None
    return row.head if row else None


def _states(node: Node, held: HeldLog, family: str) -> Iterator[tuple[bytes, object]]:
    for entity, _, data in node.reader.entities(held.number, family):
        yield entity, decode_state(family, data)


def _home(node: Node, certificate: str) -> tuple[bytes, HeldLog] | None:
    """Return a label's entity, and the log of the site that decides on it."""
    course = node.desk.courses.of(certificate)
    held = node.holdings.logs.get(course.competent.origin) if course else None
    return (course.competent.entity, held) if course and held else None


def _describe(
    node: Node, held: HeldLog, state: complaint.State, home: tuple[bytes, HeldLog] | None
) -> Answer:
    leaf = held.tree.leaves(state.first // WIDTH)[state.first % WIDTH]
    answered = _answered(node, held.origin, state.first, home)
    return {
        "origin": held.origin,
        "index": state.first,
        "entry_id": leaf,
        "certificate": state.certificate,
        "site": home[1].site if home else "",
        "kind": state.kind,
        "received": format_day(state.received),
        "withdrawn": format_day(state.withdrawn) if state.withdrawn else None,
        "step": answered.steps[-1][1].value if answered else "received",
        "answered_by": (answered.people[-1] or None) if answered else None,
    }


def _answered(
    node: Node, origin: str, index: int, home: tuple[bytes, HeldLog] | None
) -> Answered | None:
    """Return what the site that decides on the label has made of a complaint."""
    entity = _answer(node, origin, index, home)
    row = node.reader.entity(home[1].number, entity) if home and entity is not None else None
    if row is None or not isinstance(row.state, bytes):
        return None
    state = decode_state(row.family, row.state)
    return state if isinstance(state, Answered) else None


def _answer(
    node: Node, origin: str, index: int, home: tuple[bytes, HeldLog] | None
) -> bytes | None:
    """Return the entity that answers a complaint, where there is one."""
    if home is None:
        return None
    return node.reader.named(home[1].number, "complaint_answer", answer_name(origin, index))


def _number_of(node: Node, label: bytes) -> str:
    row = node.reader.entity(OWN, label)
    state = decode_state(row.family, row.state) if row and isinstance(row.state, bytes) else None
    return str(getattr(state, "number", ""))
