"""Trying a node at its address, as anybody could: the conformance suite, beside this process.

The suite knows nothing of this software and this software nothing of it: it is run as the program
it is, and its report is read. What it reads of a node, and for how long, is bounded there and here.
"""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from sopro_node.reach import Reach
from sopro_protocol.errors import PeerError, RefusedError, UnavailableError
from sopro_registry.families.conformance_statement import Body, waived_in

SECONDS: Final = 900.0
"""So long a run at an address may take."""
_MOST: Final = 16 * 1024 * 1024
_RED: Final = frozenset({"FAIL", "NOT-MEASURED"})
_SHOWN: Final = 3


class Problem(Struct, frozen=True):
    """One check of a case that did not hold."""

    delta: str
    expected: str
    actual: str


class Tried(Struct, frozen=True):
    """A case that was tried.

    Attributes:
        id: of the case.
        verdict: of it.
        why: it could not be measured; empty where it was.
        problems: what did not hold.
    """

    id: str
    verdict: str
    why: str = ""
    problems: Annotated[list[Problem], Meta(max_length=20)] = []  # a copy for each

    @property
    def is_red(self) -> bool:
        """Whether a MUST did not hold, or nothing can be said."""
        return self.verdict in _RED

    @property
    def words(self) -> str:
        """Say in one line what was found."""
        if self.why or not self.problems:
            return self.why
        first = self.problems[0]
        return f"{first.delta}: expected {first.expected}, got {first.actual}"


class _Report(Struct, frozen=True):
    cases: Annotated[list[Tried], Meta(max_length=1000)]


async def try_address(
    url: str, arguments: Sequence[str], *, reach: Reach, seconds: float = SECONDS
) -> list[Tried]:
    """Run the suite at an address.

    Args:
        url: of the node.
        arguments: more of `sopro-conformance run`.
        reach: whom this node may call.
        seconds: that it may take.

    Raises:
        PeerError: `hos.address`, this node may not call there; `hos.unreachable`, the name in the
            URL has no address.
        UnavailableError: the suite gave no report in that time.
    """
    address = await reach.find(url)
    with tempfile.TemporaryDirectory(prefix="sopro-outside-") as folder:
        command = [sys.executable, "-m", "sopro_conformance.main", "run", "--url", url]
        if reach.ca_file:
            command += ["--ca", reach.ca_file]
        # The address that this node has judged, whatever the name leads to meanwhile.
        command += ["--connect-to", address]
        process = await asyncio.create_subprocess_exec(
            *(*command, "--out", folder, *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
        except TimeoutError:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        return await asyncio.to_thread(_read, Path(folder) / "report.json", url)


def _read(path: Path, url: str) -> list[Tried]:
    try:
        with path.open("rb") as file:
            report = msgspec.json.decode(file.read(_MOST), type=_Report)
    except (OSError, msgspec.MsgspecError) as error:
        raise UnavailableError(
            f"{url}: the conformance suite gave no report ({error}); try it by hand: "
            f"sopro-conformance run --url {url}"
        ) from None
    return report.cases


async def try_again(reach: Reach, site: str, urls: Sequence[str], body: Body) -> list[Tried]:
    """Hold a statement to what the site's address shows to anybody (SPEC CONF-6).

    Raises:
        PeerError: this node may not call there.
        RefusedError: `conf.differs`, a case fails that the statement does not say was waived.
        UnavailableError: the suite gave no report.
    """
    # Whoever is admitted publishes a log: of a reader alone an address would show nothing.
    profiles = "+".join(sorted({*body.profiles, "publisher"}))
    problem: PeerError | None = None
    for url in urls[:_SHOWN]:
        try:
            tried = await try_address(url, ["--profile", profiles], reach=reach)
        except PeerError as error:
            problem = error
            continue
        if not tried:
            raise UnavailableError(
                f"{site}: nothing could be tried at {url}; try it by hand: sopro-conformance run "
                f"--url {url}"
            )
        _compare(site, url, tried, waived_in(body))
        return tried
    raise problem or PeerError(f"{site}: names no address", code="hos.unreachable")


def _compare(site: str, url: str, tried: Sequence[Tried], waived: Sequence[str]) -> None:
    red = {one.id: one for one in tried if one.is_red and one.id not in waived}
    if red:
        said = "; ".join(f"{name}: {one.words}" for name, one in list(red.items())[:_SHOWN])
        raise RefusedError(
            f"{site}: its statement says that all cases passed, and at {url} "
            f"{', '.join(red)} did not ({said}); see for yourself: sopro-conformance run --url "
            f"{url}",
            code="conf.differs",
        )
