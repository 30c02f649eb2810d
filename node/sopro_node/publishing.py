"""What commands ask about criteria: what is published, and publishing more of it."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from sopro_node.acting import act
from sopro_node.node import Node
from sopro_node.operators import BY
from sopro_protocol.errors import NotFoundError
from sopro_registry.fields import format_day

Answer = dict[str, Any]

_KINDS: Final = (
    ("scheme", "schemes"),
    ("criterion", "criteria"),
    ("criteria_set", "criteria_sets"),
)


async def publish_criteria(node: Node, values: Mapping[str, Any]) -> Answer:
    """Publish what labels are judged by, one record after the other. Answers `published`.

    `schemes`, `criteria`, `criteria_sets`: their fields, as in a file of criteria.

    Raises:
        RefusedError: this node is not the coordinator, or a rule forbids one; those before it
            are published.
    """
    published = []
    for family, key in _KINDS:
        for fields in values.get(key, ()):
            name = fields["scheme"]
            if family == "criterion":
                name = f"{name} {fields['code']}"
            told = {"act": f"{family}.publish", "told": {family: fields}, BY: values.get(BY)}
            done = await act(node, told)
            published.append({"family": family, "name": name, "index": done["index"]})
    return {"published": published}


class SetAnswer(Struct, frozen=True):
    """By which version of its criteria a scheme judges, in all countries.

    Attributes:
        scheme: its code.
        version: the latest.
        applies_from: civil date from which it may be used.
        min_points: that a label needs.
        criteria: codes of the criteria in it.
        mandatory: those of them that must be met.
    """

    scheme: str
    version: int
    applies_from: str
    min_points: int
    criteria: list[str]
    mandatory: list[str]


def latest_sets(node: Node) -> list[SetAnswer]:
    """Return the latest version of the criteria of each scheme that has any, by scheme."""
    directory = node.holdings.directory
    found = (directory.criteria_set(one.scheme) for one in directory.schemes())
    return [
        SetAnswer(
            one.scheme,
            one.version,
            format_day(one.applies_from),
            one.min_points,
            [part.code for part in one.requirements],
            [part.code for part in one.requirements if part.is_mandatory],
        )
        for one in found
        if one is not None
    ]


async def criteria(node: Node, values: Mapping[str, Any]) -> Answer:
    """Tell what labels are judged by here. `scheme`?: its code; `version`?: of its criteria.

    Answers `schemes`: fields of each, with `criteria_version`, `applies_from` and `criteria`:
    latest version of each, with `is_needed`, whether that version of the criteria has it.

    Raises:
        NotFoundError: there is no such scheme or version.
    """
    directory = node.holdings.directory
    wanted, version = values.get("scheme"), values.get("version") or 0
    found = []
    for scheme in directory.schemes():
        if wanted and scheme.scheme != wanted:
            continue
        held = directory.criteria_set(scheme.scheme, version=version, country=node.identity.country)
        needed = {one.code for one in held.requirements} if held else set()
        found.append(
            {
                **msgspec.to_builtins(scheme),
                "criteria_version": held.version if held else None,
                "applies_from": format_day(held.applies_from) if held else None,
                "criteria": [
                    {**msgspec.to_builtins(one), "is_needed": one.code in needed}
                    for one in directory.criteria()
                    if one.scheme == scheme.scheme
                ],
            }
        )
        if version and held is None:
            raise NotFoundError(f"scheme {scheme.scheme!r} has no criteria of version {version}")
    if wanted and not found:
        known = ", ".join(one.scheme for one in directory.schemes()) or "none"
        raise NotFoundError(f"no scheme {wanted[:64]!r}; known: {known}")
    return {"schemes": found}
