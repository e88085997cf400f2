from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfwd.sim import defaults
from kfwd.sim.controllers.deployment import REVISION, Deployments, Group, amount, rolling
from kfwd.sim.controllers.replicas import ReplicaSets
from kfwd.sim.store import Store
from tests.sim.builders import create, deployment, filled
from tests.sim.turns import acting, active, finish_all, quiet, start, start_all


@pytest.mark.parametrize(
    ("value", "up", "pods"), [(2, True, 2), ("25%", True, 1), ("25%", False, 0), ("50%", False, 1)]
)
def test_limits_are_numbers_or_rounded_shares(value: int | str, up: bool, pods: int) -> None:
    assert amount(value, 3, up=up) == pods


def test_one_step_surges_then_shrinks_the_old() -> None:
    old = Group("old", 3, 3)
    assert rolling(3, 1, 0, Group("new", 0, 0), [old]) == {"new": 1}
    assert rolling(3, 1, 0, Group("new", 1, 0), [old]) == {}
    assert rolling(3, 1, 0, Group("new", 1, 1), [old]) == {"old": 2}
    assert rolling(3, 0, 1, Group("new", 0, 0), [old]) == {"old": 2}
    assert rolling(3, 0, 0, Group("new", 0, 0), [old]) == {"old": 2}


def test_unhealthy_old_pods_go_first_and_a_shrunken_deployment_shrinks() -> None:
    groups = [Group("older", 1, 0), Group("old", 2, 2)]
    assert rolling(3, 1, 1, Group("new", 1, 1), groups) == {"older": 0, "old": 1}
    assert rolling(1, 1, 0, Group("new", 3, 3), []) == {"new": 1}


sizes = st.integers(0, 6)


@given(desired=st.integers(1, 6), surge=sizes, unavailable=sizes, data=st.data())
def test_no_step_breaks_the_limits(
    desired: int, surge: int, unavailable: int, data: st.DataObject
) -> None:
    """Whatever the state, a step adds no pods beyond the surge and takes no needed ones."""

    def group(name: str) -> Group:
        replicas = data.draw(sizes)
        return Group(name, replicas, data.draw(st.integers(0, replicas)))

    new, old = group("new"), [group("old"), group("older")]
    every = [new, *old]
    found = rolling(desired, surge, unavailable, new, old)
    after = {g.name: found.get(g.name, g.replicas) for g in every}
    grown = sum(after.values()) > sum(g.replicas for g in every)
    assert not grown or sum(after.values()) <= desired + max(surge, 0)
    before = sum(g.available for g in every)
    left = sum(min(g.available, after[g.name]) for g in every)
    least = desired - min(desired, unavailable or (0 if surge else 1))
    assert left >= min(before, least) or new.replicas > desired
    assert all(size >= 0 for size in after.values())


class Rollout:
    """A Deployment with its controllers, a step at a time."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def set(self, **spec: Any) -> None:
        def change(obj: dict[str, Any]) -> None:
            obj["spec"].update(spec)
            defaults.refill("deployments", obj)
            obj["metadata"]["generation"] += 1

        self.store.update("deployments", "demo", "web", change)

    def change_template(self, image: str) -> None:
        template = deployment("web", 1, image)["spec"]["template"]
        self.set(template=template)

    @property
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.store.objects("deployments")[0]["status"]
        return found

    def reason(self, kind: str) -> str:
        [found] = [c for c in self.status["conditions"] if c["type"] == kind]
        return str(found["reason"])

    async def step(self) -> None:
        """Pods that are there start, pods that go are gone."""
        start_all(self.store)
        finish_all(self.store)
        await quiet(self.store)


async def test_a_rollout_replaces_all_pods_and_always_has_enough() -> None:
    store = filled()
    rollout = Rollout(store)
    async with acting(store, Deployments, ReplicaSets):
        create(store, deployment("web", 3))
        await quiet(store)
        await rollout.step()
        assert rollout.reason("Progressing") == "NewReplicaSetAvailable"
        rollout.change_template("next")
        await quiet(store)
        assert rollout.status["observedGeneration"] == 2
        assert rollout.reason("Progressing") == "ReplicaSetUpdated"
        for _ in range(8):
            ready = [p for p in active(store) if p.get("status", {}).get("podIP")]
            assert len(ready) >= 3
            assert len(active(store)) <= 4
            await rollout.step()
    assert rollout.reason("Progressing") == "NewReplicaSetAvailable"
    assert {p["spec"]["containers"][0]["image"] for p in active(store)} == {"next"}
    assert rollout.status["updatedReplicas"] == rollout.status["availableReplicas"] == 3


async def test_going_back_reuses_the_old_replica_set_under_a_new_revision() -> None:
    store = filled()
    rollout = Rollout(store)
    async with acting(store, Deployments, ReplicaSets):
        create(store, deployment("web", 1, "one"))
        await quiet(store)
        for image in ("two", "one"):
            rollout.change_template(image)
            await quiet(store)
            await rollout.step()
        for _ in range(3):
            await rollout.step()
    sets = store.objects("replicasets")
    assert len(sets) == 2
    revisions = {
        r["spec"]["template"]["spec"]["containers"][0]["image"]: r["metadata"]["annotations"][
            REVISION
        ]
        for r in sets
    }
    assert revisions == {"one": "3", "two": "2"}
    assert store.objects("deployments")[0]["metadata"]["annotations"][REVISION] == "3"


async def test_recreate_starts_nothing_new_before_the_last_old_pod_is_gone() -> None:
    store = filled()
    rollout = Rollout(store)
    old = deployment("web", 2)
    old["spec"]["strategy"] = {"type": "Recreate"}
    async with acting(store, Deployments, ReplicaSets):
        create(store, old)
        await quiet(store)
        start_all(store)
        rollout.change_template("next")
        await quiet(store)
        assert active(store) == []
        finish_all(store)
        await quiet(store)
    assert {p["spec"]["containers"][0]["image"] for p in active(store)} == {"next"}


async def test_a_paused_deployment_scales_and_does_not_roll() -> None:
    store = filled()
    rollout = Rollout(store)
    async with acting(store, Deployments, ReplicaSets):
        create(store, deployment("web", 1, "one"))
        await quiet(store)
        rollout.set(paused=True, replicas=2)
        rollout.change_template("two")
        await quiet(store)
    assert len(store.objects("replicasets")) == 1
    assert [p["spec"]["containers"][0]["image"] for p in active(store)] == ["one", "one"]


async def test_old_replica_sets_beyond_the_limit_are_forgotten() -> None:
    store = filled()
    rollout = Rollout(store)
    async with acting(store, Deployments, ReplicaSets):
        create(store, deployment("web", 1, "0"))
        await quiet(store)
        rollout.set(revisionHistoryLimit=1)
        for image in "123":
            rollout.change_template(image)
            for _ in range(4):
                await rollout.step()
    assert len(store.objects("replicasets")) == 2


async def test_a_deployment_is_available_while_enough_pods_are() -> None:
    store = filled()
    rollout = Rollout(store)
    async with acting(store, Deployments, ReplicaSets):
        create(store, deployment("web", 2))
        await quiet(store)
        assert rollout.reason("Available") == "MinimumReplicasUnavailable"
        start(store, active(store)[0])
        await quiet(store)
        assert rollout.status["unavailableReplicas"] == 1
        await rollout.step()
        assert rollout.reason("Available") == "MinimumReplicasAvailable"
