"""An officer's node under hostile and impatient clients: never 500, nothing half-written.

The node is a process of its own; a restart is a SIGKILL while clients are sending.
"""

import asyncio
import contextlib
import json
import random
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from tests.federation.federation import Federation, Site

pytestmark = pytest.mark.slow

OFFICE = "/api/v1/office"
HOLDER = {"legal_name": "Tischlerei Muster", "country": "AT", "effective_date": "2026-10-01"}
ROLES = ["registrar", "assessor", "reviewer", "decider", "administrator"]
CLIENTS = 6
REQUESTS = 40


@pytest.fixture
def at(land: Federation) -> Site:
    [site] = land.start(["at"])
    return site


def token_of(site: Site, name: str, *roles: str) -> str:
    told = {"name": name, "roles": list(roles or ROLES), "new_person": True}
    return str(site.call("officer_add", **told)["token"])


def organisations(site: Site) -> set[str]:
    found: set[str] = set()
    after = ""
    while True:
        page = site.get(f"/api/v1/organisations?limit=500{after}").json
        found |= {one["entity"] for one in page["organisations"]}
        if page["next"] is None:
            return found
        after = f"&after={page['next']}"


@dataclass
class Impatient:
    """Sends requests that name themselves, and each again until it is answered."""

    site: Site
    token: str
    number: int
    answered: dict[str, str] = field(default_factory=dict)

    async def run(self) -> None:
        async with aiohttp.ClientSession() as session:
            for count in range(REQUESTS):
                key = f"client-{self.number}-{count}"
                while key not in self.answered:
                    await self._send(session, key)

    async def _send(self, session: aiohttp.ClientSession, key: str) -> None:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key}
        body = {**HOLDER, "legal_name": f"Tischlerei {key}"}
        try:
            async with session.post(
                f"{self.site.url}{OFFICE}/organisations", json=body, headers=headers
            ) as answer:
                said = await answer.json()
        except (aiohttp.ClientError, OSError):
            await asyncio.sleep(0.02)
            return
        if answer.status in (429, 503):
            await asyncio.sleep(0.05)
            return
        assert answer.status == 201, said
        self.answered[key] = said["entity"]


def test_what_is_named_is_done_once_through_a_kill(at: Site) -> None:
    clients = [
        Impatient(at, token_of(at, f"Officer {number}"), number) for number in range(CLIENTS)
    ]

    async def storm() -> None:
        work = asyncio.gather(*(one.run() for one in clients))
        for _ in range(2):
            enough = sum(len(one.answered) for one in clients) + 20
            while sum(len(one.answered) for one in clients) < enough and not work.done():  # noqa: ASYNC110  # what was answered has no event
                await asyncio.sleep(0.01)
            await asyncio.to_thread(at.kill)
            await asyncio.to_thread(at.start)
        await work

    asyncio.run(storm())
    told = [entity for one in clients for entity in one.answered.values()]
    assert len(told) == len(set(told)) == CLIENTS * REQUESTS
    assert organisations(at) == set(told)
    trail: list[dict[str, Any]] = at.call("officer_trail", limit=500)["trail"]
    done = [one["entry_id"] for one in trail if one["action"] == "organisation.add"]
    assert len(done) == len(set(done)) == CLIENTS * REQUESTS


def hostile_bodies(chance: random.Random) -> list[bytes]:
    """Make requests from a good one: bytes changed, cut, repeated; and what no parser likes."""
    good = json.dumps({**HOLDER, "nuts": "AT221", "identifiers": []}).encode()
    made = []
    for _ in range(120):
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(data))
            match chance.randrange(3):
                case 0:
                    data[place] = chance.randrange(256)
                case 1:
                    del data[place:]
                    data += b"\0"
                case _:
                    data[place:place] = chance.choice(
                        (b"[" * 99, b'{"a":', b"\xff", b"1e400", b"\\u")
                    )
        made.append(bytes(data))
    deep = [opening * 60_000 for opening in (b"[", b'{"legal_name":', b'{"documents":[')]
    return [*made, *deep, b"\xef\xbb\xbf" + good, b"null", b"1" * 5000, b'"' + b"\\" * 9000]


HOSTILE_HEADERS: list[dict[str, str]] = [
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/json; charset=utf-16"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    {"Content-Type": "application/json", "Idempotency-Key": "two words"},
    {"Content-Type": "application/json", "Authorization": "Bearer"},
    {"Content-Type": "application/json", "Authorization": "Bearer " + "A" * 4000},
    {"Content-Type": "application/json", "Authorization": "Basic YTpi"},
]


def test_hostile_clients_change_nothing_and_find_no_bug(at: Site) -> None:
    token = token_of(at, "Maria")
    weak = token_of(at, "Anna", "assessor")
    paths = [
        (one["method"], one["path"])
        for one in (
            {"method": "POST", "path": "/organisations"},
            {"method": "POST", "path": "/decisions"},
            {"method": "POST", "path": "/evaluations"},
            {"method": "POST", "path": "/assessors"},
            {"method": "PUT", "path": "/organisations/" + "00" * 16},
            {"method": "POST", "path": "/applications/" + "f" * 32 + "/steps"},
            {"method": "POST", "path": "/appeals/%00/panel"},
            {"method": "DELETE", "path": "/organisations"},
        )
    ]
    chance = random.Random(7)  # the same requests every time
    statuses: set[int] = set()

    async def attack() -> None:
        # A connection each: one on which a request was refused before its end is closed.
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def send(method: str, path: str, data: bytes, headers: dict[str, str]) -> None:
                asked = {"Authorization": f"Bearer {token}", **headers}
                status = 429
                while status == 429:
                    async with session.request(
                        method, f"{at.url}{OFFICE}{path}", data=data, headers=asked,
                        skip_auto_headers=["Content-Type"],
                    ) as answer:  # fmt: skip
                        said = await answer.json()
                    status = answer.status
                    await asyncio.sleep(0.1 if status == 429 else 0)
                statuses.add(status)
                assert status < 500, (method, path, data[:80], said)
                if status == 201:
                    made.append(said["entity"])

            kind = {"Content-Type": "application/json"}
            for number, data in enumerate(hostile_bodies(chance)):
                method, path = paths[number % len(paths)]
                await send(method, path, data, kind)
            for headers in HOSTILE_HEADERS:
                await send("POST", "/organisations", json.dumps(HOLDER).encode(), headers)
            await send(*paths[4], json.dumps(HOLDER).encode(), kind)
            stranger = {**kind, "Authorization": f"Bearer {weak}"}
            for method, path in paths:
                # Who is told no before the end of what they send may not hear it.
                with contextlib.suppress(aiohttp.ClientConnectionError):
                    await send(method, path, b"x" * (300 * 1024), kind)
                await send(method, path, b"{}", stranger)

    made: list[str] = []
    asyncio.run(attack())
    assert {400, 401, 403, 404, 405, 413, 415} <= statuses
    # What was made came of a change that left a request a good one.
    assert organisations(at) == set(made)
    trail = at.call("officer_trail", limit=500)["trail"]
    assert sum(one["action"] == "organisation.add" for one in trail) == len(made)
    done = {one["action"].split(" ")[0] for one in trail}
    assert done == {"join", "officer.add", "organisation.add"}
    assert '"bug"' not in at.read_log()
    assert token not in at.log.read_text("utf-8")
