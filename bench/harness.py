"""Processes under measurement on one cluster, and runs in pairs.

The machine is noisy, so both sides run in turn, and what is quoted is the median of each and of the
ratios pair by pair.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import real
from kfwd import yamldoc
from kfwd.measure import processes
from kfwd.measure.speech import Kind, Speech, http
from kfwd.sim import content

BIN = Path(sys.executable).parent
READY_S = 30.0
STEP_S = 0.002

MORE = 3
"""So many times as many pairs where a goal is closer than pairs are to each other."""

ECHO = Speech(Kind.ECHO, b"x", repeats=True, answer_length=1)
PAGE = Speech(Kind.HTTP, http("/"), repeats=True)

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
    used = processes.cpu_s(pid)
    if used is None:
        raise RuntimeError(f"process {pid} is gone")
    return used


def rss_mb(pid: int) -> float:
    """Resident memory of a process in MB."""
    used = processes.rss_mb(pid)
    if used is None:
        raise RuntimeError(f"process {pid} is gone")
    return used


def wait_for(condition: Callable[[], object], what: str, timeout: float = READY_S) -> None:
    """Poll until `condition` holds; a measurement has nothing to be woken by."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {timeout:g} s")
        time.sleep(STEP_S)


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def echoes(port: int) -> bool:
    """Whether one byte comes back."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.sendall(b"x")
        return sock.recv(1) == b"x"
    return False


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


class Rig:
    """A simulated cluster, or the one `KFWD_E2E_KUBECONFIG` names, and a folder for everything.

    `namespace` holds the probe as Deployment and Service `web`, three pods.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self.sim: subprocess.Popen[bytes] | None = None
        self.namespace = content.DEMO
        self._running: list[subprocess.Popen[bytes]] = []
        folders = ("CONFIG", "STATE", "RUNTIME", "LOG")
        self.env = {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HOME": str(folder),
            "KUBECONFIG": str(self.kubeconfig),
            **{f"KFWD_{name}_DIR": str(folder / name) for name in folders},
        }
        if given := real.given():
            self._deploy(given)
        else:
            self._simulate()

    @property
    def simulated(self) -> bool:
        return self.sim is not None

    def _simulate(self) -> None:
        place = ("--kubeconfig", str(self.kubeconfig))
        self.sim = self.start("kfwd", "sim", "start", *place, **self.as_go())
        wait_for(self.kubeconfig.exists, "the simulated cluster")
        wait_for(lambda: len(self.kubectl("get", "endpoints", "web").split(",")) >= 3, "web")

    def as_go(self) -> dict[str, str]:
        """An environment in which OpenSSL chooses ciphers as a server in Go does."""
        preferences = self.folder / "openssl.cnf"
        preferences.write_text(GO_CIPHERS)
        return {**self.env, "OPENSSL_CONF": str(preferences)}

    def _deploy(self, given: str) -> None:
        real.write(given, self.kubeconfig)
        self.env = {**real.environment(), **self.env, "HOME": str(Path.home())}
        self.namespace = f"kfwd-bench-{secrets.token_hex(3)}"
        self._must("create", "namespace", self.namespace)
        image = os.environ.get("KFWD_E2E_IMAGE", content.IMAGE)
        objects = [
            content.deployment("web", 3, image),
            content.service("web", content.SERVED),
        ]
        manifest = self.folder / "web.json"
        manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        self._must("apply", "-f", str(manifest))
        self._must("rollout", "status", "deploy/web", "--timeout=300s")

    def _must(self, *args: str) -> None:
        """Run kubectl. Raises `RuntimeError` with what it says, and takes the namespace away."""
        command = [str(BIN / "kubectl"), *args, *self._where(args[0])]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False)
        if done.returncode:
            self._clean()
            raise RuntimeError(f"kubectl {args[0]}: {done.stderr.strip()}")

    def _clean(self) -> None:
        self.run("kubectl", "delete", "namespace", "--wait=false", self.namespace)

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
        return self.run("kubectl", *args, *self._where(args[0]))

    def _where(self, verb: str) -> list[str]:
        return [] if verb == "create" else ["-n", self.namespace]

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

    def forward(self, name: str, ports: dict[int, str]) -> dict[str, Any]:
        """A forward to `web` for a profile."""
        pairs = [f"{local}:{remote}" for local, remote in ports.items()]
        return {"name": name, "target": "svc/web", "namespace": self.namespace, "ports": pairs}

    def up(self, name: str, **parts: object) -> int:
        """Bring a profile with these keys up; the daemon's pid once all of it is ready."""
        folder = self.folder / "CONFIG" / "profiles"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(json.dumps({"version": 1, **parts}))
        self.run("kfwd", "up", name, "--wait", "60")
        return self.pid()

    def pid(self) -> int:
        return int(json.loads(self.run("kfwd", "status", "-o", "json"))["daemon"]["pid"])

    def port_forward(self, target: str, ports: dict[int, str]) -> subprocess.Popen[bytes]:
        """A kubectl port-forward with its default settings that listens."""
        pairs = [f"{local}:{remote}" for local, remote in ports.items()]
        process = self.start("kubectl", "port-forward", "-n", self.namespace, target, *pairs)
        for port in ports:
            wait_for(lambda port=port: accepts(port), f"kubectl on {port}")  # type: ignore[misc]
        return process

    @contextlib.contextmanager
    def far(self, ms: float) -> Iterator[None]:
        """Everything that starts meanwhile has a round trip of `ms` to the API server."""
        text = self.kubeconfig.read_text()
        config: Any = yamldoc.load(text)
        cluster = config["clusters"][0]["cluster"]
        place = urlsplit(cluster["server"])
        arguments = [str(place.hostname), str(place.port or 443), str(ms)]
        relay = subprocess.Popen(
            [sys.executable, "-m", "bench.distance", *arguments], stdout=subprocess.PIPE
        )
        assert relay.stdout is not None
        port = int(relay.stdout.readline())
        cluster["server"] = place._replace(netloc=f"127.0.0.1:{port}").geturl()
        cluster.setdefault("tls-server-name", place.hostname)
        self.run("kfwd", "daemon", "stop")
        self.kubeconfig.write_text(json.dumps(config))
        try:
            yield
        finally:
            self.run("kfwd", "daemon", "stop")
            self.kubeconfig.write_text(text)
            relay.terminate()
            relay.wait()
            relay.stdout.close()

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        process.wait(10)
        self._running.remove(process)

    def close(self) -> None:
        self.run("kfwd", "daemon", "stop")
        if not self.simulated:
            self._clean()
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
