"""What can be forwarded in a namespace, as people browse it: kind, ports, readiness, a remark."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from kfwd.api_model import ObjectPort, ObjectView
from kfwd.kube.objects import ContainerPort, EndpointSlice, Pod, Service, ServicePort, Workload
from kfwd.kube.route_objects import Ingress, IngressBackend
from kfwd.resolve import words

PREFIXES = {
    "deployment": "deploy",
    "statefulset": "sts",
    "daemonset": "ds",
    "replicaset": "rs",
    "job": "job",
}
MAX_RULES = 3
"""Rules of an ingress that one remark names."""


class Readiness(Struct, frozen=True):
    """How many pods stand behind a service, and how many of them are ready."""

    ready: int = 0
    total: int = 0


def readiness(slices: Iterable[EndpointSlice]) -> dict[str, Readiness]:
    """By `NAMESPACE/SERVICE`. A pod with two address families is one."""
    members: dict[str, dict[str, bool]] = {}
    for piece in slices:
        known = members.setdefault(f"{piece.metadata.namespace}/{piece.service}", {})
        for endpoint in piece.endpoints or ():
            reference = endpoint.target_ref
            key = reference.uid if reference else ",".join(endpoint.addresses or ())
            known[key] = known.get(key, False) or endpoint.conditions.ready is not False
    return {
        service: Readiness(sum(found.values()), len(found)) for service, found in members.items()
    }


def of_service(service: Service, behind: Readiness | None) -> ObjectView:
    """A service; `behind` is None where EndpointSlices cannot be read."""
    alias = service.spec.type == "ExternalName"
    return ObjectView(
        kind="service",
        namespace=service.metadata.namespace,
        name=service.name,
        target=None if alias else f"svc/{service.name}",
        ports=tuple(_service_port(port) for port in service.ports),
        ready=None if alias or behind is None else behind.ready,
        total=None if alias or behind is None else behind.total,
        note=_kind_of(service),
    )


def of_pod(pod: Pod) -> ObjectView:
    fine = pod.ready and not pod.deleted
    return ObjectView(
        kind="pod",
        namespace=pod.metadata.namespace,
        name=pod.name,
        target=f"pod/{pod.name}",
        ports=_container_ports(pod.ports()),
        ready=int(fine),
        total=1,
        note="" if fine else words.ailment(pod),
    )


def of_workload(kind: str, workload: Workload) -> ObjectView:
    """A workload of the singular `kind`."""
    return ObjectView(
        kind=kind,
        namespace=workload.metadata.namespace,
        name=workload.name,
        target=f"{PREFIXES[kind]}/{workload.name}",
        ports=_container_ports(workload.spec.template.spec.declared_ports()),
        ready=workload.ready_pods,
        total=workload.wanted_pods,
    )


def of_ingress(ingress: Ingress) -> ObjectView:
    """An ingress and where its rules lead; a gateway entry serves them."""
    backends = [
        (f"{rule.host or '*'}{path.path or '/'}", path.backend)
        for rule in ingress.spec.rules or ()
        for path in rule.paths
    ]
    if ingress.spec.default_backend is not None:
        backends.append(("*", ingress.spec.default_backend))
    rules = [f"{place} → {_backend(backend)}" for place, backend in backends]
    services = [backend.service for _, backend in backends if backend.service is not None]
    more = f" and {len(rules) - MAX_RULES} more" if len(rules) > MAX_RULES else ""
    return ObjectView(
        kind="ingress",
        namespace=ingress.metadata.namespace,
        name=ingress.name,
        target=None,
        note=", ".join(rules[:MAX_RULES]) + more,
        leads_to=tuple(dict.fromkeys(f"svc/{each.name}:{each.port}" for each in services)),
    )


def _backend(backend: IngressBackend) -> str:
    if backend.service is not None:
        return f"{backend.service.name}:{backend.service.port}"
    return f"{backend.resource.kind} {backend.resource.name}" if backend.resource else "nothing"


def _service_port(port: ServicePort) -> ObjectPort:
    target = "" if port.target_port in (None, port.port) else str(port.target_port)
    return ObjectPort(number=port.port, name=port.name, protocol=port.protocol, target=target)


def _container_ports(ports: Iterable[ContainerPort]) -> tuple[ObjectPort, ...]:
    return tuple(
        ObjectPort(number=port.container_port, name=port.name, protocol=port.protocol)
        for port in ports
    )


def _kind_of(service: Service) -> str:
    if service.spec.type == "ExternalName":
        return f"an alias of {service.spec.external_name}"
    if service.headless:
        return "headless"
    return "" if service.spec.type == "ClusterIP" else service.spec.type
