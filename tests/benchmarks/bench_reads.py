"""Look-ups, tiles and bundles over HTTP, against a bare handler that returns as many bytes."""

import contextlib
import json
import random
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import machine
from figures import Figure, at_least, only
from machine import serving, span_of
from workload import Site

_CONNECTIONS = 16
_ZSTD = {"Accept-Encoding": "zstd"}


class Case(NamedTuple):
    """Paths to ask for, what a bare handler is to answer, and the ratio required."""

    what: str
    paths: Sequence[str]
    bare: str
    headers: Mapping[str, str]
    bound: float


class Generator:
    """The load generator's process."""

    def __init__(self) -> None:
        self._process = machine.start("loading.py")
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def close(self) -> None:
        machine.stop(self._process)

    def rate(
        self, port: int, paths: Sequence[str], *, seconds: float, headers: Mapping[str, str]
    ) -> float:
        """Return requests per second; every answer must be 200."""
        job = {"port": port, "paths": paths, "seconds": seconds}
        return self._run(job | {"connections": _CONNECTIONS, "headers": headers})

    def post_rate(
        self, port: int, path: str, bodies: Sequence[str], *, connections: int, seconds: float
    ) -> float:
        """Return requests per second; 0 seconds means each body once. Every answer must be 200."""
        job = {"port": port, "paths": [path], "bodies": bodies, "seconds": seconds}
        return self._run(job | {"connections": connections})

    def _run(self, job: dict[str, Any]) -> float:
        job["host"] = "127.0.0.1"
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        if answer["errors"]:
            raise RuntimeError(f"{answer['errors']} of the requests failed: {job['paths'][0]}")
        return float(answer["rate"])


def measure(
    site: Site, numbers: Sequence[str], *, name: str, runs: int, seconds: float
) -> list[Figure]:
    """Ask a site's serving node for its labels, or for a full tile and a full bundle."""
    figures = []
    generator = Generator()
    try:
        with serving(site.folder):
            for case in _cases(site, numbers)[name]:
                figures += _compare(generator, site, case, name, runs=runs, seconds=seconds)
    finally:
        generator.close()
    return figures


def _cases(site: Site, numbers: Sequence[str]) -> dict[str, list[Case]]:
    path = "/log/" + site.origin.split("/", 1)[1]
    labels = [f"/api/v1/labels/{number}" for number in numbers]
    random.Random(7).shuffle(labels)
    tile, bundle = [f"{path}/tile/0/003"], [f"{path}/bundle/003"]
    return {
        "lookup": [Case("label by number", labels[:5000], "/json", {}, 0.60)],
        "tile": [
            Case("full tile", tile, "/octets", {}, 0.65),
            Case("full bundle, zstd", bundle, "/octets", _ZSTD, 0.65),
            Case("full bundle, identity", bundle, "/octets", {}, 0.65),
        ],
    }


@contextlib.contextmanager
def _bare(size: int) -> Iterator[int]:
    port = machine.free_port()
    process = machine.start("bare.py", port, size, size)
    try:
        machine.wait_for(f"http://127.0.0.1:{port}/json")
        yield port
    finally:
        machine.stop(process)


def _compare(
    generator: Generator, site: Site, case: Case, name: str, *, runs: int, seconds: float
) -> list[Figure]:
    port = urlsplit(site.url).port or 0
    size = _size(site.url + case.paths[0], case.headers)
    rates, limits, ratios = [], [], []
    generator.rate(port, case.paths, seconds=seconds / 4, headers=case.headers)
    with _bare(size) as bare:

        def limit() -> float:
            return generator.rate(bare, [case.bare], seconds=seconds / 2, headers={})

        for _ in range(runs):
            before = limit()
            rates.append(generator.rate(port, case.paths, seconds=seconds, headers=case.headers))
            limits.append((before + limit()) / 2)
            ratios.append(rates[-1] / limits[-1])
    beside = f"{span_of(limits).median:,.0f}/s of {size:,} bytes, bare"
    ratio = at_least(case.bound, span_of(ratios))
    return [
        Figure(name, f"{case.what} / limit", **ratio, limit=beside),
        Figure(name, case.what, **only(span_of(rates)), unit="requests/s"),
    ]


def _size(url: str, headers: Mapping[str, str]) -> int:
    with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers))) as answer:
        return len(answer.read())
