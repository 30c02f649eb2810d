"""What a step leaves behind in memory: nothing."""

import gc
import weakref

from tests.node.conftest import Federation


async def test_a_step_is_gone_when_nobody_holds_it(federation: Federation) -> None:
    """It holds every entry it added, and the collector of circles runs seldom."""
    node = (await federation.coordinator()).node

    def make() -> "weakref.ref[object]":
        with node.store.transaction():
            return weakref.ref(node.holdings.step(node.log.held, root_key=node.identity.root))

    gc.collect()
    gc.disable()
    try:
        left = await node.writer.run(make)
        assert left() is None
    finally:
        gc.enable()
