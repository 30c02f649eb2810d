import json
import stat
from typing import Any

import pytest

from sopro_node import office
from tests.cli.place import ANNA, GRANTED, REVOKED, Place, sopro, told

UNTIL = ("--valid-until", "2028-01-01")


def test_grant_takes_the_next_free_number(place: Place) -> None:
    answer = place.decide("grant", "--offering", place.offering(), *UNTIL)
    assert (answer["number"], answer["status"]) == ("SOPRO/AT0/001/00003", "active")


def test_grant_passes_over_a_number_that_was_given_by_hand(place: Place) -> None:
    offering = place.offering()
    place.decide("grant", "--offering", offering, *UNTIL, "--number", "SOPRO/AT0/001/00007")
    answer = place.decide("grant", "--offering", offering, *UNTIL)
    assert answer["number"] == "SOPRO/AT0/001/00008"


def test_full_group_is_followed_by_the_next(place: Place) -> None:
    offering = place.offering()
    place.decide("grant", "--offering", offering, *UNTIL, "--number", "SOPRO/AT0/001/99999")
    answer = place.decide("grant", "--offering", offering, *UNTIL)
    assert answer["number"] == "SOPRO/AT0/002/00001"


def test_decision_prints_number_and_status(place: Place) -> None:
    result = sopro(
        *("decide", place.at, "suspend", GRANTED, "--reason", "fees_unpaid"),
        *("--suspended-until", "2027-01-01"),
        *ANNA,
    )
    assert result.stdout == f"{GRANTED} suspended\n"


def test_refused_application_has_no_number(place: Place) -> None:
    answer = place.decide("refuse", "--offering", place.offering(), "--reason", "other")
    assert (answer["number"], answer["status"]) == ("", "refused")


def test_a_refusal_is_corrected(place: Place) -> None:
    refused = place.decide("refuse", "--offering", place.offering(), "--reason", "other")
    named = ("--application", refused["entity"])
    answer = place.decide("correct", *named, "--reason", "fees_unpaid")
    assert (answer["entity"], answer["status"]) == (refused["entity"], "refused")
    result = sopro(
        "decide", place.at, "correct", *named, "--refused-on", "2099-01-01", *ANNA, code=1
    )
    assert "refused_on 2099-01-01, expected a day" in result.stderr
    result = sopro("decide", place.at, "correct", *named, "--refused-on", "2026-01-02", *ANNA)
    assert result.stdout == f"{refused['entity']} refused\n"
    with place.database() as database:
        counted = database.execute("SELECT action, year, count FROM decision_count").fetchall()
    assert ("refuse", 2026, 1) in counted


def test_the_history_says_why_as_it_was_corrected(place: Place) -> None:
    until = ("--suspended-until", "2027-01-01")
    suspended = place.decide("suspend", GRANTED, "--reason", "other", *until)
    place.decide("correct", GRANTED, "--corrects", suspended["index"], "--reason", "fees_unpaid")
    shown = sopro("label", "show", GRANTED, "--dir", place.at).stdout
    assert "suspend -> suspended, fees_unpaid\n" in shown
    history = json.loads(sopro("label", "show", GRANTED, "--dir", place.at, "--json").stdout)
    assert [one["reason"] for one in history["history"]] == ["", "fees_unpaid", ""]


@pytest.mark.parametrize("named", [(), (GRANTED, "--application", "0" * 32)])
def test_a_correction_names_a_label_or_what_was_refused(
    place: Place, named: tuple[str, ...]
) -> None:
    result = sopro("decide", place.at, "correct", *named, code=2)
    assert "the NUMBER of a label, or --application for what was refused" in told(result.stderr)


def test_what_was_granted_is_no_refusal(place: Place) -> None:
    granted = place.decide("grant", "--offering", place.offering(), *UNTIL)
    named = ("--application", granted["entity"])
    result = sopro("decide", place.at, "correct", *named, *ANNA, code=65)
    assert f"its label is {granted['number']}" in result.stderr
    result = sopro("decide", place.at, "correct", "--application", "0" * 32, *ANNA, code=1)
    assert "this site has refused no application" in result.stderr


def test_no_label_is_handed_over_to_nobody(place: Place) -> None:
    result = sopro("decide", place.at, "transfer_out", GRANTED, *ANNA, code=65)
    assert "sopro transfer out DIRECTORY NUMBER --to SITE" in result.stderr
    shown = sopro("label", "show", GRANTED, "--dir", place.at, "--json").stdout
    assert json.loads(shown)["status"] == "active"


def test_one_person_has_one_pseudonym_and_two_have_two(place: Place) -> None:
    for name in ("anna", "bela", "anna"):
        place.decide("correct", GRANTED, "--decider", name, "--new-person", name)
    known = json.loads((place.at / "keys" / "deciders.json").read_text())
    assert {"anna", "bela"} <= set(known)
    assert known["anna"] != known["bela"]
    assert stat.S_IMODE((place.at / "keys" / "deciders.json").stat().st_mode) == 0o600


def test_names_of_people_stay_out_of_the_database(place: Place) -> None:
    named = ("--decider", "Anna Berger", "--new-person", "Anna Berger")
    place.decide("correct", GRANTED, *named)
    files = [*place.at.glob("node.db*")]
    assert files
    assert not any(b"Anna Berger" in file.read_bytes() for file in files)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["grant"], "grant needs --offering and --valid-until"),
        (["renew", GRANTED], "renew needs --valid-until"),
        (["suspend", GRANTED], "suspend needs --reason and --suspended-until"),
        (["revoke", GRANTED, "--reason", "other"], "revoke needs --appeal-until"),
        (["correct"], "correct needs the NUMBER of a label"),
        (["grant", GRANTED, "--offering", "00" * 16, *UNTIL], f"write --number {GRANTED}"),
        (["grant", "--offering", "bread", *UNTIL], "expected 32 hexadecimal digits"),
    ],
)
def test_says_which_option_is_missing(place: Place, arguments: list[str], sentence: str) -> None:
    result = sopro("decide", place.at, *arguments, code=2)
    assert sentence in told(result.stderr)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["correct", "SOPRO/AT0/001/99998"], "this site has no label 'SOPRO/AT0/001/99998'"),
        (["reinstate", REVOKED], "cannot reinstate a label that is revoked; possible: correct"),
        (["grant", "--offering", "00" * 16, *UNTIL], "no offering " + "00" * 16),
        (["renew", GRANTED, "--valid-until", "2099-01-01"], "valid for more than 48 months"),
    ],
)
def test_says_why_a_rule_refuses(place: Place, arguments: list[str], sentence: str) -> None:
    result = sopro("decide", place.at, *arguments, *ANNA, code=1)
    assert result.stderr.startswith("error: ")
    assert sentence in result.stderr


def test_decision_on_what_has_changed_since_is_a_conflict(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def seen_before(_node: object, values: dict[str, Any]) -> dict[str, Any]:
        found = await office.label_entity(_node, values)  # type: ignore[arg-type]
        return {**found, "head": bytes(32)}

    operations = {**office.OPERATIONS, "label_entity": seen_before}
    monkeypatch.setattr(office, "OPERATIONS", operations)
    result = sopro("decide", place.at, "correct", GRANTED, *ANNA, code=75)
    assert "somebody has changed it since; look again" in result.stderr


def test_a_scope_is_extended_reduced_and_corrected(place: Place) -> None:
    granted = place.decide(
        "grant", "--offering", place.offering(), *UNTIL, "--area", "AT31", "--area", "AT130"
    )
    number = granted["number"]
    place.decide("extend_scope", number, "--area", "AT31", "--area", "AT130", "--area", "AT32")
    reduce = ("decide", place.at, "reduce_scope", number, "--reason", "nc_not_closed", *ANNA)
    refused = sopro(*reduce, "--area", "HU110", code=1)
    assert "a part of the one before, areas AT130, AT31, AT32" in refused.stderr
    wider = ("decide", place.at, "correct", number, "--whole-offering", *ANNA)
    refused = sopro(*wider, "--corrects", granted["index"], code=1)
    assert "for more nobody has assessed" in refused.stderr
    place.decide("correct", number, "--area", "AT31", "--corrects", granted["index"])
    refused = sopro("decide", place.at, "correct", number, "--corrects", "0", *ANNA, code=1)
    assert "entry 0 is no decision on this label" in refused.stderr
    mixed = sopro("decide", place.at, "correct", number, "--whole-offering", "--cpv", "1", code=2)
    assert "--whole-offering stands without --area and --cpv" in told(mixed.stderr)
