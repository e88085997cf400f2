"""How objects go: grace, finalizers, owners and dependents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from kfwd.sim.resources import RESOURCES
from kfwd.sim.store import Store, rfc3339

Obj = dict[str, Any]

DEFAULT_GRACE_S = 30
FINISHED = frozenset({"Succeeded", "Failed"})


def _pod_grace_s(pod: Obj, asked: int | None) -> int:
    """Seconds a pod gets: 0 where no kubelet runs it (registry/core/pod/strategy.go)."""
    if not pod["spec"].get("nodeName") or pod.get("status", {}).get("phase") in FINISHED:
        return 0
    if asked is not None:
        return max(0, asked)
    return int(pod["spec"].get("terminationGracePeriodSeconds", DEFAULT_GRACE_S))


def begin(store: Store, resource: str, obj: Obj, grace_s: int | None = None) -> bool:
    """Delete `obj`, or mark it so. Returns whether it is gone already."""
    meta = obj["metadata"]
    key = (meta.get("namespace", ""), meta["name"])
    grace = _pod_grace_s(obj, grace_s) if resource == "pods" else 0
    if not meta.get("finalizers") and grace == 0 and resource != "namespaces":
        store.delete(resource, *key)
        return True
    left = meta.get("deletionGracePeriodSeconds")
    if left is None or grace < left:
        store.update(resource, *key, lambda copy: _mark(store, resource, copy, grace))
    return False


def _mark(store: Store, resource: str, obj: Obj, grace_s: int) -> None:
    meta = obj["metadata"]
    moment = store.clock() + timedelta(seconds=grace_s)
    meta["deletionTimestamp"] = rfc3339(moment)
    meta["deletionGracePeriodSeconds"] = grace_s
    if resource == "namespaces":
        obj.setdefault("status", {})["phase"] = "Terminating"


def finish(store: Store, resource: str, namespace: str, name: str) -> None:
    """Remove a marked object once nothing holds it any more."""
    obj = store.get(resource, namespace, name)
    if obj is None or obj["metadata"].get("finalizers"):
        return
    store.delete(resource, namespace, name)


def dependents(store: Store, uid: str) -> Iterator[tuple[str, Obj]]:
    """(resource, object) of everything that `uid` owns."""
    for resource in RESOURCES:
        for obj in store.objects(resource.name):
            owners = obj["metadata"].get("ownerReferences") or ()
            if any(owner.get("uid") == uid for owner in owners):
                yield resource.name, obj


def orphan(store: Store, uid: str) -> None:
    """Let go of everything that `uid` owns (`propagationPolicy: Orphan`)."""
    for resource, obj in list(dependents(store, uid)):
        meta = obj["metadata"]
        store.update(
            resource, meta.get("namespace", ""), meta["name"], lambda copy: _disown(copy, uid)
        )


def _disown(obj: Obj, uid: str) -> None:
    owners = [o for o in obj["metadata"].get("ownerReferences") or () if o.get("uid") != uid]
    obj["metadata"]["ownerReferences"] = owners
