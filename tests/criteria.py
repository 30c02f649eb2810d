"""The criteria of a new federation, for tests that are about something else than assessments."""

from typing import Any

from sopro_node.criteria import DEFAULT_CRITERIA, read_criteria


def scheme_without_set() -> dict[str, list[dict[str, Any]]]:
    """Read them without the set that labels are judged by: a label needs no assessment then."""
    return {**read_criteria(DEFAULT_CRITERIA), "criteria_sets": []}
