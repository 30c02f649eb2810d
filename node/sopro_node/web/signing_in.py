"""Who asks: the token of a request, and whether its officer may (SPEC OFC-2, OFC-3)."""

import math
from collections.abc import Callable, Collection
from typing import Final

from aiohttp import hdrs, web

from sopro_node import clock
from sopro_node.node import Node
from sopro_node.officer_roles import OfficerRole
from sopro_node.officers import MAX_TOKEN, Officer, find_officer
from sopro_node.web.limits import Allowance
from sopro_node.web.problems import ProblemError

_WRITES: Final = 100
_WRITES_PER_SECOND: Final = 10.0
_GUESSES: Final = 20
_GUESSES_PER_SECOND: Final = 0.2


class Door:
    """Lets officers in by their tokens; nothing says whether an unknown token was one once."""

    def __init__(self, node: Node, *, uptime: Callable[[], float] = clock.uptime) -> None:
        self._node = node
        self._writes = Allowance(burst=_WRITES, per_second=_WRITES_PER_SECOND, uptime=uptime)
        self._guesses = Allowance(burst=_GUESSES, per_second=_GUESSES_PER_SECOND, uptime=uptime)

    def admit(self, request: web.Request, roles: Collection[OfficerRole] = ()) -> Officer:
        """Return the officer who asks, who has one of these roles.

        Args:
            request: with the token in its header.
            roles: of which one is needed; none for every officer.

        Raises:
            ProblemError: 401 where nobody has the token, 403 for another role, 429 where it is
                asked too often.
        """
        officer = find_officer(self._node, _token(request))
        if officer is None:
            _wait(self._guesses.take(request.remote or ""))
            raise ProblemError(
                401,
                "expected the token of an officer as 'Authorization: Bearer TOKEN'; "
                "'sopro officer add' makes one",
                code="ofc.token",
                headers={"WWW-Authenticate": 'Bearer realm="sopro"'},
            )
        _wait(self._writes.take(officer.name))
        if roles and not set(roles) & set(officer.roles):
            needed = " or ".join(roles)
            raise ProblemError(
                403,
                f"this is for the role {needed}, you are {', '.join(officer.roles)}; an operator "
                "gives roles with 'sopro officer change'",
                code="ofc.role",
            )
        return officer


def _token(request: web.Request) -> str:
    """Return the token that is shown; one that cannot be is looked for like any other."""
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip()[:MAX_TOKEN] if scheme.lower() == "bearer" else ""


def _wait(seconds: float) -> None:
    if seconds:
        raise ProblemError(
            429,
            f"asked too often; wait {math.ceil(seconds)} s",
            code="ofc.rate",
            headers={"Retry-After": str(math.ceil(seconds))},
        )
