from __future__ import annotations

from typing import Any

from kfwd.sim.controllers.replicas import ReplicaSets, doomed
from kfwd.sim.store import Store
from tests.sim.builders import create, deployment, filled
from tests.sim.turns import acting, active, quiet, start, start_all


def replica_set(replicas: int) -> dict[str, Any]:
    return {**deployment("web", replicas), "kind": "ReplicaSet"}


def resize(store: Store, replicas: int) -> None:
    store.update("replicasets", "demo", "web", lambda o: o["spec"].update(replicas=replicas))


async def test_a_pod_that_goes_is_replaced_at_once() -> None:
    store = filled()
    async with acting(store, ReplicaSets):
        create(store, replica_set(3))
        await quiet(store)
        first = {p["metadata"]["name"] for p in active(store)}
        assert len(first) == 3
        store.update(
            "pods", "demo", min(first), lambda o: o["metadata"].update(deletionTimestamp="x")
        )
        await quiet(store)
    now = {p["metadata"]["name"] for p in active(store)}
    assert len(now) == 3
    assert min(first) not in now


async def test_status_counts_active_ready_and_available_pods() -> None:
    store = filled()
    async with acting(store, ReplicaSets):
        create(store, replica_set(2))
        await quiet(store)
        start(store, active(store)[0])
        await quiet(store)
    found = store.objects("replicasets")[0]["status"]
    assert (found["replicas"], found["readyReplicas"], found["availableReplicas"]) == (2, 1, 1)
    assert found["observedGeneration"] == 1


async def test_shrinking_takes_pods_that_do_least() -> None:
    store = filled()
    async with acting(store, ReplicaSets):
        create(store, replica_set(3))
        await quiet(store)
        kept = active(store)[1]
        start(store, kept)
        resize(store, 1)
        await quiet(store)
    assert [p["metadata"]["name"] for p in active(store)] == [kept["metadata"]["name"]]


async def test_pods_without_a_node_go_before_others() -> None:
    store = filled()
    async with acting(store, ReplicaSets):
        create(store, replica_set(2))
        await quiet(store)
        start(store, active(store)[0], ready=False)
    first = doomed(active(store), 1)
    assert [p["spec"].get("nodeName") for p in first] == [None]


async def test_min_ready_seconds_are_waited_for() -> None:
    store = filled()
    slow = replica_set(1)
    slow["spec"]["minReadySeconds"] = 60
    async with acting(store, ReplicaSets):
        create(store, slow)
        await quiet(store)
        start_all(store)
        await quiet(store)
    found = store.objects("replicasets")[0]["status"]
    assert found["readyReplicas"] == 1
    assert "availableReplicas" not in found
