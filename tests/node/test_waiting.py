"""Waiting ends with the event or the time, and leaves nothing behind for the next step."""

import asyncio

from sopro_node.waiting import wait_at_most


async def test_an_event_in_the_moment_the_time_is_over_cancels_nobody() -> None:
    loop = asyncio.get_running_loop()
    for number in range(200):
        event = asyncio.Event()
        # Both are due in one turn of the loop, in either order.
        loop.call_later(0.001, event.set)
        await wait_at_most(event, 0.001 + number % 3 * 0.00001)
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_it_ends_with_what_comes_first() -> None:
    event = asyncio.Event()
    await wait_at_most(event, 0.01)
    assert not event.is_set()
    event.set()
    async with asyncio.timeout(5):
        await wait_at_most(event, 60)


async def test_who_waits_can_be_cancelled() -> None:
    task = asyncio.create_task(wait_at_most(asyncio.Event(), 60))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
