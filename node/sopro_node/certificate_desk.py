"""Certificates for whoever asks: made from the logs held here, judged, and where their page is."""

import asyncio
from collections.abc import Mapping
from functools import partial
from time import monotonic
from typing import Any, Final

from sopro_node import clock
from sopro_node.certificates import make_certificate
from sopro_node.knowledge import know
from sopro_node.node import Node
from sopro_node.qr import page_address
from sopro_protocol.errors import UnavailableError
from sopro_registry.verdict import Judged, judge_certificate

_TRIES: Final = 3
_MOMENT: Final = 0.01
_PATIENCE: Final = 5.0


async def page(node: Node, values: Mapping[str, Any]) -> dict[str, Any]:
    """Say where a label's page is: at the site that decides on it. `number`. Answers `url`.

    Where that site takes no part any more, it is this node's page.
    """
    number = values["number"]
    return {"url": label_page(node, node.desk.course(number).competent.site, number)}


def label_page(node: Node, site: str, number: str) -> str:
    """Return the address of the page of a site's label."""
    member = node.holdings.directory.membership(site)
    is_there = member is not None and member.status in ("admitted", "suspended")
    url = member.urls[0] if member is not None and is_there else node.settings.public_url
    return page_address(url, number)


async def certificate(node: Node, values: Mapping[str, Any]) -> dict[str, Any]:
    """Make a label's certificate file. `number`. Answers `content`."""
    await node.fence.settle()
    number = values["number"]
    for stage in node.desk.course(number).stages:
        held = node.holdings.logs[stage.origin]
        if held.statuses is None:
            await node.writer.run(partial(node.holdings.statuses, held))
    tries, until = 0, monotonic() + _PATIENCE
    while True:
        try:
            return {"content": make_certificate(node.reader, node.holdings, number)}
        except UnavailableError as error:
            # Witnesses answer within seconds, what grows within moments.
            if monotonic() > until or (error.code != "ckp.quorum" and tries >= _TRIES):
                raise
        tries += 1
        await asyncio.sleep(_MOMENT * min(tries, 20))


async def judge(node: Node, data: bytes, *, day: int) -> Judged:
    """Judge a certificate file against the federation this node is pinned to.

    Raises:
        UnavailableError: it is pinned to none.
    """
    if node.invite is None:
        raise UnavailableError("this node belongs to no federation yet, so it can trust none")
    return await asyncio.to_thread(
        judge_certificate,
        data,
        coordinator=node.invite.origin,
        coordinator_root=node.invite.root_key,
        day=day,
        now=clock.now(),
        policy=node.cosignatures.policy,
        knowledge=know(node.reader, node.holdings),
    )
