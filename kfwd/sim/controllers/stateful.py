"""StatefulSets: pods with stable names, one after the other."""

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

Obj = dict[str, Any]

INDEX = "apps.kubernetes.io/pod-index"
NAME = "statefulset.kubernetes.io/pod-name"


def ordinal(pod: Obj) -> int:
    """The number at the end of a pod's name."""
    return int(pod["metadata"]["name"].rpartition("-")[2])


def next_step(
    pods: dict[int, Obj], replicas: int, revision: str, partition: int
) -> tuple[str, int] | None:
    """(`create` or `delete`, ordinal) of the one thing to do now, if there is one.

    In order: the lowest missing pod when all below are ready; the highest surplus pod; the highest
    outdated pod when all are ready. Nothing happens while a pod is on its way out.
    """
    for number in range(replicas):
        if number not in pods:
            return "create", number
        if not is_active(pods[number]) or not is_ready(pods[number]):
            return None
    if any(not is_active(pod) for pod in pods.values()):
        return None
    if surplus := [number for number in pods if number >= replicas]:
        return "delete", max(surplus)
    outdated = [
        number
        for number, pod in pods.items()
        if number >= partition and pod["metadata"]["labels"].get(REVISION) != revision
    ]
    return ("delete", max(outdated)) if outdated else None


class StatefulSets(WorkloadController):
    """Works through `next_step`, again after each change of a pod."""

    resource = "statefulsets"

    def _reconcile(self, stateful_set: Obj) -> None:
        spec = stateful_set["spec"]
        revision = f"{stateful_set['metadata']['name']}-{template_hash(spec['template'])}"
        parallel = spec["podManagementPolicy"] == "Parallel"
        while self._step(stateful_set, revision) and parallel:
            pass
        self._set_status(stateful_set, revision)

    def _step(self, stateful_set: Obj, revision: str) -> bool:
        """Do one thing; False if there was none."""
        spec = stateful_set["spec"]
        pods = {ordinal(pod): pod for pod in owned(self._store, "pods", stateful_set)}
        replicas = spec["replicas"]
        if spec["podManagementPolicy"] == "Parallel":
            missing = [number for number in range(replicas) if number not in pods]
            if missing:
                self._create(stateful_set, missing[0], revision)
                return True
        strategy = spec["updateStrategy"]
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        if strategy["type"] == "OnDelete":
            partition = replicas
        step = next_step(pods, replicas, revision, partition)
        if step is None:
            return False
        if step[0] == "create":
            self._create(stateful_set, step[1], revision)
        else:
            deletion.begin(self._store, "pods", pods[step[1]])
        return True

    def _create(self, stateful_set: Obj, number: int, revision: str) -> None:
        name = f"{stateful_set['metadata']['name']}-{number}"
        if self._store.get("pods", stateful_set["metadata"]["namespace"], name) is not None:
            # Somebody else's pod has the name: wait until it is gone.
            return
        labels = {REVISION: revision, INDEX: str(number), NAME: name}
        spec = {"hostname": name, "subdomain": stateful_set["spec"].get("serviceName", "")}
        create_pod(self._store, "statefulsets", stateful_set, name=name, labels=labels, spec=spec)

    def _set_status(self, stateful_set: Obj, revision: str) -> None:
        spec, old = stateful_set["spec"], stateful_set.get("status") or {}
        pods = [p for p in owned(self._store, "pods", stateful_set) if is_active(p)]
        count = self._count(stateful_set, pods)
        updated = [p for p in pods if p["metadata"]["labels"].get(REVISION) == revision]
        done = len(updated) == len(pods) == spec["replicas"] and count.ready == spec["replicas"]
        current = revision if done else old.get("currentRevision", revision)
        status = {
            "observedGeneration": stateful_set["metadata"]["generation"],
            "replicas": count.active,
            "readyReplicas": count.ready,
            "availableReplicas": count.available,
            "currentReplicas": sum(
                1 for p in pods if p["metadata"]["labels"].get(REVISION) == current
            ),
            "updatedReplicas": len(updated),
            "currentRevision": current,
            "updateRevision": revision,
            "collisionCount": 0,
        }
        set_status(self._store, "statefulsets", stateful_set, status)
