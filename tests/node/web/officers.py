"""Clients of officers: what a program of theirs sends, and what it is answered."""

from dataclasses import dataclass, field
from typing import Any

import aiohttp

from sopro_node.node import Node
from sopro_node.officers import officer_add

ROLES = ("registrar", "assessor", "reviewer", "decider", "administrator")
OFFICE = "/api/v1/office"
CHAIR = {"name": {"de": "Sessel"}, "effective_date": "2026-10-01"}
HOLDER = {
    "legal_name": "Tischlerei Muster",
    "country": "AT",
    "locality": "Graz",
    "effective_date": "2026-10-01",
}


@dataclass
class Answer:
    status: int
    body: Any
    headers: dict[str, str]

    @property
    def code(self) -> str:
        return str(self.body.get("code", ""))


@dataclass
class Client:
    """One officer's client."""

    url: str
    token: str
    session: aiohttp.ClientSession
    sent: list[str] = field(default_factory=list)

    async def send(
        self, method: str, path: str, body: Any = None, *, data: bytes | None = None, **headers: str
    ) -> Answer:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        if self.token:
            named.setdefault("Authorization", f"Bearer {self.token}")
        if data is not None:
            named.setdefault("Content-Type", "application/json")
        async with self.session.request(
            method, f"{self.url}{OFFICE}{path}", json=body, data=data, headers=named
        ) as answer:
            self.sent.append(f"{method} {path}")
            return Answer(answer.status, await answer.json(), dict(answer.headers))

    async def get(self, path: str) -> Any:
        answer = await self.send("GET", path)
        assert answer.status == 200, answer.body
        return answer.body

    async def post(self, path: str, body: Any, **headers: str) -> Any:
        answer = await self.send("POST", path, body, **headers)
        assert answer.status == 201, answer.body
        return answer.body

    async def put(self, path: str, body: Any, **headers: str) -> Any:
        answer = await self.send("PUT", path, body, **headers)
        assert answer.status == 201, answer.body
        return answer.body


async def add_officer(
    node: Node, url: str, session: aiohttp.ClientSession, name: str, *roles: str, person: str = ""
) -> Client:
    added = await officer_add(
        node, {"name": name, "roles": roles or ROLES, "person": person, "new_person": True}
    )
    return Client(url, added["token"], session)
