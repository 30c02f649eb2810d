"""Two implementations, one of them written from SPEC.md alone, say the same of the same bytes."""

import pytest

from tests.conformance.difference import Other, differences
from tests.conformance.examples import require_node

SEEDS = 10


@pytest.mark.slow
def test_both_judge_worlds_alike_in_which_things_happen_at_random() -> None:
    with Other(require_node()) as other:
        found = [one for seed in range(SEEDS) for one in differences(other, seed)]
    assert found == []
