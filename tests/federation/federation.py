"""A federation of real nodes on loopback: each is a process with its own directory and sockets."""

import asyncio
import contextlib
import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from sopro_node.config import CONFIG
from sopro_node.control import call
from sopro_node.found import COORDINATOR, INVITE, Plan, create_node
from sopro_node.identity import parse_invite
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.errors import PeerError, SoproError
from tests.criteria import scheme_without_set

T = TypeVar("T")
FEDERATION = "sopro.example"
PATIENCE = 40.0
SETTINGS: Mapping[str, object] = {"poll_seconds": 1, "fetch_seconds": 1, "workers": 1}
COUNTRIES = {code.lower(): code for code in ("AT", "HU", "FR", "SI", "SK", "HR")}
SOPRO = Path(sysconfig.get_path("scripts")) / "sopro"
ROUTES = "/log/{site}/1"


def wait_until(check: Callable[[], T], what: str, *, patience: float = PATIENCE) -> T:
    """Look until something is true, and say what was seen last where it never is."""
    end = time.monotonic() + patience
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience:g} s: {what}; last seen: {found!r}")
        time.sleep(0.02)


def organisation(country: str = "AT") -> dict[str, Any]:
    return {
        "family": "organisation",
        "values": {
            "actor_type": "enterprise",
            "country": country,
            "effective_date": "2026-01-10",
            "status": "active",
        },
    }


class Ports:
    """Loopback ports of the system's choice that nobody else gets meanwhile.

    A socket that is bound but does not listen keeps its port from everybody except who also sets
    SO_REUSEADDR and listens, which is what a node does.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def take(self) -> int:
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        self._held.append(held)
        return int(held.getsockname()[1])

    def close(self) -> None:
        for held in self._held:
            held.close()


class Nursery:
    """Starts `sopro` commands as processes; see `nursery.py`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "nursery.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._children: set[int] = set()

    def start(self, log: Path, *arguments: str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\t".join([str(log), *arguments]) + "\n")
        self._process.stdin.flush()
        number = int(self._process.stdout.readline())
        watch(number)
        self._children.add(number)
        return number

    def close(self) -> None:
        for number in self._children:
            kill(number)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


_WATCHED: dict[int, int | None] = {}
"""A descriptor of each process of the nursery, by its number; None where it has ended. Numbers are
given again, and who kills one that has ended by its number kills a stranger."""


def watch(number: int) -> None:
    """Hold on to a process that has just been started."""
    if number in _WATCHED:
        is_alive(number)
    _WATCHED[number] = os.pidfd_open(number)


def is_alive(number: int) -> bool:
    if number in _WATCHED:
        return _is_running(number)
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def _is_running(number: int) -> bool:
    descriptor = _WATCHED[number]
    if descriptor is None:
        return False
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    if waiting.poll(0):
        os.close(descriptor)
        _WATCHED[number] = None
        return False
    return True


def kill(number: int, how: signal.Signals = signal.SIGKILL) -> None:
    descriptor = _WATCHED.get(number, number)
    with contextlib.suppress(ProcessLookupError):
        if number not in _WATCHED:
            os.kill(number, how)
        elif descriptor is not None:
            signal.pidfd_send_signal(descriptor, how)
    wait_until(lambda: not is_alive(number), f"process {number} has ended")


@contextlib.contextmanager
def paused(*sites: "Site") -> Iterator[None]:
    """Stop processes where they are, without ending them."""
    numbers = [site.process for site in sites if site.process is not None]
    for number in numbers:
        os.kill(number, signal.SIGSTOP)
    try:
        yield
    finally:
        for number in numbers:
            os.kill(number, signal.SIGCONT)


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Site:
    """One node: its directory, its address, and its process while it runs."""

    def __init__(self, nursery: Nursery, folder: Path, code: str, port: int) -> None:
        self._nursery = nursery
        self.folder = folder
        self.code = code
        self.port = port
        self.log = folder.parent / f"{folder.name}.log"
        self.process: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        return f"{FEDERATION}/{self.code}/1"

    # Life.

    def start(self, *, alone: str = "") -> None:
        """Start it and wait until it answers, here and over its control socket."""
        self.launch(alone=alone)
        self.wait_up()

    def launch(self, *, alone: str = "") -> None:
        """Start it; `alone` is why it may sign without an answer."""
        more = ("--alone", alone) if alone else ()
        self.process = self._nursery.start(
            self.log, "serve", str(self.folder), "--listen", f"127.0.0.1:{self.port}", *more
        )

    def wait_up(self) -> None:
        wait_until(self._is_up, f"{self.code} answers")

    def _is_up(self) -> bool:
        assert self.process is not None
        if not is_alive(self.process):
            raise AssertionError(f"{self.code} has ended:\n{self.read_log()}")
        try:
            return self.get("/health").status == 200 and bool(self.try_call("identity"))
        except (OSError, http.client.HTTPException):
            return False

    def read_log(self) -> str:
        return self.log.read_text("utf-8", "replace")[-4000:] if self.log.exists() else ""

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            kill(self.process, how)
            self.process = None

    # Asking.

    def get(
        self, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, headers=dict(headers or {}))
            answer = connection.getresponse()
            return Answer(
                answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
            )
        finally:
            connection.close()

    def call(self, name: str, /, **values: Any) -> dict[str, Any]:
        """Have an operation done over the control socket, as the command line does."""
        answer = self.try_call(name, **values)
        assert answer is not None, f"{self.code} does not serve:\n{self.read_log()}"
        return answer

    def try_call(self, name: str, /, **values: Any) -> dict[str, Any] | None:
        return asyncio.run(call(self.folder, name, values))

    def has_joined(self, invite: Mapping[str, Any]) -> bool:
        """Ask for admission; False where the coordinator could not be reached now."""
        with contextlib.suppress(PeerError):
            self.call("join", invite=invite)
            return True
        return False

    def append(self, count: int = 1) -> list[dict[str, Any]]:
        """Append records that count, and return where they came to lie."""
        drafts = [organisation(COUNTRIES[self.code])] * count
        outcomes: list[dict[str, Any]] = self.call("append", drafts=drafts)["outcomes"]
        for outcome in outcomes:
            assert "entry_id" in outcome, outcome
        return outcomes

    def status(self) -> Any:
        return self.get("/api/v1/status").json

    def mirror(self, origin: str) -> dict[str, Any]:
        """What this node says of the exchange of one log."""
        found = [one for one in self.status()["mirrors"] if one["origin"] == origin]
        return dict(found[0]) if found else {}

    def checkpoint(self, code: str) -> bytes:
        answer = self.get(ROUTES.format(site=code) + "/checkpoint")
        return answer.body if answer.status == 200 else b""

    def refusals(self, origin: str) -> dict[str, int]:
        """Count refusals by code, as the metrics have them."""
        text = self.get("/metrics").body.decode()
        pattern = (
            rf'sopro_peer_refusals_total{{code="([^"]*)",origin="{re.escape(origin)}"}} ([0-9.]+)'
        )
        return {code: int(float(count)) for code, count in re.findall(pattern, text)}

    # Memory.

    def reset_peak(self) -> int:
        """Forget the peak of its memory, and return what it takes now in bytes."""
        Path(f"/proc/{self.process}/clear_refs").write_text("5")
        return self._memory("VmRSS")

    def peak(self) -> int:
        return self._memory("VmHWM")

    def workers(self) -> list[int]:
        """Return the processes that verify for it."""
        return [
            int(number)
            for task in Path(f"/proc/{self.process}/task").iterdir()
            for number in (task / "children").read_text().split()
            if b"sopro_node.worker" in Path(f"/proc/{number}/cmdline").read_bytes()
        ]

    def processor_seconds(self) -> float:
        """Return what its process has used of the processors so far."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _memory(self, name: str) -> int:
        text = Path(f"/proc/{self.process}/status").read_text()
        match = re.search(rf"{name}:\s+(\d+) kB", text)
        assert match is not None
        return int(match[1]) * 1024


class Federation:
    """A coordinator and its members, made and admitted as people do it."""

    def __init__(self, base: Path, nursery: Nursery) -> None:
        self._base = base
        self.nursery = nursery
        self.ports = Ports()
        self.sites: dict[str, Site] = {}

    def new(self, code: str, *, url: str = "", **settings: object) -> Site:
        """Make a node's directory; `url` is where others reach it if not directly."""
        is_coordinator = code == COORDINATOR
        site = Site(self.nursery, self._base / code, code, self.ports.take())
        plan = Plan(
            federation=FEDERATION,
            site=code,
            country="BE" if is_coordinator else COUNTRIES[code],
            zone="Europe/Brussels",
            languages=("en",),
            listen=f"127.0.0.1:{site.port}",
            url=url or site.url,
        )
        create_node(site.folder, plan, coordinator=is_coordinator)
        with (site.folder / CONFIG).open("a", encoding="utf-8") as file:
            for name, value in {**SETTINGS, **settings}.items():
                file.write(f"{name} = {value}\n")
        self.sites[code] = site
        return site

    def start_coordinator(self, **settings: object) -> Site:
        site = self.new(COORDINATOR, **settings)
        site.start()
        site.call("publish_criteria", **scheme_without_set())
        return site

    @property
    def coordinator(self) -> Site:
        return self.sites[COORDINATOR]

    def invite(self) -> dict[str, Any]:
        path = self.coordinator.folder / INVITE
        invite = parse_invite(path.read_bytes(), where=str(path))
        return {name: getattr(invite, name) for name in invite.__struct_fields__}

    def join(self, site: Site, *, invite: Mapping[str, Any] | None = None) -> None:
        """Start a site, have it ask and be admitted, and wait until it acts as a member."""
        if site.process is None:
            site.start()
        asked = dict(invite or self.invite())
        # A busy machine may keep the coordinator from answering in time; then one asks again.
        wait_until(lambda: site.has_joined(asked), f"{site.code} asks for admission")
        self.coordinator.call("admit", site=site.code)
        wait_until(
            lambda: site.status()["acts_on"] is not None and is_admitted(site),
            f"{site.code} acts as a member",
        )

    def start(self, codes: Sequence[str], **settings: object) -> list[Site]:
        """Start a whole federation."""
        self.start_coordinator(**settings)
        sites = [self.new(code, **settings) for code in codes]
        for site in sites:
            self.join(site)
        return sites

    def release(self, site: Site, **values: object) -> dict[str, Any]:
        """End a suspension, and wait until the site acts on that."""
        answer = self.coordinator.call(
            "set_membership", site=site.code, status="admitted", **values
        )
        wait_until(
            lambda: site.status()["acts_on"]["size"] > answer["index"],
            f"{site.code} acts on its release",
        )
        return answer

    def wait_for(self, node: Site, source: Site, *, patience: float = PATIENCE) -> None:
        """Wait until a node holds and has judged all that another one publishes."""

        def is_current() -> bool:
            if source.checkpoint(source.code) != node.checkpoint(source.code):
                return False
            mirror = node.mirror(source.origin)
            return bool(mirror) and mirror["judged"] == mirror["size"]

        try:
            wait_until(is_current, f"{node.code} has all of {source.code}", patience=patience)
        except AssertionError as error:
            raise AssertionError(
                f"{error}\n{node.mirror(source.origin)}\n{node.read_log()}"
            ) from None

    def close(self) -> None:
        for site in self.sites.values():
            if site.process is not None:
                kill(site.process)
        self.ports.close()


def is_admitted(site: Site) -> bool:
    return bool(site.status()["membership"] == "admitted")


@contextlib.contextmanager
def federation(
    base: Path, nursery: Nursery, *, land: Federation | None = None
) -> Iterator[Federation]:
    """A federation that leaves no process behind, and shows what its nodes said on failure."""
    one = land or Federation(base, nursery)
    try:
        yield one
    except BaseException:
        for site in one.sites.values():
            sys.stderr.write(f"--- {site.code}\n{site.read_log()}\n")
        raise
    finally:
        one.close()


def sync(site: Site) -> dict[str, Any]:
    """Have a node pull everything once, now."""
    try:
        pulled: dict[str, Any] = site.call("sync")["pulled"]
    except SoproError as error:
        raise AssertionError(f"{site.code}: {error}\n{site.read_log()}") from None
    return pulled


def state_of(node: Site, source: Site) -> dict[bytes, object]:
    """Read what a node has made of the organisations in a log."""
    store = SqliteStore.open(node.folder, writing=False)
    try:
        [number] = [row.log for row in store.logs() if row.origin == source.origin]
        return {entity: state for entity, _, state in store.entities(number, "organisation")}
    finally:
        store.close()
