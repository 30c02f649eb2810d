"""Appending drafts of programs, also as rows of an import, or only judging them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from sopro_node.documents import NewDocument
from sopro_node.drafting import CURRENT, Appended, Draft, Note
from sopro_node.node import Node
from sopro_node.officer_roles import OfficerRole
from sopro_node.operators import Operator, find_operator
from sopro_node.trail import ImportNote
from sopro_protocol.errors import ConflictError, SoproError

Answer = dict[str, Any]


async def append(node: Node, values: Mapping[str, Any], note: Note | None = None) -> Answer:
    """Append drafts in order, each on its own merits.

    `drafts`: list of {family, values, entity?, seen?, documents?: [{name, content, type?,
    visibility?, parties?}]}. Answers `outcomes`: {index, entity, entry_id, values} or
    {kind, code, error, is_conflict}.
    """
    drafts = [_draft(draft) for draft in values["drafts"]]
    outcomes = await node.log.append_all(drafts, note=note)
    return {"outcomes": [_outcome(outcome) for outcome in outcomes]}


async def import_rows(node: Node, values: Mapping[str, Any]) -> Answer:
    """Append what an import has made of rows; all of it is one line of the trail.

    `drafts`: as of `append`; `source`: {file, kind, rows, sha256}; `line`?: what the batch of this
    import before was answered. Answers `outcomes` and `line`.
    """
    by = find_operator(node, values, roles=(OfficerRole.REGISTRAR,), what="import")
    return await append_rows(node, values, by)


async def append_rows(node: Node, values: Mapping[str, Any], operator: Operator) -> Answer:
    """Append what an import has made of rows, as somebody who may have that done."""
    note = ImportNote(node, operator, values)
    answer = await append(node, values, note.note)
    return answer | {"line": msgspec.to_builtins(note.line)}


async def rehearse(node: Node, values: Mapping[str, Any]) -> Answer:
    """Judge drafts as `append` would now, and append none. `drafts` and the answer as there."""
    outcomes = await node.log.rehearse([_draft(draft) for draft in values["drafts"]])
    return {"outcomes": [_outcome(outcome) for outcome in outcomes]}


def _draft(values: Mapping[str, Any]) -> Draft:
    documents = [NewDocument(**document) for document in values.get("documents", ())]
    return Draft(
        values["family"],
        values["values"],
        entity=values.get("entity"),
        seen=values.get("seen", CURRENT),
        documents=documents,
    )


def _outcome(outcome: Appended | SoproError) -> Answer:
    if isinstance(outcome, SoproError):
        return {
            "kind": type(outcome).__name__,
            "code": outcome.code,
            "error": str(outcome),
            "is_conflict": isinstance(outcome, ConflictError),
        }
    return {
        "index": outcome.index,
        "entity": outcome.entity,
        "entry_id": outcome.entry_id,
        "values": dict(outcome.values),
    }
