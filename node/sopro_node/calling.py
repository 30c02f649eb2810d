"""Calling the node that serves a directory, over its control socket (`control` is the other end).

It loads little, because most commands of an officer are such a call.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from sopro_protocol.errors import RefusedError, SoproError, UnavailableError, VerificationError

SOCKET: Final = "control.sock"
# An error with more than a message and a code comes over the socket as its nearest parent.
_KINDS: Final[Mapping[str, type[SoproError]]] = {
    **{kind.__name__: kind for kind in SoproError.__subclasses__()},
    "SplitViewError": VerificationError,
}


def open_socket(folder: Path) -> tuple[int, str]:
    """Open the directory and name the socket through it, however long its path is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    return descriptor, f"/proc/self/fd/{descriptor}/{SOCKET}"


async def call(folder: Path, name: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """Call an operation of the node that serves a directory; None where none does.

    Raises:
        SoproError: what the operation raised.
        UnavailableError: the node went away in between, or made a mistake.
    """
    if not (folder / SOCKET).exists():
        return None
    descriptor, path = open_socket(folder)
    try:
        timeout = aiohttp.ClientTimeout(total=None)
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(path), timeout=timeout
            ) as session,
            session.post(f"http://node/call/{name}", data=msgspec.msgpack.encode(values)) as answer,
        ):
            status, data = answer.status, await answer.read()
    except aiohttp.ClientConnectorError:
        return None
    except aiohttp.ClientError as error:
        raise UnavailableError(f"the node stopped answering: {error}") from None
    finally:
        os.close(descriptor)
    if status not in (200, 400):
        raise UnavailableError(f"the node made a mistake (status {status}); its log says which")
    body = msgspec.msgpack.decode(data)
    if status == 400:
        raise read_error(body)
    return dict(body)


def read_error(fields: Mapping[str, Any]) -> SoproError:
    """Return the error that an operation answered with: its kind, code and message."""
    kind = _KINDS.get(fields["kind"], RefusedError)
    return kind(fields["error"], code=fields["code"])
