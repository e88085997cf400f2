"""Short ways to write Kubernetes objects: the JSON the API would send, decoded as kfwd does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kfwd.kube.objects import EndpointSlice, Node, Pod, Resource, Service, Workload
from kfwd.resolve.facts import Facts


def stamp(minute: int) -> str:
    return f"2026-01-01T12:{minute:02}:00Z"


def pod(
    name: str,
    *,
    app: str = "web",
    uid: str | None = None,
    phase: str = "Running",
    ready: bool | None = None,
    deleted: int | None = None,
    node: str | None = "node-1",
    ready_at: int = 5,
    created: int = 0,
    restarts: int = 0,
    waiting: str | None = None,
    ports: list[dict[str, Any]] | None = None,
    host_network: bool = False,
    **status: Any,
) -> Pod:
    ready = phase == "Running" if ready is None else ready
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": stamp(ready_at)}
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    container = {"name": "app", "restartCount": restarts, "state": state}
    ports = [{"name": "http", "containerPort": 8080}] if ports is None else ports
    return msgspec.convert(
        {
            "metadata": {
                "name": name,
                "namespace": "shop",
                "uid": uid or f"uid-{name}",
                "labels": {"app": app},
                "creationTimestamp": stamp(created),
                "deletionTimestamp": None if deleted is None else stamp(deleted),
            },
            "spec": {
                "nodeName": node,
                "hostNetwork": host_network,
                "containers": [{"name": "app", "ports": ports}],
            },
            "status": {
                "phase": phase,
                "podIP": "10.0.0.1",
                "conditions": [condition],
                "containerStatuses": [container],
            }
            | status,
        },
        Pod,
    )


def service(
    name: str = "web",
    *ports: dict[str, Any],
    selector: Mapping[str, str] | None = None,
    balancers: Sequence[Mapping[str, str]] = (),
    **spec: Any,
) -> Service:
    """`balancers`: the entries of `status.loadBalancer.ingress`."""
    wanted = ports or ({"name": "http", "port": 80, "targetPort": "http"},)
    spec = {"selector": {"app": name} if selector is None else selector, "ports": wanted} | spec
    status = {"loadBalancer": {"ingress": balancers}}
    body = {"metadata": {"name": name, "namespace": "shop"}, "spec": spec, "status": status}
    return msgspec.convert(body, Service)


def node(name: str, *ips: str, ready: bool = True, **addresses: str) -> Node:
    """A node with internal IPs, and other addresses by their type."""
    listed = [{"type": "InternalIP", "address": ip} for ip in ips]
    listed += [{"type": kind, "address": address} for kind, address in addresses.items()]
    conditions = [{"type": "Ready", "status": str(ready)}]
    status = {"addresses": listed, "conditions": conditions}
    return msgspec.convert({"metadata": {"name": name}, "status": status}, Node)


def member(name: str, uid: str | None = None, **conditions: bool | None) -> dict[str, Any]:
    return {
        "addresses": ["10.0.0.1"],
        "conditions": conditions,
        "targetRef": {"kind": "Pod", "name": name, "uid": uid or f"uid-{name}"},
        "nodeName": "node-1",
    }


def piece(
    *endpoints: dict[str, Any],
    ports: list[dict[str, Any]] | None = None,
    name: str = "web-1",
    of: str = "web",
) -> EndpointSlice:
    meta = {"name": name, "namespace": "shop", "labels": {"kubernetes.io/service-name": of}}
    ports = [{"name": "http", "port": 8080, "protocol": "TCP"}] if ports is None else ports
    body = {"metadata": meta, "endpoints": endpoints or None, "ports": ports}
    return msgspec.convert(body, EndpointSlice)


def workload(name: str = "web", **spec: Any) -> Workload:
    spec = {"selector": {"matchLabels": {"app": name}}, "replicas": 1} | spec
    return msgspec.convert(
        {"metadata": {"name": name, "namespace": "shop"}, "spec": spec}, Workload
    )


def named(*objects: Any) -> dict[str, Any]:
    return {item.metadata.name: item for item in objects}


def facts(*objects: Resource, kind: str = "deployments", **hidden: None) -> Facts:
    """Facts of the objects given; `slices=None` and the like hide a kind."""

    def those(shape: type[Resource]) -> dict[str, Any]:
        return named(*(item for item in objects if isinstance(item, shape)))

    known = {
        "pods": those(Pod),
        "services": those(Service),
        "slices": those(EndpointSlice),
        "nodes": those(Node),
        "workloads": {kind: those(Workload)},
    }
    return Facts(**(known | hidden))  # type: ignore[arg-type]  # one dict for fields of all types
