"""People whom a record names: only those whom this site knows (SPEC OFC-3)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sopro_node.deciders import known_people
from sopro_node.drafting import Draft
from sopro_node.node import Node
from sopro_protocol.errors import RefusedError

_ROLES: Final[Mapping[str, str]] = {
    "decider": "decides",
    "person": "it names",
    "reviewer": "reviews",
}
_AUTHORISATION: Final = "assessor_authorisation"


def check_people(node: Node, draft: Draft) -> None:
    """Hold a draft to naming people whom the site knows: a slip would make somebody new.

    Whose an authorisation is stays as it was, so it can be withdrawn where the list of pseudonyms
    is lost.

    Raises:
        RefusedError: nobody at this site has such a pseudonym.
    """
    named = list(_named(draft.values))
    if not named or (draft.family == _AUTHORISATION and draft.entity is not None):
        return
    known = set(known_people(node.folder).values())
    known |= {officer.person for officer in node.reader.accounts.officers()}
    for role, person in named:
        if person not in known:
            raise RefusedError(
                f"{draft.family}: expected somebody whom this site knows as who {role}, but nobody "
                f"has the pseudonym {person.hex()}; /api/v1/office/officers lists those of its "
                "officers",
                code="ofc.person",
            )


def _named(values: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Go through the people whom a record's body names, each with what they do."""
    for field, role in _ROLES.items():
        if isinstance(values.get(field), bytes):
            yield role, values[field]
    yield from (("is on the panel", one) for one in values.get("panel", ()))
    yield from (("evaluates", one["person"]) for one in values.get("assessors", ()))
