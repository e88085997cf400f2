from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from kfwd.sim import deletion
from kfwd.sim.controllers.kubelet import Kubelet, creating, readiness_delay_s
from kfwd.sim.controllers.pods import is_ready
from kfwd.sim.node import Node, PortMap
from kfwd.sim.store import Change, Store
from tests.sim.builders import DEMO, create, filled, pod


class Cluster:
    """A store whose pods really run."""

    def __init__(self, ready_s: float = 0.0) -> None:
        self.store = filled()
        self.ports = PortMap()
        self.node = Node(self.ports)
        self.kubelet = Kubelet(self.store, self.node, ready_s=ready_s)
        self._changed = asyncio.Event()
        self.store.subscribe(self._heard)

    def _heard(self, change: Change) -> None:
        self.kubelet.on(change)
        self._changed.set()

    async def until(self, condition: Callable[[Store], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition(self.store):
                self._changed.clear()
                await self._changed.wait()

    async def killed(self, uid: str) -> None:
        """Until a pod's process has ended: ending it again waits for that."""
        await asyncio.sleep(0)
        await self.node.stop_pod({"metadata": {"uid": uid}}, grace_s=60)
        assert not self.ports.has_sandbox(uid)

    def pod(self, name: str = "a") -> dict[str, Any]:
        return self.store.get("pods", DEMO, name) or {}

    async def close(self) -> None:
        await self.kubelet.close()
        await self.node.close()


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    found = Cluster()
    yield found
    await found.close()


def ready(store: Store) -> bool:
    return all(is_ready(found) for found in store.objects("pods"))


def gone(store: Store) -> bool:
    return not store.objects("pods")


async def test_a_pod_on_a_node_runs_gets_an_address_and_becomes_ready(cluster: Cluster) -> None:
    create(cluster.store, pod("a", nodeName="node-1"))
    create(cluster.store, pod("b", nodeName="node-2"))
    await cluster.until(ready)
    status = cluster.pod()["status"]
    assert (status["phase"], status["hostIP"]) == ("Running", "127.0.0.11")
    assert status["podIP"] != cluster.pod("b")["status"]["podIP"]
    assert status["containerStatuses"][0]["ready"]
    assert cluster.ports.address(cluster.pod()["metadata"]["uid"], 8080)


async def test_it_is_running_before_it_is_ready(cluster: Cluster) -> None:
    cluster.kubelet.ready_s = 60
    create(cluster.store, pod("a", nodeName="node-1"))
    await cluster.until(lambda store: cluster.pod()["status"]["phase"] == "Running")
    assert not is_ready(cluster.pod())


async def test_a_pod_without_a_node_is_not_started(cluster: Cluster) -> None:
    create(cluster.store, pod("a"))
    await asyncio.sleep(0)
    assert cluster.pod()["status"]["phase"] == "Pending"
    assert not cluster.ports.has_sandbox(cluster.pod()["metadata"]["uid"])


async def test_on_the_host_network_a_pod_has_its_nodes_address(cluster: Cluster) -> None:
    create(cluster.store, pod("a", nodeName="node-3", hostNetwork=True))
    await cluster.until(ready)
    assert cluster.pod()["status"]["podIP"] == "127.0.0.13"


async def test_a_deleted_pod_is_gone_when_its_process_has_ended(cluster: Cluster) -> None:
    create(cluster.store, pod("a", nodeName="node-1"))
    await cluster.until(ready)
    uid = cluster.pod()["metadata"]["uid"]
    deletion.begin(cluster.store, "pods", cluster.pod())
    assert cluster.pod()["metadata"]["deletionTimestamp"]
    await cluster.until(gone)
    assert not cluster.ports.has_sandbox(uid)


async def test_a_shorter_grace_period_ends_a_long_pre_stop(cluster: Cluster) -> None:
    slow = pod("a", nodeName="node-1", terminationGracePeriodSeconds=600)
    slow["spec"]["containers"][0]["lifecycle"] = {"preStop": {"sleep": {"seconds": 600}}}
    create(cluster.store, slow)
    await cluster.until(ready)
    deletion.begin(cluster.store, "pods", cluster.pod())
    await asyncio.sleep(0)
    deletion.begin(cluster.store, "pods", cluster.pod(), 1)
    await cluster.until(gone)


async def test_a_pod_removed_by_force_is_killed(cluster: Cluster) -> None:
    create(cluster.store, pod("a", nodeName="node-1"))
    await cluster.until(ready)
    uid = cluster.pod()["metadata"]["uid"]
    deletion.begin(cluster.store, "pods", cluster.pod(), 0)
    assert gone(cluster.store)
    await cluster.killed(uid)


async def test_a_pod_deleted_while_it_starts_never_becomes_ready(cluster: Cluster) -> None:
    seen: list[bool] = []
    cluster.store.subscribe(lambda change: seen.append(is_ready(change.object)))
    slow = pod("a", nodeName="node-1")
    slow["spec"]["containers"][0]["lifecycle"] = {"preStop": {"sleep": {"seconds": 0.05}}}
    create(cluster.store, slow)
    await asyncio.sleep(0)
    deletion.begin(cluster.store, "pods", cluster.pod())
    await cluster.until(gone)
    assert seen
    assert not any(seen)


async def test_a_successor_of_the_same_name_is_its_own_pod(cluster: Cluster) -> None:
    create(cluster.store, pod("a", nodeName="node-1"))
    await cluster.until(ready)
    cluster.store.delete("pods", DEMO, "a")
    create(cluster.store, pod("a", nodeName="node-1"))
    await cluster.until(lambda store: is_ready(cluster.pod()))
    assert cluster.ports.has_sandbox(cluster.pod()["metadata"]["uid"])


async def test_a_pod_that_is_done_stops_and_stays(cluster: Cluster) -> None:
    create(cluster.store, pod("a", nodeName="node-1"))
    await cluster.until(ready)
    uid = cluster.pod()["metadata"]["uid"]
    cluster.store.update("pods", DEMO, "a", lambda o: o["status"].update(phase="Succeeded"))
    await cluster.killed(uid)
    assert cluster.pod()["status"]["phase"] == "Succeeded"


def test_a_readiness_probe_can_ask_for_time() -> None:
    slow = pod("a")
    slow["spec"]["containers"][0]["readinessProbe"] = {"initialDelaySeconds": 3}
    assert (readiness_delay_s(slow), readiness_delay_s(pod("b"))) == (3.0, 0.0)


def test_while_containers_are_made_a_pod_says_so() -> None:
    found = pod("a")
    creating(found, "now")
    assert (
        found["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ContainerCreating"
    )
