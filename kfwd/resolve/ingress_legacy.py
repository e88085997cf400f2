"""Ingress objects as they were written before Kubernetes 1.22: what to change in them.

`extensions/v1beta1` and `networking.k8s.io/v1beta1` are gone; documents and charts with them are
not. Source: https://kubernetes.io/docs/reference/using-api/deprecation-guide/#ingress-v122
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kfwd.errors import UsageError

CURRENT = "networking.k8s.io/v1"
GONE = ("extensions/v1beta1", "networking.k8s.io/v1beta1")
_PATH_TYPES = {"Exact", "Prefix", "ImplementationSpecific"}


def complaint(document: object) -> UsageError | None:
    """What is old-fashioned about a manifest (as parsed from YAML or JSON), as an error.

    The hint lists what to write instead, with the manifest's own names. None for anything but an
    Ingress, and for one in today's form. Code: `ingress-form-gone`.
    """
    if not isinstance(document, Mapping) or document.get("kind") != "Ingress":
        return None
    version = document.get("apiVersion")
    changes = list(_changes(document))
    if version not in GONE and not changes:
        return None
    metadata = _mapping(document.get("metadata"))
    name = metadata.get("name", "without a name")
    if version in GONE:
        what = f"ingress {name} is written for {version}, which Kubernetes 1.22 removed"
        changes.insert(0, f"apiVersion: {CURRENT}")
    else:
        what = f"ingress {name} is {version} by its apiVersion, but of an older form"
    changes += _class_change(metadata)
    return UsageError(what, hint="write " + "; ".join(changes), code="ingress-form-gone")


def _changes(document: Mapping[str, Any]) -> Iterator[str]:
    spec = _mapping(document.get("spec"))
    if "backend" in spec:
        default = _backend(_mapping(spec["backend"]))
        yield f"spec.defaultBackend: {{{default}}} for spec.backend"
    for path in _paths(spec):
        where = f"of path {path.get('path', '/')}"
        backend = _mapping(path.get("backend"))
        if "serviceName" in backend or "servicePort" in backend:
            yield f"backend: {{{_backend(backend)}}} for the backend {where}"
        if path.get("pathType") not in _PATH_TYPES:
            yield f"pathType: {_path_type(path)} {where}"


def _class_change(metadata: Mapping[str, Any]) -> list[str]:
    """The annotation still works: it is old, but no reason to complain."""
    name = _mapping(metadata.get("annotations")).get("kubernetes.io/ingress.class")
    change = f"spec.ingressClassName: {name} for the annotation kubernetes.io/ingress.class"
    return [change] if name else []


def _paths(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for rule in _list(spec.get("rules")):
        for path in _list(_mapping(_mapping(rule).get("http")).get("paths")):
            if isinstance(path, Mapping):
                yield path


def _backend(backend: Mapping[str, Any]) -> str:
    port = backend.get("servicePort", "PORT")
    number = isinstance(port, int) or str(port).isdigit()
    key = "number" if number else "name"
    name = backend.get("serviceName", "NAME")
    return f"service: {{name: {name}, port: {{{key}: {port}}}}}"


def _path_type(path: Mapping[str, Any]) -> str:
    """What the old form meant where it said nothing: up to the controller."""
    return "ImplementationSpecific" if path.get("path") else "Prefix"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
