"""EndpointSlices and Endpoints: which pods a service stands for, and whether they are ready.

Conditions follow `pkg/controller/util/endpointslice` (protocol notes H.5): a terminating pod is not
ready from the moment it is being deleted, but serving until its readiness ends.
"""

from __future__ import annotations

from typing import Any

from kfwd.sim.controllers.pods import is_finished, is_ready, is_terminating, owner_reference
from kfwd.sim.controllers.queue import Queue
from kfwd.sim.resources import BY_NAME
from kfwd.sim.selectors import labels_of
from kfwd.sim.store import Change, Store, identity
from kfwd.sim.write import create_object, suffix

Obj = dict[str, Any]
Port = tuple[str, str, int]

SERVICE = "kubernetes.io/service-name"
MANAGER = "endpointslice.kubernetes.io/managed-by"
MANAGED = "endpointslice-controller.k8s.io"
SLICE_LIMIT = 100


def selects(service: Obj, labels: dict[str, str]) -> bool:
    """Whether a service's selector, which must not be empty, selects these labels."""
    selector = service["spec"].get("selector") or {}
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def target_port(port: Obj, pod: Obj) -> int | None:
    """The pod's port that a service port stands for; None if the pod does not name it."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    for container in pod["spec"].get("containers", ()):
        for found in container.get("ports") or ():
            same = found.get("protocol", "TCP") == port.get("protocol", "TCP")
            if found.get("name") == target and same:
                return int(found["containerPort"])
    return None


def pod_ports(service: Obj, pod: Obj) -> tuple[Port, ...]:
    """(name, protocol, number) of each service port in this pod."""
    return tuple(
        (port.get("name", ""), port.get("protocol", "TCP"), number)
        for port in service["spec"].get("ports") or ()
        if (number := target_port(port, pod)) is not None
    )


def endpoint(service: Obj, pod: Obj) -> Obj:
    """One endpoint of a slice."""
    serving, terminating = is_ready(pod), is_terminating(pod)
    always = bool(service["spec"].get("publishNotReadyAddresses"))
    meta = pod["metadata"]
    found: Obj = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": always or (serving and not terminating),
            "serving": always or serving,
            "terminating": terminating,
        },
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": {
            "kind": "Pod",
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
        },
        "zone": "sim",
    }
    if pod["spec"].get("subdomain") == service["metadata"]["name"]:
        found["hostname"] = pod["spec"].get("hostname", "")
    return found


def slices(service: Obj, pods: list[Obj]) -> list[Obj]:
    """(ports, endpoints) of each slice: pods whose ports have other numbers get another slice."""
    groups: dict[tuple[Port, ...], list[Obj]] = {}
    for pod in pods:
        if pod.get("status", {}).get("podIP") and not is_finished(pod):
            groups.setdefault(pod_ports(service, pod), []).append(endpoint(service, pod))
    if not groups:
        # Without a pod there is nothing that could resolve a port.
        groups[()] = []
    return [
        {"ports": _ports(ports), "endpoints": endpoints[start : start + SLICE_LIMIT]}
        for ports, endpoints in sorted(groups.items())
        for start in range(0, max(1, len(endpoints)), SLICE_LIMIT)
    ]


def _ports(ports: tuple[Port, ...]) -> list[Obj]:
    return [{"name": name, "protocol": proto, "port": port} for name, proto, port in ports]


def legacy(service: Obj, pods: list[Obj]) -> list[Obj]:
    """`subsets` of the Endpoints object: terminating pods are left out."""
    subsets = []
    for part in slices(service, [pod for pod in pods if not is_terminating(pod)]):
        addresses: dict[bool, list[Obj]] = {True: [], False: []}
        for found in part["endpoints"]:
            ready = found["conditions"]["ready"]
            addresses[ready].append(
                {
                    "ip": found["addresses"][0],
                    "nodeName": found["nodeName"],
                    "targetRef": found["targetRef"],
                }
            )
        subset = {
            "addresses": addresses[True],
            "notReadyAddresses": addresses[False],
            "ports": part["ports"],
        }
        if part["endpoints"]:
            subsets.append({key: value for key, value in subset.items() if value})
    return subsets


class EndpointSlices:
    """Keeps the slices of every service that has a selector."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue = Queue(self._reconcile)

    def on(self, change: Change) -> None:
        if change.resource == "services":
            self._queue.add(*identity(change.object))
        elif change.resource == "pods":
            self._add_services(change)
        elif change.resource == "endpointslices" and change.type == "DELETED":
            name = labels_of(change.object).get(SERVICE)
            if name:
                self._queue.add(change.object["metadata"]["namespace"], name)

    def _add_services(self, change: Change) -> None:
        for service in self._store.objects("services", change.object["metadata"]["namespace"]):
            states = (
                [change.object] if change.previous is None else [change.object, change.previous]
            )
            if any(selects(service, labels_of(pod)) for pod in states):
                self._queue.add(*identity(service))

    def _reconcile(self, namespace: str, name: str) -> None:
        service = self._store.get("services", namespace, name)
        if service is None or not service["spec"].get("selector"):
            return
        if service["spec"].get("type") == "ExternalName":
            return
        pods = [p for p in self._store.objects("pods", namespace) if selects(service, labels_of(p))]
        self._write_slices(service, slices(service, pods))
        self._write_endpoints(service, legacy(service, pods))

    def _own(self, service: Obj) -> list[Obj]:
        namespace, name = identity(service)
        return [
            found
            for found in self._store.objects("endpointslices", namespace)
            if labels_of(found).get(SERVICE) == name and labels_of(found).get(MANAGER) == MANAGED
        ]

    def _write_slices(self, service: Obj, wanted: list[Obj]) -> None:
        """Give each wanted slice to an existing object with the same ports, else to a free one."""
        free = self._own(service)
        for part in wanted:
            same = [found for found in free if found.get("ports") == part["ports"]]
            chosen = next(iter([*same, *free]), None)
            if chosen is None:
                self._make(service, part)
                continue
            free.remove(chosen)
            self._store.replace("endpointslices", {**chosen, **part})
        for surplus in free:
            self._store.delete("endpointslices", *identity(surplus))

    def _make(self, service: Obj, part: Obj) -> None:
        namespace, name = identity(service)
        labels = {**labels_of(service), SERVICE: name, MANAGER: MANAGED}
        meta = {
            "name": f"{name}-{suffix()}",
            "generateName": f"{name}-",
            "labels": labels,
            "ownerReferences": [owner_reference("services", service)],
        }
        obj = {"metadata": meta, "addressType": "IPv4", **part}
        create_object(self._store, BY_NAME["endpointslices"], obj, namespace)

    def _write_endpoints(self, service: Obj, subsets: list[Obj]) -> None:
        namespace, name = identity(service)
        if self._store.get("endpoints", namespace, name) is None:
            meta = {"name": name, "labels": labels_of(service)}
            obj = {"metadata": meta, "subsets": subsets}
            create_object(self._store, BY_NAME["endpoints"], obj, namespace)
            return
        self._store.update(
            "endpoints", namespace, name, lambda copy: copy.update({"subsets": subsets})
        )

    def close(self) -> None:
        self._queue.close()
