"""What the controllers of workloads share."""

from __future__ import annotations

from typing import Any

from kfwd.sim.controllers.replicas import ReplicaSets
from kfwd.sim.controllers.workload import WorkloadController, tally
from kfwd.sim.store import Store
from tests.sim.builders import create, deployment, filled
from tests.sim.turns import acting, active, quiet, start, start_all

Obj = dict[str, Any]


def replica_set() -> Obj:
    return {**deployment("web", 2), "kind": "ReplicaSet"}


class Looked(WorkloadController):
    """Counts how often it looked at a ReplicaSet, and does nothing."""

    resource = "replicasets"

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.times = 0

    def _reconcile(self, workload: Obj) -> None:
        self.times += 1


async def test_a_workload_is_looked_at_when_it_or_a_pod_of_it_changes() -> None:
    store = filled()
    looked = Looked(store)
    async with acting(store, ReplicaSets, lambda _: looked):
        create(store, replica_set())
        await quiet(store)
        before = looked.times
        assert before
        start(store, active(store)[0])
        await quiet(store)
        assert looked.times > before


async def test_one_that_is_being_deleted_is_left_alone() -> None:
    store = filled()
    looked = Looked(store)
    async with acting(store, lambda _: looked):
        create(store, replica_set())
        store.update(
            "replicasets", "demo", "web", lambda o: o["metadata"].update(deletionTimestamp="x")
        )
        await quiet(store)
    assert not looked.times


async def test_pods_count_as_available_once_they_were_ready_for_long_enough() -> None:
    store = filled()
    async with acting(store, ReplicaSets):
        create(store, replica_set())
        await quiet(store)
    assert tally(active(store), 0, store.clock()).ready == 0
    start_all(store)
    count = tally(active(store), 60, store.clock())
    assert (count.active, count.ready, count.available) == (2, 2, 0)
    assert count.again_s is not None
    assert 0 < count.again_s <= 60
    assert tally(active(store), 0, store.clock()).available == 2
