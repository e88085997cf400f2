"""Lets controllers without a kubelet act, and plays the kubelet where a test needs one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from kfwd.sim.controllers import kubelet
from kfwd.sim.controllers.run import Controller
from kfwd.sim.store import Store, identity

Obj = dict[str, Any]

QUIET_TURNS = 5


@asynccontextmanager
async def acting(store: Store, *kinds: Callable[[Store], Controller]) -> AsyncIterator[None]:
    """Run controllers over a store for the length of a block."""
    controllers = [kind(store) for kind in kinds]
    unsubscribes = [store.subscribe(controller.on) for controller in controllers]
    try:
        yield
    finally:
        for unsubscribe, controller in zip(unsubscribes, controllers, strict=True):
            unsubscribe()
            controller.close()


async def quiet(store: Store) -> None:
    """Until the controllers have nothing left to do."""
    version, turns = store.version, 0
    while turns < QUIET_TURNS:
        await asyncio.sleep(0)
        turns = turns + 1 if store.version == version else 0
        version = store.version


def start(store: Store, pod: Obj, address: str = "127.1.0.9", *, ready: bool = True) -> None:
    """What a kubelet says of a pod that has started, and passed its readiness probes."""

    def change(copy: Obj) -> None:
        copy["spec"].setdefault("nodeName", "node-1")
        kubelet.running(copy, address, "127.0.0.11", store.now())
        if ready:
            kubelet.ready(copy, store.now())

    store.update("pods", *identity(pod), change)


def active(store: Store) -> list[Obj]:
    """Pods that are not being deleted."""
    return [p for p in store.objects("pods") if "deletionTimestamp" not in p["metadata"]]


def start_all(store: Store) -> None:
    """Start every pod that is not being deleted."""
    for number, pod in enumerate(active(store)):
        start(store, pod, f"127.1.1.{number}")


def finish_all(store: Store) -> int:
    """Remove every pod that is being deleted, as a kubelet does in the end."""
    gone = [p for p in store.objects("pods") if "deletionTimestamp" in p["metadata"]]
    for pod in gone:
        store.delete("pods", *identity(pod))
    return len(gone)
