"""What a site's people know of one of its labels when they work on it: its head, what was found."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from sopro_node.entities import label_entity, last_record
from sopro_node.heldlog import OWN
from sopro_node.node import Node
from sopro_registry.application import Application
from sopro_registry.assessment import Evaluation
from sopro_registry.catalogue import decode_state
from sopro_registry.fields import format_day, parse_day

Answer = dict[str, Any]


async def label(node: Node, values: Mapping[str, Any]) -> Answer:
    """Say how a label stands. `number`; `at`?: civil date."""
    number, at = values["number"], values.get("at")
    day = parse_day(at, field="at") if at else None
    return {
        **msgspec.to_builtins(node.desk.label(number, day)),
        "describes": msgspec.to_builtins(node.desk.describe(number)),
        "findings": msgspec.to_builtins(node.findings.find(number, day)),
    }


async def label_at(node: Node, values: Mapping[str, Any]) -> Answer:
    """Describe one of this site's labels for whoever works on it. `number`.

    Answers `entity` and `head`, which the next decision names as seen; `index` and `body` of the
    last decision; `status` and what is `possible`; `evaluations` of it, those for applications that
    name it too, in the order of their latest records: entity, head, kind, level, performed_on,
    criteria_version and application, None for surveillance.

    Raises:
        NotFoundError: this site has no such label.
        RefusedError: another site decides on it by now.
    """
    found = await label_entity(node, values)
    last = last_record(node, found["entity"])
    standing = node.desk.label(values["number"])
    return {
        "number": values["number"],
        "entity": found["entity"],
        "head": found["head"],
        "index": last[1] if last else None,
        "body": last[2] if last else {},
        "status": standing.status,
        "possible": [one.value for one in standing.possible],
        "evaluations": [
            _describe(node, entity, state)
            for entity, state in sorted(
                _evaluations(node, found["entity"]), key=lambda one: one[1].index
            )
        ],
    }


def _evaluations(node: Node, label: bytes) -> Iterator[tuple[bytes, Evaluation]]:
    """Go through the evaluations of a label, those for applications that name it too."""
    for entity, _, data in node.reader.entities(OWN, "evaluation"):
        state = decode_state("evaluation", data)
        if isinstance(state, Evaluation) and label in (state.label, _named_by(node, state)):
            yield entity, state


def _named_by(node: Node, evaluation: Evaluation) -> bytes:
    """Return the label that the application of an evaluation names; empty for none."""
    row = node.reader.entity(OWN, evaluation.application) if evaluation.application else None
    state = decode_state(row.family, row.state) if row and isinstance(row.state, bytes) else None
    return state.label if isinstance(state, Application) else b""


def _describe(node: Node, entity: bytes, state: Evaluation) -> Answer:
    row = node.reader.entity(OWN, entity)
    return {
        "entity": entity,
        "head": row.head if row else None,
        "kind": state.kind,
        "level": state.level.value,
        "performed_on": format_day(state.performed),
        "criteria_version": state.criteria_version,
        "application": state.application or None,
    }
