"""Addresses outside the cluster network that lead to a target's port: the ways around the API
server. Pure.

They are the Service's load balancer and node ports, and the host ports and host networks of the
pods behind it. Whether one can be reached from here only a connection shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from kfwd.kube.objects import Node, Pod, Service, ServicePort
from kfwd.resolve import ports
from kfwd.resolve.facts import Endpoint, Facts, Resolution, Unresolved
from kfwd.resolve.target import Target
from kfwd.wire.authority import authority

DirectKind = Literal["load-balancer", "node-port", "host-port", "host-network"]

ADDRESSES_MAX = 16
"""Most addresses that are kept an eye on for one port."""

_IPS = ("InternalIP", "ExternalIP")
_BLIND = {"no-selector", "not-readable"}
"""Problems that say nothing about whether anything answers behind the service."""


class Address(Struct, frozen=True, kw_only=True):
    """A TCP address. `pod` is set where it is that pod's own; `node` where it is a node's."""

    kind: DirectKind
    host: str
    port: int
    node: str | None = None
    pod: str | None = None

    @property
    def uid(self) -> str:
        """What tells it from others."""
        return authority(self.host, self.port)

    @property
    def label(self) -> str:
        return self.uid


Destination = Endpoint | Address
"""Where a connection may go: a pod's port through the API server, or an address."""


def addresses(
    target: Target, remote: str, facts: Facts, resolution: Resolution
) -> tuple[Address, ...]:
    """The addresses of a target's port, of the most direct kind first, at most 16.

    `resolution` is what the target and port stand for inside of the cluster: where nothing is
    ready there, nothing answers outside.
    """
    endpoints = resolution.endpoints
    if not endpoints and (resolution.problem is None or resolution.problem.code not in _BLIND):
        return ()
    found: dict[str, Address] = {}
    for address in [*_of_target(target, remote, facts, endpoints), *of_pods(endpoints, facts)]:
        if ports.is_port(address.port):
            found.setdefault(address.uid, address)
    return tuple(found.values())[:ADDRESSES_MAX]


def _of_target(
    target: Target, remote: str, facts: Facts, endpoints: Sequence[Endpoint]
) -> Iterator[Address]:
    service = (facts.services or {}).get(target.name or "") if target.kind == "services" else None
    if service is None:
        return
    try:
        port = ports.of_service(service, remote)
    except Unresolved:
        return
    yield from load_balancers(service, port)
    yield from node_ports(service, port, facts, endpoints)


def load_balancers(service: Service, port: ServicePort) -> Iterator[Address]:
    """What the provider has given the service; nothing while it is pending."""
    for host in service.status.load_balancer.addresses:
        yield Address(kind="load-balancer", host=host, port=port.port)


def node_ports(
    service: Service, port: ServicePort, facts: Facts, endpoints: Sequence[Endpoint]
) -> Iterator[Address]:
    """The port on every node where it leads to a pod.

    With `externalTrafficPolicy: Local` those are the nodes that run one.
    """
    if not port.node_port:
        return
    local = service.spec.external_traffic_policy == "Local"
    serving = {endpoint.node for endpoint in endpoints}
    for node, host in node_hosts(facts):
        if not local or node in serving:
            yield Address(kind="node-port", host=host, port=port.node_port, node=node)


def of_pods(endpoints: Iterable[Endpoint], facts: Facts) -> Iterator[Address]:
    """The host ports of the endpoints' pods, and the ports of those in their node's network."""
    pods = facts.pods or {}
    for endpoint in endpoints:
        if (pod := pods.get(endpoint.pod)) is not None and pod.metadata.uid == endpoint.uid:
            yield from of_pod(pod, endpoint.port, facts.nodes)


def of_pod(pod: Pod, port: int, nodes: Mapping[str, Node] | None) -> Iterator[Address]:
    """Where a port of one pod is on its node."""
    place = {"node": pod.spec.node_name, "pod": pod.name}
    if pod.spec.host_network:
        for host in _hosts_of(pod, nodes):
            yield Address(kind="host-network", host=host, port=port, **place)
        return
    for declared in pod.ports():
        if declared.container_port == port and declared.host_port and declared.protocol == "TCP":
            bound = _bound(declared.host_ip)
            for host in [bound] if bound else _hosts_of(pod, nodes):
                yield Address(kind="host-port", host=host, port=declared.host_port, **place)


def _bound(host_ip: str | None) -> str | None:
    """The one address that a host port is on, unless it is on all of them."""
    return None if host_ip in (None, "", "0.0.0.0", "::") else host_ip  # noqa: S104  # compared, not bound


def node_hosts(facts: Facts) -> list[tuple[str, str]]:
    """Nodes and their addresses, ready nodes before others.

    Where nodes may not be read, those of the pods that are known.
    """
    if facts.nodes is None:
        pods = (facts.pods or {}).values()
        known = {(pod.spec.node_name or "", pod.status.host_ip) for pod in pods}
        return sorted((node, host) for node, host in known if host)
    ordered = sorted(facts.nodes.values(), key=lambda node: (not _ready(node), node.name))
    return [(node.name, host) for node in ordered for host in _addresses_of(node)]


def _hosts_of(pod: Pod, nodes: Mapping[str, Node] | None) -> list[str]:
    """The addresses of a pod's node; as far as the pod knows where nodes may not be read."""
    node = (nodes or {}).get(pod.spec.node_name or "")
    if node is not None:
        return _addresses_of(node)
    return [pod.status.host_ip] if pod.status.host_ip else []


def _addresses_of(node: Node) -> list[str]:
    """IP addresses; names only of a node that has none."""
    known = node.status.addresses or ()
    ips = [each.address for kind in _IPS for each in known if each.type == kind]
    return ips or [each.address for each in known]


def _ready(node: Node) -> bool:
    return any(c.type == "Ready" and c.status == "True" for c in node.status.conditions or ())
