import re

import pytest

from sopro_registry.catalogue import FAMILIES
from sopro_registry.label import Action, Status, status_at
from tests.registry.diagrams import DIAGRAMS, README, insert
from tests.registry.transferring import THERE, found, hand_over, suspend, take_over
from tests.registry.world import World, dates_of


def test_diagrams_of_the_page_are_current() -> None:
    page = README.read_text(encoding="utf-8")
    assert insert(page) == page, "run: python -m tests.registry.diagrams"


def test_page_lists_every_family_with_its_role_and_place() -> None:
    page = README.read_text(encoding="utf-8")
    rows = set(re.findall(r"(?m)^\| `([a-z_]+/\d)` \| ([a-z]+) \| ([a-z', ]+) \|", page))
    assert rows == {(one.title, one.role.value, one.place.value) for one in FAMILIES.values()}


def reached(basis: str) -> set[tuple[str, str, str]]:
    """Take every step from every status that a label of this site, or one taken over, can be in."""
    found = set()
    for status in Status:
        for action in Action:
            for was in ("active", "suspended") if status is Status.EXPIRED else ("",):
                world, day = World(), "2026-06-01"
                world.meet()
                if was == "suspended":
                    world.bring_to(Status.SUSPENDED, basis=basis)
                    day = "2027-01-20"
                else:
                    day = world.bring_to(status, basis=basis)
                written = world.at.decide(action, basis=basis, **dates_of(action, day))
                if written.code is None:
                    after = world.at.decisions()[-1]
                    word = status_at([after], after.effective)[0].word
                    found.add(("[*]" if status is Status.NONE else status.word, word, action.value))
    return found


def drawn(name: str) -> set[tuple[str, str, str]]:
    arrows = re.findall(r"(?m)^    (\S+) --> (\w+): (.+)$", DIAGRAMS[name])
    steps = {(before, after, one) for before, after, by in arrows for one in by.split(", ")}
    return {one for one in steps if one[2] != "(computed)"}


def test_every_step_that_a_label_can_take_is_drawn_and_no_other() -> None:
    taken = {("[*]", standing, "transfer_in") for standing in ("active", "suspended")}
    assert reached("assessed") | taken == drawn("label")
    more = reached("imported") - reached("assessed")
    assert more == drawn("imported")


@pytest.mark.parametrize("is_suspended", [False, True])
def test_a_label_is_taken_over_as_it_stood(is_suspended: bool) -> None:
    world = found()
    if is_suspended:
        suspend(world)
    assert hand_over(world).code is None
    assert take_over(world).code is None
    [taken] = world.hu.decisions(label=THERE)
    assert ("[*]", taken.status.word, "transfer_in") in drawn("label")
    assert taken.status is (Status.SUSPENDED if is_suspended else Status.ACTIVE)


def test_membership_begins_and_an_expulsion_ends() -> None:
    lines = DIAGRAMS["membership"].splitlines()
    assert "    [*] --> applicant" in lines
    assert not [line for line in lines if line.strip().startswith("expelled")]
