"""The kubelets of the simulated nodes: they run every pod as a probe on free loopback ports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from kfwd.sim.podlog import PodLog
from kfwd.sim.probe import Probe
from kfwd.tasks import TaskSet

HOST = "127.0.0.1"
GRACE_S = 30.0

Pod = Mapping[str, Any]


class PortMap:
    """Where the ports of each pod, known by its UID, really listen."""

    def __init__(self) -> None:
        self._pods: dict[str, Mapping[int, int]] = {}

    def publish(self, uid: str, ports: Mapping[int, int]) -> None:
        """From now on the pod's `ports` (in the pod: real) can be reached."""
        self._pods[uid] = ports

    def withdraw(self, uid: str) -> None:
        self._pods.pop(uid, None)

    def has_sandbox(self, uid: str) -> bool:
        """Whether the pod has a network namespace to dial in."""
        return uid in self._pods

    def address(self, uid: str, port: int) -> tuple[str, int] | None:
        """The real address of a pod's port, or None where nothing listens."""
        real = self._pods.get(uid, {}).get(port)
        return (HOST, real) if real else None


class PodProcess:
    """One running pod, from its first listening port to the end of its grace period."""

    def __init__(self, pod: Pod, keep: Callable[[str], object] | None = None) -> None:
        self.uid: str = pod["metadata"]["uid"]
        self.probe = Probe(pod["metadata"]["name"], HOST, echo=keep)
        self.started = asyncio.Lock()
        self.ending: asyncio.Task[None] | None = None
        self._pre_stop_s = pre_stop_seconds(pod)
        self._deadline: float | None = None
        self._timeout: asyncio.Timeout | None = None

    def end_by(self, deadline: float) -> None:
        """Bring the end forward; a later deadline than the one that stands is ignored."""
        if self._deadline is None or deadline < self._deadline:
            self._deadline = deadline
            if self._timeout is not None:
                self._timeout.reschedule(deadline)

    async def end(self) -> None:
        """preStop, SIGTERM, and SIGKILL when the process or the grace period has ended."""
        async with self.started:
            try:
                async with asyncio.timeout_at(self._deadline) as self._timeout:
                    await asyncio.sleep(self._pre_stop_s)
                    await self.probe.drain()
            except TimeoutError:
                pass
            finally:
                self._timeout = None
                await self.probe.kill()


class Node:
    """Starts and stops pods and keeps the port map true.

    `keep` is given each line of each log; `sandbox_s` says for how many seconds a sandbox outlives
    its last process.
    """

    def __init__(
        self,
        ports: PortMap,
        keep: Callable[[str], object] | None = None,
        sandbox_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._ports = ports
        self._keep = keep
        self._sandbox_s = sandbox_s
        self._pods: dict[str, PodProcess] = {}
        self._tasks = TaskSet("node")

    async def start_pod(self, pod: Pod) -> None:
        """Returns when every probe port listens, whatever ports the pod declares.

        Raises `OSError` when no sockets are to be had.
        """
        process = PodProcess(pod, self._keep)
        if self._pods.setdefault(process.uid, process) is not process:
            return
        async with process.started:
            try:
                await process.probe.start()
            except OSError:
                del self._pods[process.uid]
                raise
            self._ports.publish(process.uid, process.probe.ports)

    def log(self, uid: str) -> PodLog | None:
        """What a pod wrote; None once it is gone."""
        process = self._pods.get(uid)
        return process.probe.log if process is not None else None

    async def stop_pod(self, pod: Pod, grace_s: float | None = None) -> None:
        """End a pod and return when it is gone. A UID that does not run is gone already.

        `grace_s` covers preStop and SIGTERM and defaults to what the pod asks for. A second call
        may bring the end forward, as `kubectl delete --now` does.
        """
        process = self._pods.get(pod["metadata"]["uid"])
        if process is None:
            return
        if grace_s is None:
            grace_s = pod.get("spec", {}).get("terminationGracePeriodSeconds", GRACE_S)
        process.end_by(asyncio.get_running_loop().time() + grace_s)
        if process.ending is None:
            process.ending = self._tasks.spawn(self._end(process), process.probe.name)
        await asyncio.wait([process.ending])

    async def _end(self, process: PodProcess) -> None:
        try:
            await process.end()
            self._ports.publish(process.uid, {})
            await asyncio.sleep(self._sandbox_s())
        finally:
            self._ports.withdraw(process.uid)
            del self._pods[process.uid]

    async def close(self) -> None:
        """Kill every pod."""
        for process in list(self._pods.values()):
            await self.stop_pod({"metadata": {"uid": process.uid}}, grace_s=0.0)
        await self._tasks.close()


def pre_stop_seconds(pod: Pod) -> float:
    """How long the pod's preStop hooks sleep: `sleep.seconds`, or an exec of `sleep N`."""
    containers = pod.get("spec", {}).get("containers", ())
    return max((_hook_seconds(container) for container in containers), default=0.0)


def _hook_seconds(container: Mapping[str, Any]) -> float:
    hook = container.get("lifecycle", {}).get("preStop", {})
    if "sleep" in hook:
        return float(hook["sleep"].get("seconds", 0))
    words = " ".join(hook.get("exec", {}).get("command", ())).split()
    if "sleep" not in words[:-1]:
        return 0.0
    try:
        return float(words[words.index("sleep") + 1])
    except ValueError:
        return 0.0
