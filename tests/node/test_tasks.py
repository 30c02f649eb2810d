"""Tasks go on after a bug; waiting ends with the event or the time and leaves nothing behind."""

import asyncio
import logging

import pytest

from sopro_node.tasks import start_task, wait_at_most


async def test_a_bug_is_told_and_the_work_begins_again(caplog: pytest.LogCaptureFixture) -> None:
    begun = 0
    goes_on = asyncio.Event()

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun < 3:
            raise KeyError(begun)
        goes_on.set()
        await asyncio.Event().wait()

    with caplog.at_level(logging.ERROR):
        task = start_task(work, name="followed", pause=0.01)
        async with asyncio.timeout(5):
            await goes_on.wait()
    assert [record.__dict__["task"] for record in caplog.records] == ["followed"] * 2
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def test_a_cancellation_nobody_asked_for_ends_nothing() -> None:
    """Such a one is left behind where a time runs out in the moment the work is done."""
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            raise asyncio.CancelledError

    async with asyncio.timeout(5):
        await start_task(work, name="followed", pause=0.01)
    assert begun == 2


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
