"""Look-ups, tiles and bundles over HTTP, against a bare handler that returns as many bytes."""

import json
import random
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import machine
from figures import Figure, at_least, only
from machine import serving, span_of
from workload import Site

_CONNECTIONS = 16
_ZSTD = {"Accept-Encoding": "zstd"}


class Load:
    """The load generator's process, and the bare server's."""

    def __init__(self) -> None:
        self._bare_port = machine.free_port()
        self._bare = machine.start("bare.py", self._bare_port)
        self._generator = machine.start("loading.py")
        machine.wait_for(f"http://127.0.0.1:{self._bare_port}/health")
        assert self._generator.stdout is not None
        self._generator.stdout.readline()

    def close(self) -> None:
        machine.stop(self._generator)
        machine.stop(self._bare)

    def rate(
        self, port: int, paths: Sequence[str], *, seconds: float, headers: Mapping[str, str]
    ) -> float:
        """Return requests per second; every answer must be 200."""
        assert self._generator.stdin is not None
        assert self._generator.stdout is not None
        job = {"host": "127.0.0.1", "port": port, "paths": paths, "seconds": seconds}
        job |= {"connections": _CONNECTIONS, "headers": headers}
        self._generator.stdin.write(json.dumps(job) + "\n")
        self._generator.stdin.flush()
        answer: dict[str, Any] = json.loads(self._generator.stdout.readline())
        if answer["errors"]:
            raise RuntimeError(f"{answer['errors']} of the requests failed: {paths[0]}")
        return float(answer["rate"])

    def bare_rate(self, path: str, *, seconds: float) -> float:
        return self.rate(self._bare_port, [path], seconds=seconds, headers={})

    def compare(
        self, port: int, paths: Sequence[str], bare: str, headers: Mapping[str, str], **how: float
    ) -> list[tuple[float, float]]:
        """Return (rate, limit) of each run, the limit measured before and after."""
        runs = []
        self.rate(port, paths, seconds=how["seconds"] / 4, headers=headers)
        for _ in range(int(how["runs"])):
            before = self.bare_rate(bare, seconds=how["seconds"] / 2)
            rate = self.rate(port, paths, seconds=how["seconds"], headers=headers)
            after = self.bare_rate(bare, seconds=how["seconds"] / 2)
            runs.append((rate, (before + after) / 2))
        return runs


def _size(url: str, headers: Mapping[str, str]) -> int:
    with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers))) as answer:
        return len(answer.read())


def measure(
    site: Site, numbers: Sequence[str], *, names: Sequence[str], runs: int, seconds: float
) -> list[Figure]:
    """Ask a site's serving node for its labels, and for its last full tile and bundle."""
    path = "/log/" + site.origin.split("/", 1)[1]
    labels = [f"/api/v1/labels/{number}" for number in numbers]
    random.Random(7).shuffle(labels)
    cases = {
        "lookup": [("label by number", labels[:5000], "json", {}, 0.60)],
        "tile": [
            ("full tile", [f"{path}/tile/0/003"], "bytes", {}, 0.65),
            ("full bundle, zstd", [f"{path}/bundle/003"], "bytes", _ZSTD, 0.65),
            ("full bundle, identity", [f"{path}/bundle/003"], "bytes", {}, 0.65),
        ],
    }
    figures = []
    load = Load()
    port = urlsplit(site.url).port or 0
    try:
        with serving(site.folder):
            for name in names:
                for what, paths, kind, headers, bound in cases[name]:
                    size = _size(site.url + paths[0], headers)
                    found = load.compare(
                        port, paths, f"/{kind}/{size}", headers, runs=runs, seconds=seconds
                    )
                    ratio = span_of([rate / bare for rate, bare in found])
                    rates = span_of([rate for rate, _ in found])
                    bare = span_of([bare for _, bare in found])
                    limit = f"{bare.median:,.0f}/s of {size:,} bytes, bare"
                    figures.append(
                        Figure(name, f"{what} / limit", **at_least(bound, ratio), limit=limit)
                    )
                    figures.append(Figure(name, what, **only(rates), unit="requests/s"))
    finally:
        load.close()
    return figures
