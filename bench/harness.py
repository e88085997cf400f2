"""Processes under measurement, what they cost, and runs in pairs.

The machine is noisy, so both sides run in turn, A B A B, and what is quoted is the median of each
and of the ratios pair by pair.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from kfwd import yamldoc

BIN = Path(sys.executable).parent
TICK = os.sysconf("SC_CLK_TCK")
READY_S = 30.0

GO_CIPHERS = """\
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = server
[server]
Ciphersuites = TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256
Options = ServerPreference
"""
"""An API server is a Go program: it chooses the cipher, AES with 128 bits where the processor has
it (crypto/tls, defaultCipherSuitesTLS13). OpenSSL as a server would take the client's first."""


def cpu_s(pid: int) -> float:
    """CPU seconds a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def rss_mb(pid: int) -> float:
    """Resident memory of a process in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def wait_for(condition: Callable[[], object], what: str, timeout: float = READY_S) -> None:
    """Poll until `condition` holds; a measurement has nothing to be woken by."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {timeout:g} s")
        time.sleep(0.002)


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Rig:
    """A simulated cluster, or the one `KFWD_E2E_KUBECONFIG` names, and a folder for everything."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self._running: list[subprocess.Popen[bytes]] = []
        self.env = {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HOME": str(folder),
            "KUBECONFIG": str(self.kubeconfig),
            **{
                f"KFWD_{name}_DIR": str(folder / name)
                for name in ("CONFIG", "STATE", "RUNTIME", "LOG")
            },
        }
        preferences = folder / "openssl.cnf"
        preferences.write_text(GO_CIPHERS)
        self.sim = self.start(
            "kfwd",
            "sim",
            "start",
            "--kubeconfig",
            str(self.kubeconfig),
            OPENSSL_CONF=str(preferences),
        )
        wait_for(self.kubeconfig.exists, "the simulated cluster")
        wait_for(lambda: len(self.kubectl("get", "endpoints", "web").split(",")) >= 3, "web")

    def start(self, *args: str, **env: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [str(BIN / args[0]), *args[1:]],
            env={**self.env, **env},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._running.append(process)
        return process

    def run(self, *args: str) -> str:
        done = subprocess.run(
            [str(BIN / args[0]), *args[1:]],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    def kubectl(self, *args: str) -> str:
        return self.run("kubectl", *args)

    def faults(self, **values: object) -> None:
        """Change how the simulated cluster behaves."""
        config = yamldoc.load(self.kubeconfig.read_text())
        extension = config["clusters"][0]["cluster"]["extensions"][0]["extension"]  # type: ignore[index]  # a kubeconfig of the simulator
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        request = urllib.request.Request(
            extension["admin"] + "/sim/faults",
            json.dumps(values).encode(),
            {"Authorization": f"Bearer {extension['token']}", "Content-Type": "application/json"},
            method="PATCH",
        )
        urllib.request.urlopen(request, context=context, timeout=10).close()

    def daemon(self, profile: str, ports: list[int], name: str = "bench") -> int:
        """Bring a profile up; the daemon's pid once every port is served."""
        folder = self.folder / "CONFIG" / "profiles"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(profile)
        self.run("kfwd", "up", name, "--wait", "30")
        for port in ports:
            wait_for(lambda port=port: accepts(port), f"port {port}")  # type: ignore[misc]
        return int(json.loads(self.run("kfwd", "status", "-o", "json"))["daemon"]["pid"])

    def port_forward(
        self, target: str, ports: dict[int, str], *, websocket: bool
    ) -> subprocess.Popen[bytes]:
        """A kubectl port-forward that listens."""
        pairs = [f"{local}:{remote}" for local, remote in ports.items()]
        env = {"KUBECTL_PORT_FORWARD_WEBSOCKETS": str(websocket).lower()}
        process = self.start("kubectl", "port-forward", target, *pairs, **env)
        for port in ports:
            wait_for(lambda port=port: accepts(port), f"kubectl on {port}")  # type: ignore[misc]
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        process.wait(10)
        self._running.remove(process)

    def close(self) -> None:
        self.run("kfwd", "daemon", "stop")
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait(10)


@contextlib.contextmanager
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory(prefix="kfwd-bench-") as folder:
        running = Rig(Path(folder))
        try:
            yield running
        finally:
            running.close()


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


class Figure:
    """One figure measured on both sides, run by run."""

    def __init__(self, name: str, unit: str, goal: str) -> None:
        self.name, self.unit, self.goal = name, unit, goal
        self.kfwd: list[float] = []
        self.kubectl: list[float] = []

    def add(self, kfwd: float, kubectl: float | None = None) -> None:
        self.kfwd.append(kfwd)
        if kubectl is not None:
            self.kubectl.append(kubectl)

    @property
    def ratio(self) -> float | None:
        if not self.kubectl:
            return None
        return statistics.median(a / b for a, b in zip(self.kfwd, self.kubectl, strict=True))

    def row(self) -> list[str]:
        ours = f"{statistics.median(self.kfwd):.3g}"
        theirs = f"{statistics.median(self.kubectl):.3g}" if self.kubectl else "-"
        ratio = f"{self.ratio:.2f}" if self.ratio is not None else "-"
        return [self.name, self.unit, ours, theirs, ratio, self.goal]


def table(figures: list[Figure]) -> str:
    """The figures as a table in Markdown."""
    rows = [["what", "unit", "kfwd", "kubectl", "ratio", "goal"], *(f.row() for f in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
