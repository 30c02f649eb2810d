"""Relations of organisations across sites, in whatever order the logs came."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from sopro_registry.relations import (
    MAX_RELATED,
    Kind,
    Place,
    Relation,
    Relations,
    follow_relations,
)
from tests.registry.world import bytes16, ordinal

DAY = ordinal("2026-01-01")
A, B, C, D = (bytes16(name) for name in "abcd")


def says(
    site: str, organisation: bytes, kind: Kind, other: bytes, at: str = ""
) -> tuple[str, Relations]:
    return site, Relations(9, organisation, [Relation(kind, other, at, DAY)])


def test_follows_what_was_before_and_what_came_after() -> None:
    stated = [
        says("at", A, Kind.MERGED_INTO, B),
        says("at", C, Kind.SUCCESSOR_OF, B),
        says("hu", D, Kind.SAME_AS, C, "at"),
    ]
    members = {Place("at", A), Place("at", B), Place("at", C), Place("hu", D)}
    for first in members:
        found = follow_relations(first, stated)
        assert found.members[0] == first
        assert set(found.members) == members
        assert len(found.statements) == 3


def test_what_only_one_site_says_is_not_confirmed() -> None:
    alone = [says("at", A, Kind.MERGED_INTO, B, "hu")]
    [one] = follow_relations(Place("at", A), alone).statements
    assert (one.other, one.is_confirmed) == (Place("hu", B), False)
    both = [*alone, says("hu", B, Kind.SUCCESSOR_OF, A, "at")]
    assert [one.is_confirmed for one in follow_relations(Place("at", A), both).statements] == [
        True,
        True,
    ]
    other = [*alone, says("hu", B, Kind.SAME_AS, A, "at")]
    assert not any(one.is_confirmed for one in follow_relations(Place("at", A), other).statements)


def test_the_parts_of_a_whole_are_no_history_of_one_another() -> None:
    stated = [says("at", A, Kind.PART_OF, C), says("at", B, Kind.PART_OF, C)]
    found = follow_relations(Place("at", A), stated)
    assert found.members == (Place("at", A),)
    assert [one.other for one in found.statements] == [Place("at", C)]


def test_only_what_holds_on_the_day_is_followed() -> None:
    stated = [says("at", A, Kind.MERGED_INTO, B)]
    assert len(follow_relations(Place("at", A), stated, day=DAY).members) == 2
    assert len(follow_relations(Place("at", A), stated, day=DAY - 1).members) == 1


def test_sites_that_contradict_one_another_end_somewhere() -> None:
    stated = [
        says("at", A, Kind.MERGED_INTO, B, "hu"),
        says("hu", B, Kind.MERGED_INTO, A, "at"),
    ]
    found = follow_relations(Place("at", A), stated)
    assert found.members == (Place("at", A), Place("hu", B))
    assert [one.is_confirmed for one in found.statements] == [False, False]


def test_however_many_hang_together_it_ends() -> None:
    links = [bytes16(str(number)) for number in range(MAX_RELATED + 2)]
    pairs = itertools.pairwise(links)
    stated = [says("at", one, Kind.MERGED_INTO, other) for one, other in pairs]
    found = follow_relations(Place("at", links[0]), stated)
    assert (len(found.members), found.is_cut) == (MAX_RELATED, True)


SITES = ("at", "hu", "fr")
STATED = st.lists(
    st.builds(
        says,
        st.sampled_from(SITES),
        st.sampled_from((A, B, C, D)),
        st.sampled_from(Kind),
        st.sampled_from((A, B, C, D)),
        st.sampled_from(("", *SITES)),
    ),
    max_size=12,
    unique_by=lambda one: (one[0], one[1].organisation),
)


@given(stated=STATED, data=st.data())
def test_the_order_of_the_logs_changes_nothing(
    stated: list[tuple[str, Relations]], data: st.DataObject
) -> None:
    first = Place("at", A)
    other = data.draw(st.permutations(stated))
    assert follow_relations(first, stated) == follow_relations(first, other)
