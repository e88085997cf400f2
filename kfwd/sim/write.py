"""CREATE, UPDATE, PATCH and DELETE: what is checked and filled in before the store sees it."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec

from kfwd.sim import allocate, defaults, deletion, nodenet, patch, validate
from kfwd.sim.exchange import (
    Answer,
    Request,
    Shape,
    body_of,
    json_answer,
    object_of,
    options_of,
)
from kfwd.sim.nodenet import internal_address
from kfwd.sim.read import find, list_all
from kfwd.sim.resources import NAMESPACES, Resource
from kfwd.sim.status import (
    StatusError,
    already_exists,
    bad_request,
    conflict,
    invalid,
    not_found,
    unsupported_media_type,
)
from kfwd.sim.store import Store, copy_of

Obj = dict[str, Any]

NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
GENERATED = frozenset(
    {
        "deployments",
        "replicasets",
        "statefulsets",
        "daemonsets",
        "jobs",
        "pods",
        "ingresses",
        "ingressclasses",
        "gatewayclasses",
        "gateways",
        "httproutes",
        "referencegrants",
    }
)
SERVER_OWNED = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
    "selfLink",
    "managedFields",
)


def suffix(length: int = 5) -> str:
    """A random name ending, in the letters Kubernetes uses."""
    return "".join(secrets.choice(NAME_LETTERS) for _ in range(length))


def prepared(store: Store, resource: Resource, obj: Obj, namespace: str) -> Obj:
    """A new object as it will be stored. Raises 403, 404, 422."""
    obj = copy_of({k: v for k, v in obj.items() if k not in {"kind", "apiVersion"}})
    meta = obj["metadata"] = obj.get("metadata") or {}
    for field in SERVER_OWNED:
        meta.pop(field, None)
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = meta["generateName"] + suffix()
    if resource.namespaced:
        meta["namespace"] = namespace
        _check_namespace(store, resource, namespace, meta.get("name", ""))
    else:
        meta.pop("namespace", None)
    defaults.fill(resource.name, obj)
    if resource.name == "ingresses":
        defaults.ingress_class(obj, store.objects("ingressclasses"))
    _refuse(resource, obj, validate.faults(resource.name, obj))
    if resource.name == "services":
        _allocate(store, resource, obj, store.objects("services"))
    if resource.name in GENERATED:
        meta["generation"] = 1
    return obj


def _refuse(resource: Resource, obj: Obj, faults: validate.Faults) -> None:
    if faults:
        raise invalid(resource, obj["metadata"].get("name", ""), faults)


def _allocate(store: Store, resource: Resource, service: Obj, others: list[Obj]) -> None:
    """Addresses and ports that no other service and nothing on this machine has."""
    _refuse(resource, service, allocate.node_port_faults(service, others))
    nodes = map(internal_address, store.objects("nodes"))
    allocate.service(service, others, nodenet.free_on(nodes))


def _check_namespace(store: Store, resource: Resource, namespace: str, name: str) -> None:
    found = store.get("namespaces", "", namespace)
    if found is None:
        raise not_found(NAMESPACES, namespace)
    if found["metadata"].get("deletionTimestamp"):
        raise StatusError(
            403,
            "Forbidden",
            f'{resource.qualified} "{name}" is forbidden: unable to create new content in '
            f"namespace {namespace} because it is being terminated",
            {"name": name, "kind": resource.name},
        )


def create_object(
    store: Store, resource: Resource, obj: Obj, namespace: str, *, dry_run: bool = False
) -> Obj:
    """Check, fill in and store a new object. Raises 403, 404, 409, 422."""
    new = prepared(store, resource, obj, namespace)
    name = new["metadata"]["name"]
    if store.get(resource.name, new["metadata"].get("namespace", ""), name) is not None:
        raise already_exists(resource, name)
    if dry_run:
        new["metadata"] |= {"uid": "", "creationTimestamp": store.now(), "resourceVersion": ""}
        return new
    return store.create(resource.name, new)


def create(store: Store, resource: Resource, request: Request) -> Answer:
    obj, info = object_of(request), request.info
    _check_kind(resource, obj)
    given = obj["metadata"].get("namespace")
    if resource.namespaced and given and given != info.namespace:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    made = create_object(store, resource, obj, info.namespace, dry_run=request.dry_run)
    return json_answer(Shape(resource, request, store.clock).one(made), 201)


def _check_kind(resource: Resource, obj: Obj) -> None:
    kind = obj.get("kind", resource.kind)
    if kind != resource.kind:
        raise bad_request(
            f"{kind} in version {obj.get('apiVersion', resource.api_version)!r} cannot be handled "
            f"as a {resource.kind}: no kind {kind!r} is registered for this resource"
        )


def _kept(resource: Resource, old: Obj, new: Obj, subresource: str) -> Obj:
    """`new` with everything of `old` that this kind of write may not change."""
    if subresource == "status":
        return {**old, "status": new.get("status") or {}}
    new = {k: v for k, v in new.items() if k not in {"kind", "apiVersion"}}
    if "status" in resource.subresources:
        new.pop("status", None)
        if "status" in old:
            new["status"] = old["status"]
    new["metadata"] = {**new["metadata"]}
    for field in SERVER_OWNED:
        new["metadata"].pop(field, None)
        if field in old["metadata"]:
            new["metadata"][field] = old["metadata"][field]
    if resource.namespaced:
        new["metadata"]["namespace"] = old["metadata"]["namespace"]
    return new


def replace_object(
    store: Store,
    resource: Resource,
    old: Obj,
    new: Obj,
    *,
    subresource: str = "",
    dry_run: bool = False,
) -> Obj:
    """Store `new` over `old`. Raises 409 where they are not the same object, 422."""
    name, meta = old["metadata"]["name"], new["metadata"]
    if meta.get("name") not in {None, name}:
        raise bad_request(
            f"the name of the object ({meta['name']}) does not match the name on the URL ({name})"
        )
    if meta.get("resourceVersion") not in {None, "", old["metadata"]["resourceVersion"]}:
        raise conflict(resource, name)
    if meta.get("uid") not in {None, "", old["metadata"]["uid"]}:
        raise conflict(
            resource,
            name,
            f"Precondition failed: UID in precondition: {meta['uid']}, "
            f"UID in object meta: {old['metadata']['uid']}",
        )
    new = copy_of(_kept(resource, old, {**new, "metadata": {**meta, "name": name}}, subresource))
    if resource.name == "services":
        allocate.keep(old, new)
    defaults.refill(resource.name, new)
    _refuse(resource, new, validate.changed_faults(resource.name, old, new))
    if resource.name == "services":
        uid = old["metadata"]["uid"]
        others = [s for s in store.objects("services") if s["metadata"]["uid"] != uid]
        _allocate(store, resource, new, others)
    if resource.name in GENERATED and new.get("spec") != old.get("spec"):
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
    if dry_run:
        return new
    stored = store.replace(resource.name, new)
    if stored["metadata"].get("deletionTimestamp") and resource.name not in {"pods", "namespaces"}:
        deletion.finish(store, resource.name, meta.get("namespace", ""), name)
    return stored


def update(store: Store, resource: Resource, request: Request) -> Answer:
    info, new = request.info, object_of(request)
    _check_kind(resource, new)
    old = find(store, resource, info.namespace, info.name)
    stored = replace_object(
        store, resource, old, new, subresource=info.subresource, dry_run=request.dry_run
    )
    return json_answer(Shape(resource, request, store.clock).one(stored))


def patched(request: Request, old: Obj) -> Obj:
    """`old` with the request's patch applied. Raises 400, 415, 422."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip()
    body = body_of(request)
    try:
        match content_type:
            case "application/json-patch+json":
                return _object(patch.json_patch(old, body))
            case "application/merge-patch+json":
                return _object(patch.merge(old, body))
            case "application/strategic-merge-patch+json" | "application/apply-patch+yaml":
                return _object(patch.strategic(old, body))
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise StatusError(
            422,
            "Invalid",
            f"the server rejected our request due to an error in our request: {error}",
        ) from error
    raise unsupported_media_type(content_type)


def _object(value: Any) -> Obj:
    if not isinstance(value, dict) or not isinstance(value.get("metadata"), dict):
        raise ValueError("the result of the patch is not an object")
    return value


def patch_object(store: Store, resource: Resource, request: Request) -> Answer:
    """PATCH; a server-side apply creates what is not there."""
    info = request.info
    old = store.get(resource.name, info.namespace if resource.namespaced else "", info.name)
    applying = request.headers.get("content-type", "").startswith("application/apply-patch")
    shape = Shape(resource, request, store.clock)
    if old is None:
        if not applying:
            raise not_found(resource, info.name)
        obj = object_of(request)
        obj["metadata"]["name"] = info.name
        made = create_object(store, resource, obj, info.namespace, dry_run=request.dry_run)
        return json_answer(shape.one(made), 201)
    new = patched(request, old)
    stored = replace_object(
        store, resource, old, new, subresource=info.subresource, dry_run=request.dry_run
    )
    return json_answer(shape.one(stored))


def _check_preconditions(resource: Resource, obj: Obj, options: Obj) -> None:
    meta = obj["metadata"]
    for field, known in (("uid", "uid"), ("resourceVersion", "resourceVersion")):
        wanted = (options.get("preconditions") or {}).get(field)
        if wanted is not None and wanted != meta[known]:
            raise conflict(
                resource,
                meta["name"],
                f"the {field} in the precondition ({wanted}) does not match the {field} in "
                f"record ({meta[known]}). The object might have been deleted and then recreated",
            )


def delete_object(store: Store, resource: Resource, obj: Obj, options: Obj) -> Obj:
    """Begin to delete; returns the Status or the marked object that answers the request."""
    _check_preconditions(resource, obj, options)
    meta = obj["metadata"]
    orphaned = options.get("propagationPolicy") == "Orphan"
    if orphaned or str(options.get("orphanDependents")).lower() == "true":
        deletion.orphan(store, meta["uid"])
    gone = deletion.begin(store, resource.name, obj, options.get("gracePeriodSeconds"))
    left = store.get(resource.name, meta.get("namespace", ""), meta["name"])
    if not gone and left is not None:
        return {"kind": resource.kind, "apiVersion": resource.api_version, **left}
    details = {"name": meta["name"], "kind": resource.name, "uid": meta["uid"]}
    if resource.group:
        details["group"] = resource.group
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }


def delete(store: Store, resource: Resource, request: Request) -> Answer:
    obj = find(store, resource, request.info.namespace, request.info.name)
    options = options_of(request)
    if request.dry_run or options.get("dryRun") == ["All"]:
        return json_answer(Shape(resource, request, store.clock).one(obj))
    return json_answer(delete_object(store, resource, obj, options))


def delete_collection(store: Store, resource: Resource, request: Request) -> Answer:
    """Delete what a list with the same selectors shows, and answer that list."""
    listed = list_all(store, resource, msgspec.structs.replace(request, headers={}))
    options = options_of(request)
    for item in msgspec.json.decode(listed.body)["items"]:
        if not request.dry_run:
            delete_object(store, resource, item, options)
    return listed
