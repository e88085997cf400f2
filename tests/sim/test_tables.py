from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kfwd.sim import defaults, tables
from kfwd.sim.resources import BY_NAME, RESOURCES
from kfwd.sim.tablerows import ROWS
from tests.sim.builders import deployment, node, pod, service

NOW = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
CREATED = "2026-01-01T00:00:00Z"
SAMPLES: dict[str, dict[str, Any]] = {
    "pods": pod("a"),
    "services": service("web", {"http": 80}),
    "deployments": deployment("web", 3),
    "replicasets": deployment("web", 3),
    "statefulsets": deployment("web", 3),
    "daemonsets": deployment("web", 3),
    "jobs": deployment("web", 3),
    "nodes": node("node-1", "127.0.0.11", CREATED),
    "ingresses": {"spec": {"rules": [{"host": "a.b"}]}},
}


def sample(resource: str) -> dict[str, Any]:
    obj = {"metadata": {"name": "x"}, **SAMPLES.get(resource, {})}
    obj["metadata"] = {**obj["metadata"], "creationTimestamp": CREATED}
    if resource != "nodes":
        defaults.fill(resource, obj)
    return obj


@pytest.mark.parametrize("name", [r.name for r in RESOURCES if r.stored])
def test_a_row_has_a_cell_for_each_column(name: str) -> None:
    resource = BY_NAME[name]
    found = tables.cells(resource, sample(name), NOW)
    assert len(found) == len(tables.columns(resource))


def test_columns_and_rows_are_told_for_the_same_kinds() -> None:
    assert set(tables.COLUMNS) == set(ROWS)


def test_columns_beyond_the_first_glance_have_a_priority() -> None:
    found = {c["name"]: c["priority"] for c in tables.columns(BY_NAME["pods"])}
    assert (found["Name"], found["Node"], found["Nominated Node"]) == (0, 1, 1)


def row(name: str, **changes: Any) -> list[object]:
    return tables.cells(BY_NAME[name], {**sample(name), **changes}, NOW)


def test_rows_read_as_kubectl_prints_them() -> None:
    status = {"readyReplicas": 2, "updatedReplicas": 1, "availableReplicas": 2}
    assert row("deployments", status=status)[:5] == ["web", "2/3", 1, 2, "60s"]
    assert row("services")[:5] == ["web", "ClusterIP", "<none>", "<none>", "80/TCP"]
    balancer = {"type": "LoadBalancer", "ports": [{"port": 80, "nodePort": 30000}]}
    assert row("services", spec=balancer)[3:5] == ["<pending>", "80:30000/TCP"]
    assert row("nodes")[:5] == ["node-1", "Ready", "<none>", "60s", "v1.36.2"]
    assert row("pods")[:5] == ["a", "0/1", "Pending", "0", "60s"]
    assert row("endpointslices", ports=[], endpoints=[])[2:4] == ["<unset>", "<unset>"]


def test_a_table_carries_the_objects_that_were_asked_for() -> None:
    def shown(include: str) -> object:
        found = tables.table(BY_NAME["pods"], [sample("pods")], {}, NOW, include=include)
        return found["rows"][0].get("object")

    assert shown("None") is None
    partial = shown("Metadata")
    assert isinstance(partial, dict)
    assert (partial["kind"], "spec" in partial) == ("PartialObjectMetadata", False)
    whole = shown("Object")
    assert isinstance(whole, dict)
    assert "spec" in whole


def test_ways_into_the_cluster_are_told_at_a_glance() -> None:
    gateway = {
        "spec": {"gatewayClassName": "sim"},
        "status": {
            "addresses": [{"value": "127.0.0.102"}],
            "conditions": [{"type": "Programmed", "status": "True"}],
        },
    }
    assert row("gateways", **gateway) == ["x", "sim", "127.0.0.102", "True", "60s"]
    assert row("httproutes", spec={"hostnames": ["a.b", "c.d"]})[1] == '["a.b","c.d"]'
    assert row("httproutes", spec={})[1] == ""
    assert row("gatewayclasses", spec={"controllerName": "a/b"})[:3] == ["x", "a/b", "Unknown"]
    parameters = {"kind": "Own", "apiGroup": "a.b", "name": "p"}
    found = row("ingressclasses", spec={"controller": "a/b", "parameters": parameters})
    assert found[:3] == ["x", "a/b", "Own.a.b/p"]
