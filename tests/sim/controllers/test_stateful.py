from __future__ import annotations

from typing import Any

from kfwd.sim.controllers.stateful import StatefulSets, next_step, ordinal
from kfwd.sim.controllers.workload import REVISION
from kfwd.sim.store import Store
from tests.sim.builders import create, deployment, filled
from tests.sim.turns import acting, active, finish_all, quiet, start_all


def stateful_set(replicas: int, **spec: object) -> dict[str, Any]:
    found = {**deployment("db", replicas), "kind": "StatefulSet"}
    found["spec"] = {**found["spec"], "serviceName": "db", **spec}
    return found


def member(revision: str = "r", *, ready: bool = True, going: bool = False) -> dict[str, Any]:
    """A pod as `next_step` looks at it."""
    status = {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}
    meta: dict[str, Any] = {"labels": {REVISION: revision}}
    if going:
        meta["deletionTimestamp"] = "x"
    return {"metadata": meta, "status": status}


def test_pods_come_one_by_one_lowest_first() -> None:
    assert next_step({}, 2, "r", 0) == ("create", 0)
    assert next_step({0: member(ready=False)}, 2, "r", 0) is None
    assert next_step({0: member()}, 2, "r", 0) == ("create", 1)
    assert next_step({1: member()}, 2, "r", 0) == ("create", 0)


def test_pods_go_one_by_one_highest_first() -> None:
    assert next_step({n: member() for n in range(3)}, 1, "r", 0) == ("delete", 2)
    assert next_step({0: member(), 1: member(going=True)}, 1, "r", 0) is None


def test_an_update_begins_at_the_top_and_stops_at_the_partition() -> None:
    outdated = {n: member("old") for n in range(3)}
    assert next_step(outdated, 3, "new", 0) == ("delete", 2)
    assert next_step({**outdated, 2: member("new")}, 3, "new", 2) is None


def names(store: Store) -> list[str]:
    return [p["metadata"]["name"] for p in active(store)]


async def test_names_are_stable_and_a_deleted_pod_comes_back_under_its_own() -> None:
    store = filled()
    async with acting(store, StatefulSets):
        create(store, stateful_set(2))
        await quiet(store)
        assert names(store) == ["db-0"]
        start_all(store)
        await quiet(store)
        start_all(store)
        await quiet(store)
        first = store.get("pods", "demo", "db-0")
        assert first is not None
        store.delete("pods", "demo", "db-0")
        await quiet(store)
    again = store.get("pods", "demo", "db-0")
    assert again is not None
    assert again["metadata"]["uid"] != first["metadata"]["uid"]
    assert (again["spec"]["hostname"], again["spec"]["subdomain"]) == ("db-0", "db")
    assert ordinal(again) == 0


async def test_status_says_when_an_update_is_complete() -> None:
    store = filled()
    async with acting(store, StatefulSets):
        create(store, stateful_set(2, podManagementPolicy="Parallel"))
        await quiet(store)
        assert names(store) == ["db-0", "db-1"]
        start_all(store)
        await quiet(store)

        def change(obj: dict[str, Any]) -> None:
            obj["spec"]["template"]["spec"]["containers"][0]["image"] = "next"

        before = store.objects("statefulsets")[0]["status"]
        assert before["currentRevision"] == before["updateRevision"]
        store.update("statefulsets", "demo", "db", change)
        await quiet(store)
        during = store.objects("statefulsets")[0]["status"]
        assert during["currentRevision"] != during["updateRevision"]
        for _ in range(4):
            finish_all(store)
            await quiet(store)
            start_all(store)
            await quiet(store)
    after = store.objects("statefulsets")[0]["status"]
    assert after["currentRevision"] == after["updateRevision"] == during["updateRevision"]
    assert after["readyReplicas"] == after["updatedReplicas"] == 2
    assert {p["spec"]["containers"][0]["image"] for p in active(store)} == {"next"}
