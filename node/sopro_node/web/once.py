"""Requests that name themselves: done once, however often they are sent (SPEC OFC-5)."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from aiohttp import web

from sopro_node.acting import Named, earlier_answer, hash_request
from sopro_node.node import Node
from sopro_node.web.operations import Parameter
from sopro_node.web.turns import Turns
from sopro_protocol.errors import FormatError

KEY_SENT: Final = Parameter(
    "Idempotency-Key",
    "names the request, so that it is done once however often it is sent",
    {"type": "string", "pattern": "^[!-~]{1,128}$"},
    str,
)
REPLAYED: Final = {"Idempotency-Replayed": "true"}
_KEY: Final = re.compile(r"[!-~]{1,128}")

T = TypeVar("T")


class Once:
    """Does what a request asks to its end, and once where the request names itself."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._turns = Turns()
        self._under_way: set[asyncio.Task[Any]] = set()

    async def do(
        self, officer: str, named: Named, work: Callable[[], Coroutine[Any, Any, bytes]]
    ) -> tuple[bytes, bool]:
        """Do what is named once; say what was answered, and whether it was done now.

        Raises:
            RefusedError: the key was sent with another request.
            SoproError: as the work.
        """

        async def turn() -> tuple[bytes, bool]:
            async with self._turns.take(officer, named.key):
                earlier = earlier_answer(self._node, officer, named)
                return (await work(), True) if earlier is None else (earlier, False)

        return await self.whole(turn())

    async def whole(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something to its end, even where who asked for it has gone."""
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._finish)
        return await asyncio.shield(task)

    def _finish(self, task: "asyncio.Task[Any]") -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # told to who asked, if they are still there


def named_by(request: web.Request, data: bytes) -> Named | None:
    """Return how a request names itself; None where it does not.

    Raises:
        FormatError: the name is none, or there are two.
    """
    keys = request.headers.getall("Idempotency-Key", [])
    if not keys:
        return None
    if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
        raise FormatError(
            "Idempotency-Key: expected one of 1 to 128 visible ASCII characters", code="ofc.key"
        )
    parts = (request.method.encode(), request.path.encode(), data)
    return Named(keys[0], hash_request(*parts))
