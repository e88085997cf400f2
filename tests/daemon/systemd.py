"""A systemd that runs the daemon by its unit, hears what it says, and keeps its descriptors.

As systemd.service(5), sd_notify(3) and sd_listen_fds(3) have it; sockets, descriptors and
processes are real.
"""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kfwd.service import manage
from kfwd.service.manager import Options
from tests.daemon.process import Process

HEAR_S = 10.0
VENV = Path(sys.prefix)
START = """
import fcntl, os, sys
high = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 500) for number in sys.argv[1].split()]
os.closerange(3, 500)
for place, number in enumerate(high, 3):
    os.dup2(number, place)
    os.close(number)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execve(sys.argv[2], sys.argv[2:], os.environ)
"""
"""Puts descriptors where sd_listen_fds(3) finds them, in the process that becomes the daemon."""


class Systemd(Process):
    """Runs one service. `store` has the kept descriptors by name, `said` every line heard."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.store: dict[str, int] = {}
        self.said: list[tuple[int, str]] = []
        self.passed: list[tuple[str, socket.socket]] = []
        self.main_pid = 0
        self._folder = tempfile.TemporaryDirectory()
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._notify.bind(f"{self._folder.name}/notify")
        self._notify.settimeout(HEAR_S)
        # A path as pipx and people make them.
        (root / "my venv").symlink_to(VENV)
        python = str(root / "my venv" / "bin" / "python")
        self.manager = manage.find(self.env, "linux", (python, *manage.COMMAND[1:]))

    @property
    def unit(self) -> str:
        """The text of the service unit."""
        return self.manager.texts(self.paths, Options())[self.manager.files[0]]

    def run(self, **env: str) -> subprocess.Popen[str]:
        """Start the service by exactly its command line; `heard("READY=1")` waits for it."""
        descriptors = [sock.fileno() for _, sock in self.passed] + list(self.store.values())
        names = [name for name, _ in self.passed] + list(self.store)
        command, variables = _read(self.unit)
        manager = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.root),
            "NOTIFY_SOCKET": self._notify.getsockname(),
            "LISTEN_FDS": str(len(names)),
            "LISTEN_FDNAMES": ":".join(names),
        }
        process = subprocess.Popen(
            [sys.executable, "-SEc", START, " ".join(map(str, descriptors)), *command],
            env={**manager, **variables, **env},
            pass_fds=descriptors,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
        )
        self.running.append(process)
        self.main_pid = process.pid
        return process

    def heard(self, line: str) -> int:
        """Wait until the service says this; who said it. What was heard before does not count."""
        deadline = time.monotonic() + HEAR_S
        while True:
            pid, lines = self._hear()
            if line in lines:
                return pid
            assert time.monotonic() < deadline, self.said

    def _hear(self) -> tuple[int, list[str]]:
        data, rights, _, _ = self._notify.recvmsg(4096, 1024)
        pid, numbers = _sent_by(rights)
        lines = data.decode().splitlines()
        self.said += [(pid, line) for line in lines]
        told = dict(line.split("=", 1) for line in lines)
        name = told.get("FDNAME", "stored")
        if "FDSTORE" in told:
            self._keep(name, numbers)
        if "FDSTOREREMOVE" in told and name in self.store:
            os.close(self.store.pop(name))
        if "MAINPID" in told:
            self.main_pid = int(told["MAINPID"])
        return pid, lines

    def _keep(self, name: str, numbers: list[int]) -> None:
        assert ":" not in name
        assert len(name) <= 255
        for number in numbers:
            known = [os.fstat(kept).st_ino for kept in self.store.values()]
            if os.fstat(number).st_ino in known:
                os.close(number)
            else:
                assert name not in self.store
                self.store[name] = number

    def close(self) -> None:
        if self.main_pid:
            self.successors.append(self.main_pid)
        super().close()
        self._notify.close()
        self._folder.cleanup()
        for number in self.store.values():
            os.close(number)


def _read(text: str) -> tuple[list[str], dict[str, str]]:
    """The command and the variables of a unit."""
    settings = [line.partition("=") for line in text.replace("%%", "%").splitlines()]
    command = next(value for name, _, value in settings if name == "ExecStart")
    assigned = [shlex.split(value)[0] for name, _, value in settings if name == "Environment"]
    variables = dict(each.split("=", 1) for each in assigned)
    return shlex.split(command.removeprefix(":")), variables


def _sent_by(rights: list[tuple[int, int, bytes]]) -> tuple[int, list[int]]:
    pid, numbers = 0, []
    for _, kind, data in rights:
        if kind == socket.SCM_CREDENTIALS:
            pid = int.from_bytes(data[:4], sys.byteorder)
        elif kind == socket.SCM_RIGHTS:
            numbers = [
                int.from_bytes(data[at : at + 4], sys.byteorder) for at in range(0, len(data), 4)
            ]
    return pid, numbers
