"""Whether 5 000 pods that are listed and change hold up the bytes of another cluster.

Two simulated clusters, each a process: one carries the ping-pong, the other has the pods, so that
what is measured is the daemon and not a cluster that is busy.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.harness import Rig, cpu_s, free_ports, wait_for
from kfwd import yamldoc
from kfwd.measure import load
from kfwd.measure.figures import Figure

PODS = 5000
PINGS = 4000
NAMESPACE = "demo"


class Admin:
    """The simulated cluster's own API, past logins and faults, on one connection."""

    def __init__(self, kubeconfig: Path) -> None:
        config: Any = yamldoc.load(kubeconfig.read_text())
        extension = config["clusters"][0]["cluster"]["extensions"][0]["extension"]
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        place = urlsplit(extension["admin"])
        self._connection = http.client.HTTPSConnection(place.netloc, context=context, timeout=60)
        self._login = {"Authorization": f"Bearer {extension['token']}"}

    def call(self, method: str, path: str, body: object, kind: str = "application/json") -> None:
        headers = {**self._login, "Content-Type": kind}
        self._connection.request(method, path, json.dumps(body), headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {answer[:200]!r}")

    def close(self) -> None:
        self._connection.close()


def pod(number: int) -> dict[str, Any]:
    """A pod that no node can take, with as much in it as a usual one."""
    env = [{"name": f"SETTING_{index}", "value": "x" * 40} for index in range(30)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"load-{number}", "labels": {"app": "load", "round": "0"}},
        "spec": {
            "nodeSelector": {"nowhere": "true"},
            "containers": [{"name": "main", "image": "kfwd/probe", "env": env}],
        },
    }


@contextlib.contextmanager
def crowded(rig: Rig, pods: int) -> Iterator[Path]:
    """The kubeconfig of another simulated cluster, with so many pods beside `web`."""
    kubeconfig = rig.folder / "crowded"
    sim = rig.start("kfwd", "sim", "start", "--kubeconfig", str(kubeconfig))
    wait_for(kubeconfig.exists, "the other cluster")
    admin = Admin(kubeconfig)
    try:
        for number in range(pods):
            admin.call("POST", f"/api/v1/namespaces/{NAMESPACE}/pods", pod(number))
        yield kubeconfig
    finally:
        admin.close()
        rig.stop(sim)
        kubeconfig.unlink()


def measure(rig: Rig, runs: int) -> list[Figure]:
    """The longest pause of a ping-pong: alone, while the pods are listed, while they change."""
    alone = Figure("longest ping alone", "ms")
    listing = Figure(f"longest ping while {PODS} pods are listed", "ms", "<= 20")
    storm = Figure(f"longest ping while {PODS} pods change", "ms", "<= 20")
    rate = Figure("changes of pods meanwhile", "1/s", higher=True)
    cpu = Figure("CPU of a change of a pod", "us")
    (port, other) = free_ports(2)
    pid = rig.up("quiet", forwards=[rig.forward("web", {port: "echo"})])
    with crowded(rig, PODS) as kubeconfig:
        for _ in range(runs):
            alone.add(_longest(port))
            with _beside(lambda: _up(rig, kubeconfig, other)):
                listing.add(_longest(port))
            before = cpu_s(pid)
            with _beside(lambda: rate.add(_change(kubeconfig, 2000))):
                storm.add(_longest(port))
            cpu.add((cpu_s(pid) - before) / 2000 * 1e6)
            rig.run("kfwd", "down", "crowd")
        rig.run("kfwd", "down", "quiet")
    return [alone, listing, storm, rate, cpu]


def _longest(port: int) -> float:
    return max(load.ping_pong(port, b"x", 1, PINGS)) * 1e3


@contextlib.contextmanager
def _beside(work: Any) -> Iterator[None]:
    thread = threading.Thread(target=work, name="beside")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _up(rig: Rig, kubeconfig: Path, port: int) -> None:
    forward = {"name": "crowd", "target": "svc/web", "ports": [f"{port}:echo"]}
    rig.up("crowd", kubeconfig=str(kubeconfig), namespace=NAMESPACE, forwards=[forward])


def _change(kubeconfig: Path, count: int) -> float:
    """Change so many pods; how many a second."""
    admin = Admin(kubeconfig)
    begun = time.perf_counter()
    for number in range(count):
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/load-{number % PODS}"
        patch = {"metadata": {"labels": {"round": str(number)}}}
        admin.call("PATCH", path, patch, "application/merge-patch+json")
    admin.close()
    return count / (time.perf_counter() - begun)
