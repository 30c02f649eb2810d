"""Getting a resource from another node: bounded in bytes and time, no redirects, nothing trusted.

The limit holds for the decompressed body and the deadline for the whole answer, so that neither an
endless body, nor one made to explode, nor a slow drip can hold this node up.
"""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from time import monotonic
from types import TracebackType
from typing import Final, NamedTuple

import aiohttp
import zstandard

from sopro_node.reach import GuardedResolver, Reach
from sopro_protocol.errors import NotFoundError, PeerError, RefusedError, SoproError

DEADLINE: Final = 20.0
CONNECT: Final = 5.0
_MOST_AT_ONCE: Final = 256
_MOST_OF_ONE: Final = 8
_CHUNK: Final = 64 * 1024
_WINDOW: Final = 8 * 1024 * 1024
_ENCODINGS: Final = "zstd, gzip, identity"
_BLOCK: Final = 1024 * 1024
_STREAM_RATE: Final = 256 * 1024
_STREAM_BURST: Final = 1024 * 1024
_STREAM_PATIENCE: Final = 5.0


class Fetched(NamedTuple):
    """An answer: the decompressed body, and as it came where that was zstd."""

    body: bytes
    frames: bytes | None
    wire_size: int
    headers: dict[str, str]
    status: int = 200


class Fetch:
    """A client for other nodes; one for each event loop.

    Attributes:
        deadline: in seconds, for a whole answer.
        reach: whom it may call.
    """

    def __init__(self, deadline: float = DEADLINE, *, reach: Reach = Reach()) -> None:  # noqa: B008  # frozen
        self.deadline = deadline
        self.reach = reach
        self._session: aiohttp.ClientSession | None = None
        self._streams: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Fetch":
        self._session = self._open(_MOST_AT_ONCE, _MOST_OF_ONE)
        # A stream stays open for as long as the other is followed: were they counted among the
        # others, a federation of as many members would leave none for an answer.
        self._streams = self._open(0, 0)
        return self

    def _open(self, most: int, most_of_one: int) -> aiohttp.ClientSession:
        """Return a session of so many connections at once; 0 for any number."""
        return aiohttp.ClientSession(
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(
                limit=most,
                limit_per_host=most_of_one,
                resolver=GuardedResolver(self.reach),
                use_dns_cache=False,
                ssl=self.reach.tls(),
            ),
            headers={"Accept-Encoding": _ENCODINGS, "User-Agent": "sopro"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT),
        )

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for session in (self._session, self._streams):
            if session is not None:
                await session.close()

    async def get(
        self, url: str, *, limit: int, headers: Mapping[str, str] | None = None
    ) -> Fetched:
        """Get a resource.

        Args:
            url: where.
            limit: in bytes, of the decompressed body.
            headers: sent besides the usual ones.

        Raises:
            PeerError: `hos.address`, `hos.unreachable`, `hos.status`, `hos.redirect`,
                `hos.oversize`, `hos.timeout` or `hos.content`.
        """
        return await self._ask("GET", url, None, limit=limit, refuse=_refuse, headers=headers)

    async def find(
        self, url: str, *, limit: int, headers: Mapping[str, str] | None = None
    ) -> Fetched:
        """Get a resource that may not be there; errors in the words of who answers.

        Raises:
            NotFoundError: it is not there.
            PeerError: as `get`.
        """
        return await self._ask(
            "GET", url, None, limit=limit, refuse=_refuse_lookup, headers=headers
        )

    async def post(self, url: str, body: bytes, *, limit: int) -> Fetched:
        """Send a body and return the answer; refusals as `get`, in the words of who refused."""
        return await self._ask("POST", url, body, limit=limit, refuse=_refuse_post)

    async def post_for(
        self, url: str, body: bytes, *, limit: int, statuses: Collection[int]
    ) -> Fetched:
        """Send a body where other statuses than 200 are answers, too; refusals as `post`."""
        return await self._ask(
            "POST", url, body, limit=limit, refuse=_refuse_post, statuses=statuses
        )

    async def _ask(  # noqa: PLR0913  # what HTTP has
        self,
        method: str,
        url: str,
        body: bytes | None,
        *,
        limit: int,
        refuse: "_Refuse",
        headers: Mapping[str, str] | None = None,
        statuses: Collection[int] = (),
    ) -> Fetched:
        assert self._session is not None, "use as a context manager"  # noqa: S101  # a bug if not
        self.reach.check_url(url)
        try:
            async with asyncio.timeout(self.deadline):
                async with self._session.request(
                    method, url, data=body, allow_redirects=False, headers=headers
                ) as response:
                    if response.status not in (200, *statuses):
                        raise await refuse(response, url)
                    return await _read(response, url, limit)
        except TimeoutError:
            raise PeerError(
                f"{url}: no full answer in {self.deadline:g} s", code="hos.timeout"
            ) from None
        except (aiohttp.ClientPayloadError, aiohttp.ClientResponseError) as error:
            raise PeerError(f"{url}: broken answer: {_name(error)}", code="hos.content") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise PeerError(f"{url}: {_name(error)}", code="hos.unreachable") from None

    async def lines(self, url: str, *, limit: int) -> AsyncIterator[bytes]:
        """Follow a stream line by line; each line and the rate are bounded, the stream is not.

        What comes faster than a node has things to say waits in the peer's own buffers, and
        where that goes on the stream is left.

        Raises:
            PeerError: as `get`.
        """
        assert self._streams is not None, "use as a context manager"  # noqa: S101  # a bug if not
        self.reach.check_url(url)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=90)
        try:
            async with self._streams.get(
                url,
                allow_redirects=False,
                timeout=timeout,
                headers={"Accept": "text/event-stream", "Accept-Encoding": "identity"},
            ) as response:
                if response.status != 200:
                    raise await _refuse(response, url)
                rest = b""
                pace = _Pace(url)
                async for chunk in response.content.iter_any():
                    await pace.spend(len(chunk))
                    *whole, rest = (rest + chunk).split(b"\n")
                    for line in whole:
                        yield line
                    if len(rest) > limit:
                        raise PeerError(
                            f"{url}: a line of more than {limit} bytes", code="hos.oversize"
                        )
        except TimeoutError:
            raise PeerError(f"{url}: silent", code="hos.timeout") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise PeerError(f"{url}: {_name(error)}", code="hos.unreachable") from None


class _Pace:
    """Holds a stream to a rate, after a burst, and gives up on one that is always faster."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._allowed = float(_STREAM_BURST)
        self._waited = 0.0
        self._seen = monotonic()

    async def spend(self, size: int) -> None:
        """Wait until that many bytes may be taken.

        Raises:
            PeerError: `hos.oversize`, waiting has not helped.
        """
        now = monotonic()
        refill = (now - self._seen) * _STREAM_RATE
        self._allowed = min(float(_STREAM_BURST), self._allowed + refill) - size
        self._seen = now
        if self._allowed > 0:
            self._waited = 0.0
            return
        pause = -self._allowed / _STREAM_RATE
        self._waited += pause
        if self._waited > _STREAM_PATIENCE:
            raise PeerError(f"{self._url}: more than anybody can follow", code="hos.oversize")
        await asyncio.sleep(pause)


def _name(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:200]


_Refuse = Callable[[aiohttp.ClientResponse, str], Awaitable[SoproError]]


async def _refuse(response: aiohttp.ClientResponse, url: str) -> SoproError:
    if 300 <= response.status < 400:
        return PeerError(f"{url}: redirects elsewhere, which is not followed", code="hos.redirect")
    return PeerError(f"{url}: status {response.status}", code="hos.status")


async def _refuse_post(response: aiohttp.ClientResponse, url: str) -> SoproError:
    if 400 <= response.status < 500:
        return RefusedError(f"{url}: {await _words(response)}", code="hos.status")
    return await _refuse(response, url)


async def _refuse_lookup(response: aiohttp.ClientResponse, url: str) -> SoproError:
    if response.status == 404:
        return NotFoundError(f"{url}: {await _words(response)}")
    if response.status >= 400:
        return PeerError(f"{url}: {await _words(response)}", code="hos.status")
    return await _refuse(response, url)


async def _read(response: aiohttp.ClientResponse, url: str, limit: int) -> Fetched:
    if (response.content_length or 0) > limit:
        raise PeerError(f"{url}: more than {limit} bytes", code="hos.oversize")
    raw = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        raw += chunk
        if len(raw) > limit:
            raise PeerError(f"{url}: more than {limit} bytes", code="hos.oversize")
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    body = _expand(bytes(raw), encoding, url, limit)
    frames = bytes(raw) if encoding == "zstd" else None
    return Fetched(
        body,
        frames,
        len(raw),
        {name.lower(): value for name, value in response.headers.items()},
        response.status,
    )


async def _words(response: aiohttp.ClientResponse) -> str:
    """Return why a node refused what it was sent."""
    try:
        detail = json.loads(await response.content.read(_CHUNK))["detail"]
    except (ValueError, TypeError, KeyError, RecursionError):
        detail = f"status {response.status}"
    return "".join(letter if letter.isprintable() else " " for letter in str(detail)[:500])


def _expand(raw: bytes, encoding: str, url: str, limit: int) -> bytes:
    """Decompress a body, never further than one byte past its limit."""
    try:
        if encoding == "identity":
            return raw
        if encoding == "gzip":
            body, is_whole = _expand_gzip(raw, url, limit)
        elif encoding == "zstd":
            reader = zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(
                raw, read_across_frames=True
            )
            body = reader.read(limit + 1)
            is_whole = True
        else:
            raise PeerError(f"{url}: unknown encoding {encoding[:40]!r}", code="hos.content")
    except (zlib.error, zstandard.ZstdError) as error:
        raise PeerError(f"{url}: damaged {encoding} body: {error}", code="hos.content") from None
    if len(body) > limit:
        raise _too_large(url, limit)
    if not is_whole:
        raise PeerError(f"{url}: {encoding} body ends early", code="hos.content")
    return body


def _expand_gzip(raw: bytes, url: str, limit: int) -> tuple[bytes, bool]:
    """Decompress in blocks, so that a body made to explode is never held twice."""
    expander = zlib.decompressobj(wbits=31)
    blocks, size = [], 0
    for start in range(0, len(raw), _CHUNK):
        rest, block = raw[start : start + _CHUNK], b""
        while rest or len(block) == _BLOCK:
            block = expander.decompress(rest, _BLOCK)
            rest = expander.unconsumed_tail
            blocks.append(block)
            size += len(block)
            if size > limit:
                raise _too_large(url, limit)
    return b"".join(blocks), expander.eof and not expander.unused_data


def _too_large(url: str, limit: int) -> PeerError:
    return PeerError(f"{url}: expands to more than {limit} bytes", code="hos.oversize")
