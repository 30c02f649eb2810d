from typing import Any

import pytest

from sopro_registry.families.conformance_statement import Body, Counts, seed_of
from tests.registry.world import World, bytes16, statement_body

FAMILY = "conformance_statement/1"
WAIVED = {"not_applicable": 0, "passed": 1, "waived": 2, "warned": 0}


def waivers(*cases: str) -> list[dict[str, str]]:
    return [{"case": case, "reason": "not yet"} for case in cases]


# The run of `statement_body` ended on 2026-05-28, 20:31 UTC: at UTC+14 that is the 29th.
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"valid_until": "2027-05-29"}, None),
        ({"valid_until": "2027-05-30"}, "conf.dates"),
        ({"valid_until": "2026-05-28"}, None),
        ({"valid_until": "2026-05-27"}, "conf.dates"),
        ({"valid_until": "2027-02-29"}, "rec.body"),
        ({"ended": 1_780_000_000_000}, None),
        ({"ended": 1_779_999_999_999}, "conf.dates"),
        ({"profiles": ["witness", "peer"]}, "conf.form"),
        ({"profiles": ["peer", "peer"]}, "conf.form"),
        ({"profiles": ["mirror"]}, "rec.body"),
        ({"counts": WAIVED, "waivers": waivers("ENC-01", "SYN-07")}, None),
        ({"counts": WAIVED, "waivers": waivers("SYN-07", "ENC-01")}, "conf.form"),
        ({"counts": WAIVED, "waivers": waivers("SYN-07", "SYN-07")}, "conf.form"),
        ({"counts": WAIVED, "waivers": waivers("SYN-07")}, "conf.form"),
        ({"counts": WAIVED}, "conf.form"),
        ({"waivers": waivers("SYN-07")}, "conf.form"),
    ],
)
def test_judges(world: World, changes: dict[str, Any], code: str | None) -> None:
    body = statement_body(**changes)
    assert world.at.judge(FAMILY, body, entity=bytes16("one")).code == code


def test_counts_before_the_site_is_a_member_and_answers_a_challenge_once(world: World) -> None:
    assert world.at.write(FAMILY, statement_body(), entity=bytes16("one")).code is None
    again = {"entity": bytes16("two")}
    assert world.at.judge(FAMILY, statement_body(), **again).code == "conf.again"
    other = statement_body(nonce=b"\x01" * 32)
    assert world.at.judge(FAMILY, other, entity=bytes16("one")).code == "conf.again"
    assert world.at.judge(FAMILY, other, **again).code is None
    assert world.hu.judge(FAMILY, statement_body(), **again).code is None


def test_the_seed_follows_from_challenge_suite_beginning_and_site() -> None:
    body = statement_body()
    body["counts"] = Counts(**body["counts"])
    found = {seed_of(Body(**body), site=site) for site in ("at", "hu")}
    found |= {
        seed_of(Body(**(body | {name: b"\x01" * 32})), site="at") for name in ("nonce", "suite")
    }
    found |= {seed_of(Body(**(body | {"began": body["began"] + 1})), site="at")}
    assert len(found) == 5
