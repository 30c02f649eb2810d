"""A map of initiatives into the registers of two countries, by mapping files alone.

    python tests/real/susy.py --initiatives F [--countries AT,HU]
                              [--organisations M] [--offerings M] [--work DIR]

Makes a coordinator and a site for each country through the public commands, imports into each its
own initiatives however their country is spelled, and their keywords as offerings; lets the
coordinator pull everything, and prints one JSON object. Ends with 0 only where what the coordinator
answers is what a separate count of the file finds. README.md beside this file says the rest.
"""

import argparse
import asyncio
import json
import shutil
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from countries import code_of  # noqa: E402  # also run as a script, from anywhere
from processes import CommandError, Processes, free_ports, read_json, say, together  # noqa: E402
from sites import Site, found_coordinator, found_site, set_mirrors, until  # noqa: E402
from susy_recount import Counted, recount  # noqa: E402

FEDERATION = "susy.example"


class Map:
    """The coordinator, the countries' sites, and what was imported into them."""

    def __init__(self, options: argparse.Namespace, work: Path) -> None:
        self._file: Path = options.initiatives.resolve()
        self._mappings = {
            "organisations": options.organisations.resolve(),
            "offerings": options.offerings.resolve(),
        }
        self._work = work
        self._run = Processes(at_once=2)
        countries = options.countries
        ports = free_ports(len(countries) + 1)
        self._coordinator = Site("eeig", work / "eeig", f"http://127.0.0.1:{ports[0]}")
        self._sites = [
            Site(code, work / code.lower(), f"http://127.0.0.1:{port}")
            for code, port in zip(countries, ports[1:], strict=True)
        ]

    async def close(self) -> None:
        await self._run.stop()

    async def fill(self) -> None:
        """Make the nodes and import into each site its own country's rows."""
        await found_coordinator(self._run, self._coordinator, FEDERATION)
        await together(
            found_site(self._run, site, self._coordinator, FEDERATION) for site in self._sites
        )
        await together(map(self._fill_site, self._sites))

    async def _fill_site(self, site: Site) -> None:
        for kind, mapping in self._mappings.items():
            name = f"{site.code}.{kind}"
            answer = await self._run.sopro(
                *("import", site.folder, self._file, "--as", kind, "--json"),
                *("--mapping", mapping, "--only", f"country={site.country}"),
                *("--bad", self._work / f"{name}.bad.csv"),
                *("--report", self._work / f"{name}.report.html"),
                codes=(0, 1),
            )
            site.imported[kind] = json.loads(answer)
            say(f"{site.country}: {site.imported[kind]['appended']} {kind}")

    async def spread(self) -> None:
        """Let the coordinator pull every site's log."""
        sizes = {}
        for site in self._sites:
            sizes[site.code] = (await read_json(f"{site.url}/api/v1/status"))["size"]
        await self._run.stop(self._coordinator.folder)
        set_mirrors(self._coordinator.folder, ["*"])
        await self._run.serve(self._coordinator.folder)

        def has_all(status: dict[str, Any]) -> bool:
            held = {one["site"]: one["judged"] for one in status["mirrors"]}
            return all(held.get(code, 0) >= size for code, size in sizes.items())

        await until(has_all, self._coordinator, "has pulled all logs")

    async def compare(self) -> dict[str, Any]:
        """Describe what came in, what did not and why, and whether a separate count agrees."""
        counted = recount(
            self._file,
            self._mappings["organisations"],
            self._mappings["offerings"],
            [site.country for site in self._sites],
        )
        agree, countries = True, {}
        for site in self._sites:
            held = await self._held(site)
            countries[site.country] = _describe(site, held)
            agree &= _agrees(site, held, counted[site.country])
        elsewhere = self._sites[0].imported["organisations"]
        own = [f"country is {site.country}, " for site in self._sites]
        return {
            "rows": elsewhere["read"] + elsewhere["skipped"],
            "countries": countries,
            "elsewhere": {
                one["reason"]: one["count"]
                for one in elsewhere["skipped_because"]
                if not one["reason"].startswith(tuple(own))
            },
            "agree": agree,
        }

    async def _held(self, site: Site) -> Counter[str]:
        """Count a site's organisations by country, as the coordinator answers."""
        held: Counter[str] = Counter()
        after = ""
        while True:
            url = f"{self._coordinator.url}/api/v1/organisations?site={site.code}&limit=100{after}"
            answer = await read_json(url)
            held.update(one["country"] for one in answer["organisations"])
            if answer["next"] is None:
                return held
            after = f"&after={answer['next']}"


def _describe(site: Site, held: Counter[str]) -> dict[str, Any]:
    things, offerings = site.imported["organisations"], site.imported["offerings"]
    return {
        "organisations": held[site.country],
        "offerings": offerings["appended"],
        "spellings": {one["spelling"]: one["count"] for one in things["spellings"]},
        "refused": [
            {"of": kind, "line": one["line"], "why": one["text"]}
            for kind, summary in site.imported.items()
            for one in summary["problems"]
            if one["fate"] != "left out"
        ],
        "left_out": [
            {"of": kind, "line": one["line"], "why": one["text"]}
            for kind, summary in site.imported.items()
            for one in summary["problems"]
            if one["fate"] == "left out"
        ],
        "keywords_passed_over": {
            one["reason"]: one["count"]
            for one in offerings["skipped_because"]
            if not one["reason"].startswith("country ")
        },
        "perhaps_twice": [one["members"] for one in things["duplicates"]["found"]],
    }


def _agrees(site: Site, held: Counter[str], counted: Counted) -> bool:
    """Compare what the coordinator and the importer say with the recount."""
    offerings = site.imported["offerings"]
    passed: Counter[str] = Counter()
    for one in offerings["skipped_because"]:
        passed[one["reason"].rpartition(": ")[2]] += one["count"]
    pairs = [
        ("organisations", dict(held), {site.country: counted.organisations}),
        ("offerings", offerings["appended"], counted.offerings),
        ("refused keywords", offerings["bad"], counted.refused),
        *((reason, passed[reason], count) for reason, count in counted.passed_over.items()),
    ]
    for name, here, there in pairs:
        if here != there:
            say(f"{site.country}: {name}: the register has {here}, the recount {there}")
    return all(here == there for _, here, there in pairs)


async def run(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Do it all, and leave no process behind."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    one = Map(options, work)
    try:
        await one.fill()
        await one.spread()
        return await one.compare()
    finally:
        await one.close()


def _countries(text: str) -> list[str]:
    codes = [code_of(one.strip()) for one in text.split(",")]
    if not all(codes) or len(set(codes)) != len(codes):
        raise argparse.ArgumentTypeError(f"expected codes of countries such as AT,HU, got {text!r}")
    return codes


def main() -> int:
    """Read the options, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--initiatives", type=Path, required=True, help="CSV or xlsx of the map")
    parser.add_argument("--countries", type=_countries, default=["AT", "HU"], help="AT,HU")
    for kind in ("organisations", "offerings"):
        name = "initiatives.toml" if kind == "organisations" else "initiative_offerings.toml"
        parser.add_argument(f"--{kind}", type=Path, default=HERE / name, help="mapping")
    parser.add_argument("--work", type=Path, help="an empty directory that is kept; else a new one")
    options = parser.parse_args()
    if not options.initiatives.is_file():
        parser.error(f"{options.initiatives}: no such file")
    if options.work and options.work.exists() and any(options.work.iterdir()):
        parser.error(f"{options.work}: not empty; --work needs a directory of its own")
    work = options.work or Path(tempfile.mkdtemp(prefix="susy-"))
    work.mkdir(parents=True, exist_ok=True)
    try:
        answer = asyncio.run(run(options, work.resolve()))
    except CommandError as error:
        say(f"error: {error}")
        return 70
    except asyncio.CancelledError:
        say("stopped")
        return 130
    finally:
        if options.work is None:
            shutil.rmtree(work, ignore_errors=True)
    print(json.dumps(answer, indent=2, ensure_ascii=False))
    return 0 if answer["agree"] else 1


if __name__ == "__main__":
    sys.exit(main())
