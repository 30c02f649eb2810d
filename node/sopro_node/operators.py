"""Who works at a node by its command line: named on the trail as officers are (SPEC OFC-6)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sopro_node import clock
from sopro_node.node import Node
from sopro_node.officer_roles import OfficerRole
from sopro_node.store.accounts import TrailRow
from sopro_protocol.errors import RefusedError

Answer = dict[str, Any]
Operation = Callable[[Node, Mapping[str, Any]], Awaitable[Answer]]

BY: Final = "done_by"
PLACE: Final = "command line"
"""What the trail has as the place that somebody came from, before the user of the system."""
_DECIDER: Final = "decider"
_MAX_NAME: Final = 64
_NAMED: Final = ("site", "scheme", "number", "id")


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


def on_trail(operation: Operation, *, role: OfficerRole = OfficerRole.ADMINISTRATOR) -> Operation:
    """Have an operation that is no act of the catalogue written on the trail when it is done.

    Args:
        operation: what is done.
        role: of officers who may have it done.
    """

    async def done_by_somebody(node: Node, values: Mapping[str, Any]) -> Answer:
        operator = find_operator(node, values, roles=(role,), what=operation.__name__)
        if operator.person is not None and _DECIDER in values:
            values = {**values, _DECIDER: must_be(operator, values[_DECIDER], operation.__name__)}
        answer = await operation(node, values)
        index, entry_id, count = _place(answer)
        words = [operation.__name__, *(str(values[one]) for one in _NAMED if values.get(one))]
        if count > 1:
            words.append(f"{count} records")
        row = TrailRow(
            0,
            clock.now(),
            operator.name,
            operator.person or b"",
            " ".join(words)[:200],
            node.identity.origin if index >= 0 else "",
            index,
            entry_id,
            operator.remote,
        )
        await node.writer.run(lambda: _write(node, row))
        return answer

    done_by_somebody.__name__ = operation.__name__
    done_by_somebody.__doc__ = operation.__doc__
    return done_by_somebody


def _write(node: Node, row: TrailRow) -> None:
    with node.store.transaction():
        node.store.accounts.add_to_trail(row)


def _place(answer: Answer) -> tuple[int, bytes, int]:
    """Return where the first record lies that an answer tells of, its id, and how many there are.

    The position is -1 where it tells of none.
    """
    found = answer.get("outcomes") or answer.get("erased") or [answer]
    told = [one for one in found if isinstance(one, Mapping)]
    appended = [one for one in told if isinstance(one.get("index"), int)]
    if not appended:
        return -1, b"", 0
    first = appended[0]
    entry_id = first.get("entry_id")
    # An erasure tells of the record whose document is gone, and of the entry that says so.
    return (
        first.get("erasure", first["index"]),
        entry_id if isinstance(entry_id, bytes) else b"",
        len(appended),
    )
