"""A simulated cluster and a daemon of its own, as processes, in a temporary folder."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from kfwd.client.calls import Client
from kfwd.errors import DaemonUnreachable, KfwdError

START_S = 20.0
STOP_S = 10.0
PAUSE_S = 0.02
READY_DELAY_S = 1.0
KFWD = (sys.executable, "-m", "kfwd")
PROFILE = """\
version: 1
forwards:
  - name: web
    target: svc/web
    ports: [":http", ":echo", ":sha-counted"]
  - name: db
    target: sts/db
    ports: [":9000"]
  - name: solo
    target: pod/solo
    ports: [":8080"]
"""


class Stage:
    """Nothing of the caller's is touched: folders, kubeconfig, ports and processes are its own."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="kfwd-demo-")
        self.folder = Path(self._folder.name)
        self.kubeconfig = self.folder / "kubeconfig"
        self.own = {
            "KUBECONFIG": str(self.kubeconfig),
            "KFWD_CONFIG_DIR": str(self.folder / "config"),
            "KFWD_STATE_DIR": str(self.folder / "state"),
            "KFWD_RUNTIME_DIR": str(self.folder / "run"),
            "KFWD_LOG_DIR": str(self.folder / "log"),
        }
        self._env = {**env, **self.own}
        self._cluster: subprocess.Popen[bytes] | None = None
        self._daemon: subprocess.Popen[bytes] | None = None
        self.client = Client([self.folder / "run"])

    def __enter__(self) -> Self:
        profiles = self.folder / "config" / "profiles"
        profiles.mkdir(parents=True)
        (profiles / "demo.yaml").write_text(PROFILE)
        return self

    def __exit__(self, *error: object) -> None:
        for process in (self._daemon, self._cluster):
            if process is not None:
                _end(process)
        self._folder.cleanup()

    def start_cluster(self) -> None:
        """Return once it answers: it then says so in one line."""
        options = ("--kubeconfig", str(self.kubeconfig), "--ready-delay", str(READY_DELAY_S))
        command = [*KFWD, "sim", "start", *options]
        errors = self.folder / "cluster.log"
        with errors.open("wb") as file:
            self._cluster = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=file, env=self._env, start_new_session=True
            )
        output = self._cluster.stdout
        ready = output and select.select([output], [], [], START_S)[0] and output.readline()
        if not ready:
            raise _did_not_start("the simulated cluster", errors)

    def start_daemon(self) -> None:
        """Return once it answers."""
        errors = self.folder / "daemon.log"
        with errors.open("wb") as file:
            self._daemon = subprocess.Popen(
                [*KFWD, "daemon", "run"],
                stdout=file,
                stderr=file,
                env=self._env,
                start_new_session=True,
            )
        if not until(self._answers, START_S):
            raise _did_not_start("the daemon", errors)

    def kill_daemon(self) -> None:
        """End it as a crash would: with SIGKILL."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()

    def _answers(self) -> bool:
        if self._daemon is not None and self._daemon.poll() is not None:
            raise _did_not_start("the daemon", self.folder / "daemon.log")
        try:
            self.client.snapshot()
        except DaemonUnreachable:
            return False
        return True


def until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Ask again and again; whether it came true in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE_S)
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to stop; its whole session is killed if it does not."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _did_not_start(what: str, errors: Path) -> KfwdError:
    said = errors.read_text(errors="replace").strip().splitlines()
    return KfwdError(f"{what} did not start: {said[-1] if said else 'it said nothing'}")
