"""`sopro-conformance world`: the federation around a candidate, kept running for who builds one."""

import asyncio
import json
import random
from pathlib import Path

from aiohttp import web

from sopro_conformance.adapter import Adapter
from sopro_conformance.case import NotMeasured
from sopro_conformance.wire.codec import WireError, decode
from sopro_conformance.world.federation import FEDERATION
from sopro_conformance.world.scene import Scene

APPLICATIONS = "/api/v1/applications"
GROWS_EVERY = 10.0
"""Seconds after which one of the members appends something."""


async def stand(members: int, invite: Path, seed: str) -> None:
    """Run coordinator and members until this is cancelled; admit every site that asks."""
    scene = Scene(Adapter(""), random.Random(seed))  # noqa: S311  # repeatable
    await scene.open()
    try:
        scene.coordinator.posts[APPLICATIONS] = lambda body: _admit(scene, body)
        for number in range(members):
            peer = await scene.new_peer(5 + 300 * (number % 2))
            print(f"member       {peer.origin} at {peer.server.url}")  # noqa: T201  # what it is for
        said = {
            "sopro_invite": 1,
            "federation": FEDERATION,
            "origin": scene.world.coordinator.origin,
            "root": scene.world.root.hex(),
            "urls": [scene.coordinator.url],
        }
        invite.write_text(json.dumps(said, indent=1) + "\n", "utf-8")  # noqa: ASYNC240  # once
        print(f"coordinator  {said['origin']} at {scene.coordinator.url}")  # noqa: T201
        print(f"invite       {invite}; it admits whoever asks", flush=True)  # noqa: T201
        await _grow(scene)
    finally:
        await scene.close()


async def _grow(scene: Scene) -> None:
    """Have one member after the other append something, so that there is something to follow."""
    while True:
        for peer in list(scene.peers.values()):
            await asyncio.sleep(GROWS_EVERY)
            scene.grow(peer)
            await peer.server.announce(peer.log)
        await asyncio.sleep(0 if scene.peers else GROWS_EVERY)


async def _admit(scene: Scene, body: bytes) -> web.StreamResponse:
    """Admit a site as it asks to be (JOIN-1); its signature is not looked at here."""
    try:
        request = decode(decode(body)[0])
        site, origin, urls = request["site"], request["origin"], request["urls"]
        if site not in scene.admitted:
            scene.admitted.add(site)
            scene.world.enroll(site, origin=origin, root=request["root"], urls=urls)
            await scene.publish()
    except (WireError, KeyError, TypeError, IndexError, ValueError, NotMeasured) as error:
        return web.json_response({"title": "Not understood", "detail": str(error)}, status=400)
    print(f"admitted     {origin} at {', '.join(urls)}", flush=True)  # noqa: T201
    return web.json_response({"site": site})
