"""Which local process is at the other end of an accepted socket, where the system tells.

Linux does: the tables of TCP sockets have the inode of each end, and a process's descriptors say
whose it is, unless that is another user's process. A unix socket knows its peer (SO_PEERCRED,
unix(7)).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from kfwd.front.proc import PROC, connected, descriptors, end_of, processes, socket_link

RECENT_MAX = 16
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


class Processes:
    """Looks processes up. Those found lately are asked first: most clients connect often."""

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self._recent: list[str] = []

    def of(self, sock: socket.socket) -> int | None:
        """The process that connected `sock`, an accepted socket. Blocks: reads files."""
        if sock.family == socket.AF_UNIX:
            return _unix_peer(sock)
        try:
            here, there = end_of(sock.getsockname()), end_of(sock.getpeername())
        except (OSError, ValueError):
            return None
        found = connected(there, here, self._proc)
        return self._holder(socket_link(found.inode)) if found else None

    def _holder(self, wanted: str) -> int | None:
        for pid in self._candidates():
            if wanted in descriptors(self._proc / pid):
                self._recent = [pid, *(each for each in self._recent if each != pid)][:RECENT_MAX]
                return int(pid)
        return None

    def _candidates(self) -> Iterator[str]:
        recent = list(self._recent)
        yield from recent
        try:
            yield from (each.name for each in processes(self._proc) if each.name not in recent)
        except OSError:
            return


def _unix_peer(sock: socket.socket) -> int | None:
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    try:
        data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except OSError:
        return None
    pid: int = _CREDENTIALS.unpack(data)[0]
    return pid or None
