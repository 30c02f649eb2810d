"""What an address shows over days: tiles that never change, heads that others go on cosigning.

The cases LOG-05 and SYN-08 as somebody tries them who has no adapter. LOG-07 needs nothing more:
its heads are those of earlier days, too, where a memory of them was kept.
"""

import hashlib
import time
from typing import Final

from sopro_conformance.case import Check, Verdict, from_outside
from sopro_conformance.cases.published import resources
from sopro_conformance.trial import Trial
from sopro_conformance.wire.note import cosigned_at
from sopro_conformance.wire.vkey import read_policy
from sopro_conformance.world.client import Client, words
from sopro_conformance.world.served import WIDTH, resource_path

_TILES: Final = 64
"""So many full tiles are looked at, the first and the last of them."""
_FRESH: Final = 26 * 3600
"""Seconds after which a head that is looked at once a day has been cosigned again (WIT-8)."""


async def _digests(client: Client, size: int) -> dict[str, str]:
    """Return the SHA-256 of full tiles as they are served now, by path below the log's prefix."""
    full = [
        resource_path(kind, number, width)
        for kind, _, number, width in resources(size)
        if width == WIDTH
    ]
    half = _TILES // 2
    chosen = full if len(full) <= _TILES else full[:half] + full[-half:]
    found = {}
    for path in chosen:
        reply = await client.ask(f"{client.prefix}/{path}")
        is_there = reply.status == 200
        found[path] = hashlib.sha256(reply.body).hexdigest() if is_there else words(reply)
    return found


@from_outside("LOG-05")
async def unchanging(trial: Trial) -> None:
    """Read full tiles twice, and compare them with those of earlier days."""
    client = await trial.node()
    memory = trial.scene.memory
    head = await client.read()
    now = await _digests(client, head.size)
    again = await _digests(client, head.size)
    trial.check(
        f"{len(now)} full tiles, read twice",
        holds=now == again,
        expected="the same bytes",
        actual="; ".join(path for path in now if now[path] != again[path]) or "as expected",
    )
    for path, digest in memory.tiles.items():
        if path not in now:
            reply = await client.ask(f"{client.prefix}/{path}")
            now[path] = hashlib.sha256(reply.body).hexdigest()
        trial.check(
            f"{path}, as on an earlier day",
            holds=now[path] == digest,
            expected=f"SHA-256 {digest}",
            actual=now[path],
        )
    memory.keep(client.seen, {path: one for path, one in now.items() if len(one) == 64})


@from_outside("SYN-08")
async def cosigned_today(trial: Trial) -> None:
    """Look at the times of the cosignatures under the head."""
    client = await trial.node()
    reply = await client.ask("/api/v1/witness-policy")
    if reply.status == 404:
        none = "no witness policy is served: 404"
        trial.checks.append(
            Check("the policy", Verdict.NOT_APPLICABLE, "witnesses that count", none)
        )
        return
    trial.need(reply.status == 200, f"/api/v1/witness-policy: {words(reply)}")
    witnesses = read_policy(reply.body)
    head = await client.head()
    times = [cosigned_at(head, name, public) for name, public in witnesses]
    newest = max((one for one in times if one is not None), default=0)
    age = int(time.time()) - newest
    said = f"{age // 60} minutes ago" if newest else "by none of them"
    trial.checks.append(
        Check(
            f"the head at size {head.size}, by {len(witnesses)} witnesses of the policy",
            Verdict.PASS if newest and age <= _FRESH else Verdict.WARN,
            f"cosigned within {_FRESH // 3600} hours",
            f"last cosigned {said}",
        )
    )
