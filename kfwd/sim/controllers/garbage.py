"""What follows from deletions and from new namespaces."""

from __future__ import annotations

from typing import Any

from kfwd.sim import deletion
from kfwd.sim.controllers.queue import Queue
from kfwd.sim.resources import BY_NAME, RESOURCES
from kfwd.sim.store import Change, Store, identity
from kfwd.sim.write import create_object

Obj = dict[str, Any]


class Garbage:
    """Deletes what a deleted object owned, in the background."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue = Queue(self._reconcile)
        self._deleted: dict[str, Change] = {}

    def on(self, change: Change) -> None:
        if change.type == "DELETED":
            uid = change.object["metadata"]["uid"]
            self._deleted[uid] = change
            self._queue.add("", uid)

    def _reconcile(self, _: str, uid: str) -> None:
        change = self._deleted.pop(uid)
        for resource, obj in list(deletion.dependents(self._store, uid)):
            deletion.begin(self._store, resource, obj)
        namespace, name = identity(change.object)
        if change.resource == "services" and not self._store.get("services", namespace, name):
            # Endpoints have no owner reference; their controller removes them by name.
            self._store.delete("endpoints", namespace, name)
        elif change.resource == "nodes" and not self._store.get("nodes", "", name):
            self._lose(name)

    def _lose(self, node: str) -> None:
        """The pods of a node that is gone are gone with it."""
        for pod in self._store.objects("pods"):
            if pod["spec"].get("nodeName") == node:
                self._store.delete("pods", *identity(pod))

    def close(self) -> None:
        self._queue.close()


class Namespaces:
    """Fills new namespaces with what pods need and empties those that are being deleted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue = Queue(self._reconcile)

    def on(self, change: Change) -> None:
        if change.resource == "namespaces":
            self._queue.add("", change.object["metadata"]["name"])
        elif change.type == "DELETED" and (name := change.object["metadata"].get("namespace")):
            self._queue.add("", name)

    def _reconcile(self, _: str, name: str) -> None:
        namespace = self._store.get("namespaces", "", name)
        if namespace is None:
            return
        if namespace["metadata"].get("deletionTimestamp"):
            self._empty(name)
        else:
            self._fill(name)

    def _fill(self, name: str) -> None:
        wanted = {"serviceaccounts": ("default", {}), "configmaps": ("kube-root-ca.crt", _ROOT_CA)}
        for resource, (own_name, content) in wanted.items():
            if self._store.get(resource, name, own_name) is None:
                obj = {"metadata": {"name": own_name}, **content}
                create_object(self._store, BY_NAME[resource], obj, name)

    def _empty(self, name: str) -> None:
        left = 0
        for resource in RESOURCES:
            if resource.namespaced and resource.stored:
                for obj in self._store.objects(resource.name, name):
                    left += not deletion.begin(self._store, resource.name, obj)
        if not left:
            deletion.finish(self._store, "namespaces", "", name)

    def close(self) -> None:
        self._queue.close()


_ROOT_CA: Obj = {"data": {"ca.crt": ""}}
