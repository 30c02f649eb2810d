"""The way of an application to a decision, each step as the rules allow unless told otherwise."""

from typing import Any

from tests.registry.world import Author, World, Written, bytes16, criterion_body

DAYS = {
    "published": "2025-06-01",
    "applies": "2025-07-01",
    "submitted": "2025-10-01",
    "accepted": "2025-10-05",
    "performed": "2025-11-20",
    "reviewed": "2025-12-15",
    "decided": "2026-01-10",
}
APPLICATION, EVALUATION, REVIEW, AUTHORISATION = (
    bytes16(name) for name in ("application", "evaluation", "review", "authorisation")
)
ASSESSOR, REVIEWER, DECIDER = (bytes16(name) for name in ("assessor", "reviewer", "officer"))


class Assessing:
    """A world whose scheme has criteria: S1 and S2 must be met, S3 earns points."""

    def __init__(self) -> None:
        self.world = World()
        self.at: Author = self.world.at
        for code, changes in (
            ("S1", {}),
            ("S2", {"kind": "boolean"}),
            ("S3", {"kind": "score", "obligation": "points", "points": 10}),
        ):
            assert self.put_criterion(code, **changes).code is None
        assert self.put_set().code is None
        self.act()

    def act(self) -> None:
        """Have the site act on all the coordinator has said."""
        assert self.at.write_state(self.world.coordinator).code is None

    def put_criterion(self, code: str, /, **changes: Any) -> Written:
        body = criterion_body() | {"code": code} | changes
        body = {name: value for name, value in body.items() if value is not None}
        return self.world.coordinator.write(
            "criterion/1", body, entity=bytes16(f"criterion {code}")
        )

    def set_body(self, **changes: Any) -> dict[str, Any]:
        return {
            "applies_from": DAYS["applies"],
            "criteria": [{"code": code, "version": 1} for code in ("S1", "S2", "S3")],
            "min_points": 5,
            "published_on": DAYS["published"],
            "scheme": "sopro",
            "version": 1,
        } | changes

    def put_set(self, **changes: Any) -> Written:
        body = self.set_body(**changes)
        return self.world.coordinator.write("criteria_set/1", body, entity=bytes16("criteria"))

    # Bodies that the rules allow.

    def authorisation(self, **changes: Any) -> dict[str, Any]:
        return {
            "basis": "iso17065",
            "effective_date": "2025-01-01",
            "level": "third_party",
            "person": ASSESSOR,
            "scheme": "sopro",
            "status": "active",
            "valid_from": "2025-01-01",
            "valid_until": "2027-12-31",
        } | changes

    def application(self, step: str, **changes: Any) -> dict[str, Any]:
        return {
            "applicant": bytes16("organisation"),
            "criteria_version": 1,
            "effective_date": DAYS.get(step, DAYS["accepted"]),
            "kind": "initial",
            "offering": bytes16("offering"),
            "scheme": "sopro",
            "step": step,
        } | changes

    def evaluation(self, **changes: Any) -> dict[str, Any]:
        body = {
            "application": APPLICATION,
            "assessors": [{"authorisation": AUTHORISATION, "person": ASSESSOR}],
            "criteria_version": 1,
            "findings": findings(),
            "kind": "initial",
            "level": "third_party",
            "method": "on_site",
            "performed_on": DAYS["performed"],
            "recommendation": "positive",
        } | changes
        return {name: value for name, value in body.items() if value is not None}

    def review(self, **changes: Any) -> dict[str, Any]:
        return {
            "application": APPLICATION,
            "evaluations": [EVALUATION],
            "outcome": "recommend_grant",
            "reviewed_on": DAYS["reviewed"],
            "reviewer": REVIEWER,
        } | changes

    # Steps.

    def authorise(self, **changes: Any) -> Written:
        body = self.authorisation(**changes)
        return self.at.write("assessor_authorisation/1", body, entity=AUTHORISATION)

    def step(self, step: str, **changes: Any) -> Written:
        body = self.application(step, **changes)
        return self.at.write("label_application/1", body, entity=APPLICATION)

    def evaluate(self, *, entity: bytes = EVALUATION, **changes: Any) -> Written:
        return self.at.write("evaluation/1", self.evaluation(**changes), entity=entity)

    def give_review(self, **changes: Any) -> Written:
        return self.at.write("review/1", self.review(**changes), entity=REVIEW)

    def would_grant(self, action: str = "grant", /, **changes: Any) -> str | None:
        named = {"application": APPLICATION, "review": REVIEW}
        return self.at.would_decide(action, **named | changes).code

    def bring_to(self, last: str, **changes: Any) -> None:
        """Go the whole way up to a step, which has the changes."""
        ways = {
            "authorised": self.authorise,
            "submitted": lambda **how: self.step("submitted", **how),
            "accepted": lambda **how: self.step("accepted", **how),
            "evaluated": self.evaluate,
            "reviewed": self.give_review,
        }
        for name, way in ways.items():
            written = way(**changes if name == last else {})
            assert written.code is None, (name, written.judgement.void)
            if name == last:
                return


def findings(**results: Any) -> list[dict[str, Any]]:
    """Return findings: every criterion conform unless told otherwise; None leaves one out."""
    found: dict[str, Any] = {"S1": "conform", "S2": "conform", "S3": 7} | results
    return [
        {"code": code, "points": result, "result": "conform"}
        if isinstance(result, int)
        else {"code": code, "result": result}
        for code, result in sorted(found.items())
        if result is not None
    ]
