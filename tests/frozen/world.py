"""A simulated cluster at the far end of a path, and a daemon at the near one, where this runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.harness import BIN, wait_for
from tests.frozen.netns import SERVER
from tests.frozen.netns import Path as Way

API_PORT = 6443
PORTS = {"echo": 19000, "http": 18080, "counted": 19006, "api": 18001}
POD = "/api/v1/namespaces/demo/services/web:http/proxy"
READY_S = 60.0

PROFILE: dict[str, Any] = {
    "version": 1,
    "forwards": [
        {"name": name, "target": "svc/web", "address": "127.0.0.1", "ports": [f"{local}:{remote}"]}
        for name, local, remote in (
            ("echo", PORTS["echo"], "echo"),
            ("http", PORTS["http"], "http"),
            ("counted", PORTS["counted"], "sha-counted"),
        )
    ],
    "proxies": [{"name": "api", "listen": f"127.0.0.1:{PORTS['api']}"}],
}


class World:
    """What listens on `PORTS`, all of it ready."""

    def __init__(self, way: Way, folder: Path) -> None:
        self._folder = folder
        self._kubeconfig = folder / "kubeconfig"
        self._env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        self._env |= {"KUBECONFIG": str(self._kubeconfig)}
        for what in ("CONFIG", "STATE", "RUNTIME", "LOG"):
            self._env[f"KFWD_{what}_DIR"] = str(folder / what.lower())
        place = ("--port", str(API_PORT), "--kubeconfig", str(self._kubeconfig))
        self._spawn("ip", "netns", "exec", way.far, str(BIN / "kfwd"), "sim", "start", *place)
        relay = (sys.executable, "-m", "tests.frozen.relay", SERVER, str(API_PORT))
        self._spawn("ip", "netns", "exec", way.far, *relay)

    def _spawn(self, *command: str) -> None:
        """Whoever has made the namespaces ends what runs in them."""
        with (self._folder / "said").open("ab") as said:
            subprocess.Popen(command, env=self._env, stdout=said, stderr=said)

    def start(self) -> None:
        wait_for(self._kubeconfig.exists, "the simulated cluster", READY_S)
        here = f"https://127.0.0.1:{API_PORT}"
        there = f"https://{SERVER}:{API_PORT}\n    tls-server-name: 127.0.0.1"
        self._kubeconfig.write_text(self._kubeconfig.read_text().replace(here, there))
        profiles = self._folder / "config" / "profiles"
        profiles.mkdir(parents=True)
        (profiles / "frozen.yaml").write_text(json.dumps(PROFILE))
        self.kfwd("up", "frozen", "--wait", f"{READY_S:g}")

    def kfwd(self, *words: str) -> str:
        """What a command prints. Raises `RuntimeError` with what it said."""
        command = [str(BIN / "kfwd"), *words]
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"kfwd {' '.join(words)}: {done.stderr}")
        return done.stdout

    def context_state(self) -> str:
        status = json.loads(self.kfwd("status", "-o", "json"))
        return str(status["contexts"][0]["state"])


def connections() -> set[str]:
    """The local ends of the TCP connections that this namespace has to the server."""
    done = subprocess.run(
        ["ss", "-Htn", "state", "established", "dst", SERVER],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return {line.split()[2] for line in done.stdout.splitlines()}
