"""What was found and who took part stays with a label that leaves a log and comes back (XFER-8)."""

from datetime import date

import pytest

from sopro_registry.label import Label
from tests.registry.assessing import APPLICATION, ASSESSOR, REVIEW, REVIEWER, Assessing, findings
from tests.registry.test_duties import LATE, SURVEYOR, survey
from tests.registry.world import Author, Written, bytes16, dates_of

THERE, BACK = "there", "back"


def take(source: Author, was: str, to: Author, label: str, day: str) -> Written:
    """Take a label over as it stands in the log that has handed it over."""
    held: Label = source.node.state(source.origin, bytes16(was))
    stood = held.decisions[-2]
    fields = {
        "certificate": held.number,
        "decided_on": day,
        "effective_date": day,
        "standing": stood.status.word,
        "status_index": to.cursor.grants,
        "takes": [source.origin, held.decisions[-1].index, held.last],
        "valid_from": None,
        "valid_until": date.fromordinal(stood.until).isoformat(),
    }
    if stood.suspended_until:
        fields["suspended_until"] = date.fromordinal(stood.suspended_until).isoformat()
    return to.decide("transfer_in", label=label, **fields)


def hand(source: Author, label: str, receiver: str, entity: str, day: str) -> Written:
    return source.decide(
        "transfer_out", label=label, decided_on=day, effective_date=day, receiver=receiver,
        receiver_entity=bytes16(entity),
    )  # fmt: skip


@pytest.fixture
def case() -> Assessing:
    """A label with a major non-conformity, suspended for it."""
    case = Assessing()
    case.bring_to("reviewed")
    assert case.at.decide("grant", application=APPLICATION, review=REVIEW).code is None
    assert case.at.write_state(case.world.coordinator).code is None
    assert case.world.hu.write_state(case.world.coordinator).code is None
    body = case.authorisation(person=SURVEYOR)
    leave = bytes16("leave of the surveyor")
    assert case.at.write("assessor_authorisation/1", body, entity=leave).code is None
    assert survey(case, findings=findings(S1="major_nc")).code is None
    assert case.at.decide("suspend", **LATE).code is None
    return case


def go(case: Assessing) -> None:
    assert hand(case.at, "label", "hu", THERE, "2026-10-06").code is None
    assert take(case.at, "label", case.world.hu, THERE, "2026-10-07").code is None


def come_back(case: Assessing) -> None:
    go(case)
    assert hand(case.world.hu, THERE, "at", BACK, "2026-10-08").code is None
    assert take(case.world.hu, THERE, case.at, BACK, "2026-10-09").code is None


def test_who_takes_a_suspended_label_over_has_to_have_it_evaluated(case: Assessing) -> None:
    go(case)
    there = case.world.hu.would_decide("reinstate", label=THERE, **dates_of("reinstate", LAST))
    assert there.code == "ass.outcome"


LAST = "2026-10-10"


def test_who_takes_over_what_is_open_does_not_forget_it(case: Assessing) -> None:
    """The label goes active, with a major non-conformity that is in the other log."""
    assert survey(case, entity=bytes16("closing"), performed_on="2026-10-05").code is None
    assert case.at.decide("reinstate", **dates_of("reinstate", "2026-10-05")).code is None
    found = {"findings": findings(S3="major_nc"), "performed_on": "2026-10-05"}
    assert survey(case, entity=bytes16("open again"), **found).code is None
    go(case)
    hu = case.world.hu
    assert hu.decisions(label=THERE)[-1].status.word == "active"
    over = case.world.node.overlays
    assert "nonconformity_open" in over(case.at.origin, bytes16("label"), LAST)
    late = {"suspended_until": "2026-12-31", "reason_code": "fees_unpaid"}
    assert (
        hu.decide("suspend", label=THERE, **dates_of("suspend", "2026-10-08") | late).code is None
    )
    back = hu.would_decide("reinstate", label=THERE, **dates_of("reinstate", LAST))
    assert back.code == "ass.outcome"


def test_a_label_that_comes_back_has_the_duties_it_had(case: Assessing) -> None:
    come_back(case)
    dates = dates_of("reinstate", LAST)
    again = case.at.would_decide("reinstate", label=BACK, decider=SURVEYOR, **dates)
    assert again.code == "ass.duties"


def test_a_label_that_comes_back_has_what_was_open(case: Assessing) -> None:
    come_back(case)
    case.authorise(effective_date="2026-01-02")
    for code, results in (("ass.outcome", {"S2": "conform"}), (None, {})):
        only = findings() if code is None else findings(S1="not_assessed", **results)
        assessed = survey(
            case, entity=bytes16(f"anew {code}"), label=bytes16(BACK), findings=only,
            performed_on="2026-10-09",
        )  # fmt: skip
        assert assessed.code is None
        back = case.at.would_decide("reinstate", label=BACK, **dates_of("reinstate", LAST))
        assert back.code == code


def test_who_took_part_before_it_left_sits_on_no_panel(case: Assessing) -> None:
    come_back(case)
    revoked = case.at.decide("revoke", label=BACK, **dates_of("revoke", LAST))
    assert revoked.code is None
    label: Label = case.at.node.state(case.at.origin, bytes16(BACK))
    body = {
        "decision": label.decisions[-1].index,
        "effective_date": LAST,
        "label": bytes16(BACK),
    }
    first = case.at.write("appeal/1", body | {"step": "received"}, entity=bytes16("appeal"))
    assert first.code is None
    for person in (ASSESSOR, REVIEWER, SURVEYOR):
        named = body | {"panel": [person], "step": "panel"}
        assert case.at.judge("appeal/1", named, entity=bytes16("appeal")).code == "ass.duties"
    named = body | {"panel": [bytes16("somebody else")], "step": "panel"}
    assert case.at.judge("appeal/1", named, entity=bytes16("appeal")).code is None
