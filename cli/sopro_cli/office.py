"""How commands reach a node: over the socket of the one that serves, or by opening its folder."""

import getpass
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click
import uvloop

from sopro_cli.answers import read_answer
from sopro_cli.output import fail
from sopro_cli.secrets import asker
from sopro_node.calling import call
from sopro_node.passphrase import Ask
from sopro_protocol.errors import SoproError, UnavailableError

T = TypeVar("T")
Call = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]


@asynccontextmanager
async def reach(
    folder: Path, *, must_sign: bool = True, ask: Ask | None = None
) -> AsyncIterator[Call]:
    """Reach the node of a directory; the same operations either way.

    Without `must_sign` it is also opened where keys that it signs with are lost; `ask` has the
    passphrase of its key files instead of a person. Every operation is told who has it done.
    """
    by = done_by()
    if await call(folder, "identity", {}) is not None:

        async def over_socket(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
            answer = await call(folder, name, {**values, **by})
            if answer is None:
                raise UnavailableError("the node has stopped serving; run the command again")
            return read_answer(answer)

        yield over_socket
        return
    # Loaded only where no node serves: the database and the log take a second.
    from sopro_node.node import Node  # noqa: PLC0415
    from sopro_node.office import OPERATIONS  # noqa: PLC0415

    node = await Node.open(folder, ask=ask or asker(), must_sign=must_sign)

    async def here(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return await OPERATIONS[name](node, {**values, **by})

    try:
        yield here
    finally:
        await node.close()


def done_by() -> dict[str, Any]:
    """Return what tells an operation who has it done."""
    return {"done_by": {"user": system_user(), "officer": acting_officer()}}


def acting_officer() -> str:
    """Return the officer named by `sopro --as`; empty for none."""
    context = click.get_current_context(silent=True)
    named = context.find_root().params.get("officer") if context else None
    return str(named or "")


def system_user() -> str:
    """Return who works at this terminal: the user of the system, or who became it by sudo."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work; an error ends it with a sentence and a code."""
    try:
        return uvloop.run(work)
    except SoproError as error:
        fail(error)
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def ask(folder: Path, name: str, /, **values: Any) -> dict[str, Any]:
    """Have one operation done by the node of a directory."""

    async def work() -> dict[str, Any]:
        async with reach(folder) as office:
            return await office(name, values)

    return run(work())
