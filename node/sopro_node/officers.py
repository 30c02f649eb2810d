"""Officers: who may write over the API, in which roles, and what they show to be known (SPEC OFC).

A token is made here and shown once; only its hash is kept. Whoever an officer logs in as, records
carry the pseudonym of the person.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from sopro_node import clock
from sopro_node.deciders import find_decider, known_people, same_name, show_only
from sopro_node.node import Node
from sopro_node.officer_roles import OfficerRole
from sopro_node.operators import find_operator
from sopro_node.store.accounts import OfficerRow, TrailRow
from sopro_protocol.errors import FormatError, NotFoundError, RefusedError

Answer = dict[str, Any]

MAX_OFFICERS: Final = 1000
MAX_TRAIL: Final = 500
TOKEN_PREFIX: Final = "sopro_"  # noqa: S105  # what every token begins with
MAX_TOKEN: Final = 128
_CONTEXT: Final = b"sopro-token/1\n"
_LAST: Final = 2**53
_MAX_NAME: Final = 64


class Officer(Struct, frozen=True):
    """An officer who may write now: name, pseudonym of the person, roles."""

    name: str
    person: bytes
    roles: tuple[OfficerRole, ...]


def find_officer(node: Node, token: str) -> Officer | None:
    """Return whose token it is; None where nobody has it, or has it no more.

    Of a token that was revoked no hash is left, so it is looked for as any unknown one is.
    """
    row = node.reader.accounts.bearer(hash_token(token))
    return Officer(row.name, row.person, _roles_of(row)) if row else None


def hash_token(token: str) -> bytes:
    """Return what is kept of a token: it is random and long, so one plain hash is enough."""
    return hashlib.sha256(_CONTEXT + token.encode("utf-8", "surrogateescape")).digest()


def _roles_of(row: OfficerRow) -> tuple[OfficerRole, ...]:
    return tuple(OfficerRole(one) for one in row.roles.split())


# The operations.


async def officer_add(node: Node, values: Mapping[str, Any]) -> Answer:
    """Add an officer. `name`; `roles`; `person`?: whose pseudonym it is. Answers also `token`.

    `new_person`?: whether the person may be one whom the site does not know yet.

    Raises:
        FormatError: the name or a role is none.
        RefusedError: there is such an officer, or was one who is another person, there are too
            many, or nobody knows the person.
    """
    name, roles = _check_name(values["name"]), _check_roles(values["roles"])
    before = node.reader.accounts.officer(name)
    if before is not None and before.token is not None:
        raise RefusedError(
            f"there is an officer {name!r} already; 'sopro officer change' gives other roles, "
            "'sopro officer renew' another token",
            code="ofc.name",
        )
    if before is None and len(node.reader.accounts.officers()) >= MAX_OFFICERS:
        raise RefusedError(f"a site has at most {MAX_OFFICERS} officers", code="ofc.name")
    person = _find_person(node, before, values)
    token = _make_token()
    row = OfficerRow(name, person, roles, hash_token(token), clock.now())
    await _put(node, row, "officer.add", values)
    return _describe(row) | {"token": token}


def _find_person(node: Node, before: OfficerRow | None, values: Mapping[str, Any]) -> bytes:
    """Return whose pseudonym an officer's is; a name that was revoked stays with its person."""
    name, named = values["name"], values.get("person")
    if before is not None and not named:
        return before.person
    people = known_people(node.folder)
    if before is not None and people.get(same_name(named or name, people) or "") != before.person:
        raise RefusedError(
            f"the officer {name!r} was another person than {named!r}; give this one another name",
            code="ofc.name",
        )
    return find_decider(node.folder, named or name, is_new=bool(values.get("new_person")))


async def officer_change(node: Node, values: Mapping[str, Any]) -> Answer:
    """Give an officer other roles; the token goes on. `name`; `roles`.

    Raises:
        FormatError: a role is none.
        NotFoundError: there is no such officer.
    """
    row = _active(node, values["name"])._replace(roles=_check_roles(values["roles"]))
    await _put(node, row, "officer.change", values)
    return _describe(row)


async def officer_renew(node: Node, values: Mapping[str, Any]) -> Answer:
    """Give an officer another token; the one before is void. `name`. Answers also `token`.

    Raises:
        NotFoundError: there is no such officer.
    """
    token = _make_token()
    row = _active(node, values["name"])._replace(token=hash_token(token))
    await _put(node, row, "officer.renew", values)
    return _describe(row) | {"token": token}


async def officer_revoke(node: Node, values: Mapping[str, Any]) -> Answer:
    """Take an officer's token away; name and trail stay. `name`.

    Raises:
        NotFoundError: there is no such officer.
    """
    row = _active(node, values["name"])._replace(token=None, revoked=clock.now())
    await _put(node, row, "officer.revoke", values)
    return _describe(row)


async def officer_list(node: Node, _values: Mapping[str, Any]) -> Answer:
    """List officers, those who were revoked, too. Answers `officers`."""
    return {"officers": [_describe(row) for row in node.reader.accounts.officers()]}


async def officer_show(node: Node, values: Mapping[str, Any]) -> Answer:
    """Describe one officer. `name`.

    Raises:
        NotFoundError: there is no such officer.
    """
    return _describe(_known(node, values["name"]))


async def officer_trail(node: Node, values: Mapping[str, Any]) -> Answer:
    """List what was done, the latest first. `before`?: a number; `limit`?. Answers `trail`."""
    rows = node.reader.accounts.trail(
        before=values.get("before") or _LAST, limit=min(values.get("limit") or 100, MAX_TRAIL)
    )
    return {
        "trail": [
            {
                "number": row.number,
                "time": clock.format_time(row.time),
                "officer": row.officer,
                "person": row.person,
                "action": row.action,
                "origin": row.origin,
                "index": row.position if row.position >= 0 else None,
                "entry_id": row.entry_id,
                "remote": row.remote,
            }
            for row in rows
        ]
    }


def _known(node: Node, name: str) -> OfficerRow:
    row = node.reader.accounts.officer(name)
    if row is None:
        known = ", ".join(one.name for one in node.reader.accounts.officers()[:20]) or "none"
        raise NotFoundError(f"no officer {name[:_MAX_NAME]!r}; known: {known}", code="ofc.name")
    return row


def _active(node: Node, name: str) -> OfficerRow:
    row = _known(node, name)
    if row.token is None:
        raise NotFoundError(
            f"the officer {name!r} was revoked; 'sopro officer add' admits the person again",
            code="ofc.name",
        )
    return row


async def _put(node: Node, row: OfficerRow, action: str, values: Mapping[str, Any]) -> None:
    """Keep an officer, and on the trail who had it done at the command line.

    Raises:
        RefusedError: it is for administrators.
    """
    operator = find_operator(node, values, roles=(OfficerRole.ADMINISTRATOR,), what=action)
    about = f"{action} {row.name}"
    done = TrailRow(0, clock.now(), operator.name, row.person, about, "", -1, b"", operator.remote)

    def write() -> None:
        with node.store.transaction():
            node.store.accounts.put_officer(row)
            node.store.accounts.add_to_trail(done)

    await node.writer.run(write)


def _describe(row: OfficerRow) -> Answer:
    return {
        "name": row.name,
        "person": row.person,
        "roles": row.roles.split(),
        "created": clock.format_time(row.created),
        "revoked": clock.format_time(row.revoked) if row.token is None else None,
    }


def _make_token() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def _check_name(name: str) -> str:
    is_name = name and name == name.strip() and name.isprintable() and len(name) <= _MAX_NAME
    if not is_name or show_only(name) != name:
        raise FormatError(
            f"officer: expected a name of 1 to {_MAX_NAME} printable characters, "
            f"got {name[:_MAX_NAME]!r}",
            code="ofc.name",
        )
    return name


def _check_roles(roles: Sequence[str]) -> str:
    """Return roles in their order, each once."""
    known = [one.value for one in OfficerRole]
    unknown = sorted(set(roles) - set(known))
    if unknown or not roles:
        got = ", ".join(repr(one[:32]) for one in unknown) or "none"
        raise FormatError(
            f"officer: expected roles of {', '.join(known)}, got {got}", code="ofc.role"
        )
    return " ".join(one for one in known if one in roles)


CHANGES: Final = (officer_add, officer_change, officer_renew, officer_revoke)
"""What changes who may write; each is for administrators, and on the trail."""
