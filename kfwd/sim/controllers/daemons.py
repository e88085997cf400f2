"""DaemonSets: one pod on each node that fits."""

from __future__ import annotations

from typing import Any

from kfwd.sim import deletion
from kfwd.sim.controllers.pods import (
    create_pod,
    is_active,
    is_ready,
    owned,
    set_status,
    template_hash,
)
from kfwd.sim.controllers.workload import REVISION, WorkloadController
from kfwd.sim.store import Change, identity

Obj = dict[str, Any]


def fitting(daemon_set: Obj, nodes: list[Obj]) -> list[str]:
    """Names of the nodes that the template's `nodeSelector` allows."""
    selector = daemon_set["spec"]["template"]["spec"].get("nodeSelector") or {}
    return [
        node["metadata"]["name"]
        for node in nodes
        if all((node["metadata"].get("labels") or {}).get(k) == v for k, v in selector.items())
    ]


class DaemonSets(WorkloadController):
    """Creates missing pods, deletes those on nodes that fit no more, replaces outdated ones."""

    resource = "daemonsets"

    def on(self, change: Change) -> None:
        super().on(change)
        if change.resource == "nodes":
            for daemon_set in self._store.objects("daemonsets"):
                self._queue.add(*identity(daemon_set))

    def _reconcile(self, daemon_set: Obj) -> None:
        revision = template_hash(daemon_set["spec"]["template"])
        nodes = fitting(daemon_set, self._store.objects("nodes"))
        pods = owned(self._store, "pods", daemon_set)
        held = {pod["spec"].get("nodeName") for pod in pods}
        for node in nodes:
            if node not in held:
                spec = {"nodeName": node}
                labels = {REVISION: revision}
                create_pod(self._store, "daemonsets", daemon_set, labels=labels, spec=spec)
        for pod in self._surplus(daemon_set, pods, nodes, revision):
            deletion.begin(self._store, "pods", pod)
        self._set_status(daemon_set, nodes, revision)

    def _surplus(
        self, daemon_set: Obj, pods: list[Obj], nodes: list[str], revision: str
    ) -> list[Obj]:
        """Pods to delete: misplaced ones, and one outdated pod while all others are ready."""
        found = [p for p in pods if is_active(p) and p["spec"].get("nodeName") not in nodes]
        if daemon_set["spec"]["updateStrategy"]["type"] == "OnDelete":
            return found
        outdated = [p for p in pods if p["metadata"]["labels"].get(REVISION) != revision]
        if (
            not found
            and len(pods) == len(nodes)
            and all(is_active(p) and is_ready(p) for p in pods)
        ):
            found = outdated[:1]
        return found

    def _set_status(self, daemon_set: Obj, nodes: list[str], revision: str) -> None:
        pods = [p for p in owned(self._store, "pods", daemon_set) if is_active(p)]
        count = self._count(daemon_set, pods)
        updated = [p for p in pods if p["metadata"]["labels"].get(REVISION) == revision]
        status = {
            "observedGeneration": daemon_set["metadata"]["generation"],
            "desiredNumberScheduled": len(nodes),
            "currentNumberScheduled": count.active,
            "updatedNumberScheduled": len(updated),
            "numberReady": count.ready,
            "numberAvailable": count.available,
            "numberUnavailable": max(0, len(nodes) - count.available),
            "numberMisscheduled": 0,
        }
        set_status(self._store, "daemonsets", daemon_set, status)
