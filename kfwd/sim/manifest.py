"""Plain Kubernetes YAML as the content of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kfwd import yamldoc
from kfwd.errors import UsageError
from kfwd.resolve.ingress_legacy import complaint
from kfwd.sim.resources import BY_KIND, Resource
from kfwd.sim.status import StatusError
from kfwd.sim.store import Store
from kfwd.sim.write import create_object

Obj = dict[str, Any]

KEEP_STATUS = frozenset({"services", "ingresses", "nodes"})
"""Kinds whose status a manifest may bring; controllers leave it as it is."""

FIRST = ("Namespace", "IngressClass")
"""Kinds that others count on when they are made."""


def _invalid(faults: list[str]) -> UsageError:
    return UsageError("\n".join(faults), code="manifest-invalid")


def _objects(document: yamldoc.Document) -> Iterator[tuple[object, tuple[str | int, ...]]]:
    """(object, path) of each object in a document; a List holds several."""
    value = document.value
    if isinstance(value, dict) and value.get("kind") == "List":
        for index, item in enumerate(value.get("items") or ()):
            yield item, ("items", index)
    elif value is not None:
        yield value, ()


def _fault(value: object) -> str | None:
    """What makes a value no object of this cluster."""
    if not isinstance(value, dict):
        return "an object is a mapping with apiVersion and kind"
    if (value.get("apiVersion"), value.get("kind")) not in BY_KIND:
        if old := complaint(value):
            return f"{old.text}: {old.hint}"
        return f"no kind {value.get('kind')!r} in {value.get('apiVersion')!r} is known here"
    if not isinstance(value.get("metadata"), dict):
        return "an object needs metadata"
    return None


def read(path: Path) -> list[Obj]:
    """The objects of a file. Raises UsageError with a `file:line:column: message` per fault."""
    try:
        documents = yamldoc.parse(path.read_text())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", code="manifest-unreadable") from error
    faults, found = [], []
    for document in documents:
        faults += [f"{path}:{fault}" for fault in document.faults]
        for value, place in _objects(document):
            if message := _fault(value):
                line, column = document.position(place)
                faults.append(f"{path}:{line}:{column}: {message}")
            elif isinstance(value, dict):
                found.append(value)
    if faults:
        raise _invalid(faults)
    return found


def apply(store: Store, objects: list[Obj], namespace: str) -> None:
    """Create the objects; those without a namespace go to `namespace`. Raises UsageError."""
    for obj in sorted(objects, key=lambda obj: obj["kind"] not in FIRST):
        resource = BY_KIND[obj["apiVersion"], obj["kind"]]
        try:
            _create(store, resource, obj, namespace)
        except StatusError as error:
            raise _invalid([error.message]) from error


def _create(store: Store, resource: Resource, obj: Obj, namespace: str) -> None:
    meta = obj["metadata"]
    if resource.name == "namespaces" and store.get("namespaces", "", meta.get("name", "")):
        return
    made = create_object(store, resource, obj, meta.get("namespace") or namespace)
    if resource.name in KEEP_STATUS and obj.get("status"):
        store.replace(resource.name, {**made, "status": obj["status"]})
