"""GET, LIST and WATCH over the store (protocol notes I.1 to I.4)."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from kfwd.sim.exchange import Answer, Request, Shape, WatchAnswer, event_line, json_answer
from kfwd.sim.requests import truthy
from kfwd.sim.resources import Resource
from kfwd.sim.selectors import both
from kfwd.sim.status import (
    StatusError,
    bad_request,
    continue_expired,
    expired,
    not_found,
    too_large_version,
)
from kfwd.sim.store import Change, Gone, Matches, Store, Watcher

Obj = dict[str, Any]

INITIAL_END = {"k8s.io/initial-events-end": "true"}


def find(store: Store, resource: Resource, namespace: str, name: str) -> Obj:
    """The stored object. Raises 404."""
    found = store.get(resource.name, namespace if resource.namespaced else "", name)
    if found is None:
        raise not_found(resource, name)
    return found


def get(store: Store, resource: Resource, request: Request) -> Answer:
    obj = find(store, resource, request.info.namespace, request.info.name)
    return json_answer(Shape(resource, request, store.clock).one(obj))


def _matches(resource: Resource, request: Request) -> Matches:
    """What the path's namespace and both selectors let through. Raises 400."""
    query, namespace = request.query, request.info.namespace
    labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
    try:
        chosen = both(labels, fields, resource.name)
    except ValueError as error:
        raise bad_request(
            f'Unable to find "{resource.api_version}, Resource={resource.name}" that match label '
            f'selector "{labels}", field selector "{fields}": {error}'
        ) from None
    if not namespace or not resource.namespaced:
        return chosen
    return lambda obj: obj["metadata"].get("namespace") == namespace and chosen(obj)


def _number(query: Any, name: str) -> int:
    """A number from the query, 0 if it is absent. Raises 400."""
    text = query.get(name) or "0"
    if not text.isascii() or not text.isdigit():
        raise bad_request(f"invalid {name}: {text!r}")
    return int(text)


def _continue_token(version: int, key: tuple[str, str]) -> str:
    raw = msgspec.json.encode({"v": "meta.k8s.io/v1", "rv": version, "start": list(key)})
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _continued(token: str) -> tuple[int, tuple[str, str]]:
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        found = msgspec.json.decode(raw)
        return int(found["rv"]), (found["start"][0], found["start"][1])
    except (binascii.Error, ValueError, KeyError, IndexError, TypeError, msgspec.DecodeError):
        raise bad_request("continue key is not valid") from None


def _version_of(store: Store, query: Any) -> int:
    """The version a list is to show. Raises 504 for one from the future."""
    wanted = _number(query, "resourceVersion")
    if wanted > store.version:
        raise too_large_version(wanted, store.version)
    exact = query.get("resourceVersionMatch") == "Exact"
    return wanted if exact and wanted else store.version


def _snapshot(store: Store, resource: Resource, version: int) -> dict[tuple[str, str], Obj]:
    try:
        return store.snapshot(resource.name, version)
    except Gone as gone:
        raise expired(gone.requested, gone.oldest) from None


def list_all(store: Store, resource: Resource, request: Request) -> Answer:
    """A list, or one page of it. Pages after the first show the first one's version."""
    query = request.query
    if "sendInitialEvents" in query:
        raise _forbidden_option("sendInitialEvents is forbidden for list")
    matches, limit = _matches(resource, request), _number(query, "limit")
    start = ("", "")
    if token := query.get("continue"):
        version, start = _continued(token)
        try:
            objects = store.snapshot(resource.name, version)
        except Gone:
            raise continue_expired() from None
    else:
        version = _version_of(store, query)
        objects = _snapshot(store, resource, version)
    keys = [key for key in sorted(objects) if key > start and matches(objects[key])]
    page = keys[:limit] if limit else keys
    meta: Obj = {"resourceVersion": str(version)}
    if len(page) < len(keys):
        meta["continue"] = _continue_token(version, page[-1])
        if not query.get("labelSelector") and not query.get("fieldSelector"):
            meta["remainingItemCount"] = len(keys) - len(page)
    shape = Shape(resource, request, store.clock)
    return json_answer(shape.many([objects[key] for key in page], meta))


def _forbidden_option(text: str) -> StatusError:
    return StatusError(422, "Invalid", f'ListOptions.meta.k8s.io "" is invalid: {text}')


def _check_initial_events(query: Any) -> None:
    if "sendInitialEvents" in query and query.get("resourceVersionMatch") != "NotOlderThan":
        raise _forbidden_option(
            "resourceVersionMatch: Forbidden: sendInitialEvents requires setting "
            "resourceVersionMatch to NotOlderThan"
        )


def watch(store: Store, resource: Resource, request: Request) -> Answer | WatchAnswer:
    """A watch. A version that is too old is an ERROR event in a 200 (protocol notes I.3)."""
    query = request.query
    _check_initial_events(query)
    matches = _matches(resource, request)
    since = _number(query, "resourceVersion")
    if since > store.version:
        raise too_large_version(since, store.version)
    shape = Shape(resource, request, store.clock)
    snapshot_first = truthy(query.get("sendInitialEvents"))
    synthetic = snapshot_first or (since == 0 and "sendInitialEvents" not in query)
    try:
        start = store.version if synthetic or since == 0 else since
        watcher = store.watch(resource.name, start, matches)
    except Gone as gone:
        line = event_line("ERROR", expired(gone.requested, gone.oldest).status())
        return Answer(body=line)
    bookmarks = truthy(query.get("allowWatchBookmarks"))
    first = []
    if synthetic:
        objects = [obj for obj in store.objects(resource.name) if matches(obj)]
        first = [event_line("ADDED", shape.one(obj)) for obj in objects]
    if snapshot_first and bookmarks:
        first.append(_bookmark(shape, store.version, INITIAL_END))
    timeout = _number(query, "timeoutSeconds")
    return WatchAnswer(
        resource=resource,
        first=first,
        watcher=watcher,
        line=lambda change: _line(shape, change),
        bookmark=(lambda version: _bookmark(shape, version)) if bookmarks else None,
        timeout_s=float(timeout) if timeout else None,
    )


def _line(shape: Shape, change: Change) -> bytes:
    return event_line(change.type, shape.one(change.object))


def _bookmark(shape: Shape, version: int, annotations: Obj | None = None) -> bytes:
    meta: Obj = {"resourceVersion": str(version), "creationTimestamp": None}
    if annotations:
        meta["annotations"] = annotations
    return event_line("BOOKMARK", shape.marker(meta))


def expired_line(store: Store, watcher: Watcher) -> bytes:
    """The ERROR event that ends a watch whose history was compacted away."""
    return event_line("ERROR", expired(store.oldest, store.version).status())
