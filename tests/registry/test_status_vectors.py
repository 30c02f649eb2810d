"""The frozen vectors of status tree and certificates."""

import json
from typing import Any

import pytest

from sopro_protocol.errors import SoproError
from tests.registry.make_status_vectors import FOLDER, MAKERS, OPERATIONS, render

GROUPS = [
    group
    for name in MAKERS
    for group in json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["groups"]
]
ACCEPTED = [
    pytest.param(group["call"], case, id=f"{group['name']}-{number}")
    for group in GROUPS
    for number, case in enumerate(group["accept"])
]
REFUSED = [
    pytest.param(group["call"], case, id=f"{group['name']}-{case['why']}")
    for group in GROUPS
    for case in group["reject"]
]


def test_frozen_vectors_are_what_the_maker_makes() -> None:
    # Those of certificates stay as they were made: the world they come from goes on changing.
    assert render("status") == (FOLDER / "status.json").read_text(encoding="utf-8")
    assert json.loads(render("certificate"))["groups"][0]["reject"]


@pytest.mark.parametrize(("call", "case"), ACCEPTED)
def test_accepts_what_vectors_accept(call: str, case: dict[str, Any]) -> None:
    assert OPERATIONS[call](case) == case["gives"]


@pytest.mark.parametrize(("call", "case"), REFUSED)
def test_refuses_what_vectors_refuse(call: str, case: dict[str, Any]) -> None:
    with pytest.raises(SoproError) as refusal:
        OPERATIONS[call](case)
    assert refusal.value.code == case["code"]
