"""The frozen vectors of witnesses and policies, beside the code that they bind."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from sopro_protocol.errors import SoproError

FOLDER = Path(__file__).parents[2] / "protocol" / "vectors"
MAKER = runpy.run_path(str(Path(__file__).with_name("make_witness_vectors.py")))
NAMES = sorted(MAKER["MAKERS"])
GROUPS = [
    group
    for name in NAMES
    for group in json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["groups"]
]
ACCEPTED = [(group["call"], case) for group in GROUPS for case in group["accept"]]
REFUSED = [
    pytest.param(group["call"], case, id=f"{group['name']}-{case['why']}")
    for group in GROUPS
    for case in group["reject"]
]


@pytest.mark.parametrize("name", NAMES)
def test_frozen_vectors_are_what_the_maker_makes(name: str) -> None:
    assert MAKER["render"](name) == (FOLDER / f"{name}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(("call", "case"), ACCEPTED)
def test_accepts_what_vectors_accept(call: str, case: dict[str, Any]) -> None:
    assert MAKER["OPERATIONS"][call](case) == case["gives"]


@pytest.mark.parametrize(("call", "case"), REFUSED)
def test_refuses_what_vectors_refuse(call: str, case: dict[str, Any]) -> None:
    with pytest.raises(SoproError) as refusal:
        MAKER["OPERATIONS"][call](case)
    assert refusal.value.code == case["code"]
