"""What rows come to: values of a draft, or problems."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from sopro_registry.identifiers import Flaw


class Item(msgspec.Struct, array_like=True):
    """A row understood.

    Attributes:
        key: what names its thing in the source.
        order: its place among the rows of its key.
        event: what names a decision among those of its key; of an application, key of who applies.
        reference: key of what it refers to.
        word: of a decision: an action, `hold` or `end`.
        status: of a decision: what the source says, and in which column.
        values: fields of the record.
        fields: of the public document.
        is_dated: whether the source says from when it holds.
    """

    key: list[str]
    order: int | str
    event: list[str]
    reference: list[str]
    word: str
    status: tuple[str, str]
    values: dict[str, Any]
    fields: dict[str, Any]
    is_dated: bool


class Identified(NamedTuple):
    """An identifier of a row: as it stands there, what is wrong with it, and why it is taken."""

    scheme: str
    value: str
    flaw: Flaw | None
    reason: str = ""


class Reading(NamedTuple):
    """What a row came to.

    Attributes:
        key: where it is known.
        order: likewise.
        item: None where there are problems.
        problems: what makes the row bad.
        left_out: what is wrong with cells that count as empty.
        identifiers: all that stand in the row, also those that are not taken.
    """

    key: list[str]
    order: int | str | None
    item: Item | None
    problems: list[str]
    left_out: Sequence[str] = ()
    identifiers: Sequence[Identified] = ()


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Name the fields in which two maps differ."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
