"""Thirty national registers in one federation, from real files, over HTTP, compared with a recount.

Makes a coordinator and a site for each country in the files through the public commands, imports
into each only its own rows, lets the coordinator and two sites sync everything, reads their API and
prints one JSON object. Ends with 0 only where all three and a separate recount of the files agree.
README.md beside this file says how the data was treated and what the figures mean.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from countries import code_of, country_of  # noqa: E402  # also run as a script, from anywhere
from processes import CommandError, Processes, free_ports, read_json, say, together  # noqa: E402
from recount import ACTIONS, FileError, recount, spellings_of  # noqa: E402
from sites import Site, found_coordinator, found_site, set_mirrors, until  # noqa: E402

FEDERATION = "trust.example"
ENDS = ("revoked", "terminated", "transferred", "expired")
AT_ONCE = max(2, os.cpu_count() or 2)
FULL_SITES = 2


class Federation:
    """The coordinator and its sites, from nothing to the comparison."""

    def __init__(self, work: Path, services: Path, events: Path, spellings: dict[str, str]) -> None:
        countries = sorted(set(spellings.values()))
        self._work = work
        self._spellings = spellings
        self._files = {"organisations": services, "offerings": services, "decisions": events}
        self._run = Processes(at_once=AT_ONCE)
        ports = free_ports(len(countries) + 1)
        self._coordinator = Site("eeig", work / "eeig", f"http://127.0.0.1:{ports[0]}")
        self._sites = [
            Site(
                country,
                work / country.lower(),
                f"http://127.0.0.1:{port}",
                [spelling for spelling, code in spellings.items() if code == country],
            )
            for country, port in zip(countries, ports[1:], strict=True)
        ]

    async def close(self) -> None:
        await self._run.stop()

    async def found(self) -> None:
        """Make and serve every node; sites join, are admitted and follow the coordinator only."""
        began = time.monotonic()
        await found_coordinator(self._run, self._coordinator, FEDERATION)
        await together(
            found_site(self._run, site, self._coordinator, FEDERATION) for site in self._sites
        )
        say(f"made {len(self._sites)} sites in {time.monotonic() - began:.1f} s")

    async def fill(self) -> dict[str, float]:
        """Import into each site its own rows; how fast."""
        began = time.monotonic()
        await together(map(self._fill_site, self._sites))
        seconds = time.monotonic() - began
        inside = sum(one["seconds"] for site in self._sites for one in site.imported.values())
        records = sum(site.records for site in self._sites)
        say(f"imported {records} records in {seconds:.1f} s, {inside:.1f} s of it at work on rows")
        return _rate(seconds, records)

    async def _fill_site(self, site: Site) -> None:
        where = [part for text in site.spellings for part in ("--where", f"country={text}")]
        for kind, file in self._files.items():
            remarks = self._work / f"{site.code}.{kind}.remarks.txt"
            answer = await self._run.sopro(
                *("import", site.folder, file, "--as", kind, "--json"),
                *("--mapping", HERE / f"{kind}.toml", *where),
                *("--bad", self._work / f"{site.code}.{kind}.bad.csv"),
                *("--report", self._work / f"{site.code}.{kind}.report.md"),
                codes=(0, 1),
                remarks=remarks,
            )
            summary = site.imported[kind] = json.loads(answer)
            _tell_identifiers(site, summary)
            if summary["bad"]:
                say(f"{site.country}: {summary['bad']} bad rows, see {summary['bad_file']}")
            if summary["left_out"]:
                say(
                    f"{site.country}: {summary['left_out']} cells of {kind} left out, see {remarks}"
                )

    async def spread(self) -> dict[str, float]:
        """Let the coordinator, then two sites, pull all logs; how fast the coordinator was."""
        sizes = {site.code: await _own_size(site) for site in self._sites}
        seconds = await self._pull_all(self._coordinator, sizes)
        say(f"the coordinator pulled {sum(sizes.values())} entries in {seconds:.1f} s")
        for site in self.full_sites:
            others = {code: size for code, size in sizes.items() if code != site.code}
            seconds_there = await self._pull_all(site, others)
            say(f"{site.country} pulled {sum(others.values())} entries in {seconds_there:.1f} s")
        return _rate(seconds, sum(sizes.values()))

    async def _pull_all(self, site: Site, sizes: dict[str, int]) -> float:
        """Start a node anew that mirrors everything, and say how long it took from then on."""
        await self._run.stop(site.folder)
        set_mirrors(site.folder, ["*"])
        await self._run.serve(site.folder)
        began = time.monotonic()

        def has_all(status: dict[str, Any]) -> bool:
            held = {one["site"]: one["judged"] for one in status["mirrors"]}
            return all(held.get(code, 0) >= size for code, size in sizes.items())

        await until(has_all, site, "has pulled all logs")
        return time.monotonic() - began

    @property
    def full_sites(self) -> list[Site]:
        """Choose the sites that pull everything, too: the largest ones."""
        return sorted(self._sites, key=lambda site: (site.records, site.code))[-FULL_SITES:]

    async def compare(self, services: Path, events: Path) -> tuple[dict[str, Any], bool]:
        """Hold the answers of three nodes against one another and against the recount."""
        answers = {
            site.code: await read_json(f"{site.url}/api/v1/statistics")
            for site in (self._coordinator, *self.full_sites)
        }
        main = answers["eeig"]
        zones = {site.country: country_of(site.country).zone for site in self._sites}
        today = date.fromisoformat(main["at"])
        counted = recount(services, events, self._spellings, zones, today)
        countries, agree = {}, True
        for site in self._sites:
            found = {who: _of_site(answer, site.code) for who, answer in answers.items()}
            for who, one in found.items():
                if one != found["eeig"]:
                    agree = False
                    say(f"{site.country}: {who} answers {one}, the coordinator {found['eeig']}")
            countries[site.country] = _shown(site, found["eeig"])
            agree &= _agrees(site, countries[site.country], found["eeig"], counted[site.country])
        return countries, agree


def _tell_identifiers(site: Site, summary: dict[str, Any]) -> None:
    """Tell which identifiers fail their check, and which several providers share."""
    for one in summary["identifiers"]["found"]:
        say(f"{site.country}: {one['identifier']} of {one['name']}: {one['problem']}")
    for one in summary["duplicates"]["found"]:
        if one["kind"] == "identifier":
            say(f"{site.country}: {one['shared']} is shared: {'; '.join(one['members'])}")


def _rate(seconds: float, records: int) -> dict[str, float]:
    return {"seconds": round(seconds, 2), "records_per_second": round(records / seconds)}


async def _own_size(site: Site) -> int:
    return int((await read_json(f"{site.url}/api/v1/status"))["size"])


def _of_site(answer: dict[str, Any], code: str) -> dict[str, Any]:
    """Take what a node says of one site; how fresh it is differs from node to node."""
    [found] = [one for one in answer["sites"] if one["site"] == code] or [{}]
    return {key: value for key, value in found.items() if key != "confirmed_at"}


def _shown(site: Site, found: dict[str, Any]) -> dict[str, Any]:
    labels = found.get("labels", {})
    offerings, decisions = site.imported["offerings"], site.imported["decisions"]
    return {
        "services": offerings["appended"],
        "active": labels.get("active", 0),
        "ended": sum(labels.get(word, 0) for word in ENDS),
        "decisions": {action: found.get("decisions", {}).get(action, 0) for action in ACTIONS},
        "refused": decisions["refused"],
        "entries": found.get("entries", 0),
    }


def _agrees(
    site: Site, shown: dict[str, Any], found: dict[str, Any], counted: dict[str, Any]
) -> bool:
    """Compare what the API says of a country with the recount, also by year."""
    pairs = [(name, shown[name], counted[name]) for name in counted if name in shown]
    pairs += [
        ("decisions by year", found.get("decisions_by_year"), counted["decisions_by_year"]),
        ("all labels", sum(found["labels"].values()), counted["active"] + counted["ended"]),
        ("all decisions", sum(found["decisions"].values()), sum(counted["decisions"].values())),
        ("void entries", found.get("void"), 0),
        ("bad rows", sum(one["bad"] for one in site.imported.values()), counted["bad"]),
        ("times left out", site.imported["decisions"]["left_out"], counted["left out"]),
    ]
    for name, here, there in pairs:
        if here != there:
            say(f"{site.country}: {name}: the federation says {here}, the recount {there}")
    return all(here == there for _, here, there in pairs)


async def run(
    services: Path, events: Path, work: Path, spellings: dict[str, str]
) -> dict[str, Any]:
    """Do it all, and leave no process behind."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    federation = Federation(work, services, events, spellings)
    try:
        await federation.found()
        imported = await federation.fill()
        synced = await federation.spread()
        shown, agree = await federation.compare(services, events)
    finally:
        await federation.close()
    return {"countries": shown, "import": imported, "sync": synced, "agree": agree}


def main() -> int:
    """Read the options, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=Path, required=True, help="CSV of services")
    parser.add_argument("--events", type=Path, required=True, help="CSV of dated statuses")
    parser.add_argument("--work", type=Path, help="an empty directory that is kept; else a new one")
    options = parser.parse_args()
    for path in (options.services, options.events):
        if not path.is_file():
            parser.error(f"{path}: no such file")
    try:
        rows = spellings_of(options.services, options.events)
    except FileError as error:
        parser.error(str(error))
    spellings = {spelling: code for spelling in rows if (code := code_of(spelling))}
    for spelling in sorted(rows.keys() - spellings.keys()):
        say(f"{spelling!r} is no country; {rows[spelling]} rows of it are left out")
    if not spellings:
        parser.error(f"{options.services} and {options.events}: no row of any country")
    if options.work and options.work.exists() and any(options.work.iterdir()):
        parser.error(f"{options.work}: not empty; --work needs a directory of its own")
    work = options.work or Path(tempfile.mkdtemp(prefix="thirty-countries-"))
    work.mkdir(parents=True, exist_ok=True)
    try:
        answer = asyncio.run(
            run(options.services.resolve(), options.events.resolve(), work.resolve(), spellings)
        )
    except CommandError as error:
        say(f"error: {error}")
        return 70
    except asyncio.CancelledError:
        say("stopped")
        return 130
    finally:
        if options.work is None:
            shutil.rmtree(work, ignore_errors=True)
    print(json.dumps(answer, indent=2))
    return 0 if answer["agree"] else 1


if __name__ == "__main__":
    sys.exit(main())
