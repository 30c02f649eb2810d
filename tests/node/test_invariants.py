"""A node refuses drafts of its own that would break an invariant, and its log stays as it was."""

from collections.abc import Mapping
from typing import Any

from sopro_node.documents import structured
from sopro_node.drafting import Draft
from sopro_protocol.errors import SoproError
from tests.node.conftest import Federation, grant

ORGANISATION: Mapping[str, Any] = {
    "actor_type": "enterprise",
    "country": "AT",
    "effective_date": "2026-01-01",
    "status": "active",
}
DECISION: Mapping[str, Any] = {
    "basis": "assessed",
    "decided_on": "2026-10-01",
    "decider": bytes(16),
    "effective_date": "2026-10-01",
}


async def test_own_drafts_are_refused_and_nothing_is_appended(federation: Federation) -> None:
    await federation.coordinator()
    at = (await federation.join("at", "AT")).node
    _, label = await grant(at)
    row = at.reader.entity(1, label)
    assert row is not None
    wrong = [["VAT", "ATU00000000"]]
    excused = {"identifiers": wrong, "identifier_overrides": [[*wrong[0], "as in the register"]]}

    def named(**fields: Any) -> list[Any]:
        return [structured("organisation", fields)]

    def decide(action: str, entity: bytes | None = None, **values: Any) -> Draft:
        return Draft("label_decision", {**DECISION, "action": action, **values}, entity=entity)

    foreign = {"offering": bytes(16), "scheme": "sopro", "certificate": "SOPRO/HU0/001/00001"}
    valid = {"valid_from": "2026-10-01", "valid_until": "2027-10-01"}
    attempts = {
        "I1": (decide("revoke", reason_code="other", appeal_until="2027-01-01",
                      certificate="SOPRO/HU0/001/00001"), "lbl.transition", "(I5)"),
        "I7": (decide("grant", **foreign, **valid), "lbl.competence", "(I1, I7)"),
        "I5": (decide("reinstate", label), "lbl.transition", "(I5)"),
        "I6": (decide("suspend", label, reason_code="other"), "lbl.precondition", "(I6)"),
        "I10": (Draft("organisation", ORGANISATION, documents=named(identifiers=wrong)),
                "doc.identifier", "ATU00000000"),
        "I14": (Draft("organisation", {**ORGANISATION, "legal_name": "Maria Muster"}),
                "rec.body", "no field legal_name"),
        "I15": (Draft("poem", {"text": "x"}), "rec.family", "unknown family 'poem'"),
    }  # fmt: skip
    size = at.log.held.size
    outcomes = await at.log.append_all([draft for draft, _, _ in attempts.values()])
    for rule, outcome in zip(attempts, outcomes, strict=True):
        _, code, said = attempts[rule]
        assert isinstance(outcome, SoproError), rule
        assert (outcome.code, said in str(outcome)) == (code, True), (rule, str(outcome))
    assert at.log.held.size == size
    # With a reason the identifier is taken, as the register it came from has it.
    taken = Draft("organisation", ORGANISATION, documents=named(**excused))
    assert (await at.log.append(taken)).index >= size
