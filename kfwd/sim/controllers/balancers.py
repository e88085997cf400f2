"""Load balancers: an address for each service of that type, if its ports can be had there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from kfwd.sim.controllers.pods import set_status
from kfwd.sim.controllers.queue import Queue
from kfwd.sim.store import Change, Store, identity

Obj = dict[str, Any]
CanBind = Callable[[Iterable[str], int], bool]

log = logging.getLogger(__name__)


class LoadBalancers:
    """What a cloud provider does. One of another class, `loadBalancerClass`, is not its own."""

    def __init__(self, store: Store, addresses: list[str], can_bind: CanBind) -> None:
        self._store = store
        self._addresses = addresses
        self._can_bind = can_bind
        self._given: dict[tuple[str, str], str] = {}
        self._queue = Queue(self._reconcile)

    def on(self, change: Change) -> None:
        if change.resource == "services":
            self._queue.add(*identity(change.object))

    def _reconcile(self, namespace: str, name: str) -> None:
        key = namespace, name
        service = self._store.get("services", namespace, name)
        if service is None or service["spec"].get("type") != "LoadBalancer":
            self._given.pop(key, None)
            if service is not None and _has_status(service):
                self._show(service, None)
            return
        if service["spec"].get("loadBalancerClass") or key in self._given or _has_status(service):
            return
        if (address := self._free_address(service)) is not None:
            self._given[key] = address
            self._show(service, address)

    def _free_address(self, service: Obj) -> str | None:
        """An address where every port of the service can be bound; None leaves it pending."""
        address = next((a for a in self._addresses if a not in self._given.values()), None)
        if address is None:
            log.warning("every load balancer address is in use")
            return None
        for port in service["spec"].get("ports") or ():
            if port.get("protocol", "TCP") == "TCP" and not self._can_bind([address], port["port"]):
                where = f"{address}:{port['port']}"
                log.warning("service %s/%s stays pending: %s", *identity(service), where)
                return None
        return address

    def _show(self, service: Obj, address: str | None) -> None:
        status = {"ingress": [{"ip": address, "ipMode": "VIP"}]} if address else {}
        set_status(self._store, "services", service, {"loadBalancer": status})

    def close(self) -> None:
        self._queue.close()


def _has_status(service: Obj) -> bool:
    return bool(((service.get("status") or {}).get("loadBalancer") or {}).get("ingress"))
