"""What a user waits for: commands, the daemon's start, its end by SIGKILL, a pod's successor."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from functools import partial

from bench.harness import BIN, Rig, accepts, alive, echoes, free_ports, wait_for
from kfwd.demo.traffic import Tally, load
from kfwd.measure.figures import Figure

RATE = 50
"""Requests a second, each on a connection of its own."""

AROUND_S = 0.5


def commands(rig: Rig, runs: int) -> list[Figure]:
    listing = Figure("kfwd ls", "ms", "<= 150")
    starting = Figure("daemon start to first byte", "s", "<= 0.8")
    (port,) = free_ports(1)
    rig.up("lives", forwards=[rig.forward("web", {port: "echo"})])
    for _ in range(3 * runs):
        start = time.perf_counter()
        rig.run("kfwd", "ls")
        listing.add((time.perf_counter() - start) * 1e3)
    for _ in range(runs):
        rig.run("kfwd", "daemon", "stop")
        start = time.perf_counter()
        daemon = rig.start("kfwd", "daemon", "run")
        wait_for(lambda: echoes(port), "the first byte")
        starting.add(time.perf_counter() - start)
        rig.stop(daemon)
    rig.start("kfwd", "daemon", "start").wait()
    rig.run("kfwd", "down", "lives")
    return [listing, starting]


def killed(rig: Rig, runs: int, count: int) -> list[Figure]:
    """SIGKILL and a new start with `count` forwards."""
    accept = Figure(f"all of {count} ports accept after SIGKILL", "s", "<= 1")
    through = Figure(f"a byte through all {count} after SIGKILL", "s", "<= 3")
    ports = free_ports(count)
    rig.up("killed", forwards=[rig.forward(f"f{port}", {port: "echo"}) for port in ports])
    for _ in range(runs):
        pid = rig.pid()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda pid=pid: not alive(pid), "the end of the daemon")  # type: ignore[misc]
        start = time.perf_counter()
        rig.start("kfwd", "daemon", "start")
        for port in ports:
            wait_for(lambda port=port: accepts(port), f"port {port}")  # type: ignore[misc]
        accept.add(time.perf_counter() - start)
        for port in ports:
            wait_for(lambda port=port: echoes(port), f"a byte through {port}")  # type: ignore[misc]
        through.add(time.perf_counter() - start)
    rig.run("kfwd", "down", "killed")
    return [accept, through]


def restarts(rig: Rig, runs: int) -> list[Figure]:
    """What fails of requests while pods, or the daemon, are replaced."""
    rolling = Figure(f"failed of {RATE} requests a second, rolling restart", "", "<= 0")
    daemon = Figure(f"failed of {RATE} requests a second, daemon restart", "", "<= 0")
    (port,) = free_ports(1)
    rig.up("restarts", forwards=[rig.forward("web", {port: "http"})])
    rolling.add(sum(_failed(port, lambda: _roll(rig)) for _ in range(runs)))
    restart = partial(rig.run, "kfwd", "daemon", "restart")
    daemon.add(sum(_failed(port, restart) for _ in range(runs)))
    rig.run("kfwd", "down", "restarts")
    return [rolling, daemon]


def _roll(rig: Rig) -> None:
    rig.kubectl("rollout", "restart", "deployment/web")
    rig.kubectl("rollout", "status", "deployment/web", "--timeout=60s")


def _failed(port: int, change: Callable[[], object]) -> int:
    """Failed requests from half a second before a change until half a second after it."""
    tally = Tally()
    with load(tally, port, RATE):
        time.sleep(AROUND_S)
        change()
        time.sleep(AROUND_S)
    if tally.requests < RATE * AROUND_S:
        raise AssertionError(f"only {tally.requests} requests were made")
    return tally.failed


def recovery(rig: Rig, runs: int) -> list[Figure]:
    """From the readiness of a deleted single replica's successor to the first good byte."""
    figure = Figure("new pod ready to first good byte", "ms", "<= 100")
    (port,) = free_ports(1)
    rig.kubectl("scale", "deployment/web", "--replicas=1")
    rig.up("recovery", forwards=[rig.forward("one", {port: "echo"})])
    rig.kubectl("wait", "--for=jsonpath={.status.replicas}=1", "deployment/web", "--timeout=60s")
    wait_for(lambda: len(_pods(rig)) == 1, "the end of the other pods")
    for _ in range(runs):
        figure.add(_recover(rig, port))
    rig.kubectl("scale", "deployment/web", "--replicas=3")
    rig.run("kfwd", "down", "recovery")
    return [figure]


def _pods(rig: Rig) -> list[str]:
    """Those that are ending, too."""
    path = "jsonpath={.items[*].metadata.name}"
    return rig.kubectl("get", "pods", "-l", "app=web", "-o", path).split()


def _recover(rig: Rig, port: int) -> float:
    """Delete the pod; a connection waits meanwhile, and kubectl's watch says when one is ready."""
    (name,) = _pods(rig)
    ready: list[float] = []

    def follow() -> None:
        assert watch.stdout is not None
        for line in watch.stdout:
            if b" 1/1 " in line and b" Running " in line and name.encode() not in line:
                ready.append(time.perf_counter())
                return

    watch = subprocess.Popen(
        [str(BIN / "kubectl"), "get", "pods", "-n", rig.namespace, "-l", "app=web", "-w"],
        env=rig.env,
        stdout=subprocess.PIPE,
    )
    follower = threading.Thread(target=follow)
    follower.start()
    try:
        rig.kubectl("delete", "pod", name, "--force", "--grace-period=0", "--wait=false")
        wait_for(lambda: echoes(port), "a byte")  # the first may have met the old pod's end
        served = time.perf_counter()
        wait_for(lambda: ready, "a new pod")
    finally:
        watch.terminate()
        watch.wait()
        follower.join()
        watch.stdout.close()  # type: ignore[union-attr]  # it is a pipe
    return max(0.0, (served - ready[0]) * 1e3)
