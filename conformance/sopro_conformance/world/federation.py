"""A coordinator and its members, as logs in memory."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sopro_conformance.wire.codec import Value
from sopro_conformance.world.padding import word
from sopro_conformance.world.sitelog import SiteLog, Written

FEDERATION: Final = "conformance.example"
COORDINATOR: Final = "eu"
SCHEME: Final = "sopro"
GRANTED: Final = "2026-02-20"
EXPIRES: Final = "2027-02-19"


class World:
    """The logs of a federation.

    Attributes:
        coordinator: its log.
        sites: the members' logs, by code.
        root: the root key that an invite would name, whatever key succeeds it.
        name: of the federation.
        later: so many milliseconds its first records are after 9:00 UTC.
    """

    def __init__(
        self, source: random.Random, sites: str = "at hu", padding: random.Random | None = None
    ) -> None:
        """Found a federation.

        Args:
            source: from which all keys and whatever else is random follow.
            sites: codes of its members.
            padding: from which its name and records beside the point follow; None for none.
        """
        self.source, self.padding = source, padding
        # Of the hour of its first records; they stand on the same day.
        self.later = padding.randrange(3_600_000) if padding else 0
        self.name = f"{word(padding)}.{FEDERATION}" if padding else FEDERATION
        self.coordinator = self.begin(COORDINATOR)
        self.root = self.coordinator.keys["root"].public
        self.coordinator.name_keys()
        self._policy = hashlib.sha256(b"witness policy").digest()[:16]
        self._members: dict[str, tuple[bytes, dict[str, Value]]] = {}
        self._latest: dict[str, Written] = {}
        self.publish_scheme()
        self.sites = {code: self.found(code) for code in sites.split()}
        for code in self.sites:
            self.change_membership(code)
        self.coordinator.state()
        for log in self.sites.values():
            log.state(self.coordinator)

    def begin(self, code: str, epoch: int = 1) -> SiteLog:
        """Return a log of this federation, with nothing in it."""
        log = SiteLog(self.source, f"{self.name}/{code}/{epoch}")
        if self.padding is not None:
            log.padding, log.first = self.padding, self.padding.randrange(10**5)
            log.time += self.later
        return log

    def found(self, code: str) -> SiteLog:
        """Begin a log with its key record."""
        log = self.begin(code)
        log.name_keys()
        log.state()
        self._members[code] = (
            self.source.randbytes(16),
            {
                "country": code.upper(),
                "effective_date": "2026-01-01",
                "languages": ["en"],
                "name": {"en": f"Site {code}"},
                "origin": log.origin,
                "prefix": f"{code.upper()}0",
                "root": log.keys["root"].public,
                "site": code,
                "status": "admitted",
                "urls": [f"http://{code}.invalid"],
                "zone": "Europe/Vienna",
            },
        )
        return log

    def enroll(self, code: str, *, origin: str, root: bytes, urls: list[Value]) -> Written:
        """Admit a site whose log somebody else writes."""
        body: dict[str, Value] = {
            "country": code.upper(),
            "effective_date": "2026-01-01",
            "languages": ["en"],
            "name": {"en": f"Site {code}"},
            "origin": origin,
            "prefix": f"{code.upper()}0",
            "root": root,
            "site": code,
            "status": "admitted",
            "urls": urls,
            "zone": "Europe/Vienna",
        }
        self._members[code] = (self.source.randbytes(16), body)
        return self.change_membership(code)

    def change_membership(self, code: str, **changes: Value) -> Written:
        """Append a membership record with what changes (MEM-4)."""
        entity, body = self._members[code]
        # What ends a membership is said once, not again with every later change.
        again = {"abandoned", "approvals", "ends", "epoch", "mandate", "succession", "successor"}
        kept = {name: one for name, one in body.items() if name not in again}
        self._members[code] = (entity, kept | changes)
        written = self.coordinator.append("site_membership/1", kept | changes, entity=entity)
        self._latest[code] = written
        return written

    def last_membership(self, code: str) -> Written:
        """Return a site's latest membership record."""
        return self._latest[code]

    def membership(self, code: str) -> dict[str, Value]:
        """Return the body of a site's latest membership record."""
        return dict(self._members[code][1])

    def member_entity(self, code: str) -> bytes:
        """Return whom a site's membership records are on."""
        return self._members[code][0]

    def codes(self) -> list[str]:
        """Return the codes of all sites that were asked about, whoever writes their logs."""
        return sorted(self._latest)

    def publish_scheme(self, **changes: Value) -> Written:
        """Append a scheme (LBL-1)."""
        body: dict[str, Value] = {
            "effective_date": "2026-01-01",
            "grace_days": 30,
            "kind": "product+service",
            "max_validity_months": 24,
            "scheme": SCHEME,
            "status": "active",
            "surveillance_interval_months": 12,
            "title": {"en": "A scheme"},
        }
        return self.coordinator.append("scheme/1", body | changes)

    def publish_policy(self, witnesses: Sequence[str]) -> Written:
        """Append a witness policy, always on the same entity (WIT-11)."""
        body: dict[str, Value] = {"faulty": 0, "witnesses": list(witnesses)}
        return self.coordinator.append("witness_policy/1", body, entity=self._policy)

    def offer(self, log: SiteLog) -> bytes:
        """Append an organisation and its offering; return the offering's entity."""
        return self.describe(log).entity

    def describe(self, log: SiteLog, docs: Sequence[Mapping[str, Value]] = ()) -> Written:
        """Append an organisation and its offering, with the documents it commits to."""
        holder = log.append(
            "organisation/1",
            {
                "actor_type": "enterprise",
                "country": log.site.upper(),
                "effective_date": "2026-02-01",
                "status": "active",
            },
        )
        return log.append(
            "offering/1",
            {
                "effective_date": "2026-02-01",
                "kind": "product",
                "organisation": holder.entity,
                "status": "published",
            },
            docs=docs,
        )

    def decision(self, action: str, number: str, **changes: Value) -> dict[str, Value]:
        """Return the body of an assessed decision, with the fields its action needs (LBL-8)."""
        body: dict[str, Value] = {
            "action": action,
            "basis": "assessed",
            "certificate": number,
            "decided_on": GRANTED,
            "decider": self.source.randbytes(16),
            "effective_date": GRANTED,
        }
        if action in ("grant", "renew"):
            body |= {"valid_from": GRANTED, "valid_until": EXPIRES}
        if action in ("suspend", "reduce_scope", "refuse", "revoke", "terminate_on_request"):
            body["reason_code"] = "other"
        if action == "suspend":
            body["suspended_until"] = "2026-12-31"
        if action == "revoke":
            body["appeal_until"] = "2026-12-31"
        return body | changes

    def grant(self, log: SiteLog, number: str = "", **changes: Value) -> Written:
        """Grant a label that counts."""
        number = number or self.number(log)
        body = self.decision(
            "grant", number, offering=self.offer(log), scheme=SCHEME, status_index=log.grants
        )
        body |= changes
        log.grants += 1
        return log.append("label_decision/1", body)

    def number(self, log: SiteLog) -> str:
        """Return a certificate number that the site has not given yet."""
        return f"SOPRO/{log.site.upper()}0/001/{log.first + log.grants:06}"

    def question(self, day: str = "2026-03-15") -> dict[str, Any]:
        """Return all logs as `verify` of kind `logs` takes them, each ended by a log_state."""
        return {
            "coordinator": self.coordinator.origin,
            "root": self.root,
            "logs": [one.export() for one in (self.coordinator, *self.sites.values())],
            "day": day,
        }


def status_of(answer: Mapping[str, Any] | None, number: str) -> Any:
    """Return what an answer of kind `logs` says of a label; None where it says nothing."""
    labels = (answer or {}).get("labels")
    label = labels.get(number) if isinstance(labels, Mapping) else None
    return label.get("status") if isinstance(label, Mapping) else None


def void_of(answer: Mapping[str, Any] | None, written: Written, origin: str) -> Any:
    """Return the code by which an entry is void; empty where it counts, None where unsaid.

    An entry that was not judged yet is said to wait.
    """
    logs = (answer or {}).get("logs")
    log = logs.get(origin) if isinstance(logs, Mapping) else None
    if not isinstance(log, Mapping) or not isinstance(log.get("void"), Mapping):
        return None
    waits_at = log.get("waits_at")
    if isinstance(waits_at, int) and written.position >= waits_at:
        return "waits"
    return log["void"].get(str(written.position), "")
