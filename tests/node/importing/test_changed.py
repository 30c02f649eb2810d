"""A later file says of a decision something else than what was taken over."""

from typing import Any

import pytest

from sopro_node.importing.fields import Kind
from sopro_node.importing.lives import plan_label
from sopro_node.importing.plan import Known, Stated, Verdict, source_of
from sopro_node.importing.planning import Call
from sopro_node.importing.readings import Item
from sopro_node.importing.spool import Spooled
from sopro_registry.label import Status
from tests.node.conftest import Federation
from tests.node.importing.conftest import PEOPLE, THINGS
from tests.node.importing.sources import (
    OFFERINGS,
    ORGANISATIONS,
    SECRET,
    Told,
    counts,
    over_msgpack,
)
from tests.node.importing.test_plan import CODES

MAPPING: dict[str, Any] = {
    "columns": {
        "key": "no",
        "order": "n",
        "status": "status",
        "effective_date": "at",
        "valid_from": "von",
        "valid_until": "bis",
        "suspended_until": "ruht_bis",
        "reason_code": "grund",
        "decided_on": "beschluss",
        "certificate": "nummer",
    },
    "constants": {"scheme": "sopro"},
    "status": {"granted": "grant", "suspended": "suspend"},
    "kept": {"note": "notiz"},
}
HEADER = "no,n,status,at,von,bis,ruht_bis,grund,beschluss,nummer,notiz\n"
GRANT = "a,1,granted,2024-03-01,2024-03-02,2027-12-31,,,2024-02-20,,Akt 5\n"
REST = "a,2,suspended,2025-05-01,,,2026-05-01,insolvency,,,\n"


@pytest.fixture
async def site(federation: Federation, told: Told) -> Call:
    """A site that has taken over a label with all that the file says of it."""
    await federation.coordinator()
    call = over_msgpack((await federation.join("at", "AT")).node)
    await told.run(call, Kind.ORGANISATIONS, PEOPLE, ORGANISATIONS)
    await told.run(call, Kind.OFFERINGS, THINGS, OFFERINGS)
    summary = await told.run(call, Kind.DECISIONS, HEADER + GRANT + REST, MAPPING)
    assert counts(summary) == (2, 0, 0, 0), told.lines
    return call


CHANGES = [
    ("2027-12-31", "2025-12-31", "valid_until"),
    ("2027-12-31", "", "valid_until"),
    ("2024-03-02", "2024-03-03", "valid_from"),
    ("2024-02-20", "2024-02-21", "decided_on"),
    ("2026-05-01", "2026-06-01", "suspended_until"),
    ("insolvency", "other", "reason_code"),
    ("Akt 5", "Akt 6", "kept"),
    ("2024-03-01,", ",", "effective_date"),
]


async def test_a_decision_that_has_changed_in_the_source_is_bad(site: Call, told: Told) -> None:
    for before, after, field in CHANGES:
        changed = HEADER + (GRANT + REST).replace(before, after, 1)
        summary = await told.run(site, Kind.DECISIONS, changed, MAPPING)
        assert summary.appended == 0, field
        assert summary.bad >= 1, field
        assert f"with another {field}; what is signed stays" in told.lines[0]
    summary = await told.run(site, Kind.DECISIONS, HEADER + GRANT + REST, MAPPING)
    assert counts(summary) == (0, 2, 0, 0), told.lines


def test_an_end_is_as_it_was_corrected_here() -> None:
    source = source_of(SECRET, ["7"], ["1"])
    held = [
        [4, CODES["grant"], 0, int(Status.ACTIVE), 0, 0, True, source[:8]],
        [9, CODES["correct"], 0, int(Status.ACTIVE), 0, 0, False, b""],
    ]
    stated = {
        4: Stated({"valid_until": "2027-12-31", "certificate": "SOPRO/AT0/001/00001"}, {}),
        9: Stated({"valid_until": "2025-12-31", "corrects": 4}, {}),
    }
    known = Known(b"h" * 32, {"decisions": held}, {}, {}, stated)
    for until, verdict in (("2025-12-31", Verdict.UNCHANGED), ("2027-12-31", Verdict.BAD)):
        values = {"valid_until": until}
        item = Item(["7"], 1, ["1"], ["7"], "hold", ("s", "hold"), values, {}, is_dated=False)
        [one] = plan_label([Spooled(2, ["7"], item, "")], known, secret=SECRET, is_referred=True)
        assert one.verdict is verdict
