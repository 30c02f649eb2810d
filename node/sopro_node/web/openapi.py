"""The API's description, generated from what each operation declares and each answer's type."""

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from aiohttp import hdrs, web

from sopro_node.web.operations import Operation, Parameter

_PLACE: Final = re.compile(r"{(\w+)(?::[^{}]*(?:{[^{}]*}[^{}]*)*)?}")
_SECTION: Final = re.compile(r"(Args|Raises|Returns|Yields):\n")
_REFERENCE: Final = "#/components/schemas/{name}"
_PREFIX: Final = "/api/v1/"
_PROBLEM_TYPE: Final = "application/problem+json"
_LEFT_OUT: Final = (hdrs.METH_HEAD, hdrs.METH_OPTIONS, "*")
_OFFICER: Final = "officer"
_TOKEN: Final[Mapping[str, Any]] = {
    "type": "http",
    "scheme": "bearer",
    "description": "the token of an officer, as 'sopro officer add' printed it",
}
_PROBLEM: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "for a person"},
        "instance": {"type": "string"},
        "code": {"type": "string", "description": "never changes its meaning"},
        "rule": {"type": "string", "description": "clauses of the specification, such as LBL-9"},
        "current": {
            "type": "object",
            "description": "where the asker's view is out of date: what is there now",
        },
    },
}


def describe_api(app: web.Application) -> dict[str, Any]:
    """Return the OpenAPI document of everything under `/api/v1` that declares itself."""
    operations = dict(_operations(app))
    answers = {one.answer for one in operations.values() if one.answer is not None}
    told = {one.body.told for one in operations.values() if one.body and one.body.told}
    types = sorted(answers | told, key=lambda one: one.__name__)
    _, schemas = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for (path, method), operation in sorted(operations.items(), key=lambda one: one[0]):
        paths.setdefault(path, {})[method.lower()] = _describe(path, method, operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "SoPro node",
            "version": "1",
            "description": "Registers of the SoPro quality label. Every answer that follows from "
            "logs names in `computed_from` the prefixes it rests on.",
        },
        "paths": paths,
        "components": {
            "schemas": _for_programs(dict(sorted({**schemas, "Problem": _PROBLEM}.items()))),
            "securitySchemes": {_OFFICER: _TOKEN},
        },
    }


def _operations(app: web.Application) -> Iterator[tuple[tuple[str, str], Operation]]:
    for route in app.router.routes():
        operation = getattr(route.handler, "operation", None)
        if operation is None or route.resource is None or route.method in _LEFT_OUT:
            continue
        path = _PLACE.sub(r"{\1}", route.resource.canonical)
        if path.startswith(_PREFIX):
            yield (path, route.method), operation


def _describe(path: str, method: str, operation: Operation) -> dict[str, Any]:
    words = (inspect.getdoc(operation.handler) or "").split("\n\n")
    described: dict[str, Any] = {
        "operationId": operation.handler.__name__,
        "summary": words[0].replace("\n", " "),
        **_more(words[1:]),
        "parameters": [
            *(_parameter(one, "path") for one in operation.inside),
            *(_parameter(one, "query") for one in operation.query),
            *(_parameter(one, "header") for one in operation.headers),
        ],
        **({"security": [{_OFFICER: []}]} if operation.is_signed else {}),
        "responses": {
            str(operation.status): {
                "description": "the answer",
                "headers": _tag(operation),
                "content": {operation.media: {"schema": _schema(operation)}},
            },
            **_unchanged(operation),
            "default": {
                "description": "an RFC 9457 problem document",
                "content": {_PROBLEM_TYPE: {"schema": {"$ref": _REFERENCE.format(name="Problem")}}},
            },
        },
    }
    if operation.body is not None:
        example = {"example": operation.body.example} if operation.body.example else {}
        schemas = dict(operation.body.types)
        if operation.body.told is not None:
            schemas["application/json"] = {"$ref": _name(operation.body.told)}
        content = {media: {"schema": schema, **example} for media, schema in schemas.items()}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _more(paragraphs: list[str]) -> dict[str, str]:
    """Return what a docstring says besides, but for its sections, which are for programmers."""
    told = [one.replace("\n", " ") for one in paragraphs if not _SECTION.match(one)]
    return {"description": "\n\n".join(told)} if told else {}


def _parameter(one: Parameter, place: str) -> dict[str, Any]:
    return {
        "name": one.name,
        "in": place,
        "required": place == "path" or one.is_needed,
        "description": one.words,
        "schema": one.schema,
    }


def _schema(operation: Operation) -> Mapping[str, Any]:
    if operation.answer is not None:
        return {"$ref": _name(operation.answer)}
    if operation.media == "application/json":
        return {"type": "object"}
    if operation.media.startswith("text/"):
        return {"type": "string"}
    return {"type": "string", "format": "binary"}


def _name(kind: Any) -> str:
    return _REFERENCE.format(name=kind.__name__)


def _for_programs(schema: Any) -> Any:
    r"""Write patterns as JSON Schema has them: `$` is the end there, and `\Z` is none."""
    if isinstance(schema, Mapping):
        return {
            name: one.removesuffix(r"\Z") + "$" if _is_ended(name, one) else _for_programs(one)
            for name, one in schema.items()
        }
    return [_for_programs(one) for one in schema] if isinstance(schema, list) else schema


def _is_ended(name: str, value: object) -> bool:
    return name == "pattern" and isinstance(value, str) and value.endswith(r"\Z")


def _is_tagged(operation: Operation) -> bool:
    if operation.is_signed:
        return False
    return operation.method == hdrs.METH_GET and operation.media != "application/octet-stream"


def _tag(operation: Operation) -> dict[str, Any]:
    if not _is_tagged(operation):
        return {}
    return {"ETag": {"description": "for If-None-Match", "schema": {"type": "string"}}}


def _unchanged(operation: Operation) -> dict[str, Any]:
    if not _is_tagged(operation):
        return {}
    return {"304": {"description": "the answer is still the one of If-None-Match"}}
