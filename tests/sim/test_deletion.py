from __future__ import annotations

from kfwd.sim import deletion
from kfwd.sim.store import Store
from tests.sim.builders import DEMO, create, filled, pod

NODE = {"nodeName": "node-1"}


def meta(store: Store, name: str) -> dict[str, object] | None:
    found = store.get("pods", DEMO, name)
    return found["metadata"] if found else None


def test_a_running_pod_is_marked_with_its_grace_period() -> None:
    store = filled()
    assert not deletion.begin(store, "pods", create(store, pod("a", **NODE)))
    found = meta(store, "a")
    assert found is not None
    assert found["deletionGracePeriodSeconds"] == 30
    assert found["deletionTimestamp"] > found["creationTimestamp"]  # type: ignore[operator]  # text


def test_a_pod_that_no_kubelet_runs_goes_at_once() -> None:
    store = filled()
    assert deletion.begin(store, "pods", create(store, pod("pending")))
    done = create(store, pod("done", **NODE))
    done = {**done, "status": {"phase": "Succeeded"}}
    assert deletion.begin(store, "pods", store.replace("pods", done))
    assert deletion.begin(store, "pods", create(store, pod("forced", **NODE)), 0)


def test_a_grace_period_can_shrink_and_not_grow() -> None:
    store = filled()
    made = create(store, pod("a", **NODE))
    for asked, left in ((20, 20), (25, 20), (5, 5)):
        deletion.begin(store, "pods", store.get("pods", DEMO, "a") or made, asked)
        found = meta(store, "a")
        assert found is not None
        assert found["deletionGracePeriodSeconds"] == left


def test_finalizers_hold_an_object_until_they_are_gone() -> None:
    store = filled()
    held = pod("a")
    held["metadata"]["finalizers"] = ["x/y"]
    deletion.begin(store, "pods", create(store, held))
    deletion.finish(store, "pods", DEMO, "a")
    assert meta(store, "a") is not None
    store.update("pods", DEMO, "a", lambda o: o["metadata"].pop("finalizers"))
    deletion.finish(store, "pods", DEMO, "a")
    assert meta(store, "a") is None


def test_dependents_are_found_and_can_be_let_go() -> None:
    store = filled()
    owned = pod("a")
    owned["metadata"]["ownerReferences"] = [{"uid": "boss", "kind": "Job", "name": "j"}]
    create(store, owned)
    create(store, pod("b"))
    assert [o["metadata"]["name"] for _, o in deletion.dependents(store, "boss")] == ["a"]
    deletion.orphan(store, "boss")
    assert list(deletion.dependents(store, "boss")) == []
