"""Criteria files: schemes and criteria in TOML, as the coordinator publishes them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from sopro_node.toml import read_toml
from sopro_protocol.errors import FormatError
from sopro_registry.families import criteria_set, criterion, scheme
from sopro_registry.fields import parse_day

DEFAULT_CRITERIA: Final = Path(__file__).parent / "criteria.toml"
_BODIES: Final[Mapping[str, type[msgspec.Struct]]] = {
    "scheme": scheme.Body,
    "criterion": criterion.Body,
    "criteria_set": criteria_set.Body,
}
_DAYS: Final = ("applies_from", "effective_date", "published_on", "transition_until")


def read_criteria(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Read a criteria file: tables `[[scheme]]`, `[[criterion]]` and `[[criteria_set]]`.

    Raises:
        FormatError: it cannot be read or holds something else.
    """
    tables = "[[scheme]], [[criterion]] and [[criteria_set]]"
    values = read_toml(path, hint=f"name a file with tables {tables}")
    if not values or set(values) - set(_BODIES):
        raise FormatError(f"{path}: expected tables {tables}")
    for table, held in values.items():
        if not isinstance(held, list):
            raise FormatError(f"{path}: expected tables [[{table}]], got {held!r}")
        for place, fields in enumerate(held, 1):
            _check_fields(fields, _BODIES[table], where=f"{path}: [[{table}]] no. {place}")
    return {
        "schemes": values.get("scheme", []),
        "criteria": values.get("criterion", []),
        "criteria_sets": values.get("criteria_set", []),
    }


def describe_gaps(published: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    """Say what criteria that are to be published leave open, a sentence for each; none for none."""
    gaps = []
    for one in published["criteria"]:
        missing = [field for field in ("text", "verification") if not one.get(field)]
        if missing:
            gaps.append(
                f"criterion {one['code']} has no {' and no '.join(missing)}: nobody can read "
                f"{' or '.join(_OPEN[field] for field in missing)}; its next version can say so"
            )
    judged = {one["scheme"] for one in published["criteria_sets"]}
    gaps += [
        f"no set of criteria is published for scheme {one['scheme']}: labels are granted without "
        "an assessment until one is, by [[criteria_set]] and 'sopro criteria publish'"
        for one in published["schemes"]
        if one["scheme"] not in judged
    ]
    return gaps


_OPEN: Final = {"text": "what it asks for", "verification": "how it is found out whether it is met"}


def _check_fields(fields: object, body: type[msgspec.Struct], *, where: str) -> None:
    """Hold a table to the body of its family, before anything of the file is published."""
    if not isinstance(fields, dict):
        raise FormatError(f"{where}: expected a table, got {fields!r}")
    known = body.__struct_fields__
    for name, value in fields.items():
        if name not in known:
            raise FormatError(f"{where}: unknown field {name!r}; known: {', '.join(known)}")
        if name in _DAYS:
            _check_day(value, where=f"{where}: {name}")
    try:
        msgspec.convert(fields, body)
    except msgspec.ValidationError as error:
        raise FormatError(f"{where}: {str(error)[:1].lower()}{str(error)[1:]}") from None


def _check_day(value: object, *, where: str) -> None:
    if not isinstance(value, str):
        raise FormatError(
            f'{where}: expected a civil date in quotes like "2026-11-22", got {value}'
        )
    parse_day(value, field=where)
