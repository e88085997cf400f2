"""Remote ports: kubectl's rules for names and numbers (protocol notes H.3).

Sources: kubectl/pkg/util/{pod_port,service_port}.go, kubectl/pkg/cmd/portforward. Every function
raises `Unresolved` (codes `bad-port`, `no-such-port`, `udp-port`).
"""

from __future__ import annotations

from kfwd.kube.objects import EndpointSlice, Pod, Service, ServicePort
from kfwd.resolve import words
from kfwd.resolve.facts import Unresolved

MAX_PORT = 65535


def of_pod(pod: Pod, remote: str) -> int:
    """The port number that `remote` (a number or a declared port's name) is on a pod."""
    number = _number(remote)
    if number is None:
        return _named(pod, remote)
    protocols = {port.protocol for port in pod.ports() if port.container_port == number}
    _refuse_udp(f"port {number} of pod {pod.name}", protocols)
    return number


def _named(pod: Pod, name: str) -> int:
    found = next((port for port in pod.ports() if port.name == name), None)
    if found is None:
        raise Unresolved(
            "no-such-port",
            f"pod {pod.name} has no port named {name!r}",
            hint=words.pod_ports(pod),
            heals=False,
        )
    _refuse_udp(f"port {name!r} of pod {pod.name}", {found.protocol})
    return _checked(found.container_port, f"port {name!r} of pod {pod.name}")


def of_service(service: Service, remote: str) -> ServicePort:
    """The port of a service that `remote` (a number or its name) is.

    A headless service that declares no ports has any number as a port.
    """
    number = _number(remote)
    if number is not None and service.headless and not service.ports:
        return ServicePort(port=number)
    found = [p for p in service.ports if (p.port == number if number else p.name == remote)]
    if not found:
        raise Unresolved(
            "no-such-port",
            f"svc/{service.name} has no port {remote if number else repr(remote)}",
            hint=words.service_ports(service),
            heals=False,
        )
    _refuse_udp(f"port {remote} of svc/{service.name}", {port.protocol for port in found})
    return next(port for port in found if port.protocol == "TCP")


def target_of(service: Service, port: ServicePort, pod: Pod) -> int:
    """The port of `pod` that connections to a service's `port` end at.

    A headless service's port is the number itself: clients connect to the pods' addresses.
    """
    if isinstance(port.target_port, str) and port.target_port and not service.headless:
        return _named(pod, port.target_port)
    number = port.port if service.headless or not port.target_port else port.target_port
    assert isinstance(number, int)
    return _checked(number, f"port {port.port} of svc/{service.name}")


def in_slice(piece: EndpointSlice, service: Service, port: ServicePort) -> int | None:
    """The same by an EndpointSlice, where the target port is already a number."""
    if service.headless:
        return port.port if is_port(port.port) else None
    for candidate in piece.ports or ():
        if (candidate.name or "") == port.name and (candidate.protocol or "TCP") == "TCP":
            number = candidate.port or port.port
            return number if is_port(number) else None
    return None


def is_port(number: int) -> bool:
    """An API server checks what it is given; what stands in its place may not."""
    return 0 < number <= MAX_PORT


def _checked(number: int, what: str) -> int:
    if not is_port(number):
        text = f"{what} leads to one that is not between 1 and {MAX_PORT}"
        raise Unresolved("bad-port", text, heals=False)
    return number


def _number(remote: str) -> int | None:
    if not (remote.isascii() and remote.isdigit()):
        return None
    number = int(remote[: len(str(MAX_PORT)) + 1])
    if not 0 < number <= MAX_PORT:
        raise Unresolved(
            "bad-port", f"remote port {remote} is not between 1 and {MAX_PORT}", heals=False
        )
    return number


def _refuse_udp(what: str, protocols: set[str]) -> None:
    if protocols and "TCP" not in protocols:
        raise Unresolved(
            "udp-port",
            f"{what} is {protocols.pop()}: only TCP can be forwarded",
            hint="Kubernetes carries TCP alone through port-forward",
            heals=False,
        )
