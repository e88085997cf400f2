"""kubectl port-forward against the cluster, on both transports: its proof is kubectl, not kfwd."""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from kfwd.sim.pattern import blocks, sha256
from tests.e2e.conftest import KUBECTL, Sim

pytestmark = pytest.mark.e2e

SIZE = 64 << 20
TRANSPORTS = pytest.mark.parametrize("websocket", [True, False], ids=["websocket", "spdy"])
_LINE = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) -> (\d+)")


@pytest.fixture(scope="module")
def space(sim: Sim) -> str:
    """A namespace that the tests of this file share."""
    return sim.namespace(replicas=1)


class Forward:
    """A running kubectl; `ports` are its local ports by the pod's."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log
        self.ports: dict[int, int] = {}

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait_ready(self, ports: int) -> None:
        deadline = time.monotonic() + 20
        while len(self.ports) < ports:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            self.ports = {int(pod): int(local) for local, pod in _LINE.findall(self.log)}
            time.sleep(0.02)

    def connect(self, port: int) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.ports[port]), timeout=30)


@contextlib.contextmanager
def forward(
    sim: Sim, folder: Path, space: str, target: str, *ports: str, websocket: bool
) -> Iterator[Forward]:
    """kubectl port-forward to free local ports, checked to use the transport it was told to."""
    log = folder / "kubectl.log"
    command = [str(KUBECTL), "port-forward", "-v=6", "-n", space, target]
    command += [f":{port}" for port in ports]
    env = sim.env | {"KUBECTL_PORT_FORWARD_WEBSOCKETS": str(websocket).lower()}
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT)
    running = Forward(process, log)
    try:
        running.wait_ready(len(ports))
        yield running
        assert not fell_back(running.log, websocket)
    finally:
        process.terminate()
        process.wait(timeout=10)


def fell_back(log: str, websocket: bool) -> bool:
    """Whether the session is carried by another transport than the one asked for."""
    upgrades = [line for line in log.splitlines() if "/portforward" in line and "verb=" in line]
    verb = 'verb="GET"' if websocket else 'verb="POST"'
    switched = [line for line in upgrades if verb in line and "101 Switching" in line]
    return "fallback" in log or not switched or len(switched) != len(upgrades)


@TRANSPORTS
@pytest.mark.parametrize("target", ["pod", "svc/web", "deploy/web"])
def test_a_pod_a_service_and_a_deployment_answer_through_it(
    sim: Sim, space: str, tmp_path: Path, target: str, websocket: bool
) -> None:
    pod = the_pod(sim, space)
    port = {"pod": "http", "svc/web": "80", "deploy/web": "8080"}[target]
    target = f"pod/{pod}" if target == "pod" else target
    with forward(sim, tmp_path, space, target, port, websocket=websocket) as running:
        url = f"http://127.0.0.1:{running.ports[8080]}/hello"
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.read().decode().startswith(f"pod={pod} path=/hello ")


@TRANSPORTS
def test_64_mib_each_way_are_the_same_bytes(
    sim: Sim, space: str, tmp_path: Path, websocket: bool
) -> None:
    with forward(sim, tmp_path, space, "svc/web", "9002", "9006", websocket=websocket) as running:
        assert download(running, SIZE) == sha256(SIZE)
        assert upload(running, SIZE) == f"{SIZE} {sha256(SIZE)}"


@TRANSPORTS
def test_20_connections_at_once_each_get_their_own_bytes(
    sim: Sim, space: str, tmp_path: Path, websocket: bool
) -> None:
    sizes = [100_000 + 1000 * number for number in range(20)]
    with (
        forward(sim, tmp_path, space, "deploy/web", "9002", websocket=websocket) as running,
        concurrent.futures.ThreadPoolExecutor(len(sizes)) as pool,
    ):
        found = list(pool.map(lambda size: download(running, size), sizes))
    assert found == [sha256(size) for size in sizes]


@TRANSPORTS
def test_after_a_refused_port_kubectl_has_lost_its_connection(
    sim: Sim, space: str, tmp_path: Path, websocket: bool
) -> None:
    with forward(sim, tmp_path, space, "deploy/web", "9999", websocket=websocket) as running:
        with running.connect(9999) as connection:
            connection.sendall(b"x")
            assert running.process.wait(timeout=10) == 1
        assert "connect: connection refused" in running.log
        assert "error: lost connection to pod" in running.log


@TRANSPORTS
def test_cutting_the_session_ends_kubectl(
    sim: Sim, space: str, tmp_path: Path, websocket: bool
) -> None:
    with forward(sim, tmp_path, space, "deploy/web", "9000", websocket=websocket) as running:
        with running.connect(9000) as connection:
            connection.sendall(b"x")
            assert connection.recv(1) == b"x"
            sim.admin("POST", "/sim/cut", {"how": "eof"})
            assert running.process.wait(timeout=10) == 1
        assert "lost connection to pod" in running.log


def test_kubectl_falls_back_to_spdy_when_the_websocket_is_refused(sim: Sim, space: str) -> None:
    sim.faults(refuse_upgrade=502, refuse_transports=["websocket"])
    command = [str(KUBECTL), "port-forward", "-v=6", "-n", space, "deploy/web", ":9000"]
    try:
        with subprocess.Popen(command, env=sim.env, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            lines = iter(process.stderr.readline, "")
            assert any("fallback to secondary dialer" in line for line in lines)
            assert any('verb="POST"' in line and "101 Switching" in line for line in lines)
            process.terminate()
    finally:
        sim.faults(refuse_upgrade=0, refuse_transports=[])


def the_pod(sim: Sim, space: str) -> str:
    [name] = sim.kubectl("get", "pods", "-n", space, "-o", "name").stdout.split()
    return name.removeprefix("pod/")


def download(running: Forward, size: int) -> str:
    """The hash of what the source sends; not more than was asked for."""
    digest, left, buffer = hashlib.sha256(), size, memoryview(bytearray(1 << 20))
    with running.connect(9002) as connection:
        connection.sendall(f"{size}\n".encode())
        while left and (count := connection.recv_into(buffer)):
            digest.update(buffer[:count])
            left -= count
    assert not left, f"{left} bytes short"
    return digest.hexdigest()


def upload(running: Forward, size: int) -> str:
    """What the counting hash says of the first `size` bytes of the pattern."""
    with running.connect(9006) as connection:
        connection.sendall(f"{size}\n".encode())
        for block in blocks(size):
            connection.sendall(block)
        return connection.makefile().readline().strip()
