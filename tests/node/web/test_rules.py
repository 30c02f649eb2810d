"""A problem names the clauses of the specification that its code stands for."""

import json
import tomllib
from pathlib import Path

from sopro_node.web.problems import problem
from sopro_node.web.rules import PLACES, clauses_by_code

ROOT = Path(__file__).resolve().parents[3]


def test_every_code_has_its_clauses() -> None:
    clauses = clauses_by_code()
    assert clauses["enc.duplicate-key"] == "ENC-2"
    assert clauses["ass.duties"] == "ASS-13, ASS-16, ASS-20, COMPL-6, COMPL-7, COMPL-8"
    assert len(clauses) > 80


def test_a_problem_names_its_rule_and_one_without_names_none() -> None:
    def members(code: str) -> dict[str, object]:
        body = problem(422, "no", code=code).body
        assert isinstance(body, bytes)
        return dict(json.loads(body))

    assert members("ofc.replay")["rule"] == "OFC-5"
    assert "rule" not in members("no.such.code")


def test_the_specification_is_found_in_a_checkout_and_in_a_package() -> None:
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    included = built["targets"]["wheel"]["force-include"]
    packaged, beside = PLACES
    assert included == {"protocol/SPEC.md": f"sopro_protocol/{packaged.name}"}
    assert beside == ROOT / "protocol" / "SPEC.md"
