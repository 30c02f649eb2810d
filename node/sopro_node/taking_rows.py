"""What an import has the node do for an officer, and what the trail says of it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from sopro_node.appending import append_rows, rehearse
from sopro_node.assessing import assessors, pseudonyms
from sopro_node.entities import entities, own_organisations
from sopro_node.imports.jobs import ImportJob
from sopro_node.labelled import label
from sopro_node.node import Node
from sopro_node.officer_roles import OfficerRole
from sopro_node.operators import BY, find_operator
from sopro_node.standing import identity
from sopro_node.trail import Imported
from sopro_protocol.encoding import MAX_INTEGER
from sopro_protocol.errors import NotFoundError

ROLES: Final = (OfficerRole.REGISTRAR,)
_ASKED: Final[Mapping[str, Callable[[Node, Mapping[str, Any]], Awaitable[dict[str, Any]]]]] = {
    one.__name__: one
    for one in (assessors, entities, identity, label, own_organisations, pseudonyms, rehearse)
}
_PAGE: Final = 500


async def have_done(
    node: Node, name: str, values: Mapping[str, Any], *, officer: str, remote: str
) -> dict[str, Any]:
    """Do what an import asks, as the officer who has it done; their roles are looked up each time.

    Args:
        node: at which.
        name: of the operation.
        values: of it.
        officer: name.
        remote: where the request for the import came from.

    Raises:
        NotFoundError: an import asks nothing of the kind.
        SoproError: as the operation.
    """
    by = find_operator(node, {BY: {"officer": officer}}, roles=ROLES, what="import")
    if name == "import_rows":
        return await append_rows(node, values, by._replace(remote=remote))
    if name not in _ASKED:
        raise NotFoundError(f"an import does not ask for {name[:40]!r}")
    return await _ASKED[name](node, values)


def line_of(node: Node, job: ImportJob) -> str:
    """Return what the trail says of an import; empty where nothing came of it."""
    begin = Imported(job.name, job.kind, 0, job.sha256).words.rpartition(", ")[0]
    before = MAX_INTEGER
    while lines := node.reader.accounts.trail(before=before, limit=_PAGE):
        for line in lines:
            if line.time < job.began:
                return ""
            if line.officer == job.officer and line.action.startswith(begin):
                return line.action
        before = lines[-1].number
    return ""
