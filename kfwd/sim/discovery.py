"""What the server says about itself: its version and, in both discovery forms, its groups. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kfwd.sim import openapi
from kfwd.sim.resources import RESOURCES, Resource, groups

Obj = dict[str, Any]

VERSION: Obj = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.2",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "go1.26.0",
    "compiler": "gc",
    "platform": "linux/amd64",
}
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

_SUBRESOURCE_VERBS = {
    "status": ["get", "patch", "update"],
    "scale": ["get", "patch", "update"],
    "log": ["get"],
    "portforward": ["create", "get"],
    "proxy": ["create", "delete", "get", "patch", "update"],
}
_SUBRESOURCE_KINDS = {
    "scale": ("autoscaling", "v1", "Scale"),
    "binding": ("", "v1", "Binding"),
    "eviction": ("policy", "v1", "Eviction"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
    "portforward": ("", "v1", "PodPortForwardOptions"),
}


def _wants_aggregated(accept: str) -> bool:
    return "as=APIGroupDiscoveryList" in accept and "v=v2" in accept.replace("v=v2beta1", "")


def _subresource_kind(resource: Resource, subresource: str) -> tuple[str, str, str]:
    own = (resource.group, resource.version, resource.kind)
    return _SUBRESOURCE_KINDS.get(subresource, own)


def _gvk(group: str, version: str, kind: str) -> Obj:
    return {"group": group, "version": version, "kind": kind}


def _aggregated_resource(resource: Resource) -> Obj:
    found: Obj = {
        "resource": resource.name,
        "responseKind": _gvk(resource.group, resource.version, resource.kind),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short:
        found["shortNames"] = list(resource.short)
    if resource.categories:
        found["categories"] = list(resource.categories)
    if resource.subresources:
        found["subresources"] = [
            {
                "subresource": name,
                "responseKind": _gvk(*_subresource_kind(resource, name)),
                "verbs": _SUBRESOURCE_VERBS.get(name, ["create"]),
            }
            for name in resource.subresources
        ]
    return found


def aggregated(*, core: bool) -> Obj:
    """`/api` (core) or `/apis` as an APIGroupDiscoveryList."""
    items = [
        {
            "metadata": {"name": group} if group else {},
            "versions": [
                {
                    "version": version,
                    "resources": [_aggregated_resource(r) for r in resources],
                    "freshness": "Current",
                }
                for version, resources in versions.items()
            ],
        }
        for group, versions in groups().items()
        if (group == "") is core
    ]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _api_versions(server: str) -> Obj:
    """`/api` for clients that know no aggregated discovery."""
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": server}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def _group_object(group: str, versions: Iterable[str]) -> Obj:
    served = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": served, "preferredVersion": served[0]}


def _api_groups() -> Obj:
    """`/apis` likewise."""
    named = [_group_object(group, versions) for group, versions in groups().items() if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": named}


def _api_group(group: str) -> Obj | None:
    """`/apis/GROUP`."""
    versions = groups().get(group)
    if not versions or not group:
        return None
    found = _group_object(group, versions)
    return {"kind": "APIGroup", "apiVersion": "v1", **found}


def _listed(resource: Resource) -> list[Obj]:
    own: Obj = {
        "name": resource.name,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short:
        own["shortNames"] = list(resource.short)
    if resource.categories:
        own["categories"] = list(resource.categories)
    return [own, *(_listed_subresource(resource, name) for name in resource.subresources)]


def _listed_subresource(resource: Resource, name: str) -> Obj:
    group, version, kind = _subresource_kind(resource, name)
    found = {
        "name": f"{resource.name}/{name}",
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": kind,
        "verbs": _SUBRESOURCE_VERBS.get(name, ["create"]),
    }
    if group != resource.group:
        found |= {"group": group, "version": version}
    return found


def _resource_list(group: str, version: str) -> Obj | None:
    """`/api/v1` or `/apis/GROUP/VERSION`."""
    resources = [r for r in RESOURCES if (r.group, r.version) == (group, version)]
    if not resources:
        return None
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": resources[0].api_version,
        "resources": [entry for resource in resources for entry in _listed(resource)],
    }


def document(path: str, accept: str, server: str) -> tuple[Obj | bytes, str] | None:
    """The answer to a GET of a discovery path, with its content type. None for other paths."""
    parts = path.strip("/").split("/")
    plain = "application/json"
    match parts:
        case ["version"]:
            found: Obj | None = VERSION
        case ["api"] | ["apis"] if _wants_aggregated(accept):
            return aggregated(core=parts == ["api"]), AGGREGATED
        case ["api"]:
            found = _api_versions(server)
        case ["apis"]:
            found = _api_groups()
        case ["api", version]:
            found = _resource_list("", version)
        case ["apis", group]:
            found = _api_group(group)
        case ["apis", group, version]:
            found = _resource_list(group, version)
        case ["openapi", *rest]:
            return openapi.answer(rest, accept)
        case _:
            found = None
    return None if found is None else (found, plain)
