"""What the API server refuses: the faults of an object, as (field, message). Pure.

Only the rules people run into; texts follow `pkg/apis/*/validation`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from kfwd.sim.selectors import label_selector

Obj = dict[str, Any]
Faults = list[tuple[str, str]]

_SUBDOMAIN = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_LABEL = re.compile(r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
_ANY_PATH = re.compile(r"^[^/%]+$")
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_RULED_BY_PATH = frozenset({"roles", "rolebindings", "clusterroles", "clusterrolebindings"})


def _name_faults(resource: str, name: str) -> Iterator[tuple[str, str]]:
    if not name:
        yield "metadata.name", "Required value: name or generateName is required"
        return
    pattern = _SUBDOMAIN
    if resource == "services":
        pattern = _LABEL
    elif resource in _RULED_BY_PATH:
        pattern = _ANY_PATH
    if len(name) > 253 or not pattern.match(name):
        rule = (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start "
            "with an alphabetic character, and end with an alphanumeric character"
            if pattern is _LABEL
            else "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
            "characters, '-' or '.', and must start and end with an alphanumeric character"
        )
        yield "metadata.name", f'Invalid value: "{name}": {rule}'


def _port_faults(field: str, value: object) -> Iterator[tuple[str, str]]:
    if not isinstance(value, int) or not 0 < value < 65536:
        yield field, f"Invalid value: {value}: must be between 1 and 65535, inclusive"


def _pod_spec_faults(spec: Obj, field: str) -> Iterator[tuple[str, str]]:
    containers = spec.get("containers") or []
    if not containers:
        yield f"{field}.containers", "Required value"
    for index, container in enumerate(containers):
        place = f"{field}.containers[{index}]"
        if not container.get("name"):
            yield f"{place}.name", "Required value"
        if not container.get("image"):
            yield f"{place}.image", "Required value"
        for number, port in enumerate(container.get("ports") or ()):
            yield from _port_faults(
                f"{place}.ports[{number}].containerPort", port.get("containerPort")
            )


def _pod(obj: Obj) -> Iterator[tuple[str, str]]:
    yield from _pod_spec_faults(obj["spec"], "spec")


def _workload(obj: Obj) -> Iterator[tuple[str, str]]:
    spec = obj["spec"]
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not spec.get("selector"):
        yield "spec.selector", "Required value"
    elif not label_selector(spec["selector"])(labels):
        yield (
            "spec.template.metadata.labels",
            "Invalid value: `selector` does not match template `labels`",
        )
    yield from _pod_spec_faults(template.get("spec") or {}, "spec.template.spec")


def _job(obj: Obj) -> Iterator[tuple[str, str]]:
    spec = obj["spec"]["template"].get("spec") or {}
    yield from _pod_spec_faults(spec, "spec.template.spec")


def _service(obj: Obj) -> Iterator[tuple[str, str]]:
    spec = obj["spec"]
    ports = spec.get("ports") or []
    if spec["type"] == "ExternalName":
        if not spec.get("externalName"):
            yield "spec.externalName", "Required value"
    elif not ports and spec.get("clusterIP") != "None":
        yield "spec.ports", "Required value"
    for index, port in enumerate(ports):
        yield from _port_faults(f"spec.ports[{index}].port", port.get("port"))
        if len(ports) > 1 and not port.get("name"):
            yield f"spec.ports[{index}].name", "Required value"


def _backend_faults(backend: Obj, field: str) -> Iterator[tuple[str, str]]:
    service = backend.get("service") or {}
    if not backend.get("resource") and not service.get("name"):
        yield f"{field}.service.name", "Required value"
    elif service and not (service.get("port") or {}).keys() & {"name", "number"}:
        yield f"{field}.service.port", "Required value: port name or number is required"


def _ingress(obj: Obj) -> Iterator[tuple[str, str]]:
    spec = obj["spec"]
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield "spec", "Invalid value: either `defaultBackend` or `rules` must be specified"
    if spec.get("defaultBackend"):
        yield from _backend_faults(spec["defaultBackend"], "spec.defaultBackend")
    for number, rule in enumerate(spec.get("rules") or ()):
        for index, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            yield from _path_faults(path, f"spec.rules[{number}].http.paths[{index}]")


def _path_faults(path: Obj, field: str) -> Iterator[tuple[str, str]]:
    kind, text = path.get("pathType"), path.get("path", "")
    if not kind:
        yield f"{field}.pathType", "Required value: pathType must be specified"
    elif kind not in _PATH_TYPES:
        supported = ", ".join(f'"{name}"' for name in _PATH_TYPES)
        yield f"{field}.pathType", f'Unsupported value: "{kind}": supported values: {supported}'
    elif not text.startswith("/") and (text or kind != "ImplementationSpecific"):
        yield f"{field}.path", f'Invalid value: "{text}": must be an absolute path'
    yield from _backend_faults(path.get("backend") or {}, f"{field}.backend")


def _gateway(obj: Obj) -> Iterator[tuple[str, str]]:
    spec = obj["spec"]
    for name in ("gatewayClassName", "listeners"):
        if not spec.get(name):
            yield f"spec.{name}", "Required value"
    for number, listener in enumerate(spec.get("listeners") or ()):
        for name in ("name", "port", "protocol"):
            if not listener.get(name):
                yield f"spec.listeners[{number}].{name}", "Required value"


_RULES: dict[str, Callable[[Obj], Iterator[tuple[str, str]]]] = {
    "pods": _pod,
    "deployments": _workload,
    "replicasets": _workload,
    "statefulsets": _workload,
    "daemonsets": _workload,
    "jobs": _job,
    "services": _service,
    "ingresses": _ingress,
    "gateways": _gateway,
}


def faults(resource: str, obj: Obj) -> Faults:
    """What is wrong with `obj`, whose defaults are filled in."""
    found = list(_name_faults(resource, obj["metadata"].get("name", "")))
    if resource in _RULES:
        found += _RULES[resource](obj)
    return found


def changed_faults(resource: str, old: Obj, new: Obj) -> Faults:
    """What is wrong with changing `old` to `new`."""
    found = faults(resource, new)
    fixed = resource in {"deployments", "replicasets", "statefulsets", "daemonsets"}
    if fixed and old["spec"].get("selector") != new["spec"].get("selector"):
        found.append(("spec.selector", "Invalid value: field is immutable"))
    return found
