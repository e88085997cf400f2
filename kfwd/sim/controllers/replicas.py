"""ReplicaSets: as many active pods as asked for."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from kfwd.sim import deletion
from kfwd.sim.controllers.pods import (
    available_in,
    create_pod,
    follow_owner,
    is_active,
    is_ready,
    owned,
    set_status,
)
from kfwd.sim.controllers.queue import Queue
from kfwd.sim.store import Change, Store, identity

Obj = dict[str, Any]


class Tally(Struct, frozen=True):
    """How many of a workload's active pods there are, ready, available, and when to count again."""

    active: int
    ready: int
    available: int
    again_s: float | None


def tally(pods: list[Obj], min_ready_s: int, now: Any) -> Tally:
    """Count the active ones among `pods`."""
    active = [pod for pod in pods if is_active(pod)]
    waits = [available_in(pod, min_ready_s, now) for pod in active]
    due = [wait for wait in waits if wait]
    return Tally(
        len(active), sum(map(is_ready, active)), waits.count(0.0), min(due) if due else None
    )


def doomed(active: list[Obj], count: int) -> list[Obj]:
    """Which pods go first: without a node, then not ready, then the youngest."""
    by_age = sorted(active, key=lambda pod: pod["metadata"]["creationTimestamp"], reverse=True)
    return sorted(by_age, key=lambda p: (bool(p["spec"].get("nodeName")), is_ready(p)))[:count]


class ReplicaSets:
    """Creates and deletes pods; a pod that goes is replaced at once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue = Queue(self._reconcile)

    def on(self, change: Change) -> None:
        if change.resource == "replicasets":
            self._queue.add(*identity(change.object))
        elif change.resource == "pods":
            follow_owner(change, "ReplicaSet", self._queue.add)

    def _reconcile(self, namespace: str, name: str) -> None:
        replica_set = self._store.get("replicasets", namespace, name)
        if replica_set is None or replica_set["metadata"].get("deletionTimestamp"):
            return
        active = [p for p in owned(self._store, "pods", replica_set) if is_active(p)]
        missing = replica_set["spec"].get("replicas", 1) - len(active)
        for _ in range(missing):
            create_pod(self._store, "replicasets", replica_set)
        for pod in doomed(active, max(0, -missing)):
            deletion.begin(self._store, "pods", pod)
        self._set_status(replica_set)

    def _set_status(self, replica_set: Obj) -> None:
        min_ready_s = replica_set["spec"].get("minReadySeconds", 0)
        pods = owned(self._store, "pods", replica_set)
        count = tally(pods, min_ready_s, self._store.clock())
        status = {
            "replicas": count.active,
            "fullyLabeledReplicas": count.active,
            "readyReplicas": count.ready,
            "availableReplicas": count.available,
        }
        status = {key: value for key, value in status.items() if value or key == "replicas"}
        status["observedGeneration"] = replica_set["metadata"]["generation"]
        set_status(self._store, "replicasets", replica_set, status)
        if count.again_s is not None:
            self._queue.add_later(*identity(replica_set), count.again_s)

    def close(self) -> None:
        self._queue.close()
