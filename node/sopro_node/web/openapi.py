"""The API's description, generated from the routes and their docstrings."""

import inspect
import re
from typing import Any

import msgspec
from aiohttp import web

from sopro_registry.aggregate import Statistics
from sopro_registry.codelists import Finding
from sopro_registry.queries import LabelAnswer

_PLACE = re.compile(r"{(\w+)(?::[^{}]*(?:{[^{}]*}[^{}]*)*)?}")
_QUERIES: dict[str, dict[str, dict[str, Any]]] = {
    "/api/v1/labels": {
        "site": {"type": "string"},
        "after": {"type": "string"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 500},
        "at": {"type": "string", "format": "date"},
    },
    "/api/v1/labels/{number}": {"at": {"type": "string", "format": "date"}},
    "/api/v1/findings": {
        "number": {"type": "string"},
        "at": {"type": "string", "format": "date"},
    },
    "/api/v1/organisations": {
        "site": {"type": "string"},
        "after": {"type": "string"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 500},
    },
    "/api/v1/statistics": {"at": {"type": "string", "format": "date"}},
}


_LABELS: dict[str, Any] = {
    "type": "object",
    "required": ["labels", "next"],
    "properties": {
        "labels": {"type": "array", "items": {"$ref": "#/components/schemas/LabelAnswer"}},
        "next": {"type": ["string", "null"], "description": "for `after`; null behind the last"},
    },
}
_ANSWERS: dict[str, dict[str, Any]] = {
    "/api/v1/findings": {
        "type": "object",
        "required": ["findings"],
        "properties": {
            "findings": {"type": "array", "items": {"$ref": "#/components/schemas/Finding"}},
        },
    },
    "/api/v1/labels": _LABELS,
    "/api/v1/labels/{number}": {"$ref": "#/components/schemas/LabelAnswer"},
    "/api/v1/statistics": {"$ref": "#/components/schemas/Statistics"},
}
_TYPES: dict[str, str] = {
    "/api/v1/certificates/{number}": "application/octet-stream",
    "/api/v1/witness-policy": "text/plain",
}
_BODIES: dict[str, str] = {"/api/v1/applications": "application/octet-stream"}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "for a person"},
        "instance": {"type": "string"},
        "code": {"type": "string", "description": "never changes its meaning"},
    },
}


def describe_api(app: web.Application) -> dict[str, Any]:
    """Return the OpenAPI document of everything under `/api/v1`."""
    paths: dict[str, dict[str, Any]] = {}
    for route in app.router.routes():
        resource = route.resource
        if resource is None or route.method in ("HEAD", "*"):
            continue
        path = _PLACE.sub(r"{\1}", resource.canonical)
        if path.startswith("/api/v1/"):
            paths.setdefault(path, {})[route.method.lower()] = _describe(path, route.handler)
    _, schemas = msgspec.json.schema_components(
        [Finding, LabelAnswer, Statistics], ref_template="#/components/schemas/{name}"
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "SoPro node", "version": "1"},
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted({**schemas, "Problem": _PROBLEM}.items()))},
    }


def _describe(path: str, handler: object) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PLACE.findall(path)
    ] + [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in _QUERIES.get(path, {}).items()
    ]
    kind = _TYPES.get(path, "application/json")
    schema = _ANSWERS.get(path, {"type": "object" if kind.endswith("json") else "string"})
    described: dict[str, Any] = {
        "summary": (inspect.getdoc(handler) or "").split("\n")[0],
        "parameters": parameters,
        "responses": {
            "200": {"description": "the answer", "content": {kind: {"schema": schema}}},
            "default": {
                "description": "an RFC 9457 problem document",
                "content": {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                },
            },
        },
    }
    if path in _BODIES:
        described["requestBody"] = {"required": True, "content": {_BODIES[path]: {}}}
    return described
