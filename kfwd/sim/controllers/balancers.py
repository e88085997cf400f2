"""Load balancers: an address for each service of that type, if its ports can be had there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from kfwd.sim.allocate import BalancerAddresses
from kfwd.sim.controllers.pods import set_status
from kfwd.sim.controllers.queue import Queue
from kfwd.sim.store import Change, Store, identity

Obj = dict[str, Any]
CanBind = Callable[[Iterable[str], int], bool]

log = logging.getLogger(__name__)


class LoadBalancers:
    """What a cloud provider does. One of another class, `loadBalancerClass`, is not its own."""

    def __init__(self, store: Store, addresses: BalancerAddresses, can_bind: CanBind) -> None:
        self._store = store
        self._addresses = addresses
        self._can_bind = can_bind
        self._queue = Queue(self._reconcile)

    def on(self, change: Change) -> None:
        if change.resource == "services":
            self._queue.add(*identity(change.object))

    def _reconcile(self, namespace: str, name: str) -> None:
        owner = "service", namespace, name
        service = self._store.get("services", namespace, name)
        if service is None or service["spec"].get("type") != "LoadBalancer":
            self._addresses.release(owner)
            if service is not None and _has_status(service):
                self._show(service, None)
        elif not service["spec"].get("loadBalancerClass") and not _has_status(service):
            address = self._addresses.take(owner)
            if address is None or not self._all_bind(service, address):
                self._addresses.release(owner)
            else:
                self._show(service, address)

    def _all_bind(self, service: Obj, address: str) -> bool:
        """Whether every port of the service can be had at the address."""
        for port in service["spec"].get("ports") or ():
            if port.get("protocol", "TCP") == "TCP" and not self._can_bind([address], port["port"]):
                where = f"{address}:{port['port']} cannot be bound"
                log.warning("service %s/%s stays pending: %s", *identity(service), where)
                return False
        return True

    def _show(self, service: Obj, address: str | None) -> None:
        status = {"ingress": [{"ip": address, "ipMode": "VIP"}]} if address else {}
        set_status(self._store, "services", service, {"loadBalancer": status})

    def close(self) -> None:
        self._queue.close()


def _has_status(service: Obj) -> bool:
    return bool(((service.get("status") or {}).get("loadBalancer") or {}).get("ingress"))
