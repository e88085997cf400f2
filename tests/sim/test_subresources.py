from __future__ import annotations

import pytest

from kfwd.sim.subresources import bind
from tests.sim.builders import Asker, create, deployment, pod

SCALE = "/apis/apps/v1/namespaces/demo/deployments/web/scale"
PODS = "/api/v1/namespaces/demo/pods"
MERGE = "application/merge-patch+json"


@pytest.fixture
def asker() -> Asker:
    """A client of a cluster with Deployment `web` and pod `a` on a node."""
    found = Asker()
    create(found.store, deployment("web", 3))
    create(found.store, pod("a", nodeName="node-1"))
    return found


def test_a_scale_shows_and_changes_the_replicas(asker: Asker) -> None:
    scale = asker.json("GET", SCALE)
    assert scale["kind"] == "Scale"
    assert scale["spec"] == {"replicas": 3}
    assert scale["status"]["selector"] == "app=web"
    scale["spec"]["replicas"] = 5
    assert asker.json("PUT", SCALE, scale)["spec"]["replicas"] == 5
    patch = {"spec": {"replicas": 1}}
    assert asker.json("PATCH", SCALE, patch, content_type=MERGE)["spec"]["replicas"] == 1
    found = asker.store.get("deployments", "demo", "web")
    assert found is not None
    assert found["metadata"]["generation"] == 3


def test_a_scale_that_is_stale_or_negative_is_refused(asker: Asker) -> None:
    stale = asker.json("GET", SCALE)
    asker.json("PATCH", SCALE, {"spec": {"replicas": 1}}, content_type=MERGE)
    assert asker.refusal("PUT", SCALE, stale).code == 409
    patch = {"spec": {"replicas": -1}}
    assert asker.refusal("PATCH", SCALE, patch, content_type=MERGE).code == 400
    assert asker.refusal("DELETE", SCALE).code == 405


def test_an_eviction_deletes_and_a_binding_places(asker: Asker) -> None:
    asker.json("POST", f"{PODS}/a/eviction", {"deleteOptions": {"gracePeriodSeconds": 0}})
    assert asker.refusal("GET", f"{PODS}/a").code == 404
    create(asker.store, pod("b"))
    asker.json("POST", f"{PODS}/b/binding", {"target": {"name": "node-2"}})
    placed = asker.json("GET", f"{PODS}/b")
    assert placed["spec"]["nodeName"] == "node-2"
    assert placed["status"]["conditions"][0]["type"] == "PodScheduled"


def test_binding_a_pod_that_is_gone_changes_nothing(asker: Asker) -> None:
    before = asker.store.version
    bind(asker.store, "demo", "missing", "node-1")
    assert asker.store.version == before


def test_a_service_accounts_token_is_its_own(asker: Asker) -> None:
    path = "/api/v1/namespaces/demo/serviceaccounts/bot/token"
    token = asker.json("POST", path, {"kind": "TokenRequest"})["status"]["token"]
    user = asker.tokens.user(token)
    assert user is not None
    assert user.name == "system:serviceaccount:demo:bot"
