"""How this node stands: its log, its mirrors, what went wrong."""

from typing import Any

from sopro_node import clock
from sopro_node.evidence import describe_evidence
from sopro_node.exchange import Exchange
from sopro_node.holdings import Holdings
from sopro_node.identity import Identity


def describe_exchange(holdings: Holdings, exchange: Exchange, identity: Identity) -> dict[str, Any]:
    """Describe this node: its log, its mirrors, what went wrong."""
    now = clock.now()
    own = holdings.own
    mirrors = []
    for origin, state in sorted(exchange.peers.items()):
        held = holdings.logs.get(origin)
        lag = state.lag()
        mirrors.append(
            {
                "origin": origin,
                "site": origin.split("/")[1],
                "size": held.size if held else 0,
                "judged": held.cursor.projected if held else 0,
                "void": held.cursor.voids if held else 0,
                "confirmed_at": exchange.confirmed_at(origin),
                "lag_seconds": None if lag is None else round(lag, 1),
                "failures": state.failures,
                "problem": {"code": state.code, "message": state.message} if state.code else None,
                "sync_seconds": state.seconds,
                "evidence": [one.id.hex() for one in exchange.evidence.standing(origin)],
            }
        )
    return {
        "site": own.site,
        "origin": own.origin,
        "role": "coordinator" if identity.coordinator else "site",
        "size": own.size,
        "root": own.tree.root().hex(),
        "void": own.cursor.voids,
        "labels": own.cursor.grants,
        "acts_on": {"size": own.cursor.acted_on.size} if own.cursor.acted_on else None,
        "membership": _membership_status(holdings, identity),
        "mirrors": mirrors,
        "evidence": describe_evidence(exchange.evidence),
        "time": clock.format_time(now),
    }


def _membership_status(holdings: Holdings, identity: Identity) -> str:
    if identity.coordinator:
        return "coordinator"
    if holdings.coordinator_origin is None:
        return "not joined: no federation is pinned"
    member = holdings.directory.membership(holdings.own.site)
    if member is None:
        return "not known to the coordinator yet"
    own = holdings.own_origin
    if member.origin == own:
        return member.status
    is_closed = holdings.directory.is_closed(own)
    return "closed" if is_closed else f"waits for the coordinator to close {member.origin}"
