from __future__ import annotations

from typing import Any

from kfwd.sim.controllers.daemons import DaemonSets, fitting
from tests.sim.builders import create, deployment, filled, node
from tests.sim.turns import acting, active, finish_all, quiet, start_all


def daemon_set(image: str = "one", **pod_spec: object) -> dict[str, Any]:
    found = {**deployment("agent", 0, image), "kind": "DaemonSet"}
    del found["spec"]["replicas"]
    found["spec"]["template"]["spec"] |= pod_spec
    return found


async def test_each_node_has_one_pod_and_a_new_node_gets_one() -> None:
    store = filled()
    async with acting(store, DaemonSets):
        create(store, daemon_set())
        await quiet(store)
        start_all(store)
        store.create("nodes", node("node-5", "127.0.0.15", store.now()))
        await quiet(store)
    assert sorted(p["spec"]["nodeName"] for p in active(store)) == [
        f"node-{n}" for n in range(1, 6)
    ]
    status = store.objects("daemonsets")[0]["status"]
    assert (status["desiredNumberScheduled"], status["numberReady"]) == (5, 4)


async def test_a_node_selector_narrows_the_nodes() -> None:
    selector = {"kubernetes.io/hostname": "node-2"}
    store = filled()
    assert fitting(daemon_set(nodeSelector=selector), store.objects("nodes")) == ["node-2"]


async def test_an_update_replaces_one_ready_pod_at_a_time() -> None:
    store = filled()
    async with acting(store, DaemonSets):
        create(store, daemon_set())
        await quiet(store)
        start_all(store)
        template = daemon_set("two")["spec"]["template"]
        store.update("daemonsets", "demo", "agent", lambda o: o["spec"].update(template=template))
        for _ in range(4):
            await quiet(store)
            assert finish_all(store) == 1
            await quiet(store)
            start_all(store)
        await quiet(store)
    assert {p["spec"]["containers"][0]["image"] for p in active(store)} == {"two"}
    assert finish_all(store) == 0
