"""Tasks that go on for as long as a node serves, and waiting in them."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

_FIRST_PAUSE: Final = 1.0
_MOST_PAUSE: Final = 60.0

_logger = logging.getLogger("sopro.tasks")


def start_task(
    work: Callable[[], Coroutine[Any, Any, None]], *, name: str, pause: float = _FIRST_PAUSE
) -> asyncio.Task[None]:
    """Start what must go on whatever happens in it, until it is cancelled or has returned.

    A task that ends by a bug ends without a word, and what it did is missed much later. This one
    says so, and begins its work again.

    Args:
        work: begun again after each bug.
        name: for the log.
        pause: seconds before it is begun again, longer each time until it has gone well for long.
    """
    return asyncio.create_task(_keep_going(work, name, pause), name=name)


async def _keep_going(
    work: Callable[[], Coroutine[Any, Any, None]], name: str, first_pause: float
) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    pause = first_pause
    while True:
        began = loop.time()
        try:
            return await work()
        except asyncio.CancelledError:
            if task is None or task.cancelling():
                raise
            # Nobody has asked for it: a library below has left it behind.
            _logger.warning("a task was cancelled by nobody", extra={"task": name})
        except Exception:  # whatever it is, the next try may go well
            _logger.exception("bug in a task", extra={"task": name})
        if loop.time() - began > _MOST_PAUSE:
            pause = first_pause
        await asyncio.sleep(pause)
        pause = min(_MOST_PAUSE, 2 * pause)


async def wait_at_most(event: asyncio.Event, seconds: float) -> None:
    """Wait until an event is set or the time is over.

    Neither `wait_for`, which until Python 3.12 can swallow a cancellation, nor `timeout`, which
    until 3.13 leaves one behind where both come in the same moment: the task that waits would end
    at its next step, without a word.
    """
    waiter = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiter}, timeout=max(0.0, seconds))
    finally:
        waiter.cancel()
