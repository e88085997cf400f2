"""Scale, binding, eviction and token: the parts of objects with verbs of their own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from kfwd.sim import deletion
from kfwd.sim.auth import Tokens, service_account
from kfwd.sim.exchange import Answer, Request, json_answer, object_of
from kfwd.sim.read import find
from kfwd.sim.resources import PODS, Resource
from kfwd.sim.status import bad_request, conflict, method_not_allowed
from kfwd.sim.store import Store, copy_of, rfc3339
from kfwd.sim.write import patched, replace_object

Obj = dict[str, Any]

TOKEN_S = 3600


def _selector_text(selector: Obj) -> str:
    labels = (selector or {}).get("matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _scale_of(obj: Obj) -> Obj:
    """The autoscaling/v1 Scale of a workload."""
    meta = obj["metadata"]
    fields = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {field: meta[field] for field in fields},
        "spec": {"replicas": obj["spec"].get("replicas", 0)},
        "status": {
            "replicas": (obj.get("status") or {}).get("replicas", 0),
            "selector": _selector_text(obj["spec"].get("selector") or {}),
        },
    }


def scale(store: Store, resource: Resource, request: Request) -> Answer:
    """GET, PUT or PATCH of a Scale."""
    info = request.info
    old = find(store, resource, info.namespace, info.name)
    if info.verb == "get":
        return json_answer(_scale_of(old))
    if info.verb not in {"update", "patch"}:
        raise method_not_allowed()
    wanted = object_of(request) if info.verb == "update" else patched(request, _scale_of(old))
    version = wanted["metadata"].get("resourceVersion")
    if version not in {None, "", old["metadata"]["resourceVersion"]}:
        raise conflict(resource, info.name)
    replicas = (wanted.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or replicas < 0:
        raise bad_request("spec.replicas: must be greater than or equal to 0")
    new = copy_of(old)
    new["spec"]["replicas"] = replicas
    return json_answer(
        _scale_of(replace_object(store, resource, old, new, dry_run=request.dry_run))
    )


def eviction(store: Store, request: Request) -> Answer:
    pod = find(store, PODS, request.info.namespace, request.info.name)
    options = object_of(request).get("deleteOptions") or {}
    deletion.begin(store, "pods", pod, options.get("gracePeriodSeconds"))
    return json_answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})


def binding(store: Store, request: Request) -> Answer:
    """What a scheduler of one's own posts."""
    info = request.info
    find(store, PODS, info.namespace, info.name)
    node = (object_of(request).get("target") or {}).get("name", "")
    bind(store, info.namespace, info.name, node)
    return json_answer(
        {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}, 201
    )


def bind(store: Store, namespace: str, name: str, node: str) -> None:
    """Give a pod to a node."""

    def place(pod: Obj) -> None:
        pod["spec"]["nodeName"] = node
        status = pod.setdefault("status", {})
        conditions = [c for c in status.get("conditions") or () if c["type"] != "PodScheduled"]
        scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": store.now()}
        status["conditions"] = [*conditions, scheduled]

    store.update("pods", namespace, name, place)


def token(store: Store, tokens: Tokens, request: Request) -> Answer:
    """TokenRequest: a token of a service account."""
    info = request.info
    asked = object_of(request)
    bearer = tokens.issue(service_account(info.namespace, info.name))
    expires = store.clock() + timedelta(seconds=TOKEN_S)
    status = {"token": bearer, "expirationTimestamp": rfc3339(expires)}
    return json_answer({**asked, "status": status}, 201)
