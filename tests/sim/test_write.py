from __future__ import annotations

from typing import Any

import pytest

from kfwd.sim.write import suffix
from tests.sim.builders import Asker, create, deployment, pod, service

PODS = "/api/v1/namespaces/demo/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/demo/deployments"
SERVICES = "/api/v1/namespaces/demo/services"
STRATEGIC = "application/strategic-merge-patch+json"


@pytest.fixture
def asker() -> Asker:
    return Asker()


def test_the_server_owns_identity_and_status_of_a_new_object(asker: Asker) -> None:
    mine = pod("a")
    mine["metadata"] |= {"uid": "mine", "resourceVersion": "1", "generation": 9}
    mine["status"] = {"phase": "Running"}
    made = asker.json("POST", PODS, mine)
    assert made["metadata"]["uid"] != "mine"
    assert made["metadata"]["generation"] == 1
    assert made["status"]["phase"] == "Pending"
    assert made["metadata"]["creationTimestamp"]


def test_names_can_be_generated(asker: Asker) -> None:
    found = pod("")
    found["metadata"] = {"generateName": "job-"}
    made = [asker.json("POST", PODS, found)["metadata"]["name"] for _ in range(2)]
    assert made[0] != made[1]
    assert all(name.startswith("job-") and len(name) == 9 for name in made)
    assert len(suffix(8)) == 8


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"metadata": {"name": "Bad_Name"}}, 422, "metadata.name"),
        ({"metadata": {}}, 422, "name or generateName is required"),
        ({"spec": {"containers": []}}, 422, "spec.containers: Required value"),
        ({"metadata": {"name": "a", "namespace": "x"}}, 400, "namespace of the provided object"),
        ({"kind": "Service"}, 400, "Service"),
    ],
)
def test_what_is_wrong_with_an_object_is_said(
    asker: Asker, change: dict[str, Any], code: int, text: str
) -> None:
    error = asker.refusal("POST", PODS, {**pod("a"), **change})
    assert error.code == code
    assert text in error.message


def test_a_name_is_taken_once_and_a_namespace_has_to_be_there(asker: Asker) -> None:
    asker.json("POST", PODS, pod("a"))
    error = asker.refusal("POST", PODS, pod("a"))
    assert (error.code, error.message) == (409, 'pods "a" already exists')
    error = asker.refusal("POST", "/api/v1/namespaces/x/pods", pod("a"))
    assert (error.code, error.message) == (404, 'namespaces "x" not found')


def test_nothing_new_comes_into_a_namespace_that_goes(asker: Asker) -> None:
    asker.json("POST", PODS, pod("a"))
    asker.json("DELETE", "/api/v1/namespaces/demo")
    error = asker.refusal("POST", PODS, pod("b"))
    assert error.code == 403
    assert "because it is being terminated" in error.message


def test_a_dry_run_changes_nothing(asker: Asker) -> None:
    before = asker.store.version
    assert asker.json("POST", f"{PODS}?dryRun=All", pod("a"))["metadata"]["name"] == "a"
    assert asker.refusal("GET", f"{PODS}/a").code == 404
    assert asker.store.version == before


def test_a_new_spec_is_a_new_generation_and_labels_are_none(asker: Asker) -> None:
    asker.json("POST", DEPLOYMENTS, deployment("web", 1))
    path = f"{DEPLOYMENTS}/web"
    labels = {"metadata": {"labels": {"x": "y"}}}
    found = asker.json("PATCH", path, labels, content_type=STRATEGIC)
    assert found["metadata"]["generation"] == 1
    found = asker.json("PATCH", path, {"spec": {"replicas": 2}}, content_type=STRATEGIC)
    assert found["metadata"]["generation"] == 2
    assert found["spec"]["template"]["spec"]["containers"][0]["name"] == "probe"


def test_status_and_the_rest_are_written_apart(asker: Asker) -> None:
    asker.json("POST", DEPLOYMENTS, deployment("web", 1))
    path = f"{DEPLOYMENTS}/web"
    both = {"spec": {"replicas": 5}, "status": {"replicas": 7}}
    kind = "application/merge-patch+json"
    found = asker.json("PATCH", f"{path}/status", both, content_type=kind)
    assert (found["spec"]["replicas"], found["status"]["replicas"]) == (1, 7)
    found = asker.json("PATCH", path, {**both, "status": {}}, content_type=kind)
    assert (found["spec"]["replicas"], found["status"]["replicas"]) == (5, 7)


def test_a_put_with_an_old_version_conflicts(asker: Asker) -> None:
    made = asker.json("POST", SERVICES, service("web", {"http": 80}))
    newer = {**made, "metadata": {**made["metadata"], "labels": {"a": "b"}}}
    asker.json("PUT", f"{SERVICES}/web", newer)
    error = asker.refusal("PUT", f"{SERVICES}/web", newer | {"metadata": made["metadata"]})
    assert error.code == 409
    assert error.message.startswith('Operation cannot be fulfilled on services "web"')
    other = {**made, "metadata": {"name": "web", "uid": "other"}}
    assert asker.refusal("PUT", f"{SERVICES}/web", other).code == 409
    assert asker.refusal("PUT", f"{SERVICES}/other", made).code == 404


def test_a_service_keeps_its_address_when_a_put_leaves_it_out(asker: Asker) -> None:
    made = asker.json("POST", SERVICES, service("web", {"http": 80}))
    again = asker.json("PUT", f"{SERVICES}/web", service("web", {"http": 81}))
    assert again["spec"]["clusterIP"] == made["spec"]["clusterIP"]


def test_a_selector_is_immutable(asker: Asker) -> None:
    asker.json("POST", DEPLOYMENTS, deployment("web", 1))
    patch = {
        "spec": {
            "selector": {"matchLabels": {"x": "y"}},
            "template": {"metadata": {"labels": {"x": "y"}}},
        }
    }
    error = asker.refusal("PATCH", f"{DEPLOYMENTS}/web", patch, content_type=STRATEGIC)
    assert (error.code, "field is immutable" in error.message) == (422, True)


def test_server_side_apply_creates_and_then_merges(asker: Asker) -> None:
    kind = "application/apply-patch+yaml"
    path = f"{SERVICES}/web"
    made = asker.json("PATCH", path, service("web", {"http": 80}), content_type=kind)
    assert made["metadata"]["name"] == "web"
    body = b'{"metadata": {"labels": {"x": "y"}}}'
    changed = asker.json("PATCH", path, body, content_type=kind)
    assert changed["metadata"]["labels"] == {"app": "web", "x": "y"}


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        ({}, "application/xml", 415),
        ([{"op": "test", "path": "/x", "value": 1}], "application/json-patch+json", 422),
        ({"metadata": None}, "application/merge-patch+json", 422),
        ([], "application/strategic-merge-patch+json", 422),
    ],
)
def test_a_patch_that_cannot_be_applied_is_refused(
    asker: Asker, body: object, kind: str, code: int
) -> None:
    create(asker.store, pod("a"))
    assert asker.refusal("PATCH", f"{PODS}/a", body, content_type=kind).code == code
    assert asker.refusal("PATCH", f"{PODS}/x", {}, content_type=STRATEGIC).code == 404


def test_preconditions_protect_a_successor_of_the_same_name(asker: Asker) -> None:
    create(asker.store, pod("a"))
    options = {"preconditions": {"uid": "predecessor"}}
    assert asker.refusal("DELETE", f"{PODS}/a", options).code == 409
    assert asker.json("GET", f"{PODS}/a")


def test_a_collection_is_deleted_by_its_selector(asker: Asker) -> None:
    for name in "ab":
        create(asker.store, pod(name, {"app": name}))
    asker.json("DELETE", f"{PODS}?labelSelector=app%3Da")
    left = [p["metadata"]["name"] for p in asker.store.objects("pods")]
    assert left == ["b"]
