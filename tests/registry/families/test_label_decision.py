from typing import Any

import pytest

from sopro_registry.catalogue import FAMILIES
from sopro_registry.label import IMPORTED_TRANSITIONS, TRANSITIONS, Action, Status, possible_actions
from tests.registry.world import (
    EXPIRES,
    GRACE_DAYS,
    GRANTED,
    NOW,
    World,
    bytes16,
    dates_of,
    ordinal,
    shift,
)

# What follows on each action, by its first letter; `.` is refused. One row for each status, one
# column for each action: grant, refuse, renew, extend_scope, reduce_scope, suspend, reinstate,
# revoke, terminate_on_request, transfer_in, transfer_out, correct.
#            gr  ref ren ext red sus rei rev ter tin tout cor
ASSESSED = """
NONE         ACT REF .   .   .   .   .   .   .   ACT .   .
ACTIVE       .   .   ACT ACT ACT SUS .   REV TER .   TRA ACT
SUSPENDED    .   .   SUS .   .   .   ACT REV TER .   TRA SUS
REVOKED      .   .   .   .   .   .   .   .   .   .   .   REV
TERMINATED   .   .   .   .   .   .   .   .   .   .   .   TER
TRANSFERRED  .   .   .   .   .   .   .   .   .   .   .   .
REFUSED      .   .   .   .   .   .   .   .   .   .   .   REF
EXPIRED      .   .   ACT .   .   .   .   .   .   .   .   EXP
"""
IMPORTED = """
NONE         ACT REF .   .   .   .   .   .   .   ACT .   .
ACTIVE       .   .   ACT ACT ACT SUS .   REV TER .   TRA ACT
SUSPENDED    .   .   SUS .   .   SUS ACT REV TER .   TRA SUS
REVOKED      .   .   .   .   .   .   ACT REV TER .   .   REV
TERMINATED   .   .   .   .   .   .   ACT REV TER .   .   TER
TRANSFERRED  .   .   .   .   .   .   .   .   .   .   .   .
REFUSED      .   .   .   .   .   .   .   .   .   .   .   REF
EXPIRED      .   .   ACT .   .   .   ACT REV TER .   .   EXP
"""
STATUSES = {status.name[:3]: status for status in Status}


def rows_of(grid: str, basis: str) -> list[tuple[str, Status, Action, Status | None]]:
    return [
        (basis, Status[row[0]], action, STATUSES.get(cell))
        for row in map(str.split, grid.strip().splitlines())
        for action, cell in zip(Action, row[1:], strict=True)
    ]


MATRIX = rows_of(ASSESSED, "assessed") + rows_of(IMPORTED, "imported")


@pytest.mark.parametrize(("basis", "before", "action", "after"), MATRIX)
def test_follows_the_table(
    world: World, basis: str, before: Status, action: Action, after: Status | None
) -> None:
    at = world.at
    table = IMPORTED_TRANSITIONS if basis == "imported" else TRANSITIONS
    assert table.get((before, action)) is after
    day = world.bring_to(before, basis=basis)
    assert at.status(day) == before.word
    world.meet()
    written = at.decide(action, basis=basis, **dates_of(action, day))
    assert written.code == (None if after else "lbl.transition")
    assert at.status(day) == (after or before).word


@pytest.mark.parametrize("status", Status)
def test_possible_actions_are_those_of_the_table(status: Status) -> None:
    for imported, table in ((False, TRANSITIONS), (True, IMPORTED_TRANSITIONS)):
        possible = {action for held, action in table if held is status}
        assert set(possible_actions(status, imported=imported)) == possible


# Fields.

LACKS = "lbl.precondition"


@pytest.mark.parametrize(
    ("action", "field"),
    [
        *[("grant", field) for field in ("certificate", "offering", "scheme", "status_index")],
        *[("grant", field) for field in ("decided_on", "decider", "effective_date")],
        *[("grant", field) for field in ("valid_from", "valid_until")],
        *[("renew", field) for field in ("certificate", "valid_from", "valid_until")],
        *[("suspend", field) for field in ("reason_code", "suspended_until", "decider")],
        *[("revoke", field) for field in ("reason_code", "appeal_until")],
        ("reduce_scope", "reason_code"),
        ("terminate_on_request", "reason_code"),
        ("refuse", "reason_code"),
        ("refuse", "offering"),
        ("transfer_in", "valid_until"),
    ],
)
def test_needs_the_field(world: World, action: str, field: str) -> None:
    if action not in ("grant", "refuse", "transfer_in"):
        assert world.at.decide("grant").code is None
    assert world.at.would_decide(action).code is None
    assert world.at.would_decide(action, **{field: None}).code == LACKS


@pytest.mark.parametrize(
    ("action", "changes"),
    [
        ("transfer_in", {"status_index": 0}),
        ("refuse", {"valid_until": EXPIRES}),
        ("refuse", {"valid_from": GRANTED}),
        ("grant", {"status_index": 1}),
    ],
)
def test_forbids_the_field(world: World, action: str, changes: dict[str, Any]) -> None:
    assert world.at.would_decide(action).code is None
    assert world.at.would_decide(action, **changes).code == LACKS


@pytest.mark.parametrize("field", ["decider", "decided_on", "effective_date", "valid_until"])
def test_imported_decision_may_lack_the_field(world: World, field: str) -> None:
    assert world.at.would_decide("grant", basis="imported", **{field: None}).code is None


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "abolish"},
        {"basis": "rumour"},
        {"certificate": "SOPRO/AT1/001/1234"},
        {"certificate": "SOPRO/AT1/001/1234567890"},
        {"certificate": "SOPRO/at1/001/00001"},
        {"effective_date": "2026-02-29"},
        {"effective_date": "0000-01-01"},
        {"decided_on": "2026-01-10\n"},
        {"decider": bytes(15)},
        {"reason_code": "bad weather"},
        {"rests_on": []},
        {"rests_on": [["sopro.example/at/1", 1]]},
        {"status_index": "0"},
    ],
)
def test_refuses_a_body_that_does_not_fit(world: World, changes: dict[str, Any]) -> None:
    assert world.at.would_decide("grant").code is None
    assert world.at.would_decide("grant", **changes).code == "rec.body"


# Dates.


@pytest.mark.parametrize(
    ("action", "changes", "code"),
    [
        ("grant", {"decided_on": shift(GRANTED, 1)}, "lbl.dates"),
        ("grant", {"valid_from": shift(GRANTED, -1)}, "lbl.dates"),
        ("grant", {"valid_until": shift(GRANTED, -1)}, "lbl.dates"),
        ("grant", {"valid_until": GRANTED}, None),
        ("grant", {"valid_until": "2028-01-10"}, None),
        ("grant", {"valid_until": "2028-01-11"}, "lbl.dates"),
        ("grant", {"effective_date": "2029-01-01"}, None),
    ],
)
def test_grant_keeps_its_dates_in_order(
    world: World, action: str, changes: dict[str, Any], code: str | None
) -> None:
    assert world.at.would_decide(action, **changes).code == code


@pytest.mark.parametrize(
    ("hours", "milliseconds", "code"), [(22, -1, "lbl.dates"), (22, 0, None), (24, 0, None)]
)
def test_decided_is_read_in_the_farthest_zone(
    world: World, hours: int, milliseconds: int, code: str | None
) -> None:
    # Noon of the first and 22 hours are ten o'clock of the second: 14 hours east, the third begins.
    day, time = "2028-01-03", NOW + hours * 3_600_000 + milliseconds
    dates = dict.fromkeys(("decided_on", "effective_date", "valid_from", "valid_until"), day)
    assert world.at.decide("grant", **dates, how={"time": time}).code == code


@pytest.mark.parametrize(
    ("effective", "suspended_until", "code"),
    [
        (GRANTED, GRANTED, None),
        (shift(GRANTED, -1), "2026-06-01", "lbl.transition"),
        ("2026-03-01", "2026-03-01", None),
        ("2026-03-01", "2026-02-28", "lbl.dates"),
    ],
)
def test_suspension_keeps_its_dates_in_order(
    world: World, effective: str, suspended_until: str, code: str | None
) -> None:
    world.at.decide("grant")
    dates = {"effective_date": effective, "suspended_until": suspended_until}
    assert world.at.would_decide("suspend", **dates).code == code


@pytest.mark.parametrize(
    ("action", "changes", "code"),
    [
        ("grant", {"effective_date": "2026-01-09"}, "lbl.dates"),
        ("grant", {"effective_date": "2026-01-11"}, None),
        ("transfer_in", {"effective_date": "2026-01-09"}, "lbl.dates"),
        # The day after the end of validity, and the day from which it holds.
        ("renew", {"valid_from": "2027-01-11"}, None),
        ("renew", {"valid_from": "2027-01-12"}, "lbl.dates"),
        ("renew", {"effective_date": "2027-01-20", "valid_from": "2027-01-20"}, None),
        ("renew", {"effective_date": "2027-01-20", "valid_from": "2027-01-21"}, "lbl.dates"),
    ],
)
def test_a_label_holds_no_longer_than_its_scheme_allows(
    world: World, action: str, changes: dict[str, Any], code: str | None
) -> None:
    """Else one that holds at once could be valid until long after."""
    dates = {"valid_until": "2027-12-31"}
    if action == "renew":
        world.bring_to(Status.ACTIVE)
        dates |= {"decided_on": "2026-12-01", "effective_date": "2026-12-01"}
    assert world.at.would_decide(action, **dates | changes).code == code


def test_a_renewal_of_what_ends_on_no_known_day_begins_when_it_may(world: World) -> None:
    assert world.at.decide("grant", basis="imported", valid_until=None).code is None
    dates = dates_of("renew", "2026-06-01")
    dates |= {"valid_from": "2027-06-01", "valid_until": "2028-06-01"}
    assert world.at.would_decide("renew", **dates).code is None
    dates["valid_from"] = "2027-06-02"
    assert world.at.would_decide("renew", **dates).code == "lbl.dates"


@pytest.mark.parametrize(("until", "code"), [(GRANTED, None), (shift(GRANTED, -1), "lbl.dates")])
def test_a_revocation_can_be_appealed_against(world: World, until: str, code: str | None) -> None:
    world.bring_to(Status.ACTIVE)
    assert world.at.would_decide("revoke", appeal_until=until).code == code


def test_an_existing_register_says_nothing_behind_a_decision_of_the_site(world: World) -> None:
    """Else what was revoked could come back as if an earlier register had said so (I5)."""
    at = world.at
    assert at.decide("grant", basis="imported").code is None
    assert at.decide("suspend", basis="imported").code is None
    assert at.decide("revoke").code is None
    for action in ("reinstate", "correct", "terminate_on_request"):
        assert at.would_decide(action, basis="imported").code == "lbl.imported"
    other = {"certificate": at.number(2), "label": "other"}
    assert at.would_decide("grant", basis="imported", **other).code is None


def test_effective_never_falls_in_assessed_decisions(world: World) -> None:
    at = world.at
    at.decide("grant")
    at.decide("suspend", **dates_of("suspend", "2026-05-01"))
    assert at.would_decide("extend_scope", effective_date="2026-04-30").code == "lbl.dates"
    assert at.would_decide("reinstate", effective_date="2026-05-01").code is None


def test_calendar_ends_without_a_crash(world: World) -> None:
    world.put_scheme(max_validity_months=2)
    world.at.write_state(world.coordinator)
    begin = "9998-12-31"
    dates = {"effective_date": begin, "valid_from": begin, "valid_until": "9999-02-28"}
    assert world.at.would_decide("grant", **dates).code is None
    dates = dict.fromkeys(("effective_date", "valid_from", "valid_until"), "9999-12-31")
    assert world.at.would_decide("grant", **dates).code is None


# Expiry and grace.


def test_expires_the_day_after_its_last_day(world: World) -> None:
    world.at.decide("grant", valid_until=EXPIRES)
    days = [shift(GRANTED, -1), GRANTED, shift(EXPIRES, -1), EXPIRES, shift(EXPIRES, 1)]
    statuses = [world.at.status(day) for day in days]
    assert statuses == ["none", "active", "active", "active", "expired"]


def test_suspended_label_expires_too(world: World) -> None:
    world.bring_to(Status.SUSPENDED)
    assert [world.at.status(shift(EXPIRES, days)) for days in (0, 1)] == ["suspended", "expired"]


@pytest.mark.parametrize("status", [Status.REVOKED, Status.TERMINATED, Status.TRANSFERRED])
def test_what_has_ended_does_not_expire(world: World, status: Status) -> None:
    world.bring_to(status)
    assert world.at.status(shift(EXPIRES, 1)) == status.word


@pytest.mark.parametrize(
    ("days", "code"), [(1, None), (GRACE_DAYS, None), (GRACE_DAYS + 1, "lbl.transition")]
)
def test_renewal_after_expiry_is_one_within_the_days_of_grace(
    world: World, days: int, code: str | None
) -> None:
    world.at.decide("grant", valid_until=EXPIRES)
    day = shift(EXPIRES, days)
    assert world.at.decide("renew", **dates_of("renew", day)).code == code
    assert world.at.status(shift(EXPIRES, 1)) == (
        "active" if (days, code) == (1, None) else "expired"
    )
    assert world.at.status(day) == ("active" if code is None else "expired")


def test_renewal_in_grace_keeps_a_suspension(world: World) -> None:
    at = world.at
    world.bring_to(Status.SUSPENDED)
    day = shift(EXPIRES, 5)
    assert at.decide("renew", **dates_of("renew", day)).code is None
    assert at.status(day) == "suspended"
    assert at.decide("reinstate", **dates_of("reinstate", day)).code is None
    assert at.status(day) == "active"


def test_correction_of_an_expired_label_records_no_expiry(world: World) -> None:
    at = world.at
    at.decide("grant", valid_until=EXPIRES)
    day = shift(EXPIRES, 3)
    assert at.decide("correct", **dates_of("correct", day)).code is None
    assert at.status(day) == "expired"
    assert Status.EXPIRED not in {decision.status for decision in at.decisions()}
    assert (
        at.would_decide("renew", **dates_of("renew", shift(EXPIRES, 31))).code == "lbl.transition"
    )
    assert at.would_decide("renew", **dates_of("renew", shift(EXPIRES, 30))).code is None


def test_grace_is_that_of_the_scheme_the_site_acted_on(world: World) -> None:
    at, day = world.at, shift(EXPIRES, GRACE_DAYS + 1)
    at.decide("grant", valid_until=EXPIRES)
    world.put_scheme(grace_days=GRACE_DAYS + 1)
    assert at.would_decide("renew", **dates_of("renew", day)).code == "lbl.transition"
    at.write_state(world.coordinator)
    assert at.would_decide("renew", **dates_of("renew", day)).code is None


def test_decision_in_the_future_holds_from_its_day(world: World) -> None:
    world.at.decide("grant")
    world.at.decide("revoke", effective_date="2026-09-01", appeal_until="2026-10-01")
    assert [world.at.status(day) for day in ("2026-08-31", "2026-09-01")] == ["active", "revoked"]


# Imported decisions.


def test_imported_decision_without_date_follows_the_one_before(world: World) -> None:
    at = world.at
    undated = {"basis": "imported", "effective_date": None, "decided_on": None}
    assert at.decide("grant", **undated, valid_from=None, valid_until=None).code is None
    assert at.status("1900-01-01") == "active"
    assert at.decide("suspend", basis="imported", effective_date="2026-02-01").code is None
    assert at.decide("revoke", **undated).code is None
    assert [decision.effective for decision in at.decisions()] == [0, *[ordinal("2026-02-01")] * 2]
    assert [at.status(day) for day in ("2026-01-31", "2026-02-01")] == ["active", "revoked"]
    assert at.tables.counts == {("grant", 0): 1, ("suspend", 2026): 1, ("revoke", 0): 1}


def test_imported_decisions_count_in_their_order_also_where_dates_fall(world: World) -> None:
    at = world.at
    at.decide("grant", basis="imported", effective_date="2020-01-01", valid_until=None)
    at.decide("suspend", basis="imported", effective_date="2022-01-01")
    assert at.decide("reinstate", basis="imported", effective_date="2021-01-01").code is None
    days = ("2019-12-31", "2020-06-01", "2021-06-01", "2022-06-01")
    assert [at.status(day) for day in days] == ["none", "active", "active", "active"]
    index = at.tables.labels[bytes16("label")]
    assert (index.status, index.settled) == (Status.ACTIVE, ordinal("2022-01-01"))


def test_assessed_decision_follows_the_last_imported_one(world: World) -> None:
    at = world.at
    at.decide("grant", basis="imported", valid_until="2026-12-31")
    at.decide("suspend", basis="imported", effective_date="2026-06-01")
    early = dates_of("reinstate", "2026-05-31")
    assert at.would_decide("extend_scope", **early).code == "lbl.dates"
    assert at.would_decide("reinstate", **dates_of("reinstate", "2026-06-01")).code is None


def test_imported_return_after_expiry_no_longer_has_the_old_end(world: World) -> None:
    at, back = world.at, "2027-06-01"
    at.decide("grant", basis="imported", valid_until=EXPIRES)
    assert at.decide("reinstate", basis="imported", effective_date=back).code is None
    assert [at.status(day) for day in (shift(back, -1), back, "2050-01-01")] == [
        "expired",
        "active",
        "active",
    ]


def test_imported_return_may_state_its_end(world: World) -> None:
    at, back = world.at, "2027-06-01"
    at.decide("grant", basis="imported", valid_until=EXPIRES)
    dates = {"effective_date": back, "valid_until": "2027-12-31"}
    assert at.would_decide("reinstate", **dates).code == LACKS
    assert at.decide("reinstate", basis="imported", **dates).code is None
    assert [at.status(day) for day in ("2027-12-31", "2028-01-01")] == ["active", "expired"]


def test_imported_decisions_are_marked(world: World) -> None:
    at = world.at
    at.decide("grant", basis="imported")
    at.decide("correct")
    assert [decision.imported for decision in at.decisions()] == [True, False]
    assert [len(decision.source) for decision in at.decisions()] == [8, 0]


def test_imported_validity_may_exceed_the_schemes(world: World) -> None:
    until = "2036-01-10"
    assert world.at.would_decide("grant", valid_until=until).code == "lbl.dates"
    assert world.at.would_decide("grant", basis="imported", valid_until=until).code is None


# Numbers, offerings, schemes.


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"certificate": "SOPRO/AT1/002/00001"}, None),
        ({"certificate": "SOPRO/HU1/001/00002"}, "lbl.competence"),
        ({"certificate": "SOPRO/AT1/001/00001"}, "lbl.competence"),
        ({"offering": bytes16("nothing")}, "lbl.reference"),
        ({"offering": bytes16("organisation")}, "lbl.reference"),
        ({"scheme": "unknown"}, "lbl.criteria"),
    ],
)
def test_refuses_a_first_decision(world: World, changes: dict[str, Any], code: str | None) -> None:
    world.at.decide("grant", label="first")
    for basis in ("assessed", "imported"):
        body = {"certificate": "SOPRO/AT1/001/00002"} | changes
        assert world.at.would_decide("grant", basis=basis, **body).code == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"offering": bytes16("offering"), "scheme": "sopro"}, None),
        ({"certificate": "SOPRO/AT1/001/00002"}, "lbl.reference"),
        ({"offering": bytes16("other")}, "lbl.reference"),
        ({"scheme": "other"}, "lbl.reference"),
    ],
)
def test_label_keeps_number_offering_and_scheme(
    world: World, changes: dict[str, Any], code: str | None
) -> None:
    world.at.decide("grant")
    assert world.at.would_decide("suspend", **changes).code == code


@pytest.mark.parametrize(
    ("status", "grant", "renew"),
    [
        ("active", None, None),
        ("deprecated", "lbl.criteria", None),
        ("proposed", "lbl.criteria", "lbl.criteria"),
    ],
)
def test_scheme_must_be_in_force(
    world: World, status: str, grant: str | None, renew: str | None
) -> None:
    at = world.at
    at.decide("grant")
    world.put_scheme(status=status)
    at.write_state(world.coordinator)
    second = at.would_decide("grant", label="b", certificate=at.number(2))
    assert second.code == grant
    assert at.would_decide("renew", **dates_of("renew", "2026-06-01")).code == renew


def test_refusal_without_number_can_be_corrected(world: World) -> None:
    at = world.at
    assert at.decide("refuse", certificate=None).code is None
    assert bytes16("label") not in at.tables.labels
    assert at.would_decide("correct", certificate=at.number(1)).code == "lbl.reference"
    assert at.decide("correct").code is None
    assert at.status(GRANTED) == "refused"


def test_number_of_a_void_grant_is_free(world: World) -> None:
    at = world.at
    assert at.decide("grant", label="void", offering=bytes16("nothing")).code == "lbl.reference"
    assert at.decide("grant").code is None


def test_status_index_counts_grants_only(world: World) -> None:
    at = world.at
    for count, action in enumerate(("grant", "refuse", "grant"), start=1):
        label = f"label {count}"
        assert at.decide(action, label=label, certificate=at.number(count)).code is None
    assert at.cursor.grants == 2
    indexes = [
        at.node.state(at.origin, bytes16(f"label {count}")).status_index for count in (1, 2, 3)
    ]
    assert indexes == [0, -1, 1]


def test_complete_sets_the_status_index_of_a_grant(world: World) -> None:
    world.at.decide("grant")
    ledger = world.node.replicas[world.at.origin].ledger
    complete = FAMILIES["label_decision"].complete
    assert complete({"action": "grant"}, None, ledger) == {"action": "grant", "status_index": 1}
    assert complete({"action": "renew"}, None, ledger) == {"action": "renew"}


def test_index_columns_are_those_of_the_last_decision(world: World) -> None:
    at = world.at
    at.decide("grant", valid_until=EXPIRES)
    at.decide("suspend", **dates_of("suspend", "2026-05-01"))
    index = at.tables.labels[bytes16("label")]
    assert index.number == at.number(1)
    assert (index.status, index.year) == (Status.SUSPENDED, 2026)
    assert (index.settled, index.until) == (ordinal("2026-05-01"), ordinal(EXPIRES))


# Who decides.


@pytest.mark.parametrize("role", ["root", "log", "witness", "registrar", "access"])
def test_only_a_decision_key_signs_decisions(world: World, role: str) -> None:
    assert world.at.decide("grant", how={"role": role}).code == "sig.role"


def test_only_the_competent_site_decides(world: World) -> None:
    world.at.decide("grant")
    entity, theirs = bytes16("label"), world.at.decision("revoke")
    written = world.hu.write("label_decision/1", theirs, entity=entity, role="decision")
    assert written.code == "lbl.transition"
    granted = world.at.decision("grant") | {"offering": bytes16("offering"), "scheme": "sopro"}
    granted["status_index"] = 0
    as_theirs = world.hu.write("label_decision/1", granted, entity=bytes16("x"), role="decision")
    assert as_theirs.code == "lbl.competence"
    assert world.at.status(GRANTED) == "active"
