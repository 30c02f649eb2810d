"""Having a file read by a process of its own, from the node's side."""

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from sopro_node.calling import read_error
from sopro_node.imports.orders import (
    Answered,
    Asked,
    Done,
    Link,
    Order,
    Said,
    failure_of,
)
from sopro_protocol.errors import SoproError, UnavailableError

Call = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]
_MODULE: Final = "sopro_node.imports.reading"
_SAID: Final = msgspec.msgpack.Decoder(Said)
_logger = logging.getLogger("sopro.imports")


async def have_read(
    order: Order, folder: Path, *, call: Call, hear: Callable[[Struct], None]
) -> dict[str, Any]:
    """Have an order carried out on a file in a directory; cancelled, it ends the process.

    Args:
        order: which.
        folder: where the file is.
        call: does the operations that the process asks for.
        hear: is handed how far it is, and lines for a person.

    Raises:
        SoproError: what came of it.
        UnavailableError: the process ended before it had answered.
    """
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", _MODULE, str(theirs.fileno())),
                cwd=folder,
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
            )
    except BaseException:
        ours.close()
        raise
    link = await Link.over(ours)
    calls: set[asyncio.Task[None]] = set()
    try:
        await link.send(order)
        while True:
            said = _SAID.decode(await link.receive())
            if isinstance(said, Done):
                break
            if isinstance(said, Asked):
                task = asyncio.create_task(_answer(said, call, link))
                calls.add(task)
                task.add_done_callback(calls.discard)
            else:
                hear(said)
    except ConnectionError:
        code = await process.wait()
        raise UnavailableError(
            f"{order.name}: the process that reads it has ended ({_how(code)}); what it had "
            "brought in stays, begin it again",
        ) from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        # What the log has been handed is finished, and said to nobody.
        await asyncio.gather(*calls, return_exceptions=True)
        await link.close()
        await process.wait()
    if said.failure is not None:
        raise read_error(msgspec.to_builtins(said.failure))
    return said.answer


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"


async def _answer(asked: Asked, call: Call, link: Link) -> None:
    """Do what the process asks for, and tell it what came of that."""
    try:
        answered = Answered(asked.number, await call(asked.name, asked.values))
    except SoproError as error:
        answered = Answered(asked.number, failure=failure_of(error))
    except Exception:
        _logger.exception("bug", extra={"operation": asked.name})
        mistake = UnavailableError("this node made a mistake; its operator finds it in the log")
        answered = Answered(asked.number, failure=failure_of(mistake))
    with contextlib.suppress(ConnectionError):
        await link.send(answered)
