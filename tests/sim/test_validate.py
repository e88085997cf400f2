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
