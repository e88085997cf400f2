"""What the controllers of workloads share: when to look at one, and how its pods are counted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, ClassVar

from msgspec import Struct

from kfwd.sim.controllers.pods import available_in, follow_owner, is_active, is_ready
from kfwd.sim.controllers.queue import Queue
from kfwd.sim.resources import BY_NAME
from kfwd.sim.store import Change, Store, identity

Obj = dict[str, Any]

REVISION = "controller-revision-hash"
"""The label that says from which template a pod of a StatefulSet or DaemonSet was made."""


class Tally(Struct, frozen=True):
    """How many of a workload's active pods there are, ready, available, and when to count again."""

    active: int
    ready: int
    available: int
    again_s: float | None


def tally(pods: list[Obj], min_ready_s: int, now: datetime) -> Tally:
    """Count the active ones among `pods`."""
    active = [pod for pod in pods if is_active(pod)]
    waits = [available_in(pod, min_ready_s, now) for pod in active]
    due = [wait for wait in waits if wait]
    return Tally(
        len(active), sum(map(is_ready, active)), waits.count(0.0), min(due) if due else None
    )


class WorkloadController(ABC):
    """Reconciles a workload of kind `resource` after each change of it or of a pod it controls."""

    resource: ClassVar[str]

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue = Queue(self._look)

    def on(self, change: Change) -> None:
        if change.resource == self.resource:
            self._queue.add(*identity(change.object))
        elif change.resource == "pods":
            follow_owner(change, BY_NAME[self.resource].kind, self._queue.add)

    def close(self) -> None:
        self._queue.close()

    @abstractmethod
    def _reconcile(self, workload: Obj) -> None:
        """Bring the pods nearer to what `workload`, which is not being deleted, asks for."""

    def _look(self, namespace: str, name: str) -> None:
        workload = self._store.get(self.resource, namespace, name)
        if workload is not None and not workload["metadata"].get("deletionTimestamp"):
            self._reconcile(workload)

    def _count(self, workload: Obj, pods: list[Obj]) -> Tally:
        """Count `pods`, and look again when the next of them has been ready for long enough."""
        found = tally(pods, workload["spec"].get("minReadySeconds", 0), self._store.clock())
        if found.again_s is not None:
            self._queue.add_later(*identity(workload), found.again_s)
        return found
