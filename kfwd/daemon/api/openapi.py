"""The OpenAPI 3.1 document, made of the routes' own declarations. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from kfwd import __version__
from kfwd.api_model import ErrorBody
from kfwd.daemon.api.route import JSON, JSON_LINES, Nothing, Route

_PARAMETER = re.compile(r"\{(\w+)\}")


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The whole document."""
    routes = list(routes)
    shapes = list(_shapes(routes))
    schemas, components = msgspec.json.schema_components(
        shapes, ref_template="#/components/schemas/{name}"
    )
    schema = dict(zip((id(shape) for shape in shapes), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schema)
    return {
        "openapi": "3.1.0",
        "info": {"title": "kfwd control API", "version": __version__},
        "servers": [{"url": "http://kfwd", "description": "over the unix socket kfwd.sock"}],
        "paths": paths,
        "components": {"schemas": components},
    }


def _shapes(routes: list[Route]) -> Iterable[Any]:
    found: list[Any] = [ErrorBody]
    for route in routes:
        found += [
            shape for shape in (route.answer, route.body) if shape not in (str, dict, Nothing)
        ]
    return {id(shape): shape for shape in found}.values()


def _operation(route: Route, schema: dict[int, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": route.handler.__name__,
        "responses": {
            "200": {"description": _described(route), "content": _content(route, schema)},
            "default": {
                "description": "what went wrong",
                "content": {JSON: {"schema": schema[id(ErrorBody)]}},
            },
        },
    }
    if parameters := [*_path_parameters(route), *_query_parameters(route)]:
        operation["parameters"] = parameters
    if route.body is not Nothing:
        content = {JSON: {"schema": schema[id(route.body)]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _described(route: Route) -> str:
    return "JSON lines, one such record each" if route.lines else "done"


def _content(route: Route, schema: dict[int, Any]) -> dict[str, Any]:
    media = JSON_LINES if route.lines else route.media
    return {media: {"schema": {"type": "string"} if route.answer is str else _of(route, schema)}}


def _of(route: Route, schema: dict[int, Any]) -> Any:
    return {"type": "object"} if route.answer is dict else schema[id(route.answer)]


def _path_parameters(route: Route) -> Iterable[dict[str, Any]]:
    for name in _PARAMETER.findall(route.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(route: Route) -> Iterable[dict[str, Any]]:
    shape = msgspec.json.schema(route.query)["$defs"][route.query.__name__]
    required = shape.get("required", ())
    for name, schema in shape["properties"].items():
        yield {"name": name, "in": "query", "required": name in required, "schema": schema}
