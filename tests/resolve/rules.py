"""Short ways to write routing rules and the requests that meet them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from kfwd.kube.objects import Service
from kfwd.kube.route_objects import Gateway, HTTPRoute, Ingress, ReferenceGrant
from kfwd.resolve.decision import Broken, Decision, Forward, NoRule, Redirect, Request
from kfwd.wire import httppath
from tests.resolve.builders import stamp

NGINX = "nginx.ingress.kubernetes.io/"

SERVICES: dict[str, Service] = {
    f"{namespace}/{name}": msgspec.convert(
        {"metadata": {"name": name, "namespace": namespace}, "spec": {"ports": [port]}}, Service
    )
    for namespace in ("shop", "infra")
    for name in ("a", "b", "c", "d", "rest", "service1", "service2")
    for port in [
        {"name": "http", "port": 80 if len(name) < 8 else {"1": 4200, "2": 8080}[name[-1]]}
    ]
} | {
    "shop/out": msgspec.convert(
        {
            "metadata": {"name": "out", "namespace": "shop"},
            "spec": {"type": "ExternalName", "externalName": "db.example.com"},
        },
        Service,
    )
}


def request(
    host: str,
    target: str = "/",
    method: str = "GET",
    headers: dict[str, str] | None = None,
    port: str = ":8888",
) -> Request:
    path, _, query = target.partition("?")
    return Request(
        host=host,
        path=httppath.parse(quote(path, safe="%/!$&'()*+,:;=@").encode()),
        authority=f"{host}{port}",
        method=method,
        headers=headers or {},
        query=query,
    )


def to(service: str) -> dict[str, Any]:
    """The backend of an Ingress: `NAME`, with port 80, or `NAME:PORT`."""
    name, _, port = service.partition(":")
    named = port and not port.isdigit()
    return {
        "service": {"name": name, "port": {"name": port} if named else {"number": int(port or 80)}}
    }


def ingress(
    name: str,
    *rules: tuple[str, str, str, str],
    made: int = 0,
    default: str | None = None,
    tls: list[dict[str, Any]] | None = None,
    namespace: str = "shop",
    class_name: str | None = "nginx",
    annotated: dict[str, str] | None = None,
    **annotations: str,
) -> Ingress:
    """Rules are (host, path type, path, service); annotations are nginx's, with underscores."""
    listed = [
        {
            "host": host or None,
            "http": {"paths": [{"path": path, "pathType": kind or None, "backend": to(service)}]},
        }
        for host, kind, path, service in rules
    ]
    spec: dict[str, Any] = {"rules": listed, "tls": tls, "ingressClassName": class_name}
    if default:
        spec["defaultBackend"] = to(default)
    metadata = {
        "name": name,
        "namespace": namespace,
        "creationTimestamp": stamp(made),
        "annotations": {
            NGINX + k.replace("_", "-"): v for k, v in (annotations | (annotated or {})).items()
        },
    }
    return msgspec.convert({"metadata": metadata, "spec": spec}, Ingress)


def gateway(
    name: str = "public",
    *listeners: dict[str, Any],
    namespace: str = "infra",
    address: str | None = None,
) -> Gateway:
    """Listeners are plain HTTP and open to all namespaces unless they say otherwise."""
    listed = [
        {"name": "http", "port": 80, "protocol": "HTTP"}
        | {"allowedRoutes": {"namespaces": {"from": "All"}}}
        | listener
        for listener in listeners or ({},)
    ]
    return msgspec.convert(
        {
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"gatewayClassName": "envoy", "listeners": listed},
            "status": {"addresses": [{"value": address}] if address else None},
        },
        Gateway,
    )


def backend(name: str, port: int | None = 80, **more: Any) -> dict[str, Any]:
    """The backendRef of an HTTPRoute."""
    return {"name": name, "port": port} | more


def route_rule(
    *backends: str | dict[str, Any],
    matches: list[dict[str, Any]] | None = None,
    filters: list[dict[str, Any]] | None = None,
    path: str | None = None,
) -> dict[str, Any]:
    """A rule; `path` is short for one PathPrefix match."""
    if path is not None:
        matches = [{"path": {"type": "PathPrefix", "value": path}}]
    refs = [backend(b) if isinstance(b, str) else b for b in backends]
    return {"matches": matches, "filters": filters, "backendRefs": refs}


def http_route(
    name: str,
    *rules: dict[str, Any],
    hosts: list[str] | None = None,
    parents: list[dict[str, Any]] | None = None,
    made: int = 0,
    namespace: str = "shop",
) -> HTTPRoute:
    if parents is None:
        parents = [{"name": "public", "namespace": "infra"}]
    metadata = {"name": name, "namespace": namespace, "creationTimestamp": stamp(made)}
    spec = {"parentRefs": parents, "hostnames": hosts, "rules": list(rules)}
    return msgspec.convert({"metadata": metadata, "spec": spec}, HTTPRoute)


def grant(
    to_namespace: str = "infra",
    from_namespace: str = "shop",
    kind: str = "HTTPRoute",
    to_kind: str = "Service",
    name: str | None = None,
) -> ReferenceGrant:
    spec = {
        "from": [{"group": "gateway.networking.k8s.io", "kind": kind, "namespace": from_namespace}],
        "to": [{"group": "", "kind": to_kind, "name": name}],
    }
    return msgspec.convert(
        {"metadata": {"name": "g", "namespace": to_namespace}, "spec": spec}, ReferenceGrant
    )


def brief(decision: Decision) -> str:
    """`a:80 /path?query`, `302 URL`, `none` or `broken CODE`."""
    match decision:
        case Forward():
            where = f"{decision.service}:{decision.port} {decision.path}"
            return f"{where}?{decision.query}" if decision.query else where
        case Redirect():
            return f"{decision.status} {decision.location}"
        case Broken():
            return f"broken {decision.code}"
        case NoRule():
            return "none"
