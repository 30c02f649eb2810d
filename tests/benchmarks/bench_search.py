"""Searches, checks of many numbers at once, and states as histories grow."""

import http.client
import random
import shutil
import statistics
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from figures import Figure, at_least, at_most, only
from machine import Span, serving, span_of
from searching import Register, fill_register, grow_histories
from workload import Site

from sopro_node.store.sqlite import SqliteStore

_NUMBERS = 10_000


class Reader:
    """One connection that is kept alive."""

    def __init__(self, site: Site) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(site.url).netloc, timeout=60)

    def ask(self, path: str, body: str = "") -> float:
        """Return seconds until an answer is here; it must be 200."""
        began = time.perf_counter()
        headers = {"Content-Type": "text/csv"} if body else {}
        self._connection.request("POST" if body else "GET", path, body or None, headers)
        answer = self._connection.getresponse()
        answer.read()
        took = time.perf_counter() - began
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
        return took


def measure(site: Site, *, labels: int, runs: int) -> list[Figure]:
    """Search a register of as many labels, and check its numbers."""
    register = fill_register(site, labels)
    with serving(site.folder):
        figures = _search(site, register, runs=runs)
        figures += _check(site, register, runs=runs)
    return figures


def _search(site: Site, register: Register, *, runs: int) -> list[Figure]:
    """Ask each search once, and look a label up after it: neither has been asked before."""
    reader, rng = Reader(site), random.Random(5)
    count = min(60 * runs, len(register.queries), len(register.numbers))
    queries = rng.sample(register.queries, count)
    numbers = rng.sample(register.numbers, count)
    for path in ("/api/v1/directory?q=nothing", f"/api/v1/labels/{register.numbers[0]}"):
        reader.ask(path)
    searches, lookups = [], []
    for query, number in zip(queries, numbers, strict=True):
        searches.append(reader.ask(f"/api/v1/directory?{query}"))
        lookups.append(reader.ask(f"/api/v1/labels/{number}"))
    ratio = _late(searches) / _late(lookups)
    middle = statistics.median(searches) / statistics.median(lookups)
    limit = f"{_late(lookups) * 1e6:,.0f} us a look-up, p95"
    what = f"search of {len(register.numbers):,} labels, p95 / p95 of a look-up by number"
    return [
        Figure("search", what, **at_most(4, _single(ratio)), limit=limit),
        Figure("search", "the same, median / median", **only(_single(middle))),
        Figure("search", "search, p95", **only(_single(_late(searches) * 1e6)), unit="us"),
    ]


def _check(site: Site, register: Register, *, runs: int) -> list[Figure]:
    """Check numbers over HTTP in one table, and read the same from the database in turns."""
    reader, rng = Reader(site), random.Random(6)
    numbers = rng.sample(register.numbers, min(_NUMBERS, len(register.numbers)))
    table = "\r\n".join(numbers)
    store = SqliteStore.open(site.folder, writing=False)
    rates, limits, ratios = [], [], []
    try:
        for _ in range(runs):
            limits.append(len(numbers) / _read_all(store, numbers))
            rates.append(len(numbers) / reader.ask("/api/v1/check", table))
            ratios.append(rates[-1] / limits[-1])
    finally:
        store.close()
    limit = f"{span_of(limits).median:,.0f} labels/s read from the database"
    return [
        Figure("check", f"{len(numbers):,} numbers in one table / limit",
               **at_least(0.3, span_of(ratios)), limit=limit),
        Figure("check", "numbers checked", **only(span_of(rates)), unit="numbers/s"),
    ]  # fmt: skip


def _read_all(store: SqliteStore, numbers: Sequence[str]) -> float:
    began = time.perf_counter()
    for number in numbers:
        if store.label(number) is None:
            raise RuntimeError(number)
    return time.perf_counter() - began


def measure_history(site: Site, *, labels: int, runs: int) -> list[Figure]:
    """Ask the same of labels before and after their histories and their log have grown tenfold.

    In turns, each time of a node that has just begun to serve: what else the machine does changes
    from one minute to the next.
    """
    register = fill_register(site, labels)
    asked = [f"/api/v1/check?number={number}" for number in register.numbers[:500]]
    grow_histories(site, register, more=1)
    before = Site(site.folder.with_name("before"), site.origin)
    shutil.copytree(site.folder, before.folder)
    grow_histories(site, register, more=18)
    times = [(_ask_all(site, asked), _ask_all(before, asked)) for _ in range(runs)]
    ratio = span_of([long / short for long, short in times])
    what = f"state of one of {labels:,} labels, 20 decisions each / 2 each"
    limit = f"{span_of([short for _, short in times]).median:,.0f} us with 2"
    return [Figure("history", what, **at_most(1.2, ratio), limit=limit)]


def _ask_all(site: Site, paths: Sequence[str]) -> float:
    """Return how long one takes, in microseconds: the least of some medians; other work adds."""
    with serving(site.folder):
        reader = Reader(site)
        medians = [statistics.median(reader.ask(path) for path in paths) for _ in range(4)]
    return min(medians) * 1e6


def _late(times: Sequence[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


def _single(value: float) -> Span:
    return Span(value, value, value)
