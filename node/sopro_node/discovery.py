"""Finding out which node answers at an address."""

from typing import Final

import msgspec
from msgspec import Struct

from sopro_node.fetch import Fetch
from sopro_protocol.errors import FormatError, NotFoundError

_MAX_DISCOVERY: Final = 1024 * 1024


class Discovery(Struct, frozen=True):
    """What a node says of itself, as far as it is needed here.

    Attributes:
        federation: its name.
        log: path of the node's own log.
        mirrors: paths of the logs it mirrors.
        coordinator: origin of the coordinator's log, where the node is pinned to one.
    """

    federation: str
    log: str
    mirrors: list[str]
    coordinator: str | None = None


async def discover(fetch: Fetch, url: str) -> Discovery:
    """Ask a node who it is.

    Raises:
        FormatError: no node answers there.
        PeerError: nothing answers there, or only an error.
    """
    try:
        body = (await fetch.find(f"{url}/.well-known/sopro", limit=_MAX_DISCOVERY)).body
        found = msgspec.json.decode(body, type=Discovery)
    except (NotFoundError, msgspec.MsgspecError):
        raise FormatError(
            f"{url}: something answers there, but no node; "
            "expected the address of one such as https://at.sopro.example"
        ) from None
    if not all(path.startswith("/log/") for path in (found.log, *found.mirrors)):
        raise FormatError(f"{url}: a log's path is not one")
    return found
