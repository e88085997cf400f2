from __future__ import annotations

from typing import Any

from kfwd.sim import defaults
from kfwd.sim.gateway_defaults import GROUP


def test_a_route_without_rules_takes_every_path() -> None:
    route = {"metadata": {"name": "r"}, "spec": {"parentRefs": [{"name": "gw"}]}}
    defaults.fill("httproutes", route)
    assert route["spec"] == {
        "parentRefs": [{"name": "gw", "group": GROUP, "kind": "Gateway"}],
        "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}],
    }
    assert route["status"] == {"parents": []}


def test_a_back_end_is_a_service_and_a_header_match_is_exact() -> None:
    rule: dict[str, Any] = {
        "matches": [{"path": {"value": "/x"}, "headers": [{"name": "a", "value": "b"}]}],
        "backendRefs": [{"name": "web", "port": 80}],
    }
    route = {"metadata": {"name": "r"}, "spec": {"rules": [rule]}}
    defaults.fill("httproutes", route)
    [match] = rule["matches"]
    assert match["path"] == {"value": "/x", "type": "PathPrefix"}
    assert match["headers"] == [{"name": "a", "value": "b", "type": "Exact"}]
    assert rule["backendRefs"] == [
        {"name": "web", "port": 80, "group": "", "kind": "Service", "weight": 1}
    ]


def test_a_gateway_waits_for_its_controller() -> None:
    gateway = {
        "metadata": {"name": "gw"},
        "spec": {"gatewayClassName": "x", "listeners": [{"name": "http", "port": 80}]},
    }
    defaults.fill("gateways", gateway)
    [listener] = gateway["spec"]["listeners"]  # type: ignore[index]  # a mapping
    assert listener["allowedRoutes"] == {"namespaces": {"from": "Same"}}
    conditions = gateway["status"]["conditions"]  # type: ignore[index]  # a mapping
    assert [(c["type"], c["status"]) for c in conditions] == [
        ("Accepted", "Unknown"),
        ("Programmed", "Unknown"),
    ]


def test_a_gateway_class_is_not_accepted_by_itself() -> None:
    found = {"metadata": {"name": "x"}, "spec": {"controllerName": "a/b"}}
    defaults.fill("gatewayclasses", found)
    assert found["status"]["conditions"][0]["status"] == "Unknown"  # type: ignore[index]  # a list
