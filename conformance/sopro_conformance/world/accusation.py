"""Evidence of two histories of a log of the world, right and wrong (SPEC section EVID)."""

from collections.abc import Mapping
from typing import Any

from sopro_conformance.wire.codec import Value, encode
from sopro_conformance.wire.proof import write_proof
from sopro_conformance.world.federation import World
from sopro_conformance.world.sitelog import SiteLog, Written


def write_head(log: SiteLog, size: int, until: int) -> list[Value]:
    """Write a head with its root at a size and what leads there (EVID-1)."""
    return [log.checkpoint(until), log.tree.root(size), log.tree.consistency(size, until)]


def describe(
    first: SiteLog, second: SiteLog, size: int, *, sizes: tuple[int, int] = (0, 0)
) -> dict[str, Any]:
    """Return the fields that accuse a log by two heads; all of each history where no size is told.

    For a log that is not the coordinator's `vouch` says whose it is.
    """
    logs = sorted(
        zip((first, second), sizes, strict=True),
        key=lambda pair: (pair[1] or pair[0].size, pair[0].tree.root(pair[1] or pair[0].size)),
    )
    return {
        "heads": [write_head(log, size, until or log.size) for log, until in logs],
        "keys": [first.entries[at] for at in first.key_positions],
        "origin": first.origin,
        "size": size,
        "sopro_evidence": 1,
    }


def vouch(world: World, membership: Written) -> dict[str, Any]:
    """Return the fields that say by which root key a site's log goes (EVID-5)."""
    log = world.coordinator
    at = membership.position
    proof = write_proof(at, log.tree.inclusion(at, log.size), log.checkpoint())
    return {
        "coordinator_keys": [log.entries[position] for position in log.key_positions],
        "membership": [membership.entry, proof],
    }


def write(fields: Mapping[str, Any], **changes: Any) -> bytes:
    """Write evidence, with something in it changed, or absent where it is None."""
    changed = dict(fields) | changes
    return encode({name: one for name, one in changed.items() if one is not None})
