"""Challenges: what a run of the conformance suite has to begin from (SPEC CONF-4).

A challenge is the time it was given, eight bytes in ms UTC, and what only this node could have
written behind it. So nothing is kept of those that were given, however many ask.
"""

import hmac
import os
from typing import Final

from sopro_node import clock
from sopro_node.node import Node
from sopro_protocol.errors import RefusedError

DAYS: Final = 7
"""So long a run may begin after its challenge was given."""
_LIFE: Final = DAYS * 86_400_000
_AHEAD: Final = 300_000
_SETTING: Final = "challenge"
_CONTEXT: Final = b"sopro-challenge/1\n"


async def give_challenge(node: Node, *, site: str, origin: str) -> bytes:
    """Return a new challenge for a site and its log."""
    secret = await node.writer.run(lambda: _secret(node))
    return _write(secret, clock.now(), site, origin)


def check_challenge(node: Node, nonce: bytes, *, site: str, origin: str, began: int) -> None:
    """Hold a statement's challenge to those given to its site.

    Args:
        node: the coordinator's.
        nonce: as the statement has it.
        site: who asks.
        origin: of its log.
        began: when the run began, ms UTC.

    Raises:
        RefusedError: `conf.nonce`, it was given to nobody, to another, or at another time.
    """
    given = int.from_bytes(nonce[:8], "big")
    secret = node.reader.setting(_SETTING)
    if secret is None or not hmac.compare_digest(_write(secret, given, site, origin), nonce):
        raise RefusedError(
            f"{site}: its statement answers a challenge that was not given to it for {origin}; it "
            "gets one with 'sopro join' and runs the conformance suite with it",
            code="conf.nonce",
        )
    if not given - _AHEAD <= began <= given + _LIFE:
        raise RefusedError(
            f"{site}: its run did not begin within {DAYS} days of its challenge, which is of "
            f"{clock.format_time(given)}; it runs the suite again with a new one",
            code="conf.nonce",
        )


def _write(secret: bytes, given: int, site: str, origin: str) -> bytes:
    time = given.to_bytes(8, "big")
    message = _CONTEXT + time + site.encode() + b"\n" + origin.encode()
    return time + hmac.digest(secret, message, "sha256")[:24]


def _secret(node: Node) -> bytes:
    """Return what challenges are written with, made at the first."""
    known = node.store.setting(_SETTING)
    if known is not None:
        return known
    made = os.urandom(32)
    with node.store.transaction():
        node.store.put_setting(_SETTING, made)
    return made
