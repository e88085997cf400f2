"""The candidates of a service: by its EndpointSlices, or by its selector where those are hidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from kfwd.kube.objects import (
    EndpointSlice,
    ObjectReference,
    Pod,
    Service,
    ServicePort,
    SliceEndpoint,
)
from kfwd.resolve import ports, selectors
from kfwd.resolve.facts import Endpoint, Facts, Unresolved, endpoint_of
from kfwd.resolve.ranking import rank


def candidates(service: Service, remote: str, facts: Facts, namespace: str) -> list[Endpoint]:
    """Every pod behind the service's port that is not known to be gone, best first.

    Raises `Unresolved` where there can be none: an unknown port, no selector, ExternalName.
    """
    if service.spec.type == "ExternalName":
        raise Unresolved(
            "external-name",
            f"svc/{service.name} is an alias of {service.spec.external_name}: it has no pods",
            heals=False,
        )
    port = ports.of_service(service, remote)
    if facts.slices is None:
        return _by_selector(service, port, facts, namespace)
    slices = [s for s in facts.slices.values() if s.service == service.name]
    found = _by_slices(service, port, slices, facts.pods)
    if not found:
        _explain_slices(service, port, slices)
    return found


def selected(service: Service, pods: Mapping[str, Pod]) -> list[Pod]:
    """The pods that a service's selector picks, best first. None without a selector."""
    if not service.spec.selector:
        return []
    selector = selectors.from_labels(service.spec.selector)
    return sorted((p for p in pods.values() if selector.accepts(p.labels)), key=rank)


def _by_slices(
    service: Service,
    port: ServicePort,
    slices: list[EndpointSlice],
    pods: Mapping[str, Pod] | None,
) -> list[Endpoint]:
    """Join all slices. A pod may be in two of them for a while (and with two address families)."""
    found: dict[str, Endpoint] = {}
    for piece in slices:
        if (number := ports.in_slice(piece, service, port)) is None:
            continue
        for endpoint in _members(piece, number):
            current = endpoint if pods is None else _as_pod_is(endpoint, pods.get(endpoint.pod))
            if current is not None and _better(current, found.get(current.uid)):
                found[current.uid] = current
    if pods is None:
        return sorted(found.values(), key=lambda endpoint: endpoint.pod)
    return sorted(found.values(), key=lambda endpoint: rank(pods[endpoint.pod]))


def _members(piece: EndpointSlice, port: int) -> Iterator[Endpoint]:
    for member in piece.endpoints or ():
        if (pod := _pod_of(member)) is not None:
            conditions = member.conditions
            ready = conditions.ready is not False
            yield Endpoint(
                namespace=piece.metadata.namespace,
                pod=pod.name,
                uid=pod.uid,
                port=port,
                ready=ready,
                serving=ready if conditions.serving is None else conditions.serving,
                terminating=bool(conditions.terminating),
                node=member.node_name,
                address=next(iter(member.addresses or ()), None),
            )


def _pod_of(member: SliceEndpoint) -> ObjectReference | None:
    reference = member.target_ref
    return reference if reference is not None and reference.kind == "Pod" else None


def _as_pod_is(endpoint: Endpoint, pod: Pod | None) -> Endpoint | None:
    """What the pod itself says wins over its slice, which follows it with some delay.

    None for a pod that is gone, was replaced under its name, or has ended.
    """
    if pod is None or pod.metadata.uid != endpoint.uid:
        return None
    if pod.status.phase in {"Failed", "Succeeded"}:
        return None
    if not pod.deleted:
        return endpoint
    serving = endpoint.serving and pod.ready
    return replace(endpoint, ready=False, serving=serving, terminating=True)


def _better(one: Endpoint, other: Endpoint | None) -> bool:
    return other is None or (one.ready, one.serving) > (other.ready, other.serving)


def _explain_slices(service: Service, port: ServicePort, slices: list[EndpointSlice]) -> None:
    members = [member for piece in slices for member in piece.endpoints or ()]
    if members and not any(_pod_of(member) for member in members):
        raise _no_pods(service, "its endpoints are addresses, not pods")
    if not service.spec.selector and not members:
        raise _no_pods(service, "it has neither a selector nor endpoints")
    if members and all(ports.in_slice(piece, service, port) is None for piece in slices):
        raise Unresolved(
            "no-such-port",
            f"no pod behind svc/{service.name} has the port {port.target_port!r} "
            f"that its port {port.port} leads to",
        )


def _no_pods(service: Service, why: str) -> Unresolved:
    return Unresolved(
        "no-selector",
        f"svc/{service.name} stands for no pods: {why}",
        hint="forward a pod, or a service with a selector",
        heals=False,
    )


def _by_selector(
    service: Service, port: ServicePort, facts: Facts, namespace: str
) -> list[Endpoint]:
    if not service.spec.selector:
        raise _no_pods(service, "it has no selector")
    if facts.pods is None:
        raise Unresolved(
            "not-readable",
            f"neither the endpointslices nor the pods of namespace {namespace} can be read",
        )
    found: list[Endpoint] = []
    missing: Unresolved | None = None
    for pod in selected(service, facts.pods):
        try:
            number = ports.target_of(service, port, pod)
        except Unresolved as error:
            missing = error
        else:
            found.append(endpoint_of(pod, number, service.spec.publish_not_ready_addresses))
    if missing is not None and not found:
        raise missing
    return found
