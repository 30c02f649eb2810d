"""Records beside the point, so that logs of a case are as long as chance will have it.

Where they stand says nothing of what a case tries, and whoever judges by lengths and numbers learns
nothing from another run.
"""

import random
import string
from typing import Final

from sopro_conformance.wire.codec import Value
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.records import Draft, write_entry

HOW_MANY: Final = (0, 0, 0, 0, 0, 0, 1, 1, 2)
"""Of these one is drawn before each record."""
_LONGEST: Final = 160


def word(source: random.Random, most: int = 12) -> str:
    """Return a word of small letters, of one letter at least."""
    return "".join(source.choices(string.ascii_lowercase, k=source.randint(1, most)))


def fillers(source: random.Random, origin: str, time: int, signer: SigningKey) -> list[bytes]:
    """Return entries that count for nothing (VOID-11), or say nothing but that somebody is there.

    Args:
        source: of chance; its own, so that two worlds that differ in one record have the same ones.
        origin: of the log that they are for.
        time: of each.
        signer: the log's registrar key.
    """
    return [
        write_entry(_draft(source, origin, time).encode(), [signer])
        for _ in range(source.choice(HOW_MANY))
    ]


def _draft(source: random.Random, origin: str, time: int) -> Draft:
    body: dict[str, Value] = {"filling": source.randbytes(source.randint(0, _LONGEST))}
    family = f"x-{word(source)}/1"
    if source.random() < 0.5:
        country, status = origin.split("/")[1].upper(), "active"
        body |= {"actor_type": "enterprise", "country": country, "status": status}
        body["effective_date"], family = "2026-02-01", "organisation/1"
    return Draft(origin, family, body, source.randbytes(16), source.randbytes(16), time)
