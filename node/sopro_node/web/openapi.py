"""The API's description, generated from the routes and their docstrings."""

import inspect
import re
from typing import Any

from aiohttp import web

_PLACE = re.compile(r"{(\w+)(?::[^{}]*(?:{[^{}]*}[^{}]*)*)?}")
_QUERIES: dict[str, dict[str, dict[str, Any]]] = {
    "/api/v1/labels": {
        "site": {"type": "string"},
        "after": {"type": "string"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 500},
        "at": {"type": "string", "format": "date"},
    },
    "/api/v1/labels/{number}": {"at": {"type": "string", "format": "date"}},
    "/api/v1/organisations": {
        "site": {"type": "string"},
        "after": {"type": "string"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 500},
    },
    "/api/v1/statistics": {"at": {"type": "string", "format": "date"}},
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
    return {
        "openapi": "3.1.0",
        "info": {"title": "SoPro node", "version": "1"},
        "paths": dict(sorted(paths.items())),
    }


def _describe(path: str, handler: object) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PLACE.findall(path)
    ] + [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in _QUERIES.get(path, {}).items()
    ]
    return {
        "summary": (inspect.getdoc(handler) or "").split("\n")[0],
        "parameters": parameters,
        "responses": {
            "200": {"description": "the answer"},
            "default": {
                "description": "an RFC 9457 problem document",
                "content": {"application/problem+json": {"schema": {"type": "object"}}},
            },
        },
    }
