"""Waiting for an event, but no longer than some time."""

import asyncio


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
