"""More faults that show over the network: of one who asks others, is asked too much, and writes.

`served.py` has the others, and starts the node with one of either.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

from aiohttp.web_protocol import RequestHandler

from sopro_node.fetch import Fetch
from sopro_node.pull import Pull
from sopro_protocol.errors import PeerError

ASKING: Final[dict[str, Callable[[], None]]] = {}


def fault(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def enter(change: Callable[[], None]) -> Callable[[], None]:
        ASKING[name] = change
        return change

    return enter


# As one who asks others.


@fault("Q01")
def takes_a_log_from_its_own_site_alone() -> None:
    old = Pull.run

    async def run(self: Any, push: Any) -> Any:
        if not self._peer.is_own:
            await self._peer.get("checkpoint", limit=65_536)
            raise PeerError("mutant", code="hos.unreachable")
        return await old(self, push)

    Pull.run = run  # type: ignore[method-assign]


@fault("Q02")
def asks_again_at_once() -> None:
    vars(import_module("sopro_node.exchange"))["_MOST_BACK_OFF"] = 0.02


@fault("Q03")
def learns_of_members_too_late() -> None:
    module = import_module("sopro_node.office")
    old = module.OPERATIONS["members"]

    async def members(node: Any, values: Mapping[str, Any]) -> Any:
        answer = await old(node, values)
        return answer | {"members": answer["members"][:-1]}

    module.OPERATIONS = dict(module.OPERATIONS) | {"members": members}  # type: ignore[attr-defined]


@fault("Q04")
def waits_for_whoever_never_answers() -> None:
    """Asks one after the other, and has all the time there is for each."""
    old = Fetch._ask
    turn = asyncio.Lock()

    async def ask(self: Any, *args: Any, **named: Any) -> Any:
        self.deadline = 600.0
        async with turn:
            return await old(self, *args, **named)

    Fetch._ask = ask  # type: ignore[method-assign]


# As one who is asked too much.


@fault("Q05")
def keeps_everybody_out() -> None:
    """Counts the requests of all callers as those of one."""
    crowd = import_module("sopro_node.web.limits").Crowd
    old = crowd.check
    crowd.check = lambda self, _address: old(self, "everybody")


@fault("Q06")
def lets_whoever_is_slow_stay() -> None:
    import_module("sopro_node.web.connections").Connections.look = lambda *_, **__: None
    RequestHandler._process_keepalive = lambda _self: None  # type: ignore[method-assign]


@fault("Q07")
def guesses_what_was_meant() -> None:
    """Mends requests whose end is not certain."""
    old = RequestHandler.data_received

    def data_received(self: Any, data: bytes) -> None:
        old(
            self,
            re.sub(rb"(?m)^(Content-Length:) *[+]", rb"\1 ", data.replace(b"Host :", b"Host:")),
        )

    RequestHandler.data_received = data_received  # type: ignore[method-assign]


# As one who writes.


@fault("Q08")
def goes_by_its_clock_alone() -> None:
    """Writes the time that its clock has, and looks at nobody's."""
    vars(import_module("sopro_node.batch"))["max"] = lambda first, *_: first
    ledger = import_module("sopro_registry.projection").Ledger
    old = ledger._judge_record

    def judge(self: Any, *args: Any, **named: Any) -> Any:
        self.cursor.last_time = 0
        return old(self, *args, **named)

    ledger._judge_record = judge


@fault("Q09")
def one_salt_for_all() -> None:
    module = import_module("sopro_node.batch")
    old = module.Record
    vars(module)["Record"] = lambda **fields: old(**(fields | {"salt": bytes(16)}))


@fault("Q10")
def one_key_for_all_documents() -> None:
    class System:
        """Stands where documents have the module `os`."""

        urandom = staticmethod(bytes)

    vars(import_module("sopro_node.documents"))["os"] = System


@fault("Q11")
def takes_any_identifier() -> None:
    vars(import_module("sopro_node.batch"))["check_own"] = lambda *_: None


@fault("Q12")
def forgets_what_it_was_handed() -> None:
    """Appends an entry whether the log holds it already or not."""
    import_module("sopro_node.step").Step.find = lambda *_: None
