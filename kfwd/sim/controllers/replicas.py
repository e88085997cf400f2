"""ReplicaSets: as many active pods as asked for."""

from __future__ import annotations

from typing import Any

from kfwd.sim import deletion
from kfwd.sim.controllers.pods import (
    create_pod,
    is_active,
    is_ready,
    owned,
    set_status,
)
from kfwd.sim.controllers.workload import WorkloadController

Obj = dict[str, Any]


def doomed(active: list[Obj], count: int) -> list[Obj]:
    """Which pods go first: without a node, then not ready, then the youngest."""
    by_age = sorted(active, key=lambda pod: pod["metadata"]["creationTimestamp"], reverse=True)
    return sorted(by_age, key=lambda p: (bool(p["spec"].get("nodeName")), is_ready(p)))[:count]


class ReplicaSets(WorkloadController):
    """Creates and deletes pods; a pod that goes is replaced at once."""

    resource = "replicasets"

    def _reconcile(self, replica_set: Obj) -> None:
        active = [p for p in owned(self._store, "pods", replica_set) if is_active(p)]
        missing = replica_set["spec"].get("replicas", 1) - len(active)
        for _ in range(missing):
            create_pod(self._store, "replicasets", replica_set)
        for pod in doomed(active, max(0, -missing)):
            deletion.begin(self._store, "pods", pod)
        self._set_status(replica_set)

    def _set_status(self, replica_set: Obj) -> None:
        count = self._count(replica_set, owned(self._store, "pods", replica_set))
        status = {
            "replicas": count.active,
            "fullyLabeledReplicas": count.active,
            "readyReplicas": count.ready,
            "availableReplicas": count.available,
        }
        status = {key: value for key, value in status.items() if value or key == "replicas"}
        status["observedGeneration"] = replica_set["metadata"]["generation"]
        set_status(self._store, "replicasets", replica_set, status)
