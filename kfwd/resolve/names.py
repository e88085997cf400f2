"""What of a cluster a host name or address is: what may be reached through a gateway. Pure.

A name is looked up among objects, never in DNS, and leads to pods, never to an address: what is not
an object of the cluster is refused, so a gateway is no way out of it and none around the machine.
Names are those of the cluster's DNS (https://github.com/kubernetes/dns/blob/master/docs/
specification.md) with the usual domain, and `.localhost` names, which browsers take for this
machine without asking anybody (RFC 6761, 6.3).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from functools import cached_property

from msgspec import Struct

from kfwd.kube.objects import Pod, Service, ServicePort
from kfwd.resolve import ports, words
from kfwd.resolve.facts import Unresolved
from kfwd.resolve.rules import Rules

LOCAL = ".localhost"
DOMAIN = ".cluster.local"
ANY_RULES = "ingress.localhost"
"""The host under which the rules for any host are served: they name none of their own."""

OWN = frozenset({"localhost", "127.0.0.1", "::1"})
FALLBACK_PORT = "80"


class ToService(Struct, frozen=True):
    """`port` is a number or a name, as `resolve` takes it."""

    namespace: str
    name: str
    port: str


class ToPod(Struct, frozen=True):
    namespace: str
    name: str
    port: str


class ByRules(Struct, frozen=True):
    """By the Ingress and HTTPRoute objects; `host` is the name that they have for it."""

    host: str


class Itself(Struct, frozen=True):
    """The gateway's own pages; to anything but a request to them, this machine."""


class Refused(Struct, frozen=True):
    """Nothing that may be reached. `status` is the HTTP status that says so."""

    text: str
    hint: str | None = None
    status: int = 403


Place = ToService | ToPod | ByRules | Itself | Refused


class Names:
    """The names and addresses of a cluster's objects, by `NAMESPACE/NAME`."""

    def __init__(
        self, services: Mapping[str, Service], pods: Mapping[str, Pod], rules: Rules
    ) -> None:
        self._services = services
        self._pods = pods
        self._rules = rules

    def find(self, host: str, port: int | None = None, *, short: bool = True) -> Place:
        """What `host` (as `hosts.name_of` has it) is. `port` None: the usual one for HTTP.

        `short`: whether SERVICE.NAMESPACE alone will do. Where a browser resolved the name itself
        it must not: `web.shop` can be anybody's domain, and be pointed at this machine.
        """
        if (address := address_of(host)) is not None:
            return self._by_address(address, host, port)
        if host in OWN:
            return Itself()
        if host.endswith(LOCAL):
            return self._by_local_name(host, port)
        found = self._by_dns_name(host, port)
        if isinstance(found, ToService | ToPod):
            return found
        if self._rules.knows(host):
            return ByRules(host)
        if found is not None:
            return found
        meant = self._by_short_name(host, port)
        if meant is not None and not short:
            return Refused(f"{host} is a name for proxy clients alone", f"use {host}{LOCAL}")
        return meant or _unknown(host)

    def _by_local_name(self, host: str, port: int | None) -> Place:
        """SERVICE.NAMESPACE, [PORT or POD.]SERVICE.NAMESPACE, a rule's host, or a DNS name."""
        if host == ANY_RULES:
            return ByRules(host)
        name = host.removesuffix(LOCAL)
        if found := self._by_short_name(name, port):
            return found
        for ruled in (host, name):
            if self._rules.knows(ruled):
                return ByRules(ruled)
        return self._by_dns_name(name, port) or self._part(name, port) or _no_service(self, name)

    def _by_short_name(self, name: str, port: int | None) -> Place | None:
        """SERVICE.NAMESPACE, or POD.NAMESPACE where there is no such service."""
        first, _, namespace = name.rpartition(".")
        if service := self._services.get(f"{namespace}/{first}"):
            return _to_service(service, port)
        if pod := self._pods.get(f"{namespace}/{first}"):
            return _to_pod(pod, port)
        return None

    def _by_dns_name(self, host: str, port: int | None) -> Place | None:
        """SERVICE.NAMESPACE.svc, POD.SERVICE.NAMESPACE.svc and POD.NAMESPACE.pod, with and without
        the domain; None for what has no such form."""
        stem = host.removesuffix(DOMAIN)
        if stem.endswith(".svc"):
            name = stem.removesuffix(".svc")
            first, _, namespace = name.rpartition(".")
            if service := self._services.get(f"{namespace}/{first}"):
                return _to_service(service, port)
            return self._pod_of_service(name, port) or _no_service(self, name)
        if stem.endswith(".pod"):
            return self._by_pod_name(stem.removesuffix(".pod"), port)
        return None

    def _by_pod_name(self, stem: str, port: int | None) -> Place:
        """The pod's name, or its address with dashes, and its namespace."""
        name, _, namespace = stem.rpartition(".")
        if pod := self._pods.get(f"{namespace}/{name}"):
            return _to_pod(pod, port)
        for written in (name.replace("-", "."), name.replace("-", ":")):
            address = address_of(written)
            if address is not None and (pod := self._pod_at(address, port)) is not None:
                return _to_pod(pod, port)
        return Refused(f"there is no pod {name} in namespace {namespace}")

    def _part(self, name: str, port: int | None) -> Place | None:
        """PORT.SERVICE.NAMESPACE or POD.SERVICE.NAMESPACE."""
        first, _, rest = name.partition(".")
        service_name, _, namespace = rest.partition(".")
        service = self._services.get(f"{namespace}/{service_name}")
        if service is None:
            return None
        if any(first in (each.name, str(each.port)) for each in service.ports):
            return _checked(service, first)
        return self._pod_of_service(name, port)

    def _pod_of_service(self, name: str, port: int | None) -> Place | None:
        """POD.SERVICE.NAMESPACE, as pods of a StatefulSet are called."""
        first, _, rest = name.partition(".")
        service_name, _, namespace = rest.partition(".")
        pod = self._pods.get(f"{namespace}/{first}")
        known = f"{namespace}/{service_name}" in self._services
        return _to_pod(pod, port) if pod is not None and known else None

    def _by_address(self, address: str, host: str, port: int | None) -> Place:
        if service := self._by_cluster_ip.get(address):
            return _to_service(service, port)
        if pod := self._pod_at(address, port):
            return _to_pod(pod, port)
        return Itself() if address in OWN else _unknown(host)

    def _pod_at(self, address: str, port: int | None) -> Pod | None:
        """The pod with an address of its own; of those on a node's, the one with the port."""
        pods = self._by_pod_ip.get(address, ())
        own = next((pod for pod in pods if not pod.spec.host_network), None)
        return own or next((pod for pod in pods if _declares(pod, port)), None)

    @cached_property
    def _by_cluster_ip(self) -> dict[str, Service]:
        return {
            address: service
            for service in self._services.values()
            for text in service.spec.cluster_ips or (service.spec.cluster_ip or "",)
            if (address := address_of(text)) is not None
        }

    @cached_property
    def _by_pod_ip(self) -> dict[str, list[Pod]]:
        found: dict[str, list[Pod]] = {}
        for pod in self._pods.values():
            address = address_of(pod.status.pod_ip or "") if pod.running else None
            if address is not None:
                found.setdefault(address, []).append(pod)
        return found

    def beside(self, namespace: str) -> Iterable[str]:
        """The services of a namespace, by name."""
        start = f"{namespace}/"
        return [key.removeprefix(start) for key in self._services if key.startswith(start)]


def _to_service(service: Service, port: int | None) -> ToService | Refused:
    """A port of a service, or why it cannot be reached."""
    if port is not None:
        return _checked(service, str(port))
    usual = usual_port(service)
    if usual is not None:
        return _checked(service, str(usual.port))
    return _checked(service, FALLBACK_PORT)


def _checked(service: Service, port: str) -> ToService | Refused:
    if service.spec.type == "ExternalName":
        outside = service.spec.external_name
        return Refused(f"{_named(service)} is an alias of {outside}, which is not in the cluster")
    try:
        ports.of_service(service, port)
    except Unresolved as error:
        return Refused(error.text, error.hint, status=404)
    return ToService(service.metadata.namespace, service.name, port)


def usual_port(service: Service) -> ServicePort | None:
    """The port that is meant where none is named: 80, else one called http, else the first."""
    tcp = [port for port in service.ports if port.protocol == "TCP"]
    return min(tcp, key=lambda p: (p.port != 80, not p.name.startswith("http")), default=None)


def _to_pod(pod: Pod, port: int | None) -> ToPod | Refused:
    text = str(port) if port is not None else _usual_pod_port(pod)
    try:
        ports.of_pod(pod, text)
    except Unresolved as error:
        return Refused(error.text, error.hint, status=404)
    return ToPod(pod.metadata.namespace, pod.name, text)


def _usual_pod_port(pod: Pod) -> str:
    tcp = [port for port in pod.ports() if port.protocol == "TCP"]
    first = min(
        tcp, key=lambda p: (p.container_port != 80, not p.name.startswith("http")), default=None
    )
    return str(first.container_port) if first is not None else FALLBACK_PORT


def _declares(pod: Pod, port: int | None) -> bool:
    return any(port in (None, each.container_port) for each in pod.ports())


def address_of(text: str) -> str | None:
    """An IP address in its usual form, an IPv4 one in IPv6 as such; None for what is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _named(service: Service) -> str:
    return f"svc/{service.name} in namespace {service.metadata.namespace}"


def _no_service(names: Names, name: str) -> Refused:
    first, _, namespace = name.rpartition(".")
    if not first:
        return _unknown(f"{name}{LOCAL}")
    hint = words.did_you_mean(first, names.beside(namespace), "svc")
    return Refused(f"there is no svc/{first} in namespace {namespace}", hint)


def _unknown(host: str) -> Refused:
    return Refused(
        f"{host or 'no name at all'} is not of this cluster",
        "names are SERVICE.NAMESPACE.svc.cluster.local, ClusterIPs, pods, and hosts of Ingress "
        "and HTTPRoute objects",
    )
