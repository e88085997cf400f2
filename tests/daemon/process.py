"""A daemon in a process of its own, as a user would have it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from kfwd.api_handover import HANDOVER_PROTOCOL, HandoverRequest
from kfwd.client.calls import Client
from kfwd.errors import DaemonUnreachable
from kfwd.model import Snapshot
from kfwd.service.start import COMMAND
from tests.daemon.rig import Home

RUN = [sys.executable, "-c", "import sys; from kfwd.daemon.main import run; sys.exit(run())"]


class Process(Home):
    """A daemon in a process of its own."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.running: list[subprocess.Popen[str]] = []
        self.successors: list[int] = []
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "KUBECONFIG": self.kubeconfig,
            "KFWD_CONFIG_DIR": str(self.paths.config),
            "KFWD_STATE_DIR": str(self.paths.state),
            "KFWD_RUNTIME_DIR": str(self.paths.runtime),
            "KFWD_LOG_DIR": str(self.paths.log),
        }

    @property
    def client(self) -> Client:
        return Client([self.paths.runtime])

    def spawn(self, **env: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            RUN, env={**self.env, **env}, stderr=subprocess.PIPE, text=True, cwd="/"
        )
        self.running.append(process)
        return process

    def start(self, **env: str) -> subprocess.Popen[str]:
        """Start it and wait until it answers."""
        process = self.spawn(**env)
        deadline = time.monotonic() + 10
        while not self.answers():
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return process

    def answers(self) -> bool:
        try:
            self.client.snapshot()
        except DaemonUnreachable:
            return False
        return True

    def snapshot(self) -> Snapshot:
        return self.client.snapshot()

    def up(self, *names: str) -> None:
        self.client.up(names, (self.kubeconfig,))

    def end(self, process: subprocess.Popen[str], number: int = signal.SIGTERM) -> int:
        process.send_signal(number)
        process.communicate(timeout=10)
        return process.returncode

    def hand_over(self, *command: str, protocol: int = HANDOVER_PROTOCOL) -> int:
        """Have the daemon replaced by what `command` starts; returns the new process id."""
        request = HandoverRequest(
            protocol=protocol, command=command or COMMAND, environment=self.env
        )
        pid = self.client.hand_over(request).pid
        self.successors.append(pid)
        return pid

    def close(self) -> None:
        for pid in self.successors:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self.running:
            process.kill()
            process.communicate()


def refused(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


def listening_within(port: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while refused(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
