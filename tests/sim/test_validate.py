from __future__ import annotations

from typing import Any

import pytest

from kfwd.sim import defaults, validate
from tests.sim.builders import deployment, pod, service


def fields(resource: str, obj: dict[str, Any]) -> list[str]:
    """The fields with faults, after defaults."""
    defaults.fill(resource, obj)
    return [field for field, _ in validate.faults(resource, obj)]


def test_what_the_demo_holds_is_valid() -> None:
    assert fields("pods", pod("a")) == []
    assert fields("deployments", deployment("web", 1)) == []
    assert fields("services", service("web", {"http": 80})) == []
    assert fields("services", service("db", {}, headless=True)) == []


@pytest.mark.parametrize(
    ("resource", "name", "valid"),
    [
        ("pods", "a.b-1", True),
        ("pods", "-a", False),
        ("pods", "A", False),
        ("services", "a.b", False),
        ("services", "1a", False),
        ("roles", "system:any", True),
        ("configmaps", "x" * 254, False),
    ],
)
def test_names_follow_the_rules_of_their_kind(resource: str, name: str, valid: bool) -> None:
    found = {"metadata": {"name": name}, "spec": {"type": "ClusterIP", "ports": [{"port": 1}]}}
    found["spec"]["containers"] = [{"name": "c", "image": "i"}]
    assert ("metadata.name" not in fields(resource, found)) is valid


def test_every_fault_of_a_pod_is_reported() -> None:
    broken = pod("a")
    broken["spec"]["containers"] = [{"ports": [{"containerPort": 70000}]}]
    assert fields("pods", broken) == [
        "spec.containers[0].name",
        "spec.containers[0].image",
        "spec.containers[0].ports[0].containerPort",
    ]


def test_a_selector_has_to_select_its_template() -> None:
    found = deployment("web", 1)
    found["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    assert fields("deployments", found) == ["spec.template.metadata.labels"]
    del found["spec"]["selector"]
    assert fields("deployments", found) == ["spec.selector"]


def test_services_need_ports_and_several_ports_need_names() -> None:
    assert fields("services", service("a", {})) == ["spec.ports"]
    several = service("a", {})
    several["spec"]["ports"] = [{"port": 1}, {"port": 2, "name": "b"}]
    assert fields("services", several) == ["spec.ports[0].name"]
    external = {"metadata": {"name": "x"}, "spec": {"type": "ExternalName"}}
    assert fields("services", external) == ["spec.externalName"]


def ingress(**path: object) -> dict[str, Any]:
    return {
        "metadata": {"name": "a"},
        "spec": {"rules": [{"http": {"paths": [path]}}]},
    }


BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
PATHS = "spec.rules[0].http.paths[0]"


@pytest.mark.parametrize(
    ("path", "faults"),
    [
        ({"path": "/", "pathType": "Prefix", "backend": BACKEND}, []),
        ({"pathType": "ImplementationSpecific", "backend": BACKEND}, []),
        ({"path": "/", "backend": BACKEND}, [f"{PATHS}.pathType"]),
        ({"path": "/", "pathType": "prefix", "backend": BACKEND}, [f"{PATHS}.pathType"]),
        ({"path": "a", "pathType": "Exact", "backend": BACKEND}, [f"{PATHS}.path"]),
        ({"path": "/", "pathType": "Exact"}, [f"{PATHS}.backend.service.name"]),
        (
            {"path": "/", "pathType": "Exact", "backend": {"service": {"name": "web"}}},
            [f"{PATHS}.backend.service.port"],
        ),
    ],
)
def test_each_path_of_an_ingress_is_checked(path: dict[str, Any], faults: list[str]) -> None:
    assert fields("ingresses", ingress(**path)) == faults


def test_an_ingress_needs_rules_or_a_default() -> None:
    assert fields("ingresses", {"metadata": {"name": "a"}}) == ["spec"]
    lonely = {"metadata": {"name": "a"}, "spec": {"defaultBackend": BACKEND}}
    assert fields("ingresses", lonely) == []
    lonely["spec"] = {"defaultBackend": {"service": {"port": {"number": 1}}}}
    assert fields("ingresses", lonely) == ["spec.defaultBackend.service.name"]


def test_a_gateway_needs_a_class_and_whole_listeners() -> None:
    assert fields("gateways", {"metadata": {"name": "a"}}) == [
        "spec.gatewayClassName",
        "spec.listeners",
    ]
    spec = {"gatewayClassName": "sim", "listeners": [{"name": "http", "port": 80}]}
    broken = {"metadata": {"name": "a"}, "spec": spec}
    assert fields("gateways", broken) == ["spec.listeners[0].protocol"]
