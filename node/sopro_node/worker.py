"""Worker processes: each fetches bundles and checks them; the main process coordinates."""

import asyncio
import gc
import multiprocessing
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from sopro_node.fetch import Fetch
from sopro_node.verify import CheckedBundle, check_bundle
from sopro_protocol.bundle import MAX_BUNDLE, WIDTH
from sopro_protocol.errors import PeerError, SoproError
from sopro_protocol.tile import bundle_path


class Task(NamedTuple):
    """Full bundles to fetch and check.

    Attributes:
        bases: URLs under which the log is served, the best first.
        numbers: of the bundles.
        roots: of their subtrees, as the signed checkpoint has them.
        keys: public keys of the site by id.
        deadline: in seconds, for each bundle.
    """

    bases: Sequence[str]
    numbers: Sequence[int]
    roots: Sequence[bytes]
    keys: Mapping[bytes, bytes]
    deadline: float


class _State:
    """What a worker process keeps between tasks."""

    loop: asyncio.AbstractEventLoop | None = None
    fetch: Fetch | None = None


def start_pool(count: int) -> ProcessPoolExecutor:
    """Start worker processes; they inherit nothing but this module."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(max_workers=count, mp_context=context, initializer=_begin)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _begin() -> None:
    # A node that is killed cannot end its workers; each sees to that itself.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Nothing here makes cycles, and collecting them costs a tenth of the time.
    gc.disable()
    _State.loop = asyncio.new_event_loop()


def run_task(task: Task) -> list[CheckedBundle] | SoproError:
    """Fetch and check bundles, in a worker process."""
    assert _State.loop is not None, "runs in a worker"  # noqa: S101  # a bug if not
    try:
        return _State.loop.run_until_complete(_run(task))
    except SoproError as error:
        return error


async def _run(task: Task) -> list[CheckedBundle]:
    if _State.fetch is None:
        _State.fetch = await Fetch(task.deadline).__aenter__()
    return [
        await fetch_bundle(_State.fetch, task, number, root)
        for number, root in zip(task.numbers, task.roots, strict=True)
    ]


async def fetch_bundle(fetch: Fetch, task: Task, number: int, root: bytes) -> CheckedBundle:
    """Fetch and check one full bundle from the first node that serves it right.

    Raises:
        SoproError: of the first node asked, where none does.
    """
    first: SoproError | None = None
    for base in task.bases:
        try:
            url = f"{base}/{bundle_path(index=number)}"
            fetched = await fetch.get(url, limit=MAX_BUNDLE)
            return check_bundle(
                fetched, number=number, width=WIDTH, start=0, root=root, keys=task.keys
            )
        except SoproError as error:
            first = first or error
    raise first or PeerError("nobody to ask", code="hos.unreachable")
