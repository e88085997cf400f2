from __future__ import annotations

from datetime import timedelta

from kfwd.sim.controllers import pods
from kfwd.sim.store import Change
from tests.sim.builders import create, deployment, filled, pod
from tests.sim.turns import start


def test_readiness_and_its_age_make_a_pod_available() -> None:
    store = filled()
    create(store, pod("a"))
    found = store.objects("pods")[0]
    assert (pods.is_ready(found), pods.available_in(found, 0, store.clock())) == (False, None)
    start(store, found)
    found = store.objects("pods")[0]
    assert pods.is_ready(found)
    assert pods.available_in(found, 0, store.clock()) == 0
    left = pods.available_in(found, 10, store.clock())
    assert left is not None
    assert 8 < left <= 10
    assert pods.available_in(found, 10, store.clock() + timedelta(seconds=11)) == 0


def test_pods_that_go_or_are_done_are_not_active() -> None:
    found = pod("a")
    assert pods.is_active(found)
    assert not pods.is_active({**found, "metadata": {"deletionTimestamp": "x"}})
    assert not pods.is_active({**found, "status": {"phase": "Failed"}})


def test_a_template_has_one_short_name() -> None:
    first = pods.template_hash({"a": 1, "b": 2})
    assert first == pods.template_hash({"b": 2, "a": 1})
    assert first != pods.template_hash({"a": 1, "b": 3})
    assert len(first) == 10


def test_a_pod_from_a_template_belongs_to_its_owner() -> None:
    store = filled()
    owner = create(store, deployment("web", 1))
    made = pods.create_pod(store, "deployments", owner, labels={"x": "y"}, spec={"hostname": "h"})
    assert made["metadata"]["name"].startswith("web-")
    assert made["metadata"]["labels"] == {"app": "web", "x": "y"}
    assert made["spec"]["hostname"] == "h"
    assert pods.owned(store, "pods", owner) == [made]
    heard: list[tuple[str, str]] = []
    change = Change("DELETED", 1, "pods", made, made)
    pods.follow_owner(change, "Deployment", lambda *key: heard.append(key))
    pods.follow_owner(change, "Job", lambda *key: heard.append(key))
    assert set(heard) == {("demo", "web")}


def test_a_condition_keeps_its_time_until_it_turns() -> None:
    status: dict[str, object] = {}
    for now, value in (("1", True), ("2", True), ("3", False)):
        status = {"conditions": pods.with_condition(status, now, "Ready", value)}
    assert status["conditions"] == [{"type": "Ready", "status": "False", "lastTransitionTime": "3"}]
    status = {"conditions": pods.with_condition(status, "4", "Ready", False)}
    found = pods.condition({"status": status}, "Ready")
    assert found is not None
    assert found["lastTransitionTime"] == "3"
    assert pods.condition({}, "Ready") is None
