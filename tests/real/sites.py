"""Nodes of a federation that a script makes: the coordinator and a site for each country."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from countries import country_of
from processes import CommandError, Processes, read_json

PATIENCE = 300.0


@dataclass
class Site:
    """One country's node.

    Attributes:
        country: its code in the lists.
        folder: its data directory.
        url: under which it serves.
        spellings: of the country in the files.
        imported: what each import said, by kind of rows.
    """

    country: str
    folder: Path
    url: str
    spellings: list[str] = field(default_factory=list)
    imported: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def code(self) -> str:
        return self.country.lower()

    @property
    def records(self) -> int:
        return sum(one["appended"] for one in self.imported.values())


async def found_coordinator(run: Processes, coordinator: Site, federation: str) -> None:
    """Make and serve the coordinator; it mirrors nobody at first."""
    folder, listen = coordinator.folder, coordinator.url.removeprefix("http://")
    await run.sopro("federation", "new", folder, "--name", federation, "--listen", listen)
    set_mirrors(folder, [])
    await run.serve(folder)


async def found_site(run: Processes, site: Site, coordinator: Site, federation: str) -> None:
    """Make and serve a site, have it admitted, and wait until it acts as a member."""
    country = country_of(site.country)
    await run.sopro(
        *("site", "new", site.folder, "--site", site.code, "--country", country.iso),
        *("--zone", country.zone, "--name", f"{country.language}={country.name}"),
        *("--federation", federation, "--listen", site.url.removeprefix("http://")),
    )
    set_mirrors(site.folder, ["eeig"])
    await run.serve(site.folder)
    await run.sopro("join", site.folder, coordinator.folder / "invite.json")
    # Prefixes are made of two letters of the code and a zero, and so are they by default.
    await run.sopro("members", "admit", coordinator.folder, site.code)
    await until(lambda status: status["acts_on"], site, "acts as a member")


def set_mirrors(folder: Path, sites: list[str]) -> None:
    """Say in a node's configuration whom it mirrors."""
    path = folder / "node.toml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("mirror =")]
    path.write_text("\n".join([*lines, f"mirror = {json.dumps(sites)}", ""]))


async def until(holds: Callable[[dict[str, Any]], object], site: Site, what: str) -> None:
    """Wait until something holds of what a node says of itself."""
    end = time.monotonic() + PATIENCE
    while not holds(status := await read_json(f"{site.url}/api/v1/status")):
        if time.monotonic() > end:
            raise CommandError(f"not in {PATIENCE:.0f} s: {site.code} {what}; it says {status}")
        await asyncio.sleep(0.05)
