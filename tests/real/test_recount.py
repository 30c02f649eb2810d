"""The recount and the importer, each by itself, over snapshots that hold everything odd."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from sopro_node.importing.fields import REGISTERED, Kind
from sopro_node.importing.job import Job
from sopro_node.importing.mapping import load_mapping
from sopro_node.importing.report import Summary
from sopro_node.importing.run import run_import
from tests.real import snapshots
from tests.real.countries import code_of, country_of
from tests.real.recount import ACTIONS, FileError, recount, spellings_of

HERE = Path(__file__).resolve().parent
COUNTRIES = ["AT", "UK", "IE", "UA"]


class Register:
    """A site that is empty at first and takes whatever it is handed."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self.drafts: list[dict[str, Any]] = []
        self.entities: set[bytes] = set()

    async def __call__(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        if name == "identity":
            return {"zone": self.zone, "coordinator": False}
        if name == "import_rows":
            self.drafts += values["drafts"]
            self.entities |= {one["entity"] for one in values["drafts"]}
            return {"outcomes": [{"index": 0} for _ in values["drafts"]], "line": {}}
        if name == "own_organisations":
            return {"rows": []}
        there = {"head": b"", "state": {"decisions": []}, "body": {}, "fields": {}, "decisions": []}
        return {
            "rows": [
                there if one in self.entities and not values["with_body"] else None
                for one in values["entities"]
            ]
        }


async def taken_in(
    folder: Path, services: Path, events: Path, country: str, spellings: list[str]
) -> dict[str, Any]:
    """Import a country's rows as the script does, and say what came of them."""
    register = Register(country_of(country).zone)
    summaries: dict[Kind, Summary] = {}
    for kind, path in zip(REGISTERED, (services, services, events), strict=True):
        mapping = load_mapping(HERE / f"{kind}.toml", kind)
        mapping = msgspec.structs.replace(mapping, where={"country": spellings})
        bad = folder / f"{country}.{kind}.bad.csv"
        job = Job(kind, path, mapping, bad, lambda _text: None, lambda *_: None)
        summaries[kind] = (await run_import(job, register, secret=bytes(32))).summary
    made = [one["values"] for one in register.drafts if one["family"] == "label_decision"]
    actions = Counter(one["action"] for one in made)
    by_year: dict[str, Counter[str]] = {}
    for one in made:
        year = str(int(one["effective_date"][:4])) if "effective_date" in one else "unknown"
        by_year.setdefault(year, Counter())[one["action"]] += 1
    return {
        "services": summaries[Kind.OFFERINGS].appended,
        "decisions": {action: actions[action] for action in ACTIONS},
        "decisions_by_year": by_year,
        "refused": summaries[Kind.DECISIONS].refused,
        "bad": sum(one.bad for one in summaries.values()),
        "left out": summaries[Kind.DECISIONS].left_out,
    }


@pytest.mark.parametrize("seed", range(4))
async def test_importer_and_recount_find_the_same(tmp_path: Path, seed: int) -> None:
    services, events = snapshots.odd(tmp_path, COUNTRIES, each=100, seed=seed)
    spellings = {one: code for one in spellings_of(services, events) if (code := code_of(one))}
    assert set(spellings) > set(COUNTRIES)
    zones = {code: country_of(code).zone for code in COUNTRIES}
    counted = recount(services, events, spellings, zones, date(2026, 11, 22))
    for country in COUNTRIES:
        own = [spelling for spelling, code in spellings.items() if code == country]
        taken = await taken_in(tmp_path, services, events, country, own)
        assert taken == {name: counted[country][name] for name in taken}
        assert min(taken["services"], taken["refused"], taken["bad"], taken["left out"]) > 0
        assert taken["services"] == 100


def counted(tmp_path: Path, *rows: tuple[str, str, str]) -> dict[str, Any]:
    """Count one service of the United Kingdom: number, time and status of its events."""
    service = {"service_key": "a", "country": "UK", "tsp_name": "Firm"}
    events = [snapshots.event("a", "UK", *row) for row in rows]
    services, path = snapshots.write_both(tmp_path, [service], events)
    zones = {"UK": "Europe/London"}
    return recount(services, path, {"UK": "UK"}, zones, date(2026, 11, 22))["UK"]


AT = "2020-01-01T00:00:00Z"


def test_an_event_that_comes_again_counts_once_another_of_its_number_counts_too(
    tmp_path: Path,
) -> None:
    rows = [("1", AT, "granted"), ("1", AT, "granted"), ("1", AT, "withdrawn")]
    one = counted(tmp_path, *rows)
    assert (one["decisions"]["grant"], one["decisions"]["renew"], one["bad"]) == (1, 0, 0)
    assert (one["decisions"]["revoke"], one["ended"]) == (1, 1)


def test_a_row_whose_place_is_unknown_holds_back_its_service(tmp_path: Path) -> None:
    one = counted(tmp_path, ("1", AT, "granted"), ("", AT, "granted"))
    assert (one["bad"], one["active"], one["services"]) == (2, 0, 1)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "2016-06-30", "20160630T220000Z", "x"])
def test_a_time_that_cannot_be_read_loses_its_date_not_its_decision(
    tmp_path: Path, at: str
) -> None:
    one = counted(tmp_path, ("1", at, "granted"))
    assert (one["active"], one["left out"]) == (1, 1)
    assert one["decisions_by_year"] == {"unknown": {"grant": 1}}


def test_says_which_column_a_file_lacks(tmp_path: Path) -> None:
    services, events = snapshots.write_both(tmp_path, [], [])
    events.write_text("service_key,country,status\n")
    with pytest.raises(FileError, match="has no column event_no, status_starting_time"):
        spellings_of(services, events)


def test_every_country_has_what_a_site_needs() -> None:
    codes = [first + second for first in LETTERS for second in LETTERS]
    known = [code for code in codes if code_of(code) == code]
    assert len(known) > 249
    for code in known:
        one = country_of(code)
        assert ZoneInfo(one.zone)
        assert one.name
    assert country_of("UA").zone == "Europe/Kyiv"
    assert country_of("MD")[2:] == ("ro", "Republica Moldova")
    assert country_of("XK").zone == "Europe/Belgrade"
    assert [code_of(one) for one in ("el", "Estonia", "Kosovo", "XX", "", "001")] == [
        "EL",
        "EE",
        "XK",
        "",
        "",
        "",
    ]


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
