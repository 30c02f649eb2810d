import re

from sopro_registry.catalogue import FAMILIES
from tests.registry.diagrams import DIAGRAMS, README, insert


def test_diagrams_of_the_page_are_current() -> None:
    page = README.read_text(encoding="utf-8")
    assert insert(page) == page, "run: python -m tests.registry.diagrams"


def test_page_lists_every_family_with_its_role_and_place() -> None:
    page = README.read_text(encoding="utf-8")
    rows = set(re.findall(r"(?m)^\| `([a-z_]+/\d)` \| ([a-z]+) \| ([a-z', ]+) \|", page))
    assert rows == {(one.title, one.role.value, one.place.value) for one in FAMILIES.values()}


def test_membership_begins_and_an_expulsion_ends() -> None:
    lines = DIAGRAMS["membership"].splitlines()
    assert "    [*] --> applicant" in lines
    assert not [line for line in lines if line.strip().startswith("expelled")]
