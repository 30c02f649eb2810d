from itertools import pairwise

import pytest

from sopro_registry.label import ACTIONS, Decision, Status, status_at


def decision(effective: int, status: Status, *, until: int = 0) -> Decision:
    return Decision(0, 0, effective, status, until, 0)


def test_status_of_no_decisions_is_none() -> None:
    assert status_at([], 10) == (Status.NONE, None)


@pytest.mark.parametrize(
    ("day", "status"),
    [(9, Status.NONE), (10, Status.ACTIVE), (20, Status.ACTIVE), (21, Status.EXPIRED)],
)
def test_expiry_is_computed(day: int, status: Status) -> None:
    assert status_at([decision(10, Status.ACTIVE, until=20)], day)[0] is status


def test_no_end_never_expires() -> None:
    assert status_at([decision(10, Status.ACTIVE)], 3_652_059)[0] is Status.ACTIVE


def test_last_decision_in_the_log_effective_by_then_counts() -> None:
    life = [
        decision(10, Status.ACTIVE),
        decision(30, Status.SUSPENDED),
        decision(20, Status.REVOKED),
    ]
    statuses = [status_at(life, day)[0] for day in (9, 10, 20, 30)]
    assert statuses == [Status.NONE, Status.ACTIVE, Status.REVOKED, Status.REVOKED]


def test_later_records_do_not_change_past_answers() -> None:
    life = [
        decision(10, Status.ACTIVE),
        decision(30, Status.SUSPENDED),
        decision(30, Status.ACTIVE),
    ]
    for shorter, longer in pairwise(life[:count] for count in range(4)):
        start = longer[-1].effective
        assert [status_at(shorter, day)[0] for day in range(start)] == [
            status_at(longer, day)[0] for day in range(start)
        ]


def test_stored_numbers_never_change() -> None:
    words = ["none", "active", "suspended", "revoked", "terminated", "transferred", "refused"]
    assert [Status(number).word for number in range(8)] == [*words, "expired"]


def test_stored_codes_of_actions_never_change() -> None:
    assert [action.value for action in ACTIONS] == [
        "grant",
        "refuse",
        "renew",
        "extend_scope",
        "reduce_scope",
        "suspend",
        "reinstate",
        "revoke",
        "terminate_on_request",
        "transfer_in",
        "transfer_out",
        "correct",
    ]
