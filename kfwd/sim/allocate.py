"""Addresses and ports the cluster hands out: all in 127/8, each given once. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


def service(obj: Obj, services: Iterable[Obj]) -> None:
    """Give a service the cluster address and node ports it lacks."""
    spec, taken = obj["spec"], list(services)
    if spec.get("type") == "ExternalName":
        return
    if not spec.get("clusterIP"):
        used = {s["spec"].get("clusterIP") for s in taken}
        spec["clusterIP"] = next(a for a in _addresses(SERVICE_NET) if a not in used)
    spec["clusterIPs"] = [spec["clusterIP"]]
    if spec.get("type") in {"NodePort", "LoadBalancer"}:
        _node_ports(spec, taken)


def _node_ports(spec: Obj, services: list[Obj]) -> None:
    used = {p.get("nodePort") for s in services for p in s["spec"].get("ports") or ()}
    used |= {port.get("nodePort") for port in spec.get("ports") or ()}
    free = (port for port in NODE_PORTS if port not in used)
    for port in spec.get("ports") or ():
        if not port.get("nodePort"):
            port["nodePort"] = next(free)
