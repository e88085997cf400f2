"""Keeps the real sockets of NodePorts, load balancer addresses and host ports as objects say."""

from __future__ import annotations

from typing import Any

from kfwd.sim import exposure
from kfwd.sim.controllers.endpoints import SERVICE
from kfwd.sim.controllers.queue import Queue
from kfwd.sim.controllers.scheduler import host_ports
from kfwd.sim.nodenet import internal_address
from kfwd.sim.outside import Outside
from kfwd.sim.selectors import labels_of
from kfwd.sim.store import Change, Store, identity

Obj = dict[str, Any]


class KubeProxy:
    """The kube-proxies of all nodes, and the host ports of their pods."""

    def __init__(self, store: Store, outside: Outside) -> None:
        self._store = store
        self._outside = outside
        self._services = Queue(self._publish_service)
        self._pods = Queue(self._publish_pod)

    def on(self, change: Change) -> None:
        obj = change.object
        if change.resource == "services":
            self._services.add(*identity(obj))
        elif change.resource == "endpointslices" and (name := labels_of(obj).get(SERVICE)):
            self._services.add(obj["metadata"]["namespace"], name)
        elif change.resource == "pods" and any(host_ports(obj)):
            self._pods.add(*identity(obj))
        elif change.resource == "nodes":
            self._add_all()

    def _add_all(self) -> None:
        for service in self._store.objects("services"):
            self._services.add(*identity(service))
        for pod in self._store.objects("pods"):
            if any(host_ports(pod)):
                self._pods.add(*identity(pod))

    def _publish_service(self, namespace: str, name: str) -> None:
        service = self._store.get("services", namespace, name)
        wanted: exposure.Exposed = {}
        if service is not None:
            slices = [
                found
                for found in self._store.objects("endpointslices", namespace)
                if labels_of(found).get(SERVICE) == name
            ]
            wanted = exposure.of_service(service, slices, self._nodes())
        self._outside.publish(("service", namespace, name), wanted)

    def _nodes(self) -> dict[str, str]:
        nodes = self._store.objects("nodes")
        return {n["metadata"]["name"]: a for n in nodes if (a := internal_address(n))}

    def _publish_pod(self, namespace: str, name: str) -> None:
        pod = self._store.get("pods", namespace, name)
        wanted: exposure.Exposed = {}
        if pod is not None and (node := pod["spec"].get("nodeName")):
            wanted = exposure.of_pod(pod, self._nodes().get(node, ""))
        self._outside.publish(("pod", namespace, name), wanted)

    def close(self) -> None:
        self._services.close()
        self._pods.close()
