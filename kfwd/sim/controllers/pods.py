"""What controllers ask about pods, and the pods they make from templates."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from kfwd.sim.deletion import FINISHED
from kfwd.sim.resources import BY_NAME, PODS
from kfwd.sim.store import Change, Store, copy_of
from kfwd.sim.tablerows import when
from kfwd.sim.write import NAME_LETTERS, create_object

Obj = dict[str, Any]


def condition(obj: Obj, kind: str) -> Obj | None:
    """The condition of that type."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c["type"] == kind), None)


def is_ready(pod: Obj) -> bool:
    found = condition(pod, "Ready")
    return found is not None and found["status"] == "True"


def is_terminating(pod: Obj) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def is_finished(pod: Obj) -> bool:
    return (pod.get("status") or {}).get("phase") in FINISHED


def is_active(pod: Obj) -> bool:
    """Whether it counts as a replica."""
    return not is_terminating(pod) and not is_finished(pod)


def available_in(pod: Obj, min_ready_s: int, now: datetime) -> float | None:
    """Seconds until the pod counts as available, 0 if it does, None while it is not ready."""
    found = condition(pod, "Ready")
    if found is None or found["status"] != "True":
        return None
    since = (now - when(found["lastTransitionTime"])).total_seconds()
    return max(0.0, min_ready_s - since)


def controller_of(obj: Obj) -> Obj | None:
    """The owner reference of the controller."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def owned(store: Store, resource: str, owner: Obj) -> list[Obj]:
    """Objects of a kind that `owner` controls."""
    uid, namespace = owner["metadata"]["uid"], owner["metadata"]["namespace"]
    return [
        obj
        for obj in store.objects(resource, namespace)
        if (found := controller_of(obj)) is not None and found["uid"] == uid
    ]


def owner_reference(resource: str, owner: Obj) -> Obj:
    kind = BY_NAME[resource]
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def template_hash(template: Obj) -> str:
    """A short name for a pod template, the same for the same template."""
    digest = hashlib.sha256(msgspec.json.encode(template, order="deterministic")).digest()
    return "".join(NAME_LETTERS[byte % len(NAME_LETTERS)] for byte in digest[:10])


def create_pod(
    store: Store,
    resource: str,
    owner: Obj,
    *,
    name: str = "",
    labels: dict[str, str] | None = None,
    spec: Obj | None = None,
) -> Obj:
    """A pod from the owner's template; without a `name` it gets the owner's and a random end."""
    template = copy_of(owner["spec"]["template"])
    meta = template.get("metadata") or {}
    found = {"labels": {**(meta.get("labels") or {}), **(labels or {})}}
    if meta.get("annotations"):
        found["annotations"] = meta["annotations"]
    naming = {"name": name} if name else {"generateName": f"{owner['metadata']['name']}-"}
    pod = {
        "metadata": {**naming, **found, "ownerReferences": [owner_reference(resource, owner)]},
        "spec": {**template["spec"], **(spec or {})},
    }
    return create_object(store, PODS, pod, owner["metadata"]["namespace"])


def set_status(store: Store, resource: str, obj: Obj, status: Obj) -> None:
    """Store `status`; one that is the same already makes no new version."""
    meta = obj["metadata"]

    def change(copy: Obj) -> None:
        copy["status"] = status

    store.update(resource, meta.get("namespace", ""), meta["name"], change)


def with_condition(status: Obj, now: str, kind: str, value: bool, **fields: str) -> list[Obj]:
    """`status.conditions` with one replaced; its transition time moves only when it turns."""
    conditions = list(status.get("conditions") or ())
    text = "True" if value else "False"
    old = next((c for c in conditions if c["type"] == kind), None)
    since = old["lastTransitionTime"] if old and old["status"] == text else now
    new = {"type": kind, "status": text, "lastTransitionTime": since, **fields}
    if old is None:
        return [*conditions, new]
    return [new if c is old else c for c in conditions]


def follow_owner(change: Change, kind: str, add: Callable[[str, str], None]) -> None:
    """Add the controller of a changed object, before and after, if it is of that kind."""
    for obj in (change.object, change.previous):
        if obj is None:
            continue
        owner = controller_of(obj)
        if owner is not None and owner["kind"] == kind:
            add(obj["metadata"]["namespace"], owner["name"])
