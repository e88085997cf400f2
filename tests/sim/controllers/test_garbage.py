from __future__ import annotations

from kfwd.sim import deletion
from kfwd.sim.controllers.garbage import Garbage, Namespaces
from tests.sim.builders import DEMO, create, filled, pod, service
from tests.sim.turns import acting, finish_all, quiet


async def test_what_a_deleted_object_owned_goes_too_and_so_on() -> None:
    store = filled()
    async with acting(store, Garbage):
        owner = create(store, pod("a"))
        for name in "bc":
            child = pod(name)
            reference = {"uid": owner["metadata"]["uid"], "kind": "Pod", "name": "x"}
            child["metadata"]["ownerReferences"] = [reference]
            owner = create(store, child)
        store.delete("pods", DEMO, "a")
        await quiet(store)
    assert store.objects("pods") == []


async def test_endpoints_go_with_their_service() -> None:
    store = filled()
    async with acting(store, Garbage):
        create(store, service("web", {"http": 80}))
        meta = {"name": "web"}
        create(store, {"kind": "Endpoints", "apiVersion": "v1", "metadata": meta})
        store.delete("services", DEMO, "web")
        await quiet(store)
    assert store.objects("endpoints") == []


async def test_the_pods_of_a_lost_node_are_gone() -> None:
    store = filled()
    async with acting(store, Garbage):
        create(store, pod("a", nodeName="node-1"))
        create(store, pod("b", nodeName="node-2"))
        store.delete("nodes", "", "node-1")
        await quiet(store)
    assert [p["metadata"]["name"] for p in store.objects("pods")] == ["b"]


async def test_a_new_namespace_has_a_service_account() -> None:
    store = filled()
    async with acting(store, Namespaces):
        create(store, {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "new"}})
        await quiet(store)
    assert store.get("serviceaccounts", "new", "default")
    assert store.get("configmaps", "new", "kube-root-ca.crt")


async def test_a_namespace_goes_when_its_last_pod_has() -> None:
    store = filled()
    async with acting(store, Namespaces):
        create(store, pod("a", nodeName="node-1"))
        create(store, service("web", {"http": 80}))
        demo = store.get("namespaces", "", DEMO)
        assert demo is not None
        deletion.begin(store, "namespaces", demo)
        await quiet(store)
        marked = store.get("namespaces", "", DEMO)
        assert marked is not None
        assert marked["status"]["phase"] == "Terminating"
        assert store.objects("services") == []
        assert finish_all(store) == 1
        await quiet(store)
    assert store.get("namespaces", "", DEMO) is None
