"""Rows that more than one part of the store hands out."""

from typing import NamedTuple


class LabelRow(NamedTuple):
    """A label's encoded state, and whether this version can judge it."""

    number: str
    log: int
    entity: bytes
    undetermined: bool
    state: bytes
