"""Who works at a node by its command line: named on the trail as officers are (SPEC OFC-6)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sopro_node.node import Node
from sopro_node.officer_roles import OfficerRole
from sopro_protocol.errors import RefusedError

Answer = dict[str, Any]
Operation = Callable[[Node, Mapping[str, Any]], Awaitable[Answer]]

BY: Final = "done_by"
PLACE: Final = "command line"
"""What the trail has as the place that somebody came from, before the user of the system."""
_MAX_NAME: Final = 64


class Operator(NamedTuple):
    """Who works at the command line.

    Attributes:
        name: of the officer, or of the user of the system; empty where nobody said.
        person: pseudonym of the officer; None for a user of the system.
        remote: as the trail has it.
    """

    name: str = ""
    person: bytes | None = None
    remote: str = ""


def find_operator(
    node: Node, values: Mapping[str, Any], *, roles: Sequence[OfficerRole] = (), what: str = ""
) -> Operator:
    """Return who has a command done.

    Args:
        node: at which.
        values: of an operation; `done_by`?: `user` of the system, and `officer`? whom they act as.
        roles: of officers who may do it; any for none.
        what: is done, for the refusal.

    Raises:
        RefusedError: there is no such officer, or it is for officers of other roles.
    """
    by = values.get(BY) or {}
    user, name = str(by.get("user") or "")[:_MAX_NAME], str(by.get("officer") or "")
    remote = ", ".join(filter(None, (PLACE, user))) if user or name else ""
    if not name:
        return Operator(user, None, remote)
    row = node.reader.accounts.officer(name)
    if row is None or row.token is None:
        known = [one.name for one in node.reader.accounts.officers() if one.token is not None]
        raise RefusedError(
            f"--as: no officer {name[:_MAX_NAME]!r} at this site; "
            f"known: {', '.join(known[:20]) or 'none'}; 'sopro officer add' admits one",
            code="ofc.name",
        )
    held = row.roles.split()
    if roles and not set(held) & {str(one) for one in roles}:
        raise RefusedError(
            f"{what}: this is for the role {' or '.join(roles)}, {name} is {', '.join(held)}",
            code="ofc.role",
        )
    return Operator(name, row.person, remote)


def must_be(operator: Operator, person: bytes | None, what: str) -> bytes | None:
    """Return who does something: the operator, where that is an officer.

    Raises:
        RefusedError: somebody else is named.
    """
    if operator.person is not None and person not in (None, operator.person):
        raise RefusedError(
            f"{what}: {operator.name} acts, and somebody else is named as who does it; "
            "leave one of the two out",
            code="ofc.person",
        )
    return person or operator.person


def for_officers(operation: Operation, *roles: OfficerRole) -> Operation:
    """Hold an operation that tells more than the public may know to the officer who asks.

    Who asks as nobody in particular is the owner of the directory, who can read it anyway.

    Args:
        operation: what is asked.
        roles: of officers who may ask; any for none.
    """

    async def asked_by_somebody(node: Node, values: Mapping[str, Any]) -> Answer:
        find_operator(node, values, roles=roles, what=operation.__name__)
        return await operation(node, values)

    asked_by_somebody.__name__ = operation.__name__
    asked_by_somebody.__doc__ = operation.__doc__
    return asked_by_somebody
