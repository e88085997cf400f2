"""All controllers of a cluster, told of every change in the order it was made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kfwd.sim.allocate import BalancerAddresses
from kfwd.sim.controllers.balancers import LoadBalancers
from kfwd.sim.controllers.daemons import DaemonSets
from kfwd.sim.controllers.deployment import Deployments
from kfwd.sim.controllers.endpoints import EndpointSlices
from kfwd.sim.controllers.garbage import Garbage, Namespaces
from kfwd.sim.controllers.gateways import Gateways
from kfwd.sim.controllers.ingresses import Ingresses
from kfwd.sim.controllers.jobs import Jobs
from kfwd.sim.controllers.kubelet import Kubelet
from kfwd.sim.controllers.kubeproxy import KubeProxy
from kfwd.sim.controllers.replicas import ReplicaSets
from kfwd.sim.controllers.scheduler import Scheduler
from kfwd.sim.controllers.stateful import StatefulSets
from kfwd.sim.faults import Faults
from kfwd.sim.node import Node, PortMap
from kfwd.sim.nodenet import can_bind
from kfwd.sim.outside import Outside
from kfwd.sim.store import Change, Store


class Controller(Protocol):
    """Hears of changes and acts on them later, in a turn of the loop of its own."""

    def on(self, change: Change) -> None: ...
    def close(self) -> None: ...


class Controllers:
    """Starts with the first change; `close()` ends them all."""

    def __init__(
        self,
        store: Store,
        node: Node,
        ports: PortMap,
        *,
        balancers: Sequence[str] = (),
        faults: Faults | None = None,
        ready_s: float,
    ) -> None:
        """`balancers` are the addresses for load balancers, ingress controllers and gateways."""
        self.kubelet = Kubelet(store, node, ready_s=ready_s)
        self.outside = Outside(ports, faults)
        addresses = BalancerAddresses(balancers)
        self._all: tuple[Controller, ...] = (
            Scheduler(store),
            EndpointSlices(store),
            ReplicaSets(store),
            Deployments(store),
            StatefulSets(store),
            DaemonSets(store),
            Jobs(store),
            LoadBalancers(store, addresses, can_bind),
            Ingresses(store, addresses),
            Gateways(store, addresses),
            KubeProxy(store, self.outside),
            Garbage(store),
            Namespaces(store),
        )
        self._unsubscribe = store.subscribe(self._on)

    def _on(self, change: Change) -> None:
        for controller in self._all:
            controller.on(change)
        self.kubelet.on(change)

    async def close(self) -> None:
        self._unsubscribe()
        for controller in self._all:
            controller.close()
        await self.outside.close()
        await self.kubelet.close()
