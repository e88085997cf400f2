from __future__ import annotations

from pathlib import Path

import pytest

from kfwd.errors import UsageError
from kfwd.sim import manifest
from tests.sim.builders import filled

GOOD = """
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {port: "8080:22"}}
---
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b, namespace: other}
---
apiVersion: v1
kind: Namespace
metadata: {name: other}
---
apiVersion: v1
kind: Service
metadata: {name: lb}
spec: {type: LoadBalancer, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: 127.0.0.50}]}}
"""


def read(tmp_path: Path, text: str) -> list[dict[str, object]]:
    path = tmp_path / "m.yaml"
    path.write_text(text)
    return manifest.read(path)


def test_documents_and_lists_become_objects_wherever_their_namespace_stands(tmp_path: Path) -> None:
    store = filled()
    manifest.apply(store, read(tmp_path, GOOD), "demo")
    assert store.get("configmaps", "demo", "a")
    assert store.get("configmaps", "other", "b")
    balancer = store.get("services", "demo", "lb")
    assert balancer is not None
    assert balancer["status"]["loadBalancer"]["ingress"] == [{"ip": "127.0.0.50"}]


def test_every_fault_is_named_with_its_place(tmp_path: Path) -> None:
    text = (
        "apiVersion: v1\nkind: Gadget\nmetadata: {name: x}\n---\n- 1\n---\nkind: Pod\nkind: Pod\n"
    )
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    lines = caught.value.text.splitlines()
    assert lines[0].endswith("m.yaml:1:1: no kind 'Gadget' in 'v1' is known here")
    assert "m.yaml:5:1: an object is a mapping" in lines[1]
    assert any("m.yaml:8:1" in line for line in lines)


def test_an_object_the_server_refuses_is_named(tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {}\n"
    with pytest.raises(UsageError, match=r'Pod "x" is invalid: spec\.containers'):
        manifest.apply(filled(), read(tmp_path, text), "demo")
    with pytest.raises(UsageError, match='namespaces "nowhere" not found'):
        manifest.apply(filled(), read(tmp_path, text), "nowhere")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing\.yaml"):
        manifest.read(tmp_path / "missing.yaml")


def test_an_ingress_of_a_version_that_is_gone_is_told_what_to_change(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}\n")
    assert "m.yaml:1:1: ingress a is written for extensions/v1beta1" in caught.value.text
    assert "write apiVersion: networking.k8s.io/v1" in caught.value.text


def test_the_example_of_an_ingress_is_a_manifest() -> None:
    store = filled()
    objects = manifest.read(Path(__file__).parents[2] / "config" / "examples" / "ingress.yaml")
    manifest.apply(store, objects, "demo")
    [found] = store.objects("ingresses")
    [rule] = found["spec"]["rules"]
    assert rule["host"] == "foo.bar.com"
    services = [path["backend"]["service"] for path in rule["http"]["paths"]]
    assert [(s["name"], s["port"]["number"]) for s in services] == [
        ("service1", 4200),
        ("service2", 8080),
    ]
    assert len(store.objects("deployments")) == 2
