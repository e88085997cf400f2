"""The kinds this cluster serves, and what a path or a manifest calls them."""

from __future__ import annotations

from msgspec import Struct

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


class Resource(Struct, frozen=True, kw_only=True):
    """One resource of the API. `name` is the plural in paths; `group` is empty for core."""

    name: str
    kind: str
    group: str = ""
    version: str = "v1"
    singular: str = ""
    short: tuple[str, ...] = ()
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = VERBS

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """`deployments.apps`: how the API server's texts name a resource."""
        return f"{self.name}.{self.group}" if self.group else self.name

    @property
    def stored(self) -> bool:
        """Whether objects of it lie in the store (a review is only answered)."""
        return "get" in self.verbs


def _core(name: str, kind: str, *short: str, **more: object) -> Resource:
    return Resource(name=name, kind=kind, singular=kind.lower(), short=short, **more)  # type: ignore[arg-type]  # the fields of Resource, by name


def _group(group: str, name: str, kind: str, *short: str, **more: object) -> Resource:
    return Resource(group=group, name=name, kind=kind, singular=kind.lower(), short=short, **more)  # type: ignore[arg-type]  # the fields of Resource, by name


_ALL = ("all",)
_SCALED = ("scale", "status")
_RBAC = "rbac.authorization.k8s.io"
_GATEWAY = "gateway.networking.k8s.io"
_GATEWAY_API: dict[str, tuple[str, ...]] = {
    "subresources": ("status",),
    "categories": ("gateway-api",),
}
_ANSWERED = ("create",)

RESOURCES: tuple[Resource, ...] = (
    _core("namespaces", "Namespace", "ns", namespaced=False, subresources=("status",)),
    _core("nodes", "Node", "no", namespaced=False, subresources=("proxy", "status")),
    _core(
        "pods",
        "Pod",
        "po",
        categories=_ALL,
        subresources=("binding", "eviction", "log", "portforward", "proxy", "status"),
    ),
    _core("services", "Service", "svc", categories=_ALL, subresources=("proxy", "status")),
    _core("endpoints", "Endpoints", "ep"),
    _core("configmaps", "ConfigMap", "cm"),
    _core("secrets", "Secret"),
    _core("serviceaccounts", "ServiceAccount", "sa", subresources=("token",)),
    _core("events", "Event", "ev"),
    _group("apps", "deployments", "Deployment", "deploy", categories=_ALL, subresources=_SCALED),
    _group("apps", "replicasets", "ReplicaSet", "rs", categories=_ALL, subresources=_SCALED),
    _group("apps", "statefulsets", "StatefulSet", "sts", categories=_ALL, subresources=_SCALED),
    _group("apps", "daemonsets", "DaemonSet", "ds", categories=_ALL, subresources=("status",)),
    _group("apps", "controllerrevisions", "ControllerRevision", verbs=("get", "list", "watch")),
    _group("batch", "jobs", "Job", categories=_ALL, subresources=("status",)),
    _group("discovery.k8s.io", "endpointslices", "EndpointSlice"),
    _group("networking.k8s.io", "ingresses", "Ingress", "ing", subresources=("status",)),
    _group("networking.k8s.io", "ingressclasses", "IngressClass", namespaced=False),
    _group(
        _GATEWAY,
        "gatewayclasses",
        "GatewayClass",
        "gc",
        namespaced=False,
        subresources=("status",),
        categories=("gateway-api",),
    ),
    _group(_GATEWAY, "gateways", "Gateway", "gtw", **_GATEWAY_API),
    _group(_GATEWAY, "httproutes", "HTTPRoute", **_GATEWAY_API),
    _group(
        _GATEWAY,
        "referencegrants",
        "ReferenceGrant",
        "refgrant",
        version="v1beta1",
        categories=("gateway-api",),
    ),
    _group(_RBAC, "roles", "Role"),
    _group(_RBAC, "rolebindings", "RoleBinding"),
    _group(_RBAC, "clusterroles", "ClusterRole", namespaced=False),
    _group(_RBAC, "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    _group(
        "authorization.k8s.io",
        "selfsubjectaccessreviews",
        "SelfSubjectAccessReview",
        namespaced=False,
        verbs=_ANSWERED,
    ),
    _group(
        "authorization.k8s.io",
        "selfsubjectrulesreviews",
        "SelfSubjectRulesReview",
        namespaced=False,
        verbs=_ANSWERED,
    ),
    _group(
        "authentication.k8s.io",
        "selfsubjectreviews",
        "SelfSubjectReview",
        namespaced=False,
        verbs=_ANSWERED,
    ),
)

BY_NAME = {resource.name: resource for resource in RESOURCES}
BY_PATH = {(r.group, r.version, r.name): r for r in RESOURCES}
BY_KIND = {(r.api_version, r.kind): r for r in RESOURCES}

PODS = BY_NAME["pods"]
NODES = BY_NAME["nodes"]
NAMESPACES = BY_NAME["namespaces"]


def groups() -> dict[str, dict[str, list[Resource]]]:
    """Resources by API group and version, core and preferred versions first."""
    found: dict[str, dict[str, list[Resource]]] = {}
    for resource in RESOURCES:
        versions = found.setdefault(resource.group, {})
        versions.setdefault(resource.version, []).append(resource)
    return found
