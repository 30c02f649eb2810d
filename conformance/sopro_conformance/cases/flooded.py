"""ERR-03: one caller asks as fast as it can, and others are answered all the same."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Final

from sopro_conformance.case import case
from sopro_conformance.cases.asked import problem_of
from sopro_conformance.trial import Trial
from sopro_conformance.world.client import Client, Reply, words
from sopro_conformance.world.raw import Line

_CALLER: Final = "127.0.0.9"
"""Where the one asks from; all others are at the address that loopback usually has."""
_LINES: Final = 16
_MOST: Final = 6000
_ANSWERED_WITHIN: Final = 5.0
_REFUSED: Final = 400
"""So many refusals are enough of them."""
_READ: Final = range(20, 400)
"""How often others ask meanwhile."""
_GUESSES: Final = 500
_LONGEST_WAIT: Final = 60


@dataclass
class Flood:
    """What a caller was answered who asks as fast as it can.

    Attributes:
        statuses: how often each came; 0 is no answer.
        refused: the first answer with status 429.
    """

    statuses: dict[int, int] = field(default_factory=dict)
    refused: Reply | None = None

    def note(self, reply: Reply) -> None:
        """Count an answer."""
        self.statuses[reply.status] = self.statuses.get(reply.status, 0) + 1
        if reply.status == 429 and self.refused is None:
            self.refused = reply


@case(
    "ERR-03",
    "Who asks too often is told so, and nobody else waits for it.",
    clauses="ERR-7 OFC-2",
    profiles="publisher",
    verbs="start",
)
async def flood(trial: Trial) -> None:
    """Ask over many connections from one address, as fast as they answer, and read from another."""
    client = await trial.node()
    path = client.prefix + "/checkpoint"
    with contextlib.closing(Line(client.way, source=_CALLER)) as line:
        twin = await line.ask(path)
    trial.need(
        twin.status == 200,
        f"from {_CALLER}, another address of this machine: {words(twin)} (where loopback has but "
        "one address, give it that one as well)",
    )
    flooding = Flood()
    lines = [Line(client.way, source=_CALLER) for _ in range(_LINES)]
    work = [asyncio.ensure_future(_pour(one, path, flooding)) for one in lines]
    replies: list[Reply] = []
    while len(replies) < _READ.start or not (
        all(one.done() for one in work) or len(replies) == _READ.stop
    ):
        replies.append(await client.ask(path))
    await asyncio.gather(*work)
    slowest = max(one.seconds for one in replies)
    limit = _ANSWERED_WITHIN * trial.candidate.deadline
    trial.check(
        f"another reader, beside {sum(flooding.statuses.values())} requests of one caller",
        holds=all(one.status == 200 for one in replies) and slowest < limit,
        expected=f"200, each within {limit:.0f} seconds",
        actual=f"{[one.status for one in replies if one.status != 200]}, slowest {slowest:.2f} s",
    )
    trial.check(
        "the caller itself",
        holds=flooding.statuses.keys() <= {200, 429},
        expected="200, or 429 where it asks too often",
        actual=f"how often each status came: {flooding.statuses}",
    )
    if flooding.refused is not None:
        await _wait(trial, client, flooding.refused, path, "err.rate", 200)
    await _guess(trial, client)


async def _pour(line: Line, path: str, flooding: Flood) -> None:
    for _ in range(_MOST // _LINES):
        flooding.note(await line.ask(path))
        if flooding.statuses.get(429, 0) >= _REFUSED:
            break
    line.close()


async def _wait(
    trial: Trial, client: Client, reply: Reply, path: str, code: str, status: int
) -> None:
    """Check how a caller is refused, and that it is let in again when it was told to come back."""
    found = problem_of(reply)
    told = reply.headers.get("retry-after", "")
    seconds = int(told) if told.isascii() and told.isdecimal() and len(told) < 6 else 0
    trial.check(
        f"how it is refused at {path}",
        holds=found is not None and found["code"] == code and seconds > 0,
        expected=f"a problem document with the code {code}, and Retry-After in whole seconds",
        actual=f"{words(reply)}, Retry-After {told[:40]!r}",
    )
    if not 0 < seconds <= _LONGEST_WAIT:
        return
    again = Reply(0, {}, b"")

    async def is_let_in() -> bool:
        nonlocal again
        with contextlib.closing(Line(client.way, source=_CALLER)) as line:
            again = await line.ask(path)
        return again.status == status

    await asyncio.sleep(seconds)
    trial.check(
        f"the same caller {seconds} seconds later, as it was told",
        holds=await is_let_in(),
        expected=str(status),
        actual=words(again),
    )


async def _guess(trial: Trial, client: Client) -> None:
    """Guess tokens of officers, where it has any (OFC-2)."""
    path = "/api/v1/office/me"
    with contextlib.closing(Line(client.way, source=_CALLER)) as line:
        reply = await _guess_once(trial, line, path)
        if reply.status != 401:
            return
        count = 1
        while reply.status == 401 and count < _GUESSES:
            reply = await _guess_once(trial, line, path)
            count += 1
    trial.check(
        "guessing tokens of officers",
        holds=reply.status == 429,
        expected=f"429 after some of {_GUESSES} guesses",
        actual=f"{words(reply)} to guess {count}",
    )
    if reply.status == 429:
        await _wait(trial, client, reply, path, "ofc.rate", 401)


async def _guess_once(trial: Trial, line: Line, path: str) -> Reply:
    token = trial.random.randbytes(32).hex()
    return await line.ask(path, headers={"Authorization": f"Bearer {token}"})
