"""Trying every member at its address once a day, from outside, and what was found (SPEC CONF-7).

What is found follows from no log and decides nothing. It is kept for a month, and shown to
everybody as the coordinator's page `/conformance`.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from sopro_node import clock
from sopro_node.node import Node
from sopro_node.outside import Tried, try_address
from sopro_protocol.errors import NotFoundError, SoproError
from sopro_registry.families import site_membership

Answer = dict[str, Any]

CASES: Final = ("LOG-01", "LOG-05", "LOG-07", "CKP-01", "CKP-02", "SYN-08", "VER-01")
"""What an address shows without anybody's help."""
DAYS: Final = 30
_SETTING: Final = "watched"
_FOLDER: Final = "watching"
_SETTLED: Final = 3600.0
"""Seconds a node has served before it tries others: not whoever is started for a moment."""
_PAUSE: Final = 600.0

_logger = logging.getLogger("sopro.watching")


class Watched(Struct, frozen=True):
    """What a member's address showed on a day.

    Attributes:
        day: civil date, UTC.
        url: that was tried.
        verdicts: by case.
        problem: why there are none; empty where there are.
    """

    day: str
    url: str
    verdicts: dict[str, str]
    problem: str = ""

    @property
    def red(self) -> list[str]:
        """The cases that did not hold."""
        return [name for name, one in self.verdicts.items() if one in ("FAIL", "NOT-MEASURED")]

    @property
    def warned(self) -> list[str]:
        """The cases of which a SHOULD did not hold."""
        return [name for name, one in self.verdicts.items() if one == "WARN"]


_KEPT: Final = msgspec.msgpack.Decoder(
    dict[str, Annotated[list[Watched], Meta(max_length=10 * DAYS)]]
)


def read_watched(node: Node) -> dict[str, list[Watched]]:
    """Return what was found, by site, oldest first."""
    data = node.reader.setting(_SETTING)
    return _KEPT.decode(data) if data else {}


async def watch(node: Node, values: Mapping[str, Any]) -> Answer:
    """Try members at their addresses now. `sites`?: only these. Answers `watched`.

    Raises:
        NotFoundError: one of them is no member.
    """
    wanted = list(values.get("sites") or ())
    members = _members(node)
    for site in wanted:
        if site not in {one.site for one in members}:
            raise NotFoundError(f"no admitted member {site!r} besides this site")
    found = []
    for member in members:
        if not wanted or member.site in wanted:
            one, words = await _watch_one(node, member)
            found.append(
                {"site": member.site, "url": one.url, "verdicts": one.verdicts}
                | {"problem": one.problem, "words": words}
            )
    return {"watched": found}


def _members(node: Node) -> list[site_membership.Body]:
    return [
        one
        for one in node.holdings.directory.members()
        if one.status == "admitted" and one.site != node.identity.site
    ]


async def _watch_one(node: Node, member: site_membership.Body) -> tuple[Watched, list[str]]:
    """Try one member and keep what was found; returns also what is to be said of it."""
    url, day = member.urls[0], format_utc_day(clock.now())
    folder = node.folder / _FOLDER
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    arguments = ["--memory", str(folder / f"{member.site}.json")]
    for name in CASES:
        arguments += ["--case", name]
    tried: list[Tried] = []
    problem = ""
    try:
        tried = await try_address(url, arguments, reach=node.settings.reach)
    except SoproError as error:
        problem = str(error)
    if tried and all(case.verdict == "NOT-MEASURED" for case in tried):
        # Nobody answers there: that says nothing of what any case is about.
        tried, problem = [], tried[0].words
    one = Watched(day, url, {case.id: case.verdict for case in tried}, problem)
    words = [f"{case.id}: {case.words}" for case in tried if case.is_red or case.verdict == "WARN"]
    await node.writer.run(lambda: _keep(node, member.site, one))
    if one.red or problem:
        said = {"peer": member.site, "cases": ", ".join(one.red), "why": problem or words[0]}
        _logger.warning("a member's address does not show what it should", extra=said)
    return one, words


def _keep(node: Node, site: str, one: Watched) -> None:
    """Keep it in the place of what was found on the same day."""
    data = node.store.setting(_SETTING)
    known = _KEPT.decode(data) if data else {}
    days = [before for before in known.get(site, []) if before.day != one.day]
    known[site] = [*days, one][-DAYS:]
    with node.store.transaction():
        node.store.put_setting(_SETTING, msgspec.msgpack.encode(known))


def format_utc_day(instant: int) -> str:
    """Return the civil date of an instant in ms, UTC."""
    return datetime.fromtimestamp(instant / 1000, UTC).date().isoformat()


class Watcher:
    """Tries all members once a day, in the hour that is set."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._done = ""

    async def run(self) -> None:
        """Look whether it is time, and again, until it is cancelled."""
        await asyncio.sleep(_SETTLED)
        while True:
            await self.look(clock.now())
            await asyncio.sleep(_PAUSE)

    async def look(self, now: int) -> bool:
        """Try all members where the hour has come and it was not done today; say whether it was."""
        at = datetime.fromtimestamp(now / 1000, UTC)
        if at.hour != self._node.settings.watch_hour or self._done == format_utc_day(now):
            return False
        self._done = format_utc_day(now)
        await watch(self._node, {})
        return True
