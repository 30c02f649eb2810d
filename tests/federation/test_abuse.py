"""What the public server makes of people who do not behave."""

import contextlib
import http.client
import json
import random
import select
import socket
import string
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.federation.federation import Answer, Federation, Nursery, Site, federation, wait_until

pytestmark = pytest.mark.slow

CUT = 30.0
"""Seconds within which a client that brings nothing about is cut."""


class Slow:
    """Clients that keep a connection and say nothing, or next to nothing."""

    def __init__(self, port: int) -> None:
        self.began = time.monotonic()
        self._clients = {
            "silent": self._connect(port, b""),
            "half-a-line": self._connect(port, b"GET /health HT"),
            "headers-without-end": self._connect(port, b"GET /health HTTP/1.1\r\nHost: a\r\n"),
            "drip": self._connect(port, b"GET /health HTTP/1.1\r\nHost: a\r\n"),
            "second-request": self._connect(
                port, b"GET /health HTTP/1.1\r\nHost: a\r\n\r\nGET /health HTTP/1.1\r\n"
            ),
            "body-stalls": self._connect(
                port,
                b"POST /api/v1/applications HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nab",
            ),
        }

        self._ended: dict[str, float] = {}
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    @staticmethod
    def _connect(port: int, data: bytes) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(data)
        return client

    def wait_until_cut(self) -> dict[str, float]:
        """Return after how many seconds each was cut, infinity for who was not."""
        self._thread.join()
        return {name: self._ended.get(name, float("inf")) for name in self._clients}

    def _watch(self) -> None:
        ended = self._ended
        while len(ended) < len(self._clients) and time.monotonic() < self.began + CUT + 5:
            waiting = {one: name for name, one in self._clients.items() if name not in ended}
            readable, _, _ = select.select(list(waiting), [], [], 1)
            for client in readable:
                with contextlib.suppress(OSError):
                    if client.recv(4096):
                        continue
                ended[waiting[client]] = time.monotonic() - self.began
            if "drip" not in ended:
                with contextlib.suppress(OSError):
                    self._clients["drip"].sendall(b"X: y\r\n")

    def close(self) -> None:
        self._thread.join()
        for client in self._clients.values():
            client.close()


@pytest.fixture(scope="session")
def land(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Federation]:
    with federation(tmp_path_factory.mktemp("abuse"), nursery) as one:
        [at] = one.start(["at"])
        at.append(600)
        one.wait_for(one.coordinator, at)
        yield one


@pytest.fixture(scope="session")
def at(land: Federation) -> Site:
    return land.sites["at"]


@pytest.fixture(scope="module", autouse=True)
def _slow_have_begun(slow: Slow) -> None:
    assert slow.began


@pytest.fixture(scope="session")
def slow(at: Site) -> Iterator[Slow]:
    """Begin before the other tests, so that they do the waiting."""
    clients = Slow(at.port)
    yield clients
    clients.close()


def ask(
    site: Site, method: str, path: str, *, body: bytes | None = None, headers: Any = ()
) -> Answer:
    """Send a request line as it is, without any client's help."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    connection._validate_path = lambda _: None  # type: ignore[attr-defined]
    connection._encode_request = lambda text: text.encode("latin-1")  # type: ignore[attr-defined]
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in [*headers, *([("Content-Length", str(len(body)))] if body else [])]:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def check_problem(answer: Answer, *statuses: int) -> None:
    assert answer.status in statuses, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    problem = json.loads(answer.body)
    assert problem["status"] == answer.status
    assert {"type", "title", "detail", "instance"} <= problem.keys()
    assert b"Traceback" not in answer.body
    assert b".py" not in answer.body


TILES = (
    "tile/0/000",
    "tile/0/002.p/90",
    "tile/1/000.p/2",
    "tile/entries/000",
    "bundle/001",
)
TRICKS = (
    "tile/0/x000/000",
    "tile/0/0",
    "tile/0/00",
    "tile/0/0000",
    "tile/0/x0/000",
    "tile/0/000/",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/257",
    "tile/0/000.p/007",
    "tile/0/000.p/-1",
    "tile/0/000.p/1.5",
    "tile/0/000.p/",
    "tile/0/000.p",
    "tile/64/000",
    "tile/63/000",
    "tile/-1/000",
    "tile/00/000",
    "tile/0x0/000",
    "tile/1e1/000",
    "tile/0/9999999999999999999",
    "tile/0/x999/x999/x999/x999/999",
    "tile/0/" + "x999/" * 400 + "9",
    "tile/0/../0/000",
    "tile/0/%2e%2e/000",
    "tile/0/..%2f..%2f..%2fetc/passwd",
    "tile/0/000%00",
    "tile/0/000%0a",
    "tile/0//000",
    "tile//0/000",
    "tile/0/%D9%A0%D9%A0%D9%A0",
    "tile/0/003",
    "tile/0/002.p/200",
    "tile/data/000",
    "tile/entries/x000",
    "tile/entries/",
    "bundle/000.p/256",
    "bundle/..",
    "bundle/%2e%2e/%2e%2e/keys/root.pem",
    "bundle/999",
    "proof/-1",
    "proof/01",
    "proof/+1",
    "proof/99999999999999999999",
    "proof/1_0",
    "proof/%31%20",
    "document/0/0",
    "document/x/0",
    "document/0/99999999999999999999",
    "document/../0",
)


@pytest.mark.parametrize("path", TILES)
def test_serves_the_tiles_there_are(at: Site, path: str) -> None:
    answer = ask(at, "GET", f"/log/at/1/{path}")
    assert answer.status == 200
    head = ask(at, "HEAD", f"/log/at/1/{path}")
    assert (head.status, head.body) == (200, b"")
    assert without_date(head) == without_date(answer)


def without_date(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "date"}


@pytest.mark.parametrize("path", TRICKS)
def test_refuses_path_tricks(at: Site, path: str) -> None:
    check_problem(ask(at, "GET", f"/log/at/1/{path}"), 400, 404)


@pytest.mark.parametrize(
    "path",
    [
        "/log/AT/1/checkpoint", "/log/at/01/checkpoint", "/log/at/2/checkpoint",
        "/log/../log/xx/1/checkpoint", "/log/xx/1/checkpoint", "/log//1/checkpoint",
        "/log/at/1/checkpoint/", "/log/at/1/", "/nothing", "/api/v1/nothing",
        "/api/v1/labels/SOPRO/AT0/001/00001", "/api/v1/labels/SOPRO/%00", "/.git/config",
        "/%2e%2e/%2e%2e/etc/passwd", "/api/v1/voids/xx/1", "/api/v1/certificates/SOPRO/x",
    ],
)  # fmt: skip
def test_answers_unknown_paths_with_404(at: Site, path: str) -> None:
    check_problem(ask(at, "GET", path), 404)


@pytest.mark.parametrize(
    "query",
    [
        "labels?limit=-1", "labels?limit=1e3", "labels?limit=99999999999999999999", "labels?limit=",
        "labels?limit=+7", "labels?what=1", "labels?at=2026-13-01", "labels?at=2026-1-1",
        "labels?at=2026-02-30", "labels?at=%00", "labels?at=0000-01-01", "statistics?at=now",
        "statistics?until=2026-01-01", "voids/at/1?start=-1", "voids/at/1?limit=9999",
        "labels/SOPRO/AT0/001/00001?at=yesterday",
    ],
)  # fmt: skip
def test_answers_bad_queries_with_400(at: Site, query: str) -> None:
    check_problem(ask(at, "GET", f"/api/v1/{query}"), 400)


@pytest.mark.parametrize("path", ["/", "/api/v1/labels", "/log/at/1/checkpoint", "/health"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
def test_answers_wrong_methods_with_405(at: Site, path: str, method: str) -> None:
    answer = ask(at, method, path)
    check_problem(answer, 405)
    assert "GET" in answer.headers["allow"]


def test_says_what_may_be_done_with_applications(at: Site) -> None:
    answer = ask(at, "GET", "/api/v1/applications")
    check_problem(answer, 405)
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("body", "statuses"),
    [
        (bytes(16 * 1024 + 1), (413,)),
        (bytes(2 * 1024 * 1024), (413,)),
        (bytes(100), (400, 404)),
        (b"\x92\xc4\x00\xc4\x00", (400, 404)),
        (b"{}", (400, 404)),
    ],
)
def test_refuses_bodies_that_are_no_applications(
    land: Federation, body: bytes, statuses: tuple[int, ...]
) -> None:
    check_problem(ask(land.coordinator, "POST", "/api/v1/applications", body=body), *statuses)


def test_refuses_an_endless_body_at_its_limit(land: Federation) -> None:
    site = land.coordinator
    memory = site.reset_peak()
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as client:
        client.sendall(
            b"POST /api/v1/applications HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
        answer = b""
        with contextlib.suppress(OSError):
            for _ in range(1000):
                client.sendall(chunk)
                if select.select([client], [], [], 0)[0]:
                    answer = client.recv(65536)
                    break
    assert b" 413 " in answer.split(b"\r\n")[0]
    assert site.peak() - memory < 16 * 1024 * 1024


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na",
        b"GET /" + b"a" * 65_536 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 65_536 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX\x00: y\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
        b"not http at all\r\n\r\n",
    ],
    ids=[
        "length-and-chunks", "two-lengths", "negative-length", "signed-length", "long-line",
        "long-header", "space-before-colon", "zero-in-name", "version", "tls", "noise",
    ],
)  # fmt: skip
def test_refuses_broken_framing_and_closes(at: Site, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", at.port), timeout=10) as client:
        with contextlib.suppress(OSError):
            client.sendall(data)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := client.recv(65536):
                answer += piece
    assert not answer or b" 400 " in answer.split(b"\r\n")[0]
    assert b"Traceback" not in answer


def test_a_head_of_the_event_stream_ends(at: Site) -> None:
    answer = ask(at, "HEAD", "/events")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_no_random_request_is_a_mistake_of_ours(at: Site, seed: int) -> None:
    chance = random.Random(seed)
    known = [
        "/", "/api/v1/labels", "/api/v1/labels/SOPRO/AT0/001/00001", "/api/v1/statistics",
        "/api/v1/voids/at/1", "/log/at/1/checkpoint", "/log/at/1/tile/0/000", "/log/at/1/proof/1",
        "/log/at/1/bundle/000.p/4", "/log/at/1/document/1/0", "/api/v1/certificates/SOPRO/AT0/1/1",
        "/label/SOPRO/AT0/001/00001", "/verify", "/metrics", "/health", "/.well-known/sopro",
    ]  # fmt: skip
    for _ in range(200):
        path = mutate(chance, chance.choice(known))
        method = chance.choice(["GET", "GET", "GET", "HEAD", "POST", "PUT", "OPTIONS"])
        headers = [
            (chance.choice(["Accept", "Accept-Encoding", "Accept-Language", "Range", "Cookie",
                            "If-None-Match", "If-Modified-Since", "Origin", "X-Forwarded-For"]),
             noise(chance, 30))
        ]  # fmt: skip
        body = noise(chance, 300).encode() if method in ("POST", "PUT") else None
        began = time.monotonic()
        answer = ask(at, method, path, body=body, headers=headers)
        assert time.monotonic() - began < 1
        assert answer.status < 500, (method, path, headers, answer)
        assert b"Traceback" not in answer.body
        if answer.status >= 400 and method != "HEAD" and answer.headers.get("content-type"):
            assert is_an_error_for_its_reader(answer), (method, path, headers, answer)
    assert "Traceback" not in at.read_log()


def is_an_error_for_its_reader(answer: Answer) -> bool:
    kind = answer.headers["content-type"].split(";")[0]
    return kind in ("application/problem+json", "text/html") or answer.status == 400


def noise(chance: random.Random, most: int) -> str:
    letters = string.printable.strip() + "\u00e4\u00ff"
    return "".join(chance.choice(letters) for _ in range(chance.randrange(most)))


def mutate(chance: random.Random, path: str) -> str:
    pieces = [
        "%00", "%ff", "%ed%a0%80", "%2f", "..", "//", "?", "?at=", "?limit=", "&a=b", "%0d%0a", "'",
        '"', "\\", "{}", "%", "%zz", "9" * 30, "-1", "0", ";", "#", "%25", "~", "\u00e9", ".p/1",
    ]  # fmt: skip
    for _ in range(chance.randrange(4)):
        place = chance.randrange(1, len(path) + 1)
        path = path[:place] + chance.choice(pieces) + path[place + chance.randrange(3) :]
    if chance.random() < 0.2:
        path += "?" + "".join(letter for letter in noise(chance, 60) if letter not in " #")
    return path.replace(" ", "%20")


def test_many_idle_connections_harm_nobody(at: Site) -> None:
    memory = at.reset_peak()
    clients = [socket.create_connection(("127.0.0.1", at.port)) for _ in range(400)]
    try:
        began = time.monotonic()
        assert at.get("/health").status == 200
        assert time.monotonic() - began < 1
        assert at.peak() - memory < 24 * 1024 * 1024
    finally:
        for client in clients:
            client.close()


def test_slow_clients_are_cut(at: Site, slow: Slow) -> None:
    ended = slow.wait_until_cut()
    assert max(ended.values()) <= CUT, ended
    wait_until(lambda: at.get("/health").status == 200, "it serves")
