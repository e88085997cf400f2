"""One daemon a user: the lock, and the control socket that only its holder may replace."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from msgspec import Struct

from kfwd.errors import KfwdError
from kfwd.paths import unusable

BACKLOG = 128
LONGEST_PATH = 107 if os.uname().sysname == "Linux" else 103
"""Bytes of a path that fit into `sun_path` with its NUL."""


class Lock:
    """An flock on the lock file. It ends with the processes that share it, however they end.
    One that has ceded it shares it no longer, though it may still carry connections.

    `mine` says whether this process is the daemon. Another one may be, while it is handed over.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        """The descriptor of a file that is locked, by this process or by one that shares it."""
        self.descriptor = descriptor
        self.mine = False
        self._path = path

    @classmethod
    def acquire(cls, path: Path) -> Lock:
        """Take the lock, or raise `KfwdError` (`already-running`) naming the process that has it.

        The holder removes the file when it stops, so a lock counts only while the path still
        leads to the file that was locked.
        """
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
                os.close(descriptor)
                raise _already_running(path, holder) from None
            if _same_file(path, descriptor):
                lock = cls(path, descriptor)
                lock.claim()
                return lock
            os.close(descriptor)

    def claim(self) -> None:
        """From now on this process is the daemon; the file says so."""
        self.mine = True
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{os.getpid()}\n".encode(), 0)

    def renew(self) -> None:
        """Lock the file at the path, if somebody has removed the one that was locked.

        Raises what `acquire` does.
        """
        if not _same_file(self._path, self.descriptor):
            fresh = Lock.acquire(self._path)
            self._close()
            self.descriptor = fresh.descriptor

    def cede(self) -> None:
        """From now on another process is the daemon, and shares the lock already."""
        self.mine = False
        self._close()

    def release(self) -> None:
        """Remove the file, if it is ours, and let go of the lock, in this order."""
        if self.mine:
            self._path.unlink(missing_ok=True)
        self._close()

    def _close(self) -> None:
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _same_file(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _already_running(path: Path, holder: str) -> KfwdError:
    who = f" (pid {holder})" if holder else ""
    silent = f"; if it does not answer, `kill {holder}` and start it again" if holder else ""
    return KfwdError(
        f"another kfwd daemon is already running{who}: it holds {path}",
        code="already-running",
        hint=f"`kfwd status` shows it, `kfwd daemon restart` replaces it{silent}",
    )


class Control(Struct):
    """The listening control socket; one that is not `ours` is a service manager's, path and all."""

    sock: socket.socket
    ours: bool


def bind_control(path: Path) -> socket.socket:
    """The listening control socket, mode 0600. Call it only while holding the lock.

    A socket file that a killed daemon left behind is removed: the lock says nobody owns it.
    """
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise KfwdError(
            f"the control socket's path is longer than {LONGEST_PATH} bytes: {path}",
            code="runtime-folder-unusable",
            hint="set KFWD_RUNTIME_DIR to a shorter path",
        )
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        path.unlink(missing_ok=True)
        control.bind(str(path))
        control.listen(BACKLOG)
    except OSError as error:
        control.close()
        raise unusable(path.parent, f"{error.strerror or error}") from error
    finally:
        os.umask(before)
    control.setblocking(False)
    return control
