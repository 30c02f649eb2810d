"""What commands ask of the directory, and whether something is labelled on a day.

What is asked for is read as the API reads it, so that both refuse the same.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from sopro_node.directory import Wanted
from sopro_node.node import Node
from sopro_node.validity_table import COLUMNS, By, explain_value, part_questions, read_questions
from sopro_node.web.operations import Parameter
from sopro_node.web.parameters import CONDITIONS, CURSOR, SCHEME, SITE, STATUS, conditions_of
from sopro_protocol.errors import FormatError
from sopro_registry.fields import parse_day

Answer = dict[str, Any]

MAX_FOUND: Final = 100
_AT_ONCE: Final = 50


async def directory(node: Node, values: Mapping[str, Any]) -> Answer:
    """Look for labels. Answers a page as the API does: `labels`, `next`, `computed_from`, ...

    `q`, `category`, `region`, `scale`, `holder`, `identifier`, `gtin`, `status`, `site`, `scheme`,
    `at`, `after`?: texts as the parameters of `/api/v1/directory`; `limit`?.

    Raises:
        FormatError: `err.query`, one of them does not fit.
    """
    asked = _read((*CONDITIONS, STATUS, SITE, SCHEME, CURSOR), values)
    wanted = Wanted(
        conditions_of(asked),
        status=asked["status"],
        site=asked["site"],
        scheme=asked["scheme"],
        day=_day(values) or 0,
        after=asked["after"],
        limit=min(values.get("limit") or MAX_FOUND, MAX_FOUND),
    )
    return dict(msgspec.to_builtins(node.directory.labels(wanted)))


async def directory_organisations(node: Node, values: Mapping[str, Any]) -> Answer:
    """Look for organisations, by what `directory` takes but for status, scheme and day.

    Raises:
        FormatError: `err.query`, one of them does not fit.
    """
    asked = _read((*CONDITIONS, SITE, CURSOR), values)
    wanted = Wanted(
        conditions_of(asked),
        site=asked["site"],
        after=asked["after"],
        limit=min(values.get("limit") or MAX_FOUND, MAX_FOUND),
    )
    return dict(msgspec.to_builtins(node.directory.organisations(wanted)))


async def check(node: Node, values: Mapping[str, Any]) -> Answer:
    """Say whether something is labelled on a day. `by`; `value`; `at`?: civil date.

    Raises:
        FormatError: it cannot be asked by that value.
    """
    by = By(values["by"])
    if problem := explain_value(by, values["value"]):
        raise FormatError(f"{by}: {problem}", code="err.query")
    day = _day(values) or node.desk.today()
    return dict(msgspec.to_builtins(node.registrar.check(by, values["value"], day)))


async def check_many(node: Node, values: Mapping[str, Any]) -> Answer:
    """Say of every line of a table whether something is labelled; others go on meanwhile.

    `table`: bytes of a CSV as `/api/v1/check` takes it; `at`?: for lines without a day. Answers
    `columns` and `rows`.

    Raises:
        FormatError: it is no such table.
    """
    questions = read_questions(values["table"], today=_day(values) or node.desk.today())
    rows: list[list[str]] = []
    for some in part_questions(questions, most=_AT_ONCE):
        await asyncio.sleep(0)
        rows += map(list, node.registrar.lines(some))
    return {"columns": list(COLUMNS), "rows": rows}


def _day(values: Mapping[str, Any]) -> int | None:
    at = values.get("at")
    return parse_day(at, field="at") if at else None


def _read(parameters: Iterable[Parameter], values: Mapping[str, Any]) -> Answer:
    return {
        one.name: one.read(values[one.name]) if values.get(one.name) else one.default
        for one in parameters
    }
