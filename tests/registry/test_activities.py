"""Sections of NACE and the divisions below them."""

import itertools

import pytest

from sopro_registry.activities import SECTIONS, divisions_of


@pytest.mark.parametrize("revision", SECTIONS)
def test_sections_follow_one_another_and_share_no_division(revision: str) -> None:
    spans = list(SECTIONS[revision].values())
    assert all(first <= last for first, last in spans)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(spans))
    assert (spans[0][0], spans[-1][1]) == (1, 99)
    # Numbers that no revision of the second classification has given to a division.
    left = set(range(1, 100)) - {one for low, high in spans for one in range(low, high + 1)}
    unused = {4, 34, 40, 44, 48, 54, 57, 67, 76, 83, 89}
    unused |= {45} if revision == "2.1" else set()
    assert left == unused


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("2.1:D", ["2.1:35"]),
        ("2:A", ["2:01", "2:02", "2:03"]),
        ("2.0:M", [f"2.0:{one}" for one in range(69, 76)]),
        ("2.1:M", ["2.1:68"]),
        ("2.1:31.0", []),
        ("2.1:c", []),
        ("2:V", []),
        ("3:C", []),
        ("C", []),
    ],
)
def test_a_section_stands_for_its_divisions(code: str, found: list[str]) -> None:
    assert divisions_of(code) == found
