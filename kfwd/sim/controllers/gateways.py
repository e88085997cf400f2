"""The Gateway API's status: classes and gateways are accepted, routes attached or told why not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kfwd.sim.allocate import BalancerAddresses
from kfwd.sim.controllers.pods import set_status
from kfwd.sim.controllers.queue import Queue
from kfwd.sim.gateway_defaults import GROUP
from kfwd.sim.store import Change, Store, identity

Obj = dict[str, Any]

CONTROLLER = "kfwd.sim/gateway"
_ROUTE_KINDS = [{"group": GROUP, "kind": "HTTPRoute"}]
_ADDED_LATER = frozenset({"gatewayclasses", "gateways", "httproutes", "services"})


class Gateways:
    """Does all of it again after each change: there are few of these objects."""

    def __init__(self, store: Store, addresses: BalancerAddresses) -> None:
        self._store = store
        self._addresses = addresses
        self._queue = Queue(self._reconcile)

    def on(self, change: Change) -> None:
        if change.resource == "gateways" and change.type == "DELETED":
            self._addresses.release(("gateway", *identity(change.object)))
        if change.resource in _ADDED_LATER:
            self._queue.add("", "")

    def _reconcile(self, _namespace: str, _name: str) -> None:
        for found in self._store.objects("gatewayclasses"):
            set_status(self._store, "gatewayclasses", found, self._accepted(found))
        for route in self._store.objects("httproutes"):
            set_status(self._store, "httproutes", route, self._route_status(route))
        for gateway in self._store.objects("gateways"):
            if self._is_ours(gateway):
                set_status(self._store, "gateways", gateway, self._gateway_status(gateway))

    def _is_ours(self, gateway: Obj) -> bool:
        name = gateway["spec"].get("gatewayClassName", "")
        return self._store.get("gatewayclasses", "", name) is not None

    def _accepted(self, obj: Obj) -> Obj:
        return {"conditions": [self._condition(obj, "Accepted", "Accepted")]}

    def _condition(
        self, obj: Obj, kind: str, reason: str, why: str = "", *, value: bool = True
    ) -> Obj:
        """A condition of `obj`; one that stands already keeps its time."""
        new = {
            "type": kind,
            "status": "True" if value else "False",
            "reason": reason,
            "message": why,
            "observedGeneration": obj["metadata"].get("generation", 1),
        }
        for old in _conditions(obj.get("status") or {}):
            if all(old.get(key) == value for key, value in new.items()):
                return {**new, "lastTransitionTime": old["lastTransitionTime"]}
        return {**new, "lastTransitionTime": self._store.now()}

    def _gateway_status(self, gateway: Obj) -> Obj:
        address = self._addresses.take(("gateway", *identity(gateway)))
        good = [self._condition(gateway, kind, kind) for kind in ("Accepted", "Programmed")]
        return {
            "addresses": [{"type": "IPAddress", "value": address}] if address else [],
            "conditions": good,
            "listeners": [
                {
                    "name": listener["name"],
                    "supportedKinds": _ROUTE_KINDS,
                    "attachedRoutes": self._attached(gateway, listener),
                    "conditions": [
                        *good,
                        self._condition(gateway, "ResolvedRefs", "ResolvedRefs"),
                    ],
                }
                for listener in gateway["spec"].get("listeners") or ()
            ],
        }

    def _attached(self, gateway: Obj, listener: Obj) -> int:
        return sum(
            listener in attached
            for route in self._store.objects("httproutes")
            for ref in route["spec"].get("parentRefs") or ()
            if self._parent(route, ref) == gateway
            for attached in [listeners(route, ref, gateway)]
        )

    def _parent(self, route: Obj, ref: Obj) -> Obj | None:
        namespace = ref.get("namespace") or route["metadata"]["namespace"]
        return self._store.get("gateways", namespace, ref.get("name", ""))

    def _route_status(self, route: Obj) -> Obj:
        """One entry for each parent that has a controller."""
        refs = route["spec"].get("parentRefs") or ()
        parents = [(ref, self._parent(route, ref)) for ref in refs]
        return {
            "parents": [
                {
                    "parentRef": ref,
                    "controllerName": CONTROLLER,
                    "conditions": list(self._judged(route, ref, parent)),
                }
                for ref, parent in parents
                if parent is not None and self._is_ours(parent)
            ]
        }

    def _judged(self, route: Obj, ref: Obj, gateway: Obj) -> Iterator[Obj]:
        if listeners(route, ref, gateway):
            yield self._condition(route, "Accepted", "Accepted")
        elif named(ref, gateway):
            yield self._condition(route, "Accepted", "NotAllowedByListeners", value=False)
        else:
            yield self._condition(route, "Accepted", "NoMatchingParent", value=False)
        if missing := self._missing(route):
            why = f'Service "{missing}" not found'
            yield self._condition(route, "ResolvedRefs", "BackendNotFound", why, value=False)
        else:
            yield self._condition(route, "ResolvedRefs", "ResolvedRefs")

    def _missing(self, route: Obj) -> str | None:
        """The first Service of a route that does not exist."""
        for rule in route["spec"].get("rules") or ():
            for ref in rule.get("backendRefs") or ():
                namespace = ref.get("namespace") or route["metadata"]["namespace"]
                known = self._store.get("services", namespace, ref["name"])
                if ref.get("kind", "Service") == "Service" and known is None:
                    return f"{namespace}/{ref['name']}"
        return None

    def close(self) -> None:
        self._queue.close()


def named(ref: Obj, gateway: Obj) -> list[Obj]:
    """The listeners that a parentRef means: all, or those of its section name and port."""
    return [
        listener
        for listener in gateway["spec"].get("listeners") or ()
        if ref.get("sectionName") in {None, listener["name"]}
        and ref.get("port") in {None, listener.get("port")}
    ]


def listeners(route: Obj, ref: Obj, gateway: Obj) -> list[Obj]:
    """The listeners that take a route: from its namespace, and for one of its host names."""
    same = route["metadata"]["namespace"] == gateway["metadata"]["namespace"]
    return [
        listener
        for listener in named(ref, gateway)
        if (same or _allows_all(listener)) and _hosts_meet(route, listener)
    ]


def _allows_all(listener: Obj) -> bool:
    namespaces = (listener.get("allowedRoutes") or {}).get("namespaces") or {}
    return bool(namespaces.get("from") == "All")


def _hosts_meet(route: Obj, listener: Obj) -> bool:
    wanted, served = route["spec"].get("hostnames") or (), listener.get("hostname")
    return not wanted or not served or any(_meets(host, served) for host in wanted)


def _meets(one: str, other: str) -> bool:
    if one == other:
        return True
    return any(
        wild.startswith("*.") and name.endswith(wild[1:])
        for wild, name in ((one, other), (other, one))
    )


def _conditions(value: Any) -> Iterator[Obj]:
    """Every condition anywhere in a status."""
    if isinstance(value, dict):
        yield from value.get("conditions") or ()
        for part in value.values():
            yield from _conditions(part)
    elif isinstance(value, list):
        for part in value:
            yield from _conditions(part)
