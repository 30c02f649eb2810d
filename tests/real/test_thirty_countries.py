"""The script over a small register of another year, and over the real one."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.real.processes import Processes, free_ports, read_json
from tests.real.snapshots import Row, event, odd, write_both

pytestmark = pytest.mark.slow

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[2] / "shared" / "data"
REAL = (DATA / "eu_trusted_lists_services.csv", DATA / "eu_trusted_lists_status_events.csv")


def start(services: Path, events: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, str(HERE / "thirty_countries.py")),
            *("--services", str(services), "--events", str(events), *more),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(services: Path, events: Path, *more: str) -> tuple[int, str, str]:
    process = start(services, events, *more)
    out, err = process.communicate(timeout=590)
    return process.returncode, out, err


def another_year() -> tuple[list[Row], list[Row]]:
    """Make what other snapshots may hold: unsorted, with gaps, new words and twins."""
    services = [
        {"service_key": "EL-1", "country": "EL", "tsp_name": "Twin", "tsp_registration_ids": "A-1"},
        {"service_key": "UK-1", "country": "UK", "tsp_name": "Twin", "address_country": "UK"},
        {"service_key": "EL-2", "country": "EL", "tsp_name": "Twin", "tsp_registration_ids": "A-2"},
        {"service_key": "EL-3", "country": "EL", "service_name": "=1+1", "service_name_lang": "el"},
        {"service_key": "EL-4", "country": "EL", "tsp_name": "Twin", "tsp_registration_ids": "A-1",
         "street": "Another street"},
        {"service_key": "EL-3", "country": "EL", "service_name": "=1+1", "service_name_lang": "el"},
        {"service_key": "EL-4", "country": "EL", "tsp_name": "Twin", "tsp_registration_ids": "A-1",
         "service_name": "Named anew"},
    ]  # fmt: skip
    lives = [
        ("EL-1", 10, "2020-12-31T22:00:00Z", "neverheardof"),
        ("EL-1", 9, "2015-12-31T22:00:00Z", "granted"),
        ("EL-1", 2, "2016-06-30T21:00:00Z", "undersupervision"),
        ("UK-1", 1, "2016-06-30T23:00:00Z", "withdrawn"),
        ("UK-1", 2, "", "accredited"),
        ("UK-1", 3, "2020-12-31T23:00:00Z", "granted"),
        ("EL-2", 1, "2016-06-30T21:00:00Z", "withdrawn"),
        ("EL-2", 2, "2017-06-30T21:00:00Z", ""),
        ("EL-3", 2, "2016-06-30T21:00:00Z", "withdrawn"),
        ("EL-3", 1, "2016-06-30T21:00:00Z", "granted"),
        ("EL-3", 3, "2016-06-30T21:00:00Z", "setbynationallaw"),
        ("EL-4", 1, "2018-01-01T00:00:00Z", "granted"),
        ("EL-4", 2, "2199-01-01T00:00:00Z", "withdrawn"),
        ("EL-4", 3, "2022-01-01", "granted"),
        ("EL-4", 3, "2022-01-01", "granted"),
        ("EL-9", 1, "2018-01-01T00:00:00Z", "granted"),
    ]
    events = [event(key, key[:2], str(number), at, status) for key, number, at, status in lives]
    return services, events


def test_counts_another_years_files_also_where_columns_hold_what_they_should_not(
    tmp_path: Path,
) -> None:
    services, events = another_year()
    events.append(event("AT-1", "Utopia", "1", "", "granted"))
    files = odd(tmp_path, ["XK"], each=80, seed=7, beside=(services, events))
    code, out, err = run(*files, "--work", str(tmp_path / "work"))
    assert code == 0, err
    answer = json.loads(out)
    assert answer["agree"] is True
    assert set(answer["countries"]) == {"EL", "UK", "XK"}
    assert answer["countries"]["EL"] == {
        "services": 4,
        "active": 2,
        "ended": 1,
        # The time of a date alone is left out; its decision, which comes again, counts once.
        "decisions": {"grant": 3, "renew": 1, "reinstate": 2, "revoke": 3},
        "refused": 2,
        # Keys, state, state on joining; organisations, offerings, decisions, a state each.
        "entries": 3 + (3 + 1) + (4 + 1) + (9 + 1),
    }
    assert answer["countries"]["UK"] == {
        "services": 1,
        "active": 1,
        "ended": 0,
        "decisions": {"grant": 1, "renew": 1, "reinstate": 0, "revoke": 0},
        "refused": 1,
        "entries": 3 + (1 + 1) + (1 + 1) + (2 + 1),
    }
    odd_one = answer["countries"]["XK"]
    assert odd_one["services"] == 80
    assert min(odd_one["active"], odd_one["ended"], odd_one["refused"]) > 0
    for part in ("import", "sync"):
        assert set(answer[part]) == {"seconds", "records_per_second"}
    assert "'Utopia' is no country; 1 rows of it are left out" in err
    assert "cells of decisions left out, see " in err
    told = (tmp_path / "work" / "xk.decisions.remarks.txt").read_text()
    assert "column 'status_starting_time', value " in told


def test_says_when_no_row_is_of_any_country(tmp_path: Path) -> None:
    files = write_both(tmp_path, [{"service_key": "a", "country": "XX"}], [])
    code, _, err = run(*files)
    assert code == 2
    assert "'XX' is no country; 1 rows of it are left out" in err
    assert "no row of any country" in err


def test_takes_ports_that_nobody_else_is_given() -> None:
    first, second = free_ports(1), free_ports(1)
    assert first != second
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", first[0]))
    with socket.socket() as node:
        node.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        node.bind(("127.0.0.1", first[0]))
        node.listen()


async def test_waits_for_a_port_that_is_in_use(tmp_path: Path) -> None:
    run, folder = Processes(at_once=1), tmp_path / "at"
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        made = ("site", "new", folder, "--site", "at", "--country", "AT", "--listen", listen)
        await run.sopro(*made)
        serving = asyncio.create_task(run.serve(folder))
        log = folder / "serve.log"
        while not (log.exists() and "in use" in log.read_text()):
            assert not serving.done()
            await asyncio.sleep(0.1)
    try:
        await serving
        assert (await read_json(f"http://{listen}/api/v1/status"))["site"] == "at"
    finally:
        await run.stop()


def test_says_when_the_directory_is_not_its_own(tmp_path: Path) -> None:
    code, _, err = run(*write_both(tmp_path, *another_year()), "--work", str(tmp_path))
    assert code == 2
    assert "needs a directory of its own" in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    work = tmp_path / "work"
    process = start(*write_both(tmp_path, *another_year()), "--work", str(work))
    wait_for((work / "eeig" / "control.sock").exists)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode != 0
    wait_for(lambda: not processes_of(work))


def wait_for(holds: object, seconds: float = 60) -> None:
    assert callable(holds)
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def processes_of(work: Path) -> list[int]:
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal() and int(path.name) != os.getpid():
            try:
                command = (path / "cmdline").read_bytes()
            except OSError:
                continue
            if str(work).encode() in command:
                found.append(int(path.name))
    return found


@pytest.mark.shared
@pytest.mark.timeout(600)
def test_thirty_countries_agree() -> None:
    code, out, err = run(*REAL)
    assert code == 0, err
    answer = json.loads(out)
    countries = answer["countries"].values()
    assert len(countries) == 30
    assert sum(one["services"] for one in countries) == 2944
    decided = sum(sum(one["decisions"].values()) + one["refused"] for one in countries)
    assert decided == 5679
    print(err, {name: answer[name] for name in ("import", "sync")})
