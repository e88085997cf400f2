"""Gives pods to nodes: the emptiest one that has their host ports free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kfwd.sim.controllers.pods import controller_of, is_active, is_finished, with_condition
from kfwd.sim.controllers.queue import Queue
from kfwd.sim.store import Change, Store, identity
from kfwd.sim.subresources import bind

Obj = dict[str, Any]
HostPort = tuple[str, int, str]

ANY = "0.0.0.0"  # noqa: S104 - what an omitted hostIP means, nothing is bound to it
DEFAULT = "default-scheduler"


def host_ports(pod: Obj) -> Iterator[HostPort]:
    """(protocol, port, address) of every host port a pod asks for."""
    for container in pod["spec"].get("containers", ()):
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                yield port.get("protocol", "TCP"), port["hostPort"], port.get("hostIP") or ANY


def conflict(wanted: Iterable[HostPort], taken: Iterable[HostPort]) -> bool:
    """Whether two sets of host ports cannot be on one node."""
    held = list(taken)
    return any(
        (protocol, port) == (other_protocol, other_port)
        and (address == other or ANY in {address, other})
        for protocol, port, address in wanted
        for other_protocol, other_port, other in held
    )


def _refusal(pod: Obj, node: Obj, running: list[Obj]) -> str | None:
    """Why a node cannot take a pod, in the scheduler's words."""
    if node["spec"].get("unschedulable"):
        return "node(s) were unschedulable"
    labels = node["metadata"].get("labels") or {}
    selector = pod["spec"].get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return "node(s) didn't match Pod's node affinity/selector"
    if conflict(host_ports(pod), (port for other in running for port in host_ports(other))):
        return "node(s) didn't have free ports for the requested pod ports"
    return None


def choose(pod: Obj, nodes: list[Obj], pods: list[Obj]) -> tuple[str | None, str]:
    """(node, "") or (None, why not): fewest pods of the same owner first, then fewest pods."""
    refusals: dict[str, int] = {}
    found: list[tuple[int, int, str]] = []
    owner = (controller_of(pod) or {}).get("uid")
    for node in nodes:
        name = node["metadata"]["name"]
        running = [p for p in pods if p["spec"].get("nodeName") == name and not is_finished(p)]
        if reason := _refusal(pod, node, running):
            refusals[reason] = refusals.get(reason, 0) + 1
            continue
        active = [p for p in running if is_active(p)]
        siblings = [p for p in active if owner and (controller_of(p) or {}).get("uid") == owner]
        found.append((len(siblings), len(active), name))
    if found:
        return min(found)[2], ""
    why = ", ".join(f"{count} {reason}" for reason, count in refusals.items())
    return None, f"0/{len(nodes)} nodes are available: {why}."


class Scheduler:
    """Binds pods that have no node; those that fit nowhere wait for a pod or node to change."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue = Queue(self._reconcile)
        self._waiting: set[tuple[str, str]] = set()

    def on(self, change: Change) -> None:
        homeless = change.resource == "pods" and not change.object["spec"].get("nodeName")
        if homeless and change.type != "DELETED":
            self._queue.add(*identity(change.object))
        freed = change.type == "DELETED" or is_finished(change.object)
        if change.resource == "nodes" or (change.resource == "pods" and freed):
            for key in self._waiting:
                self._queue.add(*key)

    def _reconcile(self, namespace: str, name: str) -> None:
        self._waiting.discard((namespace, name))
        pod = self._store.get("pods", namespace, name)
        if pod is None or pod["spec"].get("nodeName") or not is_active(pod):
            return
        if pod["spec"].get("schedulerName", DEFAULT) != DEFAULT:
            return
        node, why = choose(pod, self._store.objects("nodes"), self._store.objects("pods"))
        if node is not None:
            bind(self._store, namespace, name, node)
            return
        self._waiting.add((namespace, name))
        self._store.update("pods", namespace, name, lambda copy: self._unschedulable(copy, why))

    def _unschedulable(self, pod: Obj, why: str) -> None:
        status = pod.setdefault("status", {})
        status["conditions"] = with_condition(
            status, self._store.now(), "PodScheduled", False, reason="Unschedulable", message=why
        )

    def close(self) -> None:
        self._queue.close()
