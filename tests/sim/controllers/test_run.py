from __future__ import annotations

import asyncio

from kfwd.sim.controllers.pods import is_ready
from kfwd.sim.controllers.run import Controllers
from kfwd.sim.node import Node, PortMap
from tests.sim.builders import create, deployment, filled, service


async def test_a_deployment_and_a_service_end_in_ready_endpoints() -> None:
    store = filled()
    ports = PortMap()
    node = Node(ports)
    controllers = Controllers(store, node, ports, ready_s=0)
    changed = asyncio.Event()
    unsubscribe = store.subscribe(lambda change: changed.set())
    create(store, service("web", {"http": 80}))
    create(store, deployment("web", 2))

    def ready() -> int:
        slices = store.objects("endpointslices")
        return sum(e["conditions"]["ready"] for s in slices for e in s["endpoints"])

    async with asyncio.timeout(10):
        while ready() < 2:
            changed.clear()
            await changed.wait()
    assert all(map(is_ready, store.objects("pods")))
    assert len({p["spec"]["nodeName"] for p in store.objects("pods")}) == 2
    unsubscribe()
    await controllers.close()
    await node.close()
    before = store.version
    create(store, deployment("late", 2))
    await asyncio.sleep(0)
    assert store.version == before + 1
