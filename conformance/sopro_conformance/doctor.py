"""`sopro-conformance doctor`: says in one sentence what keeps a candidate from being tried at all.

It looks at what every case rests on, in the order in which one thing rests on another, and stops at
the first that is not there: the adapter starts, says who it is, gives verdicts; the node starts,
can be reached, reaches others, stops and comes back.
"""

import random
from collections.abc import AsyncIterator, Sequence
from typing import Final

from sopro_conformance.adapter import Adapter
from sopro_conformance.case import NotMeasured, Profile
from sopro_conformance.world.client import wait_until
from sopro_conformance.world.scene import Scene

PROTOCOL: Final = 1
_EMPTY: Final = b"\x80"
_TWICE: Final = b"\x82\xa1a\x01\xa1a\x02"
_ENDS_WITHIN: Final = 10.0


class AilingError(Exception):
    """What keeps a candidate from being tried; the text says it, and what to do."""


async def examine(
    command: str, profiles: Sequence[Profile], patience: float = 1.0
) -> AsyncIterator[str]:
    """Go through what is as it has to be, a line each.

    Raises:
        AilingError: the next thing is not.
    """
    adapter = Adapter(command, patience)
    scene = Scene(adapter, random.Random("doctor"), patience)  # noqa: S311  # repeatable
    await adapter.open()
    try:
        yield await _greet(adapter, profiles)
        if profiles != [Profile.WITNESS]:
            yield await _judge(adapter)
        if any(one is not Profile.READER for one in profiles):
            async for line in _visit(scene):
                yield line
    except NotMeasured as why:
        raise AilingError(str(why)) from None
    finally:
        await scene.close()
        await adapter.close()


async def _greet(adapter: Adapter, profiles: Sequence[Profile]) -> str:
    answer = await adapter.ask("hello", protocol=PROTOCOL)
    if answer.ok is None:
        raise AilingError(f"hello: {answer.words}")
    wanted = ("protocol", "software", "version", "profiles", "features")
    if missing := [name for name in wanted if name not in answer.ok]:
        raise AilingError(f"hello: its answer has no {', '.join(missing)}")
    if answer.ok["protocol"] != PROTOCOL:
        raise AilingError(f"hello: it speaks protocol {answer.ok['protocol']!r}, not {PROTOCOL}")
    said = answer.ok["profiles"]
    if unsaid := [one.value for one in profiles if one.value not in said]:
        raise AilingError(f"hello: it names the profiles {said}, and {unsaid[0]} is asked for")
    return f"hello        {answer.ok['software']} {answer.ok['version']}, {'+'.join(said)}"


async def _judge(adapter: Adapter) -> str:
    """See that a verdict follows from the bytes, for the easiest there are (README, step 1)."""
    right = await adapter.ask("verify", kind="value", bytes=_EMPTY)
    wrong = await adapter.ask("verify", kind="value", bytes=_TWICE)
    if right.ok is None:
        raise AilingError(f"verify: the value 80, an empty map, is to be accepted: {right.words}")
    if wrong.code != "enc.duplicate-key":
        raise AilingError(
            f"verify: the value {_TWICE.hex()}, a map with one key twice, is to be refused "
            f"enc.duplicate-key (ENC-2): {wrong.words}"
        )
    return "verify       accepts a map, and refuses one with a key twice"


async def _visit(scene: Scene) -> AsyncIterator[str]:
    client = await scene.start()
    yield f"start        {client.origin} at {client.url}"
    reply = await client.ask(client.prefix + "/checkpoint")
    if reply.status != 200:
        raise AilingError(
            f"start: {client.url}{client.prefix}/checkpoint, its own head, is not served: "
            f"{reply.status or reply.body.decode('utf-8', 'replace')}"
        )
    yield "reached      it serves its head"
    log = ".*/(checkpoint|tile|bundle).*"
    patience = 60 * scene.patience
    if not await scene.coordinator.wait_asked(log, since=0, within=patience):
        raise AilingError(
            f"it never asks the coordinator at {scene.coordinator.url} for its log: does it follow "
            "coordinator.url of 'start' (SYNC-1), and may it call 127.0.0.1 (url_allowed)?"
        )
    yield "reaches      it asks the coordinator for its log"
    await scene.ask("stop")

    async def is_gone() -> bool:
        return not await client.is_up()

    if not await wait_until(is_gone, within=_ENDS_WITHIN * scene.patience):
        raise AilingError(f"stop: it still serves {client.url}")
    await scene.ask("start")
    if not await wait_until(client.is_up, within=patience):
        raise AilingError(f"start, again: its log is not served at {client.url}")
    yield "stop, start  it ends and comes back"
    await scene.ask("clock", offset=0)
    yield "clock        it takes an offset"
