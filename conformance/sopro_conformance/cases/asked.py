"""ERR: what a node makes of requests that are wrong, too large, too slow, or no HTTP at all."""

import asyncio
import itertools
import string
from collections.abc import AsyncIterator
from typing import Any, Final

from sopro_conformance.case import case
from sopro_conformance.plain import read_json
from sopro_conformance.trial import Trial
from sopro_conformance.world.client import Client, Reply, words
from sopro_conformance.world.raw import Said, pour, say

_BOTH: Final = "publisher witness"
_CUT: Final = 30.0
"""Seconds within which a client that brings nothing about is cut."""
_MOST_TAKEN: Final = 24 * 1024 * 1024
"""Bytes of a body without end that may be on their way when it is refused."""


def problem_of(reply: Reply) -> dict[str, Any] | None:
    """Return the members of a problem document (ERR-1); None where it is none."""
    if not reply.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    try:
        found = read_json(reply.body, "a refusal")
    except ValueError:
        return None
    is_right = isinstance(found, dict) and all(
        isinstance(found.get(name), kind)
        for name, kind in (("type", str), ("title", str), ("status", int), ("code", str))
    )
    return found if is_right and found["status"] == reply.status else None


def is_quiet(reply: Reply) -> bool:
    """Say whether nothing of the machine is in an answer."""
    told = (
        b"Traceback",
        b'File "',
        b"/home/",
        b"/tmp/",
        b"/usr/",
        b"site-packages",
        b" at Object.",
    )
    return not any(one in reply.body for one in told)


async def is_problem(
    trial: Trial, client: Client, path: str, status: int, code: str, *, method: str = "GET"
) -> None:
    """Check that a request is refused with a problem document."""
    reply = await client.ask(path, method=method)
    found = problem_of(reply)
    holds = reply.status == status and found is not None and is_quiet(reply)
    if code and found is not None:
        holds = holds and found["code"] in code.split()
    if status == 405:
        holds = holds and "allow" in reply.headers
    trial.check(
        f"{method} {path[:60]}",
        holds=holds,
        expected=f"{status} {code}, as a problem document{' with Allow' if status == 405 else ''}",
        actual=words(reply),
    )


@case(
    "ERR-01",
    "Refusals are problem documents that tell nothing of the machine.",
    clauses="ERR-1 ERR-2 ERR-4 ERR-5 EXCH-1",
    profiles=_BOTH,
    verbs="start",
    by_url=True,
)
async def problems(trial: Trial) -> None:
    """Ask for what is not there, by the wrong method, and with wrong parameters."""
    client = await trial.node()
    log = client.prefix
    for path, status, code in (
        ("/log/nobody/1/checkpoint", 404, "not-found"),
        ("/log/nobody/01/checkpoint", 404, "not-found"),
        (f"{log}/nothing", 404, "not-found"),
        ("/api/v1/nothing", 404, "not-found"),
        ("/evidence/" + "0" * 64, 404, "not-found"),
        ("/evidence/../../etc/passwd", 404, "not-found"),
        (f"{log}/proof/99999999", 404, "not-found"),
        (f"{log}/document/0/99", 404, "not-found"),
    ):
        await is_problem(trial, client, path, status, code)
    odd = await client.ask(f"{log}/proof/x")
    await is_problem(
        trial, client, f"{log}/proof/x", 404 if odd.status == 404 else 400, "format not-found"
    )
    # Who serves nothing below /api/v1 has no parameters there to refuse (EXCH-1).
    if (await client.ask("/api/v1/openapi.json")).status == 200:
        for query in ("nothing=known", "a" * 3000):
            path = f"/api/v1/witness-policy?{query}"
            await is_problem(trial, client, path, 400, "err.query")
    for method in ("POST", "DELETE", "PUT", "PATCH"):
        await is_problem(trial, client, f"{log}/checkpoint", 405, "err.method", method=method)


@case(
    "ERR-02",
    "A body has a limit before it is read.",
    clauses="WIT-2 ERR-5",
    profiles=_BOTH,
    verbs="start",
    by_url=True,
)
async def large_bodies(trial: Trial) -> None:
    """Announce large bodies, send them without a length, and send them without end."""
    client = await trial.node()
    path = "/witness/add-checkpoint"
    small = await client.ask(path, method="POST", body=b"old 0\n\n")
    is_witness = small.status == 400
    refused = (413,) if is_witness else (404, 405, 413)
    head = f"POST {path} HTTP/1.1\r\nHost: {client.host}:{client.port}\r\n".encode()

    async def without_end() -> AsyncIterator[bytes]:
        yield head + b"Transfer-Encoding: chunked\r\n\r\n"
        for _ in range(2000):
            yield b"10000\r\n" + bytes(65_536) + b"\r\n"

    said = {
        "131,073 bytes": await say(
            client.way,
            head + b"Content-Length: 131073\r\nConnection: close\r\n\r\n" + b"a" * 131_073,
            within=_CUT,
        ),
        "a gigabyte announced": await say(
            client.way,
            head + b"Content-Length: 1073741824\r\nConnection: close\r\n\r\n",
            within=_CUT,
        ),
        "128 MiB in pieces": await pour(client.way, without_end(), within=_CUT),
    }
    for delta, one in said.items():
        trial.check(
            delta,
            holds=(one.status in refused or (one.closed and not one.status))
            and one.early < _MOST_TAKEN,
            expected=f"{' or '.join(map(str, refused))}, or the connection is closed, early",
            actual=_words(one),
        )
    reply = await client.ask(client.prefix + "/checkpoint")
    trial.check(
        "a reader after that", holds=reply.status == 200, expected="200", actual=words(reply)
    )


def _words(said: Said) -> str:
    closed = "closed" if said.closed else "open"
    status = said.status or "no answer"
    return f"{status}, {said.early} bytes taken before, {closed} after {said.seconds:.1f} s"


@case(
    "ERR-04",
    "A client that brings nothing about is let go, and harms no other.",
    clauses="ERR-5",
    profiles=_BOTH,
    verbs="start",
    by_url=True,
)
async def slow_clients(trial: Trial) -> None:
    """Connect and say nothing, half a line, headers without end, half a body."""
    client = await trial.node()
    line = f"GET {client.prefix}/checkpoint HTTP/1.1\r\nHost: a\r\n".encode()
    post = b"POST /witness/add-checkpoint HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nab"

    async def dripping() -> AsyncIterator[bytes]:
        yield line
        for number in itertools.count():
            yield b"X-%d: y\r\n" % number
            await asyncio.sleep(1)

    within = _CUT * trial.candidate.deadline + 5
    kinds = {
        "silent": say(client.way, b"", within=within),
        "half a line": say(client.way, line[:20], within=within),
        "headers without end": say(client.way, line, within=within),
        "a header a second": pour(client.way, dripping(), within=within),
        "half a body": say(client.way, post, within=within),
    }
    count = 500 if trial.scene.is_long else 100
    crowd = [say(client.way, b"GET /", within=within) for _ in range(count)]
    waiting = asyncio.gather(*kinds.values(), *crowd)
    replies = [await client.ask(client.prefix + "/checkpoint") for _ in range(20)]
    slowest = max(one.seconds for one in replies)
    trial.check(
        f"readers beside {count} that are slow",
        holds=all(one.status == 200 for one in replies) and slowest < 5 * trial.candidate.deadline,
        expected="200, each within 5 seconds",
        actual=f"{[one.status for one in replies if one.status != 200]}, slowest {slowest:.2f} s",
    )
    ended = await waiting
    for delta, one in zip(kinds, ended, strict=False):
        trial.check(
            delta,
            holds=one.closed and one.seconds <= _CUT * trial.candidate.deadline,
            expected=f"cut within {_CUT:.0f} seconds",
            actual=_words(one),
        )
    left = [one for one in ended[len(kinds) :] if not one.closed]
    trial.check(
        f"all of the {count}", holds=not left, expected="cut", actual=f"{len(left)} not cut"
    )


_POST: Final = b"POST %s HTTP/1.1\r\nHost: a\r\n"
_FRAMES: Final = {
    "two lengths that differ": _POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length and chunks": b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length with a sign": b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na",
    "a length of two words": b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 1 1\r\n\r\na",
    "a length below nothing": b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "a chunk size that is none": _POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "a line of 64 KiB": b"GET %s?" + b"a" * 65_536 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "a header of 64 KiB": b"GET %s HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 65_536 + b"\r\n\r\n",
    "a blank before the colon": b"GET %s HTTP/1.1\r\nHost : a\r\n\r\n",
    "a NUL in a header": b"GET %s HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    "a header without a colon": b"GET %s HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n",
    "no version": b"GET %s\r\nHost: a\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 %s",
}


@case(
    "ERR-05",
    "A request whose end is not certain is refused, and the connection closed.",
    clauses="ERR-5",
    profiles=_BOTH,
    verbs="start",
    by_url=True,
)
async def frames(trial: Trial) -> None:
    """Send what two servers would read differently, and before and after it what all read alike."""
    client = await trial.node()
    twin = b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    path = client.prefix.encode() + b"/checkpoint"
    plain = await say(client.way, twin.replace(b"%s", path), within=_CUT)
    trial.need(plain.status == 200, f"a request as HTTP has it is not answered: {_words(plain)}")
    for delta, form in _FRAMES.items():
        data = form.replace(b"%s", path)
        said = await say(client.way, data, within=_CUT)
        trial.check(
            delta,
            holds=said.closed
            and said.answers <= 1
            and (said.status == 0 or 400 <= said.status < 500),
            expected="one 4xx or no answer, and the connection is closed",
            actual=f"{_words(said)}, {said.answers} answers",
        )
    reply = await client.ask(client.prefix + "/checkpoint")
    trial.check(
        "a reader after that", holds=reply.status == 200, expected="200", actual=words(reply)
    )


@case(
    "ERR-06",
    "No input makes an error of the node.",
    clauses="ERR-1 ERR-2",
    profiles="publisher",
    verbs="start",
    by_url=True,
)
async def fuzz(trial: Trial) -> None:
    """Ask for 600 paths that are nearly right, by several methods; 2,000 in a long run."""
    client = await trial.node()
    count = 2000 if trial.scene.is_long else 600
    source = trial.random
    known = [
        f"{client.prefix}/{one}"
        for one in ("checkpoint", "keys", "tile/0/000", "tile/entries/000.p/1", "bundle/000.p/2")
    ]
    known += [f"{client.prefix}/proof/0", f"{client.prefix}/document/0/0", "/.well-known/sopro"]
    known += ["/evidence", "/api/v1/witness-policy", "/witness/add-checkpoint", "/label/SOPRO/AT0"]
    paths = [_spoil(source.choice(known), source) for _ in range(count)]
    methods = [source.choice(("GET", "GET", "GET", "HEAD", "POST", "OPTIONS")) for _ in paths]
    found: list[tuple[str, Reply]] = []

    async def work(chosen: list[tuple[str, str]]) -> None:
        for method, path in chosen:
            body = source.randbytes(40) if method == "POST" else None
            found.append((f"{method} {path}", await client.ask(path, method=method, body=body)))

    pairs = list(zip(methods, paths, strict=True))
    await asyncio.gather(*(work(pairs[at::6]) for at in range(6)))
    wrong = [f"{name[:80]}: {words(one)[:80]}" for name, one in found if one.status >= 500]
    wrong += [f"{name[:80]}: no answer" for name, one in found if not one.status]
    wrong += [f"{name[:80]}: tells of the machine" for name, one in found if not is_quiet(one)]
    trial.check(
        f"{len(found)} requests",
        holds=not wrong,
        expected="no status from 500, no trace",
        actual="; ".join(wrong[:5]) or "as expected",
    )


def _spoil(path: str, source: Any) -> str:
    """Change a path a little, so that it is still one."""
    signs = string.ascii_letters + string.digits + "/.-_~?&=;:@!$'()*+,"
    odd = [
        "%00",
        "%ff",
        "%2e%2e",
        "%0d%0a",
        "%25",
        "..",
        "//",
        "999999999999999999999",
        "-1",
        "%e2%80%ae",
    ]
    for _ in range(source.randint(1, 3)):
        at = source.randint(1, len(path))
        piece = source.choice([source.choice(signs), source.choice(odd), ""])
        path = path[:at] + piece + path[at + source.randint(0, 2) :]
    return path if path.startswith("/") else "/" + path
