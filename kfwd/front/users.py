"""Whose process is at the other end of an accepted TCP socket, and whether that may be.

A loopback address keeps other machines out, not the other users of this one. Linux tells the user
of both ends in /proc/net/tcp (proc(5)); where nothing tells, everybody on the machine is let in.
"""

from __future__ import annotations

import pwd
import socket
from collections.abc import Collection
from pathlib import Path

from kfwd.front.proc import PROC, connected, end_of

ANYBODY = "*"


class Users:
    """The users, by number or name, whose connections are taken; `*` is anybody."""

    def __init__(self, own: int, also: Collection[str] = (), *, proc: Path = PROC) -> None:
        self._anybody = ANYBODY in also
        self._ids = {own, *(uid for name in also if (uid := user_id(name)) is not None)}
        self._own = own
        self._proc = proc

    def refusal(self, sock: socket.socket) -> str | None:
        """Why the one who connected `sock` is not served, or None. Blocks: reads files.

        A client on this machine whose user cannot be found out is refused.
        """
        if self._anybody:
            return None
        try:
            here, there = end_of(sock.getsockname()), end_of(sock.getpeername())
        except (OSError, ValueError):
            return None  # gone already
        row = connected(there, here, self._proc)
        if row is None and (not there[0].is_loopback or not self._told):
            return None
        if row is not None and row.uid in self._ids:
            return None
        who = "an unknown user" if row is None else f"user {user_name(row.uid)}"
        return f"this listener serves user {user_name(self._own)}, not {who} (allow-users)"

    @property
    def _told(self) -> bool:
        """Whether the system tells at all."""
        return (self._proc / "net" / "tcp").exists()


def user_id(name: str) -> int | None:
    """The number of a user; None for a name that nobody has."""
    if name.isdecimal():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
