"""What evaluations and reviews need: an application that was accepted, and who may assess it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from sopro_conformance.wire.codec import Value
from sopro_conformance.world.federation import SCHEME, World
from sopro_conformance.world.scene import organisation
from sopro_conformance.world.sitelog import SiteLog, Written

PERFORMED: Final = "2026-02-10"
REVIEWED: Final = "2026-02-15"
OTHER: Final = "other"
"""Another scheme that is there, without criteria."""
MANY: Final = {"C-1": 1, "C-2": 1, "C-3": 1, "C-4": 1, "C-5": 1}
Changes: TypeAlias = "Mapping[str, Value | None]"
"""What is another in a body; None for what is left out."""

_CRITERIA: Final[Mapping[str, Mapping[str, Value]]] = {
    "C-1": {"obligation": "mandatory"},
    "C-2": {"points": 10},
    "C-3": {"kind": "threshold", "threshold": 50, "threshold_scale": 1, "unit": "KGM"},
    "C-4": {"obligation": "mandatory", "country": "HU"},
    "C-5": {"offerings": ["service"]},
}
"""Of all, for points, of a limit of 5.0 kg, of another country, and of services alone."""


def change(body: Mapping[str, Value], *changes: Changes) -> dict[str, Value]:
    """Return a body with changes, the later ones over the earlier."""
    changed: dict[str, Value | None] = dict(body)
    for one in changes:
        changed |= one
    return {name: value for name, value in changed.items() if value is not None}


def _publish(world: World) -> None:
    for code, more in _CRITERIA.items():
        body: dict[str, Value] = {
            "applies_from": "2026-01-01",
            "code": code,
            "dimension": "ecological",
            "kind": "boolean",
            "obligation": "points",
            "principle": "quality",
            "scheme": SCHEME,
            "status": "active",
            "title": {"en": f"Criterion {code}"},
            "version": 1,
        }
        world.coordinator.append("criterion/1", {**body, **more})
    entity = world.source.randbytes(16)
    for version in (1, 2):
        body = {
            "applies_from": "2026-01-01",
            "criteria": [{"code": code, "version": 1} for code in MANY],
            "published_on": "2026-01-01",
            "scheme": SCHEME,
            "transition_until": "2026-12-31",
            "version": version,
        }
        world.coordinator.append("criteria_set/1", body, entity=entity)
    world.publish_scheme(scheme=OTHER, title={"en": "Another"})


@dataclass
class Ground:
    """A site with a label that rests on nothing, and an application that was accepted.

    Attributes:
        world: whose site `at` it is.
        log: of the site.
        label: that was granted before there were criteria.
        applicant: the organisation that applies, for what another one offers.
        owner: that other one.
        offering: what it is for.
        application: its entity.
        assessor: the pseudonym of who may assess.
        authorisation: the entity of what allows it.
    """

    world: World
    log: SiteLog = field(init=False)
    label: Written = field(init=False)
    applicant: bytes = field(init=False)
    owner: bytes = field(init=False)
    offering: bytes = field(init=False)
    application: bytes = field(init=False)
    assessor: bytes = field(init=False)
    authorisation: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Publish criteria, accept an application and authorise an assessor."""
        world = self.world
        log = self.log = world.sites["at"]
        self.label = world.grant(log)
        _publish(world)
        world.coordinator.state()
        log.state(world.coordinator)
        self.applicant, self.owner = (
            log.append("organisation/1", organisation("at")).entity for _ in range(2)
        )
        self.offering = log.append(
            "offering/1",
            {
                "effective_date": "2026-02-01",
                "kind": "product",
                "organisation": self.owner,
                "status": "published",
            },
        ).entity
        self.application = self.apply()
        self.assessor = world.source.randbytes(16)
        self.authorisation = self.authorise({}).entity

    def apply(self, step: str = "accepted", **changes: Value) -> bytes:
        """Submit an application and take it one step further; return its entity."""
        body: dict[str, Value] = {
            "applicant": self.applicant,
            "criteria_version": 1,
            "effective_date": "2026-02-02",
            "kind": "initial",
            "offering": self.offering,
            "scheme": SCHEME,
            "step": "submitted",
        }
        submitted = self.log.append("label_application/1", body | changes)
        if step != "submitted":
            body |= {"step": step}
            self.log.append("label_application/1", body | changes, entity=submitted.entity)
        return submitted.entity

    def authorise(self, changes: Changes, *, entity: bytes = b"") -> Written:
        """Append what allows the assessor to assess."""
        body: dict[str, Value] = {
            "basis": "iso17065",
            "effective_date": "2026-01-15",
            "level": "third_party",
            "person": self.assessor,
            "scheme": SCHEME,
            "status": "active",
            "valid_from": "2026-01-15",
            "valid_until": "2027-01-14",
        }
        changed = change(body, changes)
        return self.log.append("assessor_authorisation/1", changed, entity=entity)

    def by(self, authorisation: bytes | None = None, person: bytes = b"") -> list[Value]:
        """Name one assessor; with an empty authorisation none is named."""
        named: dict[str, Value] = {"person": person or self.assessor}
        if authorisation != b"":
            named["authorisation"] = authorisation or self.authorisation
        return [named]

    def evaluate(self, *changes: Changes, entity: bytes = b"", docs: int = 0) -> Written:
        """Append an evaluation for the application."""
        body: dict[str, Value] = {
            "application": self.application,
            "assessors": self.by(),
            "criteria_version": 1,
            "findings": [
                {"code": "C-1", "result": "conform"},
                {"code": "C-2", "points": 8, "result": "conform"},
            ],
            "kind": "initial",
            "level": "third_party",
            "method": "on_site",
            "performed_on": PERFORMED,
            "recommendation": "positive",
        }
        document: dict[str, Value] = {
            "commitment": bytes(32),
            "name": "photo",
            "size": 5,
            "type": "image/png",
            "visibility": "site",
        }
        changed = change(body, *changes)
        return self.log.append("evaluation/1", changed, entity=entity, docs=[document] * docs)

    def review(self, evaluations: list[bytes], *changes: Changes, entity: bytes = b"") -> Written:
        """Append a review of evaluations for the application."""
        body: dict[str, Value] = {
            "application": self.application,
            "evaluations": list(evaluations),
            "outcome": "recommend_grant",
            "reviewed_on": REVIEWED,
            "reviewer": self.world.source.randbytes(16),
        }
        return self.log.append("review/1", change(body, *changes), entity=entity)

    def decide(self, review: bytes) -> Written:
        """Append the refusal that decides the application."""
        body = self.world.decision(
            "refuse",
            "",
            application=self.application,
            offering=self.offering,
            review=review,
            scheme=SCHEME,
        )
        del body["certificate"]
        return self.log.append("label_decision/1", body)
