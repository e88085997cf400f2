"""Ingresses: those of a class that exists get the address of that class's controller."""

from __future__ import annotations

from typing import Any

from kfwd.sim.allocate import BalancerAddresses
from kfwd.sim.controllers.pods import set_status
from kfwd.sim.controllers.queue import Queue
from kfwd.sim.defaults import OLD_CLASS
from kfwd.sim.store import Change, Store, identity

Obj = dict[str, Any]


def class_of(ingress: Obj) -> str:
    """The name of an Ingress's class, by field or by the older annotation; empty without one."""
    annotations = ingress["metadata"].get("annotations") or {}
    return str(ingress["spec"].get("ingressClassName") or annotations.get(OLD_CLASS) or "")


class Ingresses:
    """Writes `status.loadBalancer`. Nothing listens there: this cluster routes no HTTP."""

    def __init__(self, store: Store, addresses: BalancerAddresses) -> None:
        self._store = store
        self._addresses = addresses
        self._queue = Queue(self._reconcile)

    def on(self, change: Change) -> None:
        if change.resource == "ingresses":
            self._queue.add(*identity(change.object))
        elif change.resource == "ingressclasses":
            if change.type == "DELETED":
                self._addresses.release(_owner(change.object["metadata"]["name"]))
            for ingress in self._store.objects("ingresses"):
                self._queue.add(*identity(ingress))

    def _reconcile(self, namespace: str, name: str) -> None:
        ingress = self._store.get("ingresses", namespace, name)
        if ingress is None:
            return
        found = class_of(ingress)
        served = found and self._store.get("ingressclasses", "", found) is not None
        address = self._addresses.take(_owner(found)) if served else None
        status = {"ingress": [{"ip": address}]} if address else {}
        if address or self._is_ours(ingress):
            set_status(self._store, "ingresses", ingress, {"loadBalancer": status})

    def _is_ours(self, ingress: Obj) -> bool:
        """Whether the address it has is one that this cluster gives; a manifest has its own."""
        status = (ingress.get("status") or {}).get("loadBalancer") or {}
        return any(point.get("ip") in self._addresses for point in status.get("ingress") or ())

    def close(self) -> None:
        self._queue.close()


def _owner(name: str) -> tuple[str, str, str]:
    return "ingressclass", "", name
