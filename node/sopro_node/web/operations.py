"""What can be asked under `/api/v1`: path, parameters and answer declared once.

From a declaration follow the route, the reading of what was asked, with everything refused that
does not fit, and the description that others make their programs from.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiohttp import hdrs, web

from sopro_node.web.dates import read_day
from sopro_protocol.errors import FormatError

Asked = Mapping[str, Any]
"""Values by parameter; those that were not named have their defaults."""

Answering = Callable[[web.Request, Asked], Awaitable[web.StreamResponse]]

_JSON: Final = msgspec.json.Encoder()
_SHOWN: Final = 40
_HEADERS: Final[Mapping[str, str]] = {
    hdrs.CONTENT_TYPE: "application/json",
    hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
    hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: "ETag, SoPro-Computed-From, SoPro-Publication",
    hdrs.CACHE_CONTROL: "public, max-age=2",
}
_PREFLIGHT: Final[Mapping[str, str]] = {
    hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
    hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "Accept, Content-Type, If-None-Match",
    hdrs.ACCESS_CONTROL_MAX_AGE: "86400",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query or of the path.

    Attributes:
        name: as it is asked.
        words: what it is, for a person.
        schema: JSON Schema of its text.
        read: reads its text; raises FormatError.
        default: where it is not named.
        is_needed: whether it must be named.
    """

    name: str
    words: str
    schema: Mapping[str, Any]
    read: Callable[[str], Any]
    default: Any = None
    is_needed: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent along.

    Attributes:
        types: by media type, its schema.
        example: of it.
        told: type of what is sent as JSON, instead of a schema.
    """

    types: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    example: str = ""
    told: Any = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked.

    Attributes:
        path: with its parameters as the router has them.
        handler: answers; the first line of its docstring says what.
        query: parameters behind the question mark.
        inside: parameters of the path.
        answer: type of the JSON answer; None where it is described by words only.
        media: type of the answer.
        method: of HTTP.
        body: what is sent along.
        is_public: whether pages of any origin may ask it.
        is_signed: whether it is for officers, who show a token.
        headers: that may be sent along; the handler reads them.
        status: of the answer.
        seconds: it may take, where that is more than others may.
    """

    path: str
    handler: Answering
    query: Sequence[Parameter] = ()
    inside: Sequence[Parameter] = ()
    answer: Any = None
    media: str = "application/json"
    method: str = hdrs.METH_GET
    body: Body | None = None
    is_public: bool = True
    is_signed: bool = False
    headers: Sequence[Parameter] = ()
    status: int = 200
    seconds: float = 0.0

    def route(self) -> web.RouteDef:
        """Return its route."""
        defaults = {one.name: one.default for one in self.query}
        is_free = not any(one.is_needed for one in self.query)
        handler, inside = self.handler, self.inside

        async def answer(request: web.Request) -> web.StreamResponse:
            if request.query_string or not is_free:
                return await handler(request, read_asked(request, self))
            # Most look-ups ask nothing besides the path.
            info = request.match_info
            return await handler(
                request, defaults | {one.name: one.read(info[one.name]) for one in inside}
            )

        answer.__doc__ = handler.__doc__
        answer.operation = self  # type: ignore[attr-defined]  # for the description of the API
        if self.method == hdrs.METH_GET:
            return web.get(self.path, answer)
        return web.route(self.method, self.path, answer)


def routes_of(operations: Iterable[Operation]) -> list[web.RouteDef]:
    """Return the routes of operations, and those by which browsers ask what a page may ask."""
    by_path: dict[str, list[Operation]] = {}
    for one in operations:
        by_path.setdefault(one.path, []).append(one)
    routes: list[web.RouteDef] = []
    for path, some in by_path.items():
        routes += [one.route() for one in some]
        public = [one.method for one in some if one.is_public]
        if public:
            routes.append(web.options(path, _preflight_of(public)))
    return routes


def _preflight_of(methods: Sequence[str]) -> Callable[[web.Request], Awaitable[web.Response]]:
    reading = [hdrs.METH_HEAD] if hdrs.METH_GET in methods else []
    listed = ", ".join([*methods, *reading])
    headers = {**_PREFLIGHT, hdrs.ACCESS_CONTROL_ALLOW_METHODS: listed, hdrs.ALLOW: listed}

    async def preflight(_request: web.Request) -> web.Response:
        """Say to a browser that pages of any origin may ask this."""
        return web.Response(status=204, headers=headers)

    return preflight


def read_asked(request: web.Request, operation: Operation) -> Asked:
    """Read what is asked; refuse what is not known, named twice or does not fit (SPEC ERR-4).

    Raises:
        FormatError: `err.query`, with what is known.
    """
    query = request.query
    known = [one.name for one in operation.query]
    unknown = sorted(set(query) - set(known))
    if unknown:
        raise FormatError(
            f"unknown parameter {unknown[0][:_SHOWN]!r}; known: {', '.join(known) or 'none'}",
            code="err.query",
        )
    asked: dict[str, Any] = {}
    for one in operation.query:
        texts = query.getall(one.name, [])
        if len(texts) > 1:
            raise FormatError(f"parameter {one.name!r} is named twice", code="err.query")
        if not texts and one.is_needed:
            raise FormatError(f"parameter {one.name!r} is missing: {one.words}", code="err.query")
        asked[one.name] = one.read(texts[0]) if texts else one.default
    for one in operation.inside:
        asked[one.name] = one.read(request.match_info[one.name])
    return asked


# Parameters.


def day(name: str = "at", words: str = "civil date asked about; today if not named") -> Parameter:
    """Ask for a civil date; reads as a day."""
    return Parameter(name, words, {"type": "string", "format": "date"}, read_day)


def whole_number(
    name: str, words: str, *, least: int, most: int, default: int | None = None
) -> Parameter:
    """Ask for a whole number."""
    schema = {"type": "integer", "minimum": least, "maximum": most}
    if default is not None:
        schema["default"] = default

    def read(text: str) -> int:
        is_number = text.isascii() and text.isdecimal() and len(text) <= 15
        if not is_number or not least <= int(text) <= most:
            raise FormatError(
                f"{name}: expected a whole number from {least} to {most}, got {text[:_SHOWN]!r}",
                code="err.query",
            )
        return int(text)

    return Parameter(name, words, schema, read, default)


def one_of(name: str, words: str, choices: Sequence[str]) -> Parameter:
    """Ask for a word of a closed vocabulary."""

    def read(text: str) -> str:
        if text not in choices:
            raise FormatError(
                f"{name}: expected one of {', '.join(choices)}, got {text[:_SHOWN]!r}",
                code="err.query",
            )
        return text

    return Parameter(name, words, {"type": "string", "enum": list(choices)}, read, "")


def text_like(  # noqa: PLR0913  # what a text can be held to
    name: str,
    words: str,
    pattern: str,
    *,
    example: str,
    read: Callable[[str], Any] = str,
    is_needed: bool = False,
    default: Any = "",
) -> Parameter:
    """Ask for a text of a form; `read` is handed one that has it."""
    form = re.compile(pattern)
    schema = {"type": "string", "pattern": f"^(?:{pattern})$", "examples": [example]}

    def check(text: str) -> Any:
        if not form.fullmatch(text):
            raise FormatError(
                f"{name}: expected {words}, such as {example}, got {text[:_SHOWN]!r}",
                code="err.query",
            )
        return read(text)

    return Parameter(name, words, schema, check, default, is_needed)


def free_text(name: str, words: str, *, most: int) -> Parameter:
    """Ask for any text, up to a length."""

    def read(text: str) -> str:
        if len(text) > most:
            raise FormatError(
                f"{name}: expected at most {most} characters, got {len(text)}", code="err.query"
            )
        return text

    return Parameter(name, words, {"type": "string", "maxLength": most}, read, "")


# Answers.


def answer_json(
    request: web.Request, value: object, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer as JSON, or say that the reader has it already."""
    return answer_bytes(request, _JSON.encode(value), headers)


def answer_bytes(
    request: web.Request, body: bytes, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer what is encoded already, or say that the reader has it already (RFC 9110, 13.1.2)."""
    tag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    written: dict[str, str] = {**_HEADERS, hdrs.ETAG: tag}
    if headers:
        written |= headers
    held = request.headers.get(hdrs.IF_NONE_MATCH)
    if held is not None and has_tag(held, tag):
        del written[hdrs.CONTENT_TYPE]
        return web.Response(status=304, headers=written)
    return web.Response(body=body, headers=written)


def has_tag(held: str, tag: str) -> bool:
    """Say whether a header of entity tags names one, weak or not."""
    tags = (one.strip().removeprefix("W/") for one in held.split(","))
    return held.strip() == "*" or tag in tags
