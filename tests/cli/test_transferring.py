"""`sopro transfer` where there is nothing to transfer, or nobody to transfer it to."""

import json

import pytest

from tests.cli.place import ANNA, GRANTED, REVOKED, Place, sopro, told

USAGE = [
    ((), "give the NUMBER of a label or --organisation, one of the two"),
    ((GRANTED, "--organisation", "00" * 16), "give the NUMBER of a label or --organisation"),
    (("--organisation", "xx"), "--organisation"),
]
REFUSED = [
    ((GRANTED, "--to", "hu"), "'hu' cannot receive a label, it is no other admitted member"),
    ((GRANTED, "--to", "at"), "'at' cannot receive a label, it is no other admitted member"),
    ((REVOKED, "--to", "hu"), "cannot transfer_out a label that is revoked"),
    (("SOPRO/AT0/001/99998", "--to", "hu"), "this site has no label 'SOPRO/AT0/001/99998'"),
    (("--organisation", "00" * 16, "--to", "hu"), f"this site has no organisation {'00' * 16}"),
]


@pytest.mark.parametrize(("arguments", "sentence"), USAGE)
def test_says_how_it_is_used(place: Place, arguments: tuple[str, ...], sentence: str) -> None:
    result = sopro("transfer", "out", place.at, *arguments, "--to", "hu", code=2)
    assert sentence in told(result.stderr)


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED)
def test_says_why_a_rule_refuses(place: Place, arguments: tuple[str, ...], sentence: str) -> None:
    result = sopro("transfer", "out", place.at, *arguments, *ANNA, code=1)
    assert sentence in result.stderr
    assert json.loads(sopro("label", "show", GRANTED, "--dir", place.at, "--json").stdout)[
        "status"
    ] == "active"  # fmt: skip


def test_says_that_nothing_is_offered(place: Place) -> None:
    assert "nothing is offered to this site" in sopro("transfer", "offers", place.at).stderr
    assert "nothing is offered to this site" in sopro("transfer", "in", place.at, *ANNA).stderr
    assert json.loads(sopro("transfer", "offers", place.at, "--json").stdout) == []
    refused = sopro("transfer", "in", place.at, GRANTED, *ANNA, code=1).stderr
    assert f"'{GRANTED}' is not offered to this site" in refused
