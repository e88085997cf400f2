"""The Table form of objects: the columns `kubectl get` prints. Pure; the clock is a parameter.

Columns follow `pkg/printers/internalversion/printers.go`; a priority above 0 shows with `-o wide`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from kfwd.sim.resources import Resource
from kfwd.sim.tablerows import ROWS, age

Obj = dict[str, Any]
Row = Callable[[Obj, datetime], list[object]]

COLUMNS: dict[str, str] = {
    "pods": "Name Ready Status Restarts Age | IP Node Nominated-Node Readiness-Gates",
    "services": "Name Type Cluster-IP External-IP Port(s) Age | Selector",
    "endpoints": "Name Endpoints Age",
    "endpointslices": "Name AddressType Ports Endpoints Age",
    "deployments": "Name Ready Up-to-date Available Age | Containers Images Selector",
    "replicasets": "Name Desired Current Ready Age | Containers Images Selector",
    "statefulsets": "Name Ready Age | Containers Images",
    "daemonsets": (
        "Name Desired Current Ready Up-to-date Available Node-Selector Age "
        "| Containers Images Selector"
    ),
    "jobs": "Name Status Completions Duration Age | Containers Images Selector",
    "nodes": (
        "Name Status Roles Age Version "
        "| Internal-IP External-IP OS-Image Kernel-Version Container-Runtime"
    ),
    "namespaces": "Name Status Age",
    "configmaps": "Name Data Age",
    "secrets": "Name Type Data Age",
    "ingresses": "Name Class Hosts Address Ports Age",
    "ingressclasses": "Name Controller Parameters Age",
    "gatewayclasses": "Name Controller Accepted Age | Description",
    "gateways": "Name Class Address Programmed Age",
    "httproutes": "Name Hostnames Age",
    "events": "Last-Seen Type Reason Object Message",
    "rolebindings": "Name Role Age",
    "clusterrolebindings": "Name Role Age",
}
_FALLBACK = "Name Age"
_INTEGERS = frozenset({"Restarts", "Desired", "Current", "Up-to-date", "Available", "Data"})


def columns(resource: Resource) -> list[Obj]:
    """The `columnDefinitions` of a kind."""
    shown, _, wide = COLUMNS.get(resource.name, _FALLBACK).partition(" | ")
    return [
        {
            "name": name.replace("-", " ") if name in _SPACED else name,
            "type": "integer" if name in _INTEGERS and resource.name != "pods" else "string",
            "format": "name" if name == "Name" else "",
            "description": "",
            "priority": priority,
        }
        for priority, names in enumerate((shown, wide))
        for name in names.split()
    ]


_SPACED = frozenset(
    {
        "Nominated-Node",
        "Readiness-Gates",
        "Node-Selector",
        "OS-Image",
        "Last-Seen",
    }
)


def cells(resource: Resource, obj: Obj, now: datetime) -> list[object]:
    """One row, in the order of `columns`."""
    row = ROWS.get(resource.name)
    if row is None:
        return [obj["metadata"]["name"], age(obj["metadata"].get("creationTimestamp"), now)]
    return row(obj, now)


def _row_object(obj: Obj, include: str) -> Obj | None:
    if include == "None":
        return None
    if include == "Object":
        return obj
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": obj["metadata"],
    }


def table(
    resource: Resource,
    objects: list[Obj],
    list_meta: Obj,
    now: datetime,
    *,
    include: str = "Metadata",
    headers: bool = True,
) -> Obj:
    """A `meta.k8s.io/v1` Table. `include` is the request's `includeObject`."""
    rows = []
    for obj in objects:
        row: Obj = {"cells": cells(resource, obj, now)}
        if (shown := _row_object(obj, include)) is not None:
            row["object"] = shown
        rows.append(row)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list_meta,
        "columnDefinitions": columns(resource) if headers else [],
        "rows": rows,
    }
