"""Objects in, listening addresses out."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from kfwd.sim.content import node
from kfwd.sim.controllers.endpoints import EndpointSlices
from kfwd.sim.controllers.kubeproxy import KubeProxy
from kfwd.sim.node import PortMap
from kfwd.sim.outside import Outside
from kfwd.sim.store import Store
from tests.sim.builders import create, filled, pod, service
from tests.sim.turns import acting, quiet, start

NET = f"127.{100 + os.getpid() % 100}.9"
WEB = ("service", "demo", "web")
POD = ("pod", "demo", "a")


class World:
    def __init__(self) -> None:
        self.store = filled()
        for name in ("node-3", "node-4"):
            self.store.delete("nodes", "", name)
        for number in (1, 2):
            moved = node(f"node-{number}", f"{NET}.{number}", self.store.now())
            self.store.replace("nodes", moved)
        self.outside = Outside(PortMap())

    def acting(self) -> Any:
        return acting(self.store, EndpointSlices, partial(KubeProxy, outside=self.outside))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    found = World()
    yield found
    await found.outside.close()


def node_port(store: Store) -> int:
    found = store.get("services", "demo", "web") or {}
    return int(found["spec"]["ports"][0]["nodePort"])


async def test_a_node_port_listens_on_every_node_while_a_pod_is_ready(world: World) -> None:
    store = world.store
    async with world.acting():
        create(store, {**service("web", {"http": 80}), **_of_type("NodePort")})
        await quiet(store)
        assert world.outside.addresses(WEB) == set()
        made = create(store, pod("a", {"app": "web"}, nodeName="node-1"))
        start(store, made)
        await quiet(store)
        expected = {(f"{NET}.{n}", node_port(store)) for n in (1, 2)}
        assert world.outside.addresses(WEB) == expected
        store.delete("nodes", "", "node-2")
        await quiet(store)
        assert world.outside.addresses(WEB) == {(f"{NET}.1", node_port(store))}
        store.delete("pods", "demo", "a")
        await quiet(store)
        assert world.outside.addresses(WEB) == set()


def _of_type(kind: str, **spec: object) -> dict[str, Any]:
    return {"spec": {**service("web", {"http": 80})["spec"], "type": kind, **spec}}


async def test_with_the_local_policy_only_nodes_with_a_pod_listen(world: World) -> None:
    store = world.store
    async with world.acting():
        local = _of_type("NodePort", externalTrafficPolicy="Local")
        create(store, {**service("web", {"http": 80}), **local})
        start(store, create(store, pod("a", {"app": "web"}, nodeName="node-2")))
        await quiet(store)
        assert world.outside.addresses(WEB) == {(f"{NET}.2", node_port(store))}


async def test_a_deleted_service_listens_nowhere(world: World) -> None:
    store = world.store
    async with world.acting():
        create(store, {**service("web", {"http": 80}), **_of_type("NodePort")})
        start(store, create(store, pod("a", {"app": "web"}, nodeName="node-1")))
        await quiet(store)
        assert world.outside.addresses(WEB)
        store.delete("services", "demo", "web")
        await quiet(store)
        assert world.outside.addresses(WEB) == set()


async def test_a_host_port_listens_from_the_start_of_its_pod_to_its_end(world: World) -> None:
    store = world.store
    wanted = pod("a", nodeName="node-1")
    wanted["spec"]["containers"][0]["ports"][0]["hostPort"] = 28080
    async with world.acting():
        made = create(store, wanted)
        await quiet(store)
        assert world.outside.addresses(POD) == set()
        start(store, made, ready=False)
        await quiet(store)
        assert world.outside.addresses(POD) == {(f"{NET}.1", 28080)}
        store.delete("pods", "demo", "a")
        await quiet(store)
        assert world.outside.addresses(POD) == set()


async def test_a_pod_in_the_hosts_network_listens_on_its_container_ports(world: World) -> None:
    store = world.store
    async with world.acting():
        start(store, create(store, pod("a", nodeName="node-2", hostNetwork=True)))
        await quiet(store)
        assert world.outside.addresses(POD) == {(f"{NET}.2", 8080)}
