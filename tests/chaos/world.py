"""The processes under attack: a simulated cluster and a daemon with eight listeners."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from kfwd import yamldoc
from kfwd.errors import KfwdError
from kfwd.model import Snapshot, State
from kfwd.sim import content
from tests.chaos.ledger import requests
from tests.chaos.windows import CERT, TOKEN
from tests.daemon.process import Process
from tests.e2e.conftest import Answer, Sim, simulated

KFWD = Path(sys.executable).parent / "kfwd"
LISTENERS = {"web": "http", "echo": "echo", "source": "source", "counted": "sha-counted"}
PORTS = range(20_000, 30_000)
"""Below the ports that connections are given, which would be in the way of a daemon's restart."""
GRACE_S = 4
POLL_S = 0.02
READY_S = 20.0
MB = 1e6


class Usage(Struct, frozen=True):
    """What the daemon's process holds."""

    files: int
    threads: int
    rss_mb: float

    def __str__(self) -> str:
        return f"{self.files} descriptors, {self.threads} threads, {self.rss_mb:.1f} MB"


class World:
    """Everything outside the clients. Calls block; those of a run are made in threads."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "pods.log"
        self._cluster = simulated(folder, "--pod-logs", str(self._log))
        self.sim = Sim(folder / "sim", folder, content.IMAGE)
        self.daemon = Process(folder / "home")
        self.daemon.env["PYTHONFAULTHANDLER"] = "1"
        self.token_file = folder / "token"
        self.token = ""
        self.pid = 0
        self.ports = dict(zip(_keys(), _free_ports(), strict=False))

    def start(self) -> None:
        """Pods ready, entries ready."""
        self.namespace = self.sim.namespace(replicas=3)
        self.patch("deployments/web", {"spec": {"template": {"spec": _grace()}}}, "/apis/apps/v1")
        self.sim.kubectl("rollout", "status", "-n", self.namespace, "deploy/web")
        self.new_token()
        self._write_kubeconfig()
        for way in (CERT, TOKEN):
            self.profile(way).write_text(self.profile_text(way))
        self.pid = self.daemon.start().pid
        self.daemon.up(CERT, TOKEN)
        self.until(self.all_ready, "every entry is ready")

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.pid:
                os.kill(self.pid, signal.SIGCONT)
                os.kill(self.pid, signal.SIGTERM)
                self.until(lambda: not alive(self.pid), "the daemon stops")
        self.daemon.close()
        self._cluster.terminate()
        self._cluster.communicate(timeout=10)

    def admin(self, method: str, path: str, body: object = None) -> Answer:
        return self.sim.admin(method, path, body)

    def path(self, what: str, api: str = "/api/v1") -> str:
        return f"{api}/namespaces/{self.namespace}/{what}"

    def patch(self, what: str, body: object, api: str = "/api/v1") -> Answer:
        return self.admin("PATCH", self.path(what, api), body)

    def pods(self) -> list[dict[str, Any]]:
        return list(self.admin("GET", self.path("pods"))["items"])

    def new_token(self) -> str:
        """Write a fresh token; returns the one before, which is still good."""
        old, asked = self.token, {"name": "chaos", "groups": ["system:masters"]}
        self.token = self.admin("POST", "/sim/users", asked)["token"]
        fresh = self.token_file.with_suffix(".new")
        fresh.write_text(self.token)
        fresh.replace(self.token_file)
        return old

    def requests(self) -> Counter[str]:
        return requests(self._log.read_text().splitlines())

    def profile(self, name: str) -> Path:
        return self.daemon.paths.profiles / f"{name}.yaml"

    def profile_text(self, way: str, extra: str = "") -> str:
        spread = "first" if way == CERT else "round-robin"
        lines = [
            f"- {{name: {name}, target: svc/web, address: 127.0.0.1, spread: {spread}, "
            f"ports: ['{self.ports[way, name]}:{remote}']}}"
            for name, remote in LISTENERS.items()
        ]
        head = f"version: 1\ncontext: {way}\nnamespace: {self.namespace}\nforwards:\n"
        return head + "\n".join(lines) + f"\n{extra}"

    def entries(self) -> set[str]:
        """The ids that must be there whatever happens."""
        return {f"{way}/{name}" for way, name in self.ports}

    def run_daemon(self) -> None:
        self.pid = self.daemon.spawn().pid
        self.until_serving()

    def restart_daemon(self) -> None:
        command = [str(KFWD), "daemon", "restart"]
        done = subprocess.run(
            command, env=self.daemon.env, capture_output=True, text=True, timeout=80, check=False
        )
        if snapshot := self.snapshot():
            self.pid = snapshot.daemon.pid
        if done.returncode:
            raise RuntimeError(f"kfwd daemon restart: {done.stderr}")
        self.until_serving()

    def kill_daemon(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        for process in self.daemon.running:
            if process.pid == self.pid:
                process.wait()
        self.until(lambda: not alive(self.pid), "the daemon is gone")

    def snapshot(self) -> Snapshot | None:
        try:
            return self.daemon.snapshot()
        except KfwdError:
            return None

    def until_serving(self) -> None:
        """Until the daemon answers and every port accepts."""
        self.until(lambda: self.snapshot() is not None, "the daemon answers")
        self.until(lambda: all(map(accepts, self.ports.values())), "every port accepts")

    def all_ready(self) -> bool:
        snapshot = self.snapshot()
        ready = {e.id for e in (snapshot.entries if snapshot else ()) if e.state is State.READY}
        return self.entries() <= ready

    def at_rest(self) -> bool:
        """Whether no connection is open or waiting."""
        snapshot = self.snapshot()
        return snapshot is not None and not any(
            entry.connections.open or entry.connections.waiting for entry in snapshot.entries
        )

    def revive(self) -> str | None:
        """Start a daemon where there should be one and none is; says how the last one ended."""
        if alive(self.pid):
            return None
        status, words = "unknown", ""
        for process in self.daemon.running:
            if process.pid == self.pid and process.stderr is not None:
                status, words = str(process.wait()), process.stderr.read()
        self.run_daemon()
        return f"the daemon ended by itself with status {status}: {words}"

    def usage(self) -> Usage:
        process = Path(f"/proc/{self.pid}")
        pages = int((process / "statm").read_text().split()[1])
        return Usage(
            files=len(list((process / "fd").iterdir())),
            threads=len(list((process / "task").iterdir())),
            rss_mb=pages * os.sysconf("SC_PAGE_SIZE") / MB,
        )

    def until(self, condition: Callable[[], object], what: str, timeout: float = READY_S) -> None:
        """Wait until `condition()` holds. Raises `TimeoutError` that says what does not."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                snapshot = self.snapshot()
                raise TimeoutError(f"not within {timeout:g} s: {what}; {snapshot}")
            time.sleep(POLL_S)

    def _write_kubeconfig(self) -> None:
        config: Any = yamldoc.load(self.sim.kubeconfig.read_text())
        config["users"].append({"name": TOKEN, "user": {"tokenFile": str(self.token_file)}})
        cluster = config["clusters"][0]["name"]
        for way, user in ((CERT, "sim"), (TOKEN, TOKEN)):
            context = {"cluster": cluster, "user": user, "namespace": self.namespace}
            config["contexts"].append({"name": way, "context": context})
        Path(self.daemon.kubeconfig).write_text(json.dumps(config))


def _grace() -> dict[str, int]:
    return {"terminationGracePeriodSeconds": GRACE_S}


def _keys() -> Iterator[tuple[str, str]]:
    return ((way, name) for way in (CERT, TOKEN) for name in LISTENERS)


def _free_ports() -> Iterator[int]:
    # Runs side by side begin at places of their own.
    start = os.getpid() * 97 % len(PORTS)
    for port in (*PORTS[start:], *PORTS[:start]):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            yield port


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
