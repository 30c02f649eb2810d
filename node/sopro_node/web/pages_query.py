"""What pages are asked for in their addresses, and in which words they refuse."""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from sopro_node.directory import Directory
from sopro_node.web.dates import read_day
from sopro_node.web.operations import Parameter
from sopro_node.web.pages_list import Results, Search, search
from sopro_protocol.errors import FormatError

# What something here is asked for, or might be thought to be. A page that does not know such a
# name would show something else, so it refuses; names that trackers add it passes over.
_ASKED: Final = (
    "after", "at", "category", "country", "date", "day", "holder", "limit", "page", "q", "region",
    "scale", "site", "start", "status",
)  # fmt: skip


class QueryError(Exception):
    """A page is asked for what it does not have.

    Attributes:
        reason: names the words for it in `ERRORS`.
        values: of those words.
    """

    def __init__(self, reason: str, message: str, **values: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.values = values


def check_names(request: web.Request, known: Sequence[str]) -> None:
    """Refuse a parameter that other pages or the API know, but not this page.

    Raises:
        QueryError: there is one.
    """
    for name, value in request.query.items():
        if name in _ASKED and name not in known and value:
            listed = ", ".join(("lang", *known))
            raise QueryError("parameter", f"unknown parameter {name!r}; known: {listed}", name=name)


def search_asked(directory: Directory, wanted: Search) -> Results:
    """Look for labels behind the number or the cursor that was given, if any.

    Raises:
        QueryError: it is none of this search.
    """
    try:
        return search(directory, wanted)
    except FormatError as error:
        raise QueryError("cursor", str(error)) from None


def asked_choice(request: web.Request, name: str, choices: Sequence[str]) -> str:
    """Return one of some words, or nothing.

    Raises:
        QueryError: it is none of them.
    """
    text = request.query.get(name, "")
    if text and text not in choices:
        raise QueryError(
            "choice",
            f"{name}: expected one of {', '.join(choices)}, got {text[:32]!r}",
            name=name,
        )
    return text


def asked_code(request: web.Request, parameter: Parameter) -> tuple[str, Any, str]:
    """Return the code that was typed, as it is written, what it asks for, and what is wrong.

    Nothing is asked for where nothing was typed, or something is wrong.
    """
    text = fold_code(request.query.get(parameter.name, ""))
    try:
        return text, parameter.read(text) if text else None, ""
    except FormatError as error:
        return text, None, str(error)


def fold_code(text: str) -> str:
    """Write a code that somebody has typed in the letters that it has: `at13`, `CPV: 39100000`."""
    text = "".join(text.split())
    sort, colon, code = text.partition(":")
    if not colon:
        return text.upper()
    sort = sort.lower()
    # Only codes of published lists may have small letters.
    return f"{sort}:{code if sort == 'code' else code.upper()}"


def asked_day(request: web.Request) -> int | None:
    """Return the day asked about, or nothing.

    Raises:
        QueryError: it is none.
    """
    text = request.query.get("at", "")
    try:
        return read_day(text) if text else None
    except FormatError as error:
        raise QueryError("date", str(error)) from None
