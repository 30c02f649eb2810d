"""A site that asks for admission, and the candidate that coordinates (JOIN, CONF)."""

import random
import time
from collections.abc import Mapping
from typing import Any, Final

from sopro_conformance.adapter import Adapter, Answer, unpack
from sopro_conformance.case import NotMeasured
from sopro_conformance.plain import read_json
from sopro_conformance.wire.codec import Value, encode
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.world.client import Client, Reply, words
from sopro_conformance.world.federation import COORDINATOR, FEDERATION
from sopro_conformance.world.server import Server
from sopro_conformance.world.sitelog import SiteLog

APPLICATIONS: Final = "/api/v1/applications"
CONTEXT: Final = b"sopro-application/1\n"
PROFILE: Final = "publisher"
"""What the candidate is told to ask for."""


class Applicant:
    """A site with its log and its node.

    Attributes:
        code: of the site.
        log: its own.
        server: that serves it.
    """

    def __init__(self, source: random.Random, code: str) -> None:
        self.code = code
        self.source = source
        self.log = SiteLog(source, f"{FEDERATION}/{code}/1")
        self.log.name_keys()
        self.log.state()
        self.server = Server()

    async def open(self) -> None:
        """Serve the log."""
        self.server.serve(self.log)
        await self.server.start()

    def request(self, signer: SigningKey | None = None, **changes: Value) -> bytes:
        """Write a request for admission (JOIN-1); signed by another key where one is given."""
        said: dict[str, Value] = {
            "country": "AT",
            "languages": ["en"],
            "name": {"en": f"Site {self.code}"},
            "origin": self.log.origin,
            "root": self.log.keys["root"].public,
            "site": self.code,
            "time": int(time.time() * 1000),
            "urls": [self.server.url],
            "zone": "Europe/Vienna",
        }
        content = encode(said | changes)
        return encode([content, (signer or self.log.keys["root"]).sign(CONTEXT + content)])

    def statement(self, nonce: bytes, **changes: Any) -> dict[str, Value]:
        """Return the body of a statement that is right (CONF-1 to CONF-3)."""
        now = int(time.time() * 1000)
        day = time.strftime("%Y-%m-%d", time.gmtime(now / 1000 + 30 * 86_400))
        body: dict[str, Value] = {
            "began": now - 1000,
            "counts": {"not_applicable": 0, "passed": 90, "waived": 0, "warned": 0},
            "ended": now,
            "nonce": nonce,
            "profiles": [PROFILE],
            "report": self.source.randbytes(32),
            "requirements": self.source.randbytes(32),
            "results": self.source.randbytes(32),
            "runner": "self",
            "software": "a node",
            "suite": self.source.randbytes(32),
            "suite_version": "1",
            "valid_until": day,
            "version": "1",
        }
        return body | changes

    def state(self, body: Mapping[str, Value], **how: Any) -> int:
        """Append a statement and what ends its batch; return where it lies."""
        written = self.log.append("conformance_statement/1", body, **how)
        self.log.state()
        return written.position


class Council:
    """A candidate that is the coordinator of a federation of its own.

    Attributes:
        adapter: of the candidate.
        client: reads it.
        applicants: sites that ask it.
    """

    def __init__(self, adapter: Adapter, source: random.Random) -> None:
        self.adapter = adapter
        self.source = source
        self.client = Client("")
        self.applicants: list[Applicant] = []

    async def open(self) -> None:
        """Have the candidate coordinate.

        Raises:
            NotMeasured: it does not.
        """
        answer = await self.adapter.ask(
            "start",
            site=COORDINATOR,
            country="BE",
            zone="Europe/Brussels",
            coordinator={"federation": FEDERATION},
            admit_profiles=[PROFILE],
            url_allowed=["127.0.0.1/32"],
            poll_seconds=1,
        )
        given = answer.ok or {}
        url, origin, root = given.get("url"), given.get("origin"), unpack(given.get("root"))
        if not isinstance(url, str) or not isinstance(origin, str) or root is None:
            raise NotMeasured(f"the candidate does not start as a coordinator: {answer.words}")
        self.client = Client(url.rstrip("/"), origin)

    async def close(self) -> None:
        """End all nodes."""
        await self.client.close()
        for one in self.applicants:
            await one.server.stop()

    async def new_applicant(self, code: str) -> Applicant:
        """Return a site whose node serves."""
        one = Applicant(self.source, code)
        self.applicants.append(one)
        await one.open()
        return one

    async def ask(self, request: bytes) -> Reply:
        """Ask for admission (JOIN-1)."""
        return await self.client.ask(
            APPLICATIONS,
            method="POST",
            body=request,
            headers={"Content-Type": "application/octet-stream"},
        )

    async def challenge(self, applicant: Applicant) -> bytes:
        """Ask for admission and return the challenge that comes back (CONF-4).

        Raises:
            NotMeasured: none does.
        """
        reply = await self.ask(applicant.request())
        try:
            nonce = bytes.fromhex(read_json(reply.body, APPLICATIONS)["nonce"])
        except (ValueError, KeyError, TypeError):
            nonce = b""
        if reply.status != 200 or len(nonce) != 32:
            raise NotMeasured(f"no challenge for {applicant.code} (CONF-4): {words(reply)}")
        return nonce

    async def admit(self, applicant: Applicant, position: int | None) -> Answer:
        """Have the officer admit a site on the statement at a position of its log, or on none."""
        fields = {} if position is None else {"statement": position}
        return await self.adapter.ask("admit", site=applicant.code, **fields)

    async def membership(self, code: str) -> dict[str, Any]:
        """Return the body of a site's latest membership record; empty for none."""
        await self.client.read()
        found: dict[str, Any] = {}
        for one in self.client.records():
            if one.get("family") == "site_membership/1" and one["body"].get("site") == code:
                found = one["body"]
        return found
