"""Addresses and ports the cluster hands out: all in 127/8, each given once. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

Obj = dict[str, Any]

POD_NET = "127.1"
SERVICE_NET = "127.96"
NODE_PORTS = range(30000, 32768)


def _addresses(net: str) -> Iterator[str]:
    for third in range(256):
        for fourth in range(1, 255):
            yield f"{net}.{third}.{fourth}"


class PodAddresses:
    """Pod addresses in turn, so that one that is free again rests before it is used again."""

    def __init__(self) -> None:
        self._turn = _addresses(POD_NET)
        self._used: set[str] = set()

    def take(self) -> str:
        """A free address. Raises RuntimeError when 65 000 pods have one."""
        for _ in range(2):
            for address in self._turn:
                if address not in self._used:
                    self._used.add(address)
                    return address
            self._turn = _addresses(POD_NET)
        raise RuntimeError("every pod address is in use")

    def release(self, address: str) -> None:
        self._used.discard(address)


class BalancerAddresses:
    """Addresses for what is reached from outside: each owner keeps the one it was given."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._free = list(addresses)
        self._all = frozenset(self._free)
        self._given: dict[Hashable, str] = {}

    def __contains__(self, address: object) -> bool:
        return address in self._all

    def take(self, owner: Hashable) -> str | None:
        """The owner's address; None when all are given away."""
        if owner not in self._given and self._free:
            self._given[owner] = self._free.pop(0)
        return self._given.get(owner)

    def release(self, owner: Hashable) -> None:
        """The address rests until all others have been used."""
        if address := self._given.pop(owner, None):
            self._free.append(address)


def service(obj: Obj, services: Iterable[Obj], is_free: Callable[[int], bool]) -> None:
    """Give a service the cluster address and node ports it lacks.

    `is_free` says whether a node port is free on the machine that plays the nodes.
    """
    spec, taken = obj["spec"], list(services)
    if spec.get("type") == "ExternalName":
        return
    if not spec.get("clusterIP"):
        used = {s["spec"].get("clusterIP") for s in taken}
        spec["clusterIP"] = next(a for a in _addresses(SERVICE_NET) if a not in used)
    spec["clusterIPs"] = [spec["clusterIP"]]
    if _wants_node_ports(spec):
        _node_ports(spec, taken, is_free)


def _wants_node_ports(spec: Obj) -> bool:
    if spec.get("type") == "LoadBalancer":
        return spec.get("allocateLoadBalancerNodePorts") is not False
    return bool(spec.get("type") == "NodePort")


def _node_ports_of(services: Iterable[Obj]) -> set[int]:
    ports = (port for s in services for port in s["spec"].get("ports") or ())
    return {port["nodePort"] for port in ports if port.get("nodePort")}


def _node_ports(spec: Obj, services: list[Obj], is_free: Callable[[int], bool]) -> None:
    used = _node_ports_of([*services, {"spec": spec}])
    free = (port for port in NODE_PORTS if port not in used and is_free(port))
    for port in spec.get("ports") or ():
        if not port.get("nodePort"):
            port["nodePort"] = next(free)


def node_port_faults(obj: Obj, services: Iterable[Obj]) -> list[tuple[str, str]]:
    """Node ports that a service asks for and cannot have, as (field, message)."""
    used = _node_ports_of(services)
    found = []
    for index, port in enumerate(obj["spec"].get("ports") or ()):
        number, field = port.get("nodePort"), f"spec.ports[{index}].nodePort"
        if number in used:
            why = "provided port is already allocated"
            found.append((field, f"Invalid value: {number}: {why}"))
        elif number and number not in NODE_PORTS:
            valid = f"The range of valid ports is {NODE_PORTS[0]}-{NODE_PORTS[-1]}"
            why = f"provided port is not in the valid range. {valid}"
            found.append((field, f"Invalid value: {number}: {why}"))
    return found


def _served(port: Obj) -> tuple[object, object]:
    return port.get("port"), port.get("protocol", "TCP")


def keep(old: Obj, new: Obj) -> None:
    """What an update of a service leaves out stays; node ports go with the need for them.

    As `patchAllocatedValues` and `dropTypeDependentFields` of the API server do.
    """
    before, after = old["spec"], new["spec"]
    if after.get("type") == "ExternalName":
        return
    if not after.get("clusterIP"):
        after["clusterIP"] = before.get("clusterIP")
    had = {_served(port): port.get("nodePort") for port in before.get("ports") or ()}
    for port in after.get("ports") or ():
        number = had.get(_served(port))
        if _wants_node_ports(after) and number and not port.get("nodePort"):
            port["nodePort"] = number
        elif after.get("type", "ClusterIP") == "ClusterIP" and port.get("nodePort") == number:
            port.pop("nodePort", None)
