"""The OpenAPI documents, as far as kubectl asks for them. Pure.

v3 says that PATCH takes `fieldValidation`, so that kubectl leaves validation to the server
(`cli-runtime/pkg/resource/query_param_verifier_v3.go`). v2, which it asks for where the input is a
List, has no definitions, so that there is nothing to check.
"""

from __future__ import annotations

from typing import Any

from kfwd.sim.resources import RESOURCES, Resource

Obj = dict[str, Any]

JSON = "application/json"
V2_ASKED = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
V2_GIVEN = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


def _root(resource: Resource) -> str:
    return f"apis/{resource.group}/{resource.version}" if resource.group else "api/v1"


def index() -> Obj:
    """`/openapi/v3`: where the document of each group lies."""
    roots = sorted({_root(resource) for resource in RESOURCES})
    return {"paths": {r: {"serverRelativeURL": f"/openapi/v3/{r}?hash=1"} for r in roots}}


def group(root: str) -> Obj | None:
    """`/openapi/v3/ROOT`."""
    resources = [r for r in RESOURCES if _root(r) == root and r.stored]
    if not resources:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1"},
        "paths": {f"/{root}/{_item(r)}": {"patch": _patch_operation(r)} for r in resources},
        "components": {"schemas": {}},
    }


def _item(resource: Resource) -> str:
    scope = "namespaces/{namespace}/" if resource.namespaced else ""
    return f"{scope}{resource.name}/{{name}}"


def _patch_operation(resource: Resource) -> Obj:
    string = {"type": "string", "uniqueItems": True}
    names = ("dryRun", "fieldManager", "fieldValidation")
    return {
        "operationId": f"patch{resource.kind}",
        "parameters": [{"name": name, "in": "query", "schema": string} for name in names],
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": {
            "group": resource.group,
            "version": resource.version,
            "kind": resource.kind,
        },
    }


def v2(accept: str) -> tuple[Obj | bytes, str]:
    """`/openapi/v2` as JSON or protobuf."""
    title, version = b"Kubernetes", b"v1"
    if V2_ASKED not in accept:
        info = {"title": title.decode(), "version": version.decode()}
        return {"swagger": "2.0", "info": info, "paths": {}, "definitions": {}}, JSON
    info_message = _field(1, title) + _field(2, version)
    return _field(1, b"2.0") + _field(2, info_message), V2_GIVEN


def _field(number: int, value: bytes) -> bytes:
    """A short length-delimited protobuf field."""
    return bytes([number << 3 | 2, len(value)]) + value


def answer(path: list[str], accept: str) -> tuple[Obj | bytes, str] | None:
    """The document below `/openapi`, with its content type."""
    if path == ["v2"]:
        return v2(accept)
    if path[:1] != ["v3"]:
        return None
    found = index() if path == ["v3"] else group("/".join(path[1:]))
    return None if found is None else (found, JSON)
