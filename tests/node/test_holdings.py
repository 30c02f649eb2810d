"""Logs come and go under those who go through them; a step leaves nothing behind in memory."""

import gc
import weakref

from sopro_node.step import Step
from tests.node.conftest import Federation


async def test_logs_are_begun_and_dropped_under_whoever_goes_through_them(
    federation: Federation,
) -> None:
    """The writer's thread does it; a loop that broke off would end what goes through them."""
    node = (await federation.coordinator()).node
    other = "sopro.example/xx/1"

    def begin() -> None:
        with node.store.transaction():
            node.holdings.begin(other)

    def drop() -> None:
        node.holdings.discard(node.holdings.logs[other])

    for change, left in ((begin, 2), (drop, 1)):
        for _ in node.holdings.logs.values():
            if len(node.holdings.logs) != left:
                await node.writer.run(change)
        assert len(node.holdings.logs) == left


async def test_a_step_is_gone_when_nobody_holds_it(federation: Federation) -> None:
    """It holds every entry it added, and the collector of circles runs seldom."""
    node = (await federation.coordinator()).node

    def make() -> "weakref.ref[object]":
        with node.store.transaction():
            return weakref.ref(
                Step(node.holdings, node.store, node.log.held, root_key=node.identity.root)
            )

    gc.collect()
    gc.disable()
    try:
        left = await node.writer.run(make)
        assert left() is None
    finally:
        gc.enable()
