"""The frozen vectors of formats and proofs, beside the code that they bind."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from sopro_protocol.errors import SoproError

FOLDER = Path(__file__).parents[2] / "protocol" / "vectors"
MAKERS = [
    runpy.run_path(str(Path(__file__).with_name(f"make_{what}_vectors.py")))
    for what in ("tree", "witness")
]
RENDER = {name: maker["render"] for maker in MAKERS for name in maker["MAKERS"]}
OPERATIONS = {call: work for maker in MAKERS for call, work in maker["OPERATIONS"].items()}
GROUPS = [
    group
    for name in RENDER
    for group in json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["groups"]
]
ACCEPTED = [(group["call"], case) for group in GROUPS for case in group["accept"]]
REFUSED = [
    pytest.param(group["call"], case, id=f"{group['name']}-{case['why']}")
    for group in GROUPS
    for case in group["reject"]
]


@pytest.mark.parametrize("name", RENDER)
def test_frozen_vectors_are_what_the_maker_makes(name: str) -> None:
    assert RENDER[name](name) == (FOLDER / f"{name}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(("call", "case"), ACCEPTED)
def test_accepts_what_vectors_accept(call: str, case: dict[str, Any]) -> None:
    assert OPERATIONS[call](case) == case["gives"]


@pytest.mark.parametrize(("call", "case"), REFUSED)
def test_refuses_what_vectors_refuse(call: str, case: dict[str, Any]) -> None:
    with pytest.raises(SoproError) as refusal:
        OPERATIONS[call](case)
    assert refusal.value.code == case["code"]
