"""Checking the signatures of a log that is held, in processes that are ahead of who judges it."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from itertools import islice
from typing import Final, NamedTuple

from sopro_node.store.base import Reader
from sopro_node.store.rows import LogRow
from sopro_node.verify import CheckedBundle, check_entries, check_held
from sopro_node.worker import Outcome, Task, run_task, start_pool
from sopro_protocol.errors import SoproError, UnavailableError
from sopro_protocol.tile import WIDTH

_FEW: Final = 32
"""Full bundles of a log that are checked before workers would have started."""
_GROUP: Final = 4
_AHEAD: Final = 8


class _Asked(NamedTuple):
    """Bundles that were given to a worker, and what will come of it."""

    task: Task
    future: Future[Outcome]


class Rechecker:
    """Goes through logs bundle by bundle; what workers cannot do is done here."""

    def __init__(self, store: Reader, stack: ExitStack) -> None:
        """Start with no workers; those that are started are let go with the stack."""
        self._store = store
        self._stack = stack
        self._pool: Executor | None = None

    def bundles(
        self, row: LogRow, keys: Callable[[], Mapping[bytes, bytes]]
    ) -> Iterator[CheckedBundle]:
        """Go through a stored log.

        Args:
            row: of the log.
            keys: returns the public keys of its site by id, as far as they are known by now.

        Raises:
            FormatError: a bundle is missing or damaged; the ones before have been given.
        """
        full, width = divmod(row.size, WIDTH)
        # The first is judged before anything is asked of workers: it names the keys.
        alone = full if full < _FEW else 1
        for number in range(alone):
            yield check_held(self._frame(row.log, number), number=number, keys=keys())
        yield from self._checked_by_workers(row.log, list(range(alone, full)), keys)
        if width:
            yield check_entries(
                self._store.entries(row.log, full * WIDTH), number=full, keys=keys()
            )

    def _checked_by_workers(
        self, log: int, numbers: list[int], keys: Callable[[], Mapping[bytes, bytes]]
    ) -> Iterator[CheckedBundle]:
        groups = (numbers[at : at + _GROUP] for at in range(0, len(numbers), _GROUP))
        asked: deque[_Asked] = deque()
        while True:
            # Whoever goes through them has learned new keys meanwhile.
            for group in islice(groups, _AHEAD - len(asked)):
                asked.append(self._ask(log, group, keys()))
            if not asked:
                return
            yield from _take(asked.popleft())

    def _ask(self, log: int, numbers: Sequence[int], keys: Mapping[bytes, bytes]) -> _Asked:
        if self._pool is None:
            pool: Executor = start_pool(os.cpu_count() or 1)
            self._pool = self._stack.enter_context(pool)
        frames = [self._frame(log, number) for number in numbers]
        task = Task((), numbers, (), keys, 0, frames=frames)
        return _Asked(task, self._pool.submit(run_task, task))

    def _frame(self, log: int, number: int) -> bytes:
        return self._store.bundle(log, number) or b""


def _take(asked: _Asked) -> list[CheckedBundle]:
    outcome, task = asked.future.result(), asked.task
    if isinstance(outcome, UnavailableError):
        return [
            check_held(frame, number=number, keys=task.keys)
            for number, frame in zip(task.numbers, task.frames, strict=True)
        ]
    if isinstance(outcome, SoproError):
        raise outcome
    return outcome
