"""At which addresses outside the cluster network services and pods answer. Pure.

What kube-proxy and a port-mapping network plugin do: NodePorts on every node, load balancer
addresses, host ports. Every address leads to pods, known by UID, and their ports.
"""

from __future__ import annotations

from typing import Any

from kfwd.sim.controllers.pods import is_finished

Obj = dict[str, Any]
Address = tuple[str, int]
Backend = tuple[str, int]
Exposed = dict[Address, tuple[Backend, ...]]

OUTSIDE = frozenset({"NodePort", "LoadBalancer"})


def _usable(endpoints: list[Obj]) -> list[Obj]:
    """Ready endpoints; without any, those that still serve while they terminate."""
    ready = [e for e in endpoints if e["conditions"].get("ready")]
    return ready or [e for e in endpoints if _serves_to_the_end(e["conditions"])]


def _serves_to_the_end(conditions: Obj) -> bool:
    return bool(conditions.get("serving") and conditions.get("terminating"))


def backends(port: Obj, slices: list[Obj], node: str | None = None) -> tuple[Backend, ...]:
    """The pods behind a service port; only those on `node` if one is given."""
    found: list[Backend] = []
    for part in slices:
        numbers = [p["port"] for p in part.get("ports") or () if _same_port(p, port)]
        endpoints = [
            endpoint
            for endpoint in part.get("endpoints") or ()
            if endpoint.get("targetRef") and node in {None, endpoint.get("nodeName")}
        ]
        found += [(e["targetRef"]["uid"], number) for number in numbers for e in _usable(endpoints)]
    return tuple(found)


def _same_port(offered: Obj, port: Obj) -> bool:
    return bool(offered.get("name", "") == port.get("name", "") and _is_tcp(offered))


def _is_tcp(port: Obj) -> bool:
    return bool(port.get("protocol", "TCP") == "TCP")


def _balancer_addresses(service: Obj) -> list[str]:
    """The IP addresses in a service's load balancer status."""
    status = (service.get("status") or {}).get("loadBalancer") or {}
    return [point["ip"] for point in status.get("ingress") or () if point.get("ip")]


def of_service(service: Obj, slices: list[Obj], nodes: dict[str, str]) -> Exposed:
    """The addresses of a service; `nodes` has the nodes' addresses by name.

    One without a usable endpoint is not among them: connections to it are refused.
    """
    spec = service["spec"]
    if spec.get("type") not in OUTSIDE:
        return {}
    local = spec.get("externalTrafficPolicy") == "Local"
    found: Exposed = {}
    for port in filter(_is_tcp, spec.get("ports") or ()):
        if number := port.get("nodePort"):
            for name, address in nodes.items():
                found[address, number] = backends(port, slices, name if local else None)
        for address in _balancer_addresses(service) if spec["type"] == "LoadBalancer" else ():
            found[address, port["port"]] = backends(port, slices)
    return {address: behind for address, behind in found.items() if behind}


def of_pod(pod: Obj, node_address: str) -> Exposed:
    """The host ports of a pod that runs; those of a pod in the host's network among them."""
    status = pod.get("status") or {}
    if status.get("phase") != "Running" or not node_address or is_finished(pod):
        return {}
    uid = pod["metadata"]["uid"]
    return {
        (_own_address(port, node_address), port["hostPort"]): ((uid, port["containerPort"]),)
        for container in pod["spec"].get("containers", ())
        for port in container.get("ports") or ()
        if port.get("hostPort") and _is_tcp(port)
    }


def _own_address(port: Obj, node_address: str) -> str:
    asked = str(port.get("hostIP") or "")
    return asked if asked.startswith("127.") else node_address
