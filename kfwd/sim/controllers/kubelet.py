"""The life of a pod on its node: creating, running, ready, terminating, gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from kfwd.backoff import Backoff
from kfwd.sim import deletion
from kfwd.sim.allocate import PodAddresses
from kfwd.sim.controllers.pods import is_finished, is_terminating, with_condition
from kfwd.sim.node import Node
from kfwd.sim.nodenet import internal_address
from kfwd.sim.store import Change, Store, identity
from kfwd.tasks import TaskSet

Obj = dict[str, Any]

log = logging.getLogger(__name__)

RUNTIME = "containerd"


class Kubelet:
    """The kubelets of all nodes. `ready_s` is the time from running to ready, added to the
    `initialDelaySeconds` of a pod's readiness probes."""

    def __init__(self, store: Store, node: Node, *, ready_s: float) -> None:
        self.ready_s = ready_s
        self._store = store
        self._node = node
        self._addresses = PodAddresses()
        self._own_address: dict[str, str] = {}
        self._starting: dict[str, asyncio.Task[None]] = {}
        self._grace: dict[str, float] = {}
        self._tasks = TaskSet("kubelet")

    def on(self, change: Change) -> None:
        if change.resource != "pods" or not change.object["spec"].get("nodeName"):
            return
        pod, uid = change.object, change.object["metadata"]["uid"]
        if change.type == "DELETED":
            if self._grace.get(uid) == 0:
                del self._grace[uid]
            else:
                self._end(pod, 0)
        elif is_terminating(pod):
            self._end(pod, pod["metadata"]["deletionGracePeriodSeconds"])
        elif is_finished(pod):
            self._end(pod, 0)
        elif uid not in self._starting:
            self._starting[uid] = self._tasks.spawn(self._start(pod), pod["metadata"]["name"])

    async def _start(self, pod: Obj) -> None:
        uid = pod["metadata"]["uid"]
        self._update(pod, lambda copy: creating(copy, self._store.now()))
        backoff = Backoff()
        while True:
            try:
                await self._node.start_pod(pod)
                break
            except OSError as error:
                log.warning("pod %s: %s", pod["metadata"]["name"], error)
                await asyncio.sleep(backoff.failed(asyncio.get_running_loop().time()))
        address = self._address(pod)
        self._update(pod, lambda copy: running(copy, address, self._host(pod), self._store.now()))
        await asyncio.sleep(self.ready_s + readiness_delay_s(pod))
        if uid not in self._grace:
            self._update(pod, lambda copy: ready(copy, self._store.now()))

    def _address(self, pod: Obj) -> str:
        if pod["spec"].get("hostNetwork"):
            return self._host(pod)
        uid = pod["metadata"]["uid"]
        self._own_address[uid] = self._addresses.take()
        return self._own_address[uid]

    def _host(self, pod: Obj) -> str:
        return internal_address(self._store.get("nodes", "", pod["spec"]["nodeName"]) or {})

    def _update(self, pod: Obj, change: Callable[[Obj], None]) -> None:
        """Change the pod if it is still the same one."""
        current = self._store.get("pods", *identity(pod))
        if current is not None and current["metadata"]["uid"] == pod["metadata"]["uid"]:
            self._store.update("pods", *identity(pod), change)

    def _end(self, pod: Obj, grace_s: float) -> None:
        """End a pod, or end it sooner. The object goes when the process has."""
        uid, known = pod["metadata"]["uid"], self._grace.get(pod["metadata"]["uid"])
        if known is not None and known <= grace_s:
            return
        self._grace[uid] = grace_s
        self._tasks.spawn(self._stop(pod, grace_s), f"stop {pod['metadata']['name']}")

    async def _stop(self, pod: Obj, grace_s: float) -> None:
        uid = pod["metadata"]["uid"]
        if (starting := self._starting.pop(uid, None)) is not None:
            starting.cancel()
            await asyncio.wait([starting])
        await self._node.stop_pod(pod, grace_s)
        if (address := self._own_address.pop(uid, None)) is not None:
            self._addresses.release(address)
        current = self._store.get("pods", *identity(pod))
        if current is None or current["metadata"]["uid"] != uid:
            self._grace.pop(uid, None)
        elif is_terminating(current):
            deletion.finish(self._store, "pods", *identity(pod))

    async def close(self) -> None:
        await self._tasks.close(timeout=0.5)


def readiness_delay_s(pod: Obj) -> float:
    """The longest `initialDelaySeconds` of the readiness probes."""
    probes = (c.get("readinessProbe") or {} for c in pod["spec"].get("containers", ()))
    return max((float(probe.get("initialDelaySeconds", 0)) for probe in probes), default=0.0)


def _conditions(status: Obj, now: str, values: dict[str, bool]) -> None:
    for kind, value in values.items():
        fields = {"reason": "ContainersNotReady"} if not value else {}
        status["conditions"] = with_condition(status, now, kind, value, **fields)


def _container(container: Obj, state: Obj, *, is_ready: bool, identifier: str) -> Obj:
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": f"{container['image']}@sha256:{'0' * 64}",
        "containerID": f"{RUNTIME}://{identifier}" if identifier else "",
        "ready": is_ready,
        "restartCount": 0,
        "started": "running" in state,
        "state": state,
        "lastState": {},
    }


def creating(pod: Obj, now: str) -> None:
    """The status while sandbox and containers are made."""
    status = pod.setdefault("status", {})
    waiting = {"waiting": {"reason": "ContainerCreating"}}
    status |= {"phase": "Pending", "startTime": now}
    status["containerStatuses"] = [
        _container(c, waiting, is_ready=False, identifier="") for c in pod["spec"]["containers"]
    ]
    _conditions(status, now, {"Initialized": True, "Ready": False, "ContainersReady": False})


def running(pod: Obj, address: str, host: str, now: str) -> None:
    """The status once every process runs, before the readiness probes have passed."""
    status, uid = pod["status"], pod["metadata"]["uid"].replace("-", "")
    status |= {
        "phase": "Running",
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "podIP": address,
        "podIPs": [{"ip": address}],
    }
    status["containerStatuses"] = [
        _container(c, {"running": {"startedAt": now}}, is_ready=False, identifier=uid)
        for c in pod["spec"]["containers"]
    ]
    _conditions(status, now, {"PodReadyToStartContainers": True, "Initialized": True})


def ready(pod: Obj, now: str) -> None:
    """The status once the readiness probes have passed."""
    status = pod["status"]
    for container in status["containerStatuses"]:
        container["ready"] = True
    _conditions(status, now, {"Ready": True, "ContainersReady": True})
