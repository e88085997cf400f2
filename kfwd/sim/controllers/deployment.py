"""Deployments: rolling updates over ReplicaSets, as `pkg/controller/deployment` does them."""

from __future__ import annotations

import math
from typing import Any

from msgspec import Struct

from kfwd.sim.controllers.pods import (
    controller_of,
    is_active,
    owned,
    owner_reference,
    set_status,
    template_hash,
    with_condition,
)
from kfwd.sim.controllers.workload import WorkloadController, tally
from kfwd.sim.resources import BY_NAME
from kfwd.sim.store import Change, copy_of, identity
from kfwd.sim.write import create_object

Obj = dict[str, Any]

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"


class Group(Struct, frozen=True):
    """A ReplicaSet in numbers: pods asked for, and of those the available ones."""

    name: str
    replicas: int
    available: int


def amount(value: int | str, of: int, *, up: bool) -> int:
    """`maxSurge` and `maxUnavailable`: a number, or a percentage of `of` rounded up or down."""
    if isinstance(value, int):
        return value
    share = int(value.rstrip("%")) * of / 100
    return math.ceil(share) if up else math.floor(share)


def rolling(
    desired: int, surge: int, unavailable: int, new: Group, old: list[Group]
) -> dict[str, int]:
    """One step of a rolling update: the sizes that change, by name of the ReplicaSet.

    Never more than `desired + surge` pods, never fewer than `desired - unavailable` available
    ones. `old` is ordered oldest first, and shrinks in that order, unhealthy pods first.
    """
    if surge == 0 and unavailable == 0:
        unavailable = 1
    total = new.replicas + sum(group.replicas for group in old)
    if new.replicas > desired:
        return {new.name: desired}
    if new.replicas < desired and (room := desired + surge - total) > 0:
        return {new.name: min(desired, new.replicas + room)}
    at_least = desired - min(unavailable, desired)
    may_go = total - at_least - (new.replicas - new.available)
    return _shrink(old, may_go, new.available - at_least)


def _shrink(old: list[Group], may_go: int, spare: int) -> dict[str, int]:
    """Take at most `may_go` pods; available ones only while enough stay (`spare` + theirs)."""
    sizes: dict[str, int] = {}
    for group in old:
        unhealthy = min(group.replicas - group.available, max(0, may_go))
        if unhealthy:
            sizes[group.name] = group.replicas - unhealthy
            may_go -= unhealthy
    spare = min(may_go, spare + sum(group.available for group in old))
    for group in old:
        size = sizes.get(group.name, group.replicas)
        take = min(size, max(0, spare))
        if take:
            sizes[group.name] = size - take
            spare -= take
    return sizes


class Deployments(WorkloadController):
    """Makes a ReplicaSet for each template and moves the replicas over."""

    resource = "deployments"

    def on(self, change: Change) -> None:
        if change.resource == "replicasets":
            self._add_owner(change.object)
        elif change.resource == "pods":
            self._add_pod_owner(change.object)
        else:
            super().on(change)

    def _add_owner(self, replica_set: Obj) -> None:
        owner = controller_of(replica_set)
        if owner is not None and owner["kind"] == "Deployment":
            self._queue.add(replica_set["metadata"]["namespace"], owner["name"])

    def _add_pod_owner(self, pod: Obj) -> None:
        """A pod that is gone at last may let a Recreate go on."""
        owner = controller_of(pod)
        if owner is None or owner["kind"] != "ReplicaSet":
            return
        namespace = pod["metadata"]["namespace"]
        if replica_set := self._store.get("replicasets", namespace, owner["name"]):
            self._add_owner(replica_set)

    def _reconcile(self, deployment: Obj) -> None:
        label = template_hash(deployment["spec"]["template"])
        sets = owned(self._store, "replicasets", deployment)
        new = next((r for r in sets if r["metadata"]["labels"].get(HASH) == label), None)
        old = sorted((r for r in sets if r is not new), key=_revision)
        if not deployment["spec"].get("paused"):
            if new is None:
                new = self._make(deployment, label)
            deployment, new = self._revise(deployment, new, old)
            self._move(deployment, new, old)
            self._clean(deployment, old)
        elif len(sets) == 1:
            self._resize(sets[0], deployment["spec"]["replicas"])
        self._set_status(deployment, new)

    def _make(self, deployment: Obj, label: str) -> Obj:
        meta, spec = deployment["metadata"], deployment["spec"]
        template = copy_of(spec["template"])
        labels = {**((template.get("metadata") or {}).get("labels") or {}), HASH: label}
        template["metadata"] = {**(template.get("metadata") or {}), "labels": labels}
        selector = copy_of(spec["selector"])
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH: label}
        replica_set = {
            "metadata": {
                "name": f"{meta['name']}-{label}",
                "labels": labels,
                "ownerReferences": [owner_reference("deployments", deployment)],
            },
            "spec": {"replicas": 0, "selector": selector, "template": template},
        }
        if "minReadySeconds" in spec:
            replica_set["spec"]["minReadySeconds"] = spec["minReadySeconds"]
        return create_object(self._store, BY_NAME["replicasets"], replica_set, meta["namespace"])

    def _revise(self, deployment: Obj, new: Obj, old: list[Obj]) -> tuple[Obj, Obj]:
        """Number the newest ReplicaSet, and the Deployment with it."""
        wanted = max([_revision(new), *(_revision(r) + 1 for r in old), 1])
        return (
            self._annotate("deployments", deployment, {REVISION: str(wanted)}),
            self._annotate("replicasets", new, {REVISION: str(wanted)}),
        )

    def _annotate(self, resource: str, obj: Obj, annotations: dict[str, str]) -> Obj:
        def change(copy: Obj) -> None:
            found = copy["metadata"].get("annotations") or {}
            copy["metadata"]["annotations"] = {**found, **annotations}

        return self._store.update(resource, *identity(obj), change) or obj

    def _available(self, replica_set: Obj) -> int:
        pods = owned(self._store, "pods", replica_set)
        min_ready_s = replica_set["spec"].get("minReadySeconds", 0)
        found = tally(pods, min_ready_s, self._store.clock()).available
        return min(found, int(replica_set["spec"]["replicas"]))

    def _move(self, deployment: Obj, new: Obj, old: list[Obj]) -> None:
        spec = deployment["spec"]
        desired = spec["replicas"]
        sets = {r["metadata"]["name"]: r for r in (new, *old)}
        if spec["strategy"]["type"] == "Recreate":
            sizes = self._recreate(desired, new, old)
        else:
            limits = spec["strategy"]["rollingUpdate"]
            sizes = rolling(
                desired,
                amount(limits["maxSurge"], desired, up=True),
                amount(limits["maxUnavailable"], desired, up=False),
                self._group(new),
                [self._group(r) for r in old],
            )
        for name, size in sizes.items():
            self._resize(sets[name], size)

    def _group(self, replica_set: Obj) -> Group:
        name, replicas = replica_set["metadata"]["name"], replica_set["spec"]["replicas"]
        return Group(name, replicas, self._available(replica_set))

    def _recreate(self, desired: int, new: Obj, old: list[Obj]) -> dict[str, int]:
        """Nothing new before the last old pod is gone."""
        left = any(owned(self._store, "pods", replica_set) for replica_set in old)
        sizes = {r["metadata"]["name"]: 0 for r in old if r["spec"]["replicas"]}
        if not sizes and not left:
            sizes[new["metadata"]["name"]] = desired
        return sizes

    def _resize(self, replica_set: Obj, replicas: int) -> None:
        def change(copy: Obj) -> None:
            if copy["spec"]["replicas"] != replicas:
                copy["spec"]["replicas"] = replicas
                copy["metadata"]["generation"] += 1

        self._store.update("replicasets", *identity(replica_set), change)

    def _clean(self, deployment: Obj, old: list[Obj]) -> None:
        """Forget the oldest empty ReplicaSets beyond `revisionHistoryLimit`."""
        empty = [r for r in old if not r["spec"]["replicas"] and not owned(self._store, "pods", r)]
        for replica_set in empty[: max(0, len(empty) - deployment["spec"]["revisionHistoryLimit"])]:
            self._store.delete("replicasets", *identity(replica_set))

    def _set_status(self, deployment: Obj, new: Obj | None) -> None:
        spec, old_status = deployment["spec"], deployment.get("status") or {}
        sets = owned(self._store, "replicasets", deployment)
        pods = {r["metadata"]["name"]: owned(self._store, "pods", r) for r in sets}
        every = self._count(deployment, [pod for found in pods.values() for pod in found])
        fresh = pods.get(new["metadata"]["name"], []) if new is not None else []
        updated = sum(map(is_active, fresh))
        counts = {
            "replicas": every.active,
            "updatedReplicas": updated,
            "readyReplicas": every.ready,
            "availableReplicas": every.available,
            "unavailableReplicas": max(0, max(spec["replicas"], every.active) - every.available),
        }
        status: Obj = {key: value for key, value in counts.items() if value}
        status["observedGeneration"] = deployment["metadata"]["generation"]
        status["conditions"] = self._conditions(deployment, counts, old_status, new)
        set_status(self._store, "deployments", deployment, status)

    def _conditions(
        self, deployment: Obj, counts: dict[str, int], status: Obj, new: Obj | None
    ) -> list[Obj]:
        spec, now = deployment["spec"], self._store.now()
        desired = spec["replicas"]
        limits = spec["strategy"].get("rollingUpdate") or {"maxUnavailable": 0}
        least = desired - amount(limits["maxUnavailable"], desired, up=False)
        available = counts["availableReplicas"] >= least
        reason = "MinimumReplicasAvailable" if available else "MinimumReplicasUnavailable"
        has = "has" if available else "does not have"
        found = with_condition(
            status,
            now,
            "Available",
            available,
            reason=reason,
            message=f"Deployment {has} minimum availability.",
        )
        name = new["metadata"]["name"] if new is not None else ""
        done = counts["updatedReplicas"] == counts["replicas"] == desired
        done = done and counts["availableReplicas"] >= desired
        return with_condition(
            {"conditions": found},
            now,
            "Progressing",
            True,
            reason="NewReplicaSetAvailable" if done else "ReplicaSetUpdated",
            message=f'ReplicaSet "{name}" has successfully progressed.'
            if done
            else f'ReplicaSet "{name}" is progressing.',
        )


def _revision(replica_set: Obj) -> int:
    annotations = replica_set["metadata"].get("annotations") or {}
    return int(annotations.get(REVISION, "0"))
